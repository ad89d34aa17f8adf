"""Columns → fields and values (spec/jdbc.md 8 and 15)."""

from __future__ import annotations

import datetime
import zoneinfo
from decimal import Decimal

import pytest

from linkspan.api import ConnectError, DataError, Schema, Type, schema
from linkspan_connectors.jdbc.columns import ColumnRules, UnreadableRow, columns_of
from linkspan_connectors.jdbc.results import JdbcType, OutOfRange, ResultColumn
from linkspan_connectors.jdbc.times import TimeForms

PARIS = zoneinfo.ZoneInfo("Europe/Paris")
UTC = datetime.UTC


def wall(*parts: int) -> datetime.datetime:
    """A wall clock."""
    year, month, day, *time = parts
    return datetime.datetime(year, month, day, *time, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[arg-type]


def column(kind: JdbcType, **parts: object) -> ResultColumn:
    return ResultColumn("c", kind, nullable=True, **parts)  # type: ignore[arg-type]


def field(one: ResultColumn, rules: ColumnRules | None = None) -> Schema | None:
    made = columns_of([one], "t", rules or ColumnRules(TimeForms()))
    found = made.schema.field("c")
    return None if found is None else found.schema


def value(one: ResultColumn, given: object, rules: ColumnRules | None = None) -> object:
    """What becomes of a value, which has to be the same alone and among others."""
    made = columns_of([one], "t", rules or ColumnRules(TimeForms()))
    (record,) = list(made.records([(given,)], lambda _: "table t, row with id=1"))
    among = made.records([(None,), (given,)], lambda _: "table t, row with id=1")
    assert among[0] == {"c": None}
    if isinstance(record, UnreadableRow):
        assert isinstance(among[1], UnreadableRow)
        return record
    assert among[1] == record
    made.schema.validate(record)
    return record["c"]


def reason(row: object) -> str:
    assert isinstance(row, UnreadableRow)
    with pytest.raises(DataError) as error:
        row["c"]
    return error.value.message


@pytest.mark.parametrize(
    ("kind", "signed", "wanted"),
    [
        (JdbcType.BOOLEAN, True, Type.BOOLEAN),
        (JdbcType.BIT, True, Type.INT8),
        (JdbcType.TINYINT, True, Type.INT8),
        (JdbcType.TINYINT, False, Type.INT16),
        (JdbcType.SMALLINT, True, Type.INT16),
        (JdbcType.SMALLINT, False, Type.INT32),
        (JdbcType.INTEGER, True, Type.INT32),
        (JdbcType.INTEGER, False, Type.INT64),
        (JdbcType.BIGINT, True, Type.INT64),
        (JdbcType.BIGINT, False, Type.INT64),
        (JdbcType.REAL, True, Type.FLOAT32),
        (JdbcType.FLOAT, True, Type.FLOAT64),
        (JdbcType.DOUBLE, True, Type.FLOAT64),
        (JdbcType.CHAR, True, Type.STRING),
        (JdbcType.VARCHAR, True, Type.STRING),
        (JdbcType.LONGVARCHAR, True, Type.STRING),
        (JdbcType.NCHAR, True, Type.STRING),
        (JdbcType.NVARCHAR, True, Type.STRING),
        (JdbcType.LONGNVARCHAR, True, Type.STRING),
        (JdbcType.CLOB, True, Type.STRING),
        (JdbcType.NCLOB, True, Type.STRING),
        (JdbcType.DATALINK, True, Type.STRING),
        (JdbcType.SQLXML, True, Type.STRING),
        (JdbcType.BINARY, True, Type.BYTES),
        (JdbcType.VARBINARY, True, Type.BYTES),
        (JdbcType.LONGVARBINARY, True, Type.BYTES),
        (JdbcType.BLOB, True, Type.BYTES),
    ],
)
def test_plain_types(kind, signed, wanted):
    assert field(column(kind, signed=signed)) == Schema(wanted, optional=True)


@pytest.mark.parametrize(("nullable", "optional"), [(True, True), (None, True), (False, False)])
def test_a_field_is_optional_unless_the_column_is_known_to_have_no_null(nullable, optional):
    found = field(ResultColumn("c", JdbcType.INTEGER, nullable=nullable))
    assert found is not None
    assert found.optional is optional


@pytest.mark.parametrize(
    "kind",
    [
        JdbcType.NULL,
        JdbcType.ARRAY,
        JdbcType.JAVA_OBJECT,
        JdbcType.OTHER,
        JdbcType.DISTINCT,
        JdbcType.STRUCT,
        JdbcType.REF,
        JdbcType.ROWID,
        JdbcType.TIME_WITH_TIMEZONE,
        JdbcType.TIMESTAMP_WITH_TIMEZONE,
    ],
)
def test_other_types_are_left_out_and_only_null_silently(kind, caplog):
    assert field(column(kind)) is None
    assert ("is not currently supported" in caplog.text) is (kind is not JdbcType.NULL)


def test_a_record_has_the_other_columns_when_one_is_left_out():
    made = columns_of([column(JdbcType.OTHER), ResultColumn("d", JdbcType.INTEGER)], None, ColumnRules(TimeForms()))
    assert list(made.records([("x", 1)], str)) == [{"d": 1}]


def test_a_row_without_columns_that_are_read_is_a_record_all_the_same():
    made = columns_of([column(JdbcType.OTHER)], None, ColumnRules(TimeForms()))
    assert list(made.records([("x",), ("y",)], str)) == [{}, {}]


def test_dates_times_and_numbers_have_the_logical_types_of_connect():
    assert field(column(JdbcType.DATE)) == schema.date(optional=True)
    assert field(column(JdbcType.TIME)) == schema.time(optional=True)
    assert field(column(JdbcType.TIMESTAMP)) == schema.timestamp(optional=True)
    found = field(column(JdbcType.DECIMAL, precision=10, scale=2))
    assert found is not None
    assert (found.name, found.optional) == ("org.apache.kafka.connect.data.Decimal", True)
    assert list(found.parameters.items()) == [("scale", "2"), ("connect.decimal.precision", "10")]


def kinds(mapping: str, *shapes: tuple[int, int]) -> list[str]:
    found = []
    for precision, scale in shapes:
        one = column(JdbcType.NUMERIC, precision=precision, scale=scale)
        made = field(one, ColumnRules(TimeForms(), mapping))
        assert made is not None
        found.append(f"Decimal {made.parameters['scale']}" if made.name else made.type.value)
    return found


def test_numeric_mapping_none_is_decimal():
    assert kinds("none", (4, 0), (18, 2), (38, 0)) == ["Decimal 0", "Decimal 2", "Decimal 0"]


def test_numeric_mapping_precision_only():
    shapes = [(2, 0), (3, 0), (4, 0), (5, 0), (9, 0), (10, 0), (18, 0), (19, 0), (4, 2), (4, -2)]
    wanted = ["INT8", "INT16", "INT16", "INT32", "INT32", "INT64", "INT64", "Decimal 0", "Decimal 2", "Decimal -2"]
    assert kinds("precision_only", *shapes) == wanted


def test_numeric_mapping_best_fit():
    shapes = [(2, 0), (9, -84), (9, -85), (18, 2), (19, 2), (19, 0)]
    assert kinds("best_fit", *shapes) == ["INT8", "INT32", "Decimal -85", "FLOAT64", "Decimal 2", "Decimal 0"]


def test_numeric_mapping_best_fit_eager_double():
    shapes = [(4, 0), (18, 2), (38, 2), (38, 0)]
    assert kinds("best_fit_eager_double", *shapes) == ["INT16", "FLOAT64", "FLOAT64", "Decimal 0"]


@pytest.mark.parametrize(
    ("mapping", "wanted"),
    [
        ("none", "Decimal 127"),
        ("precision_only", "Decimal 127"),
        ("best_fit", "Decimal 127"),
        ("best_fit_eager_double", "FLOAT64"),
    ],
)
def test_numeric_without_precision_never_becomes_an_integer(mapping, wanted):
    assert kinds(mapping, (0, 0)) == [wanted]


@pytest.mark.parametrize("mapping", ["none", "precision_only", "best_fit", "best_fit_eager_double"])
def test_a_number_of_oracle_without_scale_has_127_digits_behind_the_point(mapping):
    assert kinds(mapping, (0, -127), (126, -127)) == ["Decimal 127", "Decimal 127"]


def test_numeric_mapping_leaves_decimal_columns_alone():
    found = field(column(JdbcType.DECIMAL, precision=4, scale=0), ColumnRules(TimeForms(), "best_fit"))
    assert found is not None
    assert found.name == "org.apache.kafka.connect.data.Decimal"


@pytest.mark.parametrize(
    ("given", "wanted"), [("1.5", "1.50"), ("-0.01", "-0.01"), ("1E+3", "1000.00"), ("1.500", "1.50")]
)
def test_decimals_get_the_scale_of_their_column(given, wanted):
    made = value(column(JdbcType.DECIMAL, precision=10, scale=2), Decimal(given))
    assert str(made) == wanted


def test_decimals_of_any_length_fit_where_there_is_no_precision():
    digits = "1" * 131072 + "." + "2" * 16
    assert str(value(column(JdbcType.NUMERIC), Decimal(digits))) == digits + "0" * 111


@pytest.mark.parametrize("given", ["1.234", "NaN", "Infinity"])
def test_a_number_that_is_no_decimal_of_the_column_fails_with_its_row(given):
    message = reason(value(column(JdbcType.DECIMAL, precision=10, scale=2), Decimal(given)))
    assert message.startswith("table t, row with id=1, column c: ")
    assert given in message


def test_an_integer_of_a_numeric_column_is_exact():
    one = column(JdbcType.NUMERIC, precision=18, scale=0)
    assert value(one, Decimal(999999999999999999), ColumnRules(TimeForms(), "best_fit")) == 999999999999999999


def test_an_unsigned_bigint_that_does_not_fit_fails_by_default_with_a_clear_text():
    one = column(JdbcType.BIGINT, signed=False, precision=20)
    assert value(one, (1 << 63) - 1) == (1 << 63) - 1
    assert "9223372036854775808 does not fit into INT64" in reason(value(one, 1 << 63))


def test_an_unsigned_bigint_may_be_a_decimal():
    rules = ColumnRules(TimeForms(), unsigned_as_decimal=True)
    one = column(JdbcType.BIGINT, signed=False, precision=20)
    assert value(one, (1 << 64) - 1, rules) == Decimal((1 << 64) - 1)


def test_a_bit_field_that_does_not_fit_fails():
    assert value(column(JdbcType.BIT), b"\x05") == 5
    assert "does not fit into INT8" in reason(value(column(JdbcType.BIT), 200))


def test_values_are_loaded_before_they_are_made():
    one = column(JdbcType.INTEGER, load=lambda given: int(given, 16))
    assert value(one, "ff") == 255


@pytest.mark.parametrize("load", [None, lambda given: None if given == "0000-00-00" else given])
def test_a_null_where_the_column_takes_none_fails_with_its_row(load):
    required = ResultColumn("c", JdbcType.VARCHAR, nullable=False, load=load)
    made = columns_of([required], "t", ColumnRules(TimeForms()))
    records = made.records([("a",), (None if load is None else "0000-00-00",)], lambda at: f"row {at}")
    assert records[0] == {"c": "a"}
    assert reason(records[1]).startswith("row 1, column c: null, which the column of the table does not take")


def test_texts_that_are_not_utf8_fail_and_say_where():
    assert "not UTF-8 at byte 1" in reason(value(column(JdbcType.VARCHAR), b"a\xff"))


def test_bytes_of_any_kind_become_bytes():
    assert value(column(JdbcType.BINARY), memoryview(b"ab")) == b"ab"


WALL = wall(2024, 7, 1, 12, 0, 0, 123456)


@pytest.mark.parametrize(
    ("granularity", "wanted"),
    [
        ("connect_logical", datetime.datetime(2024, 7, 1, 12, 0, 0, 123000, UTC)),
        ("micros_long", 1719835200123456),
        ("micros_string", "1719835200123456"),
        ("micros_iso_datetime_string", "2024-07-01T12:00:00.123456"),
        ("nanos_long", 1719835200123456000),
        ("nanos_string", "1719835200123456000"),
        ("nanos_iso_datetime_string", "2024-07-01T12:00:00.123456000"),
    ],
)
def test_granularities_of_timestamps(granularity, wanted):
    rules = ColumnRules(TimeForms(granularity=granularity))
    assert value(column(JdbcType.TIMESTAMP), WALL, rules) == wanted
    assert value(column(JdbcType.TIMESTAMP), WALL.replace(tzinfo=UTC), rules) == wanted


@pytest.mark.parametrize(
    ("granularity", "wanted"),
    [
        ("connect_logical", datetime.datetime(2024, 7, 1, 10, 0, 0, 123000, UTC)),
        ("micros_long", 1719828000123456),
        ("micros_iso_datetime_string", "2024-07-01T12:00:00.123456"),
        ("nanos_iso_datetime_string", "2024-07-01T12:00:00.123456000"),
    ],
)
def test_wall_clocks_are_those_of_the_zone_and_texts_stay_in_it(granularity, wanted):
    rules = ColumnRules(TimeForms(PARIS, granularity=granularity))
    assert value(column(JdbcType.TIMESTAMP), WALL, rules) == wanted
    assert value(column(JdbcType.TIMESTAMP), WALL.replace(tzinfo=PARIS), rules) == wanted


@pytest.mark.parametrize(
    ("granularity", "wanted"),
    [
        ("connect_logical", datetime.datetime(1969, 12, 31, 23, 59, 58, 500000, UTC)),
        ("micros_long", -1500000),
        ("micros_string", "-1500000"),
        ("micros_iso_datetime_string", "1969-12-31T23:59:58.500000"),
        ("nanos_long", -1500000000),
        ("nanos_string", "-1500000000"),
        ("nanos_iso_datetime_string", "1969-12-31T23:59:58.500000000"),
    ],
)
def test_fractions_before_1970_are_right(granularity, wanted):
    before = wall(1969, 12, 31, 23, 59, 58, 500000)
    assert value(column(JdbcType.TIMESTAMP), before, ColumnRules(TimeForms(granularity=granularity))) == wanted


def test_milliseconds_before_1970_are_cut_towards_the_past():
    before = wall(1969, 12, 31, 23, 59, 59, 999999)
    assert value(column(JdbcType.TIMESTAMP), before) == datetime.datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)


