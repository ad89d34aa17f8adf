"""Plugins for the tests of the catalog and of the preflight check."""

from __future__ import annotations

from collections.abc import Sequence

from linkspan.api import (
    Config,
    ConfigError,
    ConnectError,
    Int,
    SinkConnector,
    SinkTask,
    SourceConnector,
    SourceTask,
    Str,
    Transform,
)
from linkspan.api.validators import at_least


class TickerConfig(Config):
    topic = Str(doc="Topic to write to.")
    low = Int(default=0, validator=at_least(0))
    high = Int(default=10)
    behaviour = Str(default="fine")

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        if config.values["low"] > config.values["high"]:
            return [ConfigError("low is above high", "low"), ConfigError("high is below low", "high")]
        return ()


class TickerSourceConnector(SourceConnector[TickerConfig]):
    config_class = TickerConfig
    version = "1.5.0"
    task_class = SourceTask

    def validate(self, config: Config) -> Sequence[ConfigError]:
        behaviour = config.values["behaviour"]
        if behaviour == "unknown topic":
            return [ConfigError("there is no such topic", "topic"), ConfigError("and no server either")]
        if behaviour == "raises ConfigError":
            raise ConfigError("raised", "topic")
        if behaviour == "raises":
            raise ConnectError("the server went away")
        if behaviour == "framework":
            return [ConfigError("one task only", "tasks.max"), ConfigError("never heard of it", "strange")]
        return ()


class TickerSinkConnector(SinkConnector[Config]):
    task_class = SinkTask


class Unborn(SourceConnector[Config]):
    task_class = SourceTask

    def __init__(self) -> None:
        raise RuntimeError("no")


class HoistFieldConfig(Config):
    field = Str(doc="Field name for the single field that will be created in the resulting Struct or Map.")


class HoistField(Transform[HoistFieldConfig]):
    config_class = HoistFieldConfig

    def apply(self, record):
        return record


NOT_A_CLASS = 1
