"""Main function of a task process: loads the plugins, builds the loop, runs it, says how it ended."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from linkspan.api.converter import Converter, HeaderConverter
from linkspan.api.errors import ConfigError, ConnectError, FencedError, NotFoundError, RetriableError
from linkspan.api.fields import Config
from linkspan.api.task import SinkTask, SourceTask
from linkspan.api.transform import Predicate, Transform
from linkspan.config import definition
from linkspan.config.providers.passwords import passwords, refuse_unresolved
from linkspan.log.port import BatchTooLargeError, ExpiredError, TransactionalWriter, Writer
from linkspan.observe.hiding import hidden
from linkspan.plugins import loading
from linkspan.plugins.functions import PLUGIN_PATH, look_in
from linkspan.task import settings
from linkspan.task.acknowledged import AcknowledgedDelivery
from linkspan.task.chain import Chain, Step
from linkspan.task.contexts import LoadConverter, SinkContext, SourceContext, StoredOffsets
from linkspan.task.conversion import Converters
from linkspan.task.dead_letters import DeadLetters
from linkspan.task.errant import ErrantRecords
from linkspan.task.port import WorkerPort
from linkspan.task.reaction import code_of, explains_itself
from linkspan.task.sink import SinkLoop
from linkspan.task.sink_conversion import SinkConversion
from linkspan.task.source import SourceDelivery, SourceLoop, wants_records
from linkspan.task.source_conversion import SourceConversion
from linkspan.task.source_suspects import WatchedConversion
from linkspan.task.spec import TaskSpec
from linkspan.task.tolerance import ErrorLog, Reporter, Tolerance
from linkspan.task.topics import CreationRules, TopicCreation
from linkspan.task.traces import text_of
from linkspan.task.transactions import TransactionalDelivery

__all__ = ["run_task"]

_log = logging.getLogger(__name__)
_FOREVER: Final = 3600.0
_CLOSE_TIMEOUT: Final = 30.0
_LONGEST_SUMMARY: Final = 1000
_OPEN_SECONDS: Final = 5.0
_OPEN_AGAIN: Final = 0.5
_ISOLATION: Final = "isolation.level"
_COMMITTED: Final = "read_committed"
C = TypeVar("C", bound=Config)


class _Closable(Protocol):
    def close(self) -> None: ...


def run_task(spec: TaskSpec, port: WorkerPort) -> None:
    """Run a task to its end and report it: UNASSIGNED after a clean stop, else FAILED with the stack trace.

    A task that can go on in a new process, and in no other way, ends as DISPLACED: a sink whose place in its consumer
    group was taken, a source in transactions whose transactional id was, or whose transaction the log has given up.

    Never raises because of the task; what happens after the worker asked for the stop is logged and counts as clean.

    Args:
        spec: the task.
        port: the worker.
    """
    look_in(spec.worker_config.get(PLUGIN_PATH))
    try:
        if _wait_while_paused(port):
            _run(spec, port)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - supervision point: everything a plugin may raise
        if port.wanted == "STOPPED":
            _log.warning("The task failed after it was asked to stop: %s", error, exc_info=error)
        else:
            _report_failure(error, spec, port)
            return
    port.status("UNASSIGNED")


def _run(spec: TaskSpec, port: WorkerPort) -> None:
    """Run the task; from the last committed transaction on, with smaller requests, when a topic takes no larger ones.

    Nothing is kept for that: what the failed transaction had is polled again, as after a kill.
    """
    run = _run_source if spec.kind == "source" else _run_sink
    while True:
        try:
            with ExitStack() as resources:
                run(spec, port, resources)
        except BatchTooLargeError as error:
            smaller = settings.with_smaller_requests(spec, error.size)
            if smaller is None or port.wanted == "STOPPED":
                raise
            spec = smaller
            size = spec.client_settings["producer"]["batch.size"]
            _log.warning("The task begins anew by itself, with batch.size=%s: %s", size, error)
        else:
            return


def _report_failure(error: BaseException, spec: TaskSpec, port: WorkerPort) -> None:
    headline = f"Task {spec.id} failed ({code_of(error)}): "
    summary = headline + _first_line(text_of(error))
    if isinstance(error, ConfigError):  # where it was raised is no help to who wrote the value
        _log.error("%s", summary)
        port.status("FAILED", headline + text_of(error), code_of(error))
        return
    trace = f"{summary}\n\n{''.join(traceback.format_exception(error))}"
    if isinstance(error, FencedError | ExpiredError):
        _log.warning("The task has lost its place: %s", error)
        port.status("DISPLACED", trace)
    else:
        _log.error("%s", summary, exc_info=None if explains_itself(error) else error)
        port.status("FAILED", trace, code_of(error))


def _first_line(text: str) -> str:
    line = hidden(text).partition("\n")[0]  # hidden first: a part of a secret would not be known
    return line if len(line) <= _LONGEST_SUMMARY else f"{line[:_LONGEST_SUMMARY]}…"


def _wait_while_paused(port: WorkerPort) -> bool:
    """Wait until the task may begin; False when it is stopped before."""
    if port.wanted == "PAUSED":
        port.status("PAUSED")
        while port.wanted == "PAUSED":
            port.wait(_FOREVER)
    return port.wanted != "STOPPED"


def _run_source(spec: TaskSpec, port: WorkerPort, resources: ExitStack) -> None:
    task = _load_task(spec)
    if not isinstance(task, SourceTask):
        raise _wrong_direction(spec, task)
    converters = _load_converters(spec, resources)
    policy = settings.error_policy(spec.connector_config)
    reporters: list[Reporter] = [ErrorLog(spec.id, with_records=policy.log_records)] if policy.log_enabled else []
    tolerance = Tolerance(policy, reporters, _pause(port))
    chain = _load_chain(spec, tolerance, resources)
    creation = _topic_creation(spec, port)
    conversion = WatchedConversion(converters, tolerance, chain)
    conversion.watch(port, spec.suspects)
    parts = _SourceParts(
        task,
        conversion,
        tolerance,
        port,
        None if creation is None else creation.ensure,
        partial(_value_converter, spec, resources),
    )
    deliver = _acknowledged if spec.exactly_once is None else _transactional
    delivery = deliver(spec, parts)
    if delivery is None:
        return
    loop = SourceLoop(task, delivery, tolerance, port)
    with _on_failure(delivery.close):
        _start(task, port)
    loop.run()


class _SourceParts(NamedTuple):
    """What either kind of delivery is made of."""

    task: SourceTask[Any]
    conversion: SourceConversion
    tolerance: Tolerance
    port: WorkerPort
    ensure_topic: Callable[[str], None] | None
    load_converter: LoadConverter


def _acknowledged(spec: TaskSpec, parts: _SourceParts) -> SourceDelivery:
    task, conversion, tolerance, port, ensure_topic, _ = parts
    writer = spec.log.writer(spec.client_settings.get("producer", {}))
    with _on_failure(partial(writer.close, 0.0)):
        letters = _source_letters(spec, writer, parts)
    task.context = SourceContext(
        spec.connector, spec.task, spec.task_config, StoredOffsets(port), load_converter=parts.load_converter
    )
    times = settings.flush_times(spec)
    delivery = AcknowledgedDelivery(
        task, writer, conversion, tolerance, port, times, ensure_topic=ensure_topic, letters=letters
    )
    if wants_records(task):
        conversion.on_drop = delivery.dropped
    return delivery


def _transactional(spec: TaskSpec, parts: _SourceParts) -> SourceDelivery | None:
    """Open a writer of transactions, once nobody else can write in the task's name; None when it is stopped before."""
    task, conversion, _, port, ensure_topic, _ = parts
    place = spec.exactly_once
    assert place is not None, "the caller has looked"
    requests, boundary = settings.boundary(spec)
    task.context = SourceContext(
        spec.connector,
        spec.task,
        spec.task_config,
        StoredOffsets(port),
        requests,
        parts.load_converter,
        exactly_once=True,
    )
    writer = spec.log.transactional_writer(
        spec.client_settings.get("producer", {}), place.transactional_id, reports_records=wants_records(task)
    )
    with _on_failure(writer.close):
        if not _take_over(writer, port):
            writer.close()
            return None
    delivery = TransactionalDelivery(
        task, writer, conversion, port, spec.id, place, boundary, ensure_topic=ensure_topic
    )
    if wants_records(task):
        conversion.on_drop = delivery.dropped
    with _on_failure(delivery.close):
        delivery.letters = _source_letters(spec, delivery.letter_writer, parts)
    return delivery


