"""Linkspan: a connector runtime for Apache Kafka.

Plugin authors import :mod:`linkspan.api`; every other sub-package is internal and may change between releases.
"""

__version__ = "0.1.0"

KAFKA_VERSION = "4.3.1"
"""The release of Apache Kafka whose behaviour is reproduced; clients read it from ``GET /``."""
