from __future__ import annotations

from types import SimpleNamespace

import pytest

from linkspan.api.errors import ConnectError
from linkspan.api.records import SourceBatch, SourceRecord
from linkspan.task.offsets import Progress, Sent, last_positions


def sent(position: int, *, done: bool = True) -> Sent:
    delivery = SimpleNamespace(done=done, failures=[])
    part = SimpleNamespace(records=[], batch=None)
    return Sent(((part, delivery),), [({"file": "a"}, {"position": position})], 1, ())  # type: ignore[arg-type]


def test_the_newest_position_of_a_partition_is_committable():
    progress = Progress()
    progress.add(sent(1))
    progress.add(sent(2))
    progress.complete()
    progress.complete()
    assert progress.take() == [({"file": "a"}, {"position": 2})]
    assert progress.take() == []
    assert (len(progress), progress.records) == (0, 0)


def test_positions_given_back_do_not_replace_newer_ones():
    progress = Progress()
    progress.add(sent(1))
    progress.complete()
    old = progress.take()
    progress.add(sent(2))
    progress.complete()
    progress.give_back(old)
    assert progress.take() == [({"file": "a"}, {"position": 2})]


def test_a_unit_is_done_when_all_its_parts_are():
    done, waiting = sent(1).parts[0], sent(1, done=False).parts[0]
    assert not Sent((done, waiting), (), 2, ()).done
    assert Sent((done, done), (), 2, ()).done


def test_partitions_are_told_apart_by_content_and_type_not_by_identity():
    records = [
        SourceRecord({"p": 1}, {"o": 1}, "t", None),
        SourceRecord({"p": 1}, {"o": 2}, "t", None),
        SourceRecord({"p": True}, {"o": 3}, "t", None),
    ]
    assert last_positions(records) == [({"p": 1}, {"o": 2}), ({"p": True}, {"o": 3})]


def test_a_batch_asks_for_its_last_offset_only():
    class Lazy(list):  # type: ignore[type-arg]
        def __getitem__(self, index):  # type: ignore[override]
            assert index == -1
            return {"o": 9}

    batch = SourceBatch({"p": 1}, Lazy(), "t", ["a", "b"])
    assert last_positions(batch) == [({"p": 1}, {"o": 9})]


def test_a_task_may_change_its_dicts_after_poll():
    partition, offset = {"p": 1}, {"o": 1}
    positions = last_positions([SourceRecord(partition, offset, "t", None)])
    offset["o"] = 2
    assert positions == [({"p": 1}, {"o": 1})]


def test_a_partition_that_the_worker_will_refuse_does_not_end_the_task():
    records = [SourceRecord({"file": ["x"]}, {"position": number}, "t", "a") for number in (1, 2)]
    assert last_positions(records) == [({"file": ["x"]}, {"position": 2})]


def test_a_record_without_a_source_partition_may_not_have_an_offset():
    assert last_positions([SourceRecord(None, None, "t", "v")]) == []
    with pytest.raises(ConnectError, match="record for topic t with a source_offset and without a source_partition"):
        last_positions([SourceRecord(None, {"o": 1}, "t", "v")])
    with pytest.raises(ConnectError, match="without a source_partition"):
        last_positions(SourceBatch(None, [{"o": 1}], "t", ["v"]))
