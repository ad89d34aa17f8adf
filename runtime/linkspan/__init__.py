"""Linkspan: a connector runtime for Apache Kafka.

Plugin authors import :mod:`linkspan.api`; every other sub-package is internal and may change between releases.
"""

__version__ = "0.1.0"

OUR_COMMIT = "linkspan-"
"""How the ``commit`` of ``GET /`` begins, by which workers are told from those of the original."""

KAFKA_VERSION = "4.3.1"
"""The release of Apache Kafka whose behaviour is reproduced; clients read it from ``GET /``."""