@pytest.mark.parametrize(
    ("clock", "hour"),
    [
        (wall(2024, 10, 27, 2, 30), 1),  # twice: the later one
        (wall(2024, 3, 31, 2, 30), 1),  # never: as if clocks had not been set forward
        (wall(2024, 1, 1, 12, 0), 11),
    ],
)
def test_clocks_that_are_set_forward_and_back_are_read_as_by_java(clock, hour):
    made = value(column(JdbcType.TIMESTAMP), clock, ColumnRules(TimeForms(PARIS)))
    assert isinstance(made, datetime.datetime)
    assert (made.tzinfo, made.hour, made.minute) == (UTC, hour, clock.minute)


def test_days_before_the_gregorian_calendar_are_julian_by_default():
    day = datetime.date(1500, 3, 1)
    assert value(column(JdbcType.DATE), day) == datetime.date(1500, 3, 11)
    assert value(column(JdbcType.DATE), day, ColumnRules(TimeForms(proleptic=True))) == day
    moment = wall(1500, 3, 1, 8, 30, 0, 999)
    assert value(column(JdbcType.TIMESTAMP), moment) == datetime.datetime(1500, 3, 11, 8, 30, 0, 0, UTC)
    micros = ColumnRules(TimeForms(proleptic=True, granularity="micros_long"))
    kept = value(column(JdbcType.TIMESTAMP), moment, micros)
    assert isinstance(kept, int)
    assert kept % 1_000_000 == 999


