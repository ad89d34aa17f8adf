"""A connection for the connector itself, while none of its tasks runs: to see or change what REST asks about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from linkspan.api import Config
from linkspan_connectors.ibmmq.client import Access, Session, prepare_process, stores_of
from linkspan_connectors.ibmmq.mqi.binding import chosen

__all__ = ["visit"]


@contextmanager
def visit(config: Config) -> Iterator[Session]:
    """A session that ends with the block; it is not connected yet.

    Args:
        config: of the connector.
    """
    prepare_process(config)
    stores = stores_of(config)
    session = Session(chosen(), Access.of(config, config.originals.get("name") or ""), stores)
    try:
        yield session
    finally:
        session.end()
        stores.close()
