"""PyPI ``kpops``: its models of Connect's answers refuse unknown members and unknown states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integration.rest_clients.file_source import MISSING_TOPIC, NAME, FileSource
from integration.services.clients import ClientError, Conversation, until
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker

CLIENT = "kpops"
SETUP = """
from kpops.component_handlers.kafka_connect.kafka_connect_api import KafkaConnect
from kpops.component_handlers.kafka_connect.kafka_connect_handler import KafkaConnectHandler
from kpops.component_handlers.kafka_connect.model import ConnectorNewState, KafkaConnectorConfig
from kpops.config import KafkaConnectConfig

connect = KafkaConnect(KafkaConnectConfig(url=url))
handler = KafkaConnectHandler(connect)

def model(config):
    return KafkaConnectorConfig.model_validate(config)

async def states():
    found = await connect.get_connector_status(name)
    return [found.connector.state.value, *(task.state.value for task in found.tasks)]

def plain(answer):
    return answer.model_dump(mode="json")
"""

pytestmark = pytest.mark.integration


def test_library_runs_the_life_cycle(talk: Callable[[str, str], Conversation], source: FileSource):
    with talk(CLIENT, SETUP) as client:
        assert client.ask("await connect.validate_connector_config(model(config))") == []
        created = client.ask("plain(await connect.create_connector(model(config), ConnectorNewState.PAUSED))")
        assert created == source.info(0)
        client.until("await states()", ["PAUSED"])
        client.ask("await connect.resume_connector(name)")
        client.until("await states()", ["RUNNING", "RUNNING"])
        assert client.ask("plain(await connect.get_connector(name))") == source.info()
        client.ask("await connect.pause_connector(name)")
        client.until("await states()", ["PAUSED", "PAUSED"])
        client.ask("await connect.stop_connector(name)")
        client.until("await states()", ["STOPPED"])
        client.ask("await connect.reset_offset(name)")
        updated = client.ask("plain(await connect.update_connector_config(model(new)))", new=source.updated())
        assert updated == source.info(0, source.updated())
        client.ask("await connect.delete_connector(name)")
        for call in ("get_connector", "get_connector_status", "delete_connector", "reset_offset"):
            with pytest.raises(ClientError, match="ConnectorNotFoundException"):
                client.ask(f"await connect.{call}(name)")


def test_handler_creates_updates_and_removes(talk: Callable[[str, str], Conversation], source: FileSource):
    deploy = "await handler.create_connector(model(config), state=ConnectorNewState.{}, dry_run=False)"
    with talk(CLIENT, SETUP) as client:
        client.ask("await handler.create_connector(model(config), state=None, dry_run=True)")
        client.ask(deploy.format("RUNNING"))
        client.until("await states()", ["RUNNING", "RUNNING"])
        client.ask(deploy.format("PAUSED"), config=source.updated())
        client.until("await states()", ["PAUSED", "PAUSED"])
        assert client.ask("plain(await connect.get_connector(name))") == source.info(1, source.updated())
        client.ask(deploy.format("RUNNING"))
        client.until("await states()", ["RUNNING", "RUNNING"])
        client.ask("await handler.destroy_connector(name, dry_run=False)")
        with pytest.raises(ClientError, match="ConnectorNotFoundException"):
            client.ask("await connect.get_connector(name)")


def test_reset_sends_a_sink_back_to_the_beginning(
    talk: Callable[[str, str], Conversation], worker: LinkspanWorker, source: FileSource, tmp_path: Path
):
    request("POST", f"{worker.url}/connectors", {"name": "feed", "config": source.settings})
    written = tmp_path / "out.txt"
    sink = {
        "name": NAME,
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "file": str(written),
        "topics": source.settings["topic"],
    }
    with talk(CLIENT, SETUP) as client:
        client.ask("plain(await connect.create_connector(model(config)))", config=sink)
        until(lambda: written.read_text() if written.exists() else None, "a\nb\n")
        client.ask("await handler.reset_connector(model(config), dry_run=False)")
        assert client.ask("await states()") == ["STOPPED"]
        client.ask("await connect.resume_connector(name)")
        until(lambda: written.read_text() if written.exists() else None, "a\nb\na\nb\n")


def test_library_lists_the_errors_of_a_configuration(talk: Callable[[str, str], Conversation], source: FileSource):
    del source.settings["topic"]
    with talk(CLIENT, SETUP) as client:
        found = client.ask("await connect.validate_connector_config(model(config))")
        assert found == [f"Found error for field topic: {MISSING_TOPIC}"]
        with pytest.raises(ClientError, match="KafkaConnectError"):
            client.ask("await connect.create_connector(model(config))")
