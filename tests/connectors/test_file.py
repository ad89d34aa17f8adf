from __future__ import annotations

import os
import types
from pathlib import Path

import pytest

from linkspan.api import ConfigError, ConnectError, DataError, RetriableError, SinkRecord, schema, streams
from linkspan.api.records import SinkRecords
from linkspan.config.definition import load
from linkspan_connectors.file import source as file_source
from linkspan_connectors.file.config import FileSinkConfig, FileSourceConfig
from linkspan_connectors.file.connector import FileStreamSinkConnector, FileStreamSourceConnector
from linkspan_connectors.file.sink import FileStreamSinkTask
from linkspan_connectors.file.source import FileStreamSourceTask


class Reader:
    def __init__(self, stored=None):
        self.stored = stored

    def offset(self, partition):
        assert set(partition) == {"filename"}
        return self.stored

    def offsets(self, partitions):
        return [self.stored for _ in partitions]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(file_source, "_IDLE_SECONDS", 0.0)


def source(path: Path, stored=None, **settings) -> FileStreamSourceTask:
    task = FileStreamSourceTask()
    task.config = load(FileSourceConfig, {"file": str(path), "topic": "t", **settings})
    task.context = types.SimpleNamespace(connector="c", task=0, configs={}, offset_reader=Reader(stored))
    task.start()
    return task


def read(task) -> list[tuple[str, int]]:
    found = []
    while (batch := task.poll()) is not None:
        found += [(record.value, record.source_offset["position"]) for record in batch]
    return found


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a\nbc\n", [("a", 2), ("bc", 5)]),
        (b"a\r\nb\r\n", [("a", 3), ("b", 6)]),
        (b"a\rb\n", [("a", 2), ("b", 4)]),
        (b"\n\n", [("", 1), ("", 2)]),
        (b"a\nunfinished", [("a", 2)]),
        (b"a\nb\r", [("a", 2)]),
        ("äö\nü\n".encode(), [("äö", 5), ("ü", 8)]),
    ],
)
def test_position_counts_bytes_up_to_and_with_the_line_end(tmp_path, content, expected):
    path = tmp_path / "f"
    path.write_bytes(content)
    assert read(source(path)) == expected


def test_every_position_is_a_place_to_go_on_from(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"one\r\ntwo\nthree\rfour\n")
    whole = read(source(path))
    for index, (_, position) in enumerate(whole):
        assert read(source(path, {"position": position})) == whole[index + 1 :]


def test_unfinished_line_waits_for_its_end(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"a\nhal")
    task = source(path)
    assert read(task) == [("a", 2)]
    with path.open("ab") as file:
        file.write(b"f\n")
    assert read(task) == [("half", 7)]


