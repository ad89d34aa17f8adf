"""On a broker that denies what is not allowed, a connector needs the rights it needs under the original worker."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from integration.runtime.test_standalone_process import lines, wait_until
from integration.services.kafka import OriginalWorker, request
from integration.services.linkspan import LinkspanWorker
from integration.services.secured import PASSWORDS, SecuredBroker, jaas, prefixed

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured")]

Kind = Literal["original", "linkspan"]
WORKERS: Final[dict[Kind, Any]] = {"original": OriginalWorker, "linkspan": LinkspanWorker}
WRONG: Final = "pass-that-is-wrong"
CREATING: Final = {"topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1"}
LETTERS: Final = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.name": "LETTERS",
    "errors.deadletterqueue.topic.replication.factor": "1",
    # the record is no JSON
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
}


@dataclass(frozen=True)
class Case:
    """A connector and its rights; TOPIC, LETTERS and GROUP stand for names of its own.

    Attributes:
        connector: direction.
        rights: what each principal may do: ``source`` writes, ``sink`` reads, ``maker`` makes topics.
        works: whether a record gets through, under both workers.
        exists: topics that exist before.
        config: keys of the connector besides the usual ones.
        says: words of the failure.
    """

    connector: Literal["source", "sink"]
    rights: Mapping[str, str]
    works: bool
    exists: str = "TOPIC"
    config: Mapping[str, str] = field(default_factory=dict)
    says: tuple[str, ...] = ()


def source(rights: str, *, works: bool, **more: Any) -> Case:
    return Case("source", {"source": rights}, works, **more)


def making(makers: str, *, works: bool, **more: Any) -> Case:
    rights = {"source": "topic TOPIC write", "maker": makers}
    return Case("source", rights, works, config=CREATING, **more)


def sink(rights: str, *, works: bool, **more: Any) -> Case:
    return Case("sink", {"sink": rights}, works, **more)


def letters(makers: str, writers: str, *, works: bool, **more: Any) -> Case:
    rights = {"sink": "topic TOPIC read, group GROUP read", "source": writers, "maker": makers}
    return Case("sink", rights, works, config=LETTERS, **more)


NO_WRITE: Final = ("TOPIC", "Write on topic TOPIC")
NO_READ: Final = ("TOPIC", "Read on topic TOPIC")
NO_GROUP: Final = ("GROUP", "Read on group GROUP")
LOGIN: Final = ("refused", "sasl.jaas.config")

CASES: Final[dict[str, Case]] = {
    "source, Write": source("topic TOPIC write", works=True),
    "source, Write, asks for idempotence": source(
        "topic TOPIC write", works=True, config={"producer.override.enable.idempotence": "true"}
    ),
    "source, nothing": source("", works=False, says=NO_WRITE),
    "source, Describe": source("topic TOPIC describe", works=False, says=NO_WRITE),
    "source, new topic, Write and Create": source("topic TOPIC write, topic TOPIC create", works=True, exists=""),
    "source, new topic, Write": source("topic TOPIC write", works=False, exists="", says=(*NO_WRITE, "Create")),
    "source, wrong password": source(
        "", works=False, says=LOGIN,
        config={"producer.override.sasl.jaas.config": jaas("PLAIN", username="source", password=WRONG)},
    ),
    "topic creation, Create and Describe": making("topic TOPIC create, topic TOPIC describe", works=True, exists=""),
    "topic creation, Describe": making(
        "topic TOPIC describe", works=False, exists="",
        says=("Task failed to create new topic TOPIC", "Create on topic"),
    ),
    "topic creation, nothing": making("", works=False, exists="", says=("Create on topic TOPIC",)),
    "topic creation, old topic, Describe": making("topic TOPIC describe", works=True),
    "topic creation, old topic, nothing": making("", works=False, says=("Describe, if it exists",)),
    "sink, Read and Read": sink("topic TOPIC read, group GROUP read", works=True),
    "sink, Read on the topic": sink("topic TOPIC read", works=False, says=NO_GROUP),
    "sink, Read on the topic, Describe": sink("topic TOPIC read, group GROUP describe", works=False, says=NO_GROUP),
    "sink, Read on the group": sink("group GROUP read", works=False, says=NO_READ),
    "sink, Read on the group, Describe": sink("topic TOPIC describe, group GROUP read", works=False, says=NO_READ),
    "sink, wrong password": sink(
        "", works=False, says=LOGIN,
        config={"consumer.override.sasl.jaas.config": jaas("PLAIN", username="sink", password=WRONG)},
    ),
    "dead letters, Create and Write": letters("topic LETTERS create", "topic LETTERS write", works=True),
    "dead letters, no Create": letters(
        "", "topic LETTERS write", works=False, says=("dead letter queue", "Create on topic LETTERS")
    ),
    "dead letters, old topic, Describe and Write": letters(
        "topic LETTERS describe", "topic LETTERS write", works=True, exists="TOPIC LETTERS"
    ),
    "dead letters, old topic, nothing for the maker": letters(
        "", "topic LETTERS write", works=False, exists="TOPIC LETTERS", says=("dead letter queue",)
    ),
}  # fmt: skip

ONLY_OURS: Final[dict[str, Case]] = {
    # under the original the record is lost with a line in the log
    "dead letters, no Write": letters(
        "topic LETTERS create", "", works=False, says=("cannot write to dead letter queue LETTERS", "Write on topic")
    ),
    # the original has none
    "dead letters of a source, no Write": Case(
        "source",
        {"source": "topic TOPIC write", "maker": "topic LETTERS create"},
        works=False,
        config={
            **LETTERS,
            "transforms": "number",
            "transforms.number.type": "org.apache.kafka.connect.transforms.Cast$Value",
            "transforms.number.spec": "int32",
        },
        says=("cannot write to dead letter queue LETTERS", "Write on topic LETTERS"),
    ),
    "dead letters, wrong password": Case(
        "sink",
        {"sink": "topic TOPIC read, group GROUP read", "maker": "topic LETTERS create"},
        works=False,
        config={
            **LETTERS,
            "producer.override.sasl.jaas.config": jaas("PLAIN", username="source", password=WRONG),
        },
        says=("cannot write to dead letter queue LETTERS", "refused"),
    ),
}
EVERY_CASE: Final = CASES | ONLY_OURS


class Worker:
    """A worker whose own principal has no rights at all, and one connector a case.

    Args:
        kind: which worker.
        secured: the broker.
        folder: for its files.
    """

    def __init__(self, kind: Kind, secured: SecuredBroker, folder: Path) -> None:
        self.kind, self.secured, self.folder = kind, secured, folder
        folder.mkdir()
        (folder / "in.txt").write_text("one\n")
        settings = {"security.protocol": "SASL_PLAINTEXT", **secured.login("PLAIN", "bare")}
        bootstrap = secured.address("SASL_OPEN")
        self.process = WORKERS[kind](
            folder / "worker", bootstrap, prefixed(settings, "producer.", "consumer.", "admin.")
        )
        self.url = self.process.url

    def name(self, case: str) -> str:
        return f"{self.kind}-{list(EVERY_CASE).index(case)}"

    def filled_in(self, text: str, case: str) -> str:
        """A text with the names of the case's own topics and group."""
        name = self.name(case)
        return (
            text.replace("TOPIC", f"{name}-topic")
            .replace("LETTERS", f"{name}-letters")
            .replace("GROUP", f"connect-{name}")
        )

    def prepare(self) -> None:
        """Make the topics of all cases, and give the rights."""
        topics, rights = [], defaultdict(list)
        for case, wanted in EVERY_CASE.items():
            topics += self.filled_in(wanted.exists, case).split()
            for principal, texts in wanted.rights.items():
                for text in filter(None, self.filled_in(texts, case).split(", ")):
                    kind, name, operation = text.split()
                    rights[principal].append((kind, name, operation))
        self.secured.create_topics(topics)
        for principal, given in rights.items():
            self.secured.allow(principal, given)
        for case, wanted in EVERY_CASE.items():
            if wanted.connector == "sink":
                self.secured.write(self.filled_in("TOPIC", case), b"one")

    def create(self, case: str) -> None:
        """Create the connector of a case."""
        status, body = request("POST", f"{self.url}/connectors", {"name": self.name(case), "config": self.config(case)})
        assert status == 201, body

    def config(self, case: str) -> dict[str, str]:
        """Configuration of the connector."""
        wanted = EVERY_CASE[case]
        clients = {"producer": "source", "consumer": "sink", "admin": "maker"}
        logins = {
            f"{client}.override.sasl.jaas.config": jaas("PLAIN", username=user, password=PASSWORDS[user])
            for client, user in clients.items()
        }
        own = (
            {"connector.class": "FileStreamSource", "file": str(self.folder / "in.txt"), "topic": "TOPIC"}
            if wanted.connector == "source"
            else {"connector.class": "FileStreamSink", "file": str(self.output(case)), "topics": "TOPIC"}
        )
        config = {"name": self.name(case), **logins, **own, **wanted.config}
        return {key: self.filled_in(value, case) for key, value in config.items()}

    def output(self, case: str) -> Path:
        return self.folder / f"{self.name(case)}.txt"

    def outcome(self, case: str) -> tuple[bool, str]:
        """Whether the case's record gets through; else the trace of its task."""

        def through() -> bool:
            if LETTERS.items() <= EVERY_CASE[case].config.items():
                return self.secured.records(self.filled_in("LETTERS", case)) > 0
            if EVERY_CASE[case].connector == "sink":
                return lines(self.output(case)) == ["one"]
            return self.secured.records(self.filled_in("TOPIC", case)) > 0

        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            _, status = request("GET", f"{self.url}/connectors/{self.name(case)}/status")
            failed = [task["trace"] for task in status["tasks"] if task["state"] == "FAILED"]
            if failed:
                return False, failed[0]
            if through():
                return True, ""
            time.sleep(0.1)
        raise AssertionError(f"{case} neither works nor fails under the {self.kind} worker")


