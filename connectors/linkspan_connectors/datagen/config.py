"""Configuration of the datagen source."""

from __future__ import annotations

from typing import ClassVar

from linkspan.api import HIGH, LOW, MEDIUM, Config, ConfigError, Double, Int, Long, Str
from linkspan.api.validators import at_least, between, non_empty, one_of
from linkspan_connectors.datagen.templates import TEMPLATES

__all__ = ["FORMATS", "DatagenConfig"]

FORMATS = ("struct", "json", "csv")


class DatagenConfig(Config):
    """What is invented, how much of it, and how fast."""

    topic = Str(importance=HIGH, doc="Topic to write to.", validator=non_empty)
    template = Str(
        default="orders",
        importance=HIGH,
        doc=f"What the records are about: {', '.join(TEMPLATES)}.",
        validator=one_of(*TEMPLATES),
    )
    rate = Double(
        default=10.0,
        importance=HIGH,
        doc="Records per second of each task; 0 means as many as possible.",
        validator=at_least(0),
    )
    count = Long(
        default=-1,
        importance=MEDIUM,
        doc="How many records each task makes before it falls silent; -1 means it never does.",
        validator=at_least(-1),
    )
    seed = Long(
        default=1,
        importance=MEDIUM,
        doc="The same seed gives the same records, also after a restart. Task n uses seed + n.",
    )
    key = Str(
        default=None,
        importance=MEDIUM,
        doc="Field that becomes the key of a record; the template's own choice by default, empty for no key.",
    )
    format = Str(
        default="struct",
        importance=MEDIUM,
        doc="struct: a value with schema, for any converter. json, csv: a line of text, for StringConverter.",
        validator=one_of(*FORMATS),
    )
    malformed_percent = Double(
        default=0.0,
        importance=LOW,
        doc="Percentage of records that are broken on purpose: text is cut off, a struct lacks a required field.",
        validator=between(0, 100),
    )
    batch_size = Int(default=1000, importance=LOW, doc="Most records that one poll returns.", validator=at_least(1))
    task_number = Int("task.number", default=0, importance=LOW, doc="Set by the connector for each of its tasks.")

    fields_of: ClassVar = {name: [field.name for field in item.schema.fields] for name, item in TEMPLATES.items()}

    @classmethod
    def check(cls, config: Config) -> list[ConfigError]:
        """The key has to be a field of the template."""
        key, template = config.values["key"], str(config.values["template"])
        if not key or key in cls.fields_of[template]:
            return []
        return [ConfigError.invalid("key", key, f"{template} has the fields {', '.join(cls.fields_of[template])}")]
