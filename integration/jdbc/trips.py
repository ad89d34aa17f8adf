"""Rows on a round trip: out of a table by the source, as bytes through a converter, into other tables by the sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

from integration.jdbc.sinks import sinking
from integration.jdbc.targets import Session, Target
from linkspan.api import Column, Converter, SinkRecord, SourceRecord
from linkspan.config.definition import load
from linkspan.convert.avro.converter import AvroConverter
from linkspan.convert.json import JsonConverter
from tests.connectors.jdbc.sinking import put
from tests.connectors.jdbc.sourcing import SourceTasks, taken

__all__ = ["CONVERTERS", "ROWS", "Kind", "Trip", "declared", "filled", "read", "shown", "through", "trip", "write"]

Values = list[Any]

ROWS: Final = 24
"""So many rows go by the bulk path where there is one."""
FEW: Final = 12
"""So many do not."""
CONVERTERS: Final = ("json", "avro")
WAYS: Final = ("statements", "bulk", "merge")
"""A few rows a call; all at once; all at once and twice, as upserts."""
_registries = count()


class Kind(NamedTuple):
    """A type of columns, and values of it.

    Attributes:
        declaration: as it stands in CREATE TABLE.
        literals: values, as they stand in INSERT; null comes in addition.
        kept: what is expected of column ``{}`` in a table of the same types, as an expression; None when it is refused.
        made: what is expected of it in a table that the sink makes, likewise; None when it is refused.
    """

    declaration: str
    literals: tuple[str, ...]
    kept: str | None = "{}"
    made: str | None = "{}"


class Trip(NamedTuple):
    """What became of the values of one table on their ways into others.

    Attributes:
        kept: values that are expected in tables of the same types, by column.
        made: values that are expected in tables that the sink makes, by column.
        found: values in the tables, by the tables' kind (``kept``, ``made``), the converter, the way, and the column.
    """

    kept: dict[str, Values]
    made: dict[str, Values]
    found: dict[tuple[str, str, str], dict[str, Values]]

    def check(self, column: str) -> None:
        """Raises AssertionError when a table does not have the values that are expected of the column."""
        for place, found in self.found.items():
            expected = self.kept if place[0] == "kept" else self.made
            assert found.get(column) == expected.get(column), place


def trip(target: Target, name: str, kinds: Sequence[Kind], source: Mapping[str, str], sink: Mapping[str, str]) -> Trip:
    """Fill a table, read it, and write it by each converter and each way into tables old and new.

    Args:
        target: the database.
        name: of the table.
        kinds: of its columns c0, c1, …
        source: settings of the source.
        sink: settings of the sink, with underscores.
    """
    filled(target, name, kinds)
    records = read(target, name, **source)
    expected: dict[str, dict[str, str]] = {"kept": {}, "made": {}}
    for at, kind in enumerate(kinds):
        for what, expression in (("kept", kind.kept), ("made", kind.made)):
            if expression is not None:
                expected[what][f"c{at}"] = expression
    arrived = {
        (converter, at_once): through(converter, records, at_once=at_once)
        for converter in CONVERTERS
        for at_once in (True, False)
    }
    found: dict[tuple[str, str, str], dict[str, Values]] = {}
    for what, expressions in expected.items():
        settings = {
            "fields_whitelist": ",".join(["id", *expressions]),
            "auto_create": str(what == "made").lower(),
            **sink,
        }
        for way in WAYS:
            tables = {converter: f"{name}_{what}_{converter}_{way}" for converter in CONVERTERS}
            if what == "kept":
                _session(target).run(*(f"CREATE TABLE {table} ({declared(kinds)})" for table in tables.values()))
            given = {table: arrived[converter, way == "bulk"] for converter, table in tables.items()}
            write(target, given, way, **settings)
            for converter, table in tables.items():
                found[what, converter, way] = shown(target, table, dict.fromkeys(expressions, "{}"))
    return Trip(shown(target, name, expected["kept"]), shown(target, name, expected["made"]), found)


def filled(target: Target, table: str, kinds: Sequence[Kind]) -> None:
    """Make a table with all values of all kinds, and null, in turn."""
    made = []
    for number in range(ROWS):
        values = [(*kind.literals, "NULL")[number % (len(kind.literals) + 1)] for kind in kinds]
        made.append(f"({', '.join([str(number), *values])})")
    _session(target).run(f"CREATE TABLE {table} ({declared(kinds)})", f"INSERT INTO {table} VALUES {', '.join(made)}")


def declared(kinds: Sequence[Kind]) -> str:
    """Columns c0, c1, … behind a key, as they stand in CREATE TABLE."""
    return ", ".join(["id INT PRIMARY KEY", *(f"c{at} {kind.declaration} NULL" for at, kind in enumerate(kinds))])


def read(target: Target, table: str, **settings: str) -> list[SourceRecord]:
    """Records of all rows of a table, in the order of their ids."""
    tasks = SourceTasks(target.settings, '"' if target.kind == "postgresql" else "`")
    given = {"mode": "incrementing", "incrementing.column.name": "id", "validate.non.null": "false", **settings}
    try:
        return taken(tasks.start(table, **given), ROWS)
    finally:
        tasks.stop()


def through(name: str, records: Sequence[SourceRecord], *, at_once: bool) -> list[SinkRecord]:
    """Records as a sink gets them.

    Args:
        name: of the converter.
        records: of a source.
        at_once: whether all of them are converted together, as a runtime does, or each by itself.
    """
    made: Converter[Any] = JsonConverter() if name == "json" else AvroConverter()
    own = {"converter.type": "value"} if name == "json" else {"schema.registry.url": f"mock://trip-{next(_registries)}"}
    made.configure(load(made.config_class, own), is_key=False)
    topic, its_schema = "trip", records[0].value_schema
    if at_once:
        payloads = made.from_connect_batch(topic, Column([record.value for record in records], its_schema))
        column = made.to_connect_batch(topic, payloads)
        assert not column.failures
        pairs = [(column.schema_at(at), value) for at, value in enumerate(column.values)]
    else:
        pairs = [
            tuple(made.to_connect(topic, made.from_connect(topic, its_schema, record.value))) for record in records
        ]
    made.close()
    return [SinkRecord(topic, 0, at, value, its) for at, (its, value) in enumerate(pairs)]


def write(target: Target, given: Mapping[str, Sequence[SinkRecord]], way: str, **settings: str) -> None:
    """Have a sink write records into tables, by one of :data:`WAYS`."""
    keyed = {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id"} if way == "merge" else {}
    size = FEW if way == "statements" else ROWS
    with sinking(target, **keyed, **settings) as task:
        for _ in range(2 if way == "merge" else 1):
            for begin in range(0, ROWS, size):
                part = {table: records[begin : begin + size] for table, records in given.items()}
                put(task, *(_in(table, record) for table, records in part.items() for record in records))


def _in(topic: str, record: SinkRecord) -> SinkRecord:
    return SinkRecord(topic, 0, record.offset, record.value, record.value_schema)


_LOOKS: Final = {"postgresql": "({})::text", "mariadb": "{}", "sqlite": "{}"}


def shown(target: Target, table: str, expressions: Mapping[str, str]) -> dict[str, Values]:
    """Values of expressions for columns of a table, in the order of the ids."""
    looks = [_LOOKS[target.kind].format(expression.format(name)) for name, expression in expressions.items()]
    session = _session(target)
    found = session.dialect.ask(session.connection, f"SELECT {', '.join(looks)} FROM {table} ORDER BY id")
    session.connection.rollback()
    return {name: list(values) for name, values in zip(expressions, zip(*found, strict=True), strict=True)}


def _session(target: Target) -> Session:
    return target.sessions[0] if target.sessions else target.session()
