"""HTTP basic authentication with users from properties files (spec/runtime.md 1.12).

Which files these are says a JAAS file, the one that Java workers use: the context ``KafkaConnect`` lists
``PropertyFileLoginModule`` with the option ``file``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.api.fields import MEDIUM, Config, Str
from linkspan.api.rest import RestExtension, RestExtensionContext, RestRequest, RestResponse
from linkspan.config import properties
from linkspan.config.jaas import SYSTEM_PROPERTY, JaasSyntaxError, LoginModule, file_of_java, parse_contexts

__all__ = ["BasicAuthConfig", "BasicAuthSecurityRestExtension", "credentials"]

_PACKAGE: Final = "org.apache.kafka.connect.rest.basic.auth.extension"
_MODULE: Final = f"{_PACKAGE}.PropertyFileLoginModule"
_KEY: Final = "linkspan.jaas.config.file"
# Workers of a group call these; they prove themselves with a signature instead.
_INTERNAL: Final = {
    "POST": re.compile(r"/connectors/[^/]+/tasks/?"),
    "PUT": re.compile(r"/connectors/[^/]+/fence/?"),
}
_REFUSAL: Final = RestResponse(401, "User cannot access the resource.")
_log: Final = logging.getLogger(__name__)


class BasicAuthConfig(Config):
    """Keys of the worker file that this extension reads."""

    jaas_file = Str(
        _KEY,
        default=None,
        importance=MEDIUM,
        doc="JAAS file with the context KafkaConnect. Default: java.security.auth.login.config out of KAFKA_OPTS.",
    )


class BasicAuthSecurityRestExtension(RestExtension[BasicAuthConfig]):
    """Lets nobody in without the name and password of a user."""

    config_class = BasicAuthConfig
    java_class = f"{_PACKAGE}.BasicAuthSecurityRestExtension"

    def register(self, context: RestExtensionContext) -> None:
        """Read the files, once for the life of the worker, and watch the endpoints.

        Raises:
            ConfigError: a file is missing or wrong; names it.
        """
        path = self.config.jaas_file or file_of_java(os.environ.get("KAFKA_OPTS", ""))
        if not path:
            raise ConfigError(
                f"Basic authentication needs a JAAS file: set {_KEY}, or {SYSTEM_PROPERTY}FILE in KAFKA_OPTS", _KEY
            )
        self._files = [_users(module, path) for module in _modules(path)]
        context.add_filter(self._check)

    async def _check(self, request: RestRequest) -> RestResponse | None:
        internal = _INTERNAL.get(request.method)
        if internal is not None and internal.fullmatch(request.path):
            return None
        if _permitted(credentials(request.headers.get("Authorization")), self._files):
            return None
        _log.debug("%s %s is refused: no or wrong credentials", request.method, request.path)
        return _REFUSAL


def credentials(header: str | None) -> tuple[str, str] | None:
    """User and password of an ``Authorization`` header; None when there are none that can be understood."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        # Java takes base64 without its padding.
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode("utf-8", errors="replace")
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.partition(":")
    return (user, password) if user and colon else None


def _permitted(given: tuple[str, str] | None, files: Sequence[Mapping[str, str]]) -> bool:
    """Whether one of the files lets the caller in; a file without users lets everybody in, as in the original."""
    if not all(files):
        return True
    if given is None:
        return False
    user, password = given
    return any(user in file and hmac.compare_digest(_bytes(file[user]), _bytes(password)) for file in files)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _modules(path: str) -> list[LoginModule]:
    try:
        contexts = parse_contexts(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The JAAS file {path} cannot be read: {error.strerror}", _KEY) from error
    except (JaasSyntaxError, UnicodeDecodeError) as error:
        raise ConfigError(f"The JAAS file {path} is malformed: {error}", _KEY) from error
    # "other" is what Java looks for next
    modules = contexts.get("KafkaConnect") or contexts.get("other")
    if not modules:
        raise ConfigError(f"The JAAS file {path} has no login module in a context KafkaConnect", _KEY)
    return modules


def _users(module: LoginModule, path: str) -> dict[str, str]:
    class_name, options = module
    if class_name != _MODULE:
        raise ConfigError(f"The JAAS file {path} names the login module {class_name}; only {_MODULE} works here", _KEY)
    file = options.get("file", "")
    if not file.strip():
        raise ConfigError(f"Property Credentials file must be specified: option file of {_MODULE} in {path}", _KEY)
    try:
        users = properties.load(file)
    except ConfigError as error:
        raise ConfigError(f"Error loading Property Credentials file: {error.message}", _KEY) from error
    if not users:
        _log.warning("%s holds no users: every request is permitted, also without credentials", file)
    return users
