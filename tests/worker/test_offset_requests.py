"""Offsets of connectors as REST reads, alters and resets them."""

from __future__ import annotations

import pytest
from conftest import source

from linkspan.api.errors import ConfigError, ConnectError


def test_offsets_of_a_source_are_altered_and_reset(with_worker):
    async def story(watched) -> None:
        worker, config = watched.worker, source("c")
        entry = {"partition": {"file": "a"}, "offset": {"position": 3}}
        assert await worker.alter_offsets("c", config, [entry]) is False
        assert await worker.connector_offsets("c", config) == [entry]
        assert await worker.reset_offsets("c", {**config, "external": "true"}) is True
        assert await worker.connector_offsets("c", config) == []

    with_worker(story)


def test_offsets_of_a_source_need_a_partition(with_worker):
    async def story(watched) -> None:
        with pytest.raises(ConfigError, match="Partition objects cannot be null"):
            await watched.worker.alter_offsets("c", source("c"), [{"partition": None, "offset": {"position": 3}}])

    with_worker(story)


@pytest.mark.parametrize("entry", [({"f": [1]}, {"p": 1}), ({"f": 1}, {"p": {"q": 1}}), ({"f": 1}, {"p": 2**63})])
def test_offsets_that_cannot_be_stored_are_refused_before_the_connector_hears_of_them(with_worker, entry):
    async def story(watched) -> None:
        partition, offset = entry
        config = source("c", alter_offsets="raise")
        with pytest.raises(ConfigError, match="may only hold primitive values"):
            await watched.worker.alter_offsets("c", config, [{"partition": partition, "offset": offset}])

    with_worker(story)


def test_a_connector_may_refuse_offsets(with_worker):
    async def story(watched) -> None:
        config = source("c", alter_offsets="raise")
        with pytest.raises(ConnectError, match="no luck in alter_offsets"):
            await watched.worker.alter_offsets("c", config, [{"partition": {"f": 1}, "offset": {"p": 1}}])
        assert await watched.worker.connector_offsets("c", config) == []

    with_worker(story)


def test_offsets_of_a_sink_are_those_of_its_group(with_worker):
    async def story(watched) -> None:
        worker, config = watched.worker, source("s", "QuietSink", topics="t")
        shown = {"partition": {"kafka_partition": 0, "kafka_topic": "t"}, "offset": {"kafka_offset": 4}}
        assert await worker.connector_offsets("s", config) == [shown]
        assert await worker.alter_offsets("s", config, [shown]) is False
        assert await worker.reset_offsets("s", config) is False
        with pytest.raises(ConfigError, match="kafka_offset"):
            await worker.alter_offsets("s", config, [{**shown, "offset": {}}])

    with_worker(story)


def test_a_connector_reads_stored_offsets(with_worker, caplog):
    from conftest import until

    async def story(watched) -> None:
        config = source("c", "WatchingSource", watch="offsets")
        await watched.worker.alter_offsets("c", config, [{"partition": {"file": "a"}, "offset": {"position": 3}}])
        await watched.worker.start_connector("c", config, "STARTED")
        await until(lambda: "found {'position': 3}" in caplog.text)

    caplog.set_level("INFO")
    with_worker(story)
