from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from linkspan.api import ConfigError, DataError, Schema, SchemaAndValue, schema
from linkspan.config.definition import load
from linkspan_connectors.ibmmq.config import MqSinkConfig, MqSourceConfig
from linkspan_connectors.ibmmq.connector import MqSinkConnector, MqSourceConnector
from linkspan_connectors.ibmmq.outgoing import Body
from linkspan_connectors.ibmmq.own_builders import OwnBodies, OwnValues, check_builder
from linkspan_connectors.ibmmq.received import Received
from tests.connectors.ibmmq.test_config import SINK, SOURCE
from tests.connectors.ibmmq.test_records import maker, one, text

ME = __name__
RECORD, MESSAGE = "mq.record.builder", "mq.message.builder"


class Upper:
    def configure(self, configs: Mapping[str, str]) -> None:
        self.topic = configs["topic"]

    def value(self, message: Received) -> object:
        return f"{self.topic}: {message.text().upper()}"


class Typed:
    def value(self, message: Received) -> SchemaAndValue:
        return SchemaAndValue(schema.STRING, message.message_id)


class Failing:
    def value(self, message: Received) -> object:
        return 1 / len(message.body[:0])

    def body(self, topic: str, schema: Schema | None, value: object) -> object:  # noqa: ARG002 - the contract
        if value == "refused":
            raise DataError("no such thing")
        return {"topic": topic}[str(value)]


class Lines:
    def body(self, topic: str, schema: Schema | None, value: object) -> object:  # noqa: ARG002 - the contract
        return {"text": f"{topic}\n", "bytes": b"\0", "none": None, "number": 7}[str(value)]


class Unmakeable:
    def __init__(self) -> None:
        raise ValueError("not today")

    def value(self, message: Received) -> object:
        return message


class NoBuilder:
    """Has neither method."""


@pytest.mark.parametrize("path", [f"{ME}.Upper", f"{ME}:Upper"])
def test_values_are_those_of_the_class_that_is_named(path: str) -> None:
    record = one(maker(mq_record_builder=path), text(b"hello"))
    assert (record.value, record.value_schema) == ("t: HELLO", None)


def test_a_value_may_have_a_schema() -> None:
    record = one(maker(mq_record_builder=f"{ME}.Typed"), text(b"hello"))
    assert (record.value, record.value_schema) == ("ID:" + "6d" * 24, schema.STRING)


def test_what_a_builder_raises_is_the_fault_of_its_message() -> None:
    with pytest.raises(DataError, match=f"Builder {ME}.Failing fails with ZeroDivisionError$"):
        OwnValues(f"{ME}.Failing", {}).value(Received(*text()))
    build = OwnBodies(f"{ME}.Failing", {})
    with pytest.raises(DataError, match=r"fails with KeyError$"):
        build("t", None, "secret")
    with pytest.raises(DataError, match=r"^no such thing$"):
        build("t", None, "refused")


def test_a_body_is_a_text_bytes_or_nothing() -> None:
    build = OwnBodies(f"{ME}.Lines", {})
    assert build("t", None, "text") == Body("text", "t\n")
    assert build("t", None, "bytes") == Body("bytes", b"\0")
    assert build("t", None, "none") == Body("none", b"")
    with pytest.raises(DataError, match="returns int, and not a text, bytes or None"):
        build("t", None, "number")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("Nothing", "is written as package.module.Class"),
        ("a-b.C", "is written as package.module.Class"),
        ("com.example.Mine", "there is no Python module com, and builders in Java cannot be loaded"),
        (f"{ME}.Missing", f"there is no class Missing in {ME}"),
        (f"{ME}.NoBuilder", "NoBuilder is no builder: it has no method value"),
        (f"{ME}.ME", f"there is no class ME in {ME}"),
        ("broken_builders.Mine", "importing broken_builders fails: RuntimeError: at once"),
    ],
)
def test_what_cannot_be_a_builder_is_told_by_validation_with_its_key(
    path: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "broken_builders":
                raise RuntimeError("at once")

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    monkeypatch.setattr("linkspan_connectors.ibmmq.connector.missing", lambda: None)
    (error,) = MqSourceConnector().validate(load(MqSourceConfig, {**SOURCE, RECORD: path}))
    assert error.key == RECORD
    assert reason in error.message
    with pytest.raises(ConfigError):
        maker(mq_record_builder=path)


def test_a_builder_that_cannot_be_made_fails_the_start() -> None:
    with pytest.raises(ConfigError, match="it cannot be made: ValueError: not today") as refused:
        maker(mq_record_builder=f"{ME}.Unmakeable")
    assert refused.value.key == RECORD


def test_a_builder_of_the_other_direction_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkspan_connectors.ibmmq.connector.missing", lambda: None)
    (error,) = MqSinkConnector().validate(load(MqSinkConfig, {**SINK, MESSAGE: f"{ME}.Upper"}))
    assert "it has no method body" in error.message
    assert MqSinkConnector().validate(load(MqSinkConfig, {**SINK, MESSAGE: f"{ME}.Lines"})) == []
    assert check_builder(MESSAGE, f"{ME}.Lines") is Lines


def test_ibms_builders_are_found_with_and_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkspan_connectors.ibmmq.connector.missing", lambda: None)
    for name in "JsonRecordBuilder", "com.ibm.eventstreams.connect.mqsource.builders.DefaultRecordBuilder":
        assert MqSourceConnector().validate(load(MqSourceConfig, {**SOURCE, RECORD: name})) == []
