r"""Records of the topic, byte for byte as Confluent's registry writes them (and Karapace after it).

::

    {"keytype":"SCHEMA","subject":"s","version":1,"magic":1}
        {"subject":"s","version":1,"id":1,"schema":"\"string\"","deleted":false}   None: deleted for good
    {"keytype":"CONFIG","magic":0}, {"keytype":"CONFIG","subject":"s","magic":0}   {"compatibilityLevel":"FULL"}
    {"keytype":"MODE","magic":0}, …                                                {"mode":"IMPORT"}
    {"keytype":"DELETE_SUBJECT","subject":"s","magic":0}    {"subject":"s","version":3}: versions up to 3, softly
    {"keytype":"CLEAR_SUBJECT","subject":"s","magic":0}     {"subject":"s"}: forget what is deleted softly
    {"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}              {"tenant":"default","context":".c"}
    {"keytype":"NOOP","magic":0}                                                   None

Older writers spelled some of these differently: other orders, ``null`` subjects, keys without ``magic``. Compaction
compares bytes, so a record that is replaced keeps the key that it was read with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from linkspan.api.errors import CorruptStateError
from linkspan.convert import java_json

__all__ = ["Key", "Kind", "key_bytes", "parse_key", "parse_value", "value_bytes"]

_TENANT: Final = "default"
_OF_SUBJECTS: Final = frozenset({"CONFIG", "MODE", "DELETE_SUBJECT", "CLEAR_SUBJECT"})


class Kind(StrEnum):
    """What a record is about."""

    SCHEMA = "SCHEMA"
    CONFIG = "CONFIG"
    MODE = "MODE"
    DELETE_SUBJECT = "DELETE_SUBJECT"
    CLEAR_SUBJECT = "CLEAR_SUBJECT"
    CONTEXT = "CONTEXT"
    NOOP = "NOOP"


@dataclass(frozen=True, slots=True)
class Key:
    """Key of a record.

    Attributes:
        kind: what the record is about.
        subject: whose; None for all. For CONTEXT the name of the context.
        version: of a SCHEMA.
    """

    kind: Kind
    subject: str | None = None
    version: int = 0


def key_bytes(key: Key) -> bytes:
    """The key as it is written."""
    body: dict[str, object] = {"keytype": key.kind.value}
    if key.kind is Kind.CONTEXT:
        body |= {"tenant": _TENANT, "context": key.subject}
    elif key.subject:  # an empty text is left out, too
        body["subject"] = key.subject
    if key.kind is Kind.SCHEMA:
        body["version"] = key.version
    body["magic"] = 1 if key.kind is Kind.SCHEMA else 0
    return java_json.dump(body)


def parse_key(data: bytes) -> Key | None:
    """Read a key; None for kinds that are unknown here.

    Raises:
        CorruptStateError: this is no key of a registry.
    """
    body = _object(data, "key")
    name = body.get("keytype")
    try:
        kind = Kind(str(name))
    except ValueError:
        if isinstance(name, str):
            return None
        raise CorruptStateError(f"A record has the key {data!r}, which no registry writes") from None
    if kind is Kind.SCHEMA:
        subject, version = body.get("subject") or "", body.get("version")
        if not isinstance(subject, str) or not isinstance(version, int) or body.get("magic", 0) not in {0, 1}:
            raise CorruptStateError(f"A record has the key {data!r}, which names no version of a subject")
        return Key(kind, subject, version)
    if kind is Kind.CONTEXT:
        return Key(kind, str(body.get("context")))
    subject = body.get("subject")
    return Key(kind, str(subject) if subject is not None and name in _OF_SUBJECTS else None)


def value_bytes(value: Mapping[str, object] | None) -> bytes | None:
    """The value as it is written; None deletes what the key names. Raises DataError for half a character."""
    return None if value is None else java_json.dump(value)


def parse_value(data: bytes) -> dict[str, Any]:
    """Read a value.

    Raises:
        CorruptStateError: it is no object.
    """
    return _object(data, "value")


def _object(data: bytes, part: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptStateError(f"The {part} of a record is not JSON: {data[:200]!r}") from error
    if not isinstance(found, dict):
        raise CorruptStateError(f"The {part} of a record is no object: {data[:200]!r}")
    return found