def _source_letters(spec: TaskSpec, writer: Writer, parts: _SourceParts) -> DeadLetters | None:
    """The dead letter queue of a source, written with the task's own writer."""
    config = settings.dead_letter_config(spec.connector_config)
    if config is None:
        return None
    letters = DeadLetters(config, writer, spec.connector, spec.task)
    letters.create_topic(parts.port.ensure_topic, _pause(parts.port))
    parts.tolerance.add(letters)
    parts.conversion.sets_aside = True
    return letters


def _take_over(writer: TransactionalWriter, port: WorkerPort) -> bool:
    """Fence out whoever might write in the task's name; False when it is stopped meanwhile (spec/runtime.md 4.11)."""
    port.fence_older()
    while port.wanted != "STOPPED":
        try:
            writer.open(_OPEN_SECONDS)
        except RetriableError as error:
            _log.warning("%s. Trying again", error)
            port.wait(_OPEN_AGAIN)
        else:
            # last of all: a newer task that is confirmed opens its writer after this one
            port.confirm()
            return True
    return False


def _run_sink(spec: TaskSpec, port: WorkerPort, resources: ExitStack) -> None:
    task = _load_task(spec)
    if not isinstance(task, SinkTask):
        raise _wrong_direction(spec, task)
    converters = _load_converters(spec, resources)
    policy = settings.error_policy(spec.connector_config)
    letters = _dead_letters(spec, port, resources)
    reporters: list[Reporter] = [] if letters is None else [letters]
    if policy.log_enabled:
        reporters.append(ErrorLog(spec.id, with_records=policy.log_records))
    tolerance = Tolerance(policy, reporters, _pause(port))
    chain = _load_chain(spec, tolerance, resources)
    errant = ErrantRecords(tolerance, converters, partial(_settled, letters, port))
    context = SinkContext(
        spec.connector,
        spec.task,
        spec.task_config,
        errant if reporters else None,
        partial(_value_converter, spec, resources),
    )
    task.context = context
    limits = settings.sink_settings(spec, takes_large_batches=task.takes_large_batches)
    reader = spec.log.reader(_consumer(spec, task))
    loop = SinkLoop(
        task,
        context,
        reader,
        SinkConversion(converters, tolerance, chain),
        tolerance,
        errant,
        port,
        limits,
        letters=letters,
        suspects=spec.suspects,
    )
    with _on_failure(reader.close):
        loop.subscribe()
        _start(task, port)
    loop.run()


