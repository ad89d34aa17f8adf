"""Wires the REST API of a worker: listeners, routes, extensions."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence

from linkspan.config.listeners import Listener, parse_listeners
from linkspan.config.response_headers import header_rules
from linkspan.config.worker import WorkerConfig
from linkspan.herder.port import Herder, Peers
from linkspan.observe.levels import Levels
from linkspan.rest import tls
from linkspan.rest.app import RestApp, admin_routes, herder_routes
from linkspan.rest.extensions import Extensions, HerderState
from linkspan.rest.forwarding import HttpPeers, WorkerClient
from linkspan.rest.headers import CrossOrigin
from linkspan.rest.listeners import advertised
from linkspan.rest.metrics import MetricsResource
from linkspan.rest.server import HttpServer
from linkspan.worker.supervisor import Worker

__all__ = ["RestApi"]

log = logging.getLogger(__name__)


class RestApi:
    """The REST API of one worker.

    Attributes:
        worker_id: ``host:port`` under which the worker is known; set by :meth:`listen`.
        url: address of the API, to give to other workers; set by :meth:`listen`.
        peers: asks other workers.

    Args:
        config: the worker file.
        patience: seconds that requests wait for the group to replace a worker that is gone.
    """

    def __init__(self, config: WorkerConfig, patience: float = 0.0) -> None:
        self.worker_id = ""
        self.url = ""
        self._config = config
        self._client = WorkerClient(config.originals, patience=patience)
        self.peers: Peers = HttpPeers(self._client)
        origins = config.access_control_allow_origin.strip()
        cross = CrossOrigin(origins, config.access_control_allow_methods) if origins else None
        self._app = RestApp(cross, header_rules(config.response_http_headers_config))
        self._admin_app: RestApp | None = None
        self._metrics_app: RestApp | None = None
        self._servers: list[HttpServer] = []
        self._extensions: Extensions | None = None

    async def listen(self) -> None:
        """Take the ports; every path answers 404 until :meth:`install`.

        Raises:
            ConfigError: a listener is malformed, or its key store is of no use.
            UnreachableError: a port cannot be had.
        """
        config = self._config
        listeners = parse_listeners(config.listeners)
        server = HttpServer(self._app, listeners, _tls(listeners, config, tls.PREFIX))
        await server.start()
        self._servers.append(server)
        scheme, host, port = advertised(
            listeners,
            server.ports,
            scheme=config.rest_advertised_listener,
            host=config.rest_advertised_host_name,
            port=config.rest_advertised_port,
        )
        self.worker_id = f"{host}:{port}"
        self.url = f"{scheme}://{self.worker_id}/"
        log.info("REST API at %s", self.url)
        if config.admin_listeners:
            self._admin_app = await self._listen_apart("admin.listeners", config.admin_listeners, tls.ADMIN_PREFIX)
        if config.linkspan_metrics_enable and config.linkspan_metrics_listeners:
            own = config.linkspan_metrics_listeners
            self._metrics_app = await self._listen_apart("linkspan.metrics.listeners", own, tls.PREFIX)

    async def _listen_apart(self, key: str, urls: Sequence[str], prefix: str) -> RestApp:
        """Take the ports of an app of its own."""
        app, listeners = RestApp(), parse_listeners(urls, key)
        server = HttpServer(app, listeners, _tls(listeners, self._config, prefix))
        await server.start()
        self._servers.append(server)
        return app

    def install(self, herder: Herder, worker: Worker, levels: Levels) -> None:
        """Answer from now on.

        Args:
            herder: decides.
            worker: knows the plugins.
            levels: of the loggers of this process and of the worker's children.

        Raises:
            ConfigError: an extension is unknown or cannot be configured.
        """
        config = self._config
        if self._admin_app is not None:
            self._admin_app.install(admin_routes(levels, herder))
        on_main = admin_routes(levels, herder) if config.admin_listeners is None else []
        extensions = self._extensions = Extensions(HerderState(herder, worker.cluster_id))
        extensions.register(config.rest_extension_classes, worker.catalog, config.originals)
        # after those of extensions: one that measures in its own way keeps its path
        measured = MetricsResource((worker.metrics, herder.metrics)).routes() if config.linkspan_metrics_enable else []
        if self._metrics_app is not None:
            self._metrics_app.install(measured)
        self._app.install(
            [*herder_routes(herder, self._client), *on_main, *extensions.routes, *measured], extensions.filters
        )

    async def stop(self) -> None:
        """Take no more requests, and end those that wait."""
        await asyncio.gather(*(server.stop() for server in self._servers))

    async def close_peers(self) -> None:
        """Ask other workers no more, when the herder has come to its end."""
        await self._client.close()

    def close_extensions(self) -> None:
        """Close the extensions, when nobody needs the herder any more."""
        if self._extensions is not None:
            self._extensions.close()


def _tls(listeners: Sequence[Listener], config: WorkerConfig, prefix: str) -> ssl.SSLContext | None:
    if all(listener.scheme != "https" for listener in listeners):
        return None
    return tls.server_context(config.originals, prefix)
