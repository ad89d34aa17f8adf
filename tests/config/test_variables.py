from __future__ import annotations

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config.references import resolved
from linkspan.config.variables import missing_variables, worker_settings
from linkspan.config.worker import DistributedConfig

KAFKA = "org.apache.kafka.common.config.provider."


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


@pytest.fixture
def providers(tmp_path):
    (tmp_path / "rack").write_text("r1")
    (tmp_path / "p.properties").write_text("user=u\\u00e4\npassword=geheim\n")
    return {
        "config.providers": "env, dir,file",
        "config.providers.env.class": f"{KAFKA}EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": "HOST.*",
        "config.providers.dir.class": f"{KAFKA}DirectoryConfigProvider",
        "config.providers.dir.param.allowed.paths": str(tmp_path),
        "config.providers.file.class": f"{KAFKA}FileConfigProvider",
    }


def test_references_are_replaced_and_their_providers_go(providers, tmp_path):
    text = f"${{env:HOST}}, ${{dir:{tmp_path}:rack}}, ${{file:{tmp_path}/p.properties:user}}"
    assert resolved({"a": text, "b": "plain", **providers}, {"HOST": "h"}) == {"a": "h, r1, uä", "b": "plain"}


@pytest.mark.parametrize(
    "text",
    [
        *("${env:HOSTLESS}", "${env:PATH}", "${env:x:HOST}", "${dir:/etc:hostname}", "${dir:{}:gone}"),
        *("${dir:{}/..:x}", "${file:{}/p.properties:gone}", "${file::user}", "${other:x}", "$HOST", "${HOST}"),
    ],
)
def test_what_no_provider_knows_stays(providers, tmp_path, text):
    text = text.replace("{}", str(tmp_path))
    assert resolved({"a": text, **providers}, {"HOST": "h", "PATH": "/bin"}) == {"a": text}


def test_plugin_path_takes_no_references(providers):
    assert resolved({"plugin.path": "${env:HOST}", **providers}, {"HOST": "h"}) == {"plugin.path": "${env:HOST}"}


def test_a_class_that_is_not_there_matters_only_where_it_is_used():
    lacking = {"config.providers": "s", "config.providers.s.class": "com.example.Secrets"}
    assert resolved({"a": "${t:b}", **lacking}, {}) == {"a": "${t:b}"}
    with pytest.raises(ConfigError, match=r"^a refers to config provider s, whose class 'com.example.Secrets' is not"):
        resolved({"a": "${s:ns/name:key}", **lacking}, {})


def test_a_file_that_cannot_be_read_is_named(providers, tmp_path):
    with pytest.raises(ConfigError, match=r"Could not read properties from file .*/gone"):
        resolved({"a": f"${{file:{tmp_path}/gone:x}}", **providers}, {})
