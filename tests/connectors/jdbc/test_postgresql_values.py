"""Values of PostgreSQL that Python's types cannot hold, or that come as texts (spec/jdbc.md 8.3)."""

from datetime import UTC, datetime

import pytest

from linkspan_connectors.jdbc.dialects.postgresql_columns import _money, _signed_byte
from linkspan_connectors.jdbc.dialects.postgresql_moments import epoch_ms, moment_in_utc, moment_text
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse
from linkspan_connectors.jdbc.zones import zone_of

SETTINGS = Settings(parse("jdbc:postgresql://h/d"), proleptic=True)


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("10000-01-01", 253402300800000),
        ("10000-01-01 00:00:00.123456", 253402300800123),
        ("10000-01-01 02:00:00+02", 253402300800000),
        ("10000-01-01 00:00:00-00:30:10", 253402302610000),
        ("0001-12-31 BC", -62135683200000),
        ("0001-12-31 23:59:59.999 BC", -62135596800001),
        ("4714-11-24 BC", -210866803200000),
        ("294276-12-31 23:59:59.999999", 9224318015999999),
        ("infinity", 9223372036825200000),
        ("-infinity", -9223372036825200000),
        ("24:00:00", 86400000),
        ("soon", None),
    ],
)
def test_moments_beyond_python_are_what_the_java_driver_makes_of_them(text, millis):
    assert epoch_ms(text, SETTINGS) == millis


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10000-01-01 08:59:59.999999+09", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
        ("0001-12-31 19:03:58-04:56:02 BC", datetime(1, 1, 1, tzinfo=UTC)),
        ("10000-01-01 00:00:00+00", None),
        ("10000-01-01 08:59:59", None),
        ("10000-01-01", None),
        ("infinity", None),
    ],
)
def test_a_moment_whose_year_is_python_s_in_utc_only_is_that_moment(text, moment):
    assert moment_in_utc(text) == moment


def test_moments_without_a_zone_are_of_the_databases():
    paris = SETTINGS._replace(zone=zone_of("Europe/Paris"))
    assert epoch_ms("10000-01-01 01:00:00", paris) == 253402300800000
    assert epoch_ms("10000-07-01 02:00:00+02", paris) == epoch_ms("10000-07-01 02:00:00", paris)
    assert epoch_ms("0001-12-31 00:09:21 BC", paris) == -62135683200000
    assert epoch_ms("10000-01-01", paris) == 253402300800000


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "-05:00"])
@pytest.mark.parametrize("proleptic", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "-infinity",
        "0001-12-31 BC",
        "0001-12-31 23:59:59.999 BC",
        "0044-03-15 12:30:00.5 BC",
        "0005-02-29 BC",
        "4713-01-01 00:00:01 BC",
    ],
)
def test_a_row_is_followed_by_its_time_also_where_python_has_no_such_time(text, proleptic, zone):
    settings = SETTINGS._replace(zone=zone_of(zone), proleptic=proleptic)
    millis = epoch_ms(text, settings)
    assert millis is not None
    assert epoch_ms(moment_text(millis, settings), settings) == millis


def test_the_text_of_a_time_before_christ_is_the_one_it_was_read_from():
    millis = epoch_ms("0044-03-15 12:30:00.5 BC", SETTINGS)
    assert millis is not None
    assert moment_text(millis, SETTINGS) == "0044-03-15 12:30:00.500+00:00 BC"


def test_days_before_christ_are_julian_in_the_old_calendar():
    julian = SETTINGS._replace(proleptic=False)
    assert epoch_ms("0001-12-31 BC", julian) == -62135683200000 - 2 * 86_400_000
    assert epoch_ms("4713-01-01 BC", julian) == -210866803200000
    assert epoch_ms("10000-01-01", julian) == 253402300800000


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$1,234.56", 1234.56),
        ("-$0.01", -0.01),
        ("($5.00)", -5.0),
        ("1.234,56 €", 1234.56),
        ("12 345,67", 12345.67),
        ("¥1,234", 1234.0),
        ("Rs. 7.50", 7.5),
    ],
)
def test_amounts_are_read_as_the_servers_locale_writes_them(text, amount):
    assert _money(text) == amount


def test_eight_bits_are_a_signed_byte():
    assert [_signed_byte(text) for text in ("0", "01111111", "10000000", "11111111")] == [0, 127, -128, -1]
