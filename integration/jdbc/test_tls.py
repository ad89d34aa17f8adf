"""TLS to real databases, with the properties of their Java drivers and stores of Java (spec/jdbc.md 2.2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.conftest import missing
from integration.jdbc.targets import Target
from integration.services.certificates import Authority
from integration.services.mariadb import MariaDb
from integration.services.maven import UnavailableError
from integration.services.postgresql import PostgreSql
from linkspan.api import ConfigError, CredentialsError, UnreachableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("jdbc-tls")]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def servers(authority) -> Iterator[dict[str, Target]]:
    identity = authority.issue("localhost", "127.0.0.1")
    try:
        both = PostgreSql(identity=identity), MariaDb(identity=identity, authority=authority.pem)
    except UnavailableError as error:
        missing(str(error))
    try:
        for server in both:
            server.start()
        connection = both[1].connect("mysql")
        with connection.cursor() as cursor:
            cursor.execute("CREATE USER certified@'%' IDENTIFIED BY 'secret' REQUIRE X509")
        connection.close()
        yield {
            "postgresql": Target("postgresql", both[0].jdbc_url(), "linkspan", "secret", []),
            "mariadb": Target("mariadb", both[1].jdbc_url("mysql"), "linkspan", "secret", []),
        }
    finally:
        for server in both:
            server.remove()


@pytest.fixture
def postgresql(servers) -> Iterator[Target]:
    yield servers["postgresql"]
    servers["postgresql"].close()


@pytest.fixture
def mariadb(servers) -> Iterator[Target]:
    yield servers["mariadb"]
    servers["mariadb"].close()


@pytest.fixture(scope="module")
def trusted(authority, tmp_path_factory):
    """Stores with the authority, by kind."""
    folder = tmp_path_factory.mktemp("trusted")
    pem = folder / "authority.pem"
    pem.write_text(authority.pem)
    stores = {kind: authority.write_trust(folder / f"trust.{kind}", kind, "changeit") for kind in ("JKS", "PKCS12")}
    return {**stores, "PEM": pem, "other": Authority("other").write_trust(folder / "other", "JKS", "changeit")}


def cipher_of_postgresql(session):
    return session.rows("SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()")[0]["cipher"]


def cipher_of_mariadb(session):
    return session.rows("SHOW STATUS LIKE 'Ssl_cipher'")[0]["Value"]


def test_postgresql_is_encrypted_when_the_url_says_so(postgresql, trusted):
    assert cipher_of_postgresql(postgresql.session("?ssl=true"))
    assert cipher_of_postgresql(postgresql.session("", properties={"sslmode": "require"}))
    assert not cipher_of_postgresql(postgresql.session("?sslmode=disable"))
    assert cipher_of_postgresql(postgresql.session(f"?sslmode=verify-full&sslrootcert={trusted['PEM']}"))


def test_a_certificate_of_an_unknown_authority_is_refused_by_postgresql(postgresql, tmp_path):
    other = tmp_path / "other.pem"
    other.write_text(Authority("other").pem)
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        postgresql.session(f"?sslmode=verify-ca&sslrootcert={other}")


@pytest.mark.parametrize("kind", ["JKS", "PKCS12"])
@pytest.mark.parametrize("form", ["mysql", "mariadb"])
def test_the_server_is_checked_against_a_trust_store_of_java(mariadb, trusted, kind, form):
    store = {
        "mysql": f"?sslMode=VERIFY_IDENTITY&trustCertificateKeyStoreUrl=file:{trusted[kind]}"
        "&trustCertificateKeyStorePassword=changeit",
        "mariadb": f"?sslMode=verify-full&trustStore={trusted[kind]}&trustStorePassword=changeit",
    }[form]
    assert cipher_of_mariadb(mariadb.session(store))


def test_mariadb_is_encrypted_without_a_check_when_it_is_only_required(mariadb):
    assert cipher_of_mariadb(mariadb.session("?useSSL=true"))
    assert cipher_of_mariadb(mariadb.session("?sslMode=REQUIRED"))
    assert cipher_of_mariadb(mariadb.session("?sslMode=preferred"))
    assert not cipher_of_mariadb(mariadb.session("?useSSL=false"))
    assert not cipher_of_mariadb(mariadb.session("?sslMode=DISABLED"))


def test_a_certificate_of_an_unknown_authority_is_refused_by_mariadb(mariadb, trusted):
    store = f"trustStore={trusted['other']}&trustStorePassword=changeit"
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        mariadb.session(f"?sslMode=verify-ca&{store}")


def test_we_show_the_certificate_of_a_key_store_of_java(mariadb, trusted, authority, tmp_path):
    keys = authority.issue("certified").write_pkcs12(tmp_path / "keys.p12", "secret2")
    certified = mariadb._replace(user="certified", url=mariadb.url.removesuffix("mysql"))
    trust = f"sslMode=verify-ca&trustStore={trusted['JKS']}&trustStorePassword=changeit"
    session = certified.session(f"?{trust}&keyStore={keys}&keyStorePassword=secret2")
    assert session.rows("SELECT current_user() AS name") == [{"name": "certified@%"}]
    with pytest.raises(CredentialsError):
        certified.session(f"?{trust}")


@pytest.mark.parametrize(
    ("store", "reason"),
    [
        ("trustStore={JKS}&trustStorePassword=wrong", "check its password"),
        ("trustStore={PKCS12}&trustStorePassword=wrong", "check its password"),
        ("trustStore=/nowhere.jks", "No such file"),
        ("keyStore={JKS}&keyStorePassword=changeit", "no private key"),
    ],
)
def test_a_store_that_cannot_be_used_is_named_without_its_password(mariadb, trusted, store, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        mariadb.session("?sslMode=verify-ca&" + store.format(**trusted))
    assert "wrong" not in str(caught.value)
    assert caught.value.key == "connection.url"
