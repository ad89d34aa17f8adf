# ruff: noqa: ARG002 - plugins take what they do not need
"""Connectors that are slow, noisy or broken on demand; a folder of ``plugin.path``, as ``pip --target`` fills it.

Their keys ``start``, ``poll``, ``put`` and ``stop`` say what happens in the call of that name, and
``connector.start`` in that of a source connector.
"""

from __future__ import annotations

import ctypes
import os
import resource
import threading
import time
from pathlib import Path

from linkspan.api import (
    Converter,
    DataError,
    SchemaAndValue,
    SinkConnector,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
    schema,
)

_LEAK_LIMIT = 400_000_000
_NOISE_LINES = 1500
_HOARD_BYTES = 3_000_000
HOARD: list[bytes] = []
"""What was taken for good."""


def behave(what: str) -> None:
    """Do what a key asks for; ``seconds`` as a number means: take so long."""
    if not what:
        return
    if what == "hang":
        threading.Event().wait()
    elif what == "segfault":
        ctypes.string_at(0)
    elif what == "exit":
        os._exit(7)
    elif what == "leak":
        leak()
    elif what == "hoard":
        HOARD.append(os.urandom(_HOARD_BYTES))
    elif what == "noise":
        make_noise()
    else:
        time.sleep(float(what))


def leak() -> None:
    """Take memory until the system refuses it."""
    resource.setrlimit(resource.RLIMIT_AS, (_LEAK_LIMIT, _LEAK_LIMIT))
    taken = []
    while True:
        taken.append(bytes(10_000_000))


def make_noise() -> None:
    """Two threads print at once, and far too much."""

    def shout(name: str) -> None:
        for number in range(_NOISE_LINES):
            print(name * 50, number, end=f" {name}\n")

    other = threading.Thread(target=shout, args=("b",))
    other.start()
    shout("a")
    other.join()


class AwkwardSourceTask(SourceTask):
    """Counts: one record a poll, its offset is its number."""

    def start(self) -> None:
        behave(self.config.originals.get("start", ""))
        stored = self.context.offset_reader.offset({"counter": "one"})
        self.number = stored["number"] if stored else 0

    def poll(self):
        if pid_file := self.config.originals.get("pid.file"):
            Path(pid_file).write_text(str(os.getpid()))
        behave(self.config.originals.get("poll", "0.05"))
        self.number += 1
        topic = self.config.originals["topic"]
        return [SourceRecord({"counter": "one"}, {"number": self.number}, topic, f"{self.number}", schema.STRING)]

    def stop(self) -> None:
        behave(self.config.originals.get("stop", ""))


class AwkwardSource(SourceConnector):
    """One task with the connector's own configuration."""

    task_class = AwkwardSourceTask

    def start(self) -> None:
        if what := self.config.originals.get("connector.start"):
            print("the connector starts", flush=True)
            behave(what)

    def task_configs(self, max_tasks: int):
        return [dict(self.config.originals)]


class AwkwardSinkTask(SinkTask):
    """Appends a line for each record it got: topic, partition, offset; once it took all the time it was told to.

    With the key ``obeys`` it does what its records ask for, before that.
    """

    def start(self) -> None:
        behave(self.config.originals.get("start", ""))

    def put(self, records) -> None:
        if not len(records):
            return
        file = Path(self.config.originals["file"])
        if "once" not in self.config.originals or not file.exists():
            with file.with_suffix(".began").open("a") as began:
                began.writelines(f"{record.topic}-{record.partition}@{record.offset}\n" for record in records)
            behave(self.config.originals.get("put", ""))
        if "obeys" in self.config.originals:
            for record in records:
                behave(record.value)
        with file.open("a") as done:
            done.writelines(f"{record.topic}-{record.partition}@{record.offset}\n" for record in records)

    def stop(self) -> None:
        behave(self.config.originals.get("stop", ""))


class AwkwardSink(SinkConnector):
    """One task with the connector's own configuration."""

    task_class = AwkwardSinkTask

    def task_configs(self, max_tasks: int):
        return [dict(self.config.originals)]


class UnsteadyConverter(Converter):
    """Text, as long as there is the file ``needs``: it stands for another system, which can be away."""

    def configure(self, config, *, is_key) -> None:
        self.needs = Path(config.originals["needs"])

    def from_connect(self, topic, schema, value, headers=None):
        return None if value is None else str(value).encode()

    def to_connect(self, topic, payload, headers=None):
        if payload == b"bad":
            raise DataError("bad it is")
        if not self.needs.exists():
            raise ConnectionRefusedError(f"{self.needs} is away")
        return SchemaAndValue(None, None if payload is None else payload.decode())
