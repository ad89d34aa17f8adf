"""Settings of the connection: driver properties, the list of what is blocked, credentials (spec/jdbc.md 2.1)."""

import inspect
import sys
import types

import oracledb
import pymssql
import pytest

from linkspan.api import ConfigError, CredentialsError, OutageError, Secret, UnreachableError
from linkspan_connectors.jdbc.config import ConnectionConfig, attempts_of, settings_of
from linkspan_connectors.jdbc.credentials import Credentials, credentials_of
from linkspan_connectors.jdbc.dialects import dialect_class
from linkspan_connectors.jdbc.dialects.mysql_connection import arguments as mysql_arguments
from linkspan_connectors.jdbc.dialects.oracle_connection import arguments as oracle_arguments
from linkspan_connectors.jdbc.dialects.postgresql_connection import conninfo, prepare_threshold
from linkspan_connectors.jdbc.dialects.sqlserver import arguments as sqlserver_arguments
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse

BLOCKED = "JDBC_CONNECTION_URL_BLOCKED_PARAMS"


def config(**given):
    texts = {
        "connection.url": "jdbc:postgresql://h/d",
        **{name.replace("__", "."): text for name, text in given.items()},
    }
    values = {key.name: key.default for key in ConnectionConfig.keys}
    values.update({name: text for name, text in texts.items() if name in values})
    if "connection.password" in texts:
        values["connection.password"] = Secret(texts["connection.password"])
    return ConnectionConfig(values, texts)


def test_other_keys_of_the_connection_go_to_the_driver():
    made = settings_of(config(connection__sslmode="require", connection__user="u", connection__attempts="3"))
    assert dict(made.properties) == {"sslmode": "require"}
    assert made.option("SSLMODE") == "require"


def test_a_property_of_its_own_key_comes_before_the_urls():
    made = settings_of(
        config(connection__url="jdbc:postgresql://h/d?sslMode=disable&a=b", connection__sslmode="require")
    )
    assert made.option("sslmode") == "require"
    assert made.all_properties == {"a": "b", "sslmode": "require"}


def test_a_property_that_the_worker_blocks_is_refused(monkeypatch):
    monkeypatch.setenv(BLOCKED, "autoDeserialize, sslFactory")
    with pytest.raises(ConfigError, match="sslfactory is not allowed") as caught:
        settings_of(config(connection__sslfactory="x"))
    assert caught.value.key == "connection.sslfactory"
    with pytest.raises(ConfigError, match="AUTODESERIALIZE is not allowed") as caught:
        settings_of(config(connection__url="jdbc:mysql://h/d?AUTODESERIALIZE=true"))
    assert caught.value.key == "connection.url"
    settings_of(config(connection__sslmode="require"))


def test_properties_are_blocked_as_for_the_java_worker(monkeypatch):
    monkeypatch.setenv("KAFKA_OPTS", "-Xmx1g -Djdbc.connection.url.blocked.params=a,b -Dc=d")
    with pytest.raises(ConfigError, match="B is not allowed"):
        settings_of(config(connection__url="jdbc:mysql://h/d?B=true"))
    settings_of(config(connection__url="jdbc:mysql://h/d?c=true"))


def test_calendar_quotes_and_zones_are_read():
    made = settings_of(
        config(db__timezone="GMT+2", quote__sql__identifiers="Never", date__calendar__system="PROLEPTIC_GREGORIAN"),
        "UTC",
    )
    assert (made.quote, made.proleptic, str(made.zone), str(made.date_zone)) == (False, True, "UTC+02:00", "UTC")


def test_attempts_are_read():
    made = config()
    assert attempts_of(made) == (3, 10.0)


def test_default_credentials_are_the_configured_ones():
    given = credentials_of(config(connection__user="u", connection__password="secret"))
    assert given() == Credentials("u", "secret")
    assert "secret" not in repr(given())
    assert credentials_of(config())() == Credentials(None, None)


def provide(texts):
    return texts["connection.user"], texts["jdbc.credentials.provider.path"]


class Provider:
    def __init__(self, texts):
        self.asked, self.path = 0, texts["jdbc.credentials.provider.path"]

    def credentials(self):
        self.asked += 1
        return self.path, f"password {self.asked}"


def failing(_texts):
    raise ValueError("the vault is closed")


def nothing(_texts):
    return None


@pytest.mark.parametrize("separator", [":", "."])
def test_a_provider_is_asked_for_each_connection(separator, monkeypatch):
    monkeypatch.setitem(sys.modules, "providers_of_test", types.ModuleType("providers_of_test"))
    module = sys.modules["providers_of_test"]
    module.provide, module.Provider = provide, Provider
    own = {"jdbc__credentials__provider__path": "p", "connection__user": "u"}
    name = f"providers_of_test{separator}provide"
    assert credentials_of(config(jdbc__credentials__provider__class=name, **own))() == Credentials("u", "p")
    given = credentials_of(config(jdbc__credentials__provider__class=f"providers_of_test{separator}Provider", **own))
    assert [given(), given()] == [Credentials("p", "password 1"), Credentials("p", "password 2")]


