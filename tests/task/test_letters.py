"""What stands in the dead letter queue about a record of a source."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest

from linkspan.api import schema
from linkspan.api.errors import DataError
from linkspan.api.headers import Header, Headers
from linkspan.api.records import SourceRecord
from linkspan.log.port import OutgoingBatch
from linkspan.observe.hiding import know
from linkspan.task.letters import LetterForm
from linkspan.task.tolerance import Failure, Stage, Underway

PREFIX = "__connect.errors."


def record(value, value_schema=None, **more):
    return SourceRecord({"table": "t1"}, {"id": 7}, "t", value, value_schema, **more)


def fill(underway, *, context=False):
    form = LetterForm("c", 3, context_headers=context)
    return form.fill(Failure(Stage.VALUE_CONVERTER, "a.Class", DataError("x"), underway))


def marks(letter):
    return {name.removeprefix(PREFIX): value for name, value in letter.headers if name.startswith(PREFIX)}


def test_what_was_converted_stays_as_it_is_and_what_was_not_is_json():
    origin = record({"a": 1}, key="k")
    underway = Underway(origin, origin)
    underway.headers, underway.key = [("h", b"1")], b"\xfe"
    letter = fill(underway)
    assert (letter.key, orjson.loads(letter.value)) == (b"\xfe", {"a": 1})
    assert letter.headers == [("h", b"1"), (PREFIX + "value.format", b"json")]


def test_values_with_a_schema_keep_it():
    origin = record(Decimal("1.50"), schema.decimal_of(2))
    letter = fill(Underway(origin, origin))
    assert marks(letter)["value.format"] == b"json-with-schema"
    assert set(orjson.loads(letter.value)) == {"schema", "payload"}


def test_what_json_cannot_express_is_text():
    origin = record(object)
    letter = fill(Underway(origin, origin))
    assert (letter.value, marks(letter)["value.format"]) == (repr(object).encode(), b"text")


def test_a_value_that_does_not_fit_its_schema_is_json_without_it():
    origin = record("no number", schema.INT64)
    letter = fill(Underway(origin, origin))
    assert (letter.value, marks(letter)["value.format"]) == (b'"no number"', b"json")


def test_null_needs_no_format():
    origin = record(None)
    letter = fill(Underway(origin, origin))
    assert (letter.key, letter.value, letter.headers) == (None, None, [])


def test_headers_that_were_not_converted_are_json_and_said_to_be():
    origin = record(None, headers=Headers([Header("h", {"x": 1}), Header("none", None)]))
    letter = fill(Underway(origin, origin))
    assert letter.headers == [("h", b'{"x":1}'), ("none", None), (PREFIX + "headers.format", b"json")]


def test_the_value_is_the_one_that_the_failing_stage_got():
    letter = fill(Underway(record("before"), record("after")))
    assert letter.value == b'"after"'


def test_a_record_that_the_log_refused_is_as_it_was_sent():
    batch = OutgoingBatch("t", [b"v0", b"v1"], keys=[None, b"k1"], headers=[None, [("h", b"x")]])
    letter = fill(Underway.converted(record("v1"), batch, 1))
    assert (letter.key, letter.value, letter.headers) == (b"k1", b"v1", [("h", b"x")])


def test_context_headers_name_source_partition_and_offset():
    found = marks(fill(Underway(record("x"), record("x")), context=True))
    assert found.pop("exception.stacktrace") == b"linkspan.api.errors.DataError: x\n"
    assert found == {
        "topic": b"t",
        "source.partition": b'{"table":"t1"}',
        "source.offset": b'{"id":7}',
        "connector.name": b"c",
        "task.id": b"3",
        "stage": b"VALUE_CONVERTER",
        "class.name": b"a.Class",
        "exception.class.name": b"linkspan.api.errors.DataError",
        "exception.message": b"x",
        "value.format": b"json",
    }


@pytest.mark.parametrize(
    ("stamp", "expected"), [(5, 5), (None, None), (-1, None), (-7, None), ("x", None), (1 << 63, None)]
)
def test_a_timestamp_that_cannot_be_is_left_out(stamp, expected):
    assert fill(Underway(record("x", timestamp=stamp), record("x", timestamp=stamp))).timestamp == expected


def test_a_text_that_is_no_text_does_not_hinder_the_letter():
    form = LetterForm("c", 3, context_headers=True)
    underway = Underway(record("x"), record("x"))
    letter = form.fill(Failure(Stage.TRANSFORMATION, "a.Class", ValueError("file \udcff"), underway))
    assert marks(letter)["exception.message"] == b"file \\udcff"


def test_no_header_about_the_failure_has_a_secret_and_data_stays_as_it_is():
    know(["hunter-2\nof db"])
    form = LetterForm("c", 3, context_headers=True)
    underway = Underway(record("hunter-2"), record("hunter-2"))
    letter = form.fill(Failure(Stage.TRANSFORMATION, "a.Class", ValueError({"p": "hunter-2\nof db"}), underway))
    assert marks(letter)["exception.message"] == b"{'p': '[hidden]'}"
    assert b"hunter" not in marks(letter)["exception.stacktrace"]
    assert letter.value == b'"hunter-2"'
