"""PyPI ``kafka-connect-api``: objects for cluster, connectors and tasks; sends some paths with a slash at their end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integration.rest_clients.file_source import NAME, FileSource
from integration.services.clients import ClientError, Conversation

CLIENT = "kafka-connect-api"
SETUP = """
from kafka_connect_api.kafka_connect_api import Api, Cluster, Connector
cluster = Cluster(Api(url=url))
it = Connector(cluster, name)
"""

pytestmark = pytest.mark.integration


def test_library_runs_the_life_cycle(talk: Callable[[str, str], Conversation], source: FileSource):
    with talk(CLIENT, SETUP) as client:
        assert client.ask("cluster.version") == "4.3.1"
        assert client.ask("cluster.kafka_cluster")
        assert client.ask("list(cluster.connectors)") == []
        # It cannot create with POST; and it raises where "exists" should answer False.
        with pytest.raises(ClientError, match="GenericNotFound"):
            client.ask("it.exists()")
        client.ask("setattr(it, 'config', config)")
        assert client.ask("it.exists()") is True
        client.until("it.status", source.status("RUNNING", "RUNNING"))

        assert client.ask("list(cluster.connectors)") == [NAME]
        assert client.ask("it.config") == source.config
        assert client.ask("it.connector_class") == source.config["connector.class"]
        tasks = client.ask("[{'id': {'connector': name, 'task': t.id}, 'config': t.config} for t in it.tasks]")
        assert tasks == source.tasks()
        assert client.ask("it.tasks[0].status") == source.task_status(0, "RUNNING")
        assert client.ask("it.tasks[0].is_running()") is True

        client.ask("it.pause()")
        client.until("it.status", source.status("PAUSED", "PAUSED"))
        client.ask("it.resume()")
        client.until("it.status", source.status("RUNNING", "RUNNING"))
        client.ask("it.restart()")
        client.until("it.status", source.status("RUNNING", "RUNNING"))
        client.ask("it.restart_all_tasks()")
        client.until("it.status", source.status("RUNNING", "RUNNING"))
        client.ask("it.cycle_connector()")
        client.until("it.status", source.status("RUNNING", "RUNNING"))

        client.ask("setattr(it, 'config', new)", new=source.updated())
        assert client.ask("it.config") == source.updated()
        client.ask("it.delete()")
        assert client.ask("list(cluster.connectors)") == []
        with pytest.raises(ClientError, match="GenericNotFound"):
            client.ask("it.delete()")


def test_library_reads_and_changes_levels_of_loggers(talk: Callable[[str, str], Conversation]):
    with talk(CLIENT, SETUP) as client:
        assert client.ask("cluster.root_logger") == {"level": "INFO", "last_modified": None}
        assert "linkspan" in client.ask("cluster.set_logger_log_level('linkspan', 'DEBUG')")
        changed = client.ask("cluster.loggers['linkspan']")
        assert changed["level"] == "DEBUG"
        assert isinstance(changed["last_modified"], int)
        client.ask("setattr(cluster, 'root_logger', 'WARN')")
        assert {level["level"] for level in client.ask("cluster.loggers").values()} == {"WARN"}
        # The list of levels of this client has one that Kafka does not know.
        with pytest.raises(ClientError, match=r"GenericNotFound.*invalid log level 'CRITICAL'"):
            client.ask("setattr(cluster, 'root_logger', 'CRITICAL')")


def test_library_is_told_the_reason_of_a_refusal(talk: Callable[[str, str], Conversation], source: FileSource):
    del source.settings["topic"]
    with talk(CLIENT, SETUP) as client:
        with pytest.raises(ClientError, match=r'400.*required configuration "topic"'):
            client.ask("setattr(it, 'config', config)")
        assert client.ask("list(cluster.connectors)") == []
