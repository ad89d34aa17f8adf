"""What the records of the topic, read in their order, amount to. Nothing here waits or writes.

Of two records that give one id to different schemas the first counts, as in Confluent's registry; registries that keep
to :mod:`linkspan.registry.service` never write the second.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from linkspan.api.errors import CorruptStateError
from linkspan.log.port import TableRecord
from linkspan.registry.extras import checked_metadata, checked_rules
from linkspan.registry.levels import Level, Mode
from linkspan.registry.records import Key, Kind, key_bytes, parse_key, parse_value
from linkspan.registry.refusals import RefusalError
from linkspan.registry.subjects import DEFAULT_CONTEXT, GLOBAL_CONTEXT, QualifiedSubject, within

__all__ = ["AVRO", "Reference", "Registered", "State", "fingerprint"]

AVRO: Final = "AVRO"
"""The type of schemas that name none."""
_log: Final = logging.getLogger(__name__)


class Reference(NamedTuple):
    """A schema that another one builds on.

    Attributes:
        name: how the text of the other one calls it.
        subject: where it is registered.
        version: which one; -1 for the latest, in requests only.
    """

    name: str
    subject: str
    version: int

    def body(self) -> dict[str, object]:
        """As it is written."""
        return {"name": self.name, "subject": self.subject, "version": self.version}


@dataclass(frozen=True, slots=True)
class Registered:
    """One version of a subject.

    Attributes:
        subject: its name.
        version: from 1.
        id: the same for the same schema in all subjects of a context.
        schema: canonical text.
        type: AVRO, JSON or PROTOBUF.
        references: schemas that it builds on.
        metadata: free properties, as they were sent.
        rule_set: as it was sent.
        deleted: softly.
    """

    subject: str
    version: int
    id: int
    schema: str
    type: str = AVRO
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = None
    rule_set: Mapping[str, Any] | None = None
    deleted: bool = False

    @property
    def key(self) -> Key:
        """Key of its record."""
        return Key(Kind.SCHEMA, self.subject, self.version)

    def value(self) -> dict[str, object]:
        """Value of its record."""
        body: dict[str, object] = {"subject": self.subject, "version": self.version, "id": self.id}
        if self.type != AVRO:
            body["schemaType"] = self.type
        if self.references:
            body["references"] = [reference.body() for reference in self.references]
        if self.metadata is not None:
            body["metadata"] = self.metadata
        if self.rule_set is not None:
            body["ruleSet"] = self.rule_set
        return body | {"schema": self.schema, "deleted": self.deleted}


def fingerprint(
    schema: str,
    references: Sequence[Reference] = (),
    metadata: Mapping[str, Any] | None = None,
    rule_set: Mapping[str, Any] | None = None,
) -> bytes:
    """By this, schemas are told apart: MD5 over text, references, metadata and rules, as Confluent's registry does."""
    digest = hashlib.md5(schema.encode(), usedforsecurity=False)
    for reference in references:
        digest.update(f"{reference.name}{reference.subject}".encode())
        digest.update(reference.version.to_bytes(4, "big", signed=True))
    if metadata is not None:
        digest.update(b"\1")
        digest.update("".join(_metadata_parts(metadata)).encode())
    if rule_set is not None:
        digest.update(b"\1")
        for part in _rule_parts(rule_set):
            digest.update(part)
    return digest.digest()


def _metadata_parts(metadata: Mapping[str, Any]) -> Iterator[str]:
    for name, tags in sorted((metadata.get("tags") or {}).items()):
        yield name
        yield from sorted(tags)
    for name, value in sorted((metadata.get("properties") or {}).items()):
        yield f"{name}{value}"
    yield from sorted(metadata.get("sensitive") or ())


def _rule_parts(rules: Mapping[str, Any]) -> Iterator[bytes]:
    for group in ("migrationRules", "domainRules", "encodingRules"):
        for rule in rules.get(group) or ():
            yield from (str(rule[name]).encode() for name in ("name", "doc", "kind", "mode", "type") if rule.get(name))
            yield from (str(tag).encode() for tag in sorted(rule.get("tags") or ()))
            yield from (f"{name}{value}".encode() for name, value in sorted((rule.get("params") or {}).items()))
            yield from (str(rule[name]).encode() for name in ("expr", "onSuccess", "onFailure") if rule.get(name))
            if rule.get("disabled"):
                yield b"\1"
    if rules.get("enableAt"):
        yield str(rules["enableAt"]).encode()


@dataclass(slots=True)
class _Context:
    """Ids of one context.

    Attributes:
        places: id → subject → the latest version with that id.
        ids: fingerprint → id.
        highest: the highest id that was ever seen.
    """

    places: dict[int, dict[str, int]] = field(default_factory=dict)
    ids: dict[bytes, int] = field(default_factory=dict)
    highest: int = 0


