from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api import Config, ConfigError, ConfigKey, ConfigType, Int, Secret
from linkspan.api.fields import Recommender
from linkspan.api.validators import at_least
from linkspan.config import render
from linkspan.config.connector import SINK_KEYS, SOURCE_KEYS
from linkspan.config.definition import ConfigDef, load, parse_value
from linkspan.config.worker import StandaloneConfig

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ConfigType.STRING, "  a b ", "a b"),
        (ConfigType.BOOLEAN, " TRUE ", True),
        (ConfigType.INT, " +5 ", 5),
        (ConfigType.SHORT, "-32768", -32768),
        (ConfigType.LONG, "9223372036854775807", 2**63 - 1),
        (ConfigType.DOUBLE, "1e3", 1000.0),
        (ConfigType.DOUBLE, "2.5f", 2.5),
        (ConfigType.LIST, " a , b ,c", ["a", "b", "c"]),
        (ConfigType.LIST, "a,", ["a", ""]),
        (ConfigType.LIST, " ", []),
        (ConfigType.PASSWORD, " x ", Secret("x")),
        (ConfigType.INT, None, None),
    ],
)
def test_texts_are_parsed_as_by_kafka(kind, text, value):
    assert parse_value("k", text, kind) == value


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (ConfigType.INT, "2147483648", "Not a number of type INT"),
        (ConfigType.INT, "1.0", "Not a number of type INT"),
        (ConfigType.INT, "", "Not a number of type INT"),
        (ConfigType.INT, "1_000", "Not a number of type INT"),
        (ConfigType.LONG, "9" * 5000, "Not a number of type LONG"),
        (ConfigType.SHORT, "40000", "Not a number of type SHORT"),
        (ConfigType.DOUBLE, "x", "Not a number of type DOUBLE"),
        (ConfigType.BOOLEAN, "yes", "Expected value to be either true or false"),
    ],
)
def test_malformed_texts_are_refused_in_kafkas_words(kind, text, reason):
    with pytest.raises(ConfigError) as caught:
        parse_value("k", text, kind)
    assert str(caught.value) == f"Invalid value {text} for configuration k: {reason}"


def test_missing_required_key_is_named():
    with pytest.raises(ConfigError, match='Missing required configuration "k" which has no default value'):
        ConfigDef([ConfigKey(name="k", type=ConfigType.STRING)]).parse({})


def test_validate_collects_every_error():
    definition = ConfigDef(
        [
            ConfigKey(name="a", type=ConfigType.INT, default=1, validator=at_least(1)),
            ConfigKey(name="b", type=ConfigType.STRING),
            ConfigKey(name="c", type=ConfigType.BOOLEAN, default=False),
        ]
    )
    values = {value.name: value for value in definition.validate({"a": "0", "c": "no"})}
    assert values["a"].errors == ["Invalid value 0 for configuration a: Value must be at least 1"]
    assert values["b"].errors == ['Missing required configuration "b" which has no default value.']
    assert values["c"].errors == ["Invalid value no for configuration c: Expected value to be either true or false"]
    assert values["c"].value is None


def test_older_name_of_a_key_is_read_when_the_key_is_absent():
    definition = ConfigDef([ConfigKey(name="new", type=ConfigType.INT, aliases=("old",))])
    assert definition.parse({"old": "1"}) == {"new": 1}
    assert definition.parse({"old": "1", "new": "2"}) == {"new": 2}


def test_embedded_definition_is_checked_under_its_prefix():
    inner = ConfigDef([ConfigKey(name="n", type=ConfigType.INT, validator=at_least(1), group="G", order=1)])
    outer = ConfigDef([]).embed("transforms.t.", "Transforms: t", 3, inner)
    assert outer.keys["transforms.t.n"].group == "Transforms: t: G"
    assert outer.keys["transforms.t.n"].order == 4
    (value,) = outer.validate({"transforms.t.n": "0"})
    assert value.errors == ["Invalid value 0 for configuration n: Value must be at least 1"]


def test_rule_between_keys_is_checked_when_loading():
    class Pair(Config):
        low = Int()
        high = Int()

        @classmethod
        def check(cls, config):
            return [] if config.low < config.high else [ConfigError("low must be below high", "low")]

    assert load(Pair, {"low": "1", "high": "2"}).high == 2
    with pytest.raises(ConfigError, match="low must be below high"):
        load(Pair, {"low": "2", "high": "1"})


