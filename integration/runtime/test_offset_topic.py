"""The offset topic that the original's workers write: each side finds what the other has stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from integration.conftest import missing
from integration.services.groups import Group, OriginalGroupWorker, running
from integration.services.maven import UnavailableError
from integration.services.topics import values
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import Table, TopicSpec
from linkspan.worker.offset_topic import TopicOffsetStore

pytestmark = pytest.mark.integration

NAME: Final = "lines-ä-😀"
PATIENCE: Final = 90.0


def table_of(group: Group) -> Table:
    return KafkaLog().table(
        {key: str(value) for key, value in group.properties().items()},
        TopicSpec(group.offset_topic, 2, 1),
        key="offset.storage.topic",
        holds="source connector offsets",
        client_id=f"{group.name}-offsets",
    )


async def until(condition: Callable[[], Awaitable[Any]], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := await condition()):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)
    return found


def test_the_original_goes_on_where_we_say_and_we_know_how_far_it_got(kafka: Any, tmp_path: Path) -> None:
    """We write first, so the worker looks for the bytes of our key; then it writes, and we look for its."""
    group = Group(kafka.bootstrap)
    try:
        worker = OriginalGroupWorker(tmp_path / "worker", group)
    except UnavailableError as error:
        missing(str(error))
    source = tmp_path / 'in\x0b"\\.txt'
    source.write_text("one\ntwo\nthree\n")
    partition = {"filename": str(source)}
    topic = f"{group.name}-lines"
    config = {"connector.class": "FileStreamSource", "file": str(source), "topic": topic}
    path = f"/connectors/{quote(NAME)}"

    async def story() -> None:
        store = TopicOffsetStore(table_of(group))
        await store.start()
        assert await store.all(NAME) == []
        body = {"name": NAME, "config": config, "initial_state": "STOPPED"}
        assert (await asyncio.to_thread(worker.ask, "POST", "/connectors", body))[0] == 201
        await store.set(NAME, [(dict(partition), {"position": 4})])
        _, shown = await asyncio.to_thread(worker.ask, "GET", f"{path}/offsets")
        assert shown == {"offsets": [{"partition": partition, "offset": {"position": 4}}]}
        assert (await asyncio.to_thread(worker.ask, "PUT", f"{path}/resume"))[0] == 202

        async def finished() -> bool:
            return await store.get(NAME, [partition]) == [{"position": 14}]

        await until(finished, "the offset of the last line never came")
        assert values(kafka.bootstrap, topic) == ["two", "three"]
        assert await store.all(NAME) == [(partition, {"position": 14})]
        assert (await asyncio.to_thread(worker.ask, "PUT", f"{path}/stop"))[0] == 204

        async def reset() -> bool:
            return (await asyncio.to_thread(worker.ask, "DELETE", f"{path}/offsets"))[0] == 200

        await until(reset, "the original never let its offsets be reset")
        assert await store.all(NAME) == []
        await store.stop()

    with running(worker):
        asyncio.run(story())
    keys = asyncio.run(stored_keys(group))
    assert len(keys) == 1, keys


async def stored_keys(group: Group) -> set[bytes | None]:
    """Spellings of keys that are in the topic: one, when both sides write the same bytes."""
    table = table_of(group)
    found: set[bytes | None] = set()
    await table.open(lambda records: found.update(record.key for record in records))
    await table.close()
    return found
