from __future__ import annotations

from pathlib import Path

import pytest

from linkspan.api import ExactlyOnceSupport
from linkspan.config import properties
from linkspan.config.definition import load
from linkspan_connectors.ibmmq import connector
from linkspan_connectors.ibmmq.config import MqSinkConfig, MqSourceConfig
from linkspan_connectors.ibmmq.connector import MqSinkConnector, MqSourceConnector
from linkspan_connectors.ibmmq.mqi import binding
from tests.connectors.ibmmq.test_config import SINK, SOURCE

EXAMPLES = Path(__file__).resolve().parents[3] / "config" / "connectors"


@pytest.fixture(params=["source", "sink"])
def both(request):
    if request.param == "source":
        return MqSourceConnector(), load(MqSourceConfig, SOURCE), SOURCE
    return MqSinkConnector(), load(MqSinkConfig, SINK), SINK


def test_every_task_has_the_configuration_of_the_connector(both):
    made, config, given = both
    made.config = config
    assert made.task_configs(3) == [given] * 3


def test_without_the_client_library_validation_says_what_to_install(both, monkeypatch):
    made, config, _ = both
    attempt = binding._Attempt("ibmmq", "libmqm_r.so: cannot open shared object file")
    monkeypatch.setattr(binding, "_search", lambda: (None, (attempt,)))
    (problem,) = made.validate(config)
    assert problem.key == "connector.class"
    assert "Install IBM's MQ client" in problem.message
    assert "libmqm_r.so: cannot open shared object file" in problem.message


def test_with_a_binding_there_is_nothing_to_say(both, monkeypatch):
    made, config, _ = both
    monkeypatch.setattr(connector, "missing", lambda: None)
    assert list(made.validate(config)) == []


def test_exactly_once_is_refused_and_not_promised(monkeypatch):
    monkeypatch.setattr(connector, "missing", lambda: None)
    more = {"mq.exactly.once.state.queue": "STATE", "mq.client.reconnect.options": "QMGR"}
    for made, config in (
        (MqSourceConnector(), load(MqSourceConfig, {**SOURCE, **more})),
        (MqSinkConnector(), load(MqSinkConfig, {**SINK, **more})),
    ):
        (problem,) = made.validate(config)
        assert problem.key == "mq.exactly.once.state.queue"
    assert MqSourceConnector().exactly_once_support({**SOURCE, **more}) is ExactlyOnceSupport.UNSUPPORTED


@pytest.mark.parametrize(("file", "config_class"), [("ibmmq-source", MqSourceConfig), ("ibmmq-sink", MqSinkConfig)])
def test_the_example_that_we_ship_is_right(file, config_class):
    assert load(config_class, properties.load(EXAMPLES / f"{file}.properties")).mq_queue_manager == "QM1"
