"""What runs inside a child: one job, named by the first message, on the main thread.

A second thread, the control thread, reads the channel, answers for the child while plugin code is busy, and ends the
process at once when the worker is gone. Messages to the child::

    run       job, args, context, levels, beat, hide  first, once; hide: secrets that no text may have in it
    target    target                                  what the worker wants of a task
    level     logger, level                           a log level has changed
    call      id, method, args                        connector children only
    answer    id, value | error                       to a question of the child

Messages from it::

    beat      call, age                               sign of life, with the plugin call in progress and its age (s)
    status    state, trace, code (of the failure)
    question  id, ask, args                           see linkspan.worker.answers; with id 0 nobody waits
    topics    names
    passed    spans                                   of suspects that are done with
    metrics   values, lag (topic, partition, records)
    log       level, logger, text
    answer    id, value | error                       to a call
    reconfigure, raised (trace, code)                 a connector that watches
    result    value | error                           of a one-shot job; the child ends after it
    end                                               the job has ended by itself
"""

from __future__ import annotations

import base64
import contextlib
import faulthandler
import importlib
import logging
import os
import pickle
import queue
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from io import FileIO, TextIOWrapper
from typing import Any, NoReturn, cast

from linkspan.api.errors import ConnectError, PluginError, RetriableError
from linkspan.api.records import Offset, Partition, TopicPartition
from linkspan.log.port import TopicSpec
from linkspan.observe.hiding import hidden, know
from linkspan.task.port import TaskState, WantedState
from linkspan.task.suspects import AnySpan, told_span
from linkspan.worker import black_box
from linkspan.worker.channel import ChildChannel, Message, decode_error, encode_error, readable
from linkspan.worker.log_levels import set_levels
from linkspan.worker.pace import Pace

__all__ = ["ChannelPort", "Job", "main", "pack", "unpack"]

STACK_SIGNAL = signal.SIGUSR1
"""Makes a child write the stack of its main thread into its black box, even while it holds the interpreter lock."""

_QUESTION_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_TOPIC_SECONDS = 120.0
"""The worker's own limit, which has a better message, is 90."""
_LOG_BURST, _LOG_PER_SECOND = 500, 100
_LONGEST_LINE = 8192
"""Characters of a line that are kept until its end comes."""


def pack(value: object) -> str:
    """Python objects of ours (never of a plugin) as text for a ``run`` message."""
    return base64.b64encode(pickle.dumps(value)).decode("ascii")


def unpack(text: str) -> Any:  # noqa: ANN401 - the job knows what it was sent
    """What :func:`pack` packed; only ever called on what the worker sent."""
    return pickle.loads(base64.b64decode(text))  # noqa: S301 - comes from our own worker over a private socket


