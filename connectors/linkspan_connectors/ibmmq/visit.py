"""A connection for the connector itself, while none of its tasks runs: to see or change what REST asks about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from linkspan.api import Config, ConfigKey, ConfigType, Secret
from linkspan_connectors.ibmmq.client import Access, Session, prepare_process, stores_of
from linkspan_connectors.ibmmq.mqi.binding import chosen

__all__ = ["visit"]

ConfigT = TypeVar("ConfigT", bound=Config)


@contextmanager
def visit(config_class: type[ConfigT], given: Mapping[str, str]) -> Iterator[tuple[ConfigT, Session]]:
    """The configuration, and a session that ends with the block; it is not connected yet.

    Args:
        config_class: of the connector.
        given: its configuration, which was validated when the connector was made.
    """
    config = config_class({key.name: _parsed(key, given.get(key.name)) for key in config_class.keys}, given)
    prepare_process(config)
    stores = stores_of(config)
    session = Session(chosen(), Access.of(config, given.get("name", "")), stores)
    try:
        yield config, session
    finally:
        session.end()
        stores.close()


def _parsed(key: ConfigKey, text: str | None) -> object:
    if text is None:
        return key.default
    if key.type is ConfigType.BOOLEAN:
        return text.strip().lower() == "true"
    return Secret(text) if key.type is ConfigType.PASSWORD else text.strip()
