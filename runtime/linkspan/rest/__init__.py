"""The REST interface: HTTP in front of a herder, byte for byte as Kafka Connect speaks it (spec/runtime.md section 1).

:mod:`~linkspan.rest.app` puts the parts together; :mod:`~linkspan.rest.resources` holds one function an endpoint;
:mod:`~linkspan.rest.routing` knows paths, methods and media types; :mod:`~linkspan.rest.server` the listeners. Only
this package knows aiohttp; it knows a herder as the protocol of :mod:`linkspan.herder.port`.
"""
