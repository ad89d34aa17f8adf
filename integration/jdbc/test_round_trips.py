"""Each row of the type tables there and back: table, source, converter, sink, table (spec/jdbc.md 8.3, 12 and 13)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from integration.jdbc.targets import Target
from integration.jdbc.trips import Kind, Trip, trip
from integration.services.mariadb import MariaDbAddress
from integration.services.postgresql import PostgreSqlAddress

pytestmark = pytest.mark.integration

LEAST_DOUBLE, MOST_DOUBLE = "-1.7976931348623157e308", "1.7976931348623157e308"
TEXT = "'grün ☃ 😀 '' \" \\ `'"
CUT = "date_trunc('milliseconds', {})"

POSTGRESQL = [
    Kind("smallint", ("-32768", "32767", "0")),
    Kind("integer", ("-2147483648", "2147483647", "0")),
    Kind("bigint", ("-9223372036854775808", "9223372036854775807", "0")),
    Kind("oid", ("0", "4294967295")),
    Kind("numeric(10,2)", ("-99999999.99", "99999999.99", "0", "0.01")),
    Kind("numeric(5)", ("-99999", "99999", "0")),
    Kind("numeric(5,-2)", ("-9999900", "9999900", "0")),
    Kind(
        "numeric",
        ("-1.5", "0", "123456789012345678901234567890.12345", "1e-127"),
        "{}::numeric(300,127)",
        "{}::numeric(300,127)",
    ),
    Kind("real", ("-3.4028235e38", "3.4028235e38", "1e-45", "0", "0.1")),
    Kind("double precision", (LEAST_DOUBLE, MOST_DOUBLE, "5e-324", "0", "0.1")),
    Kind("money", ("'-12345678901.25'", "'0'", "'1234.5'"), None, "{}::numeric::float8"),
    Kind("boolean", ("true", "false")),
    Kind("bit(1)", ("B'1'", "B'0'"), None, "{} = B'1'"),
    Kind("bit(4)", ("B'1010'", "B'0000'"), None, "{}::int"),
    Kind("bit(8)", ("B'11111111'", "B'01111111'", "B'10000000'"), None, "({}::int + 128) % 256 - 128"),
    Kind("bit(12)", ("B'000111111111'",), None, "decode(lpad(to_hex({}::int), 4, '0'), 'hex')"),
    Kind("char(5)", ("'ab'", "''", "'grün☃'"), "{}", "rpad({}, 5)"),
    Kind("varchar(30)", (TEXT, "''", "'  x  '")),
    Kind("text", (TEXT, "''", r"E'\t\r\n\x01'", "repeat('ü', 20000)")),
    Kind("name", ("'n'", "'ünï'")),
    Kind("mood", ("'sad'", "'ok'")),
    Kind("json", ("""'{"a": 1,  "b": [null, "ü"]}'""", "'null'")),
    Kind("jsonb", ("""'{"a": 1,  "b": [null, "ü"]}'""", "'1.50'")),
    Kind("uuid", ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",)),
    Kind("xml", ("'<a b=\"c\">ü</a>'",)),
    Kind("bytea", (r"'\x'", r"'\x00ff5c27'", "decode(repeat('00ff', 50000), 'hex')")),
    Kind(
        "date",
        (
            "'2024-02-29'",
            "'1969-12-31'",
            "'1582-10-15'",
            "'1582-10-04'",
            "'1500-03-01'",
            "'0001-01-03'",
            "'9999-12-31'",
        ),
    ),
    Kind("time", ("'00:00'", "'23:59:59.999999'", "'12:30:15.5'"), f"{CUT}::time", f"{CUT}::time"),
    Kind(
        "timetz",
        ("'12:30:15.123456+02'", "'01:00-05'"),
        "(date_trunc('milliseconds', ({} AT TIME ZONE 'UTC')::time)::time || '+00')::timetz",
        "date_trunc('milliseconds', ({} AT TIME ZONE 'UTC')::time)::time",
    ),
    Kind(
        "timestamp",
        (
            "'2024-02-29 12:30:15.123456'",
            "'1969-12-31 23:59:59.9999'",
            "'1582-10-04 23:00'",
            "'1500-03-01 12:00:00.123'",
            "'0001-01-03 00:00'",
            "'9999-12-31 23:59:59.999999'",
        ),
        CUT,
        CUT,
    ),
    Kind(
        "timestamptz",
        (
            "'2024-02-29 12:30:15.123456+05:30'",
            "'1969-12-31 23:59:59.9999+00'",
            "'1500-03-01 12:00:00.123+00'",
            "'0001-01-04 00:00+00'",
            "'9999-12-31 23:59:59.999999+00'",
        ),
        CUT,
        CUT.format("{} AT TIME ZONE 'UTC'"),
    ),
]


MARIADB = [
    Kind("tinyint(1)", ("-128", "127", "0")),
    Kind("boolean", ("true", "false")),
    Kind("tinyint", ("-128", "127", "0")),
    Kind("tinyint unsigned", ("255", "0")),
    Kind("smallint", ("-32768", "32767")),
    Kind("smallint unsigned", ("65535", "0")),
    Kind("mediumint", ("-8388608", "8388607")),
    Kind("mediumint unsigned", ("16777215", "0")),
    Kind("int", ("-2147483648", "2147483647")),
    Kind("int unsigned", ("4294967295", "0")),
    Kind("bigint", ("-9223372036854775808", "9223372036854775807")),
    Kind("bigint unsigned", ("9223372036854775807", "0")),
    Kind("float", ("-3.40282e38", "3.40282e38", "1.17549e-38", "0", "0.1", "-1.5")),
    Kind("double", (LEAST_DOUBLE, MOST_DOUBLE, "2.2250738585072014e-308", "0", "0.1")),
    Kind("decimal(10,2)", ("-99999999.99", "99999999.99", "0", "0.01")),
    Kind("decimal(65,30)", ("-99999999999999999999999999999999999.999999999999999999999999999999", "1e-30")),
    Kind("numeric(5)", ("-99999", "99999")),
    Kind("bit(1)", ("b'1'", "b'0'"), "{}", "{}+0"),
    Kind("bit(7)", ("b'1111111'", "b'0'"), "{}", "{}+0"),
    Kind("char(5)", ("'ab'", "''", "'grün☃'")),
    Kind("varchar(40)", (TEXT.replace("\\", "\\\\"), "''", "'  x  '")),
    Kind("tinytext", ("'a'", "''")),
    Kind("text", (TEXT.replace("\\", "\\\\"), r"'\0\t\r\n\Z\b%_'", "repeat('ü', 32000)")),
    Kind("mediumtext", ("repeat('ü', 20000)",), "{}", None),
    Kind("longtext", ("'a'",)),
    Kind("enum('a','ü')", ("'a'", "'ü'")),
    Kind("set('a','b')", ("'a,b'", "''")),
    Kind("json", ("""'{"a": 1,  "b": [null, "ü"]}'""", "'null'")),
    Kind("binary(3)", ("x'00ff'", "x''")),
    Kind("varbinary(30)", ("x'00ff5c27220a'", "x''")),
    Kind("tinyblob", ("x'00'",)),
    Kind("blob", ("repeat(x'00ff', 500)",)),
    Kind("mediumblob", ("repeat(x'00ff', 50000)",), "{}", None),
    Kind("longblob", ("x'00ff'",)),
    Kind("date", ("'2024-02-29'", "'1969-12-31'", "'1582-10-04'", "'1000-01-01'", "'0001-01-03'", "'9999-12-31'")),
    Kind("time", ("'00:00:00'", "'23:59:59'")),
    Kind("time(6)", ("'00:00:00.000001'", "'23:59:59.999999'"), "CAST({} AS TIME(3))", "CAST({} AS TIME(3))"),
    Kind("datetime", ("'2024-02-29 12:30:15'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'")),
    Kind(
        "datetime(6)",
        (
            "'2024-02-29 12:30:15.123456'",
            "'1969-12-31 23:59:59.999999'",
            "'1500-03-01 12:00:00.1234'",
            "'0001-01-03 00:00:00.1'",
            "'9999-12-31 23:59:59.999999'",
        ),
        "CAST({} AS DATETIME(3))",
        "CAST({} AS DATETIME(3))",
    ),
    Kind(
        "timestamp(6)",
        ("'2024-02-29 12:30:15.123456'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"),
        "CAST({} AS DATETIME(3))",
        "CAST({} AS DATETIME(3))",
    ),
    Kind("year", ("2024", "1901", "2155"), None, "MAKEDATE({}, 1)"),
]
SQLITE = [
    Kind("INTEGER", ("-2147483648", "2147483647", "0")),
    Kind("INT", ("-9223372036854775808", "9223372036854775807", "0")),
    Kind("TINYINT", ("-128", "127")),
    Kind("SMALLINT", ("-32768", "32767")),
    Kind("BIGINT", ("-9223372036854775808", "9223372036854775807")),
    Kind("REAL", ("0.5", "-1267650600228229401496703205376.0", "0")),
    Kind("FLOAT", ("0.1", LEAST_DOUBLE, MOST_DOUBLE, "5e-324")),
    Kind("DOUBLE", ("0.1", LEAST_DOUBLE, MOST_DOUBLE, "5e-324")),
    Kind("TEXT", (TEXT, "''", "char(9, 13, 10, 1)", "printf('%.20000c', 'x')")),
    Kind("VARCHAR(3)", (TEXT, "''")),
    Kind("CHAR(3)", ("'x'", "' x '")),
    Kind("CLOB", ("'x'",)),
    Kind("BLOB", ("x''", "x'00ff5c27'", "zeroblob(100000)")),
    Kind("NUMERIC(10,2)", ("12.5", "-99999999.99", "0")),
    Kind("NUMERIC", ("12.5", "-9223372036854775808", "1e-20")),
    Kind("DECIMAL(10,2)", ("12.5", "12", "0.01")),
    Kind("BOOLEAN", ("0", "1")),
    Kind("DATE", ("1709164800000", "-86400000", "-62135424000000", "253402214400000")),
    Kind("DATE", ("'2024-02-29'", "'1969-12-31'"), "strftime('%s', {}) * 1000", "strftime('%s', {}) * 1000"),
    Kind("TIME", ("0", "86399999")),
    Kind("TIMESTAMP", ("1709168523456", "-1", "-14829955200123", "-62135424000000", "253402300799999")),
    Kind(
        "TIMESTAMP",
        ("'2024-02-29 01:02:03'", "'1969-12-31T23:59:59'"),
        "strftime('%s', {}) * 1000",
        "strftime('%s', {}) * 1000",
    ),
    Kind("DATETIME", ("1709168523456",)),
]

TYPES = {"postgresql": POSTGRESQL, "mariadb": MARIADB, "sqlite": SQLITE}


@pytest.fixture(scope="module")
def databases(
    postgresql: PostgreSqlAddress, mariadb: MariaDbAddress, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Target]]:
    """A database of each kind, whose server has a zone of its own where it can."""
    name = f"t{uuid.uuid4().hex[:12]}"
    postgresql.create_database(name)
    mariadb.create_database(name)
    made = {
        "postgresql": Target("postgresql", postgresql.jdbc_url(name), postgresql.user, postgresql.password, []),
        "mariadb": Target("mariadb", mariadb.jdbc_url(name), mariadb.user, mariadb.password, []),
        "sqlite": Target("sqlite", f"jdbc:sqlite:{tmp_path_factory.mktemp('trips') / 'test.db'}", None, None, []),
    }
    zone = f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'"
    made["postgresql"].session().run(zone, "CREATE TYPE mood AS ENUM ('sad', 'ok')")
    yield made
    for each in made.values():
        each.close()


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
    "postgresql extended": Given("postgresql", EXTENDED, {"x.extended.types": "true"}),
}


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
