"""The registry: answers questions from its state, and changes it by writing to the topic first.

A change is decided on the state as it is at the end of the topic, written, and read back before it is answered.
Several registries may serve one topic, and each of them may change it: whoever wants to write claims the topic first,
which keeps everybody before it from writing, and then reads to the end, so that what it decides on is all there is.

What a kill leaves behind
-------------------------
- after the claim, or after reading: nothing was written; whoever comes next claims the topic anew.
- after the decision: as above.
- after records were sent, before they were committed: they are one transaction, which the next claim undoes, or the
  broker in its time; nobody has read them, nobody was answered.
- after the commit, before the answer: the schema is there. A client that asks again gets its version and id.
- a registry that is stopped for a while and wakes up behind another one's claim: its write is refused as a whole, so no
  id is given away twice; it claims, reads, and decides anew.

Reads do not wait for the topic. A schema that another registry has just registered may not have arrived here: what is
not found is looked for again at the end of the topic.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from linkspan.api.errors import ConnectError, FencedError, RetriableError
from linkspan.log.port import BatchTooLargeError, ExclusiveWriter, Table, TooLargeError
from linkspan.registry import refusals
from linkspan.registry.deletion import Deletion
from linkspan.registry.formats import Parser
from linkspan.registry.levels import Level, Mode
from linkspan.registry.records import Key, Kind, value_bytes
from linkspan.registry.refusals import RefusalError
from linkspan.registry.registration import Change, Registration
from linkspan.registry.schemas import Schemas
from linkspan.registry.settings import Settings, merged
from linkspan.registry.state import State
from linkspan.registry.subjects import QualifiedSubject

__all__ = ["Registry"]

_ATTEMPTS: Final = 10
_AROUND: Final = 100
"""Bytes of a request around a record, at most."""
_log: Final = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


class Registry:
    """One registry.

    Args:
        table: reads the topic.
        writer: writes it.
        parsers: type of schema → parser.
        default: level of compatibility where none is set.
        seconds: how long one request waits for the topic.
        modes_change: whether modes can be set.
        largest: bytes of a record that the topic takes; None for any.
    """

    def __init__(
        self,
        table: Table,
        writer: ExclusiveWriter,
        parsers: Mapping[str, Parser],
        *,
        default: Level = Level.BACKWARD,
        seconds: float = 10.0,
        modes_change: bool = True,
        largest: int | None = None,
    ) -> None:
        self._table = table
        self._writer = writer
        self._seconds = seconds
        self._modes_change = modes_change
        self._largest = largest
        self._turn = asyncio.Lock()
        self._current = False
        self._ready = False
        self.state = State()
        self.settings = Settings(self.state, default)
        self.schemas = Schemas(self.state, parsers)
        self.registration = Registration(self.state, self.settings, self.schemas)
        self.deletion = Deletion(self.state, self.settings)

    # --- life ---------------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether the topic was read."""
        return self._ready

    async def open(self) -> None:
        """Read the topic; raises what :meth:`linkspan.log.port.Table.open` raises.

        What a registry that was killed has begun keeps the end of the topic from being read until it is undone. The
        claim undoes it at once.
        """
        try:
            await self._writer.claim(self._seconds)
        except ConnectError as error:
            _log.warning("The topic could not be claimed yet: %s", error.message)
        await self._table.open(self.state.take)
        self._ready = True
        _log.info("Read %d subjects", len(self.state.subjects))

    async def close(self) -> None:
        """Write nothing more, and stop reading."""
        self._ready = False
        await self._writer.release()
        await self._table.close()

    async def check(self) -> None:
        """Ask the topic for its end; raises a RefusalError when it does not answer."""
        try:
            await self._table.read_to_end(self._seconds)
        except ConnectError as error:
            raise refusals.store_failed("The topic does not answer", error.message) from error

    # --- reading ------------------------------------------------------------------------------------------------

    async def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Answer from the state; what is not found is looked for once more at the end of the topic.

        Raises:
            RefusalError: what ``question`` raises.
        """
        try:
            return question()
        except RefusalError as refusal:
            if refusal.status != 404:
                raise
        try:
            await self._table.read_to_end(self._seconds)
        except ConnectError as error:
            raise _failure("Reading the topic failed", error) from error
        return question()

    # --- changing -----------------------------------------------------------------------------------------------

    async def change(self, doing: str, decide: Callable[[], Change]) -> Any:  # noqa: ANN401 - what is decided
        """Decide, write, read back; the answer of the decision.

        Args:
            doing: begins messages about the topic.
            decide: looks at the state, which is up to date when it is called; may be called again.

        Raises:
            RefusalError: the decision is no, or the topic could not be written.
        """
        async with self._turn:
            for attempt in range(_ATTEMPTS):
                try:
                    return await self._changed(decide)
                except FencedError as error:
                    self._current = False
                    _log.info(
                        "Another registry has claimed the topic, deciding anew (%d): %s", attempt + 1, error.message
                    )
                    await asyncio.sleep(0.01 * attempt)
                except ConnectError as error:
                    if not isinstance(error, RefusalError):
                        self._current = False
                        raise _failure(doing, error) from error
                    raise
        raise refusals.store_failed(doing, f"other registries claimed the topic {_ATTEMPTS} times meanwhile")

    async def _changed(self, decide: Callable[[], Change]) -> Any:  # noqa: ANN401 - as above
        if not self._writer.claimed:
            self._current = False
            await self._writer.claim(self._seconds)
        if not self._current:
            await self._table.read_to_end(self._seconds)
            self._current = True
            change = decide()
        else:
            change = await self._decided_on_what_is_known(decide)
        if change.records:
            records = [(self.state.spelling(key), value_bytes(value)) for key, value in change.records]
            if self._largest is not None and any(_size(*each) > self._largest for each in records):
                raise refusals.schema_too_large()
            await self._writer.write(records, self._seconds)
            self._current = False
            await self._table.read_to_end(self._seconds)
            self._current = True
        return change.answer

    async def _decided_on_what_is_known(self, decide: Callable[[], Change]) -> Change:
        """Decide without waiting for the topic: if others have written meanwhile, the write will not succeed."""
        try:
            return decide()
        except RefusalError:  # of which nothing is written: it has to be looked whether others have
            await self._table.read_to_end(self._seconds)
            return decide()

    # --- settings -----------------------------------------------------------------------------------------------

    async def set_config(self, subject: str | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Set, change (null: take away) what is set for a subject, a context or all; what is set then."""

        def decide() -> Change:
            self._check_writable(subject)
            new = merged(self.state.configs.get(subject), wanted)
            value: dict[str, object] = {"subject": subject, **new} if subject is not None else dict(new)
            return Change([(Key(Kind.CONFIG, subject), value)], new)

        found: dict[str, Any] = await self.change("Failed to update compatibility level", decide)
        return found

    async def delete_config(self, subject: str | None) -> dict[str, Any]:
        """Take away what is set; what it was."""

        def decide() -> Change:
            own = self.settings.own_config(subject)
            if own is None:
                raise refusals.subject_not_found(subject)
            self._check_writable(subject)
            return Change([(Key(Kind.CONFIG, subject), None)], own)

        found: dict[str, Any] = await self.change("Failed to delete compatibility level", decide)
        return found

    async def set_mode(self, subject: str | None, mode: Mode, *, force: bool) -> None:
        """Set the mode of a subject, a context or all."""

        def decide() -> Change:
            self._check_modes_change()
            records: list[tuple[Key, Mapping[str, object] | None]] = []
            if mode is Mode.IMPORT and self.settings.mode(subject) is not Mode.IMPORT and not force:
                records += self._cleared(subject)
            value: dict[str, object] = {"mode": mode.value}
            records.append((Key(Kind.MODE, subject), {"subject": subject, **value} if subject is not None else value))
            return Change(records, None)

        await self.change("Failed to update mode", decide)

    async def delete_mode(self, subject: str | None, *, recursive: bool = False) -> Mode | None:
        """Take the mode away, with ``recursive`` those of the subjects of a context too; what it was."""

        def decide() -> Change:
            own = self.settings.own_mode(subject)
            if own is None and not recursive:
                raise refusals.subject_not_found(subject)
            self._check_modes_change()
            names = [subject]
            if recursive and not QualifiedSubject.of(subject).name:
                names += [name for name in self.state.modes if name != subject and _is_below(name, subject)]
            return Change([(Key(Kind.MODE, name), None) for name in names], own)

        found: Mode | None = await self.change("Failed to delete mode", decide)
        return found

    def _cleared(self, subject: str | None) -> list[tuple[Key, Mapping[str, object] | None]]:
        """What is written before schemas may be imported: there must be none, and no trace of deleted ones."""
        names = self.state.matching(subject)
        if any(self.state.has(name) for name in names):
            raise refusals.not_permitted("Cannot import since found existing subjects")
        versions = [each for name in names for each in self.state.versions(name, deleted=True)]
        for each in versions:
            if self.state.referrers(each.subject, each.version, deleted=True):
                raise refusals.referenced(each.subject, each.version)
        clear: dict[str, object] = {} if subject is None else {"subject": subject}
        return [*((each.key, None) for each in versions), (Key(Kind.CLEAR_SUBJECT, subject), clear)]

    def _check_writable(self, subject: str | None) -> None:
        if self.settings.mode(subject) in {Mode.READONLY, Mode.READONLY_OVERRIDE}:
            where = QualifiedSubject.of(subject).prefix
            raise refusals.not_permitted(f"Subject {subject} in context {where} is in read-only mode")

    def _check_modes_change(self) -> None:
        if not self._modes_change:
            raise refusals.not_permitted("Mode changes are not allowed")


def _is_below(name: str | None, context: str | None) -> bool:
    parts = QualifiedSubject.of(name)
    return bool(parts.name) and parts.context == QualifiedSubject.of(context).context


def _size(key: bytes, value: bytes | None) -> int:
    return len(key) + len(value or b"") + _AROUND


def _failure(doing: str, error: ConnectError) -> RefusalError:
    if isinstance(error, BatchTooLargeError | TooLargeError):
        return refusals.schema_too_large()
    failed = refusals.store_timed_out if isinstance(error, RetriableError) else refusals.store_failed
    return failed(doing, error.message)
