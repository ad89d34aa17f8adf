"""Exactly-once sources of the original and of ours, each alone in a group: answers, and records of all topics."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import linkspan
from integration.chaos.pipes import wait_for
from integration.compat import alike_records
from integration.compat.connector_script import SOURCE, STOPPED, connector, of, offset
from integration.compat.exchange import Answer, Step, play
from integration.compat.test_distributed import records_of
from integration.compat.test_rest import check_alike, unreached
from integration.compat.written import Reader
from integration.conftest import missing
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.kafka import VERSION
from integration.services.maven import UnavailableError
from integration.services.topics import committed_values

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(400)]

TEXT: Final = "org.apache.kafka.connect.storage.StringConverter"
CHECK: Final = "PUT /connector-plugins/FileStreamSource/config/validate"
ONCE: Final = {**SOURCE, "exactly.once.support": "required"}
OWN: Final = {**ONCE, "topic": "${TOPIC}-own", "offsets.storage.topic": "${OWN}"}
INTERVAL: Final = {"transaction.boundary": "interval", "transaction.boundary.interval.ms": "100"}
WITHOUT_FILE: Final = {key: value for key, value in ONCE.items() if key != "file"}
START: Final = offset({"filename": "${DIR}/in.txt"}, {"position": 4})

STEPS: Final = (
    Step("validate required", CHECK, {**ONCE, "name": "v"}),
    Step("validate in capitals", CHECK, {**ONCE, "name": "v", "exactly.once.support": "REQUIRED"}),
    Step("validate without file", CHECK, {**WITHOUT_FILE, "name": "v"}),
    Step("validate boundary of connector", CHECK, {**ONCE, "name": "v", "transaction.boundary": "connector"}),
    Step("validate odd boundary", CHECK, {**ONCE, "name": "v", "transaction.boundary": "sometimes"}),
    Step("validate odd interval", CHECK, {**ONCE, "name": "v", "transaction.boundary.interval.ms": "-1"}),
    Step("validate empty topic", CHECK, {**ONCE, "name": "v", "offsets.storage.topic": ""}),
    Step("create without file", "POST /connectors", connector("bad", WITHOUT_FILE)),
    Step("create", "POST /connectors", connector("src", ONCE), leads_to=of("src", "RUNNING")),
    Step("offsets", "GET /connectors/src/offsets", until=('"position":14',)),
    Step("alter while it runs", "PATCH /connectors/src/offsets", START),
    Step("stop", "PUT /connectors/src/stop", leads_to=("connector-src STOPPED", "task-src-0 -")),
    Step("stopped", "GET /connectors/src/status", until=STOPPED),
    Step("alter", "PATCH /connectors/src/offsets", START),
    Step("altered", "GET /connectors/src/offsets"),
    Step("resume", "PUT /connectors/src/resume", leads_to=of("src", "RUNNING")),
    Step("offsets again", "GET /connectors/src/offsets", until=('"position":14',)),
    Step("stop again", "PUT /connectors/src/stop", leads_to=("connector-src STOPPED", "task-src-0 -")),
    Step("reset", "DELETE /connectors/src/offsets"),
    Step("reset is done", "GET /connectors/src/offsets", until=('"offsets":[]',)),
    Step("by interval", "PUT /connectors/src/config", {**ONCE, **INTERVAL}),
    Step("resume by interval", "PUT /connectors/src/resume", leads_to=of("src", "RUNNING")),
    Step("offsets by interval", "GET /connectors/src/offsets", until=('"position":14',)),
    Step("own topic", "POST /connectors", connector("own", OWN), leads_to=of("own", "RUNNING")),
    Step("offsets in own topic", "GET /connectors/own/offsets", until=('"position":14',)),
    Step("stop own", "PUT /connectors/own/stop", leads_to=("connector-own STOPPED", "task-own-0 -")),
    Step("alter own", "PATCH /connectors/own/offsets", START),
    Step("altered own", "GET /connectors/own/offsets"),
    Step("resume own", "PUT /connectors/own/resume", leads_to=of("own", "RUNNING")),
    Step("offsets in own topic again", "GET /connectors/own/offsets", until=('"position":14',)),
    Step(
        "into its own offsets",
        "POST /connectors",
        connector("loop", {**OWN, "topic": "${OWN}"}),
        leads_to=("task-loop-0 FAILED",),
    ),
    Step("delete", "DELETE /connectors/src", leads_to=("connector-src -", "task-src-0 -")),
    Step("create anew", "POST /connectors", connector("src", ONCE), leads_to=of("src", "RUNNING")),
)


@dataclass
class Played:
    """What one worker answered, and has written."""

    answers: Mapping[str, Answer]
    internal: Mapping[str, Mapping[str, list[str | None]]]
    lines: Mapping[str, list[str]]
    trace: str


def play_against(kind: type[GroupWorker], folder: Path, bootstrap: str, version: str) -> Played:
    side = kind.__name__.removesuffix("GroupWorker").lower()
    work = folder / f"{side}-files"
    work.mkdir()
    (work / "in.txt").write_text("one\ntwo\nthree\n")
    settings = {"exactly.once.source.support": "enabled", "offset.flush.interval.ms": 300}
    group = Group(bootstrap, settings, name=f"once-{uuid.uuid4().hex[:8]}")
    worker = kind(folder / side, group)
    own = f"{group.name}-own"
    values = {"DIR": str(work), "TOPIC": f"{group.name}-topic", "OWN": own, "VERSION": version}
    with running(worker):
        with Reader(bootstrap, group.status_topic) as statuses:
            answers = play(worker.url, STEPS, values, statuses)
        _, body = worker.ask("GET", "/connectors/loop/tasks/0/status")
        worker.stop()
    topics = {"config": group.config_topic, "offset": group.offset_topic, "own": own}
    names = {**values, "WORKER": worker.worker_id}
    written = {name: records_of(bootstrap, topic, names) for name, topic in topics.items()}
    lines = {topic: committed_values(bootstrap, f"{values['TOPIC']}{topic}") for topic in ("", "-own")}
    return Played(answers, written, lines, str(body))


@pytest.fixture(scope="module")
def played(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Played]:
    """The original's answers and records, and ours."""
    folder = tmp_path_factory.mktemp("once")
    with ThreadPoolExecutor() as both:
        try:
            original, ours = both.map(
                lambda pair: play_against(pair[0], folder, kafka.bootstrap, pair[1]),
                [(OriginalGroupWorker, VERSION), (LinkspanGroupWorker, linkspan.__version__)],
            )
        except UnavailableError as error:
            missing(str(error))
    return original, ours


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name.replace(" ", "-"))
def test_both_answer_alike_about_exactly_once(played: tuple[Played, Played], step: Step) -> None:
    check_alike(step, *(side.answers[step.name] for side in played))


