"""What a request to the registry says: media types, flags, versions, bodies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from linkspan.api.rest import RestRequest
from linkspan.convert import json_text
from linkspan.registry import refusals
from linkspan.registry.extras import checked_metadata, checked_rules
from linkspan.registry.levels import Level
from linkspan.registry.proposals import LATEST, Proposal
from linkspan.registry.refusals import RefusalError
from linkspan.registry.state import AVRO, Reference
from linkspan.registry.subjects import QualifiedSubject, normalized, normalized_context

__all__ = ["MEDIA_TYPE", "Call", "answer_type", "configuration_of", "proposal_of"]

MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_ANSWERED: Final = (MEDIA_TYPE, "application/vnd.schemaregistry+json", "application/json")
_TAKEN: Final = frozenset({*_ANSWERED, "application/octet-stream"})
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,10}")
_LARGEST: Final = 2**31 - 1
_T = TypeVar("_T")


def answer_type(accept: str | None) -> str:
    """The media type that a caller wants most of those that there are; raises a RefusalError (406) for none of them."""
    best: tuple[float, int, str] | None = None
    for item in (accept or "*/*").split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = _weight(parameters)
        for place, media in enumerate(_ANSWERED):
            if weight > 0 and name.lower() in {media, "application/*", "*/*", ""}:
                best = max(best or (0.0, -len(_ANSWERED), ""), (weight, -place, media))
    if best is None:
        raise RefusalError(406, "HTTP 406 Not Acceptable")
    return best[2]


def _weight(parameters: Sequence[str]) -> float:
    try:
        return next((float(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
    except ValueError:
        return 1.0


class Call:
    """A request with its parts read.

    Args:
        request: as received.
    """

    def __init__(self, request: RestRequest) -> None:
        self._request = request
        self._pairs = parse_qsl(request.query, keep_blank_values=True, errors="replace")
        self._query = dict(reversed(self._pairs))

    @property
    def context(self) -> str:
        """What names of the context in the path begin with; empty for the default one."""
        return normalized_context(self._request.names.get("context", "."))

    @property
    def subject(self) -> str:
        """The subject in the path, in its one spelling."""
        return self.qualified(self._request.names["subject"])

    @property
    def settings_subject(self) -> str | None:
        """Whose configuration or mode is meant: of a subject, of a context, or that of all (None)."""
        name = self._request.names.get("subject")
        if name is None:
            return self.context or None
        return self.qualified(name) or None

    def qualified(self, name: str) -> str:
        """A name within the context of the path, unless it names one itself."""
        return normalized(name if name.startswith((":.", ":*:")) else self.context + name)

    @property
    def version(self) -> int:
        """The version in the path, :data:`LATEST` for the latest."""
        text = self._request.names["version"].strip()
        if text.lower() == "latest":
            return LATEST
        if not _WHOLE.fullmatch(text) or not (0 < int(text) <= _LARGEST or int(text) == LATEST):
            raise refusals.invalid_version(self._request.names["version"])
        return int(text)

    @property
    def id(self) -> int:
        """The id in the path."""
        return int(self._request.names["id"])

    def name(self, part: str) -> str:
        """A part of the path."""
        return self._request.names[part]

    def text(self, name: str, default: str = "") -> str:
        """A parameter."""
        return self._query.get(name, default)

    def texts(self, name: str) -> list[str]:
        """All values of a parameter that may come several times."""
        return [value for key, value in self._pairs if key == name]

    def has(self, name: str) -> bool:
        """Whether a parameter is there."""
        return name in self._query

    def flag(self, name: str) -> bool:
        """A parameter that is true or false."""
        return self._query.get(name, "").lower() == "true"

    def page(self, items: Sequence[Any]) -> list[Any]:
        """The part of a list that ``offset`` and ``limit`` ask for."""
        begin, size = self._number("offset", 0), self._number("limit", -1)
        return list(items[max(begin, 0) :][: size if size > 0 else None])

    def _number(self, name: str, default: int) -> int:
        text = self._query.get(name, "")
        if not text:
            return default
        if not _WHOLE.fullmatch(text):
            raise RefusalError(404, "HTTP 404 Not Found")
        return int(text)

    def body(self) -> dict[str, Any]:
        """The body, which has to be a JSON object.

        Raises:
            RefusalError: it is of another type, or malformed.
        """
        kind = (self._request.headers.get("Content-Type") or "application/json").partition(";")[0].strip().lower()
        if kind not in _TAKEN:
            raise RefusalError(415, "HTTP 415 Unsupported Media Type")
        if not self._request.body.strip():
            raise RefusalError(422, "The request has no body, but a JSON object is needed")
        try:
            found = json_text.parse(self._request.body.decode())
        except ValueError as error:
            raise RefusalError(400, f"The request body is not valid JSON: {error}") from error
        if not isinstance(found, dict):
            raise RefusalError(400, "The request body must be a JSON object")
        return found

    def context_of_ids(self) -> QualifiedSubject:
        """Context and subject in which an id is looked for."""
        return QualifiedSubject.of(self.qualified(self._query.get("subject", "")))


def proposal_of(body: Mapping[str, Any]) -> Proposal:
    """The schema in a body; unknown members are ignored, as newer clients may send them.

    Raises:
        RefusalError: a member is not what it has to be.
    """
    number = _whole(body, "id")
    return Proposal(
        schema=_text(body, "schema") or "",
        type=_text(body, "schemaType") or AVRO,
        references=tuple(_reference(item) for item in _list(body, "references")),
        metadata=metadata_of(body, "metadata"),
        rule_set=rules_of(body, "ruleSet"),
        version=_whole(body, "version") or 0,
        id=None if number is None or number < 0 else number,
    )


def _reference(item: object) -> Reference:
    if not isinstance(item, dict):
        raise RefusalError(400, 'Each item of "references" must be an object')
    name, subject, version = _text(item, "name"), _text(item, "subject"), _whole(item, "version")
    if name is None or subject is None or version is None:
        raise refusals.invalid_schema(
            f"Invalid reference: {json_text.write(item)}; a reference needs name, subject and version"
        )
    return Reference(name, subject, version)


def _text(body: Mapping[str, Any], name: str) -> str | None:
    return _of_type(body, name, str, "a text")


def metadata_of(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Metadata in a body; raises a RefusalError."""
    try:
        return checked_metadata(body.get(name))
    except ValueError as error:
        raise RefusalError(400, f'"{name}": {error}') from error


