"""Schemas of Connect while they are being made of the schemas of another format: Connect's SchemaBuilder.

In such a format a schema may contain itself, so it is referred to before all of it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from linkspan.api import Schema, Type
from linkspan.api.schema import Again

__all__ = ["Draft"]


@dataclass(eq=False, slots=True)
class Draft:
    """What a Schema is made of; the attributes have the names of its arguments.

    Attributes:
        whole: the draft of which this is another mention, with its own ``optional`` and further ``parameters``.
        is_mentioned: whether there are others.
        mark: parameters that only the other mentions have.
    """

    type: Type
    name: str | None = None
    version: int | None = None
    optional: bool = False
    default: object = None
    doc: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    fields: list[tuple[str, Draft]] = field(default_factory=list)
    keys: Draft | None = None
    values: Draft | None = None
    whole: Draft | None = None
    is_mentioned: bool = False
    mark: dict[str, str] = field(default_factory=dict)

    def again(self, *, optional: bool = False, parameters: Mapping[str, str] | None = None) -> Draft:
        """A further mention of a STRUCT, within itself or beside it; what is changed in the one later is so in both."""
        whole = self if self.whole is None else self.whole
        whole.is_mentioned = True
        added = {} if self.whole is None else self.parameters
        return Draft(self.type, optional=optional, parameters={**added, **(parameters or {})}, whole=whole)

    def schema(self) -> Schema:
        """The schema as far as it is known.

        Raises:
            DataError: its parts contradict each other.
        """
        return _Finishing().schema(self)


class _Finishing:
    def __init__(self) -> None:
        self._knots: dict[int, Again] = {}

    def schema(self, draft: Draft) -> Schema:
        if draft.whole is not None:
            if id(draft.whole) not in self._knots:
                self.schema(draft.whole)
            parameters = {**draft.whole.mark, **draft.parameters}
            return self._knots[id(draft.whole)](optional=draft.optional, parameters=parameters)
        return Schema.recursive(lambda again: self._tied(draft, again)) if draft.is_mentioned else self._made(draft)

    def _tied(self, draft: Draft, again: Again) -> Schema:
        self._knots[id(draft)] = again
        return self._made(draft)

    def _made(self, draft: Draft) -> Schema:
        return Schema(
            draft.type,
            optional=draft.optional,
            default=draft.default,
            name=draft.name,
            version=draft.version,
            doc=draft.doc,
            parameters=draft.parameters,
            fields=[(name, self.schema(part)) for name, part in draft.fields],
            keys=None if draft.keys is None else self.schema(draft.keys),
            values=None if draft.values is None else self.schema(draft.values),
        )
