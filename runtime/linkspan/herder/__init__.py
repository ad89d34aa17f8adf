"""Control plane: which connectors exist, in which state they shall be, and what runs for them.

:mod:`~linkspan.herder.port` is what REST and the command line speak to; :mod:`~linkspan.herder.standalone` is the
herder of a single worker. Decisions are plain synchronous code on one event loop, so each is made to its end; whatever
waits (plugin calls in child processes) is awaited between decisions, in one lane a connector
(:mod:`~linkspan.herder.lanes`). Neighbours: ``worker`` below, ``rest`` above.
"""