def rules_of(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """A set of rules in a body; raises a RefusalError."""
    try:
        return checked_rules(body.get(name))
    except ValueError as error:
        raise refusals.invalid_rules(f"{name}: {error}") from error


def configuration_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body sets in a configuration, and what it takes away (None).

    Raises:
        RefusalError: a member is not what it has to be.
    """
    read: dict[str, Callable[[Mapping[str, Any], str], object]] = {
        **dict.fromkeys(("alias", "compatibilityPolicy", "compatibilityGroup"), _text),
        **dict.fromkeys(("normalize", "validateFields", "validateRules"), _boolean),
        **dict.fromkeys(("defaultMetadata", "overrideMetadata"), metadata_of),
        **dict.fromkeys(("defaultRuleSet", "overrideRuleSet"), rules_of),
    }
    found = {name: read_one(body, name) for name, read_one in read.items() if name in body}
    policy = found.get("compatibilityPolicy")
    if policy is not None and str(policy).upper() not in {"STRICT", "LENIENT"}:
        raise RefusalError(42203, "Invalid compatibility policy. Valid values are strict and lenient")
    if "compatibility" in body:
        level = body["compatibility"]
        found["compatibilityLevel"] = None if level is None else Level.of(level).value
    return found


def _boolean(body: Mapping[str, Any], name: str) -> bool | None:
    return _of_type(body, name, bool, "true or false")


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    return _of_type(body, name, list, "a list") or []


def _whole(body: Mapping[str, Any], name: str) -> int | None:
    value = _of_type(body, name, int, "a whole number")
    if isinstance(value, bool) or (value is not None and not -_LARGEST <= value <= _LARGEST):
        raise RefusalError(400, f'"{name}" must be a whole number of 32 bits')
    return value


def _of_type(body: Mapping[str, Any], name: str, kind: type[_T], what: str) -> _T | None:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise RefusalError(400, f'"{name}" must be {what}')
    return value
