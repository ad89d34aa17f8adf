"""Decides what registering a schema writes, and what the answer is. Looks at the state only; nothing here waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from linkspan.registry import refusals
from linkspan.registry.compatibility import Earlier, incompatibilities
from linkspan.registry.formats import ParsedSchema
from linkspan.registry.levels import Mode
from linkspan.registry.proposals import LATEST, Proposal
from linkspan.registry.records import Key, Kind
from linkspan.registry.schemas import Schemas
from linkspan.registry.settings import Settings
from linkspan.registry.state import Registered, State, fingerprint
from linkspan.registry.subjects import QualifiedSubject

__all__ = ["Change", "Registration"]

_VERSION_PROPERTY: Final = "confluent:version"


class Change(NamedTuple):
    """Records to write, together, and the answer once they are written."""

    records: Sequence[tuple[Key, Mapping[str, object] | None]]
    answer: Any


class Registration:
    """Registers and finds schemas.

    Args:
        state: what there is.
        settings: what holds for it.
        schemas: reads schemas.
    """

    def __init__(self, state: State, settings: Settings, schemas: Schemas) -> None:
        self._state = state
        self._settings = settings
        self._schemas = schemas

    # --- finding ------------------------------------------------------------------------------------------------

    def find(self, subject: str, sent: Proposal, *, normalize: bool, deleted: bool = False) -> Registered | None:
        """The version of a subject that is this schema.

        Raises:
            RefusalError: it is not well-formed.
        """
        proposal = self._schemas.resolved(subject, sent)
        if not proposal.schema.strip():
            return None
        parsed, proposal = self._canonical(subject, proposal, normalize=normalize, strict=False)
        context = QualifiedSubject.of(subject).context
        number = self._state.id_of(context, _fingerprint(proposal))
        version = None if number is None else self._state.places(context, number).get(subject)
        if version is not None and (found := self._state.version(subject, version, deleted=deleted)) is not None:
            return found
        return self._same(parsed, proposal, self._state.versions(subject, deleted=deleted))

    def _same(self, parsed: ParsedSchema, proposal: Proposal, versions: Sequence[Registered]) -> Registered | None:
        """The version that differs at most in how references are written."""
        for each in reversed(versions):
            refers_alike = proposal.references == each.references or (not proposal.references and each.references)
            if refers_alike and _extras(proposal) == _extras(each) and parsed.is_same_as(self._schemas.of(each)):
                return each
        return None

    # --- registering --------------------------------------------------------------------------------------------

    def register(self, subject: str, sent: Proposal, *, normalize: bool) -> Change:
        """Decide.

        Raises:
            RefusalError: it may not be registered.
        """
        existing = self._existing(subject, sent, normalize=normalize)
        if existing is not None:
            return Change((), existing)
        mode = self._settings.mode(subject)
        self._check_mode(subject, sent, mode)
        proposal = self._completed(subject, self._schemas.resolved(subject, sent), mode)
        strict = proposal.id is None
        parsed, proposal = self._canonical(
            subject, proposal, normalize=normalize and mode is not Mode.IMPORT, strict=strict
        )
        context = QualifiedSubject.of(subject).context
        number = self._state.id_of(context, _fingerprint(proposal))
        if number is not None and proposal.id not in {None, number}:
            number = None
        if proposal.version <= 0 and (same := self._already(subject, parsed, proposal, number)) is not None:
            return Change((), same)
        if mode is not Mode.IMPORT:
            details = self._compared(subject, parsed, proposal, self._state.versions(subject))
            if details:
                raise refusals.incompatible(subject, details)
        return self._written(subject, parsed, proposal, number, mode)

    def _existing(self, subject: str, sent: Proposal, *, normalize: bool) -> Registered | None:
        """The version that the schema has already, whatever may be written now."""
        found = self.find(subject, sent, normalize=normalize)
        if found is None or sent.id not in {None, found.id}:
            return None
        return found if sent.version <= 0 or sent.version == found.version else None

    def _already(self, subject: str, parsed: ParsedSchema, proposal: Proposal, number: int | None) -> Registered | None:
        wanted = proposal.id if proposal.id is not None else number
        versions = [each for each in self._state.versions(subject) if wanted is None or each.id == wanted]
        return self._same(parsed, proposal, versions)

    def _check_mode(self, subject: str, sent: Proposal, mode: Mode) -> None:
        where = f"Subject {subject} in context {QualifiedSubject.of(subject).prefix}"
        if mode in {Mode.READONLY, Mode.READONLY_OVERRIDE}:
            raise refusals.not_permitted(f"{where} is in read-only mode")
        if sent.id is not None and mode is not Mode.IMPORT:
            raise refusals.not_permitted(f"{where} is not in import mode")
        if sent.id is None and mode is not Mode.READWRITE:
            raise refusals.not_permitted(f"{where} is not in read-write mode")

    def _completed(self, subject: str, proposal: Proposal, mode: Mode) -> Proposal:
        """With what the version before and the configuration add."""
        if mode is Mode.IMPORT:
            if not proposal.schema.strip():
                raise refusals.invalid_schema("Empty schema")
            return proposal
        before = self._state.latest(subject)
        if not proposal.schema.strip():
            if before is None:
                raise refusals.invalid_schema("Empty schema")
            proposal = replace(proposal, schema=before.schema, type=before.type, references=before.references)
        config = self._settings.config(subject)
        metadata = proposal.metadata if proposal.metadata is not None else (before.metadata if before else None)
        rules = proposal.rule_set if proposal.rule_set is not None else (before.rule_set if before else None)
        metadata = _merged(config.get("defaultMetadata"), metadata, config.get("overrideMetadata"))
        rules = _merged_rules(config.get("defaultRuleSet"), rules, config.get("overrideRuleSet"))
        if proposal.version or _VERSION_PROPERTY in ((metadata or {}).get("properties") or {}):
            properties = {**((metadata or {}).get("properties") or {}), _VERSION_PROPERTY: str(self._next(subject))}
            metadata = {**(metadata or {}), "properties": properties}
        return replace(proposal, metadata=metadata, rule_set=rules)

    def _canonical(
        self, subject: str, proposal: Proposal, *, normalize: bool, strict: bool
    ) -> tuple[ParsedSchema, Proposal]:
        parsed = self._schemas.proposed(subject, proposal, strict=strict)
        text, references = parsed.text, proposal.references
        if normalize:
            text, references = parsed.normal_text(), tuple(sorted(set(references)))
            proposal = replace(proposal, schema=text, references=references)
            parsed = self._schemas.proposed(subject, proposal, strict=strict)
        return parsed, replace(proposal, schema=text, references=references)

    def _compared(
        self, subject: str, parsed: ParsedSchema, proposal: Proposal, versions: Sequence[Registered]
    ) -> list[str]:
        config = self._settings.config(subject)
        group = config.get("compatibilityGroup")
        own = None if group is None else _property(proposal.metadata, group)
        alike = [each for each in versions if group is None or _property(each.metadata, group) == own]
        level = self._settings.level(subject)
        looked_at = alike if level.value.endswith("TRANSITIVE") else alike[-1:]
        earlier = [Earlier(each.version, self._schemas.of(each)) for each in looked_at]
        lenient = str(config.get("compatibilityPolicy")).upper() == "LENIENT"
        return incompatibilities(level, parsed, earlier, lenient=lenient)

    def test(self, subject: str, sent: Proposal, versions: Sequence[Registered], *, normalize: bool) -> list[str]:
        """Whether a schema may follow these versions, without registering it.

        Raises:
            RefusalError: it is not well-formed.
        """
        proposal = self._schemas.resolved(subject, sent)
        if not proposal.schema.strip():
            raise refusals.invalid_schema("Empty schema")
        parsed, proposal = self._canonical(subject, proposal, normalize=normalize, strict=True)
        return self._compared(subject, parsed, proposal, versions)

    def _next(self, subject: str) -> int:
        return max((each.version for each in self._state.versions(subject, deleted=True)), default=0) + 1

    def _written(
        self, subject: str, parsed: ParsedSchema, proposal: Proposal, number: int | None, mode: Mode
    ) -> Change:
        context = QualifiedSubject.of(subject)
        following = self._next(subject)
        version = proposal.version if proposal.version not in {0, LATEST} else following
        if version != following and mode is not Mode.IMPORT:
            raise refusals.invalid_schema("Version is not one more than previous version")
        chosen = proposal.id if proposal.id is not None else number
        if chosen is None:
            chosen = self._state.next_id(context.context)
        new = Registered(
            subject=subject,
            version=version,
            id=chosen,
            schema=proposal.schema,
            type=parsed.type,
            references=proposal.references,
            metadata=proposal.metadata,
            rule_set=proposal.rule_set,
        )
        holder = self._state.of_id(context.context, chosen)
        if holder is not None and (holder.schema, holder.type, holder.references) != (
            new.schema,
            new.type,
            new.references,
        ):
            raise refusals.not_permitted(
                f"Overwrite new schema with id {chosen} in context {context.prefix} is not permitted."
            )
        records: list[tuple[Key, Mapping[str, object] | None]] = []
        if not self._state.is_named(context.context):
            records.append((Key(Kind.CONTEXT, context.context), {"tenant": "default", "context": context.context}))
        records += [(each.key, None) for each in self._replaced(subject, new)]
        records.append((new.key, new.value()))
        return Change(records, new)

    def _replaced(self, subject: str, new: Registered) -> list[Registered]:
        """Softly deleted versions with the same id, which the new one takes the place of."""
        return [
            each
            for each in self._state.versions(subject, deleted=True)
            if each.deleted
            and each.id == new.id
            and each.version < new.version
            and not self._state.referrers(subject, each.version, deleted=True)
        ]


def _fingerprint(proposal: Proposal) -> bytes:
    return fingerprint(proposal.schema, proposal.references, proposal.metadata, proposal.rule_set)


def _extras(each: Proposal | Registered) -> tuple[object, object]:
    metadata = each.metadata
    if metadata is not None and _VERSION_PROPERTY in (metadata.get("properties") or {}):
        properties = {name: item for name, item in metadata["properties"].items() if name != _VERSION_PROPERTY}
        metadata = {**metadata, "properties": properties}
    return ({name: item for name, item in (metadata or {}).items() if item} or None, each.rule_set or None)


def _property(metadata: Mapping[str, Any] | None, name: str) -> object:
    return ((metadata or {}).get("properties") or {}).get(name)


def _merged(*parts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Metadata of several places; the later ones win."""
    given = [part for part in parts if part is not None]
    if not given:
        return None
    found: dict[str, Any] = {}
    for part in given:
        for name, item in part.items():
            if isinstance(item, Mapping):
                found[name] = {**(found.get(name) or {}), **item}
            elif isinstance(item, list):
                found[name] = sorted({*(found.get(name) or []), *item})
            elif item is not None:
                found[name] = item
    return found


def _merged_rules(*parts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Rules of several places; of two with one name the later wins."""
    given = [part for part in parts if part is not None]
    if not given:
        return None
    found: dict[str, Any] = {}
    for part in given:
        for name, item in part.items():
            if isinstance(item, list):
                own = {rule.get("name") for rule in item}
                found[name] = [*(rule for rule in found.get(name) or [] if rule.get("name") not in own), *item]
            elif item is not None:
                found[name] = item
    return found
