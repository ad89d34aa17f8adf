"""Makes records up."""

from __future__ import annotations

import csv
import io
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from linkspan.api import Schema, SourceRecord, SourceTask, schema
from linkspan_connectors.datagen.config import DatagenConfig
from linkspan_connectors.datagen.templates import TEMPLATES, Row, records

__all__ = ["DatagenSourceTask"]

_IDLE_SECONDS: Final = 0.2
_LONGEST_CATCH_UP: Final = 1.0
"""Seconds of records that are made up for after a pause or an outage; all of them would come in one burst."""


class DatagenSourceTask(SourceTask[DatagenConfig]):
    """The n-th record of a task depends on seed and n alone, so a restart goes on where the offset says."""

    def start(self) -> None:
        """Find out how far it got before."""
        config = self.config
        self._partition = {"template": config.template, "seed": config.seed, "task": config.task_number}
        stored = self.context.offset_reader.offset(self._partition)
        position = 0 if stored is None else stored.get("count")
        self._made = position if isinstance(position, int) else 0
        self._template = TEMPLATES[config.template]
        self._rows: Iterator[Row] = records(self._template, config.seed + config.task_number, self._made)
        self._key = self._template.key if config.key is None else config.key
        self._key_schema = self._schema_of_key()
        self._due = time.monotonic()

    def stop(self) -> None:
        """Nothing is held."""

    def poll(self) -> Sequence[SourceRecord] | None:
        """As many records as are due, at most ``batch.size``."""
        wanted = self._wait_until_due()
        if not wanted:
            return None
        return [self._record(next(self._rows)) for _ in range(wanted)]

    def _wait_until_due(self) -> int:
        config = self.config
        left = config.batch_size if config.count < 0 else min(config.batch_size, config.count - self._made)
        if left <= 0:
            time.sleep(_IDLE_SECONDS)
            return 0
        if config.rate == 0:
            return left
        now = time.monotonic()
        if now < self._due:
            time.sleep(min(self._due - now, _IDLE_SECONDS))
            return 0
        self._due = max(self._due, now - _LONGEST_CATCH_UP)
        due = min(left, 1 + int((now - self._due) * config.rate))
        self._due += due / config.rate
        return due

    def _record(self, row: Row) -> SourceRecord:
        number = self._made
        self._made += 1
        key = row[self._key] if self._key else None
        value, value_schema = self._value(row, number)
        return SourceRecord(
            self._partition,
            {"count": self._made},
            self.config.topic,
            value,
            value_schema,
            key=key if self._key_schema is None or self._key_schema is not schema.STRING else _text(key),
            key_schema=self._key_schema,
            timestamp=int(time.time() * 1000),
        )

    def _value(self, row: Row, number: int) -> tuple[object, Schema]:
        share = self.config.malformed_percent
        # Its own generator, so that the good records are the same with and without broken ones between them.
        broken = share > 0 and random.Random(f"{self.config.seed}/broken/{number}").uniform(0, 100) < share  # noqa: S311
        if self.config.format == "struct":
            if broken:
                row = dict(list(row.items())[1:])
            return row, self._template.schema
        text = _json(row) if self.config.format == "json" else _csv(row)
        return text[: len(text) // 2] if broken else text, schema.STRING

    def _schema_of_key(self) -> Schema | None:
        if not self._key:
            return None
        field = self._template.schema.field(self._key)
        assert field is not None
        return field.schema if self.config.format == "struct" else schema.STRING


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _json(row: Mapping[str, object]) -> str:
    return json.dumps(row, default=_text, separators=(",", ":"))


def _csv(row: Mapping[str, object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([_text(value) for value in row.values()])
    return line.getvalue()
