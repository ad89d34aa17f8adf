"""Connectors that break one promise each, and adapters for them: what the conformance kit has to find out."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from linkspan.api import (
    HIGH,
    Config,
    ConnectError,
    Guarantee,
    SinkBatch,
    SinkConnector,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
    Str,
    TopicPartition,
)
from linkspan.testing import SinkAdapter, SourceAdapter
from tests.testing.adapters import LedgerSink
from tests.testing.ledger import LedgerSinkConnector, LedgerSinkTask


class FileConfig(Config):
    file = Str(doc="Where lines are.", importance=HIGH)
    topic = Str(doc="Where they go.", default="")


# -- sinks -----------------------------------------------------------------------------------------------------------


class Honest(SinkTask[FileConfig]):
    """Appends at once; nothing is wrong with it."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def put(self, records: SinkBatch) -> None:
        self.write([str(value) for value in records.values])

    def write(self, lines: Sequence[str]) -> None:
        with Path(self.config.file).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)


class Forgetful(Honest):
    """Writes with the next records what the last ones were, and nothing when it is to flush."""

    def start(self) -> None:
        self.kept: list[str] = []

    def put(self, records: SinkBatch) -> None:
        if len(records):
            self.write(self.kept)
            self.kept = [str(value) for value in records.values]

    def stop(self) -> None:
        self.write(self.kept)


class Late(Forgetful):
    """Writes with the next call what the last records were, be it without records, and nothing when it is to flush."""

    def put(self, records: SinkBatch) -> None:
        self.write(self.kept)
        self.kept = [str(value) for value in records.values]


class Hasty(Forgetful):
    """Says that everything may be committed, and writes it half a second later."""

    def put(self, records: SinkBatch) -> None:
        if self.kept and time.monotonic() > self.due:
            self.write(self.kept)
            self.kept = []
        self.kept += [str(value) for value in records.values]
        self.due = time.monotonic() + 0.5

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        return offsets


class Endless(Honest):
    """Does not stop."""

    def stop(self) -> None:
        time.sleep(60)


class Backwards(Honest):
    """Turns every batch round."""

    def put(self, records: SinkBatch) -> None:
        self.write([str(value) for value in records.values][::-1])


class Gapless(Honest):
    """Cannot bear that an offset is missing."""

    def start(self) -> None:
        self.next: dict[TopicPartition, int] = {}

    def put(self, records: SinkBatch) -> None:
        for record in records:
            place = TopicPartition(record.original_topic, record.original_partition)
            if record.original_offset != self.next.get(place, record.original_offset):
                raise ConnectError(f"{place} has a gap before {record.original_offset}")
            self.next[place] = record.original_offset + 1
        super().put(records)


class Lonely(Honest):
    """Leaves out what others than the first task get."""

    def put(self, records: SinkBatch) -> None:
        if self.context.task == 0:
            super().put(records)


class Ownerless(LedgerSinkTask):
    """Stores offsets with the lines, whoever has the partition by now."""

    def _advance(self, database: sqlite3.Connection, offsets: Mapping[TopicPartition, int]) -> None:
        for place, offset in offsets.items():
            database.execute("UPDATE positions SET next = ? WHERE topic = ? AND partition = ?", (offset, *place))


class Careless(Honest):
    """Leaves out what it cannot write just now."""

    def write(self, lines: Sequence[str]) -> None:
        if not Path(f"{self.config.file}.away").exists():
            super().write(lines)


def sink(task: type[SinkTask[Any]], guarantee: Guarantee = Guarantee.AT_LEAST_ONCE) -> type[SinkConnector[Any]]:
    """A connector for a task; a module attribute has to hold it."""

    def task_configs(self: SinkConnector[Any], max_tasks: int) -> Sequence[Mapping[str, str]]:
        return [dict(self.config.originals)] * max_tasks

    name = f"{task.__name__}Connector"
    attributes = {
        "__module__": __name__,
        "config_class": FileConfig,
        "task_class": task,
        "version": "1",
        "guarantee": guarantee,
        "task_configs": task_configs,
    }
    return type(name, (SinkConnector,), attributes)


HonestConnector = sink(Honest, Guarantee.EXACTLY_ONCE)
ForgetfulConnector = sink(Forgetful)
HastyConnector = sink(Hasty)
EndlessConnector = sink(Endless)
BackwardsConnector = sink(Backwards)
GaplessConnector = sink(Gapless)
LonelyConnector = sink(Lonely)
LateConnector = sink(Late)
CarelessConnector = sink(Careless)


class OwnerlessConnector(LedgerSinkConnector):
    task_class = Ownerless


class SomeSink(SinkAdapter):
    def config(self) -> Mapping[str, str]:
        return {"file": str(self.folder / "out.txt")}

    def content(self) -> Iterable[str]:
        file = self.folder / "out.txt"
        return file.read_text().splitlines() if file.exists() else []

    @contextmanager
    def outage(self) -> Iterator[None]:
        flag = self.folder / "out.txt.away"
        flag.touch()
        yield
        flag.unlink()


