"""Users of the schema registry: who is let in, and what is wrong with a file."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path

import pytest

from linkspan.api.errors import ConfigError
from linkspan.api.rest import RestRequest
from linkspan.config import definition
from linkspan.config.registry import RegistryConfig
from linkspan.rest.registry_users import Users, users_of


def users(folder: Path, lines: str, roles: str = "*", realm: str = "Props") -> Users | None:
    (folder / "users").write_text(lines)
    module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule"
    (folder / "jaas").write_text(f'Props {{ {module} required file="{folder}/users"; }};')
    given = {
        "authentication.method": "BASIC",
        "authentication.realm": realm,
        "authentication.roles": roles,
        "linkspan.jaas.config.file": str(folder / "jaas"),
    }
    return users_of(definition.load(RegistryConfig, given))


def status(found: Users | None, login: str | None) -> int:
    assert found is not None
    headers = {} if login is None else {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
    answer = asyncio.run(found.check(RestRequest("GET", "/subjects", "", headers)))
    return 200 if answer is None else answer.status


def test_users_with_the_right_password_and_role_are_let_in(tmp_path: Path) -> None:
    hashed = hashlib.md5("pässword".encode()).hexdigest()
    found = users(tmp_path, f"alice: secret,admin\nbob: other,guest\ncarol: MD5:{hashed},admin\n", "admin,owner")
    assert [status(found, login) for login in ("alice:secret", "carol:pässword")] == [200, 200]
    assert [status(found, login) for login in ("alice:wrong", "nobody:secret", None, "carol:x")] == [401] * 4
    assert status(found, "bob:other") == 403


def test_any_role_will_do_by_default(tmp_path: Path) -> None:
    assert status(users(tmp_path, "bob: other"), "bob:other") == 200


@pytest.mark.parametrize(
    ("lines", "realm", "said"),
    [("bob: OBF:1abc", "Props", "in the form OBF"), ("bob: x", "Other", "has no context Other")],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, lines: str, realm: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        users(tmp_path, lines, realm=realm)


def test_everybody_is_let_in_without_a_method(tmp_path: Path) -> None:
    del tmp_path
    assert users_of(definition.load(RegistryConfig, {})) is None
    with pytest.raises(ConfigError, match="needs a JAAS file"):
        users_of(definition.load(RegistryConfig, {"authentication.method": "BASIC"}))
