"""The Python transform: what becomes of records and their schemas."""

from __future__ import annotations

import datetime
import decimal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkspan.api import (
    Column,
    ConfigError,
    DataError,
    Headers,
    Schema,
    SinkRecord,
    SourceRecord,
    Type,
    UnsupportedError,
)
from linkspan.api.schema import INT32, INT64, OPTIONAL_FLOAT64, OPTIONAL_INT64, OPTIONAL_STRING, STRING
from linkspan.config.definition import load
from linkspan.plugins import functions
from linkspan.plugins.catalog import Catalog
from linkspan.plugins.discovery import scan
from linkspan.plugins.preflight import validate_connector
from linkspan.transforms.python import Python, PythonKey, PythonValue
from tests.transforms.test_columns import Columns

ROW = Schema(
    Type.STRUCT, name="row", version=2, fields={"id": INT32, "note": OPTIONAL_STRING, "total": Schema(Type.FLOAT64)}
)
HERE = "tests.transforms.test_python"


def made(kind: type[Any], **config: str) -> Any:
    transform = kind()
    transform.config = load(kind.config_class, config)
    transform.alias = "tidy"
    transform.configure()
    return transform


def record(value: object, schema: Schema | None = None, **more: Any) -> SinkRecord:
    return SinkRecord("t", 1, 5, value, schema, timestamp=1000, **more)


def changed(expression: str, value: object, schema: Schema | None = None, **config: str) -> Any:
    return made(PythonValue, expression=expression, **config).apply(record(value, schema))


def refusal(expression: str, value: object, schema: Schema | None = None, **config: str) -> str:
    with pytest.raises(DataError) as caught:
        changed(expression, value, schema, **config)
    return caught.value.message


# --- records ----------------------------------------------------------------------------------------------------------


def test_the_value_becomes_what_comes_out_and_the_rest_stays():
    before = record({"a": 1}, key="k", headers=Headers())
    after = made(PythonValue, expression="{**value, 'b': key + topic, 'at': [partition, offset, timestamp]}").apply(
        before
    )
    assert after.value == {"a": 1, "b": "kt", "at": [1, 5, 1000]}
    assert (after.topic, after.key, after.offset, before.value) == ("t", "k", 5, {"a": 1})


def test_the_key_becomes_what_comes_out():
    after = made(PythonKey, expression="value.a").apply(record({"a": 1}, key="k"))
    assert (after.key, after.value) == (1, {"a": 1})


def test_none_drops_the_record():
    assert changed("value if value.a > 1 else None", {"a": 1}) is None
    assert changed("value if value.a > 1 else None", {"a": 2}).value == {"a": 2}


@pytest.mark.parametrize("kind", [PythonKey, PythonValue])
def test_where_there_is_no_key_or_value_the_record_stays_as_it_is(kind):
    tombstone = record(None, STRING)
    assert made(kind, expression="1 / 0").apply(tombstone) is tombstone


def test_a_source_record_has_no_offset():
    after = made(PythonValue, expression="offset is None").apply(SourceRecord({}, {}, "t", "x"))
    assert after.value is True


def test_the_whole_record_gets_the_parts_that_come_out():
    headers = Headers()
    headers.add("trace", 7, INT64)
    headers.add("other", "o")
    text = "{'topic': f'{topic}-{value.land}', 'timestamp': None, 'partition': 4, 'headers': {**headers, 'n': 1},"
    text += "'key': 2}"
    after = made(Python, expression=text).apply(record({"land": "at"}, headers=headers))
    assert (after.topic, after.timestamp, after.partition, after.key, after.value) == (
        "t-at",
        None,
        4,
        2,
        {"land": "at"},
    )
    assert list(after.headers) == [("trace", 7, INT64), ("other", "o", None), ("n", 1, OPTIONAL_INT64)]
    assert made(Python, expression="{'value': None}").apply(record("x", STRING)).value_schema is None
    assert made(Python, expression="{} if value is not None else None").apply(record(None)) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("value", "a map with the parts to change, out of topic, partition"),
        ("{'topics': 'x'}", "a map with the parts to change"),
        ("{'topic': ''}", "topic is to be a text"),
        ("{'topic': None}", "topic is to be a text"),
        ("{'partition': -1}", "partition is to be a whole number"),
        ("{'partition': None}", "partition is to be a whole number"),
        ("{'timestamp': 'x'}", "timestamp is to be a whole number"),
        ("{'headers': [1]}", "headers are to be a map"),
    ],
)
def test_parts_of_a_record_are_checked(text, reason):
    with pytest.raises(DataError, match=reason):
        made(Python, expression=text).apply(record("x"))


