"""Source offsets as they are stored, whether in a file or in a topic: JSON texts as Java writes them (spec 2.5, 7.3).

Keys are ``["<connector>",{<partition>}]``. Java compares their bytes, and their order of members is an accident of its
maps; so a key is found by decoded equality, and what is known under some bytes is written under the same bytes again.
"""

from __future__ import annotations

import base64
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, cast

import orjson

from linkspan.api.errors import ConnectError, DataError
from linkspan.api.text import double_text
from linkspan.convert.java_json import dump

__all__ = ["OffsetEntries", "SourceOffset", "check_storable", "offset_text"]

log = logging.getLogger(__name__)

SourceOffset = tuple[dict[str, object], dict[str, object] | None]
"""A source partition and its offset; None forgets the partition."""

_WHOLE: Final = range(-(2**63), 2**63)
_UNSEEN: Final = -1
_SHOWN: Final = 200
"""Bytes of a key that stand in a log line."""


class _Stored(NamedTuple):
    stamp: int
    value: bytes | None


class OffsetEntries:
    """What is known of the stored offsets.

    Args:
        where: they are stored, for messages: ``topic connect-offsets``.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        # connector → meaning of a partition → each spelling of its key
        self._known: dict[str, dict[bytes, dict[bytes, _Stored]]] = {}

    def take(self, key: bytes | None, value: bytes | None, stamp: int = 0) -> None:
        """Learn what is stored; of two spellings of one key the younger counts.

        Args:
            key: as stored.
            value: as stored; None when the partition is forgotten.
            stamp: when it was written.
        """
        address = _address(key)
        if key is None or address is None:
            shown = (key or b"")[:_SHOWN]
            log.warning("Left out an entry of %s whose key is not [connector, {partition}]: %r", self._where, shown)
            return
        connector, meaning = address
        spellings = self._known.setdefault(connector, {}).setdefault(meaning, {})
        spellings.pop(key, None)  # the last one stays behind the others
        spellings[key] = _Stored(stamp, value)

    def get(self, connector: str, partition: Mapping[str, object]) -> dict[str, object] | None:
        """Offset of a partition; None if it has none, as is the case for what cannot be stored."""
        try:
            meaning = _meaning(orjson.loads(_map_text("partitions", partition)))
        except ConnectError as error:
            log.error("No offset is found for a partition of connector %s: %s", connector, error.message)  # noqa: TRY400
            return None
        spellings = self._known.get(connector, {}).get(meaning)
        return self._offset(connector, _current(spellings)[1].value) if spellings else None

    def all(self, connector: str) -> list[tuple[dict[str, object], dict[str, object]]]:
        """Every partition of a connector that has an offset."""
        found = []
        for spellings in self._known.get(connector, {}).values():
            key, stored = _current(spellings)
            offset = self._offset(connector, stored.value)
            if offset is not None:
                found.append((cast("dict[str, object]", orjson.loads(key)[1]), offset))
        return found

    def key(self, connector: str, partition: Mapping[str, object]) -> bytes:
        """Key under which an offset of a partition is to be stored.

        Raises:
            ConnectError: this is nothing that can be stored.
        """
        ((key, _),) = self.changes(connector, [(dict(partition), {})]).items()
        return key

    def changes(self, connector: str, offsets: Sequence[SourceOffset]) -> dict[bytes, bytes | None]:
        """Keys and values to store.

        A partition that is forgotten is so under every spelling of its key, or the oldest would come back.

        Raises:
            ConnectError: this is nothing that can be stored.
        """
        found: dict[bytes, bytes | None] = {}
        for partition, offset in offsets:
            text = _map_text("partitions", partition)
            value = None if offset is None else _map_text("offsets", offset).encode()
            fresh = f"[{_quoted(connector)},{text}]".encode()
            spellings = self._known.setdefault(connector, {}).setdefault(_meaning(orjson.loads(text)), {})
            if not spellings:
                spellings[fresh] = _Stored(_UNSEEN, None)
            keys = [*spellings] if value is None else [_current(spellings)[0]]
            for key in keys:
                found.pop(key, None)
                found[key] = value
        return found

    def _offset(self, connector: str, value: bytes | None) -> dict[str, object] | None:
        if value is None:
            return None
        try:
            offset = orjson.loads(value)
        except orjson.JSONDecodeError:
            offset = None
        if isinstance(offset, dict):
            return offset
        if value != b"null":
            log.error(
                "An offset of connector %s in %s is not a JSON object and counts as none: its task may begin anew. "
                "Stop the connector and set its offsets (PATCH /connectors/%s/offsets)",
                connector,
                self._where,
                connector,
            )
        return None


def offset_text(offset: Mapping[str, object]) -> bytes:
    """An offset as it is stored; raises ConnectError when it is nothing that can be stored."""
    return _map_text("offsets", offset).encode()


def check_storable(offsets: Sequence[SourceOffset]) -> None:
    """Raise ConnectError when one of them is nothing that can be stored."""
    for partition, offset in offsets:
        _map_text("partitions", partition)
        if offset is not None:
            _map_text("offsets", offset)


def _address(key: bytes | None) -> tuple[str, bytes] | None:
    """Connector and meaning of the partition of a stored key; None when it is something else."""
    try:
        match orjson.loads(key or b""):
            case [str() as connector, dict() as partition]:
                return connector, _meaning(partition)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # what is nested very deep is read, but not written
        pass
    return None


def _current(spellings: Mapping[bytes, _Stored]) -> tuple[bytes, _Stored]:
    # of equals, the one that was learnt last
    return max(reversed([*spellings.items()]), key=lambda item: item[1].stamp)


def _meaning(partition: object) -> bytes:
    """Text that two partitions share exactly when they decode to equal values."""
    return orjson.dumps(partition, option=orjson.OPT_SORT_KEYS)


def _map_text(what: str, content: object) -> str:
    """JSON of a flat map; refuses what Kafka's offset writer refuses."""
    if not isinstance(content, Mapping):
        message = f"Source {what} must be a map, not {type(content).__name__}"
        raise ConnectError(message)
    members = []
    for key, value in content.items():
        if not isinstance(key, str):
            message = f"Source {what} may only have text keys, not {key!r}"
            raise ConnectError(message)
        members.append(f"{_quoted(key)}:{_value_text(what, key, value)}")
    return "{" + ",".join(members) + "}"


def _value_text(what: str, key: str, value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int) and value in _WHOLE:
        return str(int(value))
    if isinstance(value, float):
        return double_text(value) if math.isfinite(value) else f'"{double_text(value)}"'
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    kind = "number beyond 64 bits" if isinstance(value, int) else type(value).__name__
    message = f"Source {what} may only hold primitive values, but {key!r} holds a {kind}"
    raise ConnectError(message)


def _quoted(text: str) -> str:
    """A JSON text byte for byte as Java's library writes it."""
    try:
        return dump(str(text)).decode()
    except DataError as error:
        message = f"Source partitions and offsets may only hold text of whole characters, not {text!r}"
        raise ConnectError(message) from error
