"""Each row of the type tables there and back: table, source, converter, sink, table (spec/jdbc.md 8.3, 12 and 13)."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from integration.jdbc.kinds import MARIADB, POSTGRESQL, SQLITE
from integration.jdbc.targets import Target
from integration.jdbc.trips import Kind, Trip, trip

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("round trips")]


class Given(NamedTuple):
    """A round trip.

    Attributes:
        database: kind of it.
        kinds: of the columns.
        source: settings of the source.
        sink: settings of the sink.
    """

    database: str
    kinds: list[Kind]
    source: dict[str, str] = {}  # noqa: RUF012 - never changed
    sink: dict[str, str] = {}  # noqa: RUF012 - never changed


GRANULAR = "'2024-02-29 12:30:15.123456'", "'1969-12-31 23:59:58.000001'", "'1970-01-01'", "'1700-01-01 00:00:00.9'"
FAR = *GRANULAR, "'1500-03-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'"
ISO = "to_char({}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
MARIADB_ISO = "DATE_FORMAT({}, '%Y-%m-%dT%H:%i:%s.%f')"
IN_MICROS = {"timestamp_fields_list": "c0"}
IN_NANOS = {**IN_MICROS, "timestamp_precision_mode": "nanoseconds"}


GRANULARITIES = {
    f"{database} {form}": Given(
        database, [Kind(declaration, literals, "{}", made)], {"timestamp.granularity": form}, sink
    )
    for database, declaration, form, literals, made, sink in (
        ("postgresql", "timestamp", "micros_long", FAR, "{}", IN_MICROS),
        ("postgresql", "timestamp", "micros_string", FAR, "{}", IN_MICROS),
        ("postgresql", "timestamp", "micros_iso_datetime_string", FAR, ISO, {}),
        ("postgresql", "timestamp", "nanos_long", GRANULAR, "{}", IN_NANOS),
        ("postgresql", "timestamp", "nanos_string", GRANULAR, "{}", IN_NANOS),
        ("postgresql", "timestamp", "nanos_iso_datetime_string", FAR, f"{ISO} || '000'", {}),
        ("mariadb", "datetime(6)", "micros_long", FAR, "{}", IN_MICROS),
        ("mariadb", "datetime(6)", "nanos_iso_datetime_string", FAR, f"CONCAT({MARIADB_ISO}, '000')", {}),
    )
}


SKIPPED = "'2024-03-31 02:30'"
SET_BACK = "'2024-10-27 02:30'"
PARIS = (
    "'2024-07-01 12:00:00.123'",
    SET_BACK,
    "'2024-10-27 01:59:59'",
    "'1900-01-01 00:00'",
    "'1500-03-01 00:00'",
    "'9999-12-31 23:59:59'",
)
AHEAD = f"CASE WHEN {{0}} = {SKIPPED} THEN {{0}} + interval '1 hour' ELSE {{0}} END"
MARIADB_AHEAD = f"IF({{0}} = {SKIPPED}, {{0}} + INTERVAL 1 HOUR, {{0}})"
IN_PARIS = {"db.timezone": "Europe/Paris"}, {"db_timezone": "Europe/Paris"}
IN_NEW_YORK = {"db.timezone": "America/New_York"}, {"db_timezone": "America/New_York"}
DAYS = ("'2024-02-29'", "'1582-10-04'", "'0001-01-10'", "'9999-12-31'")
TIMES = ("'00:00'", "'12:30:15.123'", "'23:59:59'")
OLD = ("'1582-10-15'", "'1582-10-14'", "'1582-10-04'", "'1500-02-28'", "'0001-01-10'")
GREGORIAN = {"date.calendar.system": "PROLEPTIC_GREGORIAN"}, {"date_calendar_system": "PROLEPTIC_GREGORIAN"}

FLOAT = "{}::float8"
WITH_FRACTION = Kind("numeric(6,2)", ("9999.99", "0.01"))
LONG = Kind("numeric(20,2)", ("123456789012345678.99",))
LONG_AND_WHOLE = Kind("numeric(19)", ("9999999999999999999",))
EIGHTEEN = Kind("numeric(18)", ("-999999999999999999", "0"))
NUMBERS = {
    "none": [Kind("numeric(6)", ("-999999", "0")), WITH_FRACTION, LONG],
    "precision_only": [
        Kind("numeric(2)", ("99",)),
        Kind("numeric(4)", ("-9999",)),
        Kind("numeric(9)", ("999999999",)),
        EIGHTEEN,
        LONG_AND_WHOLE,
        WITH_FRACTION,
    ],
    "best_fit": [EIGHTEEN, Kind("numeric(5,-2)", ("-9999900",)), WITH_FRACTION._replace(made=FLOAT), LONG],
    "best_fit_eager_double": [
        WITH_FRACTION._replace(made=FLOAT),
        Kind("numeric(20,2)", ("123456789012.75",), "{}", FLOAT),
        Kind("numeric", ("1.5", "-0.1"), "{}", FLOAT),
        LONG_AND_WHOLE,
    ],
}
EXTENDED = [
    Kind("varbit(4)", ("B'01'",), "{}", "{}::text"),
    Kind("interval", ("'1 day 02:03:04.5'", "'-3 mons'")),
    Kind("inet", ("'10.0.0.1'", "'::1/64'"), "{}", "abbrev({})"),
    Kind("cidr", ("'10.0.0.0/8'",), "{}", "{}::text"),
    Kind("macaddr", ("'08:00:2b:01:02:03'",)),
    Kind("point", ("'(1,2.5)'",)),
    Kind("int4range", ("'[1,5)'", "'empty'")),
    Kind("tsvector", ("'a b'",)),
    Kind("smallint[]", ("'{-32768,NULL,32767}'", "'{}'")),
    Kind("integer[]", ("'{-2147483648,NULL}'", "'{}'")),
    Kind("bigint[]", ("'{9223372036854775807,NULL}'", "'{1}'")),
    Kind("real[]", ("'{0.1,NULL}'",)),
    Kind("double precision[]", ("'{0.1,1e300}'",)),
    Kind("boolean[]", ("'{t,f,NULL}'",)),
    Kind("text[]", (r"""'{a,NULL,"NULL","b\"c\\d","",ü}'""", "'{}'")),
    Kind("numeric[]", ("'{1.5,NULL}'",), None, "{}::text[]"),
    Kind("mood[]", ("'{sad,NULL,ok}'", "'{}'"), None, "{}::text[]"),
    Kind("date[]", ("'{2024-02-29,infinity}'", "'{0044-03-15 BC}'"), None, "{}::text[]"),
    Kind("pair", ("'(1,\"x,y\")'",), "{}", "{}::text"),
    Kind("pair[]", ("array['(1,x)'::pair]",), None, "{}::text[]"),
    Kind("bytea[]", (r"""'{"\\x00ff"}'""",), "{}", None),
]

GIVEN = {
    "postgresql": Given("postgresql", POSTGRESQL),
    "mariadb": Given("mariadb", MARIADB),
    "sqlite": Given("sqlite", SQLITE),
    **GRANULARITIES,
    "postgresql Paris": Given(
        "postgresql",
        [
            Kind("timestamp", (*PARIS, SKIPPED), AHEAD, AHEAD),
            Kind(
                "timestamptz",
                ("'2024-10-27 00:30+00'", "'2024-10-27 01:30+00'", "'1500-03-01 00:00+00'"),
                "{}",
                "{} AT TIME ZONE 'Europe/Paris'",
            ),
            Kind("time", TIMES),
            Kind("timetz", ("'12:30:15.123+01'",), "{}", "{}::time"),
            Kind("date", DAYS),
        ],
        *IN_PARIS,
    ),
    "postgresql Paris in numbers": Given(
        "postgresql",
        [Kind("timestamp", (*PARIS, SKIPPED), AHEAD, AHEAD)],
        {**IN_PARIS[0], "timestamp.granularity": "micros_long"},
        {**IN_PARIS[1], **IN_MICROS},
    ),
    "mariadb Paris": Given(
        "mariadb",
        [
            Kind("datetime(3)", (*PARIS, SKIPPED), MARIADB_AHEAD, MARIADB_AHEAD),
            Kind("time(3)", TIMES),
            Kind("date", DAYS),
        ],
        *IN_PARIS,
    ),
    "sqlite Paris": Given(
        "sqlite",
        [Kind("TIMESTAMP", ("1719828000123", "-14829955200123")), Kind("DATE", ("1709164800000", "-62135424000000"))],
        *IN_PARIS,
    ),
    "postgresql New York": Given(
        "postgresql", [Kind("date", DAYS, "{} - 1", "{} - 1"), Kind("time", TIMES)], *IN_NEW_YORK
    ),
    "postgresql New York with days of UTC": Given(
        "postgresql", [Kind("date", DAYS)], IN_NEW_YORK[0], {**IN_NEW_YORK[1], "date_timezone": "UTC"}
    ),
    "postgresql Gregorian": Given(
        "postgresql",
        [
            Kind("date", OLD),
            Kind("timestamp", OLD),
            Kind("timestamptz", tuple(f"{day[:-1]}+00'" for day in OLD), "{}", "{} AT TIME ZONE 'UTC'"),
        ],
        *GREGORIAN,
    ),
    "mariadb Gregorian": Given("mariadb", [Kind("date", OLD), Kind("datetime(3)", OLD)], *GREGORIAN),
    "sqlite Gregorian": Given(
        "sqlite", [Kind("DATE", ("-14829955200000",)), Kind("TIMESTAMP", ("-14829955200123",))], *GREGORIAN
    ),
    **{
        f"postgresql {mapping}": Given("postgresql", kinds, {"numeric.mapping": mapping})
        for mapping, kinds in NUMBERS.items()
    },
    "sqlite best_fit": Given(
        "sqlite",
        [Kind("NUMERIC(6)", ("-999999", "0")), Kind("NUMERIC(6,2)", ("9999.99", "0.5"))],
        {"numeric.mapping": "best_fit"},
    ),
    "postgresql extended": Given("postgresql", EXTENDED, {"x.extended.types": "true"}),
}


@pytest.fixture(scope="module")
def databases(databases: dict[str, Target]) -> dict[str, Target]:
    """With an enumeration in PostgreSQL, whose sessions have a zone of their own."""
    session = databases["postgresql"].session()
    name = databases["postgresql"].url.rpartition("/")[2]
    session.run(
        f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'",
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TYPE pair AS (a INT, b TEXT)",
    )
    return databases


@pytest.fixture(scope="module")
def trips() -> dict[str, Trip]:
    """By their names."""
    return {}


@pytest.mark.parametrize(
    ("name", "at"),
    [
        pytest.param(name, at, id=f"{name} {kind.declaration}")
        for name, given in GIVEN.items()
        for at, kind in enumerate(given.kinds)
    ],
)
def test_values_are_the_same_behind_a_topic(
    databases: dict[str, Target], trips: dict[str, Trip], name: str, at: int
) -> None:
    given = GIVEN[name]
    if name not in trips:
        trips[name] = trip(
            databases[given.database], f"t{list(GIVEN).index(name)}", given.kinds, given.source, given.sink
        )
    trips[name].check(f"c{at}")
