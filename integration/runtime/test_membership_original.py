"""A group of the original worker takes our member: byte layouts, rounds and shares are understood on both sides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from integration.runtime.group_members import until
from integration.services.groups import Group, OriginalGroupWorker, running
from linkspan.api.errors import ConnectError
from linkspan.herder.membership import GroupMembership
from linkspan.herder.protocol import (
    Assignment,
    WorkerState,
    WorkItem,
    decode_assignment,
    encode_worker_state,
)

pytestmark = pytest.mark.integration

URL = "http://127.0.0.1:1/"


class Follower:
    """A worker that has whatever it is given; the config topic it reads not at all."""

    def __init__(self) -> None:
        self.items: set[WorkItem] = set()
        self.rounds: list[tuple[str, str, Assignment]] = []
        self.failures: list[ConnectError] = []
        self.lost: list[str] = []
        self.offset = 0

    def subscriptions(self) -> Sequence[tuple[str, bytes]]:
        own = None
        if self.rounds:
            last = self.rounds[-1][2]
            own = Assignment(2, 0, last.leader, last.leader_url, last.offset, tuple(sorted(self.items)))
        state = WorkerState(URL, self.offset, own)
        versions = (("sessioned", 2), ("compatible", 1), ("default", 0))
        return [(name, encode_worker_state(state, version)) for name, version in versions]

    async def on_joining(self) -> None: ...

    async def assign(self, *_: Any) -> dict[str, bytes]:
        raise AssertionError("the original leads")

    async def on_joined(self, generation: int, member_id: str, protocol: str, assignment: bytes) -> None:
        assert generation > 0
        got = decode_assignment(assignment)
        self.items = (self.items - set(got.revoked)) | set(got.assigned)
        self.offset = got.offset
        self.rounds.append((member_id, protocol, got))

    async def on_lost(self, reason: str) -> None:
        self.lost.append(reason)


def status_of(worker: OriginalGroupWorker, connector: str) -> Mapping[str, Any]:
    code, body = worker.ask("GET", f"/connectors/{connector}/status")
    return body if code == 200 and isinstance(body, dict) else {}


def test_a_group_led_by_the_original_gives_our_member_its_share(kafka: Any, tmp_path: Path) -> None:
    group = Group(kafka.bootstrap, {"scheduled.rebalance.max.delay.ms": 0})
    worker = OriginalGroupWorker(tmp_path, group)

    async def test() -> None:
        member = Follower()
        settings = {"bootstrap.servers": group.bootstrap, "group.id": group.name}
        membership = GroupMembership(settings, "127.0.0.1:1", member.failures.append)
        await membership.start(member)
        try:
            await until(lambda: member.rounds or member.failures, "it is in the group")
            me, protocol, got = member.rounds[-1]
            assert protocol == "sessioned"
            assert me.startswith("connect-127.0.0.1:1-")
            assert (got.version, got.error, got.leader_url) == (2, 0, f"{worker.url}/")
            assert got.leader != me
            config = {"connector.class": "FileStreamSource", "topic": group.name, "file": str(tmp_path / "none")}
            code, _ = await asyncio.to_thread(worker.ask, "PUT", "/connectors/shared/config", config)
            assert code == 201
            await until(lambda: member.items, "it has a share")
            assert member.items <= {("shared", -1), ("shared", 0)}
        finally:
            await membership.stop()
        assert member.failures == []
        assert member.lost == []

    with running(worker):
        asyncio.run(test())
        # what our member had comes back to the original when it leaves
        deadline = time.monotonic() + 60
        while not (
            (status := status_of(worker, "shared")).get("connector", {}).get("state") == "RUNNING"
            and [task["worker_id"] for task in status["tasks"]] == [worker.worker_id]
        ):
            assert time.monotonic() < deadline, status
            time.sleep(0.1)
