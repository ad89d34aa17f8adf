"""Zones and calendars, as Java has them (spec/jdbc.md 2.1)."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from linkspan.api import ConfigError, DataError
from linkspan_connectors.jdbc.zones import from_wall, moment_of, offset_text, to_wall, wall_date, wall_time, zone_of

NEW_YORK = zone_of("America/New_York")
SUMMER = datetime(2024, 7, 1, 12, tzinfo=UTC)


def wall(*parts):
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("UTC", 0), ("Z", 0), ("Europe/Paris", 2), ("GMT+2", 2), ("UTC-03:30", -3.5), ("+02:00", 2), ("EST", -5),
        ("PST", -7), ("IST", 5.5), ("ECT", 2), ("HST", -10), ("MST", -7),
    ],
)  # fmt: skip
def test_ids_of_the_jdk_are_known(text, hours):
    assert SUMMER.astimezone(zone_of(text)).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "Mars/Olympus", "GMT+25", "../etc/passwd", "+2:99"])
def test_a_zone_that_does_not_exist_is_refused(text):
    with pytest.raises(ConfigError, match="Invalid value") as caught:
        zone_of(text)
    assert caught.value.key == "db.timezone"


def test_a_wall_clock_that_was_set_back_shows_the_later_point():
    assert from_wall(wall(2024, 11, 3, 1, 30), NEW_YORK) == datetime(2024, 11, 3, 6, 30, tzinfo=UTC)


def test_a_wall_clock_that_skipped_an_hour_goes_on_as_before():
    assert from_wall(wall(2024, 3, 10, 2, 30), NEW_YORK) == datetime(2024, 3, 10, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "GMT-3"])
@pytest.mark.parametrize("proleptic", [True, False])
def test_wall_clocks_lead_back_to_where_they_came_from(zone, proleptic):
    for moment in (SUMMER, datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(1500, 5, 5, tzinfo=UTC)):
        clock = to_wall(moment, zone_of(zone), proleptic=proleptic)
        assert from_wall(clock, zone_of(zone), proleptic=proleptic) == moment


def test_days_before_the_reform_are_julian_in_the_old_calendar():
    last, first = datetime(1582, 10, 14, tzinfo=UTC), datetime(1582, 10, 15, tzinfo=UTC)
    assert to_wall(last, UTC, proleptic=False) == wall(1582, 10, 4)
    assert to_wall(first, UTC, proleptic=False) == wall(1582, 10, 15)
    assert to_wall(last, UTC, proleptic=True) == wall(1582, 10, 14)
    assert from_wall(wall(1500, 1, 1), UTC, proleptic=False) == datetime(1500, 1, 10, tzinfo=UTC)


def test_a_julian_day_that_python_does_not_have_is_out_of_range():
    moment = from_wall(wall(1000, 2, 28), UTC, proleptic=False) + timedelta(days=1)
    with pytest.raises(OverflowError, match="1000-02-29"):
        to_wall(moment, UTC, proleptic=False)


def test_dates_and_times_are_those_that_java_makes_in_a_zone():
    assert wall_date(date(2024, 1, 2), zone_of("America/New_York")) == date(2024, 1, 1)
    assert wall_date(date(2024, 1, 2), UTC) == date(2024, 1, 2)
    assert wall_time(time(10), zone_of("Europe/Paris")) == time(11)


def test_days_before_the_reform_are_written_as_julian_ones_in_the_old_calendar():
    assert wall_date(date(1582, 10, 14), UTC, proleptic=False) == date(1582, 10, 4)
    assert wall_date(date(1582, 10, 15), UTC, proleptic=False) == date(1582, 10, 15)
    assert wall_date(date(1500, 1, 10), UTC, proleptic=False) == date(1500, 1, 1)
    assert wall_date(date(1500, 1, 10), zone_of("America/New_York"), proleptic=False) == date(1499, 12, 31)
    assert wall_date(date(1500, 1, 10), UTC) == date(1500, 1, 10)
    with pytest.raises(OverflowError):
        wall_date(date(1, 1, 1), zone_of("America/New_York"))


def test_numbers_become_moments():
    assert moment_of(1_600_000_000_123_456, 6) == datetime(2020, 9, 13, 12, 26, 40, 123456, tzinfo=UTC)
    assert moment_of("-1", 9) == datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    with pytest.raises(DataError, match="'soon' is no time in nanoseconds"):
        moment_of("soon", 9)
    with pytest.raises(DataError, match="no time in microseconds"):
        moment_of(10**30, 6)


def test_offsets_are_written_with_seconds_where_they_have_some():
    assert offset_text(SUMMER, zone_of("America/New_York")) == "-04:00"
    assert offset_text(datetime(1880, 1, 1, tzinfo=UTC), zone_of("Europe/Paris")) == "+00:09:21"
