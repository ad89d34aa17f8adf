"""What a wrong configuration is told, and at which key (spec/jdbc.md 4)."""

from __future__ import annotations

import socket
import uuid

import pytest

from integration.services.server import free_ports
from linkspan.config.definition import load
from linkspan_connectors.jdbc.connector import JdbcSinkConnector, JdbcSourceConnector

pytestmark = pytest.mark.integration


@pytest.fixture(params=[JdbcSourceConnector, JdbcSinkConnector])
def problems(request):
    """Messages by key that a connector has for settings."""

    def found(target, **settings):
        own = {"mode": "bulk", "table.whitelist": "t"} if request.param is JdbcSourceConnector else {}
        given = {**target.settings, **own, **{key.replace("__", "."): value for key, value in settings.items()}}
        config = load(request.param.config_class, given)
        return {error.key: error.message for error in request.param().validate(config)}

    return found


@pytest.fixture(params=["postgresql", "mariadb"])
def server_target(request):
    return request.getfixturevalue(f"{request.param}_target")


def test_a_configuration_that_works_has_no_problems(problems, target):
    assert problems(target) == {}


def test_a_wrong_password_is_told_at_user_and_password(problems, server_target):
    told = problems(server_target, connection__password="hush")
    assert told.keys() == {"connection.user", "connection.password"}
    assert not any("hush" in message for message in told.values())


def test_a_database_that_is_missing_is_told_at_the_url(problems, server_target):
    told = problems(server_target, connection__url=server_target.url.rpartition("/")[0] + "/nowhere")
    assert told.keys() == {"connection.url"}
    assert "nowhere" in told["connection.url"]


def test_a_server_that_is_not_there_is_told_at_the_url(problems, server_target):
    address = server_target.url.split("/")[2]
    (port,) = free_ports(1)
    told = problems(server_target, connection__url=server_target.url.replace(address, f"127.0.0.1:{port}"))
    assert told.keys() == {"connection.url"}
    assert str(port) in told["connection.url"]


def test_a_host_that_is_not_there_is_told_at_the_url(problems, server_target):
    address = server_target.url.split("/")[2]
    url = server_target.url.replace(address, "nowhere.invalid") + "?password=hush"
    told = problems(server_target, connection__url=url)
    assert told.keys() == {"connection.url"}
    assert "nowhere.invalid" in told["connection.url"]
    assert "hush" not in told["connection.url"]


@pytest.mark.parametrize("hosts", [1, 4])
def test_a_server_that_says_nothing_is_given_up_however_many_there_are(problems, server_target, monkeypatch, hosts):
    monkeypatch.setattr("linkspan_connectors.jdbc.validation.VALIDATION_SECONDS", 2.0)
    address = server_target.url.split("/")[2]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = ",".join([f"127.0.0.1:{silent.getsockname()[1]}"] * hosts)
        url = server_target.url.replace(address, place) + "?password=hush"
        told = problems(server_target, connection__url=url)
    assert told.keys() == {"connection.url"}
    assert "hush" not in told["connection.url"]
    assert hosts == 1 or "no result after 2 s" in told["connection.url"]


def test_who_may_not_log_in_is_told_at_user_and_password(problems, postgresql_target):
    role = f"r{uuid.uuid4().hex[:12]}"
    postgresql_target.session().run(f"CREATE ROLE {role} PASSWORD 'hush'")
    told = problems(postgresql_target, connection__user=role, connection__password="hush")
    postgresql_target.session().run(f"DROP ROLE {role}")
    assert told.keys() == {"connection.user", "connection.password"}


def test_a_server_without_tls_is_told_at_the_url(problems, postgresql_target):
    told = problems(postgresql_target, connection__sslmode="require")
    assert told.keys() == {"connection.url"}
    assert "SSL" in told["connection.url"]


def test_a_driver_that_is_not_there_is_told_at_the_url(problems, server_target):
    told = problems(server_target, connection__url="jdbc:nosuch://h/d")
    assert told.keys() == {"connection.url"}
    assert "There is no driver for jdbc:nosuch" in told["connection.url"]


def test_a_provider_of_credentials_that_is_not_there_is_told_at_its_key(problems, server_target):
    told = problems(server_target, jdbc__credentials__provider__class="nowhere:provide")
    assert told.keys() == {"jdbc.credentials.provider.class"}


def test_a_dialect_that_is_unknown_is_told_at_its_key(problems, server_target):
    assert problems(server_target, dialect__name="Nosuch").keys() == {"dialect.name"}
