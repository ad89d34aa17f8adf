"""JDBC URLs of every form, and what is hidden of them (spec/jdbc.md 2.2)."""

import pytest

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.urls import Host, masked, parse

FORMS = [
    ("jdbc:postgresql://h/db", "postgresql", [("h", None)], "db", {}),
    ("jdbc:postgresql://h1:5432,h2/db?ssl=true&a=b%26c", "postgresql", [("h1", 5432), ("h2", None)], "db",
     {"ssl": "true", "a": "b&c"}),
    ("jdbc:postgresql://[::1]:5433/db", "postgresql", [("::1", 5433)], "db", {}),
    ("jdbc:postgresql:db", "postgresql", [], "db", {}),
    ("jdbc:postgresql://h/", "postgresql", [("h", None)], None, {}),
    ("jdbc:mysql://h:3306/db?useSSL=false", "mysql", [("h", 3306)], "db", {"useSSL": "false"}),
    ("jdbc:mariadb://h/", "mariadb", [("h", None)], None, {}),
    ("jdbc:mysql:replication://h1:1,h2/db", "mysql", [("h1", 1), ("h2", None)], "db", {}),
    ("jdbc:mariadb:sequential://h1,h2:2/db?a=b", "mariadb", [("h1", None), ("h2", 2)], "db", {"a": "b"}),
    ("jdbc:mysql://address=(host=h1)(port=1),(host=h2,port=2)/db", "mysql", [("h1", 1), ("h2", 2)], "db", {}),
    ("jdbc:sqlite:file:a.db?mode=ro", "sqlite", [], "file:a.db?mode=ro", {}),
    ("jdbc:sqlite:/tmp/a b.db", "sqlite", [], "/tmp/a b.db", {}),
    ("jdbc:sqlite:", "sqlite", [], ":memory:", {}),
    ("jdbc:sqlite::memory:", "sqlite", [], ":memory:", {}),
    ("jdbc:sqlite:a.db?busy_timeout=5", "sqlite", [], "a.db", {"busy_timeout": "5"}),
    ("jdbc:oracle:thin:@h:1521:SID", "oracle", [("h", 1521)], "SID", {}),
    ("jdbc:oracle:thin:@//h:1521/svc", "oracle", [("h", 1521)], "svc", {}),
    ("jdbc:oracle:thin:@h:1521/svc", "oracle", [("h", 1521)], "svc", {}),
    ("jdbc:oracle:thin:@tcps://h:2484/svc?a=b", "oracle", [("h", 2484)], "svc", {"a": "b"}),
    ("jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=h)))", "oracle", [], "(DESCRIPTION=(ADDRESS=(HOST=h)))", {}),
    ("jdbc:oracle:thin:@name", "oracle", [], "name", {}),
    ("jdbc:oracle:oci:@h:1521/svc", "oracle", [("h", 1521)], "svc", {}),
    ("jdbc:sqlserver://h:1433;databaseName=d;encrypt=true;", "sqlserver", [("h", 1433)], "d",
     {"databaseName": "d", "encrypt": "true"}),
    ("jdbc:sqlserver://h\\inst;database=d", "sqlserver", [("h", None)], "d", {"instanceName": "inst", "database": "d"}),
    ("jdbc:sqlserver://;serverName=h;portNumber=1;password={a;b}", "sqlserver", [("h", 1)], None,
     {"serverName": "h", "portNumber": "1", "password": "a;b"}),
    ("jdbc:microsoft:sqlserver://h:1433;databaseName=d", "microsoft:sqlserver", [("h", 1433)], "d",
     {"databaseName": "d"}),
    ("jdbc:jtds:sqlserver://h:1433/d;instance=i", "jtds:sqlserver", [("h", 1433)], "d", {"instance": "i"}),
    ("jdbc:jtds:sybase://h:5000/d", "jtds:sybase", [("h", 5000)], "d", {}),
    ("jdbc:db2://h:50000/DB:currentSchema=S;sslConnection=true;", "db2", [("h", 50000)], "DB",
     {"currentSchema": "S", "sslConnection": "true"}),
    ("jdbc:db2://h:50000/DB", "db2", [("h", 50000)], "DB", {}),
    ("jdbc:db2:DB", "db2", [], "DB", {}),
    ("jdbc:derby://h:1527/d;create=true", "derby", [("h", 1527)], "d", {"create": "true"}),
    ("jdbc:sap://h:30015/?databaseName=D", "sap", [("h", 30015)], "D", {"databaseName": "D"}),
    ("jdbc:vertica://h:5433/d", "vertica", [("h", 5433)], "d", {}),
    ("jdbc:redshift://h:5439/d", "redshift", [("h", 5439)], "d", {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "protocol", "hosts", "database", "properties"), FORMS)
def test_url_is_read_in_its_parts(text, protocol, hosts, database, properties):
    url = parse(text)
    assert url.protocol == protocol
    assert list(url.hosts) == [Host(*host) for host in hosts]
    assert url.database == database
    assert dict(url.properties) == properties


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("jdbc:oracle:thin:@h:1521:SID", "sid"),
        ("jdbc:oracle:thin:@h:1521/svc", "service"),
        ("jdbc:oracle:thin:@tcps://h/svc", "tcps"),
        ("jdbc:oracle:thin:@(DESCRIPTION=)", "descriptor"),
        ("jdbc:oracle:thin:@tns", "name"),
    ],
)
def test_forms_of_oracle_are_told_apart(text, variant):
    assert parse(text).variant == variant


