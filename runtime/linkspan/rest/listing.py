"""All connectors with their infos and states, as ``GET /connectors?expand=`` shows them (spec/runtime.md 1.4)."""

from __future__ import annotations

from linkspan.api.errors import NotFoundError
from linkspan.herder.port import Body, Herder
from linkspan.rest.rendering import render

__all__ = ["Listing"]


class Listing:
    """Shows them; what watches a worker asks for this again and again, so it is written anew only after a change.

    Args:
        herder: knows them.
    """

    def __init__(self, herder: Herder) -> None:
        self._herder = herder
        self._revision: tuple[int, int] | None = None
        self._texts: dict[tuple[bool, bool], bytes] = {}

    def text(self, *, info: bool, status: bool) -> bytes:
        """The JSON text; with ``status``, connectors of which none is known are left out."""
        revision = self._herder.revision()
        if revision is None or revision != self._revision:
            self._revision = revision
            self._texts.clear()
        text = self._texts.get((info, status))
        if text is None:
            text = self._texts[info, status] = render(self._expanded(info=info, status=status))
        return text

    def _expanded(self, *, info: bool, status: bool) -> Body:
        expanded: Body = {}
        for name in self._herder.connectors():
            item: Body = {}
            if info:
                item["info"] = self._herder.connector_info(name)
            if status:
                known = self._status_if_known(name)
                if known is None:
                    continue
                item["status"] = known
            expanded[name] = item
        return expanded

    def _status_if_known(self, name: str) -> Body | None:
        try:
            return self._herder.connector_status(name)
        except NotFoundError:
            return None