class ChannelPort:
    """The control channel as the job sees it; implements :class:`linkspan.task.port.WorkerPort`."""

    def __init__(self, channel: ChildChannel, wanted: WantedState = "STARTED", box: int | None = None) -> None:
        self.channel = channel
        self._box = box
        self.call: tuple[str, float] | None = None
        self.reported: TaskState | None = None
        self.calls: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._wanted: WantedState = wanted
        self._changed = threading.Event()
        self._answers: dict[int, queue.SimpleQueue[Message]] = {}
        self._last_question = 0
        self._lock = threading.Lock()

    @property
    def wanted(self) -> WantedState:
        """What the worker wants now."""
        return self._wanted

    def wait(self, timeout: float) -> None:
        """Sleep, at most until :attr:`wanted` changes."""
        self._changed.wait(timeout)
        self._changed.clear()

    def status(self, state: TaskState, trace: str | None = None, code: str = "") -> None:
        """Report a state."""
        self.reported = state
        told = None if trace is None else readable(trace)
        self.channel.send({"type": "status", "state": state, "trace": told, "code": code})

    def calling(self, name: str | None) -> None:
        """Mark the plugin call in progress."""
        self.call = None if name is None else (name, time.monotonic())

    def in_flight(self, call: str, spans: Sequence[AnySpan], *, alone: bool = False) -> None:
        """Note what is being worked on."""
        if self._box is not None:
            black_box.note(
                self._box, {"call": call, "spans": [told_span(span) for span in spans], "alone": alone} if spans else {}
            )

    def passed(self, spans: Sequence[AnySpan]) -> None:
        """Report suspects that are done with."""
        self.channel.send({"type": "passed", "spans": [told_span(span) for span in spans]})

    def read_offsets(self, partitions: Sequence[Partition]) -> list[Offset | None]:
        """Ask the worker for stored source offsets."""
        answer = self._ask("read_offsets", [dict(partition) for partition in partitions], _QUESTION_SECONDS)
        return cast("list[Offset | None]", answer)

    def commit_offsets(self, offsets: Sequence[tuple[Partition, Offset]], timeout: float) -> None:
        """Let the worker store source offsets; returns when it has."""
        self._ask("commit_offsets", [[dict(partition), dict(offset)] for partition, offset in offsets], timeout)

    def fence_older(self) -> None:
        """Have older tasks of the connector fenced."""
        self._ask_patiently("fence_older")

    def confirm(self) -> None:
        """Ask whether this task is still to run."""
        self._ask_patiently("confirm")

    def offset_keys(self, partitions: Sequence[Partition]) -> list[bytes]:
        """Ask for the keys of source partitions."""
        keys = self._ask("offset_keys", [dict(partition) for partition in partitions], _QUESTION_SECONDS)
        return [key.encode() for key in keys]

    def copy_offsets(self, offsets: Sequence[tuple[Partition, Offset]]) -> None:
        """Hand over offsets that are stored already."""
        args = [[dict(partition), dict(offset)] for partition, offset in offsets]
        self.channel.send({"type": "question", "id": 0, "ask": "copy_offsets", "args": args})

    def ensure_topic(self, spec: TopicSpec) -> bool:
        """Let the worker create a topic unless it exists."""
        topic = [spec.name, spec.partitions, spec.replication_factor, dict(spec.configs)]
        return cast("bool", self._ask("ensure_topic", topic, _TOPIC_SECONDS))

    def topics_used(self, names: Sequence[str]) -> None:
        """Report topics."""
        self.channel.send({"type": "topics", "names": list(names)})

    def lingers(self) -> None:
        """Report that the consumer group keeps the place of a task that ends."""
        self.channel.send({"type": "lingers"})

    def metrics(self, values: Mapping[str, float], lag: Mapping[TopicPartition, int]) -> None:
        """Report counters."""
        rows = [(place.topic, place.partition, records) for place, records in lag.items()]
        self.channel.send({"type": "metrics", "values": dict(values), "lag": rows})

    def take(self, message: Message) -> None:
        """Handle one message of the worker; on the control thread."""
        match message["type"]:
            case "target":
                if self._wanted != "STOPPED":
                    self._wanted = message["target"]
                self._changed.set()
            case "level":
                logging.getLogger(message["logger"]).setLevel(message["level"])
            case "call":
                self.calls.put(message)
            case "answer":
                waiting = self._answers.get(message["id"])
                if waiting is not None:
                    waiting.put(message)

    def beat(self) -> None:
        """Send a sign of life."""
        call = self.call
        name, age = (None, 0.0) if call is None else (call[0], time.monotonic() - call[1])
        self.channel.send({"type": "beat", "call": name, "age": age})

    def _ask_patiently(self, question: str) -> None:
        """Ask what may take long, and wait until there is an answer or the task is to stop."""

        def wait(answer: queue.SimpleQueue[Message]) -> Message:
            while self._wanted != "STOPPED":
                with contextlib.suppress(queue.Empty):
                    return answer.get(timeout=_LOOK_SECONDS)
            message = f"The task was stopped before the worker could {question.replace('_', ' ')}"
            raise RetriableError(message)

        self._exchange(question, [], wait)

    def _ask(self, question: str, args: list[Any], timeout: float) -> Any:  # noqa: ANN401 - each question has its own answer
        def wait(answer: queue.SimpleQueue[Message]) -> Message:
            try:
                return answer.get(timeout=timeout)
            except queue.Empty:
                message = f"The worker did not {question.replace('_', ' ')} within {timeout:g} s"
                raise RetriableError(message) from None

        return self._exchange(question, args, wait)

    def _exchange(self, question: str, args: list[Any], wait: Callable[[queue.SimpleQueue[Message]], Message]) -> Any:  # noqa: ANN401 - as above
        answer: queue.SimpleQueue[Message] = queue.SimpleQueue()
        with self._lock:
            self._last_question += 1
            number = self._last_question
            self._answers[number] = answer
        try:
            try:
                self.channel.send({"type": "question", "id": number, "ask": question, "args": args})
            except TypeError as error:
                message = f"Source partitions and offsets may only hold JSON values: {error}"
                raise ConnectError(message) from error
            message_back = wait(answer)
        finally:
            del self._answers[number]
        if message_back.get("error"):
            raise decode_error(message_back["error"])
        return message_back["value"]


Job = Callable[[ChannelPort, Mapping[str, Any]], object]
"""A function that does the work of a child; what it returns becomes the ``result``."""