def test_days_do_not_depend_on_the_zone():
    assert value(column(JdbcType.DATE), datetime.date(2024, 7, 1), ColumnRules(TimeForms(PARIS))) == datetime.date(
        2024, 7, 1
    )


def test_times_of_a_day_are_wall_clocks_of_the_zone():
    assert value(column(JdbcType.TIME), datetime.time(10, 0, 0, 123456)) == datetime.time(10, 0, 0, 123000)
    rules = ColumnRules(TimeForms(PARIS))
    assert value(column(JdbcType.TIME), datetime.time(10, 0), rules) == datetime.time(9, 0)
    assert value(column(JdbcType.TIME), datetime.time(0, 30), rules) == datetime.time(23, 30)


def test_times_with_a_zone_are_moments_of_their_zone():
    there = datetime.time(10, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))
    assert value(column(JdbcType.TIME), there, ColumnRules(TimeForms(PARIS))) == datetime.time(15, 0)


INFINITY = OutOfRange("infinity", 9_223_372_036_825_200_000)


@pytest.mark.parametrize("kind", [JdbcType.DATE, JdbcType.TIMESTAMP])
def test_what_python_cannot_hold_fails_with_its_row_and_text(kind):
    assert "infinity" in reason(value(column(kind), INFINITY))


def test_what_python_cannot_hold_is_a_number_where_it_fits():
    rules = ColumnRules(TimeForms(granularity="micros_long"))
    far = OutOfRange("12000-01-01 00:00:00", 316_516_377_600_000)
    assert value(column(JdbcType.TIMESTAMP), far, rules) == 316_516_377_600_000_000
    assert "does not fit" in reason(value(column(JdbcType.TIMESTAMP), INFINITY, rules))


