"""How a failed record becomes a record of the dead letter queue (spec/runtime.md 4.14).

Of a sink: key, value, headers and timestamp, byte by byte as they were read. Of a source: those for the log as far as
they were converted; what was not is JSON (with its schema where it has one), or else Python's text of it, and a header
says which.

Names of headers are Kafka's where Kafka has one; ours begin the same way: ``source.partition``, ``source.offset``,
``key.format``, ``value.format``, ``headers.format`` and ``value.omitted.bytes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from linkspan.api.errors import DataError
from linkspan.api.schema import Schema
from linkspan.config import definition
from linkspan.convert.json import JsonConverter
from linkspan.log.port import OutgoingBatch, WireHeader
from linkspan.observe.hiding import hidden
from linkspan.task.tolerance import UNCONVERTED, Consumed, Coordinates, Failure, Stage, Unconverted, Underway, describe
from linkspan.task.traces import Traces, text_of

__all__ = ["Letter", "LetterForm", "outgoing"]

_PREFIX: Final = "__connect.errors."
_OMITTED: Final = _PREFIX + "value.omitted.bytes"
_TOPIC: Final = _PREFIX + "topic"
_PARTITION: Final = _PREFIX + "partition"
_OFFSET: Final = _PREFIX + "offset"
_CLASS: Final = _PREFIX + "exception.class.name"
_MESSAGE: Final = _PREFIX + "exception.message"
_TRACE: Final = _PREFIX + "exception.stacktrace"


class Letter(NamedTuple):
    """A record of the dead letter queue.

    Attributes:
        key: its key.
        value: its value.
        timestamp: milliseconds since the epoch, or None for now.
        headers: its headers.
        stage: where the record failed.
        subject: the record; of one that was read no more than its place, for a letter waits for its acknowledgement,
            and the batch that it was read with would wait with it.
        whole: whether nothing was left out.
    """

    key: bytes | None
    value: bytes | None
    timestamp: int | None
    headers: Sequence[WireHeader]
    stage: Stage
    subject: Underway | Coordinates
    whole: bool = True

    @property
    def about(self) -> str:
        """Which record failed where, for messages."""
        return f"{describe(self.subject)}, which failed in {self.stage.value}"

    def without_value(self) -> Letter:
        """What is left of a letter that is too large: its key, and headers that say what it was."""
        size = str(len(self.value or b"")).encode()
        headers = [header for header in self.headers if header[0].startswith(_PREFIX) and header[0] != _TRACE]
        return self._replace(value=None, headers=[*headers, (_OMITTED, size)], whole=False)


def outgoing(topic: str, letters: Sequence[Letter]) -> OutgoingBatch:
    """The letters as a batch for the log."""
    return OutgoingBatch(
        topic,
        [letter.value for letter in letters],
        keys=[letter.key for letter in letters],
        timestamps=[letter.timestamp for letter in letters],
        headers=[letter.headers for letter in letters],
    )


class LetterForm:
    """Makes letters for one task.

    Args:
        connector: name of the connector.
        task: number of the task.
        context_headers: whether headers say what happened.
    """

    def __init__(self, connector: str, task: int, *, context_headers: bool) -> None:
        self._context_headers = context_headers
        self._sender: list[WireHeader] = [
            (_PREFIX + "connector.name", _bytes(connector)),
            (_PREFIX + "task.id", _bytes(str(task))),
        ]
        self._at_work: dict[tuple[Stage, str], list[WireHeader]] = {}
        self._kinds: dict[type, bytes] = {}
        self._traces = Traces()
        self._plain = _json_converter(with_schemas=False)
        self._with_schema = _json_converter(with_schemas=True)

    def fill(self, failure: Failure) -> Letter:
        """The letter about a failed record."""
        subject = failure.subject
        return self._consumed(failure, subject) if isinstance(subject, Consumed) else self._underway(failure, subject)

    def _consumed(self, failure: Failure, consumed: Consumed) -> Letter:
        record = consumed.record
        headers = list(record.headers)
        if self._context_headers:
            headers += (
                (_TOPIC, consumed.topic.encode()),
                (_PARTITION, b"%d" % record.partition),
                (_OFFSET, b"%d" % record.offset),
            )
            headers += self._context(failure)
        timestamp = None if record.timestamp < 0 else record.timestamp
        place = Coordinates(consumed.topic, record.partition, record.offset)
        return Letter(record.key, record.value, timestamp, headers, failure.stage, place)

    def _underway(self, failure: Failure, record: Underway) -> Letter:
        seen = record.seen
        marks: list[WireHeader] = []
        key = self._side("key", record.key, seen.key_schema, seen.key, marks)
        value = self._side("value", record.value, seen.value_schema, seen.value, marks)
        headers = self._headers(record, marks)
        if self._context_headers:
            origin = record.origin
            headers += (
                (_TOPIC, _name(seen.topic)),
                (_PREFIX + "source.partition", _of_source(origin.source_partition)),
                (_PREFIX + "source.offset", _of_source(origin.source_offset)),
            )
            headers += self._context(failure)
        stamp = seen.timestamp
        timestamp = stamp if type(stamp) is int and 0 <= stamp < 1 << 63 else None
        return Letter(key, value, timestamp, headers + marks, failure.stage, record)

    def _side(
        self,
        side: str,
        converted: bytes | Unconverted | None,
        schema: Schema | None,
        value: object,
        marks: list[WireHeader],
    ) -> bytes | None:
        if converted is not UNCONVERTED:
            return converted
        if value is None:
            return None
        payload, form = self._in_words(schema, value)
        marks.append((f"{_PREFIX}{side}.format", form))
        return payload

    def _headers(self, record: Underway, marks: list[WireHeader]) -> list[WireHeader]:
        if record.headers is not UNCONVERTED:
            return list(record.headers or ())
        if not record.seen.headers:
            return []
        marks.append((_PREFIX + "headers.format", b"json"))
        return [
            (
                _name(header.key).replace(b"\0", b"\\x00").decode(),
                None if header.value is None else self._in_words(None, header.value)[0],
            )
            for header in record.seen.headers
        ]

    def _in_words(self, schema: Schema | None, value: object) -> tuple[bytes | None, bytes]:
        """Bytes of a value, and what they are."""
        attempts: list[tuple[Callable[[], bytes | None], bytes]] = [
            (lambda: self._plain.from_connect("", None, value), b"json")
        ]
        if schema is not None:
            attempts.insert(0, (lambda: self._with_schema.from_connect("", schema, value), b"json-with-schema"))
        for attempt, form in attempts:
            try:
                return attempt(), form
            except (DataError, ValueError, TypeError, RecursionError):
                continue
        return _bytes(_repr(value)), b"text"

    def _context(self, failure: Failure) -> list[WireHeader]:
        stage, executing, error, _ = failure
        at_work = self._at_work.get((stage, executing))
        if at_work is None:
            names = (_PREFIX + "stage", _bytes(stage.value)), (_PREFIX + "class.name", _bytes(executing))
            at_work = self._at_work[stage, executing] = [*self._sender, *names]
        kind = self._kinds.get(type(error))
        if kind is None:
            kind = self._kinds[type(error)] = _bytes(f"{type(error).__module__}.{type(error).__qualname__}")
        return [
            *at_work,
            (_CLASS, kind),
            (_MESSAGE, _bytes(hidden(text_of(error))) if error.args else None),
            (_TRACE, _bytes(hidden(self._traces.text(error)))),
        ]


def _json_converter(*, with_schemas: bool) -> JsonConverter:
    converter = JsonConverter()
    settings = {"converter.type": "value", "schemas.enable": str(with_schemas).lower()}
    converter.configure(definition.load(JsonConverter.config_class, settings), is_key=False)
    return converter


def _bytes(text: str) -> bytes:
    # texts of errors may quote what is no text
    return text.encode("utf-8", "backslashreplace")


def _name(given: object) -> bytes:
    # that it is no text may be why its record has failed
    return _bytes(given if isinstance(given, str) else _repr(given))


def _of_source(known: Mapping[str, object] | None) -> bytes:
    return _as_json(None if known is None else dict(known))


def _as_json(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return _bytes(_repr(value))


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - supervision point: a value of a plugin may be unable to say what it is
        return f"{type(value).__qualname__}: {text_of(error)}"