class State:
    """All subjects with their versions, configurations and modes.

    Attributes:
        subjects: name → version → schema, softly deleted ones too.
        configs: of subjects and contexts; None for all.
        modes: likewise.
    """

    def __init__(self) -> None:
        self.subjects: dict[str, dict[int, Registered]] = {}
        self.configs: dict[str | None, dict[str, Any]] = {}
        self.modes: dict[str | None, str] = {}
        self._contexts: dict[str, _Context] = {}
        self._named: set[str] = set()
        self._referrers: dict[tuple[str, int], set[tuple[str, int]]] = {}
        self._spelled: dict[Key, bytes] = {}

    # --- records ------------------------------------------------------------------------------------------------

    def take(self, records: Sequence[TableRecord]) -> None:
        """Take in records in the order of the topic; one that no registry writes is skipped with a line in the log."""
        for record in records:
            try:
                self._take(record)
            except CorruptStateError as error:
                _log.error("Offset %d is skipped: %s", record.offset, error.message)

    def spelling(self, key: Key) -> bytes:
        """The key as the record that it replaces spells it."""
        return self._spelled.get(key) or key_bytes(key)

    def _take(self, record: TableRecord) -> None:
        if record.key is None:
            raise CorruptStateError("it has no key")
        key = parse_key(record.key)
        if key is None or key.kind is Kind.NOOP:
            return
        if record.key != key_bytes(key):
            self._spelled[key] = record.key
        value = None if record.value is None else parse_value(record.value)
        match key.kind:
            case Kind.SCHEMA:
                self._take_schema(key, value)
            case Kind.CONFIG:
                _set(self.configs, key.subject, _config_of(value))
            case Kind.MODE:
                _set(self.modes, key.subject, None if value is None else _mode_of(value))
            case Kind.CONTEXT:
                (self._named.discard if value is None else self._named.add)(key.subject or DEFAULT_CONTEXT)
            case Kind.DELETE_SUBJECT if value is not None:
                self._soften(key.subject or "", value.get("version"))
            case Kind.CLEAR_SUBJECT if value is not None:
                self._clear(key.subject)

    def _take_schema(self, key: Key, value: Mapping[str, Any] | None) -> None:
        subject = key.subject or ""
        old = self.subjects.get(subject, {}).get(key.version)
        if value is None:
            if old is not None:
                self._forget(old)
            return
        new = _registered(key, value)
        if (other := self.of_id(QualifiedSubject.of(subject).context, new.id)) and other.schema != new.schema:
            raise CorruptStateError(
                f"version {key.version} of subject {subject} has id {new.id}, which another schema has"
            )
        if old is not None and (old.id, old.references) != (new.id, new.references):
            self._forget(old)
        self._remember(new)

    def _remember(self, new: Registered) -> None:
        name = QualifiedSubject.of(new.subject).context
        context = self._contexts.setdefault(name, _Context())
        self.subjects.setdefault(new.subject, {})[new.version] = new
        context.places.setdefault(new.id, {})[new.subject] = new.version
        context.ids[fingerprint(new.schema, new.references, new.metadata, new.rule_set)] = new.id
        context.highest = max(context.highest, new.id)
        for reference in new.references:
            target = (within(new.subject, reference.subject), reference.version)
            self._referrers.setdefault(target, set()).add((new.subject, new.version))

    def _forget(self, old: Registered) -> None:
        context = self._contexts[QualifiedSubject.of(old.subject).context]
        versions = self.subjects[old.subject]
        del versions[old.version]
        if not versions:
            del self.subjects[old.subject]
        places = context.places[old.id]
        if places.get(old.subject) == old.version:
            same = [version for version, each in versions.items() if each.id == old.id]
            if same:
                places[old.subject] = max(same)
            else:
                del places[old.subject]
        if not places:
            del context.places[old.id]
            context.ids.pop(fingerprint(old.schema, old.references, old.metadata, old.rule_set), None)
        for reference in old.references:
            target = (within(old.subject, reference.subject), reference.version)
            self._referrers.get(target, set()).discard((old.subject, old.version))

    def _soften(self, subject: str, up_to: object) -> None:
        if not isinstance(up_to, int):
            raise CorruptStateError(f"the deletion of subject {subject} names no version")
        versions = self.subjects.get(subject, {})
        for version, each in versions.items():
            if version <= up_to:
                versions[version] = replace(each, deleted=True)

    def _clear(self, subject: str | None) -> None:
        for name in self.matching(subject):
            for each in list(self.subjects[name].values()):
                if each.deleted:
                    self._forget(each)

    # --- questions ----------------------------------------------------------------------------------------------

    def versions(self, subject: str, *, deleted: bool = False) -> list[Registered]:
        """Versions of a subject, in their order; softly deleted ones too if wanted."""
        return [each for _, each in sorted(self.subjects.get(subject, {}).items()) if deleted or not each.deleted]

    def version(self, subject: str, version: int, *, deleted: bool = False) -> Registered | None:
        """One version of a subject."""
        found = self.subjects.get(subject, {}).get(version)
        return found if found is not None and (deleted or not found.deleted) else None

    def latest(self, subject: str) -> Registered | None:
        """The latest version that is not deleted."""
        return next(reversed(self.versions(subject)), None)

    def has(self, subject: str, *, deleted: bool = False) -> bool:
        """Whether there is such a subject."""
        return any(deleted or not each.deleted for each in self.subjects.get(subject, {}).values())

    def of_id(self, context: str, number: int) -> Registered | None:
        """A schema with an id, softly deleted or not."""
        places = self.places(context, number)
        subject = next(iter(places), None)
        return None if subject is None else self.subjects[subject][places[subject]]

    def places(self, context: str, number: int) -> Mapping[str, int]:
        """Subject → version of a schema with an id, softly deleted ones too."""
        known = self._contexts.get(context)
        return {} if known is None else known.places.get(number, {})

    def id_of(self, context: str, schema: bytes) -> int | None:
        """Id of the schema with a fingerprint."""
        known = self._contexts.get(context)
        number = None if known is None else known.ids.get(schema)
        return number if number is not None and self.places(context, number) else None

    def next_id(self, context: str) -> int:
        """An id that no schema of the context has, or had, as far as the topic still tells."""
        known = self._contexts.get(context)
        return 1 if known is None else known.highest + 1

    def highest_id(self, context: str) -> int:
        """The highest id in use; 0 for none."""
        return self.next_id(context) - 1

    def referrers(self, subject: str, version: int, *, deleted: bool) -> list[Registered]:
        """Schemas that refer to this one; softly deleted ones too if wanted."""
        found = (self.subjects[name][number] for name, number in self._referrers.get((subject, version), ()))
        return [each for each in found if deleted or not each.deleted]

    def contexts(self) -> list[str]:
        """Names of all contexts."""
        return [DEFAULT_CONTEXT, *sorted((self._named | set(self._contexts)) - {DEFAULT_CONTEXT})]

    def is_named(self, context: str) -> bool:
        """Whether the context is known without its subjects."""
        return context == DEFAULT_CONTEXT or context in self._named

    def matching(self, subject: str | None) -> list[str]:
        """Subjects that a setting for ``subject`` is meant for: itself, all of a context, or all (None)."""
        if subject is None:
            return [name for name in self.subjects if QualifiedSubject.of(name).context == DEFAULT_CONTEXT]
        parts = QualifiedSubject.of(subject)
        if parts.context == GLOBAL_CONTEXT:
            return list(self.subjects)
        if parts.name or not parts.prefix:
            return [subject] if subject in self.subjects else []
        return [name for name in self.subjects if name.startswith(parts.prefix)]


