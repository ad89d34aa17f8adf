"""Sink tasks that report records themselves, raise, and ask for the same again: the letters of both workers."""

from __future__ import annotations

import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from integration.compat.poison import Poison, Scenario
from integration.compat.poisoned import NAMES, PREFIX, Outcome, Side, alike, fill
from integration.conftest import missing
from integration.services.kafka import OriginalWorker, class_path
from integration.services.linkspan import LinkspanWorker
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(240)]

PROGRAM = Path(__file__).with_name("PickySink.java")
OURS = """
from pathlib import Path
from linkspan.api import (
    Config, ConnectError, DataError, RetriableError, SinkConnector, SinkRecord, SinkTask, Str
)


class PickyConfig(Config):
    file = Str(doc="Where to note it.")


class PickyTask(SinkTask[PickyConfig]):
    def start(self):
        self.retried = set()

    def stop(self):
        pass

    def put(self, records):
        for record in records:
            self.act(str(record.value), record, self.context.errant_record_reporter)

    def act(self, what, record, reporter):
        action, error = what.split(" ")[0], DataError("no " + what)
        if action == "report":
            reporter.report(record, error)
        elif action == "built":
            times = {"timestamp": record.timestamp, "timestamp_type": record.timestamp_type}
            built = SinkRecord(record.topic, record.partition, record.offset, "other", key="other key", **times)
            reporter.report(built, error)
        elif action == "twice":
            reporter.report(record, error)
            reporter.report(record, ValueError("again " + what))
        elif action == "wait":
            assert reporter.report(record, error).wait()
        elif action == "swallow":
            try:
                reporter.report(record, error)
            except ConnectError:
                self.note("swallowed")
        elif action == "raise":
            raise ConnectError("raised " + what)
        elif action == "retry" and record.offset not in self.retried:
            self.retried.add(record.offset)
            raise RetriableError("later " + what)
        self.note(what)

    def note(self, line):
        with Path(self.config.file).open("a") as file:
            file.write(line + "\\n")


class PickySink(SinkConnector):
    config_class, task_class, version = PickyConfig, PickyTask, "1"
    java_class = "compat.PickySink"

    def task_configs(self, max_tasks):
        return [self.config.originals]
"""
ALL: Final = {"errors.tolerance": "all"}
CONTEXT: Final = {"errors.deadletterqueue.context.headers.enable": "true"}
LOG: Final = {"errors.log.enable": "true", "errors.log.include.messages": "true"}
OTHER_NAMES: Final = {"java.lang.IllegalStateException": "builtins.ValueError"}


def scenario(name: str, values: str, config: dict[str, str], *, fails: bool = False) -> Scenario:
    records = [Poison(value.strip().encode(), f"k{at}".encode()) for at, value in enumerate(values.split(","))]
    return Scenario(name, records, {"connector.class": "compat.PickySink", **CONTEXT, **config}, fails)


PICKY: Final = (
    scenario("reports", "ok, report 1, ok, report 2, twice 3, last", {**ALL, **LOG}),
    scenario("reports-and-raises", "ok, report 1, ok, report 2, raise 3, report 4", ALL, fails=True),
    scenario("reports-and-retries", "ok, report 1, retry 2, report 3, last", ALL),
    scenario("builds-its-own", "built 1, report 2, last", ALL),
    scenario("waits", "wait 1, ok, wait 2, last", ALL),
    scenario("is-refused", "ok, report 1, report 2", LOG, fails=True),
)


def swallowing(*, fails: bool) -> Scenario:
    """A task that goes on though it was told that nothing is tolerated; the original lets it."""
    return scenario("swallows-the-refusal", "ok, swallow 1, ok, swallow 2, last", {}, fails=fails)


def install_original(plugins: Path) -> None:
    """The sink as a plugin of the original."""
    folder = plugins / "picky"
    services = folder / "META-INF" / "services"
    services.mkdir(parents=True)
    (services / "org.apache.kafka.connect.sink.SinkConnector").write_text("compat.PickySink\n")
    jars = ":".join(map(str, Path(class_path()).parent.glob("*.jar")))
    compiler = ["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", str(folder), "-cp", jars, str(PROGRAM)]
    archive = ["java", "-m", "jdk.jartool/sun.tools.jar.Main", "-cf", str(folder / "picky.jar"), "-C", str(folder), "."]
    for command in (compiler, archive):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr


def install_ours(plugins: Path) -> None:
    """The sink as a plugin of ours."""
    metadata = plugins / "picky" / "picky-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata.parent / "picky.py").write_text(OURS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: picky\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[linkspan.connectors]\npicky = picky:PickySink\n")


Played = tuple[dict[str, Outcome], dict[str, Outcome]]


@pytest.fixture(scope="module")
def played(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """What the original made of it, and what ours."""
    folder, run = tmp_path_factory.mktemp("picky"), uuid.uuid4().hex[:8]
    fill(kafka.bootstrap, run, [*PICKY, swallowing(fails=True)])
    try:
        sides = [
            Side(kind, folder, kafka.bootstrap, run, [*PICKY, swallowing(fails=kind is LinkspanWorker)])
            for kind in (OriginalWorker, LinkspanWorker)
        ]
    except UnavailableError as error:
        missing(str(error))
    for side, install in zip(sides, (install_original, install_ours), strict=True):
        install(side.folder / "plugins")
    with ThreadPoolExecutor() as both:
        original, ours = both.map(Side.play, sides)
    return original, ours


each_scenario = pytest.mark.parametrize("name", [each.name for each in PICKY])


@each_scenario
def test_the_same_letters_come_in_the_same_order(played: Played, name: str) -> None:
    original, ours = (list(map(alike, side[name].letters)) for side in played)
    assert original
    assert ours == original


@each_scenario
def test_exceptions_in_letters_are_the_counterparts_of_the_originals(played: Played, name: str) -> None:
    header = PREFIX + "exception.class.name"
    original, ours = ([(dict(each.headers)[header] or b"").decode() for each in side[name].letters] for side in played)
    assert ours == [{**NAMES, **OTHER_NAMES}.get(text, text) for text in original]


@each_scenario
def test_the_same_is_put_in_the_same_order(played: Played, name: str) -> None:
    original, ours = (side[name].lines for side in played)
    assert ours == original


@each_scenario
def test_the_same_offsets_are_committed(played: Played, name: str) -> None:
    original, ours = (side[name].committed for side in played)
    assert ours == original


@each_scenario
def test_the_states_and_log_lines_are_the_same(played: Played, name: str) -> None:
    original, ours = (side[name] for side in played)
    assert (ours.state, ours.logged) == (original.state, original.logged)


def test_a_refusal_that_the_task_swallows_fails_ours_alone(played: Played) -> None:
    original, ours = (side["swallows-the-refusal"] for side in played)
    assert list(map(alike, ours.letters)) == list(map(alike, original.letters))
    assert ours.lines == original.lines
    assert (original.state, ours.state) == ("RUNNING", "FAILED")
    assert (original.committed, ours.committed) == ({0: 5}, {})
