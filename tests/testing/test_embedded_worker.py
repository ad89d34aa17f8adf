from __future__ import annotations

import pytest

from linkspan.api import ConnectError
from linkspan.testing import EmbeddedWorker, Fault
from linkspan.testing.worker import describe
from tests.testing import broken
from tests.testing.ledger import Ledger, LedgerSinkConnector


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    with EmbeddedWorker(tmp_path_factory.mktemp("worker"), [LedgerSinkConnector, broken.LinesConnector]) as worker:
        yield worker


def ledger(path) -> list[str]:
    found = Ledger(str(path))
    try:
        return found.lines()
    finally:
        found.close()


def sink(path, topic: str) -> dict[str, str]:
    return {"connector.class": "tests.testing.ledger.LedgerSinkConnector", "topics": topic, "file": str(path)}


def test_a_task_is_killed_exactly_where_a_fault_says_and_goes_on_after_a_restart(worker, tmp_path):
    path = tmp_path / "l"
    worker.create_topic("t", partitions=2)
    worker.write("t", [b"a", b"b"], partition=0)
    worker.write("t", [b"c"], partition=1)
    mark = tmp_path / "mark"
    worker.create("c", sink(path, "t"), fault=Fault("put", "after", "kill", mark=str(mark)))
    worker.wait_for("c", "FAILED")
    assert mark.exists()
    assert "SIGKILL" in worker.tasks("c")[0][1]
    written = ledger(path)
    assert written
    worker.restart_task("c")
    assert worker.wait(lambda: worker.group_lag("c", "t") == 0)
    assert sorted(ledger(path)) == ["a", "b", "c"]
    worker.delete("c")


def test_a_fault_strikes_once_also_where_the_worker_restarts_the_task_itself(worker, tmp_path):
    path = tmp_path / "l"
    worker.write("once", [b"a"])
    restarts = {"linkspan.restart.enable": "true", "linkspan.restart.backoff.ms": "10"}
    fault = Fault("put", "before", "kill", mark=str(tmp_path / "mark"))
    worker.create("once", {**sink(path, "once"), **restarts}, fault)
    assert worker.wait(lambda: worker.group_lag("once", "once") == 0)
    assert (ledger(path), len(worker.traces("once"))) == (["a"], 1)
    worker.delete("once")


def test_a_note_is_left_by_a_call_that_begins_once_its_gate_is_open(worker, tmp_path):
    mark, gate, file = tmp_path / "mark", tmp_path / "gate", tmp_path / "in"
    fault = Fault("poll", "before", "note", 2, str(mark), str(gate))
    config = {"connector.class": "tests.testing.broken.LinesConnector", "file": str(file), "topic": "noted"}
    worker.create("n", config, fault)
    worker.wait_for("n", "RUNNING")
    assert not worker.wait(mark.exists, 0.3)
    file.write_text("one\n")
    gate.touch()
    assert worker.wait(mark.exists)
    assert worker.read("noted") == [b"one"], "the first poll behind the gate is dealt with when the second begins"
    worker.delete("n")


def test_offsets_are_seen_altered_and_reset(worker, tmp_path):
    path = tmp_path / "l"
    worker.write("offsets", [b"a", b"b"])
    worker.create("o", sink(path, "offsets"))
    assert worker.wait(lambda: worker.group_lag("o", "offsets") == 0)
    worker.stop("o")
    (entry,) = worker.offsets("o")
    assert entry["offset"] == {"kafka_offset": 2}
    worker.alter_offsets("o", [{**entry, "offset": {"kafka_offset": 1}}])
    worker.resume("o")
    assert worker.wait(lambda: ledger(path) == ["a", "b", "b"])
    worker.stop("o")
    worker.reset_offsets("o")
    assert worker.offsets("o") == []
    worker.delete("o")


def test_what_a_source_writes_can_be_read_and_a_pause_is_seen(worker, tmp_path):
    file = tmp_path / "in"
    file.write_text("one\ntwo\n")
    worker.create("s", {"connector.class": "tests.testing.broken.LinesConnector", "file": str(file), "topic": "lines"})
    assert worker.wait(lambda: worker.read("lines") == [b"one", b"two"])
    worker.pause("s")
    worker.wait_for("s", "PAUSED")
    worker.delete("s")


def test_a_state_that_does_not_come_is_named_with_the_one_that_is(worker, tmp_path):
    worker.create("n", sink(tmp_path / "l", "nothing"))
    worker.wait_for("n", "RUNNING")
    with pytest.raises(ConnectError, match=r"Task n-0 was not PAUSED within 0\.2 s but \[\('RUNNING'"):
        worker.wait_for("n", "PAUSED", seconds=0.2)
    worker.delete("n")


def test_what_nobody_has_written_to_reads_as_empty(worker):
    assert worker.read("nobody-knows") == []


def test_a_class_that_no_other_process_can_import_is_refused():
    class Local(LedgerSinkConnector):
        pass

    with pytest.raises(ConnectError, match="has to be in a module that a task's process can import"):
        describe(Local)
