"""Java's assignors under the names of librdkafka."""

from __future__ import annotations

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config.assignors import assignors

PACKAGE = "org.apache.kafka.clients.consumer."


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"{PACKAGE}RangeAssignor", "range"),
        (f"class {PACKAGE}RoundRobinAssignor", "roundrobin"),
        ("CooperativeStickyAssignor", "cooperative-sticky"),
        ("range, roundrobin", "range,roundrobin"),
        (f"[class {PACKAGE}RangeAssignor, class {PACKAGE}CooperativeStickyAssignor]", "range"),
    ],
)
def test_class_names_become_names_of_protocols(text, names):
    assert assignors(text) == names


@pytest.mark.parametrize("other", [f"{PACKAGE}StickyAssignor", "org.example.Own", "", "sticky"])
def test_one_that_the_library_lacks_is_refused_whatever_else_is_named(other):
    text = f"{PACKAGE}RangeAssignor,{other}"
    with pytest.raises(ConfigError, match=other or "an empty name") as raised:
        assignors(text, "consumer.override.partition.assignment.strategy")
    assert raised.value.key == "consumer.override.partition.assignment.strategy"
