"""What the members of a group of workers tell each other, as bytes (spec/runtime.md 3.2).

A worker joins with its join metadata (:class:`WorkerState`); the leader answers each with an :class:`Assignment`.
Version 0 belongs to the subprotocol ``default``, 1 to ``compatible``, 2 to ``sessioned``. As in Java, one reader serves
them all: what an older version does not have is missing at the end, and what a newer one adds there is not looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from linkspan.api.errors import ConfigError, CorruptStateError

__all__ = [
    "CONFIG_MISMATCH",
    "CONNECTOR",
    "Assignment",
    "WorkItem",
    "WorkerState",
    "decode_assignment",
    "decode_worker_state",
    "encode_assignment",
    "encode_worker_state",
    "java_order",
]

WorkItem: TypeAlias = tuple[str, int]
"""A task of a connector, or with the number :data:`CONNECTOR` the connector instance itself."""
CONNECTOR: Final = -1
"""Stands for the connector instance where others have the number of a task."""
CONFIG_MISMATCH: Final = 1
"""Error of an assignment whose leader could not catch up with the config topic."""
_LONGEST: Final = 0x7FFF


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one worker is to do after a round; also what it says it does when it joins the next one.

    Attributes:
        version: of the layout.
        error: 0, or :data:`CONFIG_MISMATCH`.
        leader: member id of the leader.
        leader_url: REST API of the leader.
        offset: of the config topic, up to which the leader had read it.
        assigned: in version 0 all work; from version 1 on what is new, and in join metadata all that the worker has.
        revoked: what the worker has to stop; always empty in version 0.
        delay_ms: time until the group should join again; 0 for none.
    """

    version: int
    error: int
    leader: str
    leader_url: str
    offset: int
    assigned: tuple[WorkItem, ...] = ()
    revoked: tuple[WorkItem, ...] = ()
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What a worker says about itself when it joins.

    Attributes:
        url: its REST API.
        offset: of the config topic, up to which it has read it.
        allocation: its current work; None when it has no part in the group yet.
    """

    url: str
    offset: int
    allocation: Assignment | None = None

    @property
    def items(self) -> tuple[WorkItem, ...]:
        """The work it has."""
        return () if self.allocation is None else self.allocation.assigned


def encode_worker_state(state: WorkerState, version: int) -> bytes:
    """Join metadata; without the allocation in version 0.

    Raises:
        ConfigError: the URL of the worker or the name of a connector is too long for the layout.
    """
    content = struct.pack(">h", version) + _string(state.url, "REST URL of a worker") + struct.pack(">q", state.offset)
    if version == 0:
        return content
    if state.allocation is None:
        return content + struct.pack(">i", -1)
    allocation = _encode(state.allocation, version)
    return content + struct.pack(">i", len(allocation)) + allocation


def encode_assignment(assignment: Assignment) -> bytes:
    """The assignment of one member.

    Raises:
        ConfigError: a URL or the name of a connector is too long for the layout.
    """
    return _encode(assignment, assignment.version)


def decode_worker_state(content: bytes) -> WorkerState:
    """Read join metadata of any version.

    Raises:
        CorruptStateError: this is no join metadata of a Connect worker.
    """
    reader = _Reader(content, "Join metadata of a member of the group")
    reader.version()
    url, offset = reader.string("url"), reader.number("q", "config offset")
    allocation = None if reader.at_end() else reader.blob("allocation")
    return WorkerState(url, offset, None if allocation is None else decode_assignment(allocation))


def decode_assignment(content: bytes) -> Assignment:
    """Read an assignment of any version.

    Raises:
        CorruptStateError: this is no assignment of a Connect worker.
    """
    reader = _Reader(content, "An assignment of the group")
    return Assignment(
        version=reader.version(),
        error=reader.number("h", "error"),
        leader=reader.string("leader"),
        leader_url=reader.string("leader URL"),
        offset=reader.number("q", "config offset"),
        assigned=() if reader.at_end() else reader.items("assignment"),
        revoked=() if reader.at_end() else reader.items("revoked"),
        delay_ms=0 if reader.at_end() else reader.number("i", "delay"),
    )


def java_order(text: str) -> bytes:
    """Sort key for names and member ids that orders them as Java does."""
    return text.encode("utf-16-be", "surrogatepass")


def _encode(assignment: Assignment, version: int) -> bytes:
    content = (
        struct.pack(">hh", version, assignment.error)
        + _string(assignment.leader, "member id of a worker")
        + _string(assignment.leader_url, "REST URL of a worker")
        + struct.pack(">q", assignment.offset)
        + _items(assignment.assigned)
    )
    return content if version == 0 else content + _items(assignment.revoked) + struct.pack(">i", assignment.delay_ms)


def _items(items: Iterable[WorkItem]) -> bytes:
    """An array with an entry for each connector; it may be empty but never null, which Java's followers do not bear."""
    ordered = list(items)
    numbers: dict[str, list[int]] = {name: [CONNECTOR] for name, number in ordered if number == CONNECTOR}
    for name, number in ordered:
        if number != CONNECTOR:
            numbers.setdefault(name, []).append(number)
    parts = [struct.pack(">i", len(numbers))]
    for name, tasks in numbers.items():
        parts += [_string(name, "name of a connector"), struct.pack(f">i{len(tasks)}i", len(tasks), *tasks)]
    return b"".join(parts)


