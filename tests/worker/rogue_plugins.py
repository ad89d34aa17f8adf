# ruff: noqa: ARG002 - plugins and clients take what they do not need
"""Plugins that misbehave in every way a worker has to survive; imported by children of the tests."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from linkspan.api import (
    Config,
    ConfigData,
    ConfigProvider,
    Converter,
    HeaderConverter,
    Int,
    Password,
    SchemaAndValue,
    SinkConnector,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
    Str,
)
from linkspan.api.errors import ConfigError, FencedError
from linkspan.log.port import DisplacedError, ExpiredError

log = logging.getLogger(__name__)


def misbehave(place: str, config: dict[str, str]) -> None:
    """Do what the configuration says is to happen at this place, e.g. ``poll=segfault``."""
    what = config.get(place)
    if what == "raise":
        raise ValueError(f"no luck in {place}")
    if what is not None and what.startswith("sleep:"):
        time.sleep(float(what.partition(":")[2]))
    elif what is not None:
        DEEDS[what](place, config)


def print_a_bit(place: str, _config: dict[str, str]) -> None:
    print(f"printed in {place}")
    os.write(2, b"half of a line, ")
    os.write(2, b"and the rest\n")


def mark(_place: str, config: dict[str, str]) -> None:
    Path(config["mark"]).write_text(str(os.getpid()))


def log_oddly(place: str, config: dict[str, str]) -> None:
    """Log what cannot be written, then leave a mark."""
    for message, argument in (("%(a)s", {"b": 1}), ("%s", Unspeakable()), ("a file \udcff", None), ("%d", "x")):
        log.warning(message, argument) if argument is not None else log.warning(message)
    mark(place, config)


def start_another(_place: str, config: dict[str, str]) -> None:
    """Start a process that outlives this one, if it is let."""
    other = subprocess.Popen(["sleep", "3600"])
    Path(config["mark"]).write_text(str(other.pid))


def flood(_place: str, _config: dict[str, str]) -> None:
    """Write without an end of line to everything that takes it."""
    for fd in range(3, 64):
        if Path(f"/proc/self/fd/{fd}").is_socket():
            for _ in range(100):
                os.write(fd, b"x" * (1 << 20))


def hold(_place: str, config: dict[str, str]) -> None:
    """Take so many bytes for good."""
    HELD.append(os.urandom(int(config["bytes"])))


def hold_once(place: str, config: dict[str, str]) -> None:
    if not HELD:
        hold(place, config)


def let_another_hold(_place: str, config: dict[str, str]) -> None:
    """The same in a process that this one starts."""
    code = f"import os, time; held = os.urandom({config['bytes']}); time.sleep(3600)"
    Path(config["mark"]).write_text(str(subprocess.Popen([sys.executable, "-c", code], start_new_session=True).pid))
    sleep_for_ever()


def fail_before(times: int) -> Callable[[str, dict[str, str]], None]:
    """Raise so many times, counted in a file."""

    def deed(_place: str, config: dict[str, str]) -> None:
        mark = Path(config["mark"])
        before = len(mark.read_text()) if mark.exists() else 0
        if before < times:
            mark.write_text("x" * (before + 1))
            raise ValueError("not yet")

    return deed


def fail_then_hang(place: str, config: dict[str, str]) -> None:
    fail_before(1)(place, config)
    Path(config["mark"]).write_text("hangs")
    sleep_for_ever()


def take_the_stack_signal(place: str, config: dict[str, str]) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    mark(place, config)
    sleep_for_ever()


class Clogged:
    """An output that takes nothing."""

    def flush(self) -> None:
        sleep_for_ever()


def clog_and_raise(place: str, config: dict[str, str]) -> None:
    """Fail, and keep the process from ending."""
    mark(place, config)
    sys.stdout = Clogged()  # type: ignore[assignment]
    raise ValueError(f"no luck in {place}")


class Unspeakable(Exception):  # noqa: N818 - it is no error of anybody's
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def raise_error(error: Exception) -> None:
    raise error


def sleep_for_ever() -> None:
    threading.Event().wait()


HELD: list[bytes] = []
DEEDS = {
    "hold": hold,
    "hold once": hold_once,
    "let another hold": let_another_hold,
    "sys.exit": lambda *_: sys.exit(3),
    "os._exit": lambda *_: os._exit(7),
    "kill": lambda *_: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda *_: ctypes.string_at(0),
    "sleep": lambda *_: sleep_for_ever(),
    "print": print_a_bit,
    "signal": mark,
    "log oddly": log_oddly,
    "signal the group": lambda *_: os.killpg(0, signal.SIGTERM),
    "start another": start_another,
    "flood": flood,
    "take the stack signal": take_the_stack_signal,
    "clog": clog_and_raise,
    "once": fail_before(1),
    "twice": fail_before(2),
    "fail, then hang": fail_then_hang,
    "misconfigured": lambda *_: raise_error(ConfigError.invalid("some.key", "x")),
    "unspeakable": lambda *_: raise_error(Unspeakable()),
    "surrogate": lambda *_: raise_error(ValueError("file \udcff is bad")),
    "long": lambda *_: raise_error(ValueError("begin" + "x" * 5_000_000 + "end")),
}


class RogueTask(SourceTask):
    def start(self) -> None:
        misbehave("start", self.config.originals)

    def poll(self):
        misbehave("poll", self.config.originals)
        time.sleep(0.02)

    def stop(self) -> None:
        misbehave("stop", self.config.originals)
        if mark := self.config.originals.get("stopped"):
            Path(mark).touch()


class RogueSource(SourceConnector):
    task_class = RogueTask

    def start(self) -> None:
        misbehave("connector.start", self.config.originals)

    def stop(self) -> None:
        misbehave("connector.stop", self.config.originals)

    def task_configs(self, max_tasks: int):
        misbehave("task_configs", self.config.originals)
        odd = {"none": None, "yes": True} if "odd" in self.config.originals else {}
        return [self.config.originals | odd for _ in range(int(self.config.originals.get("makes", "1")))]

    def validate(self, config):
        misbehave("validate", config.originals)
        return [ConfigError("Refused", "name")] if config.originals.get("refuse") else []

    def alter_offsets(self, config, offsets) -> bool:
        misbehave("alter_offsets", config)
        return config.get("external") == "true"


def searched(pattern: str) -> set[str]:
    """Everything in this process's memory, environment and command line that a pattern matches."""
    wanted = re.compile(pattern.encode())
    found: set[bytes] = set()
    for name in ("environ", "cmdline"):
        found.update(wanted.findall(Path(f"/proc/self/{name}").read_bytes()))
    regions = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        for place, permissions, *_, name in regions:
            if not permissions.startswith("rw") or name in {"[vvar]", "[vsyscall]"}:
                continue
            begin, end = (int(number, 16) for number in place.split("-"))
            memory.seek(begin)
            found.update(wanted.findall(memory.read(end - begin) or b""))
    return {text.decode() for text in found}


