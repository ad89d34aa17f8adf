"""The expanded listing of connectors is written anew after each change, and only then."""

from __future__ import annotations

from typing import Any

import orjson

from linkspan.api.errors import NotFoundError
from linkspan.rest.listing import Listing


class CountingHerder:
    """Knows one connector."""

    def __init__(self, revision: tuple[int, int] | None) -> None:
        self.current = revision
        self.state = "RUNNING"
        self.looked = 0

    def revision(self) -> tuple[int, int] | None:
        return self.current

    def connectors(self) -> list[str]:
        self.looked += 1
        return ["c"]

    def connector_info(self, name: str) -> dict[str, Any]:
        return {"name": name}

    def connector_status(self, name: str) -> dict[str, Any]:
        if not self.state:
            raise NotFoundError(name)
        return {"state": self.state}


def shown(listing: Listing, *, info: bool = False) -> Any:
    return orjson.loads(listing.text(info=info, status=True))


def test_a_listing_is_written_once_while_nothing_changes() -> None:
    herder = CountingHerder((3, 4))
    listing = Listing(herder)  # type: ignore[arg-type]
    assert shown(listing) == shown(listing) == {"c": {"status": {"state": "RUNNING"}}}
    assert herder.looked == 1


def test_each_change_is_shown_whatever_was_asked_for_before() -> None:
    herder = CountingHerder((3, 4))
    listing = Listing(herder)  # type: ignore[arg-type]
    shown(listing)
    shown(listing, info=True)
    herder.state, herder.current = "FAILED", (3, 5)
    assert shown(listing) == {"c": {"status": {"state": "FAILED"}}}
    assert shown(listing, info=True) == {"c": {"info": {"name": "c"}, "status": {"state": "FAILED"}}}
    herder.state, herder.current = "", (4, 5)
    assert shown(listing, info=True) == {}


def test_where_changes_are_not_counted_every_request_looks() -> None:
    herder = CountingHerder(None)
    listing = Listing(herder)  # type: ignore[arg-type]
    shown(listing)
    herder.state = "PAUSED"
    assert shown(listing) == {"c": {"status": {"state": "PAUSED"}}}
