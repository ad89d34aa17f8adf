"""What the original's leader decides and tells its members, next to ours: seeded histories of a group, round by round.

The original leaves two orders to its hash tables: in which it walks the members (WorkerGroup.java makes it walk them by
their ids), and in which it writes connectors. So connectors are compared without their order.
"""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import missing
from integration.services.kafka import class_path, java
from integration.services.maven import UnavailableError
from linkspan.herder import eager_assignor
from linkspan.herder.protocol import (
    CONNECTOR,
    Assignment,
    WorkerState,
    WorkItem,
    decode_assignment,
    decode_worker_state,
    encode_assignment,
    encode_worker_state,
)
from tests.herder.pretended_group import PretendedGroup, pretended

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(300)]

PROGRAM = Path(__file__).with_name("WorkerGroup.java")
MAIN = "org.apache.kafka.connect.runtime.distributed.WorkerGroup"
DELAYS = (0, 1, 50, 3000, 300_000)


class Original:
    """The program, compiled once; it answers one list of questions a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        compiler = ["java", "-m", "jdk.compiler/com.sun.tools.javac.Main"]
        jars = ":".join(map(str, Path(class_path()).parent.glob("*.jar")))
        command = [*compiler, "-Xlint:none", "-d", str(folder), "-cp", jars, str(PROGRAM)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

    def answers(self, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        command = java(self.folder, MAIN, options=("-Dlog4j2.level=OFF",))
        at = command.index("-cp") + 1
        command[at] = f"{self.folder}:{command[at]}"
        (self.folder / "log4j2.yaml").write_text("Configuration: {status: error, Loggers: {Root: {level: 'OFF'}}}\n")
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=200, check=False)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(questions), done.stdout[-2000:] + done.stderr[-2000:]
        return answers


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    try:
        return Original(tmp_path_factory.mktemp("worker-group"))
    except UnavailableError as error:
        missing(str(error))


def by_connector(items: tuple[WorkItem, ...]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    # In the bytes a connector comes before its tasks, whose order stays.
    for name, number in sorted(items, key=lambda item: item[1] != CONNECTOR):
        found.setdefault(name, []).append(number)
    return found


def compare(group: PretendedGroup, answers: list[dict[str, Any]]) -> int:
    rounds = 0
    for asked, ours, answer in zip(group.asked, group.decided, answers, strict=True):
        assert "error" not in answer, answer
        if ours is None:
            continue
        rounds += 1
        theirs = {member: bytes.fromhex(content) for member, content in answer["result"]["assignments"].items()}
        assert theirs.keys() == asked["members"].keys()
        for member, content in theirs.items():
            read = decode_assignment(content)
            assert by_connector(read.assigned) == by_connector(ours.assigned[member]), (member, asked)
            # What is deleted or doubled is revoked in the order of a hash table.
            assert set(read.revoked) == set(ours.revoked[member]), (member, asked)
            assert read.delay_ms == ours.delay_ms, asked
            assert encode_assignment(read) == content
        owners = {f"{name}:{n}": member for member, items in ours.owned.items() for name, n in items}
        assert owners == answer["result"]["owners"], asked
    return rounds


def test_every_round_is_decided_as_the_original_does(original: Original) -> None:
    groups = [pretended(seed, delay, steps=60) for seed in range(60) for delay in DELAYS]
    answers = original.answers([question for group in groups for question in group.asked])
    left = iter(answers)
    rounds = sum(compare(group, list(islice(left, len(group.asked)))) for group in groups)
    assert rounds > 10_000
    decided = [made for group in groups for made in group.decided if made is not None]
    # The histories contain what makes rounds hard.
    assert sum(made.delay_ms > 0 for made in decided) > 1000
    assert sum(any(made.revoked.values()) for made in decided) > 1000


def test_a_wait_is_remembered_as_the_original_does(original: Original) -> None:
    groups = [pretended(seed, 300_000, steps=25) for seed in range(1000, 1100)]
    answers = original.answers([question for group in groups for question in group.asked])
    at, waiting = 0, 0
    for group in groups:
        at += len(group.asked)
        last = answers[at - 1]
        if last["op"] == "new":
            continue
        assert list(group.assignor.candidates) == last["result"]["candidates"]
        assert group.assignor.scheduled_ms == last["result"]["scheduled"]
        waiting += bool(group.assignor.candidates)
    assert waiting > 5


def test_eager_work_is_dealt_out_as_the_original_does(original: Original) -> None:
    chance = random.Random(3)
    questions = []
    for _ in range(200):
        members = [f"{chance.choice('wörð')}-{chance.randrange(100)}" for _ in range(chance.randrange(1, 6))]
        connectors = {f"{chance.choice('cÇ😀￼')}{n}": chance.randrange(5) for n in range(chance.randrange(7))}
        said = {member: encode_worker_state(WorkerState(f"http://{member}", 3), 0).hex() for member in members}
        question = {"op": "round", "protocol": "default", "leader": members[0], "members": said, "now": 0}
        questions.append({**question, "connectors": connectors})
    for question, answer in zip(questions, original.answers(questions), strict=True):
        configured = {name: range(tasks) for name, tasks in question["connectors"].items()}
        shares = eager_assignor.assign(question["members"], configured)
        theirs = {member: bytes.fromhex(content) for member, content in answer["result"]["assignments"].items()}
        assert theirs.keys() == shares.keys()
        for member, content in theirs.items():
            assert by_connector(decode_assignment(content).assigned) == by_connector(shares[member])
            assert encode_assignment(decode_assignment(content)) == content


def assignments(chance: random.Random, version: int) -> Assignment:
    def items() -> tuple[WorkItem, ...]:
        names = chance.sample(["c", "Ça", "a b", "😀", "x" * 300], chance.randrange(5))
        return tuple((name, n) for name in names for n in range(chance.randrange(-1, 1), chance.randrange(1, 4)))

    offset = chance.choice((-1, 0, 2**40))
    new, revoked, delay = items(), items() if version else (), chance.choice((0, 2**31 - 1)) if version else 0
    return Assignment(version, chance.randrange(2), "leadeř", "http://h:1/", offset, new, revoked, delay)


def test_the_original_reads_what_ours_writes(original: Original) -> None:
    chance = random.Random(4)
    made = [assignments(chance, version) for version in (0, 1, 2) for _ in range(60)]
    states = [WorkerState("http://é:8083/", n, chance.choice((None, said))) for n, said in enumerate(made)]
    questions = [{"op": "read assignment", "hex": encode_assignment(one).hex()} for one in made]
    questions += [
        {"op": "read metadata", "hex": encode_worker_state(state, one.version).hex()}
        for state, one in zip(states, made, strict=True)
    ]
    answers = original.answers(questions)
    for one, answer in zip(made, answers[: len(made)], strict=True):
        assert read(answer["result"]) == shown(one)
    for state, one, answer in zip(states, made, answers[len(made) :], strict=True):
        result = answer["result"]
        assert (result["url"], result["offset"]) == (state.url, state.offset)
        told = state.allocation if one.version else None
        assert (result["allocation"] and read(result["allocation"])) == (told and shown(told))


def test_ours_reads_what_the_original_writes(original: Original) -> None:
    chance = random.Random(5)
    made = [assignments(chance, version) for version in (0, 1, 2) for _ in range(60)]
    questions: list[dict[str, Any]] = [{"op": "write assignment", **asdict(one)} for one in made]
    for one in made:
        state = {"version": one.version, "url": "http://é:8083/", "offset": one.offset}
        questions.append({"op": "write metadata", **state, "allocation": chance.choice((None, asdict(one)))})
    answers = original.answers(questions)
    for one, answer in zip(made, answers[: len(made)], strict=True):
        content = bytes.fromhex(answer["result"])
        assert shown(decode_assignment(content)) == shown(one)
        assert encode_assignment(decode_assignment(content)) == content
    for one, answer in zip(made, answers[len(made) :], strict=True):
        content = bytes.fromhex(answer["result"])
        state = decode_worker_state(content)
        assert (state.url, state.offset) == ("http://é:8083/", one.offset)
        told = one if one.version and answer["allocation"] else None
        assert (state.allocation and shown(state.allocation)) == (told and shown(told))
        assert encode_worker_state(state, one.version) == content


def shown(one: Assignment) -> dict[str, Any]:
    return {**asdict(one), "assigned": by_connector(one.assigned), "revoked": by_connector(one.revoked)}


def read(result: dict[str, Any]) -> dict[str, Any]:
    """What the original read; it keeps connectors and tasks apart."""
    items = {kind: tuple((name, n) for name, n in result[kind]) for kind in ("assigned", "revoked")}
    return {**result, **{kind: by_connector(found) for kind, found in items.items()}}
