"""Changes by REST of where a stopped sink goes on (spec/runtime.md 4.12), also in the store of its target.

A sink that stores offsets with its data has two stores: its target, whose word counts when a task opens a partition,
and its consumer group. Both are changed, or none. What a kill of the worker between any two steps does:

====  ==========================================  ==================================================================
Step  What happened                               A kill right after it: the next open goes on
====  ==========================================  ==================================================================
1     the target was asked what it stores         where it stood
2     a group that was behind was given the same  where it stood; one that is still in use is found out here
3     the target has the new offsets              at the new ones; where they were reset, by the group, and it stood
4     the target was asked again, and has them    as 3
5     the group has the new offsets               at the new ones
====  ==========================================  ==================================================================

So nothing is skipped or read twice whenever it happens, and the same request, made again, completes what was asked.
A failure after 3 puts the target back to what 1 has found.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from linkspan.api.errors import ConnectError
from linkspan.api.records import TopicPartition

__all__ = ["SinkOffsetChanges", "Triples", "places", "triples"]

log = logging.getLogger(__name__)

Triples = list[list[Any]]
"""Offsets as they travel between processes: topic, partition, offset."""

_UNCHANGED: Final = "Nothing was changed"


def places(rows: Triples) -> dict[TopicPartition, Any]:
    """Offsets that travelled as triples."""
    return {TopicPartition(topic, partition): offset for topic, partition, offset in rows}


def triples(offsets: Mapping[TopicPartition, int | None]) -> Triples:
    """Offsets as triples."""
    return [[place.topic, place.partition, offset] for place, offset in offsets.items()]


class SinkOffsetChanges:
    """Alters and resets offsets of one stopped sink.

    Args:
        name: of the connector.
        ask_plugin: runs ``stored_sink_offsets`` or ``alter_sink_offsets`` on a fresh connector object with offsets.
        ask_group: runs a job on the consumer group with offsets, with words for messages.
    """

    def __init__(
        self,
        name: str,
        ask_plugin: Callable[[str, Triples], Awaitable[Any]],
        ask_group: Callable[[str, Triples, str], Awaitable[Triples]],
    ) -> None:
        self._name = name
        self._ask_plugin = ask_plugin
        self._ask_group = ask_group

    async def alter(self, offsets: Mapping[TopicPartition, int | None]) -> bool:
        """Set offsets (None forgets one); whether the connector itself looked after it.

        Raises:
            ConnectError: it could not be done.
        """

        async def change_group() -> None:
            if offsets:
                await self._ask_group("alter_group_offsets", triples(offsets), "alter offsets of")

        before = await self._stored()
        if before is None:
            return await self._change_group_only(offsets, change_group)
        known = places(await self._ask_group("group_offsets", [], "list offsets prior to altering those of"))
        await self._change_both(offsets, before, known, change_group)
        return True

    async def reset(self) -> bool:
        """Forget all offsets; as :meth:`alter`."""

        async def change_group() -> None:
            await self._ask_group("reset_group_offsets", [], "reset consumer group offsets for")

        known = places(await self._ask_group("group_offsets", [], "list offsets prior to resetting those of"))
        before = await self._stored()
        if before is None:
            return await self._change_group_only(dict.fromkeys(known), change_group)
        await self._change_both(dict.fromkeys({**known, **before}), before, known, change_group)
        return True

    async def _change_group_only(
        self, offsets: Mapping[TopicPartition, int | None], change_group: Callable[[], Awaitable[None]]
    ) -> bool:
        """As the original does: the connector may refuse, or look after a store that the runtime knows nothing of."""
        handled = bool(await self._ask_plugin("alter_sink_offsets", triples(offsets)))
        await change_group()
        return handled

    async def _change_both(
        self,
        offsets: Mapping[TopicPartition, int | None],
        before: Mapping[TopicPartition, int],
        known: Mapping[TopicPartition, int],
        change_group: Callable[[], Awaitable[None]],
    ) -> None:
        behind = {
            place: stored
            for place, stored in before.items()
            if place in offsets and known.get(place) not in (None, stored)
        }
        if behind:
            await self._ask_group("alter_group_offsets", triples(behind), "bring up to date the offsets of")
        try:
            await self._change_target(offsets, before)
            await change_group()
        except ConnectError as error:
            await self._put_back(offsets, before, error)
            raise

    async def _stored(self) -> dict[TopicPartition, int] | None:
        found = await self._ask_plugin("stored_sink_offsets", [])
        return None if found is None else places(found)

    async def _change_target(
        self, offsets: Mapping[TopicPartition, int | None], before: Mapping[TopicPartition, int]
    ) -> None:
        if not offsets:
            return
        await self._ask_plugin("alter_sink_offsets", triples(offsets))
        wanted = {place: offset for place, offset in {**before, **offsets}.items() if offset is not None}
        found = await self._stored()
        if found != wanted:
            raise ConnectError(
                f"Connector {self._name} stores offsets with its data, but its alter_offsets did not change them as "
                f"asked: it was to store {_text(wanted)}, and stores {_text(found or {})}. {_UNCHANGED}"
            )

    async def _put_back(
        self, offsets: Mapping[TopicPartition, int | None], before: Mapping[TopicPartition, int], error: ConnectError
    ) -> None:
        """Give the target back what it had."""
        try:
            now = await self._stored() or {}
            changed = {place: before.get(place) for place in offsets if now.get(place) != before.get(place)}
            if changed:
                log.warning("Giving the target of connector %s its offsets back: %s", self._name, error.message)
                await self._ask_plugin("alter_sink_offsets", triples(changed))
        except ConnectError as failure:
            raise ConnectError(
                f"The offsets in the target of connector {self._name} were changed, those of its consumer group were "
                f"not ({error.message}), and the target could not be put back ({failure.message}). Its tasks go on "
                "where the target says; make the same request again"
            ) from error


def _text(offsets: Mapping[TopicPartition, int]) -> str:
    return ", ".join(f"{place}: {offset}" for place, offset in sorted(offsets.items())) or "nothing"