def test_failures_name_alias_place_and_expression():
    assert refusal("value.a + value.b", {"a": 1}) == (
        "transforms.tidy.expression, column 11 (value.b): there is no field 'b'; the expression is value.a + value.b"
    )


# --- schemas ----------------------------------------------------------------------------------------------------------


def row(**fields: object) -> dict[str, object]:
    return {"id": 1, "note": None, "total": 1.5, **fields}


def test_without_a_schema_there_is_none_afterwards():
    assert changed("value.a", {"a": 1}).value_schema is None


def test_a_schema_is_kept_as_long_as_its_fields_and_types_are():
    after = changed("{**value, 'id': value.id + 1, 'note': 'x'}", row(), ROW)
    assert after.value_schema is ROW
    assert changed("value.upper()", "x", STRING).value_schema is STRING


def test_new_fields_get_optional_schemas_of_what_they_are():
    text = (
        "{'s': 'x', 'i': 1, 'f': 0.5, 'b': True, 'raw': 'x'.encode(), 'l': [1, 2], 'm': {'x': 'y'},"
        " 'total': value.total,"
        " 'at': key.at, 'dec': key.dec}"
    )
    moment, number = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), decimal.Decimal("1.50")
    schema = Schema(Type.STRUCT, name="row", fields={"total": Schema(Type.FLOAT64)})
    after = made(PythonValue, expression=text).apply(record({"total": 2.5}, schema, key={"at": moment, "dec": number}))
    found = after.value_schema
    assert (found.name, [field.name for field in found.fields][-3:]) == ("row", ["total", "at", "dec"])
    assert found.field("total").schema == Schema(Type.FLOAT64)
    kinds = {field.name: (field.schema.type, field.schema.optional) for field in found.fields if field.name != "total"}
    assert all(optional for _, optional in kinds.values())
    assert [kinds[name][0].value for name in ("s", "i", "f", "b", "raw", "l", "m")] == (
        ["STRING", "INT64", "FLOAT64", "BOOLEAN", "BYTES", "ARRAY", "STRUCT"]
    )
    assert found.field("at").schema.name.endswith("Timestamp")
    assert found.field("dec").schema.parameters == {"scale": "2"}
    found.validate(after.value)


def test_fields_that_are_gone_are_gone_from_the_schema():
    after = changed("{name: item for name, item in value.items() if name != 'note'}", row(), ROW)
    assert [field.name for field in after.value_schema.fields] == ["id", "total"]
    assert (after.value_schema.name, after.value_schema.version) == ("row", 2)


def test_a_field_that_changes_its_type_gets_another_schema():
    assert changed("{'id': str(value.id)}", row(), ROW).value_schema.field("id").schema == OPTIONAL_STRING
    assert changed("{'id': value.id * 10000000000}", row(), ROW).value_schema.field("id").schema == OPTIONAL_INT64


def test_it_is_not_the_record_at_hand_that_decides():
    transform = made(PythonValue, expression="{**value, 'grade': value.note and value.note + '!', 'n': value.total}")
    first = transform.apply(record(row(note="a"), ROW))
    second = transform.apply(record(row(), ROW))
    assert second.value_schema is first.value_schema
    assert second.value == {"id": 1, "note": None, "total": 1.5, "grade": None, "n": 1.5}
    third = transform.apply(record(row(total=2), ROW))
    assert (third.value["n"], type(third.value["n"])) == (2.0, float)


def test_a_later_value_of_another_type_is_refused_and_the_remedy_named():
    transform = made(PythonValue, expression="{'n': value.id if value.id < 5 else 'many'}")
    transform.apply(record(row(), ROW))
    with pytest.raises(DataError, match=r"transforms\.tidy.*n: expected INT64, found str.*types=n:string"):
        transform.apply(record(row(id=9), ROW))


def test_null_does_not_tell_a_type_but_the_configuration_does():
    assert "types=half:string" in refusal("{'half': value.note}", row(), ROW)
    after = changed("{'half': value.note, 'd': value.id}", row(), ROW, types="half:float64, d:decimal(2)")
    assert after.value_schema.field("half").schema == OPTIONAL_FLOAT64
    assert after.value == {"half": None, "d": decimal.Decimal("1.00")}