@pytest.mark.parametrize(("keys", "plugin"), [(SOURCE_KEYS, "FileStreamSource"), (SINK_KEYS, "FileStreamSink")])
def test_framework_keys_are_rendered_byte_for_byte_like_the_original(keys, plugin):
    original = json.loads((GOLDEN / f"{plugin}-config.json").read_text())
    ours = {key.name: render.key_info(key) for key in keys}
    framework = [item for item in original if item["name"] in ours]
    assert [item["name"] for item in framework] == list(ours)
    for item in framework:
        if item["name"] == "connector.plugin.version":
            item["default_value"] = None  # the version of the plugin that was asked for
        assert json.dumps(ours[item["name"]]) == json.dumps(item)


def test_password_is_hidden_and_lists_are_joined():
    assert render.text_of(Secret("x"), ConfigType.PASSWORD) == "[hidden]"
    assert render.text_of(["a", "b"], ConfigType.LIST) == "a,b"
    assert render.text_of([], ConfigType.LIST) == ""
    assert render.text_of(None, ConfigType.STRING) is None
    assert render.text_of(True, ConfigType.BOOLEAN) == "true"


@given(st.integers(-(2**70), 2**70))
def test_every_int_of_32_bits_and_no_other_is_an_int(number):
    try:
        assert parse_value("k", str(number), ConfigType.INT) == number
        assert -(2**31) <= number < 2**31
    except ConfigError:
        assert not -(2**31) <= number < 2**31


WORKER = {"key.converter": "K", "value.converter": "V", "offset.storage.file.filename": "o"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"listeners": "localhost:8083"}, "Listener doesn't have the right format"),
        ({"listeners": "ftp://localhost:8083"}, 'Listener protocol must be either "http" or "https"'),
        ({"listeners": ""}, "at least one URL is expected"),
        ({"listeners": "http://localhost:99999"}, "Port 99999 is not between 0 and 65535"),
        ({"admin.listeners": "http://a:1,"}, "Empty URL found"),
        ({"metrics.num.samples": "0"}, "Value must be at least 1"),
        ({"plugin.discovery": "magic"}, "String must be one of \\(case insensitive\\)"),
        ({"response.http.headers.config": "put X:Y"}, "Invalid header config action"),
        ({"response.http.headers.config": "set X"}, "Invalid format of header name and header value"),
        ({"ssl.client.auth": "maybe"}, "String must be one of: required, requested, none"),
        ({"offset.flush.interval.ms": "soon"}, "Not a number of type LONG"),
        ({"plugin.path": "${file:/x:y}"}, "Config providers are not supported"),
    ],
)
def test_worker_file_with_a_wrong_value_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        load(StandaloneConfig, {**WORKER, **changes})


def test_worker_without_brokers_uses_the_embedded_log():
    assert load(StandaloneConfig, WORKER).embedded
    assert not load(StandaloneConfig, {**WORKER, "bootstrap.servers": "a:1"}).embedded


def test_header_rules_with_commas_are_quoted():
    load(
        StandaloneConfig, {**WORKER, "response.http.headers.config": 'set X-A:1, "add Cache-Control:no-cache, private"'}
    )


class _Formats(Recommender):
    def valid_values(self, name, parsed):
        return [f"{name} of {parsed['kind']}"]

    def is_visible(self, name, parsed):
        return parsed == {"kind": "file", name: ""}


def test_recommenders_of_embedded_keys_see_their_own_names():
    inner = ConfigDef(
        [
            ConfigKey(name="kind", type=ConfigType.STRING, dependents=("format",)),
            ConfigKey(name="format", type=ConfigType.STRING, default="", recommender=_Formats()),
        ]
    )
    outer = ConfigDef([ConfigKey(name="kind", type=ConfigType.STRING)]).embed("t.a.", "T: a", 0, inner)
    *_, found = outer.validate({"kind": "outer", "t.a.kind": "file"})
    assert (found.name, found.recommended_values, found.visible) == ("t.a.format", ["format of file"], True)
    assert outer.keys["t.a.kind"].dependents == ("t.a.format",)
