"""Where source offsets live. Only the worker writes them; tasks report theirs over the control channel.

Keys are ``["<connector>",{<partition>}]`` as JSON bytes. Java compares these bytes, and their order of members is an
accident of its maps; so a key is found by decoded equality, and a stored key keeps its original bytes (spec 2.5).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import orjson

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.worker import offset_file
from linkspan.worker.claim import Claim

__all__ = ["FileOffsetStore", "OffsetStore", "SourceOffset"]

log = logging.getLogger(__name__)

SourceOffset = tuple[dict[str, object], dict[str, object] | None]
"""A source partition and its offset; None forgets the partition."""

_PRIMITIVES = (str, int, float, bool, bytes, type(None))


class OffsetStore(Protocol):
    """Stores source offsets durably."""

    async def start(self) -> None:
        """Read what is stored.

        Raises:
            CorruptStateError: it cannot be read; nothing was changed.
            ConflictError: another worker uses it.
        """
        ...

    async def stop(self) -> None:
        """Wait until everything is written."""
        ...

    async def get(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[dict[str, object] | None]:
        """Stored offset of each partition, in their order."""
        ...

    async def set(self, connector: str, offsets: Sequence[SourceOffset]) -> None:
        """Store offsets; returns when they survive a crash.

        Raises:
            RetriableError: they could not be written.
            ConnectError: they can never be stored.
        """
        ...

    async def all(self, connector: str) -> list[tuple[dict[str, object], dict[str, object]]]:
        """Every partition of a connector that has an offset."""
        ...


def _checked(what: str, content: object) -> None:
    """Refuse what Kafka's offset writer refuses: anything but a flat map with text keys and primitive values."""
    if not isinstance(content, Mapping):
        message = f"Source {what} must be a map, not {type(content).__name__}"
        raise ConnectError(message)
    for key, value in content.items():
        if not isinstance(key, str):
            message = f"Source {what} may only have text keys, not {key!r}"
            raise ConnectError(message)
        if not isinstance(value, _PRIMITIVES):
            message = f"Source {what} may only hold primitive values, but {key!r} holds a {type(value).__name__}"
            raise ConnectError(message)


class FileOffsetStore:
    """Offsets in the file of a standalone worker, in Java's format; the whole file is written at each flush.

    Requests of many tasks are served one after the other; those that come while the file is being written go into
    the next write together.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._claim = Claim(self._path)
        self._entries: dict[bytes, bytes | None] = {}
        self._stored_keys: dict[bytes, bytes] = {}
        self._waiting: list[tuple[dict[bytes, bytes | None], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Claim the file and read it."""
        await asyncio.to_thread(self._claim.take)
        await asyncio.to_thread(self._warn_of_missing_folder)
        self._entries = await asyncio.to_thread(offset_file.load, self._path)
        self._stored_keys = {}
        for key in self._entries:
            try:
                self._stored_keys[_canonical(orjson.loads(key))] = key
            except orjson.JSONDecodeError:
                log.warning("Left out an entry of %s whose key is not JSON", self._path)

    def _warn_of_missing_folder(self) -> None:
        """Say at once what would be said at the first offset only; who has sinks alone may do without the folder."""
        folder = self._path.absolute().parent
        if not folder.is_dir():
            log.error(
                "offset.storage.file.filename=%s: there is no folder %s, so offsets of source connectors cannot be "
                "stored. Create it, or name another file",
                self._path,
                folder,
            )

    async def stop(self) -> None:
        """Wait for the last write; others may have the file then."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        self._claim.release()

    async def get(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[dict[str, object] | None]:
        """Stored offset of each partition."""
        found: list[dict[str, object] | None] = []
        for partition in partitions:
            stored = self._stored_keys.get(_canonical([connector, partition]))
            value = self._entries.get(stored) if stored is not None else None
            found.append(None if value is None else orjson.loads(value))
        return found

    async def set(self, connector: str, offsets: Sequence[SourceOffset]) -> None:
        """Store offsets in the file."""
        if not offsets:
            return
        changes: dict[bytes, bytes | None] = {}
        for partition, offset in offsets:
            _checked("partitions", partition)
            if offset is not None:
                _checked("offsets", offset)
            fresh = orjson.dumps([connector, partition])
            key = self._stored_keys.setdefault(_canonical([connector, partition]), fresh)
            changes[key] = None if offset is None else orjson.dumps(offset)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((changes, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="offset file")
        await done

    async def all(self, connector: str) -> list[tuple[dict[str, object], dict[str, object]]]:
        """Every partition of a connector that has an offset."""
        found = []
        for key in self._stored_keys.values():
            value = self._entries.get(key)
            decoded = orjson.loads(key)
            if value is None or not isinstance(decoded, list) or len(decoded) != 2 or decoded[0] != connector:
                continue
            if not isinstance(decoded[1], dict):
                log.warning("Left out an offset of %s: its partition is not a map", connector)
                continue
            offset = orjson.loads(value)
            if isinstance(offset, dict):
                found.append((decoded[1], offset))
        return found

    async def _write(self) -> None:
        """Write until nobody waits any more."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                entries = dict(self._entries)
                for changes, _ in batch:
                    entries.update(changes)
                try:
                    await asyncio.to_thread(offset_file.save, self._path, entries, self._claim)
                except OSError as error:
                    message = f"Source offsets could not be written to {self._path}: {error}"
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(RetriableError(message))
                    continue
                self._entries = entries
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)
        finally:
            self._writer = None


def _canonical(key: object) -> bytes:
    """Text that two keys share exactly when they decode to equal values."""
    return orjson.dumps(key, option=orjson.OPT_SORT_KEYS)
