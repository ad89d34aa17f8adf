"""A group of the original is replaced by one of ours on the same topics, and the other way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.chaos.pipes import Pipe, await_states, tried, wait_for
from integration.services.distributions import CURRENT, OLDEST, Distribution
from integration.services.groups import Group, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.topics import committed

pytestmark = pytest.mark.integration


def known(worker: Any, pipe: Pipe) -> dict[str, Any]:
    """What a group knows of its connectors, whoever its workers are."""
    infos = tried(worker, "/connectors?expand=info")
    return {
        "infos": infos,
        "offsets": {name: tried(worker, f"/connectors/{name}/offsets") for name in pipe.names},
        "topics": {name: tried(worker, f"/connectors/{name}/topics") for name in pipe.names},
    }


@pytest.mark.parametrize(
    "distribution",
    [CURRENT, pytest.param(OLDEST, marks=(pytest.mark.xdist_group("oldest"), pytest.mark.long))],
    ids=str,
)
def test_connectors_go_on_where_the_other_kind_of_worker_stopped_them(
    request: pytest.FixtureRequest, tmp_path: Path, distribution: Distribution
) -> None:
    broker = request.getfixturevalue("kafka" if distribution is CURRENT else "oldest")
    group = Group(broker.bootstrap, {"offset.flush.interval.ms": 300}, distribution)
    pipe = Pipe(tmp_path, group)
    before = None
    for turn, kind in enumerate((OriginalGroupWorker, LinkspanGroupWorker, OriginalGroupWorker)):
        worker = kind(tmp_path / f"worker-{turn}", group)
        with running(worker):
            if turn == 0:
                pipe.create(worker)
            await_states(worker, pipe.names, on=[worker])
            if before is not None:
                assert known(worker, pipe) == before
            pipe.add(200)
            pipe.await_all()
            ends = {"offsets": [{"partition": {"filename": str(pipe.source_file)}, "offset": position(pipe)}]}
            wait_for(lambda: tried(worker, f"/connectors/{pipe.source}/offsets") == ends, "the source's offset")  # noqa: B023 - called in this turn
            wait_for(
                lambda: list(committed(group.bootstrap, f"connect-{pipe.sink}").values()) == [len(pipe.written)],
                "the sink's offset",
            )
            before = known(worker, pipe)
        # both kinds say goodbye in order, so nothing is repeated either
        assert pipe.in_topic() == pipe.written, f"turn {turn}"
        assert pipe.arrived() == pipe.written, f"turn {turn}"


def position(pipe: Pipe) -> dict[str, int]:
    return {"position": pipe.source_file.stat().st_size}
