"""Login configuration files of Java."""

from __future__ import annotations

import pytest

from linkspan.config.jaas import JaasSyntaxError, parse_contexts

FILE = """
// who may call
KafkaConnect {
  org.example.First required
    file="/etc/{a};b//c \\"d\\"" debug=true;
  org.example.Second sufficient /* no options */;
};
other { };
"""


def test_contexts_hold_their_modules_in_order() -> None:
    assert parse_contexts(FILE) == {
        "KafkaConnect": [
            ("org.example.First", {"file": '/etc/{a};b//c "d"', "debug": "true"}),
            ("org.example.Second", {}),
        ],
        "other": [],
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("KafkaConnect {", "at its begin"),
        ("KafkaConnect { a.B required; }", "at its begin"),
        ("A { }; B", "after context 'A'"),
        ('A { a.B required pw="secret" };', "semicolon of a login module"),
        ('A { a.B sometimes pw="secret"; };', "control flag"),
        ('A { a.B required pw "secret"; };', "after the control flag"),
    ],
)
def test_other_texts_are_refused_without_repeating_them(text: str, reason: str) -> None:
    with pytest.raises(JaasSyntaxError, match=reason) as raised:
        parse_contexts(text)
    assert "secret" not in str(raised.value)