@pytest.mark.parametrize("side", [0, 1], ids=["original", "linkspan"])
def test_every_awaited_state_is_reached(played: tuple[Played, Played], side: int) -> None:
    answers = played[side].answers
    assert unreached(STEPS, answers) == []
    assert {name: answer.missed for name, answer in answers.items() if answer.missed} == {}


@pytest.mark.parametrize("topic", ["config", "offset", "own"])
def test_both_write_the_same_records_in_transactions(played: tuple[Played, Played], topic: str) -> None:
    original, ours = (alike_records.comparable(side.internal[topic]) for side in played)
    assert original
    assert {key: ours.get(key) for key in original | ours} == {key: original.get(key) for key in original | ours}


def test_both_bring_the_same_lines_to_who_reads_committed_records(played: tuple[Played, Played]) -> None:
    original, ours = (side.lines for side in played)
    assert ours == original
    assert original[""] == ["one", "two", "three", "two", "three", *(["one", "two", "three"] * 2)][: len(original[""])]


def test_both_refuse_what_goes_into_its_own_offsets(played: tuple[Played, Played]) -> None:
    text = "Source tasks may not produce to their own offsets topics when exactly-once support is enabled"
    assert [text in side.trace for side in played] == [True, True]


@pytest.mark.parametrize("boundary", [{}, INTERVAL], ids=["poll", "interval"])
@pytest.mark.parametrize("kind", [OriginalGroupWorker, LinkspanGroupWorker], ids=["original", "linkspan"])
def test_requests_that_are_larger_than_the_topic_takes_are_cut_and_every_line_is_there_once(
    kafka: Any, tmp_path: Path, kind: type[GroupWorker], boundary: Mapping[str, str]
) -> None:
    group = Group(kafka.bootstrap, {"exactly.once.source.support": "enabled"}, name=f"cut-{uuid.uuid4().hex[:8]}")
    topic = f"{group.name}-topic"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for made in admin.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": "3000"})]).values():
        made.result(30)
    lines = [f"{number:05d}{'x' * 200}" for number in range(1000)]
    file = tmp_path / "in.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    config = {**ONCE, "file": str(file), "topic": topic, "value.converter": TEXT, **boundary}
    try:
        worker = kind(tmp_path / "worker", group)
    except UnavailableError as error:
        missing(str(error))
    with running(worker):
        status, body = worker.ask("POST", "/connectors", connector("cut", config))
        assert status == 201, body
        wait_for(
            lambda: committed_values(kafka.bootstrap, topic) == lines,
            lambda: worker.ask("GET", "/connectors/cut/status"),
            120,
        )
