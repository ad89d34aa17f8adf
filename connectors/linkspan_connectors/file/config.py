"""Configuration of the file connectors; keys and texts are those of Apache Kafka's."""

from __future__ import annotations

from linkspan.api import HIGH, LOW, Config, Int, Str
from linkspan.api.validators import non_empty

__all__ = ["FileSinkConfig", "FileSourceConfig"]


class FileSourceConfig(Config):
    """Where lines come from and go to."""

    file = Str(default=None, importance=HIGH, doc="Source filename. If not specified, the standard input will be used")
    topic = Str(importance=HIGH, doc="The topic to publish data to", validator=non_empty)
    batch_size = Int(
        default=2000,
        importance=LOW,
        doc="The maximum number of records the source task can read from the file each time it is polled",
    )


class FileSinkConfig(Config):
    """Where records are written."""

    file = Str(
        default=None,
        importance=HIGH,
        doc="Destination filename. If not specified, the standard output will be used",
    )
