"""Reads schemas with what they refer to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from linkspan.convert.registry_schema import Named
from linkspan.registry import refusals
from linkspan.registry.formats import ParsedSchema, Parser
from linkspan.registry.proposals import LATEST, Proposal
from linkspan.registry.state import Reference, Registered, State
from linkspan.registry.subjects import within

__all__ = ["Schemas"]

_KEPT: Final = 1000


class Schemas:
    """Reads schemas, and remembers those it read last.

    Args:
        state: where references lead.
        parsers: type → parser.
    """

    def __init__(self, state: State, parsers: Mapping[str, Parser]) -> None:
        self._state = state
        self._parsers = parsers
        self._read: OrderedDict[tuple[object, ...], ParsedSchema] = OrderedDict()

    @property
    def types(self) -> list[str]:
        """Types that can be read."""
        return list(self._parsers)

    def of(self, each: Registered) -> ParsedSchema:
        """A registered schema; what it refers to may be softly deleted meanwhile."""
        return self._of(
            each.type, each.schema, self._closure(each.subject, each.references, deleted=True), strict=False
        )

    def proposed(self, subject: str, proposal: Proposal, *, strict: bool) -> ParsedSchema:
        """A schema that somebody sent.

        Args:
            subject: for which.
            proposal: the schema; its references are known.
            strict: whether it is to be registered.

        Raises:
            RefusalError: it is not well-formed, or refers to what is not there.
        """
        if proposal.type not in self._parsers:
            raise refusals.invalid_schema(f"Invalid schema type {proposal.type}")
        closure = self._closure(subject, proposal.references, deleted=not strict)
        return self._of(proposal.type, proposal.schema, closure, strict=strict)

    def resolved(self, subject: str, proposal: Proposal) -> Proposal:
        """The same with the latest version of a reference replaced by its number."""
        return replace(proposal, references=tuple(self._numbered(subject, each) for each in proposal.references))

    def _numbered(self, subject: str, reference: Reference) -> Reference:
        if reference.version != LATEST:
            return reference
        latest = self._state.latest(within(subject, reference.subject))
        return reference if latest is None else reference._replace(version=latest.version)

    def _of(self, kind: str, text: str, closure: Sequence[Named], *, strict: bool) -> ParsedSchema:
        key = (kind, text, tuple(closure), strict)
        known = self._read.get(key)
        if known is None:
            try:
                known = self._parsers[kind](text, closure, strict)
            except KeyError:
                raise refusals.invalid_schema(f"Invalid schema type {kind}") from None
            except RecursionError:
                raise refusals.invalid_schema(
                    f"Invalid schema of type {kind}, details: it is nested too deeply"
                ) from None
            except ValueError as error:
                raise refusals.invalid_schema(f"Invalid schema of type {kind}, details: {error}") from error
            self._read[key] = known
            if len(self._read) > _KEPT:
                self._read.popitem(last=False)
        else:
            self._read.move_to_end(key)
        return known

    def _closure(self, subject: str, references: Sequence[Reference], *, deleted: bool) -> list[Named]:
        found: dict[str, Named] = {}
        self._follow(subject, references, found, set(), deleted=deleted)
        return list(found.values())

    def _follow(
        self, subject: str, references: Sequence[Reference], found: dict[str, Named], seen: set[str], *, deleted: bool
    ) -> None:
        """Add what is referred to, behind what that refers to itself."""
        for reference in references:
            target = within(subject, reference.subject)
            there = self._state.version(target, reference.version, deleted=deleted)
            if there is None:
                raise refusals.invalid_schema(
                    f'No schema reference found for subject "{target}" and version {reference.version}'
                )
            if reference.name in seen:
                continue
            seen.add(reference.name)
            self._follow(target, there.references, found, seen, deleted=deleted)
            found[reference.name] = Named(reference.name, there.schema)
