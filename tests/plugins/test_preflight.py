from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from linkspan.api import ConfigError, ConnectError, PluginError
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.discovery import scan
from linkspan.plugins.preflight import validate_connector

GOLDEN = json.loads((Path(__file__).parent / "golden" / "validate.json").read_text("utf-8"))
JSON = "org.apache.kafka.connect.json.JsonConverter"
WORKER = {"key.converter": JSON, "value.converter": JSON}
SAMPLES = "tests.plugins.sample_plugins"
TICKER = {"name": "t", "connector.class": "TickerSource", "topic": "ticks"}
SINK = {"name": "k", "connector.class": "TickerSink", "topics": "t"}


@pytest.fixture(scope="module")
def original() -> Catalog:
    """Plugins of the original worker: ours under its version."""
    known = (info for info in scan() if info.class_name.startswith("org.apache.kafka.connect."))
    return Catalog(replace(info, version="4.3.1") for info in known)


@pytest.fixture
def catalog() -> Catalog:
    samples = [
        PluginInfo("source", f"{SAMPLES}.TickerSourceConnector", f"{SAMPLES}:TickerSourceConnector", "1.5.0"),
        PluginInfo("sink", f"{SAMPLES}.TickerSinkConnector", f"{SAMPLES}:TickerSinkConnector"),
        PluginInfo("source", f"{SAMPLES}.Unborn", f"{SAMPLES}:Unborn"),
        PluginInfo("source", "broken.Connector1", "broken:Connector1", error="the Python module x is missing"),
        PluginInfo("converter", "broken.XmlConverter", "broken:XmlConverter", error="the Python module y is missing"),
    ]
    return Catalog([*scan(), *samples])


def errors_of(infos: dict) -> dict[str, list[str]]:
    return {entry["value"]["name"]: entry["value"]["errors"] for entry in infos["configs"] if entry["value"]["errors"]}


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["case"])
def test_answers_are_those_of_the_original(original, case):
    infos = validate_connector(original, case["config"], worker=WORKER)
    expected = []
    for name, definition, value, recommended, errors, visible in case["configs"]:
        value_info = {
            "name": name,
            "value": value,
            "recommended_values": GOLDEN["recommended"][recommended],
            "errors": errors,
            "visible": visible,
        }
        key_info = None if definition is None else GOLDEN["definitions"][definition]
        expected.append({"definition": key_info, "value": value_info})
    for entry in infos["configs"]:
        if entry["definition"] is not None and ".override." in entry["definition"]["name"]:
            entry["definition"]["documentation"] = None
    # As text, so that the order of the fields counts too.
    assert [json.dumps(entry) for entry in infos["configs"]] == [json.dumps(entry) for entry in expected]
    assert list(infos) == ["name", "error_count", "groups", "configs"]
    assert {key: infos[key] for key in ("name", "error_count", "groups")} == {
        key: case[key] for key in ("name", "error_count", "groups")
    }


def test_without_a_class_nothing_can_be_checked(catalog):
    with pytest.raises(ConfigError) as caught:
        validate_connector(catalog, {"name": "x", "topic": None}, worker=WORKER)
    assert caught.value.message == "Connector config {name, topic} contains no connector type"


def test_an_unknown_class_lists_those_there_are(catalog):
    with pytest.raises(ConfigError, match="which name matches Nope, available connectors are: ") as caught:
        validate_connector(catalog, {"connector.class": "Nope"}, worker=WORKER)
    assert caught.value.key == "connector.class"
    assert "org.apache.kafka.connect.file.FileStreamSinkConnector (sink, version " in caught.value.message
    assert "broken.Connector1" in caught.value.message


def test_a_broken_connector_says_what_is_missing(catalog):
    with pytest.raises(ConfigError, match=r"broken\.Connector1 cannot be used: the Python module x is missing"):
        validate_connector(catalog, {"connector.class": "Connector1"}, worker=WORKER)


def test_a_constructor_that_raises_is_the_plugins_fault(catalog):
    with pytest.raises(PluginError, match="cannot be created: RuntimeError: no") as caught:
        validate_connector(catalog, {"connector.class": "Unborn"}, worker=WORKER)
    assert "in __init__" in caught.value.trace


