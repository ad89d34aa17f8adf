"""Decides what deleting versions and subjects writes. Looks at the state only; nothing here waits.

A soft deletion hides a version: it is not the latest any more and not compared with, but its id still leads to it, and
its number is not given to another schema. A permanent one forgets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from linkspan.registry import refusals
from linkspan.registry.levels import Mode
from linkspan.registry.proposals import LATEST
from linkspan.registry.records import Key, Kind
from linkspan.registry.registration import Change
from linkspan.registry.settings import Settings
from linkspan.registry.state import Registered, State
from linkspan.registry.subjects import QualifiedSubject

__all__ = ["Deletion"]

Records = list[tuple[Key, Mapping[str, object] | None]]


class Deletion:
    """Deletes.

    Args:
        state: what there is.
        settings: what holds for it.
    """

    def __init__(self, state: State, settings: Settings) -> None:
        self._state = state
        self._settings = settings

    def version(self, subject: str, number: int, *, permanent: bool) -> Change:
        """Delete one version; the answer is its number.

        Raises:
            RefusalError: it is not there, or may not be deleted.
        """
        each = self._state.latest(subject) if number == LATEST else self._state.version(subject, number, deleted=True)
        if each is None:
            if not self._state.has(subject, deleted=True):
                raise refusals.subject_not_found(subject)
            raise refusals.version_not_found(number)
        if each.deleted and not permanent:
            raise refusals.version_soft_deleted(subject, number)
        self._check_mode(subject)
        if self._state.referrers(subject, each.version, deleted=permanent):
            raise refusals.referenced(subject, each.version)
        if not permanent:
            return Change([(each.key, replace(each, deleted=True).value())], each.version)
        if not each.deleted:
            raise refusals.version_not_deleted(subject, each.version)
        records: Records = [(each.key, None)]
        if len(self._state.versions(subject, deleted=True)) == 1:
            records += self._own_settings(subject)
        return Change(records, each.version)

    def subject(self, subject: str, *, permanent: bool) -> Change:
        """Delete all versions; the answer is their numbers.

        Raises:
            RefusalError: there is no such subject, or it may not be deleted.
        """
        if not self._state.has(subject, deleted=True):
            raise refusals.subject_not_found(subject)
        if not permanent and not self._state.has(subject):
            raise refusals.subject_soft_deleted(subject)
        self._check_mode(subject)
        versions = self._state.versions(subject, deleted=permanent)
        self._check_versions(subject, versions, permanent=permanent)
        numbers = [each.version for each in versions]
        if not permanent:
            key = Key(Kind.DELETE_SUBJECT, subject)
            return Change([(key, {"subject": subject, "version": numbers[-1]})], numbers)
        # the last first: a version may refer to one before it
        records: Records = [(each.key, None) for each in reversed(versions)]
        return Change(records + self._own_settings(subject), numbers)

    def _check_versions(self, subject: str, versions: Sequence[Registered], *, permanent: bool) -> None:
        for each in versions:
            others = self._state.referrers(subject, each.version, deleted=permanent)
            if any(other.subject != subject for other in others):
                raise refusals.referenced(subject, each.version)
            if permanent and not each.deleted:
                raise refusals.subject_not_deleted(subject)

    def context(self, context: str) -> Change:
        """Forget a context that has no subjects."""
        prefix = QualifiedSubject(context, "").prefix
        if self._state.matching(prefix or None):
            raise refusals.context_not_empty(prefix)
        return Change([(Key(Kind.CONTEXT, context), None)] if self._state.is_named(context) else (), None)

    def _own_settings(self, subject: str) -> Records:
        records: Records = []
        if subject in self._state.modes:
            records.append((Key(Kind.MODE, subject), None))
        if subject in self._state.configs:
            records.append((Key(Kind.CONFIG, subject), None))
        return records

    def _check_mode(self, subject: str) -> None:
        if self._settings.mode(subject) in {Mode.READONLY, Mode.READONLY_OVERRIDE}:
            where = QualifiedSubject.of(subject).prefix
            raise refusals.not_permitted(f"Subject {subject} in context {where} is in read-only mode")