class SearchingTask(RogueTask):
    def poll(self):
        """Make the worker create a topic."""
        return [SourceRecord({"p": 1}, {"o": 1}, "t", "x")]

    def stop(self) -> None:
        """Tell what is there to be found."""
        tell(Path(self.config.originals["mark"]), searched(self.config.originals["pattern"]))


def tell(mark: Path, found: set[str]) -> None:
    """Write it so that nobody reads half of it."""
    draft = mark.with_suffix(".draft")
    draft.write_text("\n".join(sorted(found)))
    draft.rename(mark)


class SearchingSource(RogueSource):
    task_class = SearchingTask

    def _look(self, place: str, config) -> None:
        tell(Path(f"{config.originals['mark']}.{place}"), searched(config.originals["pattern"]))

    def start(self) -> None:
        self._look("start", self.config)

    def validate(self, config):
        self._look("validate", config)
        return []


class WatchingSource(RogueSource):
    watches = True

    def start(self) -> None:
        what = self.config.originals.get("watch")
        if what == "reconfigure":
            self.context.request_task_reconfiguration()
        elif what == "raise_error":
            self.context.raise_error(RuntimeError("the external system is gone"))
        elif what == "offsets":
            print("found", self.context.offset_reader.offset({"file": "a"}))


class RogueProvider(ConfigProvider[Config]):
    """The path says what it does; without a path it knows its parameters."""

    polled = True

    def configure(self) -> None:
        misbehave("configure", self.config.originals)

    def get(self, path, keys):
        log.warning("asked in process %d", os.getpid())
        if path.startswith("ttl="):
            return ConfigData(dict.fromkeys(keys, path), int(path.removeprefix("ttl=")))
        if path == "quote":
            raise ValueError(f"parameters {self.config.originals!r}")
        if path == "not text":
            return ConfigData(dict.fromkeys(keys, 5))
        if path:
            misbehave("get", {**self.config.originals, "get": path})
        return ConfigData({key: str(self.config.originals[key]) for key in keys if key in self.config.originals})


class SecretConfig(Config):
    password = Password(default=None)
    plain = Str(default=None)
    number = Int(default=1)


class SecretTask(RogueTask):
    """Tells its secrets to everybody."""

    config_class = SecretConfig

    def start(self) -> None:
        print("printed", self.config.originals)
        os.write(2, repr(self.config.originals).encode() + b"\n")
        log.error("logged %s", self.config.originals)

    def poll(self):
        raise ValueError(f"cannot poll with {self.config.originals!r}")


