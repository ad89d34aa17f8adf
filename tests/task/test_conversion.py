from __future__ import annotations

from linkspan.api import Column, Converter, Header, Headers, Schema, SchemaAndValue
from linkspan.task.conversion import SeenHeaders, written


class Tagging(Converter):
    """Puts the first header in front of a value."""

    def from_connect(self, topic: str, schema: Schema | None, value: object, headers: Headers | None = None) -> bytes:  # noqa: ARG002 - the contract
        tag = headers[0].value if headers else b"-"
        assert isinstance(tag, bytes)
        return tag + str(value).encode()

    def to_connect(self, topic: str, payload: bytes | None, headers: Headers | None = None) -> SchemaAndValue:  # noqa: ARG002 - the contract
        return SchemaAndValue(None, payload)


def test_a_converter_sees_the_headers_of_each_record_as_they_are_on_the_wire() -> None:
    seen = SeenHeaders([[("a", b"1"), ("b", None)], None, [], [("a", b"2")]])
    assert written(Tagging(), "t", Column(["x", "y", "z", "w"]), seen, {}) == [b"1x", b"-y", b"-z", b"2w"]
    assert seen[0] == Headers([Header("a", b"1"), Header("b", None)])
    assert [list(each or ()) for each in seen[2:]] == [[], [Header("a", b"2")]]
    assert (len(seen), bool(SeenHeaders([]))) == (4, False)
