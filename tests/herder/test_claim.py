"""Only the leader writes to the config topic where sources may deliver exactly once (spec/runtime.md 2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from linkspan.api.errors import ConflictError, ConnectError, FencedError
from linkspan.herder.config_topic import ConfigTopic, LostClaimError
from tests.herder.config_listener import Told
from tests.log.memory_table import MemoryTable, MemoryTopic

CONFIG = {"name": "c"}


class Claims:
    """Who may write: the one that claimed last."""

    def __init__(self) -> None:
        self.holder: MemoryWriter | None = None


class MemoryWriter:
    """An exclusive writer in memory."""

    def __init__(self, claims: Claims, topic: MemoryTopic) -> None:
        self._claims = claims
        self._topic = topic
        self.claimed = False
        self.refusal: ConnectError | None = None
        self.transactions: list[int] = []

    async def claim(self, seconds: float) -> None:  # noqa: ARG002
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        self._claims.holder, self.claimed = self, True

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:  # noqa: ARG002
        if not self.claimed:
            raise ConnectError("not claimed")
        if self._claims.holder is not self:
            self.claimed = False
            raise FencedError("somebody else")
        self.transactions.append(len(records))
        for key, value in records:
            self._topic.append(key, value)

    async def release(self) -> None:
        self.claimed = False


def run(story: Callable[[ConfigTopic, MemoryWriter, Callable[[], MemoryWriter], MemoryTopic], Awaitable[None]]) -> None:
    async def whole() -> None:
        topic, claims = MemoryTopic("configs"), Claims()
        writer = MemoryWriter(claims, topic)
        configs = ConfigTopic(MemoryTable(topic, single_partition=True), writer)
        await configs.open(Told())
        await story(configs, writer, lambda: MemoryWriter(claims, topic), topic)
        await configs.close()

    asyncio.run(whole())


def test_a_worker_that_does_not_lead_cannot_write_what_only_the_leader_may() -> None:
    async def story(configs: ConfigTopic, _: object, __: object, topic: MemoryTopic) -> None:
        with pytest.raises(LostClaimError, match="Failed to write to config topic; this may be due to a transient"):
            await configs.put_connector("c", CONFIG, None)
        assert topic.values() == {}

    run(story)


def test_target_states_and_log_levels_are_written_by_every_worker() -> None:
    async def story(configs: ConfigTopic, writer: MemoryWriter, _: object, topic: MemoryTopic) -> None:
        await configs.put_target("c", "PAUSED")
        await configs.put_log_level("l", "DEBUG")
        assert len(topic.values()) == 2
        assert writer.transactions == []

    run(story)


def test_a_write_waits_for_the_claim_that_is_under_way() -> None:
    async def story(configs: ConfigTopic, writer: MemoryWriter, _: object, topic: MemoryTopic) -> None:
        configs.begin_claim(1)
        await configs.put_connector("c", CONFIG, "STOPPED")
        await configs.put_task_configs("c", [{"a": "1"}, {"a": "2"}])
        await configs.put_task_count("c", 2, generation=0)
        await configs.put_restart("c", include_tasks=True, only_failed=False)
        await configs.remove_connector("c")
        assert writer.transactions == [2, 2, 1, 1, 1, 2], "each operation is one transaction"
        assert topic.values()[b"connector-c"] is None

    run(story)


def test_who_led_before_can_write_nothing_more_until_it_claims_again() -> None:
    async def story(
        configs: ConfigTopic, writer: MemoryWriter, another: Callable[[], MemoryWriter], topic: MemoryTopic
    ) -> None:
        configs.begin_claim(1)
        await configs.put_connector("c", CONFIG, None)
        await another().claim(1)
        with pytest.raises(LostClaimError):
            await configs.put_connector("d", CONFIG, None)
        assert b"connector-d" not in topic.values()
        assert not writer.claimed
        configs.begin_claim(1)
        await configs.put_connector("d", CONFIG, None)
        assert b"connector-d" in topic.values()

    run(story)


def test_tasks_that_a_former_leader_cuts_before_the_claim_is_won_are_not_counted_as_others() -> None:
    async def story(
        configs: ConfigTopic, writer: MemoryWriter, another: Callable[[], MemoryWriter], topic: MemoryTopic
    ) -> None:
        configs.begin_claim(1)
        await configs.put_connector("c", CONFIG, None)
        await configs.put_task_configs("c", [{"n": "0"}])
        former, claim, has_written = another(), writer.claim, asyncio.Event()
        await former.claim(1)
        await writer.release()

        async def win(seconds: float) -> None:
            await has_written.wait()
            await claim(seconds)

        writer.claim = win  # type: ignore[method-assign]
        configs.begin_claim(1)
        counting = asyncio.create_task(configs.put_task_count("c", 1, generation=0))
        for _ in range(10):
            await asyncio.sleep(0)
        await former.write([(b"commit-c", b'{"tasks":0}')], 1)
        has_written.set()
        with pytest.raises(ConflictError):
            await counting
        assert b"tasks-fencing-c" not in topic.values()

    run(story)


def test_what_was_decided_under_a_claim_is_not_written_with_a_later_one() -> None:
    async def story(configs: ConfigTopic, writer: MemoryWriter, _: object, topic: MemoryTopic) -> None:
        configs.begin_claim(1)
        await configs.put_connector("c", CONFIG, None)
        written = writer.write

        async def lose(records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
            await written(records, seconds)
            await writer.release()
            configs.begin_claim(1)

        writer.write = lose  # type: ignore[method-assign]
        with pytest.raises(LostClaimError):
            await configs.put_task_configs("c", [{"n": "0"}])
        assert b"task-c-0" in topic.values()
        assert b"commit-c" not in topic.values()

    run(story)


def test_a_claim_that_fails_is_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    async def story(configs: ConfigTopic, writer: MemoryWriter, _: object, __: object) -> None:
        writer.refusal = ConnectError("no right to the id")
        configs.begin_claim(1)
        with pytest.raises(LostClaimError):
            await configs.put_connector("c", CONFIG, None)
        assert "This worker leads, but cannot write to the config topic yet: no right to the id" in caplog.text
        writer.refusal = None
        configs.begin_claim(1)
        await configs.put_connector("c", CONFIG, None)
        await configs.give_up_claim()
        assert not writer.claimed

    run(story)
