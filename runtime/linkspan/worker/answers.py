"""Answers to what children ask of their worker: about offsets, topics, and whether a task may begin to write."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from linkspan.api.errors import ConnectError, UnsupportedError
from linkspan.worker.channel import Message, encode, encode_error
from linkspan.worker.offset_places import OffsetPlaces
from linkspan.worker.process import ChildProcess

__all__ = ["Answers", "TaskGuard"]

log: Final = logging.getLogger(__name__)


class TaskGuard(Protocol):
    """What a group of workers does so that nobody but the rightful task writes (spec/runtime.md 4.11)."""

    async def fence_older(self, connector: str, task: int) -> None:
        """Return when tasks of older generations can write nothing more.

        Raises:
            ConnectError: that is refused, or the task is not to run here any more.
        """
        ...

    async def confirm(self, connector: str, task: int) -> None:
        """Return when the newest configuration says that the task, as it was begun, is to run here.

        Raises:
            FencedError: it says otherwise.
        """
        ...


class Answers:
    """Answers questions; each carries the name and configuration of the connector, and the number of the task.

    Args:
        offsets: finds the offsets of each source.
        create_topic: creates a topic for a task.

    Attributes:
        guard: of exactly-once tasks; None where there are none.
    """

    def __init__(self, offsets: OffsetPlaces, create_topic: Callable[[str, Message], Awaitable[bool]]) -> None:
        self.guard: TaskGuard | None = None
        self._offsets = offsets
        self._answers: Mapping[str, Callable[[str, Message], Awaitable[Any]]] = {
            "read_offsets": self._read_offsets,
            "commit_offsets": self._commit_offsets,
            "offset_keys": self._offset_keys,
            "copy_offsets": self._copy_offsets,
            "ensure_topic": create_topic,
            "fence_older": self._fence_older,
            "confirm": self._confirm,
        }

    async def give(self, child: ChildProcess, connector: str, message: Message) -> None:
        """Answer one question of a child, which waits for that: with an error if there is nothing else to say."""
        answer: Message = {"type": "answer", "id": message["id"]}
        try:
            encoded = encode({**answer, "value": await self._answers[message["ask"]](connector, message)})
        except ConnectError as error:
            encoded = encode({**answer, "error": encode_error(error)})
        except Exception as error:
            # supervision point: a child that is not answered would wait for a minute, and say nothing of the reason
            what = message["ask"]
            log.exception("The question %s could not be answered", what, extra={"connector_context": child.context})
            encoded = encode({**answer, "error": encode_error(error)})
        child.write(encoded)

    async def _read_offsets(self, connector: str, message: Message) -> list[dict[str, object] | None]:
        async with self._offsets.of(connector, message["config"]) as store:
            return await store.get(connector, message["args"])

    async def _commit_offsets(self, connector: str, message: Message) -> None:
        async with self._offsets.of(connector, message["config"]) as store:
            await store.set(connector, [(partition, offset) for partition, offset in message["args"]])

    async def _offset_keys(self, connector: str, message: Message) -> list[str]:
        async with self._offsets.of(connector, message["config"]) as store:
            return [key.decode() for key in await store.keys(connector, message["args"])]

    async def _copy_offsets(self, connector: str, message: Message) -> None:
        offsets = [(partition, offset) for partition, offset in message["args"]]
        await self._offsets.copy(connector, message["config"], offsets)

    async def _fence_older(self, connector: str, message: Message) -> None:
        await self._guarded().fence_older(connector, message["task"])

    async def _confirm(self, connector: str, message: Message) -> None:
        await self._guarded().confirm(connector, message["task"])

    def _guarded(self) -> TaskGuard:
        if self.guard is None:
            raise UnsupportedError("Only a worker of a group has sources that deliver exactly once")
        return self.guard
