"""Listening: several addresses, an optional second set for ``/admin``, graceful end (spec/runtime.md 1.1)."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from linkspan.api.errors import UnreachableError
from linkspan.config.listeners import Listener
from linkspan.rest.app import RestApp
from linkspan.rest.protocol import HttpProtocol

__all__ = ["GRACEFUL_SECONDS", "HttpServer"]

GRACEFUL_SECONDS: Final = 4.0
"""How long requests may go on once the server stops; what they wait for gives up sooner than that."""


class HttpServer:
    """One app on some listeners.

    Args:
        app: answers.
        listeners: where to listen.
        tls: for the https ones.
    """

    def __init__(self, app: RestApp, listeners: Sequence[Listener], tls: ssl.SSLContext | None = None) -> None:
        self._app = app
        self._listeners = listeners
        self._tls = tls
        self._runner: web.ServerRunner | None = None
        self.ports: list[int] = []

    async def start(self) -> None:
        """Bind all listeners; :attr:`ports` then holds the port of each.

        Raises:
            UnreachableError: an address cannot be bound; names it.
        """
        self._runner = web.ServerRunner(HttpProtocol(self._app.handle), shutdown_timeout=GRACEFUL_SECONDS)
        await self._runner.setup()
        for listener in self._listeners:
            tls = self._tls if listener.scheme == "https" else None
            site = web.TCPSite(self._runner, listener.host or None, listener.port, ssl_context=tls)
            try:
                await site.start()
            except OSError as error:
                await self._runner.cleanup()
                raise UnreachableError(
                    f"Cannot listen on {listener}: {error.strerror or error}. "
                    "Is another process using the port? Change 'listeners' or stop that process."
                ) from error
            self.ports.append(listener.port or _bound_port(site))

    async def stop(self) -> None:
        """Take no more requests, let running ones finish, close."""
        if self._runner is not None:
            await self._runner.cleanup()


def _bound_port(site: web.TCPSite) -> int:
    # aiohttp does not offer the port of a site; its server object is the only way to a port that the system chose.
    server = site._server  # noqa: SLF001
    sockets = getattr(server, "sockets", ())
    return int(sockets[0].getsockname()[1]) if sockets else 0