@pytest.mark.parametrize("name", ["nowhere:provide", "json:nothing", "json:JSONDecoder", "json", "json:__name__"])
def test_what_is_no_provider_is_refused(name):
    with pytest.raises(ConfigError) as caught:
        credentials_of(config(jdbc__credentials__provider__class=name))
    assert caught.value.key == "jdbc.credentials.provider.class"


def test_a_provider_that_fails_is_named(monkeypatch):
    module = types.ModuleType("failing_of_test")
    module.failing, module.nothing = failing, nothing
    monkeypatch.setitem(sys.modules, "failing_of_test", module)
    with pytest.raises(ConfigError, match="failing_of_test:failing has failed: ValueError: the vault is closed"):
        credentials_of(config(jdbc__credentials__provider__class="failing_of_test:failing"))()
    with pytest.raises(ConfigError, match="has to return user and password"):
        credentials_of(config(jdbc__credentials__provider__class="failing_of_test:nothing"))()


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (TimeoutError("no answer"), UnreachableError),
        (ConnectionRefusedError(), UnreachableError),
        (OutageError("the vault is sealed"), OutageError),
        (CredentialsError("the vault knows nothing of us"), CredentialsError),
    ],
)
def test_a_provider_may_say_that_it_has_no_answer_for_the_moment(raised, kind, monkeypatch):
    def provider(_: object) -> None:
        raise raised

    module = types.ModuleType("waiting_of_test")
    module.provider = provider
    monkeypatch.setitem(sys.modules, "waiting_of_test", module)
    with pytest.raises(kind) as caught:
        credentials_of(config(jdbc__credentials__provider__class="waiting_of_test:provider"))()
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("protocol", "name", "chosen"),
    [
        ("postgresql", "", "PostgreSqlDatabaseDialect"),
        ("mariadb", "", "MySqlDatabaseDialect"),
        ("jtds:sqlserver", "", "SqlServerDatabaseDialect"),
        ("microsoft:sqlserver", "", "SqlServerDatabaseDialect"),
        ("jtds:sybase", "", "SybaseDatabaseDialect"),
        ("redshift", "", "GenericDatabaseDialect"),
        ("db2j:net", "", "Db2DatabaseDialect"),
        ("redshift", "PostgreSqlDatabaseDialect", "PostgreSqlDatabaseDialect"),
        ("sqlserver", "sybasedatabasedialect", "SybaseDatabaseDialect"),
    ],
)
def test_dialect_is_that_of_the_url_unless_it_is_named(protocol, name, chosen):
    assert dialect_class(protocol, name).name == chosen


def test_an_unknown_dialect_lists_the_known_ones():
    with pytest.raises(ConfigError, match="must be one of Db2DatabaseDialect, DerbyDatabaseDialect") as caught:
        dialect_class("postgresql", "NoSuchDialect")
    assert caught.value.key == "dialect.name"


def of(make, url, **properties):
    return make(Settings(parse(url), properties), Credentials("u", "p"), "app")


def test_properties_of_postgresql_become_those_of_libpq():
    url = "jdbc:postgresql://h1:1,h2/db?ssl=true&currentSchema=a b,c&connectTimeout=7&socketTimeout=9"
    made = of(conninfo, f"{url}&targetServerType=preferSecondary&ApplicationName=x&reWriteBatchedInserts=true")
    assert made == {
        "host": "h1,h2", "port": "1,5432", "dbname": "db", "user": "u", "password": "p", "application_name": "x",
        "client_encoding": "UTF8",
        "connect_timeout": 7, "keepalives": 1, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6,
        "target_session_attrs": "prefer-standby", "tcp_user_timeout": 9000,
        "sslmode": "require", "options": "-c search_path=a\\ b,c",
    }  # fmt: skip


def test_a_server_that_is_gone_without_a_word_is_noticed():
    assert of(conninfo, "jdbc:postgresql://h/d")["tcp_user_timeout"] == 120_000
    made = of(conninfo, "jdbc:postgresql://h/d?tcpKeepAlive=false")
    assert made["keepalives"] == 0
    assert "tcp_user_timeout" not in made


def test_sslmode_comes_before_ssl():
    made = of(conninfo, "jdbc:postgresql://h/d?ssl=true&sslmode=verify-full", sslrootcert="/ca.pem")
    assert (made["sslmode"], made["sslrootcert"]) == ("verify-full", "/ca.pem")


@pytest.mark.parametrize(
    ("query", "threshold"),
    [("", 5), ("?prepareThreshold=0", None), ("?prepareThreshold=2", 2), ("?preferQueryMode=simple", None)],
)
def test_statements_are_prepared_after_as_many_runs_as_the_url_says(query, threshold):
    assert prepare_threshold(Settings(parse(f"jdbc:postgresql://h/d{query}"))) == threshold


@pytest.mark.parametrize("query", ["?targetServerType=best", "?connectTimeout=soon"])
def test_a_bad_property_of_postgresql_is_refused(query):
    with pytest.raises(ConfigError) as caught:
        of(conninfo, f"jdbc:postgresql://h/d{query}")
    assert caught.value.key == "connection.url"