def _start(task: SourceTask[Any] | SinkTask[Any], port: WorkerPort) -> None:
    """Start the task and report RUNNING; a task that cannot start is stopped so that it lets go of what it took."""
    port.calling("start")
    try:
        task.start()
    except BaseException:
        with _logged("The task could not be stopped after its failed start"):
            task.stop()
        raise
    finally:
        port.calling(None)
    port.status("RUNNING")


def _consumer(spec: TaskSpec, task: SinkTask[Any]) -> dict[str, str]:
    """Settings of the consumer; raises ConfigError when the task must not read what the user wants it to."""
    given = dict(spec.client_settings.get("consumer", {}))
    if task.reads_committed and given.setdefault(_ISOLATION, _COMMITTED).strip().lower() != _COMMITTED:
        key = f"consumer.override.{_ISOLATION}"
        raise ConfigError(
            f"{_ISOLATION}={given[_ISOLATION]}, but this configuration promises to deliver exactly once, and has to "
            f"read committed records only. Set {key}={_COMMITTED}, or leave {_ISOLATION} out",
            key,
        )
    return given


def _load_task(spec: TaskSpec) -> object:
    connector_class = loading.load(spec.plugin)
    task_class = connector_class.task_class
    config_class = task_class.config_class
    if config_class is Config:
        config_class = connector_class.config_class
    task: object = task_class()
    task.config = _loaded(spec, config_class, spec.task_config)  # type: ignore[attr-defined]  # checked by the caller
    return task


def _loaded(spec: TaskSpec, config_class: type[C], own: Mapping[str, str], prefix: str = "") -> C:
    """Configuration of a plugin, none of whose passwords is a reference that nobody knows."""
    refuse_unresolved(passwords(config_class.keys, prefix), spec.unresolved)
    return definition.load(config_class, own)


def _wrong_direction(spec: TaskSpec, task: object) -> ConnectError:
    return ConnectError(
        f"{spec.plugin.class_name} is run as a {spec.kind}, but its task_class {type(task).__qualname__} is no "
        f"{spec.kind} task"
    )


def _load_converters(spec: TaskSpec, resources: ExitStack) -> Converters:
    pair: list[Converter] = []
    for key in ("key.converter", "value.converter"):
        name, own = settings.converter_settings(spec, key)
        pair.append(_load_converter(spec, resources, name, own, key))
    name, own = settings.converter_settings(spec, "header.converter")
    own.setdefault("converter.type", "header")
    header: HeaderConverter = loading.load(spec.catalog.find("header_converter", name))()
    resources.callback(_quietly_close, header)
    header.configure_header(_loaded(spec, type(header).config_class, own, "header.converter."))
    return Converters(pair[0], pair[1], header)


def _load_converter(spec: TaskSpec, resources: ExitStack, name: str, own: Mapping[str, str], key: str) -> Converter:
    is_key = key == "key.converter"
    converter: Converter = loading.load(spec.catalog.find("converter", name))()
    resources.callback(_quietly_close, converter)
    known = {"converter.type": "key" if is_key else "value", **own}
    converter.configure(_loaded(spec, type(converter).config_class, known, f"{key}."), is_key=is_key)
    return converter