def test_a_broken_converter_is_an_error_of_its_key(catalog):
    infos = validate_connector(catalog, TICKER | {"key.converter": "XmlConverter"}, worker=WORKER)
    reason = "Class XmlConverter cannot be used: the Python module y is missing"
    assert errors_of(infos) == {
        "key.converter": [f"Invalid value XmlConverter for configuration key.converter: {reason}"]
    }


def test_keys_that_nobody_defines_pass_and_do_not_appear(catalog):
    infos = validate_connector(catalog, TICKER | {"strange": "1"}, worker=WORKER)
    assert infos["error_count"] == 0
    assert "strange" not in {entry["value"]["name"] for entry in infos["configs"]}


def test_rules_between_keys_are_errors_of_these_keys(catalog):
    infos = validate_connector(catalog, TICKER | {"low": "5", "high": "4"}, worker=WORKER)
    assert errors_of(infos) == {"low": ["low is above high"], "high": ["high is below low"]}
    assert infos["error_count"] == 2


def test_rules_between_keys_wait_until_every_key_is_fine(catalog):
    infos = validate_connector(catalog, TICKER | {"low": "-5", "high": "-6"}, worker=WORKER)
    assert errors_of(infos) == {"low": ["Invalid value -5 for configuration low: Value must be at least 0"]}


@pytest.mark.parametrize(
    ("behaviour", "errors"),
    [
        ("unknown topic", {"topic": ["there is no such topic"], "connector.class": ["and no server either"]}),
        ("raises ConfigError", {"topic": ["raised"]}),
        ("framework", {"tasks.max": ["one task only"], "strange": ["never heard of it"]}),
    ],
)
def test_what_the_connector_finds_is_merged_onto_its_keys(catalog, behaviour, errors):
    infos = validate_connector(catalog, TICKER | {"behaviour": behaviour}, worker=WORKER)
    assert errors_of(infos) == errors


def test_other_errors_of_the_connector_are_not_hidden(catalog):
    with pytest.raises(ConnectError, match="the server went away"):
        validate_connector(catalog, TICKER | {"behaviour": "raises"}, worker=WORKER)


@pytest.mark.parametrize("pattern", ["a(", "a{2,1}", r"\p{Foo}"])
def test_a_pattern_that_cannot_be_translated_is_refused(catalog, pattern):
    config = {"name": "k", "connector.class": "TickerSink", "topics.regex": pattern}
    found = errors_of(validate_connector(catalog, config, worker=WORKER))
    assert list(found) == ["topics.regex"]
    assert found["topics.regex"][0].startswith(
        f"Invalid value {pattern} for configuration topics.regex: Invalid regex: "
    )


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ({}, []),
        ({"connector.client.config.override.policy": "None"}, ["client.id", "security.protocol"]),
        ({"connector.client.config.override.policy": "Principal"}, ["client.id"]),
        (
            {
                "connector.client.config.override.policy": "Allowlist",
                "connector.client.config.override.allowlist": "client.id",
            },
            ["security.protocol"],
        ),
    ],
)
def test_the_workers_policy_judges_overrides(catalog, policy, refused):
    overrides = {"consumer.override.client.id": "me", "consumer.override.security.protocol": "SSL"}
    infos = validate_connector(catalog, SINK | overrides, worker=WORKER | policy)
    name = policy.get("connector.client.config.override.policy")
    assert errors_of(infos) == {
        f"consumer.override.{key}": [
            f"The '{name}' policy does not allow '{key}' to be overridden in the connector configuration."
        ]
        for key in refused
    }


def test_an_assignor_that_our_client_lacks_is_the_callers_mistake(catalog):
    key = "consumer.override.partition.assignment.strategy"
    infos = validate_connector(catalog, SINK | {key: "org.apache.kafka.clients.consumer.StickyAssignor"}, worker=WORKER)
    assert infos["error_count"] == 1
    ((name, (error,)),) = errors_of(infos).items()
    assert name == key
    assert "StickyAssignor has no counterpart here" in error
    fine = SINK | {key: "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"}
    assert errors_of(validate_connector(catalog, fine, worker=WORKER)) == {}


def test_passwords_of_overrides_are_hidden(catalog):
    overrides = {"consumer.override.sasl.jaas.config": "secret", "consumer.override.ssl.key.password": "secret"}
    infos = validate_connector(catalog, SINK | overrides, worker=WORKER)
    values = {entry["value"]["name"]: entry["value"]["value"] for entry in infos["configs"]}
    assert values["consumer.override.sasl.jaas.config"] == "[hidden]"
    assert "secret" not in json.dumps(infos)


