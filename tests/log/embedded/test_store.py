"""The file of the embedded log: what is refused, what is left alone, what a failed write leaves behind."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api.errors import ConnectError, CorruptStateError, RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.embedded import EmbeddedLog, writer
from linkspan.log.embedded import reader as embedded_reader
from linkspan.log.embedded.packing import pack, unpack
from linkspan.log.embedded.store import FILE
from linkspan.log.port import OutgoingBatch, TopicSpec
from tests.log.semantics import join, until, values_of

PLACE = TopicPartition("t", 0)


def write(path: Path, *values: bytes) -> None:
    client = EmbeddedLog(str(path)).writer({})
    client.send(OutgoingBatch("t", list(values)))
    client.close(1)


def read(path: Path, count: int) -> list[bytes | None]:
    reader, _ = join(EmbeddedLog(str(path)), ["t"])
    try:
        return values_of(reader, count)
    finally:
        reader.close()


def change(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path / FILE)
    with connection:
        connection.execute(statement, values)
    connection.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / FILE).write_bytes(b"not a database" * 1000)
    with pytest.raises(CorruptStateError, match=re.escape(str(tmp_path / FILE))):
        EmbeddedLog(str(tmp_path)).admin({})
    assert (tmp_path / FILE).read_bytes() == b"not a database" * 1000


@pytest.mark.parametrize("table", ["something (a)", "meta (id, note)"])
def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path, table):
    change(tmp_path, f"CREATE TABLE {table}")
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(CorruptStateError, match="of another program"):
        EmbeddedLog(str(tmp_path)).writer({})
    assert (tmp_path / FILE).read_bytes() == before


def test_another_version_is_refused(tmp_path):
    write(tmp_path, b"a")
    change(tmp_path, "UPDATE meta SET value = '99' WHERE name = 'version'")
    with pytest.raises(CorruptStateError, match=r"another version .*99"):
        EmbeddedLog(str(tmp_path)).reader({"group.id": "g"})


def test_a_file_cut_off_is_refused(tmp_path):
    write(tmp_path, *(b"%d" % number * 100 for number in range(1000)))
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:5000])
    with pytest.raises(CorruptStateError, match="damaged"):
        EmbeddedLog(str(tmp_path)).admin({})
    assert (tmp_path / FILE).read_bytes() == whole[:5000]


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConnectError, match=r"cannot use the folder .*file"):
        EmbeddedLog(str(tmp_path / "file")).admin({})
    (tmp_path / "log" / FILE).mkdir(parents=True)
    with pytest.raises(ConnectError, match=r"cannot open .*log"):
        EmbeddedLog(str(tmp_path / "log")).admin({})


@pytest.mark.parametrize("place", [25, -1])
def test_a_damaged_batch_is_named_with_its_offset_and_not_skipped(tmp_path, place):
    write(tmp_path, b"a")
    write(tmp_path, b"b" * 10, b"c")
    connection = sqlite3.connect(tmp_path / FILE)
    (data,) = connection.execute("SELECT data FROM batches WHERE last = 2").fetchone()
    connection.close()
    damaged = bytearray(data)
    damaged[place] ^= 1
    change(tmp_path, "UPDATE batches SET data = ? WHERE last = 2", bytes(damaged))
    with pytest.raises(CorruptStateError, match=rf"{FILE}.*t-0.* from offset 1 is damaged"):
        read(tmp_path, 3)


@pytest.mark.parametrize("statement", ["DELETE FROM batches WHERE last = 1", "UPDATE batches SET count = 1"])
def test_missing_records_are_told_instead_of_skipped(tmp_path, statement):
    write(tmp_path, b"a", b"b")
    write(tmp_path, b"c")
    change(tmp_path, statement)
    with pytest.raises(CorruptStateError, match=r"offset 0 is missing"):
        read(tmp_path, 3)


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "größe", "x" * 250, "a/b", "a\n"])
def test_names_that_kafka_refuses_are_refused(tmp_path, name):
    log = EmbeddedLog(str(tmp_path))
    admin, client = log.admin({}), log.writer({})
    with pytest.raises(ConnectError, match="name of a topic"):
        admin.create_topic(TopicSpec(name, 1))
    with pytest.raises(ConnectError, match="name of a topic"):
        client.send(OutgoingBatch(name, [b"a"]))
    assert admin.topics() == []
    client.close(1)
    admin.close()


def test_an_unknown_partition_is_named_and_nothing_is_told_of_its_record(tmp_path):
    client = EmbeddedLog(str(tmp_path)).writer({})
    told: list[int] = []
    delivery = client.send(OutgoingBatch("t", [b"a", b"b"], partitions=[1, 0]), lambda index, *_: told.append(index))
    client.poll()
    assert told == [1]
    assert [(index, str(error)) for index, error in delivery.failures] == [(0, "Topic t has no partition 1, it has 1")]
    client.close(1)


def test_what_is_not_there_is_named(tmp_path):
    client = EmbeddedLog(str(tmp_path)).writer({})
    admin = EmbeddedLog(str(tmp_path)).admin({})
    with pytest.raises(ConnectError, match="no partition t-0"):
        admin.end_offsets([PLACE])
    with pytest.raises(ConnectError, match="0 partitions"):
        admin.create_topic(TopicSpec("t", 0))
    client.close(1)
    admin.close()


def test_a_full_disk_is_a_passing_error_and_leaves_nothing_half_written(tmp_path):
    write(tmp_path, b"before")
    client = EmbeddedLog(str(tmp_path)).writer({})
    (pages,) = client._store.row("PRAGMA page_count")
    client._store.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RetriableError, match="disk is full"):
        client.send(OutgoingBatch("t", [b"x" * 100_000]))
    client._store.rows("PRAGMA max_page_count = 1000000")
    client.send(OutgoingBatch("t", [b"after"]))
    client.close(1)
    assert read(tmp_path, 2) == [b"before", b"after"]


def test_a_transaction_that_finds_the_disk_full_is_whole_when_it_is_committed_again(tmp_path):
    write(tmp_path, b"before")
    client = EmbeddedLog(str(tmp_path)).transactional_writer({}, "id", reports_records=False)
    client.open(1)
    client.begin()
    client.send(OutgoingBatch("t", [b"x" * 100_000]))
    client.send(OutgoingBatch("t", [b"offset"]))
    (pages,) = client._store.row("PRAGMA page_count")
    client._store.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RetriableError, match="disk is full"):
        client.commit()
    client._store.rows("PRAGMA max_page_count = 1000000")
    client.commit()
    client.close()
    assert read(tmp_path, 3) == [b"before", b"x" * 100_000, b"offset"]


def test_a_file_locked_for_too_long_is_a_passing_error(tmp_path):
    write(tmp_path, b"before")
    client = EmbeddedLog(str(tmp_path)).writer({})
    client._store.rows("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetriableError, match="in use by others"):
        client.send(OutgoingBatch("t", [b"after"]))
    other.execute("ROLLBACK")
    other.close()
    client.send(OutgoingBatch("t", [b"after"]))
    client.close(1)
    assert read(tmp_path, 2) == [b"before", b"after"]


def test_large_batches_are_stored_in_several_rows_but_appear_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_LARGEST_ROW", 1000)
    values: list[bytes | None] = [b"%04d" % number * 25 for number in range(50)] + [b"z" * 5000, None, b"end"]
    keys = [b"k", None] * 26 + [b""]
    client = EmbeddedLog(str(tmp_path)).writer({})
    told: list[int] = []
    client.send(OutgoingBatch("t", values, keys=keys), lambda index, _place, offset, _: told.append(offset - index))
    client.close(1)
    assert told == [0] * 53
    connection = sqlite3.connect(tmp_path / FILE)
    assert connection.execute("SELECT count(*), sum(count) FROM batches").fetchone() == (8, 53)
    connection.close()
    reader, _ = join(EmbeddedLog(str(tmp_path)), ["t"])
    batches = []
    until(lambda: batches.extend(reader.poll(0.1, 500)) or batches)
    reader.close()
    assert (batches[0].values, batches[0].keys) == (values, keys)


def test_without_an_offset_and_without_a_reset_the_reader_says_so(tmp_path):
    write(tmp_path, b"a")
    reader, _ = join(EmbeddedLog(str(tmp_path)), ["t"], "g", reset="none")
    with pytest.raises(ConnectError, match=r"Group g has no offset for t-0"):
        reader.poll(0.1, 1)
    reader.close()


def test_no_partition_starves(tmp_path):
    log = EmbeddedLog(str(tmp_path))
    admin, client = log.admin({}), log.writer({})
    admin.create_topic(TopicSpec("t", 3))
    for _ in range(20):
        client.send(OutgoingBatch("t", [b"x"] * 30, partitions=[index % 3 for index in range(30)]))
    reader, _ = join(log, ["t"])
    seen: list[int] = []
    until(lambda: [seen.extend(batch.partitions) for batch in reader.poll(0.1, 10)] and len(seen) >= 60)
    assert set(seen[:60]) == {0, 1, 2}
    for closing in (reader, admin):
        closing.close()
    client.close(1)


def test_a_partition_whose_batches_never_end_with_a_poll_lets_others_come(tmp_path):
    log = EmbeddedLog(str(tmp_path))
    admin, client = log.admin({}), log.writer({})
    admin.create_topic(TopicSpec("t", 2))
    for number in (0, 0, 0, 0, 1):
        client.send(OutgoingBatch("t", [b"x"] * 7, partitions=[number] * 7))
    reader, _ = join(log, ["t"])
    seen: list[int] = []
    until(lambda: [seen.extend(batch.partitions) for batch in reader.poll(0.1, 5)] and len(seen) >= 20)
    assert 1 in seen[:20]
    for closing in (reader, admin):
        closing.close()
    client.close(1)


def test_a_poll_takes_no_more_batches_than_memory_bears(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_reader, "_MOST_BYTES", 1000)
    for _ in range(5):
        write(tmp_path, b"x" * 800)
    reader, _ = join(EmbeddedLog(str(tmp_path)), ["t"])
    counts: list[int] = []
    until(lambda: counts.extend(len(batch) for batch in reader.poll(0.1, 500)) or sum(counts) == 5)
    assert max(counts) == 2
    reader.close()


def test_what_was_read_before_reading_fails_is_read_again(tmp_path, monkeypatch):
    log = EmbeddedLog(str(tmp_path))
    admin, client = log.admin({}), log.writer({})
    admin.create_topic(TopicSpec("t", 2))
    client.send(OutgoingBatch("t", [b"a", b"b"], partitions=[0, 1]))
    reader, _ = join(log, ["t"])
    load, failures = reader._load, iter([False, True])

    def failing(place, position):
        if next(failures, False):
            raise RetriableError("busy")
        return load(place, position)

    monkeypatch.setattr(reader, "_load", failing)
    with pytest.raises(RetriableError):
        until(lambda: bool(reader.poll(0.1, 500)))
    assert sorted(values_of(reader, 2)) == [b"a", b"b"]
    for closing in (reader, admin):
        closing.close()
    client.close(1)


def test_a_new_topic_is_joined_even_when_the_first_try_fails(tmp_path, monkeypatch):
    write(tmp_path, b"x")
    log = EmbeddedLog(str(tmp_path))
    reader, _ = join(log, ["t", "u"])
    assert values_of(reader, 1) == [b"x"]
    client = log.writer({})
    client.send(OutgoingBatch("u", [b"y"]))
    enter, failures = reader._member.join, iter([True])

    def failing(topics):
        if next(failures, False):
            raise RetriableError("busy")
        enter(topics)

    monkeypatch.setattr(reader._member, "join", failing)
    with pytest.raises(RetriableError):
        until(lambda: bool(reader.poll(0.1, 500)))
    assert b"y" in values_of(reader, 2)  # what was not committed comes again
    reader.close()
    client.close(1)


def test_many_may_open_a_file_that_nobody_has_made_yet(tmp_path):
    def open_it(folder: Path) -> None:
        EmbeddedLog(str(folder)).admin({}).close()

    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            for done in [pool.submit(open_it, tmp_path / str(number)) for _ in range(8)]:
                done.result()


def test_a_flushed_batch_is_on_the_disk(tmp_path, monkeypatch):
    synced: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())), fsync(fd)))
    client = EmbeddedLog(str(tmp_path)).writer({})
    client.send(OutgoingBatch("t", [b"x"]))
    assert client.flush(1)
    assert client.flush(1)
    client.close(1)
    assert synced == [f"{tmp_path / FILE}-wal"]


def test_a_disk_that_failed_once_is_not_believed_again(tmp_path, monkeypatch):
    fsync, failures = os.fsync, iter([True])

    def failing(descriptor: int) -> None:
        if next(failures, False):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    client = EmbeddedLog(str(tmp_path)).writer({})
    client.send(OutgoingBatch("t", [b"x"]))
    for _ in range(2):
        with pytest.raises(ConnectError, match=r"-wal cannot be written to the disk: Input/output error"):
            client.flush(1)
    client.close(1)


payloads = st.none() | st.binary(max_size=20)
header = st.tuples(st.text(max_size=5), payloads)


@given(
    rows=st.lists(
        st.tuples(payloads, payloads, st.integers(-1, 2**62), st.lists(header, max_size=3)), min_size=1, max_size=20
    )
)
def test_every_batch_is_unpacked_as_it_was_packed(rows):
    values, keys, stamps, headers = ([row[part] for row in rows] for part in range(4))
    columns = unpack(pack(values, keys, stamps, headers), len(rows), "it")
    assert (columns.values, columns.keys, columns.timestamps) == (values, keys, stamps)
    assert columns.headers == (headers if any(headers) else None)
    bare = unpack(pack(values, None, stamps, None), len(rows), "it")
    assert (bare.keys, bare.headers) == ([None] * len(rows), None)


@given(st.data())
def test_damage_is_always_noticed(data):
    packed = pack([b"abc", None], [b"k", b""], [1, 2], [[("h", b"v")], []])
    place = data.draw(st.integers(0, len(packed) - 1))
    damaged = bytearray(packed)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptStateError, match="it is damaged"):
        unpack(bytes(damaged), 2, "it")
    with pytest.raises(CorruptStateError, match="it is damaged"):
        unpack(packed[:place], 2, "it")
    with pytest.raises(CorruptStateError, match="it is damaged"):
        unpack(packed, 3, "it")