def test_properties_of_mysql_become_those_of_pymysql():
    made = of(mysql_arguments, "jdbc:mysql://h/db?connectTimeout=1500&socketTimeout=3000")
    assert (made["connect_timeout"], made["read_timeout"], made["database"]) == (1.5, 3.0, "db")
    assert made["init_command"] == "SET sql_mode=CONCAT(@@sql_mode,',STRICT_TRANS_TABLES')"
    assert "ssl" not in made
    made = of(mysql_arguments, "jdbc:mysql://h/d?sessionVariables=a%3D1&jdbcCompliantTruncation=false")
    assert made["init_command"] == "SET a=1"


def test_a_session_of_mysql_has_the_zone_of_the_connection_where_that_is_forced():
    def command(query: str) -> str:
        return of(mysql_arguments, f"jdbc:mysql://h/d?jdbcCompliantTruncation=false{query}")["init_command"]

    zone = "&serverTimezone=Europe/Paris"
    assert command(zone) == "SET @linkspan=1"
    assert command(f"{zone}&forceConnectionTimeZoneToSession=true") == "SET time_zone='Europe/Paris'"
    assert command("&connectionTimeZone=SERVER&forceConnectionTimeZoneToSession=true") == "SET @linkspan=1"
    with pytest.raises(ConfigError, match="connectionTimeZone has to be a zone"):
        command("&connectionTimeZone=%27x&forceConnectionTimeZoneToSession=true")


@pytest.mark.parametrize(
    ("query", "checks_certificate", "checks_name"),
    [("useSSL=true", False, False), ("sslMode=REQUIRED", False, False), ("sslMode=VERIFY_CA", True, False),
     ("sslMode=verify-full", True, True), ("useSSL=true&verifyServerCertificate=true", True, False)],
)  # fmt: skip
def test_tls_of_mysql_checks_what_the_mode_says(query, checks_certificate, checks_name):
    context = of(mysql_arguments, f"jdbc:mysql://h/d?{query}")["ssl"]
    assert (context.verify_mode.name == "CERT_REQUIRED", context.check_hostname) == (checks_certificate, checks_name)


def test_properties_of_sql_server_become_those_of_pymssql():
    made = of(sqlserver_arguments, "jdbc:sqlserver://h\\i;databaseName=d;encrypt=true;loginTimeout=5;applicationName=a")
    assert made == {
        "server": "h\\i", "user": "u", "password": "p", "database": "d", "login_timeout": 5, "appname": "a",
        "charset": "UTF-8", "autocommit": False, "use_datetime2": True, "encryption": "require", "read_only": False,
    }  # fmt: skip
    assert of(sqlserver_arguments, "jdbc:sqlserver://h")["port"] == "1433"
    with pytest.raises(ConfigError, match="only authentication by user and password"):
        of(sqlserver_arguments, "jdbc:sqlserver://h;authentication=ActiveDirectoryIntegrated")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("jdbc:oracle:thin:@h:1522:S", {"host": "h", "port": 1522, "protocol": "tcp", "sid": "S"}),
        ("jdbc:oracle:thin:@//h/s", {"host": "h", "port": 1521, "protocol": "tcp", "service_name": "s"}),
        ("jdbc:oracle:thin:@tcps://h/s", {"host": "h", "port": 2484, "protocol": "tcps", "service_name": "s"}),
        ("jdbc:oracle:thin:@(DESCRIPTION=(A=b))", {"dsn": "(DESCRIPTION=(A=b))"}),
    ],
)
def test_forms_of_oracle_become_those_of_oracledb(url, place):
    made = of(oracle_arguments, url)
    rest = {"user": "u", "password": "p", "tcp_connect_timeout": 40.0, "program": "app", "ssl_server_dn_match": True}
    assert made == {**rest, **place}


@pytest.mark.parametrize(
    "url",
    ["jdbc:oracle:thin:@h:1522:S", "jdbc:oracle:thin:@//h/s", "jdbc:oracle:thin:@tcps://h/s?oracle.net.tns_admin=/t"],
)
def test_the_driver_of_oracle_takes_what_it_is_given(url):
    made = of(oracle_arguments, url)
    made.pop("password")
    described = oracledb.ConnectParams(**made).get_connect_string()
    assert f"(HOST={made['host']})(PORT={made['port']})" in described
    assert f"(PROTOCOL={made['protocol']})" in described


def test_the_driver_of_sql_server_takes_what_it_is_given():
    made = of(sqlserver_arguments, "jdbc:sqlserver://h;databaseName=d;encrypt=true")
    assert made.keys() <= inspect.signature(pymssql.connect).parameters.keys()


def test_credentials_of_the_url_are_used_where_none_are_configured():
    url = parse("jdbc:oracle:thin:scott/tiger@h:1:s")
    made = oracle_arguments(Settings(url), Credentials(), "app")
    assert (made["user"], made["password"]) == ("scott", "tiger")
