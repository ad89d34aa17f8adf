"""What a group may not be given while workers of the original belong to it: plugins that only ours have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.herder.port import PeerError, Peers, SubmittedConfig
from linkspan.plugins.catalog import Catalog
from linkspan.plugins.requirements import found, named_plugins

__all__ = ["MixedGroup"]

_ANSWER_SECONDS: Final = 10.0
"""Whoever takes longer is about to lose its place in the group, or looks after other things than REST."""
_log: Final = logging.getLogger("linkspan.herder")


class MixedGroup:
    """Knows what workers of the original can run.

    Args:
        peers: the other workers.
        catalog: our plugins.
    """

    def __init__(self, peers: Peers, catalog: Catalog) -> None:
        self._peers = peers
        self._catalog = catalog
        self._known: dict[str, frozenset[str] | None] = {}

    async def check(self, config: SubmittedConfig, members: Mapping[str, str]) -> None:
        """Raise ConfigError when a worker of the original lacks a class that ``config`` names.

        Args:
            config: of a connector.
            members: of the group, with the addresses of their REST APIs. One that does not answer stands in nobody's
                way.
        """
        for member in self._known.keys() - members.keys():
            del self._known[member]
        new = [(member, url) for member, url in members.items() if member not in self._known]
        await asyncio.gather(*(self._ask(member, url) for member, url in new))
        for member, url in sorted(members.items()):
            classes = self._known.get(member)
            if classes is None:
                continue
            for named in named_plugins(config):
                plugin = found(self._catalog, named)
                if plugin is not None and plugin.class_name not in classes:
                    raise ConfigError.invalid(
                        named.key,
                        named.name,
                        f"the worker at {url} is one of Apache Kafka's and does not have it; connectors that only "
                        "Linkspan can run have to wait until no such worker is in the group",
                    )

    async def _ask(self, member: str, url: str) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                self._known[member] = await self._peers.original_plugins(url)
        except PeerError as error:
            _log.debug("Whether %s is a worker of the original is not known: %s", url, error.message)
        except TimeoutError:
            _log.debug("Whether %s is a worker of the original is not known: it does not answer", url)
