"""Python: changes records by an expression or a function of the user's, for what needs no plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat, starmap
from typing import Any, ClassVar, Final, NamedTuple, NoReturn, TypeVar

from linkspan.api import (
    HIGH,
    LOW,
    Column,
    Config,
    ConfigError,
    ConnectError,
    DataError,
    Header,
    Headers,
    RecordColumns,
    Schema,
    SinkRecord,
    SourceRecord,
    Str,
    StrList,
    Transform,
    UnsupportedError,
)
from linkspan.plugins.functions import find_function
from linkspan.transforms.expression import Expression, ExpressionError
from linkspan.transforms.result_schemas import ResultSchemas, Value, completer, inferred, result_types
from linkspan.transforms.sides import PlanCache

__all__ = ["Python", "PythonConfig", "PythonKey", "PythonValue"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)
Record = SourceRecord | SinkRecord

_NAME: Final = "linkspan.transforms.python.Python"
_PARTS: Final = ("topic", "partition", "timestamp", "key", "value", "headers")


class PythonConfig(Config):
    """Settings of Python."""

    expression = Str(
        default=None,
        importance=HIGH,
        doc="Expression in a subset of Python that says what becomes of the record; None drops it.",
    )
    function = Str(
        default=None,
        importance=HIGH,
        doc="In place of an expression: import path of a function, as in package.module:function. It may be installed "
        "or lie on plugin.path.",
    )
    types = StrList(
        default=(),
        importance=LOW,
        doc="Types of fields of what comes out, as in total:float64,at:timestamp, where the values do not tell "
        "them; a single type for a value without fields. They matter to records with a schema.",
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """There is one of the two, and it can be used."""
        values = config.values
        if (values["expression"] is None) == (values["function"] is None):
            return [ConfigError("One of expression and function is wanted, and only one", "expression")]
        problems = []
        for key, read in _READ.items():
            if values[key]:
                try:
                    read(values[key])
                except (ExpressionError, ConnectError) as error:
                    problems.append(ConfigError.invalid(key, values[key], str(error)))
        return problems


_READ: Final[Mapping[str, Callable[[Any], object]]] = {
    "expression": Expression,
    "function": find_function,
    "types": result_types,
}


_REFUSED: Final = object()
"""In place of a result that there is not."""


class _Computation(NamedTuple):
    """What the user configured.

    Attributes:
        names: what it takes of a record.
        run: takes these and returns the result.
        failed: makes an error for users of what it raised.
    """

    names: tuple[str, ...]
    run: Callable[..., Any]
    failed: Callable[[Exception], Exception]


def _of_expression(text: str, alias: str) -> _Computation:
    expression = Expression(text)

    def failed(error: Exception) -> Exception:
        if isinstance(error, MemoryError):
            return error  # not the record's fault
        place = f"transforms.{alias}.expression, {expression.explain(error)}"
        return DataError(f"{place}; the expression is {expression.text}")

    return _Computation(expression.names, expression.evaluate, failed)


def _of_function(path: str, alias: str, name: str) -> _Computation:
    def failed(error: Exception) -> Exception:
        if isinstance(error, ConnectionError | TimeoutError | MemoryError):
            return error  # not the record's fault
        if isinstance(error, ConnectError) and not isinstance(error, DataError):
            return error
        kind = "" if isinstance(error, ConnectError) else f"{type(error).__name__}: "
        return DataError(f"transforms.{alias}.function, {path}: {kind}{error}")

    return _Computation((name,), find_function(path), failed)


def _computation(config: PythonConfig, alias: str, name: str) -> _Computation:
    """What was configured.

    Args:
        config: the settings.
        alias: of the transform.
        name: what a function takes: ``key``, ``value`` or ``record``.
    """
    if config.expression is not None:
        return _of_expression(config.expression, alias)
    assert config.function is not None  # checked with the configuration
    return _of_function(config.function, alias, name)


class _Side(NamedTuple):
    """What is known about keys or values of one schema.

    Attributes:
        complete: gives structs their missing fields; None where there are none.
        results: finds schemas of what is made of them.
    """

    complete: Callable[[Any], Any] | None
    results: ResultSchemas


def _sides(types: Mapping[str | None, Schema]) -> PlanCache[_Side]:
    return PlanCache(lambda schema: _Side(completer(schema), ResultSchemas(schema, types)))


class _OneSide(Transform[PythonConfig]):
    """Sets the key, or the value, to what comes out; where there is none the record stays as it is."""

    config_class: ClassVar[type[Config]] = PythonConfig
    version = "0.1.0"
    side: ClassVar[str]

    def configure(self) -> None:
        """Take the expression or function."""
        config = self.config
        types = result_types(config.types)
        self._known = {"key": _sides(types), "value": _sides(types)}
        self._computation = _computation(config, self.alias, self.side)
        self._own_copies = config.function is not None
        self._drops_some = False

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with another key or value, or None."""
        schema, given = _side_of(record, self.side)
        if given is None:
            return record
        names, run, failed = self._computation
        try:
            result = run(*[self._part(record, name) for name in names])
        except Exception as error:  # noqa: BLE001 - supervision point: the user's code may raise anything
            _raise(failed(error), error)
        if result is None:
            return None
        twin = record.copy()
        _set_side(twin, self.side, *self._fitted(schema, result))
        return twin

    def _fitted(self, schema: Schema | None, result: object) -> tuple[Schema | None, object]:
        try:
            return self._known[self.side](schema).results(result)
        except DataError as error:
            raise self._computation.failed(error) from error

    def _part(self, record: Record, name: str) -> object:
        if name in self._known:
            schema, value = _side_of(record, name)
            complete = self._known[name](schema).complete
            whole = value if complete is None else complete(value)
            return _own_copy(whole) if self._own_copies else whole
        return _READERS[name](record)

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for a whole column, as long as all records stay or all go."""
        column = columns.keys if self.side == "key" else columns.values
        if self._drops_some or column.schemas is not None:
            raise UnsupportedError("The schemas differ, or only some of the records stay")
        names = self._computation.names
        failures: dict[int, Exception] = {}
        rows: Iterable[tuple[object, ...]] = repeat((), len(columns))
        if names:
            rows = zip(*[self._column(columns, name) for name in names], strict=True)
        if None in column.values:
            made = self._where_there_is_one(column, rows)
        else:
            made = self._results(rows, failures)
            if None in made:
                self._drop_all(made, failures)
                return None
        if failures and column.schema is not None:
            raise UnsupportedError("Some of the records fail, and the schemas of the others will differ")
        twin = columns.copy()
        found = (
            self._with_schemas(column.schema, made) if column.schema is not None else Column(made, None, None, failures)
        )
        if self.side == "key":
            twin.keys = found
        else:
            twin.values = found
        return twin

    def _results(self, rows: Iterable[tuple[object, ...]], failures: dict[int, Exception]) -> list[Any]:
        """What comes of each row; where it is refused, something else in its place."""
        _, run, failed = self._computation
        made: list[Any] = []
        rest = iter(rows)
        while True:
            try:
                made.extend(starmap(run, rest))
            except Exception as error:  # noqa: BLE001 - supervision point: functions of users
                try:
                    _raise(failed(error), error)
                except DataError as refused:
                    failures[len(made)] = refused
                    made.append(_REFUSED)
            else:
                return made

    def _where_there_is_one(self, column: Column, rows: Iterable[tuple[object, ...]]) -> list[Any]:
        if column.schema is not None:
            raise UnsupportedError("Their schemas will differ")
        run = self._computation.run
        made = [None if given is None else run(*row) for given, row in zip(column.values, rows, strict=True)]
        if made.count(None) != list(column.values).count(None):
            self._drops_some = True
            raise UnsupportedError("Only some of the records stay")
        return made

    def _drop_all(self, made: Sequence[object], failures: Mapping[int, Exception]) -> None:
        if made.count(None) + len(failures) != len(made):
            self._drops_some = True
            raise UnsupportedError("Only some of the records stay")
        if failures:
            raise UnsupportedError("Some of the records fail, and the others go")

    def _with_schemas(self, schema: Schema, made: Sequence[object]) -> Column:
        results = self._known[self.side](schema).results
        pairs = list(map(results, made))
        schemas = [found for found, _ in pairs]
        first = schemas[0] if schemas else schema
        values = [value for _, value in pairs]
        return Column(values, first) if all(found is first for found in schemas) else Column(values, schemas=schemas)

    def _column(self, columns: RecordColumns, name: str) -> Iterable[object]:
        if name in self._known:
            column = columns.keys if name == "key" else columns.values
            if column.schemas is not None:
                raise UnsupportedError("The schemas differ")
            complete = self._known[name](column.schema).complete
            values: Iterable[object] = column.values if complete is None else map(complete, column.values)
            return map(_own_copy, values) if self._own_copies else values
        return _COLUMNS[name](columns)


class PythonKey(_OneSide):
    """Python for keys."""

    side = "key"
    java_class = f"{_NAME}$Key"


class PythonValue(_OneSide):
    """Python for values."""

    side = "value"
    java_class = f"{_NAME}$Value"


class Python(Transform[PythonConfig]):
    """Changes any part of a record.

    An expression returns the parts to change by their names (``{"topic": …, "value": …}``); a function takes a copy of
    the record and returns it.
    """

    config_class: ClassVar[type[Config]] = PythonConfig
    version = "0.1.0"

    def configure(self) -> None:
        """Take the expression or function."""
        types = result_types(self.config.types)
        self._known = {"key": _sides({}), "value": _sides(types)}
        self._computation = _computation(self.config, self.alias, "record")

    def apply(self, record: RecordT) -> RecordT | None:
        """The changed record, or None."""
        names, run, failed = self._computation
        given = [self._own(record) if name == "record" else self._part(record, name) for name in names]
        try:
            result = run(*given)
            if result is None:
                return None
            return self._changed(record, result) if "record" not in names else self._returned(record, result)
        except Exception as error:  # noqa: BLE001 - supervision point: the user's code may raise anything
            _raise(failed(error), error)

    def _part(self, record: Record, name: str) -> object:
        if name in self._known:
            schema, value = _side_of(record, name)
            complete = self._known[name](schema).complete
            return value if complete is None else complete(value)
        return _READERS[name](record)

    def _own(self, record: RecordT) -> RecordT:
        """A copy that a function may change."""
        twin = record.copy()
        twin.key, twin.value = _own_copy(self._part(record, "key")), _own_copy(self._part(record, "value"))
        twin.headers = Headers(record.headers or ())
        return twin

    def _changed(self, record: RecordT, parts: object) -> RecordT:
        if not isinstance(parts, Mapping) or not parts.keys() <= set(_PARTS):
            wanted = ", ".join(_PARTS)
            raise DataError(f"what comes out is to be a map with the parts to change, out of {wanted}, or None")
        twin = record.copy()
        for name, part in parts.items():
            if name in self._known:
                schema, _ = _side_of(record, name)
                fitted = (None, None) if part is None else self._known[name](schema).results(part)
                _set_side(twin, name, *fitted)
            else:
                setattr(twin, name, _CHECKS[name](record, part))
        return twin

    def _returned(self, record: RecordT, returned: object) -> RecordT:
        if not isinstance(returned, type(record)):
            raise DataError(f"it returned {type(returned).__qualname__}, which is neither the record nor None")
        for name in self._known:
            schema, value = _side_of(returned, name)
            if value is None or (schema is not None and schema is not _side_of(record, name)[0]):
                continue  # it chose another schema itself
            _set_side(returned, name, *self._known[name](schema).results(value))
        _topic(record, returned.topic)
        return returned


def _raise(told: Exception, error: Exception) -> NoReturn:
    if told is error:
        raise error
    raise told from error


def _side_of(record: Record, name: str) -> tuple[Schema | None, Any]:
    return (record.key_schema, record.key) if name == "key" else (record.value_schema, record.value)


def _set_side(record: Record, name: str, schema: Schema | None, value: object) -> None:
    if name == "key":
        record.key_schema, record.key = schema, value
    else:
        record.value_schema, record.value = schema, value


def _own_copy(value: Value) -> Value:
    """The value, whose fields or items a function may set."""
    return dict(value) if type(value) is dict else list(value) if type(value) is list else value


def _headers_of(headers: Headers | None) -> dict[str, object]:
    return {header.key: header.value for header in headers or ()}


_READERS: Final[Mapping[str, Callable[[Record], object]]] = {
    "topic": lambda record: record.topic,
    "partition": lambda record: record.partition,
    "offset": lambda record: getattr(record, "offset", None),
    "timestamp": lambda record: record.timestamp,
    "headers": lambda record: _headers_of(record.headers),
}
_COLUMNS: Final[Mapping[str, Callable[[RecordColumns], Iterable[object]]]] = {
    "topic": lambda columns: repeat(columns.topic, len(columns)),
    "partition": lambda columns: columns.partitions,
    "offset": lambda columns: repeat(None, len(columns)) if columns.offsets is None else columns.offsets,
    "timestamp": lambda columns: columns.timestamps,
    "headers": lambda columns: (
        ({} for _ in range(len(columns))) if columns.headers is None else map(_headers_of, columns.headers)
    ),
}


def _topic(_record: Record, value: object) -> object:
    if not isinstance(value, str) or not value:
        raise DataError(f"topic is to be a text, not {value!r:.100}")
    return value


def _number(name: str) -> Callable[[Record, object], object]:
    def check(record: Record, value: object) -> object:
        may_lack = name == "timestamp" or isinstance(record, SourceRecord)
        if not (value is None and may_lack) and (type(value) is not int or value < 0):
            raise DataError(f"{name} is to be a whole number from 0, not {value!r:.100}")
        return value

    return check


def _headers(record: Record, value: object) -> Headers:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise DataError("headers are to be a map of names and values")
    before = {header.key: header for header in record.headers or ()}
    made = Headers()
    for name, item in value.items():
        kept = before.get(name)
        if kept is not None and kept.value is item:
            made.append(kept)
        else:
            made.append(Header(name, item, None if item is None else inferred(item, f"headers.{name}")))
    return made


_CHECKS: Final[Mapping[str, Callable[[Record, object], object]]] = {
    "topic": _topic,
    "partition": _number("partition"),
    "timestamp": _number("timestamp"),
    "headers": _headers,
}