def test_batch_has_at_most_batch_size_lines(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x\n" * 5)
    task = source(path, **{"batch.size": "2"})
    assert [len(batch) for batch in iter(task.poll, None)] == [2, 2, 1]


@pytest.mark.parametrize("chunk", [3, 10, 64])
def test_a_batch_is_full_when_the_file_has_so_many_lines(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(file_source, "_CHUNK_BYTES", chunk)
    path = tmp_path / "f"
    path.write_bytes(b"".join(b"%d\n" % number for number in range(20)))
    task = source(path, **{"batch.size": "6"})
    batches = [
        [(record.value, record.source_offset["position"]) for record in batch] for batch in iter(task.poll, None)
    ]
    assert [len(batch) for batch in batches] == [6, 6, 6, 2]
    found = [line for batch in batches for line in batch]
    assert found == [(str(number), 2 * number + 2 + max(0, number - 9)) for number in range(20)]


def test_a_batch_of_long_lines_is_bounded_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(file_source, "_CHUNK_BYTES", 100)
    path = tmp_path / "f"
    path.write_bytes((b"y" * 99 + b"\n") * 50)
    task = source(path)
    assert [len(batch) for batch in iter(task.poll, None)] == [16, 16, 16, 2]


def test_lines_of_a_named_pipe_do_not_wait_for_more(tmp_path):
    path = tmp_path / "f"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.write(descriptor, b"a\nb\n")
        assert [record.value for record in source(path).poll()] == ["a", "b"]
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("size", ["0", "-1"])
def test_batch_size_below_one_reads_line_by_line(tmp_path, size):
    path = tmp_path / "f"
    path.write_bytes(b"a\nb\nc\n")
    task = source(path, **{"batch.size": size})
    batches = [
        [(record.value, record.source_offset["position"]) for record in batch] for batch in iter(task.poll, None)
    ]
    assert batches == [[("a", 2)], [("b", 4)], [("c", 6)]]


def test_line_longer_than_a_chunk_is_read_whole(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"y" * 700_000 + b"\nz\n")
    assert [len(value) for value, _ in read(source(path))] == [700_000, 1]


def test_each_byte_of_a_long_line_is_looked_at_a_few_times_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr(file_source, "_CHUNK_BYTES", 10)
    handled = 0
    split = FileStreamSourceTask._split

    def counted(task, data):
        nonlocal handled
        handled += len(data)
        split(task, data)

    monkeypatch.setattr(FileStreamSourceTask, "_split", counted)
    path = tmp_path / "f"
    path.write_bytes(b"y" * 600 + b"\nz\n")
    assert [len(value) for value, _ in read(source(path))] == [600, 1]
    assert handled <= 2 * 603


def test_a_poll_inside_a_long_line_returns_without_waiting_so_that_a_stop_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(file_source, "_CHUNK_BYTES", 1)
    waits: list[float] = []
    monkeypatch.setattr(file_source, "time", types.SimpleNamespace(sleep=waits.append))
    path = tmp_path / "f"
    path.write_bytes(b"y" * 1000 + b"\n")
    task = source(path)
    polls = 1
    while (batch := task.poll()) is None:
        polls += 1
    assert [(record.value, record.source_offset["position"]) for record in batch] == [("y" * 1000, 1001)]
    assert polls > 2
    assert waits == []


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_chunks_may_end_anywhere(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(file_source, "_CHUNK_BYTES", chunk)
    path = tmp_path / "f"
    path.write_bytes("one\r\ntwö\n\rthree\r\r\nfour\n".encode())
    expected = [("one", 5), ("twö", 10), ("", 11), ("three", 17), ("", 19), ("four", 24)]
    assert read(source(path)) == expected


def test_a_worker_that_cannot_answer_yet_is_asked_again_before_anything_is_read(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"a\nb\nc\nd\n")
    task = source(path, {"position": 6})
    answer = task.context.offset_reader.offset

    def away(_):
        task.context.offset_reader.offset = answer
        raise RetriableError("the worker did not answer")

    task.context.offset_reader.offset = away
    with pytest.raises(RetriableError):
        task.poll()
    assert read(task) == [("d", 8)]


def test_a_position_that_no_file_has_is_named_and_the_file_is_let_go(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"a\n")
    task = source(path, {"position": 2**70})
    with pytest.raises(ConnectError, match=r"Cannot go on reading .*/f at position 1180591620717411303424"):
        task.poll()
    assert path.resolve() not in [link.resolve() for link in Path("/proc/self/fd").iterdir()]


def test_missing_file_is_waited_for(tmp_path):
    path = tmp_path / "f"
    task = source(path)
    assert task.poll() is None
    path.write_bytes(b"now\n")
    assert read(task) == [("now", 4)]


def test_bytes_that_are_no_text_are_named_and_nothing_is_skipped(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"fine\nb\xffd\nfine\n")
    with pytest.raises(DataError, match=r"is not UTF-8 at byte 6: .* \(0xff\)"):
        source(path).poll()


def test_the_byte_is_the_right_one_also_in_the_first_line_of_a_batch(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"fine\r\n\xff\r\n")
    task = source(path, **{"batch.size": "1"})
    assert len(task.poll()) == 1
    with pytest.raises(DataError, match=r"is not UTF-8 at byte 6: "):
        task.poll()
    with pytest.raises(DataError, match=r"is not UTF-8 at byte 6: "):
        source(path, {"position": 6}).poll()


def test_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises((ConnectError, IsADirectoryError)):
        source(tmp_path).poll()


def test_source_has_one_task_and_sink_as_many_as_allowed():
    for connector, config_class, count in (
        (FileStreamSourceConnector(), FileSourceConfig, 1),
        (FileStreamSinkConnector(), FileSinkConfig, 3),
    ):
        connector.config = load(config_class, {"file": "f", "topic": "t"})
        assert len(connector.task_configs(3)) == count


@pytest.mark.parametrize(
    ("partition", "offset", "message"),
    [
        ({"filename": "f"}, {}, "should either be null or contain the key 'position'"),
        ({"filename": "f"}, {"position": "1"}, "is expected to be a Long value"),
        ({"filename": "f"}, {"position": -1}, "should be a non-negative value"),
        ({"name": "f"}, {"position": 1}, "should contain the key 'filename'"),
    ],
)
def test_offsets_that_make_no_sense_are_refused_as_in_the_original(partition, offset, message):
    with pytest.raises(ConfigError, match=message):
        FileStreamSourceConnector().alter_offsets({"file": "f"}, [(partition, offset)])


def test_offset_of_any_partition_may_be_reset():
    assert FileStreamSourceConnector().alter_offsets({"file": "f"}, [({"other": 1}, None)])
    with pytest.raises(ConfigError, match="stdin is used for input"):
        FileStreamSourceConnector().alter_offsets({}, [])


def sink(path: Path) -> FileStreamSinkTask:
    task = FileStreamSinkTask()
    task.config = load(FileSinkConfig, {"file": str(path)})
    task.start()
    return task


def put(task, *values, kind=None):
    task.put(SinkRecords([SinkRecord("t", 0, index, value, kind) for index, value in enumerate(values)]))


def test_each_record_becomes_a_line(tmp_path):
    path = tmp_path / "out"
    task = sink(path)
    put(task, "a", "b")
    put(task)
    put(task, None, {"x": 1, "y": [True]}, 2.5)
    put(task, "ü", kind=schema.STRING)
    task.stop()
    assert path.read_text() == "a\nb\nnull\n{x=1, y=[true]}\n2.5\nü\n"


def test_sink_appends_and_ends_a_line_that_a_killed_task_left_unfinished(tmp_path):
    path = tmp_path / "out"
    path.write_text("whole\nhal")
    task = sink(path)
    put(task, "half")
    assert path.read_text() == "whole\nhal\nhalf\n"


def test_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(ConnectError, match=r"Cannot find or create file '.*/none/out'"):
        sink(tmp_path / "none" / "out")


def test_sink_that_could_not_start_can_be_stopped(tmp_path):
    task = FileStreamSinkTask()
    task.config = load(FileSinkConfig, {"file": str(tmp_path / "none" / "out")})
    with pytest.raises(ConnectError):
        task.start()
    task.stop()


@pytest.fixture
def standard_streams(monkeypatch):
    """Pipes in the place of the worker's standard streams: where to write its input, where to read its output."""
    (given, typed), (shown, printed) = os.pipe(), os.pipe()
    monkeypatch.setattr(streams, "_kept", [given, printed])
    yield typed, shown
    for descriptor in (given, typed, shown, printed):
        os.close(descriptor)


@pytest.mark.parametrize("settings", [{}, {"file": ""}])
def test_without_a_file_the_standard_input_is_read_and_has_no_position(standard_streams, settings):
    task = FileStreamSourceTask()
    task.config = load(FileSourceConfig, {"topic": "t", **settings})
    task.context = types.SimpleNamespace(connector="c", task=0, configs={}, offset_reader=None)
    task.start()
    assert task.poll() is None
    os.write(standard_streams[0], b"one\ntwo\nunfin")
    batch = task.poll()
    assert [record.value for record in batch] == ["one", "two"]
    assert {record.source_offset["position"] for record in batch} == {None}
    os.write(standard_streams[0], b"ished\n")
    assert [record.value for record in task.poll()] == ["unfinished"]
    task.stop()


@pytest.mark.parametrize("settings", [{}, {"file": ""}])
def test_without_a_file_records_go_to_the_standard_output(standard_streams, settings):
    task = FileStreamSinkTask()
    task.config = load(FileSinkConfig, settings)
    task.start()
    task.put(SinkRecords([SinkRecord("t", 0, 0, value="shown")]))
    task.stop()
    assert os.read(standard_streams[1], 100) == b"shown\n"


def test_a_worker_without_a_stream_says_so(monkeypatch):
    monkeypatch.setattr(streams, "_kept", [None, None])
    task = FileStreamSinkTask()
    task.config = load(FileSinkConfig, {})
    with pytest.raises(ConnectError, match="started without a standard output"):
        task.start()