@pytest.fixture(scope="module")
def workers(secured: SecuredBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Kind, Worker]]:
    """Both workers, with the connectors of all cases."""
    folder = tmp_path_factory.mktemp("rights")
    started: dict[Kind, Worker] = {kind: Worker(kind, secured, folder / kind) for kind in WORKERS}
    try:
        started["original"].process.launch()
        started["linkspan"].process.start()
        for kind in ("linkspan", "original"):
            wait_until(lambda kind=kind: answers(started[kind].url), f"the {kind} worker answers", 120)
            started[kind].prepare()
            for case in EVERY_CASE if kind == "linkspan" else CASES:
                started[kind].create(case)
        yield started
    finally:
        for worker in started.values():
            worker.process.stop()


def answers(url: str) -> bool:
    try:
        return request("GET", f"{url}/connectors")[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("case", CASES)
def test_a_connector_needs_the_rights_it_needs_under_the_original_and_is_told_which(
    workers: dict[Kind, Worker], case: str
) -> None:
    wanted = CASES[case]
    theirs, _ = workers["original"].outcome(case)
    ours, trace = workers["linkspan"].outcome(case)
    assert theirs == wanted.works
    assert ours == wanted.works, trace
    missing = [text for text in wanted.says if workers["linkspan"].filled_in(text, case) not in trace]
    assert not missing, trace


@pytest.mark.parametrize("case", ONLY_OURS)
def test_a_dead_letter_queue_that_may_not_be_written_to_fails_the_task_at_once(
    workers: dict[Kind, Worker], case: str
) -> None:
    works, trace = workers["linkspan"].outcome(case)
    assert not works
    assert trace.startswith(f"Task {workers['linkspan'].name(case)}-0 failed (credentials): ")
    missing = [text for text in ONLY_OURS[case].says if workers["linkspan"].filled_in(text, case) not in trace]
    assert not missing, trace


@pytest.mark.parametrize("kind", WORKERS)
def test_offsets_of_a_sink_are_asked_for_and_changed_with_the_rights_of_its_admin_client(
    workers: dict[Kind, Worker], kind: Kind
) -> None:
    worker, case = workers[kind], "sink, Read and Read"
    works, trace = worker.outcome(case)
    assert works, trace
    connector = f"{worker.url}/connectors/{worker.name(case)}"
    assert request("PUT", f"{connector}/stop")[0] == 204
    wait_until(lambda: request("GET", f"{connector}/status")[1]["tasks"] == [], "the task has ended")
    topic, group = worker.filled_in("TOPIC", case), worker.filled_in("GROUP", case)
    place = {"kafka_topic": topic, "kafka_partition": 0}
    body = {"offsets": [{"partition": place, "offset": {"kafka_offset": 0}}]}

    def statuses() -> list[int]:
        asked = (("GET", None), ("PATCH", body), ("DELETE", None))
        return [request(method, f"{connector}/offsets", content)[0] for method, content in asked]

    assert statuses() == [500, 500, 500]
    for right, wanted in (
        (("group", group, "describe"), [200, 500, 500]),
        (("group", group, "read"), [200, 500, 500]),
        (("topic", topic, "read"), [200, 200, 500]),
        (("group", group, "delete"), [200, 200, 200]),
    ):
        worker.secured.allow("maker", [right])
        wait_until(lambda wanted=wanted: statuses() == wanted, f"{right} makes it {wanted}")


@pytest.mark.parametrize("kind", WORKERS)
def test_no_password_is_shown_by_the_log_a_status_or_a_validation(workers: dict[Kind, Worker], kind: Kind) -> None:
    worker = workers[kind]
    config = worker.config("source, wrong password")
    url = f"{worker.url}/connector-plugins/{config['connector.class']}/config/validate"
    status, validated = request("PUT", url, config)
    assert status == 200
    _, statuses = request("GET", f"{worker.url}/connectors?expand=status")
    texts = [str(validated), str(statuses), worker.process.log.read_text()]
    assert not [password for password in (*PASSWORDS.values(), WRONG) for text in texts if password in text]