def test_a_malformed_override_is_the_callers_mistake(catalog):
    with pytest.raises(ConfigError) as caught:
        validate_connector(catalog, SINK | {"consumer.override.max.poll.records": "x"}, worker=WORKER)
    assert caught.value.message == (
        "Invalid value x for configuration consumer.override.max.poll.records: Not a number of type INT"
    )


def test_a_version_that_cannot_be_understood_is_the_callers_mistake(catalog):
    with pytest.raises(ConfigError, match=r"Invalid value \[1 for configuration connector.plugin.version"):
        validate_connector(catalog, TICKER | {"connector.plugin.version": "[1"}, worker=WORKER)


def test_a_range_that_holds_the_version_is_fine(catalog):
    infos = validate_connector(catalog, TICKER | {"connector.plugin.version": "[1.0,2.0)"}, worker=WORKER)
    assert infos["error_count"] == 0


@pytest.mark.parametrize(
    ("text", "error"),
    [("abc", "Not a number of type LONG"), ("-1", "Value must be at least 0"), (" 5 ", None), ("0", None)],
)
def test_a_key_of_ours_is_checked_but_shown_only_when_it_is_wrong(catalog, text, error):
    key = "linkspan.task.call.timeout.ms"
    infos = validate_connector(catalog, {**SINK, key: text}, worker=WORKER)
    shown = {entry["value"]["name"]: entry["value"]["errors"] for entry in infos["configs"]}
    if error is None:
        assert (infos["error_count"], key in shown) == (0, False)
    else:
        assert infos["error_count"] == 1
        assert shown[key] == [f"Invalid value {text} for configuration {key}: {error}"]


@pytest.mark.parametrize(("text", "error"), [("many", "Not a number of type SHORT"), ("1", None)])
def test_a_source_has_a_dead_letter_queue_whose_keys_are_shown_only_when_they_are_wrong(catalog, text, error):
    key = "errors.deadletterqueue.topic.replication.factor"
    queue = {"errors.deadletterqueue.topic.name": "dlq", key: text}
    infos = validate_connector(catalog, {**TICKER, **queue}, worker=WORKER)
    shown = {entry["value"]["name"]: entry["value"]["errors"] for entry in infos["configs"]}
    assert "errors.deadletterqueue.topic.name" not in shown
    assert shown.get(key) == (error and [f"Invalid value {text} for configuration {key}: {error}"])


TRANSFORMS = "org.apache.kafka.connect.transforms."


def test_negate_wants_a_predicate(catalog):
    chain = {"transforms": "a", "transforms.a.type": "Filter", "transforms.a.negate": "true"}
    errors = errors_of(validate_connector(catalog, {**TICKER, **chain}, worker=WORKER))
    text = "Config 'transforms.a.negate' was provided but there is no config 'transforms.a.predicate'"
    assert errors == {"transforms.a.type": [f"{text} defining a predicate to be negated."]}


def test_a_transform_of_both_sides_is_named_with_one(catalog):
    chain = {"transforms": "a", "transforms.a.type": f"{TRANSFORMS}Cast"}
    infos = validate_connector(catalog, {**TICKER, **chain}, worker=WORKER)
    assert errors_of(infos) == {
        "transforms.a.type": [
            f"This class is abstract and cannot be created. Did you mean {TRANSFORMS}Cast$Key, {TRANSFORMS}Cast$Value?"
        ]
    }
    values = {entry["value"]["name"]: entry["value"]["value"] for entry in infos["configs"]}
    assert values["transforms.a.type"] == f"{TRANSFORMS}Cast"


def test_only_the_type_of_an_alias_is_a_class(catalog):
    chain = {
        "transforms": "a",
        "transforms.a.type": f"{TRANSFORMS}TimestampConverter$Value",
        "transforms.a.target.type": "unix",
    }
    infos = validate_connector(catalog, {**TICKER, **chain}, worker=WORKER)
    values = {entry["value"]["name"]: entry["value"]["value"] for entry in infos["configs"]}
    assert values["transforms.a.target.type"] == "unix"
    assert errors_of(infos) == {}
