"""Records of the topic: read as other registries write them, written byte for byte as they do."""

from __future__ import annotations

import json

import pytest

from linkspan.api.errors import CorruptStateError
from linkspan.log.port import TableRecord
from linkspan.registry.records import Key, Kind, key_bytes, parse_key, value_bytes
from linkspan.registry.state import Reference, Registered, State, fingerprint


def table(*records: tuple[str, object]) -> State:
    state = State()
    taken = [
        TableRecord(key.encode(), None if value is None else json.dumps(value).encode(), 0, place, 0)
        for place, (key, value) in enumerate(records)
    ]
    state.take(taken)
    return state


def schema(subject: str, version: int, number: int, text: str = '"int"', **more: object) -> tuple[str, object]:
    key = f'{{"keytype":"SCHEMA","subject":"{subject}","version":{version},"magic":1}}'
    return key, {"subject": subject, "version": version, "id": number, "schema": text, "deleted": False, **more}


@pytest.mark.parametrize(
    ("key", "written"),
    [
        (Key(Kind.SCHEMA, "s", 1), b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}'),
        (Key(Kind.CONFIG), b'{"keytype":"CONFIG","magic":0}'),
        (Key(Kind.CONFIG, "s"), b'{"keytype":"CONFIG","subject":"s","magic":0}'),
        (Key(Kind.MODE, "s"), b'{"keytype":"MODE","subject":"s","magic":0}'),
        (Key(Kind.DELETE_SUBJECT, "s"), b'{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}'),
        (Key(Kind.CONTEXT, ".c"), b'{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}'),
        (Key(Kind.NOOP), b'{"keytype":"NOOP","magic":0}'),
    ],
)
def test_keys_are_written_as_confluents_registry_writes_them(key: Key, written: bytes) -> None:
    assert key_bytes(key) == written
    assert parse_key(written) == key


def test_values_are_written_in_the_known_order() -> None:
    plain = Registered("s", 1, 7, '"int"')
    assert value_bytes(plain.value()) == b'{"subject":"s","version":1,"id":7,"schema":"\\"int\\"","deleted":false}'
    full = Registered("s", 2, 8, "{}", "JSON", (Reference("n", "r", 1),), {"properties": {"a": "b"}}, deleted=True)
    assert value_bytes(full.value()) == (
        b'{"subject":"s","version":2,"id":8,"schemaType":"JSON","references":[{"name":"n","subject":"r","version":1}],'
        b'"metadata":{"properties":{"a":"b"}},"schema":"{}","deleted":true}'
    )


def test_keys_of_older_writers_are_understood_and_kept() -> None:
    old = '{"subject":"s","version":1,"magic":1,"keytype":"SCHEMA"}'
    state = table(
        (old, schema("s", 1, 1)[1]), ('{"keytype":"CONFIG","subject":null,"magic":0}', {"compatibilityLevel": "FULL"})
    )
    assert state.configs == {None: {"compatibilityLevel": "FULL"}}
    assert state.spelling(Key(Kind.SCHEMA, "s", 1)) == old.encode()
    assert state.spelling(Key(Kind.SCHEMA, "s", 2)) == key_bytes(Key(Kind.SCHEMA, "s", 2))


def test_of_two_schemas_with_one_id_the_first_counts() -> None:
    state = table(schema("a", 1, 1, '"int"'), schema("b", 1, 1, '"long"'), schema("c", 1, 1, '"int"'))
    assert sorted(state.subjects) == ["a", "c"]


def test_records_that_no_registry_writes_are_skipped(caplog: pytest.LogCaptureFixture) -> None:
    state = table(
        ("nonsense", {}),
        ('{"keytype":"NEWER","magic":0}', {}),
        schema("b", 1, 2, metadata=7),
        schema("b", 1, 2, '"half a character: \ud800"'),
        schema("b", 1, 2, references=[{"name": "n", "subject": "s", "version": 2**40}]),
        schema("b", 1, 2, schemaType=["AVRO"]),
        ('{"keytype":"CONFIG","magic":0}', {"defaultMetadata": 7}),
        ('{"keytype":"CONFIG","magic":0}', {"compatibilityLevel": "SOME"}),
        ('{"keytype":"MODE","magic":0}', {"mode": "SOME"}),
        ('{"keytype":"MODE","subject":"a","magic":0}', {"mode": None}),
        schema("a", 1, 1),
    )
    assert (list(state.subjects), state.configs, state.modes) == (["a"], {}, {})
    assert "Offset 7 is skipped: it sets the level 'SOME', which there is not" in caplog.text
    assert "Offset 8 is skipped: it sets the mode 'SOME', which there is not" in caplog.text
    assert "Offset 0 is skipped: The key of a record is not JSON" in caplog.text
    with pytest.raises(CorruptStateError):
        parse_key(b'{"keytype":"SCHEMA","subject":"s","version":"1"}')


def test_a_soft_deletion_hides_versions_and_a_tombstone_forgets_them() -> None:
    key = '{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}'
    state = table(schema("s", 1, 1), schema("s", 2, 2, '"long"'), (key, {"subject": "s", "version": 1}))
    assert [each.version for each in state.versions("s")] == [2]
    assert [each.version for each in state.versions("s", deleted=True)] == [1, 2]
    state.take([TableRecord(schema("s", 1, 1)[0].encode(), None, 0, 9, 0)])
    assert [each.version for each in state.versions("s", deleted=True)] == [2]
    assert state.of_id(".", 1) is None
    assert state.id_of(".", fingerprint('"int"')) is None
    assert state.next_id(".") == 3


def test_ids_belong_to_a_context() -> None:
    state = table(schema("s", 1, 1), schema(":.c:s", 1, 1, '"long"'))
    assert state.contexts() == [".", ".c"]
    assert [state.of_id(context, 1) is not None for context in (".", ".c", ".d")] == [True, True, False]


def test_referrers_are_known_until_they_are_forgotten() -> None:
    reference = [{"name": "N", "subject": "part", "version": 1}]
    state = table(schema("part", 1, 1), schema("whole", 1, 2, '"N"', references=reference))
    assert [each.subject for each in state.referrers("part", 1, deleted=False)] == ["whole"]
    state.take([TableRecord(schema("whole", 1, 2)[0].encode(), None, 0, 9, 0)])
    assert state.referrers("part", 1, deleted=True) == []


def test_a_version_that_refers_to_something_else_by_now_does_not_hold_what_it_referred_to() -> None:
    refers = [{"name": "n", "subject": "a", "version": 1}]
    state = table(schema("a", 1, 1), schema("b", 1, 2, '"long"', references=refers), schema("b", 1, 2, '"long"'))
    assert state.referrers("a", 1, deleted=True) == []
