"""Inputs for WorkerGroup.java, one JSON line a case (see README.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

# Lists of one connector each, since the original writes several in no certain order.
NOTHING: list[list[Any]] = []
SHARES = (NOTHING, [["c", -1]], [["c", 0], ["c", 7]], [["Größe 😀", -1], ["Größe 😀", 2]])
HEADER = "0001"
EMPTY_STRING = "0000"


def assignment(version: int, assigned: list[list[Any]], revoked: list[list[Any]], **more: Any) -> dict[str, Any]:
    told = {"version": version, "error": 0, "leader": "worker-1", "leader_url": "http://h1:8083/", "offset": 42}
    return {**told, "assigned": assigned, "revoked": revoked, "delay_ms": 0, **more}


def written() -> Iterator[dict[str, Any]]:
    for version in (0, 1, 2):
        for assigned in SHARES:
            for revoked in SHARES if version else (NOTHING,):
                yield {"op": "write assignment", **assignment(version, assigned, revoked)}
        yield {"op": "write assignment", **assignment(version, NOTHING, NOTHING, error=1, offset=-1, leader="")}
    for version in (1, 2):
        yield {"op": "write assignment", **assignment(version, NOTHING, NOTHING, delay_ms=300_000)}
    for version in (0, 1, 2):
        for allocation in (None, *(assignment(2, share, NOTHING) for share in SHARES)):
            state = {"version": version, "url": "http://h2:8083/", "offset": 2**40}
            yield {"op": "write metadata", **state, "allocation": allocation}


def read() -> Iterator[dict[str, Any]]:
    offset = "000000000000002a"
    start = "0000" + EMPTY_STRING * 2 + offset
    one = "00000001" + "000163" + "00000002" + "ffffffff" + "00000003"
    for version in ("0000", "0001", "0002", "0009", "ffff"):
        for tail in (one + one + "00000028", one + one, one, "", "ffffffff" * 2 + "00000000", one + one + "00000028ab"):
            yield {"op": "read assignment", "hex": version + start + tail}
        nested = "0002" + start + one
        for allocation in ("", "ffffffff", f"{len(nested) // 2:08x}{nested}"):
            yield {"op": "read metadata", "hex": version + "000168" + offset + allocation}
    whole = "0001" + start + one + one + "00000028"
    for end in range(0, len(whole), 2):
        yield {"op": "read assignment", "hex": whole[:end]}
    whole = "0001" + "000168" + offset + f"{len(whole) // 2:08x}{whole}"
    for end in range(0, 40, 2):
        yield {"op": "read metadata", "hex": whole[:end]}
    # sizes that cannot be: of a text, an array, the tasks of a connector, an allocation
    yield {"op": "read metadata", "hex": "0001" + "ffff" + offset}
    yield {"op": "read metadata", "hex": "0001" + "7fff68" + offset}
    yield {"op": "read metadata", "hex": "0001" + "000168" + offset + "7fffffff"}
    yield {"op": "read metadata", "hex": "0001" + "000168" + offset + "fffffff0"}
    yield {"op": "read assignment", "hex": "0001" + start + "7fffffff"}
    yield {"op": "read assignment", "hex": "0001" + start + "fffffff0"}
    yield {"op": "read assignment", "hex": "0001" + start + "00000001" + "000163" + "ffffffff"}
    yield {"op": "read assignment", "hex": "0001" + start + "00000001" + "000163" + "7fffffff"}
    # a text that is no UTF-8
    yield {"op": "read metadata", "hex": "0001" + "000368ff69" + offset}


if __name__ == "__main__":
    for case in (*written(), *read()):
        print(json.dumps(case))
