"""HTTP below the app: limits, and the answer to what is no HTTP."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from linkspan.rest.access_log import ACCESS_LOGGER, NcsaAccessLogger, one_line
from linkspan.rest.errors import ClientGoneError, error_body
from linkspan.rest.rendering import render

__all__ = ["HttpProtocol"]

MAX_LINE_BYTES: Final = 65536
"""Longest request line: names of connectors stand in it, and may have any length."""

_log: Final = logging.getLogger("linkspan.rest")


class HttpProtocol(web.Server):
    """Reads requests and hands them to an app."""

    def __call__(self) -> web.RequestHandler:
        """The protocol of one connection."""
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            max_line_size=MAX_LINE_BYTES,
            access_log_class=NcsaAccessLogger,
            access_log=logging.getLogger(ACCESS_LOGGER),
        )


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what the app cannot answer in the form of all refusals; the connection ends."""
        if isinstance(exc, ClientGoneError):
            raise exc  # which ends the connection
        if request.writer.output_size > 0:
            raise ConnectionError("half of an answer has been sent already")
        if status >= 500:
            _log.error("A request from %s failed", request.remote, exc_info=exc)
            text = "HTTP 500 Internal Server Error"
        else:
            status = 414 if isinstance(exc, LineTooLong) else status
            text = _shown(status, message)
            _log.info("Refused a request from %s: %s", request.remote, one_line(text))
        response = web.Response(
            status=status,
            body=render(error_body(status, text)),
            headers={"Content-Type": "application/json", "Server": "Linkspan"},
        )
        response.force_close()
        return response


def _shown(status: int, message: str | None) -> str:
    if status == 414:
        return f"HTTP 414 URI Too Long: a line of the request has more than {MAX_LINE_BYTES} bytes"
    return f"The request is not HTTP: {' '.join((message or '').split())}"
