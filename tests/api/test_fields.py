from __future__ import annotations

import pytest

from linkspan.api import HIGH, Config, ConfigError, ConfigType, Duration, Int, Password, Secret, Str
from linkspan.api.validators import at_least, between, non_empty, one_of, one_of_ignoring_case


class Common(Config):
    url = Str(importance=HIGH)
    retries = Int(default=3)


class Special(Common):
    poll_interval_ms = Duration(default=100)
    retries = Int(default=9)
    secret = Password("api.secret", default="none")


def test_attribute_name_becomes_the_key_unless_one_is_given():
    assert [key.name for key in Special.keys] == ["url", "retries", "poll.interval.ms", "api.secret"]


def test_subclass_replaces_an_inherited_key_in_its_place():
    assert [key.default for key in Special.keys if key.name == "retries"] == [9]
    assert [key.default for key in Common.keys if key.name == "retries"] == [3]


def test_key_without_default_is_required():
    assert [key.name for key in Special.keys if key.required] == ["url"]


def test_values_are_read_as_attributes_and_submitted_keys_are_kept():
    config = Special(
        {"url": "u", "retries": 1, "poll.interval.ms": 5, "api.secret": Secret("s")}, {"url": "u", "x.y": "1"}
    )
    assert (config.url, config.retries, config.poll_interval_ms) == ("u", 1, 5)
    assert config.with_prefix("x.") == {"y": "1"}


def test_duration_is_a_long_for_kafka():
    assert Special.keys[2].type is ConfigType.LONG


def test_secret_never_shows_its_text():
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret == Secret("hunter2")


@pytest.mark.parametrize(
    ("validator", "value", "message"),
    [
        (at_least(1), 0, "Invalid value 0 for configuration k: Value must be at least 1"),
        (at_least(1), None, "Invalid value null for configuration k: Value must be non-null"),
        (between(0, 5), 6, "Invalid value 6 for configuration k: Value must be no more than 5"),
        (one_of("a", "b"), "c", "Invalid value c for configuration k: String must be one of: a, b"),
        (one_of_ignoring_case("a"), "b", r"String must be one of \(case insensitive\): A"),
        (non_empty, "", "Invalid value  for configuration k: String must be non-empty"),
    ],
)
def test_validators_speak_as_kafka_does(validator, value, message):
    with pytest.raises(ConfigError, match=message) as caught:
        validator("k", value)
    assert caught.value.key == "k"


def test_validators_accept_what_fits():
    at_least(1)("k", 1)
    between(0, 5)("k", 5)
    one_of("a", None)("k", None)
    one_of_ignoring_case("a")("k", "A")
    non_empty("k", None)
