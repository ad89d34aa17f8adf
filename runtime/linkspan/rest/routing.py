"""Paths, methods and media types, by the rules of the Java worker's framework.

Paths are matched as they were sent, segment by segment, and decoded afterwards: ``%2F`` is part of a name. A trailing
slash makes no difference. HEAD answers like GET; OPTIONS lists the methods.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

from linkspan.api.rest import RestHandler
from linkspan.herder.port import Body
from linkspan.rest.errors import HttpError

__all__ = [
    "SEGMENT_CHARACTERS",
    "Answer",
    "ForeignRoute",
    "Handler",
    "Request",
    "Route",
    "Router",
    "check_accept",
    "check_content_type",
    "decoded",
    "query_of",
]

SEGMENT_CHARACTERS: Final = "-._~!$&'()*+,;=:@"
"""What RFC 3986 allows in a segment stays, as in the original; "/" and "%" never do."""
# The order in which the original lists them.
METHOD_ORDER: Final = ("HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH")
_RANGE: Final = re.compile(r"\s*([^\s/;,]+)/([^\s/;,]+)\s*(?:;.*)?")
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(slots=True)
class Request:
    """What a handler sees of a request.

    Attributes:
        names: decoded values of the path's variables.
        query: parameters in order, decoded.
        body: as received.
        base_url: ``scheme://host`` under which the caller sees us.
        path: as it was sent.
        headers: as received.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    base_url: str = ""
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def parameter(self, name: str) -> str | None:
        """First value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean parameter: "true" in any case is true, everything else false; an empty one counts as missing."""
        value = self.parameter(name)
        return value.lower() == "true" if value else default


@dataclass(slots=True)
class Answer:
    """What a handler returns: status, JSON body (or its text, or none), headers."""

    status: int = 200
    body: Body | bytes | list[object] | list[str] | list[Body] | Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        method: HTTP method.
        path: segments; ``{name}`` stands for any one segment, ``{name:int}`` for a whole number of 32 bits.
        handler: answers.
        takes_body: whether a body must be JSON; other bodies are ignored.
        takes_raw_body: whether a body of any type is taken.
        passes_on: boolean parameters that go along when another worker answers.
    """

    method: str
    path: str
    handler: Handler
    takes_body: bool = False
    takes_raw_body: bool = False
    passes_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignRoute:
    """One method of one path that an extension answers; the same attributes as :class:`Route`."""

    method: str
    path: str
    handler: RestHandler


@dataclass(frozen=True, slots=True)
class _Path:
    segments: list[str]
    methods: dict[str, Route | ForeignRoute] = field(default_factory=dict)

    @property
    def allowed(self) -> list[str]:
        known = {*self.methods, "OPTIONS"} | ({"HEAD"} if "GET" in self.methods else set())
        return [name for name in METHOD_ORDER if name in known]


class Router:
    """Finds the handler of a request.

    Args:
        routes: all of them; of two for the same requests the first wins.
    """

    def __init__(self, routes: Sequence[Route | ForeignRoute]) -> None:
        self._paths: dict[int, list[_Path]] = {}
        for route in routes:
            segments = _split(route.path)
            alike = self._paths.setdefault(len(segments), [])
            path = next((known for known in alike if known.segments == segments), None)
            if path is None:
                path = _Path(segments)
                alike.append(path)
            path.methods.setdefault(route.method, route)

    def find(self, path: str, method: str) -> tuple[Route | ForeignRoute | None, dict[str, str], list[str]]:
        """The route, the decoded variables, and no methods; for OPTIONS no route, but the methods of the path.

        Raises:
            HttpError: 404, 405, or 400 for a path that cannot be decoded.
        """
        sent = _split(path)
        for known in self._paths.get(len(sent), ()):
            names = _match(known.segments, sent)
            if names is None:
                continue
            route = known.methods.get("GET" if method == "HEAD" else method)
            if route is None and method != "OPTIONS":
                raise HttpError(405)
            return route, names, known.allowed if route is None else []
        raise HttpError(404)


def check_accept(header: str | None) -> None:
    """Refuse (406) a caller who does not take JSON; weights are not looked at, as in the original."""
    if header is None or not header.strip():
        return
    for item in header.split(","):
        match = _RANGE.fullmatch(item)
        if match and (match[1] in {"*", "application"}) and match[2].lower() in {"*", "json"}:
            return
    raise HttpError(406)


def check_content_type(header: str | None) -> None:
    """Refuse (415) a body that does not claim to be JSON."""
    match = _RANGE.fullmatch(header or "")
    if match is None or (match[1].lower(), match[2].lower()) != ("application", "json"):
        raise HttpError(415)


def decoded(text: str) -> str:
    """Percent-decode one segment; 400 when it is no UTF-8 text."""
    if _BAD_PERCENT.search(text):
        raise HttpError(400, f"Bad percent encoding in the path: {text}")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise HttpError(400, f"The path is not UTF-8 text: {text}") from error


def query_of(text: str) -> list[tuple[str, str]]:
    """Decode a query string; a name without a value has an empty one."""
    return parse_qsl(text, keep_blank_values=True, errors="replace")


def _split(path: str) -> list[str]:
    segments = path.split("/")[1:]
    return segments[:-1] if segments and segments[-1] == "" else segments


def _match(segments: Sequence[str], sent: Sequence[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for wanted, given in zip(segments, sent, strict=True):
        if not wanted.startswith("{"):
            if wanted != given:
                return None
            continue
        if not given:
            return None
        name, _, kind = wanted.strip("{}").partition(":")
        value = decoded(given)
        if kind == "int" and not _is_int(value):
            return None
        found[name] = value
    return found


def _is_int(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,10}", text) is not None and -(2**31) <= int(text) < 2**31
