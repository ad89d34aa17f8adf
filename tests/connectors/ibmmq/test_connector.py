from __future__ import annotations

from pathlib import Path

import pytest

from linkspan.api import ConfigError, ExactlyOnceSupport
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


@pytest.mark.parametrize("package", ["", "com.ibm.eventstreams.connect.mqsink.builders."])
def test_a_builder_that_needs_a_converter_is_refused_without_one(monkeypatch, package):
    monkeypatch.setattr(connector, "missing", lambda: None)
    given = {**SINK, "mq.message.builder": f"{package}ConverterMessageBuilder"}
    (problem,) = MqSinkConnector().validate(load(MqSinkConfig, given))
    assert problem.key == "mq.message.builder.value.converter"
    given["mq.message.builder.value.converter"] = "org.apache.kafka.connect.storage.StringConverter"
    assert list(MqSinkConnector().validate(load(MqSinkConfig, given))) == []


@pytest.mark.parametrize(
    ("more", "support"),
    [
        ({}, ExactlyOnceSupport.UNSUPPORTED),
        ({"mq.exactly.once.state.queue": " "}, ExactlyOnceSupport.UNSUPPORTED),
        ({"mq.exactly.once.state.queue": "STATE"}, ExactlyOnceSupport.SUPPORTED),
        ({"mq.exactly.once.state.queue": "STATE", "tasks.max": "1"}, ExactlyOnceSupport.SUPPORTED),
        ({"mq.exactly.once.state.queue": "STATE", "tasks.max": "2"}, ExactlyOnceSupport.UNSUPPORTED),
    ],
)
def test_exactly_once_needs_a_state_queue_and_one_task(more, support):
    assert MqSourceConnector().exactly_once_support({**SOURCE, **more}) is support


@pytest.mark.parametrize(
    ("partition", "offset", "fine"),
    [
        ({"source": "QM1/Q1"}, {"sequence-id": 3}, True),
        ({"source": "QM1/Q1"}, None, True),
        ({"source": "QM1/Q1"}, {"sequence-id": -1}, False),
        ({"source": "QM1/Q1"}, {"sequence-id": "3"}, False),
        ({"source": "QM1/Q1"}, {}, False),
        ({"queue": "Q1"}, None, False),
    ],
)
def test_offsets_that_a_user_sets_are_numbers_of_batches(partition, offset, fine):
    made = MqSourceConnector()
    made.config = load(MqSourceConfig, SOURCE)
    if fine:
        assert made.alter_offsets(SOURCE, [(partition, offset)])
    else:
        with pytest.raises(ConfigError):
            made.alter_offsets(SOURCE, [(partition, offset)])


@pytest.mark.parametrize(("file", "config_class"), [("ibmmq-source", MqSourceConfig), ("ibmmq-sink", MqSinkConfig)])
def test_the_example_that_we_ship_is_right(file, config_class):
    assert load(config_class, properties.load(EXAMPLES / f"{file}.properties")).mq_queue_manager == "QM1"