def _string(text: str, what: str) -> bytes:
    content = text.encode("utf-8", "replace")
    if len(content) > _LONGEST:
        raise ConfigError(
            f"The {what} has {len(content)} bytes, but workers can tell each other {_LONGEST} at most; shorten it: "
            f"{text[:80]}…"
        )
    return struct.pack(">h", len(content)) + content


class _Reader:
    """Goes through the bytes of a message.

    Args:
        content: of the message.
        what: the message, for errors.
    """

    def __init__(self, content: bytes, what: str) -> None:
        self._content = content
        self._what = what
        self._at = 0

    def at_end(self) -> bool:
        """Whether nothing follows."""
        return self._at >= len(self._content)

    def version(self) -> int:
        """The header."""
        version = self.number("h", "version")
        if version < 0:
            raise self._unreadable(f"it has version {version}")
        return version

    def number(self, layout: str, name: str) -> int:
        """An integer: h of 2, i of 4, q of 8 bytes."""
        return int.from_bytes(self._take(struct.calcsize(f">{layout}"), name), signed=True)

    def string(self, name: str) -> str:
        """Text with its length in front."""
        # As in Java, damaged text is no reason to refuse a member.
        return self._take(self.number("h", f"length of the {name}"), name).decode("utf-8", "replace")

    def blob(self, name: str) -> bytes | None:
        """Bytes with their length in front, or null."""
        size = self.number("i", f"length of the {name}")
        return None if size < 0 else self._take(size, name)

    def items(self, name: str) -> tuple[WorkItem, ...]:
        """Connectors with their tasks; nothing if they are null."""
        found: list[WorkItem] = []
        for _ in range(self.number("i", f"length of the {name}")):
            connector = self.string("connector")
            size = self.number("i", "number of tasks")
            tasks = self._take(4 * size, "tasks")
            found += [(connector, number) for number in struct.unpack(f">{size}i", tasks)]
        return tuple(found)

    def _take(self, size: int, name: str) -> bytes:
        end = self._at + size
        if size < 0:
            raise self._unreadable(f"its {name} has a size below 0")
        if end > len(self._content):
            raise self._unreadable(f"its {len(self._content)} bytes end within the {name}")
        start, self._at = self._at, end
        return self._content[start:end]

    def _unreadable(self, reason: str) -> CorruptStateError:
        return CorruptStateError(
            f"{self._what} cannot be read: {reason}. Are all members of this group.id Connect workers, and of this "
            "cluster?"
        )
