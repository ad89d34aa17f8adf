"""What a configuration is told before it is taken: whether the database can be reached with it (spec/jdbc.md 4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from typing import Final

from linkspan.api import Config, ConfigError, ConnectError, CredentialsError, OutageError
from linkspan_connectors.jdbc.client import Attempts, Client
from linkspan_connectors.jdbc.config import settings_of
from linkspan_connectors.jdbc.credentials import credentials_of
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection

__all__ = ["VALIDATION_SECONDS", "connected", "unknown_settings"]

VALIDATION_SECONDS: Final = 10.0
"""How long a connection may take to be opened, whatever hosts and timeouts the URL has."""
_OURS: Final = ("x.", "compat.")
"""What the names of settings begin with that no vendor has (spec 15)."""


def unknown_settings(config: Config, connector: str) -> list[ConfigError]:
    """Settings of ours that a connector does not have: they promise what it would not do.

    Other names that are not known are somebody else's, and are left alone as everywhere.

    Args:
        config: as the user has it.
        connector: its class, for the message.
    """
    known = [key.name for key in config.keys if key.name.startswith(_OURS)]
    found = []
    for name in config.originals:
        if name.startswith(_OURS) and name not in known:
            meant = get_close_matches(name, known, 1)
            hint = f"did you mean {meant[0]}?" if meant else "it would have no effect; take it out"
            found.append(ConfigError(f"{name} is no setting of {connector}: {hint}", name))
    return found


def connected(
    config: Config,
    objections: Callable[[Dialect], Sequence[ConfigError]],
    look: Callable[[Dialect, DriverConnection], Sequence[ConfigError]] | None = None,
    *,
    date_zone: str | None = None,
) -> list[ConfigError]:
    """What is wrong with the settings of a connection, as far as trying to connect tells.

    Args:
        config: in the engine's names.
        objections: what is wrong for this database; it is not connected to then.
        look: what is wrong with what the database has.
        date_zone: as of :func:`~linkspan_connectors.jdbc.config.settings_of`.
    """
    try:
        settings = settings_of(config, date_zone)._replace(login_seconds=VALIDATION_SECONDS - 1)
        dialect = dialect_of(settings, str(config.values["dialect.name"]))
        client = Client(dialect, credentials_of(config), "validation", Attempts(1, 0.0), threading.Event())
        found = objections(dialect)
    except ConfigError as error:
        return [error]
    if found:
        return list(found)
    try:
        connection = _opened(client)
    except ConnectError as error:
        return _unconnected(error)
    try:
        return [] if look is None else list(look(dialect, connection))
    finally:
        client.close()


def _opened(client: Client) -> DriverConnection:
    """A connection, in time; one that comes later is closed.

    Raises:
        OutageError: there is none in time.
        ConnectError: of :meth:`Client.connection`.
    """
    opener = ThreadPoolExecutor(1, "jdbc-validation")
    opening = opener.submit(client.connection)
    opener.shutdown(wait=False)
    try:
        return opening.result(VALIDATION_SECONDS)
    except TimeoutError as error:
        opening.add_done_callback(lambda _: client.close())
        url = client.dialect.settings.url
        raise OutageError(f"Connecting to {url} has had no result after {VALIDATION_SECONDS:g} s") from error


def _unconnected(error: ConnectError) -> list[ConfigError]:
    """Why there is no connection, at the keys that are to be looked at (spec/jdbc.md 4, rule 7)."""
    if isinstance(error, ConfigError) and error.key is not None:
        return [error]
    is_refused = isinstance(error, CredentialsError)
    keys = ("connection.user", "connection.password") if is_refused else ("connection.url",)
    return [ConfigError(f"Could not connect to the database: {error.message}", key) for key in keys]
