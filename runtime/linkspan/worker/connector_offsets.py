"""What users ask about the offsets of a connector: to see, to set and to forget them (spec/runtime.md 1.8).

The connector itself is asked in a child before anything is changed; what talks to the log does so in a child, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, cast

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.api.records import TopicPartition
from linkspan.config.providers.references import Resolution
from linkspan.log.port import Log
from linkspan.observe.hiding import known_in
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.task.offset_entries import check_storable
from linkspan.worker import clients, sink_offsets
from linkspan.worker.child import pack
from linkspan.worker.deadlines import Deadlines
from linkspan.worker.offset_places import OffsetPlaces
from linkspan.worker.offsets import OffsetStore, SourceOffset
from linkspan.worker.resolver import Resolver
from linkspan.worker.sink_offset_changes import SinkOffsetChanges, Triples

__all__ = ["Ask", "ConnectorOffsets", "Offsets"]

Offsets = list[dict[str, Any]]
"""Entries of a request or an answer: partition and offset."""


class Ask(Protocol):
    """Lets a child answer a question; see :meth:`linkspan.worker.questions.Questions.ask`."""

    async def __call__(
        self,
        job: str,
        args: Mapping[str, Any],
        what: str,
        seconds: float,
        plugin: PluginInfo | None = None,
        hide: Collection[str] = (),
    ) -> Any:  # noqa: ANN401 - each job has its own answer
        """The result of the job; raises what it raised, or that the child died or was too slow."""
        ...


class ConnectorOffsets:
    """Offsets of connectors, of sources and of sinks.

    Args:
        properties: of the worker.
        log: where records live.
        store: keeps source offsets; open before anything is asked.
        resolver: replaces references in configurations.
        catalog: the plugins; called when something is asked.
        ask: lets a child answer.
        delivers_once_as: group of workers whose sources deliver exactly once; None when they do not.

    Attributes:
        places: where the offsets of each source are.
    """

    def __init__(
        self,
        properties: Mapping[str, str],
        log: Log,
        store: OffsetStore,
        resolver: Resolver,
        catalog: Callable[[], Catalog],
        ask: Ask,
        delivers_once_as: str | None,
    ) -> None:
        self._properties = properties
        self._log = log
        self._resolver = resolver
        self._catalog = catalog
        self._ask = ask
        self._delivers_once_as = delivers_once_as
        self._seconds = Deadlines.of(properties).request
        self.places = OffsetPlaces(properties, log, store, None if delivers_once_as is None else self._write_once)

    async def shown(self, name: str, config: dict[str, str]) -> Offsets:
        """Offsets of a connector as REST shows them (spec 1.8)."""
        config = (await self._resolver.resolve(config)).texts
        if self._catalog().connector_of(config).kind == "source":
            async with self.places.of(name, config) as store:
                known = await store.all(name)
            return [{"partition": partition, "offset": offset} for partition, offset in known]
        found = await self._sink_job("group_offsets", name, config, {}, "retrieve consumer group offsets for")
        return sink_offsets.render({TopicPartition(topic, partition): offset for topic, partition, offset in found})

    async def alter(self, name: str, config: dict[str, str], offsets: Offsets) -> bool:
        """Set offsets of a stopped connector; whether the connector itself looked after it.

        Raises:
            ConfigError: the offsets are malformed.
            ConnectError: the connector refuses, or they cannot be written.
        """
        resolved = await self._resolver.resolve(config)
        if self._catalog().connector_of(resolved.config).kind == "source":
            return await self._alter_source(name, resolved, _source_offsets(offsets))
        return await self._sink_changes(name, resolved).alter(sink_offsets.parse(offsets))

    async def reset(self, name: str, config: dict[str, str]) -> bool:
        """Forget all offsets of a stopped connector; whether the connector itself looked after it."""
        resolved = await self._resolver.resolve(config)
        config = resolved.texts
        if self._catalog().connector_of(config).kind == "source":
            async with self.places.of(name, config) as store:
                known = await store.all(name)
            return await self._alter_source(name, resolved, [(partition, None) for partition, _ in known])
        return await self._sink_changes(name, resolved).reset()

    def _sink_changes(self, name: str, config: Resolution) -> SinkOffsetChanges:
        def ask_plugin(job: str, offsets: Triples) -> Awaitable[Any]:
            return self._ask_plugin(job, name, config, offsets)

        def ask_group(job: str, offsets: Triples, what: str) -> Awaitable[Triples]:
            return self._sink_job(job, name, config.texts, {"offsets": offsets}, what)

        return SinkOffsetChanges(name, ask_plugin, ask_group)

    async def _alter_source(self, name: str, config: Resolution, offsets: list[SourceOffset]) -> bool:
        pairs = [[partition, offset] for partition, offset in offsets]
        handled = bool(await self._ask_plugin("alter_source_offsets", name, config, pairs))
        async with self.places.of(name, config.texts) as store:
            await store.set(name, offsets)
        return handled

    async def _write_once(
        self, name: str, config: Mapping[str, str], topic: str, records: Sequence[tuple[bytes, bytes | None]]
    ) -> None:
        """Write offsets of a stopped exactly-once source as its first task would."""
        group = self._delivers_once_as
        assert group is not None, "only then there is such a source"
        args: dict[str, Any] = {
            "log": pack(self._log),
            "settings": clients.transactional_producer(self._properties, config, name, 0, group),
            "id": clients.transactional_id(group, name, 0),
            "topic": topic,
            "records": pack(list(records)),
            "timeout": self._seconds,
        }
        what, hide = f"store offsets of connector {name}", known_in(args["settings"])
        await self._ask("write_once", args, what, self._seconds + 5, hide=hide)

    async def _ask_plugin(self, job: str, name: str, config: Resolution, offsets: list[Any]) -> Any:  # noqa: ANN401 - each job has its own answer
        plugin = self._catalog().connector_of(config.config)
        args = {"plugin": pack(plugin), "name": name, "config": config.texts, "offsets": offsets}
        what = f"modify offsets for connector {name}"
        seconds, hide = self._seconds, config.values.values()
        return await self._ask(job, args, what, seconds, plugin, hide)

    async def _sink_job(
        self, job: str, name: str, config: dict[str, str], more: Mapping[str, Any], what: str
    ) -> Triples:
        args: dict[str, Any] = {
            "log": pack(self._log),
            "settings": clients.admin_settings(self._properties, config, f"connector-worker-adminclient-{name}"),
            "group": clients.sink_group(self._properties, config, name),
            "name": name,
            **more,
        }
        what, hide = f"{what} sink connector {name}", known_in(args["settings"])
        return cast("Triples", await self._ask(job, args, what, self._seconds, hide=hide) or [])


def _source_offsets(offsets: Offsets) -> list[SourceOffset]:
    """Offsets of a request; of entries with the same partition the last one counts (spec 1.8)."""
    parsed: list[SourceOffset] = []
    for entry in offsets:
        partition = entry.get("partition")
        if partition is None:
            raise ConfigError("Partition objects cannot be null")
        parsed = [known for known in parsed if known[0] != partition]
        parsed.append((partition, entry.get("offset")))
    try:
        check_storable(parsed)  # before the connector is told of them
    except ConnectError as error:
        raise ConfigError(error.message) from error
    return parsed
