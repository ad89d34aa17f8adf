"""PyPI ``kafkaconnect``: the library's class, whose answers are texts, and the command of the same name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.rest_clients.file_source import MISSING_TOPIC, NAME, TOPIC, FileSource, errors_of
from integration.services.clients import Conversation, run_command, until
from integration.services.linkspan import LinkspanWorker

CLIENT = "kafkaconnect"
SETUP = """
import json
from kafkaconnect.connect import Connect
connect = Connect(url)
text = json.dumps(config)
"""
STATUS = "json.loads(connect.status(name))"

pytestmark = pytest.mark.integration


def test_library_runs_the_life_cycle(talk: Callable[[str, str], Conversation], source: FileSource):
    with talk(CLIENT, SETUP) as client:
        assert client.ask("json.loads(connect.validate_and_create(name, text))") == source.info()
        client.until(STATUS, source.status("RUNNING", "RUNNING"))
        assert client.ask("json.loads(connect.list())") == [NAME]
        assert client.ask("json.loads(connect.info(name))") == source.info()
        assert client.ask("json.loads(connect.config(name))") == source.config
        assert client.ask("json.loads(connect.tasks(name))") == source.tasks()
        client.until("json.loads(connect.topics(name))", source.topics(TOPIC))
        assert source.plugin() in client.ask("json.loads(connect.plugins())")

        assert client.ask("connect.pause(name)") == ""
        client.until(STATUS, source.status("PAUSED", "PAUSED"))
        assert client.ask("connect.resume(name)") == ""
        client.until(STATUS, source.status("RUNNING", "RUNNING"))
        assert client.ask("connect.restart(name)") == ""
        client.until(STATUS, source.status("RUNNING", "RUNNING"))

        updated = client.ask("json.loads(connect.create_or_update(name, json.dumps(new)))", new=source.updated())
        assert updated == source.info(1, source.updated())
        assert client.ask("connect.remove(name)") == ""
        assert client.ask("json.loads(connect.list())") == []
        assert client.ask("connect.info(name)").endswith("not found.")


def test_library_creates_nothing_that_is_invalid(talk: Callable[[str, str], Conversation], source: FileSource):
    del source.settings["topic"]
    with talk(CLIENT, SETUP) as client:
        found = client.ask("json.loads(connect.validate_and_create(name, text))")
        assert found["error_count"] == 1
        assert errors_of(found) == {"topic": [MISSING_TOPIC]}
        refused = client.ask("json.loads(connect.create_or_update(name, text))")
        assert refused["error_code"] == 400
        assert MISSING_TOPIC in refused["message"]
        assert client.ask("json.loads(connect.list())") == []


def test_command_runs_the_life_cycle(
    installed: Callable[[str], Path], worker: LinkspanWorker, source: FileSource, tmp_path: Path
):
    folder = installed(CLIENT)

    def said(*arguments: str) -> str:
        done = run_command(folder, "kafkaconnect", "--connect", worker.url, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def answer(*arguments: str) -> Any:
        return json.loads(said(*arguments))

    file = tmp_path / "connector.json"
    file.write_text(json.dumps(source.settings))
    assert answer("upload", str(file), "--name", NAME, "--dry-run")["error_count"] == 0
    first, _, created = said("upload", str(file), "--name", NAME).partition("\n")
    assert first == f"Uploading {NAME} connector configuration..."
    assert json.loads(created) == source.info()
    until(lambda: answer("status", NAME), source.status("RUNNING", "RUNNING"))
    assert answer("list") == [NAME]
    assert answer("info", NAME) == source.info()
    assert answer("config", NAME) == source.config
    assert answer("tasks", NAME) == source.tasks()
    assert source.plugin() in answer("plugins")
    until(lambda: answer("topics", NAME), source.topics(TOPIC))
    said("pause", NAME)
    until(lambda: answer("status", NAME), source.status("PAUSED", "PAUSED"))
    said("resume", NAME)
    until(lambda: answer("status", NAME), source.status("RUNNING", "RUNNING"))
    said("restart", NAME)
    until(lambda: answer("status", NAME), source.status("RUNNING", "RUNNING"))
    said("delete", NAME)
    assert answer("list") == []
