"""The port to the log: :mod:`linkspan.log.port` and its two implementations, ``kafka`` and ``embedded``."""
