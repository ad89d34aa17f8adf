"""Who a connection is opened as, asked each time anew (spec/jdbc.md 2.1, ``jdbc.credentials.provider.class``)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from linkspan.api import Config, ConfigError, ConnectError, Secret, UnreachableError

__all__ = ["DEFAULT_PROVIDER", "Credentials", "credentials_of"]

_KEY: Final = "jdbc.credentials.provider.class"
DEFAULT_PROVIDER: Final = "io.confluent.connect.jdbc.util.DefaultJdbcCredentialsProvider"
_DEFAULTS: Final = frozenset({DEFAULT_PROVIDER, "DefaultJdbcCredentialsProvider", ""})


class Credentials(NamedTuple):
    """User and password; None for what is not given."""

    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r})"


def credentials_of(config: Config) -> Callable[[], Credentials]:
    """What gives the credentials for the next connection.

    A provider is named as ``package.module:name``, or with a dot before the name. It is a function that gets the whole
    configuration of the connector as texts and returns user and password, or a class that is made once with the
    configuration and whose ``credentials()`` returns them.

    Raises:
        ConfigError: there is no such provider.
    """
    name = str(config.values.get(_KEY) or "").strip()
    if name in _DEFAULTS:
        return lambda: _configured(config)
    provider = _imported(name)
    texts: Mapping[str, str | None] = dict(config.originals)
    if isinstance(provider, type):
        made = _called(name, lambda: provider(texts))
        return lambda: _pair(name, _called(name, made.credentials))
    return lambda: _pair(name, _called(name, lambda: provider(texts)))


def _configured(config: Config) -> Credentials:
    user, secret = config.values.get("connection.user"), config.values.get("connection.password")
    return Credentials(None if user is None else str(user), secret.value if isinstance(secret, Secret) else None)


def _imported(name: str) -> Any:  # noqa: ANN401 - somebody else's
    module, colon, attribute = name.partition(":")
    if not colon:
        module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        reason = f"a function or class of Python is expected, as package.module:name ({error})"
        raise ConfigError.invalid(_KEY, name, reason) from error
    if not callable(found) or (isinstance(found, type) and not hasattr(found, "credentials")):
        raise ConfigError.invalid(_KEY, name, "it is neither a function nor a class with a method credentials()")
    return found


def _called(name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - somebody else's
    try:
        return call()
    except ConnectError:  # it says itself what it asks for
        raise
    except (ConnectionError, TimeoutError) as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise UnreachableError(f"{_KEY}: {name} cannot give credentials now: {reason}") from error
    except Exception as error:  # supervision point: it is the user's code
        raise ConfigError(f"{_KEY}: {name} has failed: {type(error).__name__}: {error}", _KEY) from error


def _pair(name: str, answer: Any) -> Credentials:  # noqa: ANN401 - somebody else's
    try:
        user, password = answer
    except (TypeError, ValueError):
        raise ConfigError(f"{_KEY}: {name} has to return user and password, a pair", _KEY) from None
    return Credentials(user, password)
