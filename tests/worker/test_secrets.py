"""What a plugin can find in its own process: the connector's credentials, never the worker's."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Watched, source, until

# a pattern that does not match itself, since the plugin has it in its memory
PATTERN = "hidden-of-[wc][a-z]+-[0-9]+"
WORKER = {
    "sasl.jaas.config": "x.PlainLoginModule required username=w password=hidden-of-worker-1;",
    "ssl.keystore.password": "hidden-of-worker-2",
    "admin.sasl.jaas.config": "x.PlainLoginModule required username=w password=hidden-of-worker-3;",
    "admin.ssl.key.password": "hidden-of-worker-4",
    "listeners.https.ssl.keystore.password": "hidden-of-worker-5",
    "consumer.sasl.jaas.config": "x.PlainLoginModule required username=w password=hidden-of-worker-6;",
    "key.converter": "rogue_plugins.PlainConverter",
}


def connector(mark: Path) -> dict[str, str]:
    return source(
        "curious",
        "SearchingSource",
        mark=str(mark),
        pattern=PATTERN,
        **{
            "producer.override.sasl.jaas.config": "x required password=hidden-of-connector-7;",
            "topic.creation.default.partitions": "1",
            "topic.creation.default.replication.factor": "1",
        },
    )


@pytest.mark.parametrize("place", ["start", "validate", "task"])
def test_plugin_code_finds_the_connectors_credentials_in_its_memory_and_not_the_workers(
    with_worker, tmp_path: Path, place: str
) -> None:
    mark = tmp_path / "found"
    told = mark if place == "task" else tmp_path / f"found.{place}"

    async def story(watched: Watched) -> None:
        config = connector(mark)
        if place == "validate":
            await watched.worker.validate(config)
        else:
            await watched.worker.start_connector("curious", config, "STARTED")
        if place == "task":
            configs = await watched.worker.task_configs("curious")
            await watched.worker.start_task("curious", 0, configs[0], "STARTED", connector_config=config)
        await until(told.exists, lambda: f"nothing was told; events: {watched.events}")
        assert told.read_text().splitlines() == ["hidden-of-connector-7"]

    with_worker(story, **WORKER)