def _value_converter(
    spec: TaskSpec, resources: ExitStack, name: str, own: Mapping[str, str], key: str | None
) -> Converter:
    """A converter that a task asked for itself."""
    key = key or "value.converter"
    try:
        return _load_converter(spec, resources, name, own, key)
    except NotFoundError as error:
        raise ConfigError.invalid(key, name, error.message) from None
    except ConfigError as error:
        # its keys are the converter's, and do not tell whose
        raise ConfigError(f"Settings of {key}: {error.message}", key) from error


def _load_chain(spec: TaskSpec, tolerance: Tolerance, resources: ExitStack) -> Chain | None:
    config = spec.connector_config
    steps = []
    for alias in _aliases(config, "transforms"):
        own = _with_prefix(config, f"transforms.{alias}.")
        predicate_alias = own.pop("predicate", None)
        negate = own.pop("negate", "false").strip().lower() == "true"
        transform: Transform[Any] = _configured(spec, "transformation", f"transforms.{alias}.type", own)
        resources.callback(_quietly_close, transform)
        predicate: Predicate[Any] | None = None
        if predicate_alias is not None:
            if predicate_alias not in _aliases(config, "predicates"):
                key = f"transforms.{alias}.predicate"
                raise ConfigError(f"{key}: there is no {predicate_alias} in predicates, add it there", key)
            own = _with_prefix(config, f"predicates.{predicate_alias}.")
            predicate = _configured(spec, "predicate", f"predicates.{predicate_alias}.type", own)
            resources.callback(_quietly_close, predicate)
        steps.append(Step(transform, predicate, negate))
    return Chain(steps, tolerance) if steps else None


def _configured(spec: TaskSpec, kind: str, type_key: str, own: dict[str, str]) -> Any:  # noqa: ANN401 - either kind
    name = own.pop("type", None)
    if not name:
        raise ConfigError(f'Missing required configuration "{type_key}" which has no default value.', type_key)
    plugin = loading.load(spec.catalog.find(kind, name))()
    plugin.config = _loaded(spec, type(plugin).config_class, own, type_key.removesuffix("type"))
    plugin.alias = type_key.partition(".")[2].removesuffix(".type")
    plugin.configure()
    return plugin


def _topic_creation(spec: TaskSpec, port: WorkerPort) -> TopicCreation | None:
    enabled = spec.worker_config.get("topic.creation.enable", "true").strip().lower() == "true"
    if not enabled or not CreationRules.wanted(spec.connector_config):
        return None
    return TopicCreation(port.ensure_topic, CreationRules(spec.connector_config))


def _dead_letters(spec: TaskSpec, port: WorkerPort, resources: ExitStack) -> DeadLetters | None:
    config = settings.dead_letter_config(spec.connector_config)
    if config is None:
        return None
    if "producer" not in spec.client_settings:
        raise ConfigError(
            "A dead letter queue is configured, but the worker gave this sink no producer settings to write to it.",
            "errors.deadletterqueue.topic.name",
        )
    writer: Writer = spec.log.writer(spec.client_settings["producer"])
    letters = DeadLetters(config, writer, spec.connector, spec.task)
    resources.callback(letters.close, _CLOSE_TIMEOUT)
    letters.create_topic(port.ensure_topic, _pause(port))
    return letters


def _settled(letters: DeadLetters | None, port: WorkerPort, timeout: float) -> bool:
    return letters is None or letters.settle(timeout, given_up=lambda: port.wanted == "STOPPED")


def _pause(port: WorkerPort) -> Callable[[float], bool]:
    """Sleep that a stop ends early; says whether the task is to stop."""

    def pause(seconds: float) -> bool:
        port.wait(seconds)
        return port.wanted == "STOPPED"

    return pause


def _quietly_close(plugin: _Closable) -> None:
    with _logged(f"{type(plugin).__qualname__} could not be closed"):
        plugin.close()


@contextmanager
def _on_failure(undo: Callable[[], object]) -> Iterator[None]:
    """Let go of a client that the loop, which closes it at its end, never got to."""
    try:
        yield
    except BaseException:
        with _logged("A client could not be closed after a failed start"):
            undo()
        raise


@contextmanager
def _logged(text: str) -> Iterator[None]:
    try:
        yield
    except Exception:  # noqa: BLE001 - supervision point: clean-up of plugins goes on whatever they raise
        _log.exception(text)


def _aliases(config: Mapping[str, str], key: str) -> list[str]:
    return [alias.strip() for alias in config.get(key, "").split(",") if alias.strip()]


def _with_prefix(config: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
