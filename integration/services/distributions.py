"""Releases of Apache Kafka: which jars a broker and the original Connect worker need, and how their logs are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from integration.services.maven import jars

_LOG4J2: Final = """Configuration:
  status: error
  Appenders:
    Console:
      name: out
      PatternLayout: {pattern: "[%d] %p %X{connector.context}%m (%c)%n"}
  Loggers:
    Root: {level: INFO, AppenderRef: {ref: out}}
"""
_LOG4J: Final = """log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=[%d] %p %X{connector.context}%m (%c)%n
"""


@dataclass(frozen=True)
class Distribution:
    """One release.

    Attributes:
        version: of the broker, the worker and the file connectors.
        logging: ``group:artifact:version`` of what writes the logs.
        more: artifacts of the same version, in addition to the broker, the worker and the file connectors.
    """

    version: str
    logging: str
    more: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return self.version

    def class_path(self) -> str:
        """Class path with the broker and the original worker; fetched on first use."""
        artifacts = ("kafka_2.13", "connect-runtime", "connect-file", *self.more)
        coordinates = [f"org.apache.kafka:{artifact}:{self.version}" for artifact in artifacts]
        return f"{jars(f'kafka-{self.version}', [*coordinates, self.logging])}/*"

    def log_to_stdout(self, folder: Path) -> str:
        """Option of the Java virtual machine that has a program log to its standard output; it needs a file there."""
        if "log4j-slf4j-impl" in self.logging:
            path, text, option = folder / "log4j2.yaml", _LOG4J2, "-Dlog4j2.configurationFile="
        else:
            path, text, option = folder / "log4j.properties", _LOG4J, "-Dlog4j.configuration=file:"
        path.write_text(text)
        return f"{option}{path}"


CURRENT: Final = Distribution(
    "4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4", more=("connect-mirror", "kafka-tools")
)
"""What everything is compared with."""
OLDEST: Final = Distribution("3.9.2", "org.slf4j:slf4j-reload4j:1.7.36")
"""The last release of the previous major version, the oldest that is tried with every change."""