class _ChannelHandler(logging.Handler):
    """Sends log records to the worker, not more than it can bear."""

    def __init__(self, channel: ChildChannel) -> None:
        super().__init__()
        self._channel = channel
        self._pace = Pace(_LOG_BURST, _LOG_PER_SECOND)

    def emit(self, record: logging.LogRecord) -> None:
        allowed, dropped = self._pace.admit()
        if not allowed:
            return
        if dropped:
            text = f"{dropped} log lines were left out because there were too many"
            self._send(logging.WARNING, "linkspan.worker.child", text)
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - supervision point: a log line of a plugin never fails the plugin
            text = f"{record.msg!r} (its arguments do not fit it)"
        self._send(record.levelno, record.name, readable(text))

    def _send(self, level: int, logger: str, text: str) -> None:
        try:
            self._channel.send({"type": "log", "level": level, "logger": logger, "text": text})
        except OSError:
            os._exit(1)  # nobody is left to work for


def _control(port: ChannelPort, first: list[Message], interval: float) -> None:
    """Body of the control thread."""
    for message in first:
        port.take(message)
    due = time.monotonic() + interval
    try:
        while True:
            if select.select([port.channel], [], [], max(0.0, due - time.monotonic()))[0]:
                messages = port.channel.receive()
                if messages is None:
                    break
                for message in messages:
                    port.take(message)
            if time.monotonic() >= due:
                port.beat()
                due = time.monotonic() + interval
    except OSError:
        pass
    os._exit(1)  # the worker is gone


def _find_job(name: str) -> Job:
    module, _, function = name.partition(":")
    return cast("Job", getattr(importlib.import_module(module), function))


def _run(port: ChannelPort, run: Message) -> None:
    """Do the job; whatever plugin code raises ends here."""
    try:
        value = _find_job(run["job"])(port, run["args"])
        answer: Message = {"type": "result", "value": value}
    except SystemExit as error:
        text = f"Plugin code called sys.exit({error.code!r})"
        answer = {"type": "result", "error": encode_error(PluginError(text, f"{text}\n{traceback.format_exc()}"))}
    except BaseException as error:  # noqa: BLE001 - supervision point: plugin code may raise anything
        answer = {"type": "result", "error": encode_error(error)}
    port.call = None
    try:
        port.channel.send(answer)
    except TypeError as error:
        port.channel.send({"type": "result", "error": encode_error(error)})


def main(sock: socket.socket, box: int) -> NoReturn:
    """Life of a child, from just after the fork to its end."""
    channel = ChildChannel(sock)
    faulthandler.enable(file=box, all_threads=False)
    faulthandler.register(STACK_SIGNAL, file=box, all_threads=False)
    # A log line or a print that nobody reads any more must not end the task with a signal but with an error.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    first: list[Message] = []
    while not first:
        messages = channel.receive()
        if messages is None:
            os._exit(1)
        first = messages
    run = first.pop(0)
    know(run.get("hide", ()))
    _set_up_logging(channel, run["levels"])
    threading.current_thread().name = run["context"]
    port = ChannelPort(channel, run.get("target", "STARTED"), box)
    # The control thread must not be the one that a stack signal interrupts: threads inherit the blocked signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, {STACK_SIGNAL})
    threading.Thread(target=_control, args=(port, first, run["beat"]), name="control", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {STACK_SIGNAL})
    code = 0
    try:
        _run(port, run)
    except OSError:
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = 1
    # Threads that a plugin left behind, and its exit handlers, are not waited for.
    os._exit(code)


def _set_up_logging(channel: ChildChannel, levels: Mapping[str, int]) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_ChannelHandler(channel)]
    logging.captureWarnings(capture=True)
    set_levels(levels)
    # The inherited streams remember what the nursery's descriptors were; and plugins that print are heard line by line.
    sys.stdout = sys.__stdout__ = _WholeLines(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _WholeLines(2)  # type: ignore[misc]


class _WholeLines(TextIOWrapper):
    """Writes each line with one call, so that lines of a plugin's threads do not mix."""

    def __init__(self, fd: int) -> None:
        super().__init__(FileIO(fd, "w", closefd=False), "utf-8", "backslashreplace", write_through=True)
        self._begun = threading.local()

    def write(self, text: str) -> int:
        """Keep what does not end a line until the rest of it comes."""
        whole = getattr(self._begun, "text", "") + text
        end = whole.rfind("\n") + 1
        if len(whole) - end > _LONGEST_LINE:
            end = len(whole)
        self._begun.text = whole[end:]
        if end:
            super().write(hidden(whole[:end]))
        return len(text)

    def flush(self) -> None:
        """Write the line that this thread has begun."""
        rest, self._begun.text = getattr(self._begun, "text", ""), ""
        if rest:
            super().write(hidden(rest))
        super().flush()
