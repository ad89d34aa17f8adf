from __future__ import annotations

from linkspan.config.variables import missing_variables, worker_settings
from linkspan.config.worker import DistributedConfig


def test_a_variable_is_a_property_with_dots_underscores_and_dashes():
    assert worker_settings(
        {
            "CONNECT_BOOTSTRAP_SERVERS": "b:9092",
            "CONNECT_PRODUCER_SASL__X": "1",
            "CONNECT_A___B": "2",
            "CONNECT_LINKSPAN_DATA_DIR": "/data",
            "CONNECT_": "no name",
            "KAFKA_GROUP_ID": "not for us",
            "PATH": "/bin",
        }
    ) == {"a_b": "2", "bootstrap.servers": "b:9092", "linkspan.data.dir": "/data", "producer.sasl-x": "1"}


def test_variables_for_the_image_are_no_properties():
    names = ("LOG4J_ROOT_LOGLEVEL", "LOG4J_LOGGERS", "CUB_KAFKA_TIMEOUT", "PROPERTIES_DIR", "REST_PORT")
    assert worker_settings({f"CONNECT_{name}": "x" for name in names}) == {}


def test_every_key_of_a_worker_can_be_set_by_a_variable():
    keys = {key.name for key in DistributedConfig.keys}
    assert set(worker_settings({f"CONNECT_{key.upper().replace('.', '_')}": "x" for key in keys})) == keys


def test_what_is_missing_is_named_as_a_variable():
    given = {"bootstrap.servers": "b", "group.id": "g", "key.converter": "k", "value.converter": ""}
    assert missing_variables("distributed", given) == [
        "CONNECT_CONFIG_STORAGE_TOPIC",
        "CONNECT_OFFSET_STORAGE_TOPIC",
        "CONNECT_STATUS_STORAGE_TOPIC",
        "CONNECT_VALUE_CONVERTER",
    ]
    assert missing_variables("standalone", given) == ["CONNECT_VALUE_CONVERTER"]


def test_required_variables_are_the_required_keys_and_the_brokers():
    required = {key.name for key in DistributedConfig.keys if key.required} | {"bootstrap.servers"}
    missing = missing_variables("distributed", {})
    assert set(worker_settings(dict.fromkeys(missing, "x"))) == required
