"""Byte layouts of the group of workers, against what the original wrote and read (golden/group)."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api.errors import ConfigError, CorruptStateError
from linkspan.herder.protocol import (
    Assignment,
    WorkerState,
    decode_assignment,
    decode_worker_state,
    encode_assignment,
    encode_worker_state,
)

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "golden/group/original-4.3.1.jsonl").read_text("utf-8").splitlines()
]


def cases(op: str) -> list[Any]:
    return [pytest.param(case, id=str(n)) for n, case in enumerate(CASES) if case["op"] == op]


def assignment(told: dict[str, Any]) -> Assignment:
    items = {kind: tuple((name, number) for name, number in told[kind]) for kind in ("assigned", "revoked")}
    numbers = {key: told[key] for key in ("version", "error", "leader", "leader_url", "offset", "delay_ms")}
    return Assignment(**numbers, **items)


def connectors_first(one: Assignment) -> Assignment:
    """As the original reads it: connectors and tasks apart."""
    parts = [tuple(sorted(items, key=lambda item: item[1] != -1)) for items in (one.assigned, one.revoked)]
    told = (one.version, one.error, one.leader, one.leader_url, one.offset)
    return Assignment(*told, *parts, one.delay_ms)


@pytest.mark.parametrize("case", cases("write assignment"))
def test_assignments_are_the_bytes_of_the_original(case: dict[str, Any]) -> None:
    assert encode_assignment(assignment(case)).hex() == case["result"]
    assert decode_assignment(bytes.fromhex(case["result"])) == assignment(case)


@pytest.mark.parametrize("case", cases("write metadata"))
def test_join_metadata_is_the_bytes_of_the_original(case: dict[str, Any]) -> None:
    allocation = case["allocation"] and assignment(case["allocation"])
    state = WorkerState(case["url"], case["offset"], allocation)
    assert encode_worker_state(state, case["version"]).hex() == case["result"]


@pytest.mark.parametrize("case", cases("read assignment"))
def test_assignments_are_read_as_the_original_reads_them(case: dict[str, Any]) -> None:
    content = bytes.fromhex(case["hex"])
    if "error" in case:
        with pytest.raises(CorruptStateError, match=r"^An assignment of the group cannot be read: it"):
            decode_assignment(content)
    else:
        assert connectors_first(decode_assignment(content)) == assignment(case["result"])


@pytest.mark.parametrize("case", cases("read metadata"))
def test_join_metadata_is_read_as_the_original_reads_it(case: dict[str, Any]) -> None:
    content = bytes.fromhex(case["hex"])
    if "error" in case:
        with pytest.raises(CorruptStateError, match=r"^(Join metadata|An assignment) of .* cannot be read: it"):
            decode_worker_state(content)
        return
    state, result = decode_worker_state(content), case["result"]
    assert (state.url, state.offset) == (result["url"], result["offset"])
    read = state.allocation and connectors_first(state.allocation)
    assert read == (result["allocation"] and assignment(result["allocation"]))


def test_the_allocation_has_the_version_of_the_metadata_around_it() -> None:
    state = WorkerState("http://h", 1, Assignment(2, 0, "m", "u", 1, (("c", 0),)))
    read = decode_worker_state(encode_worker_state(state, 1))
    assert read.allocation is not None
    assert read.allocation.version == 1
    assert read.items == (("c", 0),)


def test_a_member_without_allocation_has_no_items() -> None:
    assert decode_worker_state(encode_worker_state(WorkerState("http://h", 1), 2)).items == ()


def test_empty_arrays_are_never_null() -> None:
    written = encode_assignment(Assignment(2, 0, "", "", 0))
    assert written[-12:] == bytes(12)


def test_a_connector_with_too_long_a_name_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"^The name of a connector has 40000 bytes, .* at most; shorten it: xxx"):
        encode_assignment(Assignment(2, 0, "m", "u", 1, (("x" * 40_000, 0),)))


items = st.lists(st.tuples(st.text(max_size=5), st.integers(-1, 2**31 - 1)), max_size=8, unique=True)


@given(items, items, st.sampled_from((0, 1, 2)))
def test_what_is_written_is_read_again(assigned: list[Any], revoked: list[Any], version: int) -> None:
    one = Assignment(version, 0, "m", "u", 5, tuple(assigned), tuple(revoked) if version else ())
    read = decode_assignment(encode_assignment(one))
    assert sorted(read.assigned) == sorted(one.assigned)
    assert sorted(read.revoked) == sorted(one.revoked)


@given(st.binary(max_size=80))
def test_no_bytes_make_a_reader_fail_in_another_way(content: bytes) -> None:
    for decode in (decode_assignment, decode_worker_state):
        with suppress(CorruptStateError):
            decode(content)