def test_credentials_in_front_of_the_host_are_read():
    url = parse("jdbc:oracle:thin:scott/ti@ger@h:1521:S")
    assert (url.user, url.password) == ("scott", "ti@ger")
    url = parse("jdbc:postgresql://u%40x:p%3Aw@h/d")
    assert (url.user, url.password) == ("u@x", "p:w")


SECRETS = [
    "jdbc:postgresql://h/d?user=u&password=hush&ssl=true",
    "jdbc:postgresql://u:hush@h/d",
    "jdbc:sqlserver://h;user=u;password=hush;encrypt=true",
    "jdbc:sqlserver://h;password={hu;hush};encrypt=true",
    "jdbc:oracle:thin:scott/hush@h:1521:S",
    'jdbc:oracle:thin:scott/"a@hush"@h:1521:S',
    "jdbc:db2://h:1/D:user=u;password=hush;",
    "jdbc:mysql://h/d?trustCertificateKeyStorePassword=hush",
    "jdbc:oracle:thin:@h:1/s?javax.net.ssl.keyStorePassword=hush",
    "jdbc:mysql://(host=h,port=1,password=hush)/d",
    "jdbc:snowflake://h/?token=hush&db=d",
]


@pytest.mark.parametrize("text", SECRETS)
def test_no_secret_of_a_url_is_shown(text):
    assert "hush" not in masked(text)
    assert "hush" not in masked(f"could not connect to {text}: no route")
    assert "jdbc:" in masked(text)
    assert "hush" not in repr(parse(text))
    assert "hush" not in str(parse(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a JDBC URL is needed"),
        ("postgresql://u:hush@h/d", "begins with jdbc:"),
        ("jdbc:postgresql", "begins with jdbc:"),
        ("jdbc:postgresql://u:hush@h:port/d", "'port' is no port"),
        ("jdbc:postgresql://h:70000/d", "'70000' is no port"),
        ("jdbc:postgresql://h/d?=hush", "a property has no name"),
        ("jdbc:oracle:thin:h:1521:S", "has an @ in front"),
    ],
)
def test_what_is_no_url_is_refused_without_its_secret(text, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        parse(text)
    assert caught.value.key == "connection.url"
    assert "u:hush" not in str(caught.value)
