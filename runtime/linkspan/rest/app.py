"""From resources to an HTTP handler: find the route, check media types, call, render, add configured headers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from aiohttp import web

from linkspan.api.errors import ConnectError
from linkspan.api.rest import RestFilter, RestRequest, RestResponse
from linkspan.config.response_headers import HeaderRule
from linkspan.herder.port import Herder
from linkspan.rest.access_log import one_line
from linkspan.rest.errors import ClientGoneError, HttpError, error_body, headers_of, status_of
from linkspan.rest.forwarding import WorkerClient, forwarded
from linkspan.rest.headers import CrossOrigin
from linkspan.rest.loggers import LevelRegistry, LoggerResources
from linkspan.rest.rendering import render
from linkspan.rest.resources import ConnectorResources, PluginResources, RootResources
from linkspan.rest.routing import (
    Answer,
    ForeignRoute,
    Request,
    Route,
    Router,
    check_accept,
    check_content_type,
    query_of,
)

__all__ = ["MAX_BODY_BYTES", "RestApp", "admin_routes", "herder_routes"]

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
BODY_SECONDS: Final = 30.0
JSON: Final = "application/json"
TEXT: Final = "text/plain"
_log: Final = logging.getLogger("linkspan.rest")


def herder_routes(herder: Herder, client: WorkerClient) -> list[Route]:
    """All endpoints that a herder answers, or lets another worker answer, whom ``client`` asks."""
    resources = (RootResources(herder), ConnectorResources(herder), PluginResources(herder))
    return [forwarded(route, client) for resource in resources for route in resource.routes()]


def admin_routes(registry: LevelRegistry, herder: Herder) -> list[Route]:
    """The endpoints that can be moved to ``admin.listeners``."""
    return LoggerResources(registry, herder).routes()


class RestApp:
    """Handles HTTP requests.

    Before :meth:`install` every path answers 404, as in the original while it starts.

    Args:
        cross_origin: answers other origins; None when not configured.
        rules: headers to add to every answer.
        body_seconds: within which the body of a request has to arrive.
        content_type: of bodies.
    """

    def __init__(
        self,
        cross_origin: CrossOrigin | None = None,
        rules: Sequence[HeaderRule] = (),
        body_seconds: float = BODY_SECONDS,
        content_type: str = JSON,
    ) -> None:
        self._router = Router(())
        self._cross_origin = cross_origin
        self._rules = rules
        self._body_seconds = body_seconds
        self._content_type = content_type
        self._filters: Sequence[RestFilter] = ()

    def install(self, routes: Sequence[Route | ForeignRoute], filters: Sequence[RestFilter] = ()) -> None:
        """From now on these endpoints answer, behind these filters."""
        self._filters = filters
        self._router = Router(routes)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            response = await self._answer(request)
        except ConnectError as error:
            status = status_of(error)
            if status >= 500:
                _log.error("%s failed: %s", _described(request), one_line(error.message))
            response = _json_response(
                Answer(status, error_body(status, error.message), headers_of(error)), self._content_type
            )
        except ClientGoneError:
            _log.debug("%s: the client went away before its request was complete", _described(request))
            raise
        except Exception as error:  # noqa: BLE001 - supervision point: a defect in one request must not end the server
            _log.exception("%s failed", _described(request))
            response = _json_response(
                Answer(500, error_body(500, str(error) or type(error).__name__)), self._content_type
            )
        self._decorate(request, response)
        return response

    async def _answer(self, sent: web.BaseRequest) -> web.Response:
        path, _, query = _origin_form(sent).partition("?")
        route, names, allowed = self._router.find(path, sent.method)
        if isinstance(route, Route):
            _check_media_types(route, sent)
        seen = RestRequest(sent.method, path, query, sent.headers, sent.secure)
        for rest_filter in self._filters:
            reply = await rest_filter(seen)
            if reply is not None:
                return _foreign_response(reply, JSON if route is not None else TEXT)
        if route is None:
            return web.Response(
                body=", ".join(allowed).encode(), headers={"Content-Type": TEXT, "Allow": ",".join(allowed)}
            )
        body = await _read(sent, self._body_seconds)
        if isinstance(route, ForeignRoute):
            return _foreign_response(await route.handler(replace(seen, names=names, body=body)), JSON)
        if body and route.takes_body:
            check_content_type(sent.headers.get("Content-Type"))
        base_url = f"{'https' if sent.secure else 'http'}://{_host(sent)}"
        request = Request(names, query_of(query), body, base_url, path, sent.headers)
        return _json_response(await route.handler(request), self._content_type)

    def _decorate(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        response.headers["Server"] = "Linkspan"
        if self._cross_origin is not None:
            response.headers.update(self._cross_origin.headers(request.method, request.headers))
        for rule in self._rules:
            if rule.replaces:
                response.headers[rule.name] = rule.value()
            else:
                response.headers.add(rule.name, rule.value())


HttpHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def _check_media_types(route: Route, sent: web.BaseRequest) -> None:
    """Refuse what can be refused before filters run, as in the original: they do not see such requests."""
    if route.takes_body and sent.content_length:
        check_content_type(sent.headers.get("Content-Type"))
    check_accept(sent.headers.get("Accept"))


def _described(request: web.BaseRequest) -> str:
    return f"{request.method} {one_line(request.raw_path)}"


def _host(request: web.BaseRequest) -> str:
    # the host that aiohttp takes out of a whole address has lost its port
    return request.headers.get("Host") or request.host


def _origin_form(request: web.BaseRequest) -> str:
    """Path and query of a request, also when it names the whole address, as proxies let clients do."""
    target = request.raw_path
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() not in {"http", "https"}:
        return target
    authority, slash, path = rest.partition("/")
    if authority != _host(request):
        raise HttpError(400, f"The request is for {authority}, but its Host header says {_host(request)}")
    return slash + path or "/"


async def _read(request: web.BaseRequest, seconds: float) -> bytes:
    await _go_on(request)
    if not request.body_exists:
        return b""
    if request.content_length is not None and request.content_length > MAX_BODY_BYTES:
        raise HttpError(413)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise HttpError(413)
                chunks.append(chunk)
    except TimeoutError:
        raise HttpError(408, f"The body of the request did not arrive within {seconds:g} s") from None
    except ConnectionError as error:
        raise ClientGoneError from error
    except web.RequestPayloadError as error:
        raise HttpError(400, f"The body of the request is not well-formed: {' '.join(str(error).split())}") from error
    return b"".join(chunks)


async def _go_on(request: web.BaseRequest) -> None:
    """Tell a client that waits for it to send the body."""
    expected = request.headers.get("Expect")
    if expected is None:
        return
    if expected.lower() != "100-continue":
        raise HttpError(417)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer proper has not begun


def _json_response(answer: Answer, content_type: str) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    return web.Response(
        status=answer.status, body=render(answer.body), headers={"Content-Type": content_type, **answer.headers}
    )


def _foreign_response(reply: RestResponse, content_type: str) -> web.Response:
    body = reply.body.encode() if isinstance(reply.body, str) else reply.body
    response = web.Response(status=reply.status, body=body, headers=dict(reply.headers))
    if "Content-Type" not in reply.headers:
        response.headers["Content-Type"] = content_type
    return response
