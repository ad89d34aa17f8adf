"""A worker that lacks a plugin which its group needs: it stays away, or joins if it is allowed to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from integration.runtime.test_group_status import create, metrics
from integration.runtime.test_standalone_process import wait_until
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, running

pytestmark = pytest.mark.integration

PLUGINS: Final = Path(__file__).parent / "plugin_path"
NAMES: Final = ("first", "second")
MISSING: Final = "connector.class=AwkwardSource"


def parts(worker: GroupWorker) -> list[dict[str, Any]]:
    """Connector instances and tasks, each with its state, its worker and perhaps a trace."""
    found = []
    for name in NAMES:
        code, body = worker.ask("GET", f"/connectors/{name}/status")
        assert isinstance(body, dict)
        found += [body["connector"], *body["tasks"]] if code == 200 else []
    return found


def test_a_worker_without_a_plugin_of_its_group_ends_with_2_or_fails_only_what_it_is_given(
    kafka: Any, tmp_path: Path
) -> None:
    group = Group(kafka.bootstrap, {"scheduled.rebalance.max.delay.ms": 0})
    able = LinkspanGroupWorker(tmp_path / "able", group, {"plugin.path": PLUGINS})
    unable = LinkspanGroupWorker(tmp_path / "unable", group)
    allowed = LinkspanGroupWorker(tmp_path / "allowed", group, {"linkspan.join.unsupported": "allow"})
    with running(able):
        for name in NAMES:
            create(able, name, connector__class="AwkwardSource", topic=f"{group.name}-{name}")
        wait_until(lambda: [part["state"] for part in parts(able)] == ["RUNNING"] * 4, "everything runs")
        generation = metrics(able)["kafka_connect_worker_rebalance_epoch"]
        unable.launch()
        assert unable.wait() == 2
        said = unable.log.read_text()
        assert "connect-distributed: This worker does not join its group" in said
        assert all(f"  {name}: {MISSING}\n" in said for name in NAMES)
        assert "Traceback" not in said
        assert metrics(able)["kafka_connect_worker_rebalance_epoch"] == generation, "it has joined"
        with running(allowed):

            def shared() -> bool:
                states = {(part["worker_id"], part["state"]) for part in parts(able)}
                return states == {(able.worker_id, "RUNNING"), (allowed.worker_id, "FAILED")}

            wait_until(shared, "what can run does, and what cannot has failed")
            failed = [part["trace"] for part in parts(able) if part["state"] == "FAILED"]
            assert len(failed) == 2
            assert all("AwkwardSource" in trace for trace in failed), failed
        wait_until(lambda: [part["state"] for part in parts(able)] == ["RUNNING"] * 4, "everything runs again")
