"""``GET /metrics`` for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from linkspan.api.rest import RestRequest, RestResponse
from linkspan.observe.hiding import hidden
from linkspan.observe.metrics import CONTENT_TYPE, Family, render
from linkspan.rest.routing import ForeignRoute

__all__ = ["MetricsResource"]


class MetricsResource:
    """The endpoint.

    Args:
        sources: say what there is to measure, each time they are asked.
    """

    def __init__(self, sources: Sequence[Callable[[], Iterable[Family]]]) -> None:
        self._sources = sources

    def routes(self) -> list[ForeignRoute]:
        """Its endpoint; it is text, so it does not take part in the negotiation of JSON."""
        return [ForeignRoute("GET", "/metrics", self._metrics)]

    async def _metrics(self, _: RestRequest) -> RestResponse:
        text = hidden(render(family for source in self._sources for family in source()))
        return RestResponse(body=text, headers={"Content-Type": CONTENT_TYPE})
