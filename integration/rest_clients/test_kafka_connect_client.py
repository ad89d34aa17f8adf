"""npm ``kafka-connect-client``: the whole API with offsets. Calls without a body go out with the type of a form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from integration.conftest import missing
from integration.rest_clients.file_source import MISSING_TOPIC, NAME, TOPIC, FileSource, errors_of
from integration.services.clients import ClientError, Conversation, node_client
from integration.services.linkspan import LinkspanWorker
from integration.services.maven import UnavailableError

PACKAGES: Final = ("kafka-connect-client@2.3.0", "axios@1.21.1", "reflect-metadata@0.2.2")
SETUP: Final = """
const { KafkaConnectClient } = require("kafka-connect-client");
const { hostname: host, port } = new URL(url);
const client = new KafkaConnectClient({ host, port });
const it = client.connector(encodeURIComponent(name));
// It sends expand[]=… for a list, which Kafka does not know either.
client.axios.defaults.paramsSerializer = { indexes: null };
"""
STATUS: Final = "(await it.getStatus()).data"

pytestmark = pytest.mark.integration


@pytest.fixture
def talk(worker: LinkspanWorker, source: FileSource) -> Callable[[], Conversation]:
    try:
        folder = node_client("kafka-connect-client", PACKAGES)
    except UnavailableError as error:
        missing(str(error))
    command = ["node", str(Path(__file__).with_name("evaluate.cjs"))]
    return lambda: Conversation(command, folder, SETUP, url=worker.url, name=NAME, config=source.settings)


def test_library_runs_the_life_cycle(talk: Callable[[], Conversation], source: FileSource):
    with talk() as client:
        assert client.ask("(await client.getCluster()).data.version") == "4.3.1"
        assert client.ask("(await client.createConnector(name, config)).data") == source.info()
        with pytest.raises(ClientError, match=f"409.*Connector {NAME} already exists"):
            client.ask("client.createConnector(name, config)")
        client.until(STATUS, source.status("RUNNING", "RUNNING"))

        assert client.ask("(await client.getConnectors()).data") == [NAME]
        both = {NAME: {"info": source.info(), "status": source.status("RUNNING", "RUNNING")}}
        assert client.ask("(await client.getConnectors({ expand: ['info', 'status'] })).data") == both
        assert client.ask("(await it.get()).data") == source.info()
        assert client.ask("(await it.getConfig()).data") == source.config
        assert client.ask("(await it.getTasks()).data") == source.tasks()
        assert client.ask("(await it.getTaskStatus(0)).data") == source.task_status(0, "RUNNING")

        assert client.ask("(await it.pause()).status") == 202
        client.until(STATUS, source.status("PAUSED", "PAUSED"))
        assert client.ask("(await it.resume()).status") == 202
        client.until(STATUS, source.status("RUNNING", "RUNNING"))
        # It sends the options as a body, which no worker looks at.
        assert client.ask("(await it.restart({ includeTasks: true, onlyFailed: false })).status") == 204
        client.until(STATUS, source.status("RUNNING", "RUNNING"))
        assert client.ask("(await it.restartTask(0)).status") == 204
        client.until(STATUS, source.status("RUNNING", "RUNNING"))

        assert client.ask("(await it.updateConfig(config)).data", config=source.updated()) == source.info(
            1, source.updated()
        )
        assert client.ask("(await it.delete()).status") == 204
        assert client.ask("(await client.getConnectors()).data") == []
        with pytest.raises(ClientError, match=f"404.*Connector {NAME} not found"):
            client.ask("it.get()")


def test_library_reads_alters_and_resets_offsets(talk: Callable[[], Conversation], source: FileSource):
    with talk() as client:
        client.ask("(await client.createConnector(name, config)).data")
        client.until("(await it.axios.get('topics')).data", source.topics(TOPIC))
        # Its getTopics takes the text of the answer for the object, whatever the worker.
        with pytest.raises(ClientError, match="TypeError"):
            client.ask("it.getTopics()")
        with pytest.raises(ClientError, match=f"400.*'/connectors/{NAME}/stop' endpoint"):
            client.ask("it.resetOffsets()")

        assert client.ask("(await it.stop()).status") == 204
        client.until(STATUS, source.status("STOPPED"))
        assert client.ask("(await it.getOffsets()).data") == {"offsets": source.offsets(4)}
        altered = client.ask("(await it.alterOffsets(offsets)).data.message", offsets=source.offsets(2))
        assert altered == "The offsets for this connector have been altered successfully"
        assert client.ask("(await it.getOffsets()).data") == {"offsets": source.offsets(2)}
        with pytest.raises(ClientError, match=r"400.*Partitions / offsets need to be provided"):
            client.ask("it.alterOffsets([])")
        reset = client.ask("(await it.resetOffsets()).data.message")
        assert reset == "The offsets for this connector have been reset successfully"
        assert client.ask("(await it.getOffsets()).data") == {"offsets": []}
        assert client.ask("(await it.resetTopics()).status") == 202
        assert client.ask("(await it.axios.get('topics')).data") == source.topics()


def test_library_lists_and_validates_plugins(talk: Callable[[], Conversation], source: FileSource):
    with talk() as client:
        assert source.plugin() in client.ask("(await client.getConnectorPlugins()).data")
        kinds = client.ask("(await client.getConnectorPlugins({ connectorsOnly: false })).data.map(it => it.type)")
        assert {"source", "sink", "converter", "header_converter"} <= set(kinds)
        validate = "(await client.validateConnectorConfig('FileStreamSource', config)).data"
        assert client.ask(validate, config=source.config)["error_count"] == 0
        del source.settings["topic"]
        found = client.ask(validate, config=source.config)
        assert found["error_count"] == 1
        assert errors_of(found) == {"topic": [MISSING_TOPIC]}
