"""A JSON schema as parts of one kind each, as the library behind Confluent's registry (everit) takes it apart.

Keywords of several kinds side by side mean that all of them hold: ``{"type": "string", "enum": ["a"]}`` is the
combination of a text and an enumeration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from linkspan.convert import json_text
from linkspan.convert.registry_schema import Named

if TYPE_CHECKING:
    from referencing import Registry
    from referencing._core import Resolver

__all__ = ["Part", "load"]

_KEYWORDS: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "array": frozenset(
        {
            "items",
            "prefixItems",
            "additionalItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "unevaluatedItems",
        }
    ),
    "object": frozenset(
        {
            "properties",
            "required",
            "minProperties",
            "maxProperties",
            "dependencies",
            "dependentRequired",
            "dependentSchemas",
            "patternProperties",
            "additionalProperties",
            "propertyNames",
            "unevaluatedProperties",
        }
    ),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "conditional": frozenset({"if", "then", "else"}),
}
_CRITERIA: Final = ("allOf", "anyOf", "oneOf")
_MODERN: Final = ("2019-09", "2020-12")
_ROOT: Final = "mem://input"


@dataclass(eq=False, slots=True)
class Part:
    """One schema, or one kind of keywords of it.

    Attributes:
        kind: ``true``, ``false``, ``empty``, ``string``, ``number``, ``boolean``, ``null``, ``array``, ``object``,
            ``enum``, ``const``, ``not``, ``combined``, ``conditional`` or ``reference``.
        body: the keywords.
        annotations: whether ``title``, ``description`` and the like are this part's.
        criterion: of a combined one: ``allOf``, ``anyOf`` or ``oneOf``.
        parts: of a combined one.
        children: schemas below, by the path to them.
        target: what a reference leads to.
        integer: whether a number has to be whole.
        modern: whether items follow the drafts of 2019 and later.
    """

    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)
    annotations: bool = True
    criterion: str = ""
    parts: list[Part] = field(default_factory=list)
    children: dict[tuple[str, ...], Part] = field(default_factory=dict)
    target: Part | None = None
    integer: bool = False
    modern: bool = False

    @property
    def text(self) -> str:
        """What tells it apart from other parts of the same combination."""
        return f"{self.kind} {self.integer} {json_text.write(self.body)}"

    def child(self, *path: str) -> Part | None:
        """A schema below."""
        return self.children.get(path)

    def below(self, name: str) -> dict[str, Part]:
        """Schemas below a keyword that holds several, by their names."""
        return {path[1]: part for path, part in self.children.items() if path[0] == name and len(path) == 2}

    def resolved(self) -> Part:
        """What a reference leads to in the end; the part itself when it is none."""
        part, seen = self, {id(self)}
        while part.kind == "reference" and part.target is not None and id(part.target) not in seen:
            part = part.target
            seen.add(id(part))
        return part


def load(body: object, references: Sequence[Named]) -> Part:
    """Take a schema apart, with everything that it refers to.

    Args:
        body: JSON value of the schema; fractions are Decimals.
        references: what it may refer to by name.

    Raises:
        ValueError: it is no schema, or refers to what is not there.
    """
    from referencing import Registry, Resource  # noqa: PLC0415 - of an extra
    from referencing.jsonschema import DRAFT7  # noqa: PLC0415 - as above

    known: Registry[Any] = Registry()
    for each in references:
        resource = Resource.from_contents(json_text.parse(each.text, exactly=True), default_specification=DRAFT7)
        known = known.with_resource(each.name, resource)
        if "://" not in each.name:
            known = known.with_resource(f"{_ROOT}/{each.name}".replace("/./", "/"), resource)
    root = Resource.from_contents(body, default_specification=DRAFT7)
    known = known.with_resource(_ROOT, root).with_resource(f"{_ROOT}/", root)
    dialect = str(body.get("$schema", "")) if isinstance(body, dict) else ""
    own = root.id()
    if own is not None:
        known = known.with_resource(own, root)
    loader = _Loader(known.crawl(), modern=any(draft in dialect for draft in _MODERN))
    return loader.part(body, loader.known.resolver(own or f"{_ROOT}/"))


class _Loader:
    def __init__(self, known: Registry[Any], *, modern: bool) -> None:
        self.known = known
        self._modern = modern
        self._made: dict[int, Part] = {}

    def part(self, body: object, resolver: Resolver[Any]) -> Part:
        if isinstance(body, bool):
            return Part("true" if body else "false")
        if not isinstance(body, dict):
            raise ValueError(f"expected an object or a boolean, found {json_text.write(body)[:100]}")  # noqa: TRY004 - a malformed text
        made = self._made.get(id(body))
        if made is None:
            made = self._made[id(body)] = Part("empty", body, modern=self._modern)
            self._fill(made, body, self._within(body, resolver))
        return made

    def _within(self, body: Mapping[str, Any], resolver: Resolver[Any]) -> Resolver[Any]:
        from referencing.jsonschema import DRAFT7  # noqa: PLC0415 - of an extra

        own = body.get("$id")
        if not isinstance(own, str) or own.startswith("#"):
            return resolver
        return resolver.in_subresource(DRAFT7.create_resource(body))

    def _fill(self, made: Part, body: dict[str, Any], resolver: Resolver[Any]) -> None:
        for name in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(body.get(name), str):
                made.kind = "reference"
                made.target = self._target(body[name], resolver)
                return
        found = list(self._parts(body, resolver))
        if len(found) == 1:
            (only,) = found
            made.kind, made.criterion, made.parts = only.kind, only.criterion, only.parts
            made.children, made.integer = only.children, only.integer
        elif found:
            made.kind, made.criterion, made.parts = "combined", "allOf", found

    def _target(self, reference: str, resolver: Resolver[Any]) -> Part:
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 - of an extra

        try:
            found = resolver.lookup(reference)
        except Unresolvable:
            raise ValueError(f"the reference {reference} leads nowhere") from None
        except (ValueError, TypeError, LookupError) as error:
            raise ValueError(f"the reference {reference} is malformed: {error}") from error
        return self.part(found.contents, found.resolver)

    def _parts(self, body: dict[str, Any], resolver: Resolver[Any]) -> Iterator[Part]:
        """Parts of one kind each, in the order in which the original finds them."""
        if isinstance(body.get("enum"), list):
            yield self._of("enum", body, {"enum"})
        for criterion in _CRITERIA:
            if isinstance(body.get(criterion), list):
                yield Part(
                    "combined",
                    {criterion: body[criterion]},
                    criterion=criterion,
                    parts=[self.part(each, resolver) for each in body[criterion]],
                    annotations=False,
                )
        if "not" in body:
            made = self._of("not", body, {"not"})
            made.children[("not",)] = self.part(body["not"], resolver)
            yield made
        if "const" in body:
            yield self._of("const", body, {"const"})
        yield from self._of_types(body, resolver)

    def _of_types(self, body: dict[str, Any], resolver: Resolver[Any]) -> Iterator[Part]:
        given = body.get("type")
        taken: set[str] = set()
        if isinstance(given, str):
            yield self._typed(given, body, resolver)
            taken = {_kind_of(given)}
        elif isinstance(given, list):
            parts = [self._typed(name, body, resolver) for name in given if isinstance(name, str)]
            yield Part("combined", {"type": given}, criterion="anyOf", parts=parts, annotations=False)
            taken = {part.kind for part in parts}
        for kind, keywords in _KEYWORDS.items():
            if kind not in taken and not keywords.isdisjoint(body):
                yield self._typed(kind, body, resolver)

    def _typed(self, name: str, body: dict[str, Any], resolver: Resolver[Any]) -> Part:
        kind = _kind_of(name)
        made = self._of(kind, body, _KEYWORDS.get(kind, frozenset()))
        made.integer = name == "integer"
        if kind in {"object", "array"}:
            self._add_children(made, resolver)
        return made

    def _of(self, kind: str, body: dict[str, Any], keywords: frozenset[str] | set[str]) -> Part:
        own = {name: value for name, value in body.items() if name in keywords}
        return Part(kind, own, annotations=False, modern=self._modern)

    def _add_children(self, made: Part, resolver: Resolver[Any]) -> None:
        for name, value in made.body.items():
            if name in {"properties", "patternProperties", "dependencies", "dependentSchemas"}:
                for key, each in value.items() if isinstance(value, dict) else ():
                    if isinstance(each, dict | bool):
                        made.children[(name, key)] = self.part(each, resolver)
            elif name in {"items", "prefixItems"} and isinstance(value, list):
                for place, each in enumerate(value):
                    made.children[("prefixItems", str(place))] = self.part(each, resolver)
            elif isinstance(value, dict | bool) and name != "uniqueItems":
                made.children[(self._renamed(name, made),)] = self.part(value, resolver)

    @staticmethod
    def _renamed(name: str, made: Part) -> str:
        """Items behind those of a list are additional ones, whatever a draft calls them."""
        return "additionalItems" if name == "items" and "prefixItems" in made.body else name


def _kind_of(name: str) -> str:
    return "number" if name == "integer" else name
