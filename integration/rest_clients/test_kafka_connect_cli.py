"""PyPI ``kafka-connect-cli``: the command ``kafka_connect``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from integration.rest_clients.file_source import NAME, FileSource
from integration.services.clients import run_command, until
from integration.services.linkspan import LinkspanWorker

CLIENT = "kafka-connect-cli"
RUNNING = {"connector": NAME, "state": "RUNNING", "failedTasks": []}
PAUSED = {"connector": NAME, "state": "PAUSED", "failedTasks": []}

pytestmark = pytest.mark.integration


@pytest.fixture
def command(installed: Callable[[str], Path], worker: LinkspanWorker) -> Callable[..., CompletedProcess[str]]:
    folder = installed(CLIENT)

    def run(*arguments: str) -> CompletedProcess[str]:
        # The address belongs behind the sub-command.
        return run_command(folder, "kafka_connect", *arguments, "--url", worker.url)

    return run


def test_command_runs_the_life_cycle(command: Callable[..., CompletedProcess[str]], source: FileSource):
    def said(*arguments: str) -> str:
        done = command(*arguments)
        # A refused call ends with 0 too, its reason on stdout.
        assert done.returncode == 0, done.stdout + done.stderr
        assert not done.stdout.startswith("Error: "), done.stdout
        return done.stdout

    def answer(*arguments: str) -> Any:
        return json.loads(said(*arguments))

    new = json.dumps(source.settings)
    create = ("connector", "create", "--name", NAME, "--configuration", new)
    assert answer(*create) == source.info()
    assert f"Connector {NAME} already exists" in command(*create).stdout + command(*create).stderr
    assert answer(*create, "--if-not-exists") is None
    get = ("connector", "get", "--name", NAME)
    until(lambda: answer(*get), RUNNING)
    assert answer("connector", "list") == [RUNNING]
    assert answer("connector", "configuration", "--name", NAME) == source.config
    assert answer("task", "list", "--connector", NAME) == [{"taskId": 0, "state": "RUNNING", "trace": ""}]

    said("connector", "pause", "--name", NAME)
    until(lambda: answer(*get), PAUSED)
    said("connector", "resume", "--name", NAME)
    until(lambda: answer("task", "list", "--connector", NAME)[0]["state"], "RUNNING")
    assert answer(*get) == RUNNING
    said("connector", "restart", "--name", NAME)
    until(lambda: answer(*get), RUNNING)
    said("task", "restart", "--connector", NAME, "--task", "0")
    until(lambda: answer("task", "list", "--connector", NAME)[0]["state"], "RUNNING")

    update = ("connector", "update", "--name", NAME, "--configuration", json.dumps(source.updated()))
    assert answer(*update) == source.info(1, source.updated())
    said("connector", "delete", "--name", NAME)
    assert answer("connector", "list") == []


def test_health_check_tells_a_failed_task_until_it_is_restarted(
    command: Callable[..., CompletedProcess[str]], source: FileSource
):
    assert command("health-check").returncode == 0
    source.spoil()
    command("connector", "create", "--name", NAME, "--configuration", json.dumps(source.settings))
    until(lambda: command("health-check").returncode, 1)
    assert f"Task 0 of connector {NAME} in state FAILED" in command("health-check", "--verbose").stdout
    (task,) = json.loads(command("task", "list", "--connector", NAME).stdout)
    assert task["state"] == "FAILED"
    assert "in.txt is not UTF-8" in task["trace"]

    source.heal()
    command("task", "restart", "--connector", NAME, "--task", "0")
    until(lambda: command("health-check").returncode, 0)