def _set(table: dict[str | None, Any], name: str | None, value: Any) -> None:  # noqa: ANN401 - a dict's
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value


def _mode_of(value: Mapping[str, Any]) -> str:
    try:
        return Mode.of(value.get("mode")).value
    except RefusalError as error:
        raise CorruptStateError(f"it sets the mode {value.get('mode')!r}, which there is not") from error


def _config_of(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    level = value.get("compatibilityLevel")
    try:
        if level is not None:
            Level.of(level)
        for name in ("defaultMetadata", "overrideMetadata"):
            checked_metadata(value.get(name))
        for name in ("defaultRuleSet", "overrideRuleSet"):
            checked_rules(value.get(name))
    except ValueError as error:
        raise CorruptStateError(f"a configuration is malformed: {error}") from error
    except RefusalError as error:
        raise CorruptStateError(f"it sets the level {level!r}, which there is not") from error
    return {name: item for name, item in value.items() if name != "subject"}


def _registered(key: Key, value: Mapping[str, Any]) -> Registered:
    number, schema, kind = value.get("id"), value.get("schema"), value.get("schemaType") or AVRO
    if not isinstance(number, int) or not isinstance(schema, str) or not isinstance(kind, str):
        raise CorruptStateError(f"version {key.version} of subject {key.subject} has no id, no schema or no type")
    try:
        references = tuple(
            Reference(str(item["name"]), str(item["subject"]), int(item["version"]))
            for item in value.get("references") or ()
        )
        metadata, rules = checked_metadata(value.get("metadata")), checked_rules(value.get("ruleSet"))
        fingerprint(schema, references, metadata, rules)  # while nothing is remembered of it yet
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        what = f"version {key.version} of subject {key.subject}"
        raise CorruptStateError(f"{what} has a malformed text, reference, metadata or rule: {error}") from error
    return Registered(
        subject=key.subject or "",
        version=key.version,
        id=number,
        schema=schema,
        type=kind,
        references=references,
        metadata=metadata,
        rule_set=rules,
        deleted=bool(value.get("deleted", False)),
    )