def test_a_whole_value_has_a_type_too():
    assert changed("value.id", row(), ROW).value_schema == OPTIONAL_INT64
    assert changed("value.id", row(), ROW, types="float64").value == 1.0


def test_fields_that_a_struct_lacks_are_null():
    assert changed("{**value}", {"id": 1, "total": 1.0}, ROW).value == {"id": 1, "note": None, "total": 1.0}
    nested = Schema(Type.STRUCT, fields={"row": ROW})
    assert changed("value.row.note is None", {"row": {"id": 1, "total": 1.0}}, nested).value is True


# --- functions --------------------------------------------------------------------------------------------------------


def shout(value: Any) -> Any:
    if value == {"a": 0}:
        return None
    value["a"] = str(value["a"]) + "!"
    return value


def reroute(given: Any) -> Any:
    if given.value is None:
        return None
    given.topic, given.value["x"] = "elsewhere", 1
    given.headers.add("h", 1)
    return given


def broken(value: Any) -> Any:
    return value["gone"]


def test_a_function_gets_a_copy_and_returns_the_new_value():
    before = record({"a": 1})
    transform = made(PythonValue, function=f"{HERE}:shout")
    assert transform.apply(before).value == {"a": "1!"}
    assert before.value == {"a": 1}
    assert transform.apply(record({"a": 0})) is None


def test_a_function_of_the_whole_record_changes_a_copy():
    before = record({"a": 1}, headers=Headers())
    after = made(Python, function=f"{HERE}:reroute").apply(before)
    assert (after.topic, after.value, len(after.headers)) == ("elsewhere", {"a": 1, "x": 1}, 1)
    assert (before.topic, before.value, len(before.headers)) == ("t", {"a": 1}, 0)
    assert made(Python, function=f"{HERE}:reroute").apply(record(None)) is None
    with_schema = made(Python, function=f"{HERE}:reroute").apply(record(row(), ROW))
    assert with_schema.value_schema.field("x").schema == OPTIONAL_INT64


def test_failures_of_functions_name_alias_and_function():
    with pytest.raises(DataError, match=rf"transforms\.tidy\.function, {HERE}:broken: KeyError: 'gone'"):
        made(PythonValue, function=f"{HERE}:broken").apply(record({}))
    with pytest.raises(DataError, match="returned dict, which is neither the record nor None"):
        made(Python, function=f"{HERE}:returns_something").apply(record({}))


def returns_something(_record: Any) -> Any:
    return {}


# --- columns ----------------------------------------------------------------------------------------------------------


def columns(values: list[object], schema: Schema | None = None) -> Columns:
    records = [SinkRecord("t", 1, 5 + at, value, schema, timestamp=1000 + at) for at, value in enumerate(values)]
    return Columns(records, "t", Column([None] * len(values)), Column(values, schema))


CASES: list[tuple[dict[str, str], list[object], Schema | None]] = [
    ({"expression": "{**value, 'at': timestamp + offset, 't': topic}"}, [{"a": 1}, {"a": 2}], None),
    ({"expression": "value.id"}, [row(), row(id=2)], ROW),
    ({"expression": "{**value, 'x': value.note}", "types": "x:string"}, [row(), row(note="n")], ROW),
    ({"expression": "topic"}, ["a", None, "b"], None),
    ({"expression": "1"}, ["a", None, "b"], None),
    ({"expression": "None"}, ["a", "b"], None),
    ({"function": f"{HERE}:shout"}, [{"a": 1}, {"a": 2}], None),
]


@pytest.mark.parametrize("case", CASES)
def test_a_whole_column_becomes_what_each_value_becomes(case):
    config, values, schema = case
    at_once = made(PythonValue, **config).apply_all(columns(values, schema))
    each = [made(PythonValue, **config).apply(item) for item in columns(values, schema).records]
    if at_once is None:
        assert each == [None] * len(values)
    else:
        assert list(at_once.values.values) == [item.value for item in each]
        assert [at_once.values.schema_at(at) for at in range(len(values))] == [item.value_schema for item in each]


