"""Basic authentication of the schema registry, configured as Confluent's: ``authentication.method=BASIC``.

The JAAS file has a context named by ``authentication.realm`` with Jetty's ``PropertyFileLoginModule``, whose file has a
line for each user: ``name: password,role,role``.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from linkspan.api.errors import ConfigError
from linkspan.api.rest import RestRequest, RestResponse
from linkspan.config import properties
from linkspan.config.jaas import SYSTEM_PROPERTY, JaasSyntaxError, file_of_java, parse_contexts
from linkspan.config.registry import RegistryConfig
from linkspan.rest.basic_auth import credentials
from linkspan.rest.errors import error_body
from linkspan.rest.registry_requests import MEDIA_TYPE
from linkspan.rest.rendering import render

__all__ = ["Users", "users_of"]

_MODULE: Final = ".PropertyFileLoginModule"
_KEY: Final = "linkspan.jaas.config.file"
_VARIABLES: Final = ("SCHEMA_REGISTRY_OPTS", "KAFKA_OPTS")
_HASHED: Final = "MD5:"
_UNREADABLE: Final = ("OBF:", "CRYPT:")
_log: Final = logging.getLogger(__name__)


class _User(NamedTuple):
    password: str
    roles: frozenset[str]


class Users:
    """Lets in who names a user with a role that counts; a filter of the REST API.

    Args:
        users: name → user.
        realm: said to browsers.
        roles: that count; ``*`` for any.
    """

    def __init__(self, users: Mapping[str, _User], realm: str, roles: Sequence[str]) -> None:
        self._users = users
        self._realm = realm
        self._roles = frozenset(roles)

    async def check(self, request: RestRequest) -> RestResponse | None:
        """None when the caller may go on, else the answer."""
        if request.method == "OPTIONS":
            return None
        given = credentials(request.headers.get("Authorization"))
        user = self._users.get(given[0]) if given is not None else None
        if given is None or user is None or not _is_password(user.password, given[1]):
            challenge = f'basic realm="{self._realm}"'
            return _refusal(401, "Unauthorized", {"WWW-Authenticate": challenge})
        if "*" in self._roles or not self._roles.isdisjoint(user.roles):
            return None
        return _refusal(403, "User denied access")


def users_of(config: RegistryConfig) -> Users | None:
    """Who may call; None for everybody.

    Raises:
        ConfigError: a file is missing or wrong; names it.
    """
    if config.authentication_method != "BASIC":
        return None
    options = next((file for name in _VARIABLES if (file := file_of_java(os.environ.get(name, "")))), None)
    path = config.linkspan_jaas_config_file or options
    if not path:
        text = f"authentication.method=BASIC needs a JAAS file: set {_KEY}, or {SYSTEM_PROPERTY}FILE in {_VARIABLES[0]}"
        raise ConfigError(text, _KEY)
    users = _read(_file_named(path, config.authentication_realm))
    return Users(users, config.authentication_realm, config.authentication_roles)


def _file_named(path: str, realm: str) -> str:
    try:
        modules = parse_contexts(Path(path).read_text(encoding="utf-8")).get(realm)
    except OSError as error:
        raise ConfigError(f"The JAAS file {path} cannot be read: {error.strerror}", _KEY) from error
    except (JaasSyntaxError, UnicodeDecodeError) as error:
        raise ConfigError(f"The JAAS file {path} is malformed: {error}", _KEY) from error
    if not modules:
        raise ConfigError(f"The JAAS file {path} has no context {realm}, which authentication.realm names", _KEY)
    class_name, options = modules[0]
    if not class_name.endswith(_MODULE) or not options.get("file"):
        raise ConfigError(
            f"The context {realm} of {path} needs Jetty's PropertyFileLoginModule with the option file", _KEY
        )
    return options["file"]


def _read(path: str) -> dict[str, _User]:
    users = {}
    for name, text in properties.load(path).items():
        password, *roles = (part.strip() for part in text.split(","))
        if password.startswith(_UNREADABLE):
            form = password.partition(":")[0]
            raise ConfigError(
                f"The password of {name} in {path} is in the form {form}; write it plainly or as MD5:", _KEY
            )
        users[name] = _User(password, frozenset(roles))
    if not users:
        _log.warning("%s holds no users: nobody is let in", path)
    return users


def _is_password(kept: str, given: str) -> bool:
    if kept.startswith(_HASHED):
        kept, given = kept.removeprefix(_HASHED).lower(), hashlib.md5(given.encode(), usedforsecurity=False).hexdigest()
    return hmac.compare_digest(kept.encode("utf-8", "surrogatepass"), given.encode("utf-8", "surrogatepass"))


def _refusal(status: int, text: str, headers: Mapping[str, str] | None = None) -> RestResponse:
    return RestResponse(status, render(error_body(status, text)), {"Content-Type": MEDIA_TYPE, **(headers or {})})