class SecretSource(RogueSource):
    config_class = SecretConfig
    task_class = SecretTask

    def start(self) -> None:
        if "connector.start" in self.config.originals:
            raise ValueError(f"cannot start with {self.config.originals!r}")

    def task_configs(self, max_tasks: int):
        derived = f"user:{self.config.originals.get('plain')}@host"
        return [{**self.config.originals, "derived": derived}]

    def validate(self, config):
        if config.originals.get("refuse") == "raise":
            raise RuntimeError(f"cannot validate {config.originals!r}")
        if config.originals.get("refuse") == "exit":
            sys.exit(f"cannot validate {config.originals!r}")
        return [ConfigError(f"Refused {config.originals!r}", "plain")] if config.originals.get("refuse") else []


class PlainConverter(Converter, HeaderConverter):
    def configure(self, config, *, is_key: bool) -> None: ...
    def configure_header(self, config) -> None: ...
    def from_connect(self, topic, schema, value, headers=None):
        return b""

    def to_connect(self, topic, payload, headers=None):
        return SchemaAndValue(None, payload)

    def from_connect_header(self, topic, key, schema, value):
        return b""

    def to_connect_header(self, topic, key, payload):
        return SchemaAndValue(None, payload)

    def close(self) -> None: ...


class CountingTask(RogueTask):
    """Reads the numbers from 0 on, five at a time; those that the configuration names are ``deadly``."""

    def start(self) -> None:
        self._next = (self.context.offset_reader.offset({"s": 1}) or {"n": -1})["n"] + 1

    def poll(self):
        time.sleep(0.02)
        deadly = self.config.originals["deadly"].split(",")
        first, self._next = self._next, self._next + 5
        return [
            SourceRecord({"s": 1}, {"n": n}, "t", "deadly" if str(n) in deadly else str(n))
            for n in range(first, first + 5)
        ]


class CountingSource(RogueSource):
    task_class = CountingTask


class DeadlyConverter(PlainConverter):
    """Dies of the value ``deadly``."""

    def from_connect(self, topic, schema, value, headers=None):
        if value == "deadly":
            ctypes.string_at(0)
        return str(value).encode()


class SilentLog:
    """A log that takes everything and gives nothing."""

    preload = (__name__,)

    def writer(self, settings):
        return SilentWriter()

    def reader(self, settings):
        raise NotImplementedError

    def admin(self, settings):
        return SilentAdmin()


class CrowdedLog(SilentLog):
    """A log in whose groups somebody else has every place."""

    def reader(self, settings):
        raise DisplacedError("somebody else is there")


class FencingLog(SilentLog):
    """A log in which somebody newer writes with every transactional id."""

    def transactional_writer(self, settings, transactional_id, *, reports_records=False):
        assert settings["transactional.id"] == transactional_id
        raise FencedError(f"somebody else is {transactional_id}")


class ExpiringLog(SilentLog):
    """A log that gives every transaction up."""

    def transactional_writer(self, settings, transactional_id, *, reports_records=False):
        return ExpiringWriter()


class ExpiringWriter:
    def open(self, timeout) -> None: ...
    def poll(self) -> None: ...
    def begin(self) -> None:
        raise ExpiredError("too slow")

    def close(self) -> None: ...


class SilentWriter:
    def send(self, batch, on_record=None):
        raise NotImplementedError

    def poll(self, timeout=0.0) -> None: ...
    def flush(self, timeout) -> bool:
        return True

    def close(self, timeout) -> None: ...


class SilentAdmin:
    def cluster_id(self, timeout):
        return "silent"

    def group_offsets(self, group):
        from linkspan.api.records import TopicPartition

        return {TopicPartition("t", 0): 4}

    def alter_group_offsets(self, group, offsets) -> None: ...
    def delete_group_offsets(self, group, partitions) -> None: ...
    def delete_group(self, group) -> None: ...
    def close(self) -> None: ...


class QuietTask(SinkTask):
    def start(self) -> None: ...
    def put(self, records) -> None: ...
    def stop(self) -> None: ...


class QuietSink(SinkConnector):
    task_class = QuietTask

    def task_configs(self, max_tasks: int):
        return [self.config.originals for _ in range(max_tasks)]


class DeadlyTask(QuietTask):
    """Dies of records with the value ``deadly``, in ``put`` or in ``pre_commit``; writes down the others."""

    def start(self) -> None:
        self._held: list[tuple[int, int, bytes]] = []

    def put(self, records) -> None:
        for record in records:
            self._held.append((record.partition, record.offset, record.value))
            if self.config.originals["where"] == "put":
                self._write()

    def pre_commit(self, offsets):
        self._write()
        return offsets

    def _write(self) -> None:
        with Path(self.config.originals["seen"]).open("a") as seen:
            for partition, offset, value in self._held:
                if value == b"deadly":
                    seen.close()
                    DEEDS[self.config.originals["kills"]]("put", self.config.originals)
                seen.write(f"{partition} {offset}\n")
                seen.flush()
        self._held.clear()


class DeadlySink(QuietSink):
    task_class = DeadlyTask