def test_two_columns_of_the_same_name_are_refused_with_a_way_out():
    with pytest.raises(ConnectError, match="c AS c2"):
        columns_of([column(JdbcType.INTEGER), column(JdbcType.VARCHAR)], None, ColumnRules(TimeForms()))


def test_extended_types_are_read_when_they_are_asked_for():
    rules = ColumnRules(TimeForms(), extended=True)
    assert value(column(JdbcType.OTHER, type_name="inet"), "10.0.0.1", rules) == "10.0.0.1"
    assert value(column(JdbcType.ARRAY, type_name="int4[]"), [1, None], rules) == [1, None]
    assert field(column(JdbcType.ARRAY, type_name="int4[]"), rules) == Schema(
        Type.ARRAY, optional=True, values=Schema(Type.INT32, optional=True)
    )
    assert value(column(JdbcType.ARRAY, type_name="text[]"), ["a"], rules) == ["a"]
    assert field(column(JdbcType.OTHER, type_name="binary_float"), rules) == Schema(Type.FLOAT32, optional=True)
    moment = datetime.datetime(2024, 1, 1, tzinfo=UTC)
    assert value(column(JdbcType.TIMESTAMP_WITH_TIMEZONE), moment, rules) == moment


def test_other_rows_of_a_batch_are_not_harmed_by_one_that_fails():
    made = columns_of(
        [ResultColumn("id", JdbcType.INTEGER), ResultColumn("d", JdbcType.DATE)], "t", ColumnRules(TimeForms())
    )
    day = datetime.date(2024, 1, 1)
    records = made.records([(1, day), (2, INFINITY), (3, day)], lambda at: f"table t, row {at}")
    assert records[0] == {"id": 1, "d": day}
    assert records[2] == {"id": 3, "d": day}
    assert isinstance(records[1], UnreadableRow)
    assert str(records[1]) == "{id=2, d=infinity}"