def test_when_only_some_are_dropped_they_are_taken_one_by_one():
    transform = made(PythonValue, expression="value if value > 1 else None")
    with pytest.raises(UnsupportedError):
        transform.apply_all(columns([1, 2]))
    with pytest.raises(UnsupportedError):
        transform.apply_all(columns([2, 2]))  # they would most likely be looked at in vain


# --- configuration ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(scan())


@pytest.fixture
def problems(catalog: Catalog, tmp_path: Path) -> Callable[..., dict[str, list[str]]]:
    def ask(kind: str = "Python", worker: dict[str, str] | None = None, **config: str) -> dict[str, list[str]]:
        own = {
            "transforms": "tidy",
            "transforms.tidy.type": kind,
            **{f"transforms.tidy.{k}": v for k, v in config.items()},
        }
        props = {"name": "n", "connector.class": "FileStreamSink", "topics": "t", "file": str(tmp_path / "f"), **own}
        worker = {"key.converter": "StringConverter", "value.converter": "StringConverter", **(worker or {})}
        infos = validate_connector(catalog, dict(props), worker=worker)
        values = [entry["value"] for entry in infos["configs"]]
        assert infos["error_count"] == sum(bool(value["errors"]) for value in values)
        return {value["name"]: value["errors"] for value in values if value["errors"]}

    return ask


@pytest.mark.parametrize(
    "kind", ["Python", *(f"linkspan.transforms.python.Python{side}" for side in ("", "$Key", "$Value"))]
)
def test_a_good_configuration_is_valid(problems, kind):
    assert problems(kind, expression="value.a") == {}


@pytest.mark.parametrize(
    ("config", "key", "message"),
    [
        ({}, "expression", "transforms.tidy: One of expression and function is wanted, and only one"),
        (
            {"expression": "1", "function": f"{HERE}:shout"},
            "expression",
            "transforms.tidy: One of expression and function is wanted, and only one",
        ),
        (
            {"expression": "value.a +"},
            "expression",
            "transforms.tidy: Invalid value value.a + for configuration expression: column 10: invalid syntax",
        ),
        (
            {"function": "nope.x:y"},
            "function",
            (
                "transforms.tidy: Invalid value nope.x:y for configuration function: There is no module nope, neither "
                "installed nor on plugin.path (not set)"
            ),
        ),
        (
            {"function": f"{HERE}:nope"},
            "function",
            f"transforms.tidy: Invalid value {HERE}:nope for configuration function: There is no nope in {HERE}",
        ),
        (
            {"function": "shout"},
            "function",
            "transforms.tidy: Invalid value shout for configuration function: It is written as package.module:function",
        ),
        (
            {"expression": "value", "types": "a:text"},
            "types",
            (
                "transforms.tidy: Invalid value [a:text] for configuration types: text is no type; there are int8, "
                "int16, int32, int64, float32, float64, boolean, string, bytes, date, time, timestamp, decimal(digits)"
            ),
        ),
    ],
)
def test_mistakes_are_told_when_the_connector_is_created(problems, config, key, message):
    assert problems(**config) == {f"transforms.tidy.{key}": [message]}


@pytest.mark.parametrize("place", ["shop_rules.py", "unit/shop_rules.py", "unit/shop_rules/__init__.py"])
def test_a_function_is_found_on_plugin_path(problems, tmp_path, monkeypatch, place):
    module = tmp_path / "plugins" / place
    module.parent.mkdir(parents=True)
    module.write_text("def tidy(value):\n    return value\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "shop_rules", raising=False)
    worker = {"plugin.path": f"{tmp_path / 'plugins'}"}
    assert problems(worker=worker, function="shop_rules:tidy") == {}
    assert functions.find_function("shop_rules:tidy")(1) == 1
    monkeypatch.delitem(sys.modules, "shop_rules")


def test_a_module_that_cannot_be_imported_is_reported(problems, tmp_path, monkeypatch):
    (tmp_path / "shop_broken.py").write_text("import nonesuch\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    (message,) = problems(worker={"plugin.path": str(tmp_path)}, function="shop_broken:tidy")[
        "transforms.tidy.function"
    ]
    assert "shop_broken cannot be imported: ModuleNotFoundError: No module named 'nonesuch'" in message


def test_without_validation_a_bad_configuration_fails_when_the_task_starts():
    with pytest.raises(ConfigError, match="column 1: there is no nope"):
        made(Python, expression="nope")
