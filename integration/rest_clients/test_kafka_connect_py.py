"""PyPI ``kafka-connect-py``: the library's class and the command ``kc``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.rest_clients.file_source import MISSING_TOPIC, NAME, TOPIC, FileSource, errors_of
from integration.services.clients import ClientError, Conversation, run_command, until
from integration.services.linkspan import LinkspanWorker

CLIENT = "kafka-connect-py"
SETUP = "from kafka_connect import KafkaConnect; kc = KafkaConnect(url)"
STATUS = "kc.get_connector_status(name)"

pytestmark = pytest.mark.integration


def test_library_runs_the_life_cycle(talk: Callable[[str, str], Conversation], source: FileSource):
    with talk(CLIENT, SETUP) as client:
        assert client.ask("kc.get_cluster_info()['version']") == "4.3.1"
        assert client.ask("kc.create_connector({'name': name, 'config': config})") == source.info()
        client.until(STATUS, source.status("RUNNING", "RUNNING"))
        with pytest.raises(ClientError, match="HTTPError: 409"):
            client.ask("kc.create_connector({'name': name, 'config': config})")

        assert client.ask("kc.list_connectors()") == [NAME]
        assert client.ask("kc.list_connectors(expand='info')") == {NAME: {"info": source.info()}}
        running = {NAME: {"status": source.status("RUNNING", "RUNNING")}}
        assert client.ask("kc.list_connectors(expand='status')") == running
        assert client.ask("kc.list_connectors(pattern='file.*', state='RUNNING')") == [NAME]
        assert client.ask("kc.list_connectors(state='PAUSED')") == []
        assert client.ask("kc.get_connector(name)") == source.info()
        assert client.ask("kc.get_connector_config(name)") == source.config
        assert client.ask("kc.list_connector_tasks(name)") == source.tasks()
        assert client.ask("kc.get_connector_task_status(name, 0)") == source.task_status(0, "RUNNING")
        client.until("kc.list_connector_topics(name)", source.topics(TOPIC))

        client.ask("kc.pause_connector(name)")
        client.until(STATUS, source.status("PAUSED", "PAUSED"))
        client.ask("kc.resume_all_connectors(state='PAUSED')")
        client.until(STATUS, source.status("RUNNING", "RUNNING"))

        assert client.ask("kc.restart_connector(name)") is None
        client.until(STATUS, source.status("RUNNING", "RUNNING"))
        restarted = client.ask("kc.restart_connector(name, include_tasks=True)")
        assert restarted == source.status("RESTARTING", "RESTARTING")
        client.until(STATUS, source.status("RUNNING", "RUNNING"))
        unchanged = client.ask("kc.restart_connector(name, include_tasks=True, only_failed=True)")
        assert unchanged == source.status("RUNNING", "RUNNING")
        client.ask("kc.restart_connector_task(name, 0)")
        client.until(STATUS, source.status("RUNNING", "RUNNING"))

        client.ask("kc.stop_connector(name)")
        client.until(STATUS, source.status("STOPPED"))
        client.ask("kc.reset_connector_topics(name)")
        assert client.ask("kc.list_connector_topics(name)") == source.topics()

        assert client.ask("kc.update_connector(name, new)", new=source.updated()) == source.info(0, source.updated())
        client.ask("kc.resume_connector(name)")
        client.until(STATUS, source.status("RUNNING", "RUNNING"))
        assert client.ask("kc.get_connector_config(name)") == source.updated()
        client.ask("kc.delete_connector(name)")
        assert client.ask("kc.list_connectors(expand='status')") == {}
        with pytest.raises(ClientError, match="HTTPError: 404"):
            client.ask("kc.get_connector(name)")


def test_library_lists_and_validates_plugins(talk: Callable[[str, str], Conversation], source: FileSource):
    with talk(CLIENT, SETUP) as client:
        assert source.plugin() in client.ask("kc.list_connector_plugins()")
        assert client.ask("kc.validate_connector_config('FileStreamSource', config)['error_count']") == 0
        del source.settings["topic"]
        found = client.ask("kc.validate_connector_config('FileStreamSource', config)", config=source.config)
        assert found["error_count"] == 1
        assert errors_of(found) == {"topic": [MISSING_TOPIC]}


def test_library_restarts_what_failed(talk: Callable[[str, str], Conversation], source: FileSource):
    source.spoil()
    with talk(CLIENT, SETUP) as client:
        client.ask("kc.create_connector({'name': name, 'config': config})")
        client.until("[t['state'] for t in kc.get_connector_status(name)['tasks']]", ["FAILED"])
        assert "in.txt is not UTF-8" in str(client.ask("kc.get_connector_task_status(name, 0)['trace']"))
        source.heal()
        answer = client.ask("kc.restart_connector(name, include_tasks=True, only_failed=True)")
        assert answer["connector"]["state"] == "RUNNING"
        assert [task["state"] for task in answer["tasks"]] == ["RESTARTING"]
        client.until(STATUS, source.status("RUNNING", "RUNNING"))


def test_command_runs_the_life_cycle(installed: Callable[[str], Path], worker: LinkspanWorker, source: FileSource):
    folder = installed(CLIENT)

    def kc(*arguments: str) -> object:
        done = run_command(folder, "kc", "--url", worker.url, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout else None

    new = json.dumps({"name": NAME, "config": source.settings})
    assert kc("create", "--config-data", new) == source.info()
    until(lambda: kc("status", NAME), source.status("RUNNING", "RUNNING"))
    assert kc("list") == [NAME]
    assert kc("list", "--expand", "info", "--pattern", "file") == {NAME: {"info": source.info()}}
    assert kc("list", "--state", "failed") == []
    assert kc("get", NAME) == source.info()
    assert kc("config", NAME) == source.config
    assert kc("list-tasks", NAME) == source.tasks()
    assert kc("task-status", NAME, "0") == source.task_status(0, "RUNNING")
    kc("pause", NAME)
    until(lambda: kc("status", NAME), source.status("PAUSED", "PAUSED"))
    kc("resume", "--all")
    until(lambda: kc("status", NAME), source.status("RUNNING", "RUNNING"))
    kc("restart", NAME, "--include-tasks")
    until(lambda: kc("status", NAME), source.status("RUNNING", "RUNNING"))
    kc("restart-task", NAME, "0")
    until(lambda: kc("task-status", NAME, "0"), source.task_status(0, "RUNNING"))
    until(lambda: kc("list-topics", NAME), source.topics(TOPIC))
    kc("reset-topics", NAME)
    assert kc("update", NAME, "--config-data", json.dumps(source.updated())) == source.info(1, source.updated())
    kc("delete", "--all")
    assert kc("list") == []


def test_command_is_told_what_is_wrong_with_its_validation(
    installed: Callable[[str], Path], worker: LinkspanWorker, source: FileSource
):
    # The command encodes the body twice, so a text arrives where an object belongs. The original answers 500.
    arguments = ("validate-config", "FileStreamSource", "--config-data", json.dumps(source.config))
    done = run_command(installed(CLIENT), "kc", "--url", worker.url, *arguments)
    assert "400 Client Error" in done.stdout
