"""Linkspan: a connector runtime for Apache Kafka.

Plugin authors import :mod:`linkspan.api`; every other sub-package is internal and may change between releases.
"""

__version__ = "0.1.0"