class DuplicatesThoughExactlyOnce(SomeSink):
    connector = HonestConnector


class LosesOnKill(SomeSink):
    connector = ForgetfulConnector


class CommitsBeforeTheNextCall(SomeSink):
    connector = LateConnector


class CommitsBeforeFlush(SomeSink):
    connector = HastyConnector


class HangsInStop(SomeSink):
    connector = EndlessConnector


class Reorders(SomeSink):
    connector = BackwardsConnector


class ChokesOnGaps(SomeSink):
    connector = GaplessConnector


class SharesNothing(SomeSink):
    connector = LonelyConnector


class DropsInAnOutage(SomeSink):
    connector = CarelessConnector


class LetsZombiesWrite(LedgerSink):
    connector = OwnerlessConnector


class IdleConnector(LedgerSinkConnector):
    """Says that it has altered offsets, and has not."""

    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:  # noqa: ARG002 - that is what is wrong with it
        return True


class LiesAboutOffsets(LedgerSink):
    connector = IdleConnector


class Misconfigured(SomeSink):
    connector = HonestConnector

    def config(self) -> Mapping[str, str]:
        return {"topic": "without-a-file"}


# -- sources ---------------------------------------------------------------------------------------------------------


class Lines(SourceTask[FileConfig]):
    """One record a line, by number; nothing is wrong with it."""

    def start(self) -> None:
        stored = self.context.offset_reader.offset({"file": self.config.file})
        self.done = self.begin(0 if stored is None else int(str(stored["line"])))

    def begin(self, stored: int) -> int:
        return stored

    def stop(self) -> None: ...

    def poll(self) -> Sequence[SourceRecord] | None:
        lines = self.lines()[self.done :]
        if not lines:
            time.sleep(0.05)
            return None
        begin, self.done = self.done, self.done + len(lines)
        return [self.record(line, begin + number + 1) for number, line in enumerate(lines)]

    def record(self, line: str, following: int) -> SourceRecord:
        return SourceRecord({"file": self.config.file}, {"line": following}, self.config.topic, line)

    def lines(self) -> list[str]:
        file = Path(self.config.file)
        return file.read_text().splitlines() if file.exists() else []


class Restless(Lines):
    """Does not return from poll while there is nothing."""

    def poll(self) -> Sequence[SourceRecord] | None:
        while (polled := super().poll()) is None:
            pass
        return polled


class Beginner(Lines):
    """Begins anew whenever it starts."""

    def begin(self, stored: int) -> int:  # noqa: ARG002 - that is what is wrong with it
        return 0


class Skipper(Lines):
    """Says of every record that the one after it is done too."""

    def record(self, line: str, following: int) -> SourceRecord:
        return super().record(line, following + 1)


class Impatient(Lines):
    """Leaves out what it could not hand over at once."""

    def poll(self) -> Sequence[SourceRecord] | None:
        polled = super().poll()
        if polled and not getattr(self, "warned", False):
            self.warned = True
            return polled[1:]
        return polled


def source(task: type[SourceTask[Any]]) -> type[SourceConnector[Any]]:
    """As :func:`sink`."""

    def task_configs(self: SourceConnector[Any], max_tasks: int) -> Sequence[Mapping[str, str]]:
        return [dict(self.config.originals)] * max_tasks

    attributes = {
        "__module__": __name__,
        "config_class": FileConfig,
        "task_class": task,
        "version": "1",
        "task_configs": task_configs,
    }
    return type(f"{task.__name__}Connector", (SourceConnector,), attributes)


LinesConnector = source(Lines)
RestlessConnector = source(Restless)
BeginnerConnector = source(Beginner)
SkipperConnector = source(Skipper)
ImpatientConnector = source(Impatient)


class UndocumentedConfig(FileConfig):
    secret_knob = Str(default="")


class UndocumentedConnector(SourceConnector[UndocumentedConfig]):
    config_class, task_class, version = UndocumentedConfig, Lines, "1"


class SomeSource(SourceAdapter):
    def config(self) -> Mapping[str, str]:
        return {"file": str(self.folder / "in.txt"), "topic": self.name}

    def fill(self, texts: Sequence[str]) -> None:
        with (self.folder / "in.txt").open("a") as file:
            file.writelines(f"{text}\n" for text in texts)


class IgnoresPause(SomeSource):
    connector = RestlessConnector


class ForgetsOffsets(SomeSource):
    connector = BeginnerConnector


class ForgetsItsTransactions(ForgetsOffsets):
    guarantee = Guarantee.EXACTLY_ONCE


class SkipsOnKill(SomeSource):
    connector = SkipperConnector


class LosesTheFirst(SomeSource):
    connector = ImpatientConnector


class ReadsEverythingTwice(SomeSource):
    connector = LinesConnector


class Undocumented(SomeSource):
    connector = UndocumentedConnector
