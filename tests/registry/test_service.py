"""Decisions of the registry, on a topic in memory that can be claimed by somebody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from linkspan.api.errors import FencedError, RetriableError
from linkspan.log.port import TableRecord
from linkspan.registry import refusals
from linkspan.registry.levels import Level, Mode
from linkspan.registry.parsers import PARSERS
from linkspan.registry.proposals import Proposal
from linkspan.registry.refusals import RefusalError
from linkspan.registry.service import Registry
from linkspan.registry.state import Reference, Registered


class Topic:
    """Shared by the tables of several registries."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes | None]] = []
        self.owner: object = None


class Memory:
    """Table and writer of one registry."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.claimed = False
        self.failure: Exception | None = None
        self.before_write: Callable[[], None] | None = None
        self._read = 0

    async def open(self, take: Callable[[Sequence[TableRecord]], None]) -> None:
        self._take = take
        await self.read_to_end(1)

    async def read_to_end(self, seconds: float) -> None:  # noqa: ARG002 - of the port
        new = self.topic.records[self._read :]
        self._take([TableRecord(key, value, 0, self._read + at, 0) for at, (key, value) in enumerate(new)])
        self._read += len(new)

    async def claim(self, seconds: float) -> None:  # noqa: ARG002 - as above
        self.topic.owner, self.claimed = self, True

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:  # noqa: ARG002
        if self.before_write is not None:
            hook, self.before_write = self.before_write, None
            hook()
        if self.failure is not None:
            failure, self.failure, self.claimed = self.failure, None, False
            raise failure
        if self.topic.owner is not self:
            self.claimed = False
            raise FencedError("somebody else has claimed it")
        self.topic.records += records

    async def release(self) -> None: ...

    async def close(self) -> None: ...


def registry(topic: Topic) -> tuple[Registry, Memory]:
    memory = Memory(topic)
    return Registry(memory, memory, PARSERS, default=Level.NONE, seconds=1), memory


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def text(name: str, *fields: str) -> str:
    body = [{"name": field, "type": "int"} for field in fields]
    return json.dumps({"type": "record", "name": name, "fields": body}, separators=(",", ":"))


async def register(to: Registry, subject: str, schema: str, **more: Any) -> Registered:
    proposal = Proposal(schema, **more)
    found = await to.change("doing", lambda: to.registration.register(subject, proposal, normalize=False))
    assert isinstance(found, Registered)
    return found


def refused(caught: pytest.ExceptionInfo[RefusalError]) -> int:
    return caught.value.number


def test_a_registry_that_lost_its_claim_decides_anew_on_what_the_other_has_written() -> None:
    async def scenario() -> None:
        topic = Topic()
        (first, memory), (second, _) = registry(topic), registry(topic)
        await first.open()
        await second.open()
        assert (await register(first, "s", text("A"))).id == 1
        # the other one writes between the decision of the first and its write
        decided = asyncio.Event()
        other: list[asyncio.Task[Registered]] = []
        memory.before_write = lambda: (decided.set(), setattr(topic, "owner", None))[1]
        task = asyncio.create_task(register(first, "s", text("B")))
        await decided.wait()
        other.append(asyncio.create_task(register(second, "s", text("C"))))
        found = {(await task).id, (await other[0]).id}
        assert found == {2, 3}
        await first._table.read_to_end(1)
        await second._table.read_to_end(1)
        assert first.state.versions("s") == second.state.versions("s")

    run(scenario())


def test_after_a_write_with_an_unknown_outcome_the_topic_decides() -> None:
    async def scenario() -> None:
        topic = Topic()
        one, memory = registry(topic)
        await one.open()

        def lands_all_the_same() -> None:
            registered = Registered("s", 1, 1, text("A"))
            topic.records.append((one.state.spelling(registered.key), json.dumps(registered.value()).encode()))

        memory.before_write, memory.failure = lands_all_the_same, RetriableError("no answer")
        with pytest.raises(RefusalError) as caught:
            await register(one, "s", text("A"))
        assert refused(caught) == 50002
        assert (await register(one, "s", text("A"))).id == 1
        assert len(topic.records) == 1

    run(scenario())


def test_nothing_is_written_for_a_schema_that_is_there() -> None:
    async def scenario() -> None:
        topic = Topic()
        one, _ = registry(topic)
        await one.open()
        await register(one, "s", text("A", "x"))
        before = len(topic.records)
        again = await register(one, "s", json.dumps(json.loads(text("A", "x")), indent=1))
        assert (again.version, again.id, len(topic.records)) == (1, 1, before)
        assert (await register(one, "t", text("A", "x"))).id == 1

    run(scenario())


def test_what_others_wrote_is_found_before_it_is_missed() -> None:
    async def scenario() -> None:
        topic = Topic()
        (first, _), (second, _) = registry(topic), registry(topic)
        await first.open()
        await second.open()
        await register(first, "s", text("A"))

        def question() -> int:
            found = second.state.of_id(".", 1)
            if found is None:
                raise RefusalError(40403, "Schema 1 not found")
            return found.version

        assert await second.ask(question) == 1

    run(scenario())


def test_what_others_wrote_is_found_by_a_registry_that_has_written_before() -> None:
    async def scenario() -> None:
        topic = Topic()
        (first, _), (second, _) = registry(topic), registry(topic)
        await first.open()
        await second.open()
        await register(first, "s", text("A"))
        await register(second, "t", text("B"))

        def question() -> int:
            if not first.state.has("t"):
                raise refusals.subject_not_found("t")
            return 1

        assert await first.ask(question) == 1

    run(scenario())


def test_nothing_is_refused_because_of_what_was_true_before_others_wrote() -> None:
    async def scenario() -> None:
        topic = Topic()
        (first, _), (second, _) = registry(topic), registry(topic)
        await first.open()
        await second.open()
        await register(first, "s", text("A"))
        await register(second, "t", text("B"))
        assert await first.change("doing", lambda: first.deletion.subject("t", permanent=False)) == [1]
        assert (await register(second, "t", text("C"))).version == 2

    run(scenario())


def test_modes_forbid_what_they_say() -> None:
    async def scenario() -> None:
        one, _ = registry(Topic())
        await one.open()
        with pytest.raises(RefusalError) as caught:
            await register(one, "s", text("A"), id=9)
        assert refused(caught) == 42205
        await one.set_mode("s", Mode.IMPORT, force=False)
        assert (await register(one, "s", text("A"), id=9, version=4)).version == 4
        with pytest.raises(RefusalError) as caught:
            await register(one, "s", text("B"), id=9, version=5)
        assert refused(caught) == 42205
        await one.set_mode(None, Mode.READONLY_OVERRIDE, force=False)
        with pytest.raises(RefusalError) as caught:
            await register(one, "s", text("C"), id=10)
        assert refused(caught) == 42205
        await one.set_mode(None, Mode.READWRITE, force=False)
        with pytest.raises(RefusalError) as caught:
            await one.set_mode(None, Mode.IMPORT, force=False)
        assert refused(caught) == 42205

    run(scenario())


def test_a_deleted_version_keeps_its_number_and_its_id() -> None:
    async def scenario() -> None:
        one, _ = registry(Topic())
        await one.open()
        await register(one, "s", text("A"))
        await register(one, "s", text("B"))
        await one.change("doing", lambda: one.deletion.version("s", 2, permanent=False))
        assert (await register(one, "s", text("C"))).version == 3
        back = await register(one, "s", text("B"))
        assert (back.version, back.id) == (4, 2)
        assert [each.version for each in one.state.versions("s", deleted=True)] == [1, 3, 4]

    run(scenario())


def test_what_is_referred_to_is_not_deleted() -> None:
    async def scenario() -> None:
        one, _ = registry(Topic())
        await one.open()
        await register(one, "part", text("Part"))
        whole = '{"type":"record","name":"Whole","fields":[{"name":"p","type":"Part"}]}'
        made = await register(one, "whole", whole, references=(Reference("Part", "part", -1),))
        assert made.references == (Reference("Part", "part", 1),)
        for decide in (
            lambda: one.deletion.version("part", 1, permanent=False),
            lambda: one.deletion.subject("part", permanent=False),
        ):
            with pytest.raises(RefusalError) as caught:
                await one.change("doing", decide)
            assert refused(caught) == 42206

    run(scenario())
