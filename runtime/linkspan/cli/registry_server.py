"""One schema registry from its start to its end: what it is made of, and in which order that comes and goes."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.cli.exits import CannotStartError
from linkspan.cli.lifetime import Lifetime
from linkspan.config.listeners import parse_listeners
from linkspan.config.registry import RegistryConfig, client_properties, max_request_size
from linkspan.config.response_headers import header_rules
from linkspan.log.port import ExclusiveWriter, Log, Table, TopicSpec
from linkspan.registry.levels import Level
from linkspan.registry.parsers import PARSERS
from linkspan.registry.service import Registry
from linkspan.rest import tls
from linkspan.rest.app import RestApp
from linkspan.rest.headers import CrossOrigin
from linkspan.rest.registry import registry_routes
from linkspan.rest.registry_requests import MEDIA_TYPE
from linkspan.rest.registry_users import users_of
from linkspan.rest.server import HttpServer

__all__ = ["RegistryServer"]

_ID_SECONDS: Final = 60.0
_log: Final = logging.getLogger("linkspan.cli")


class RegistryServer:
    """A registry that serves HTTP.

    Args:
        config: its properties.

    Raises:
        ConfigError: a key cannot be honoured.
    """

    def __init__(self, config: RegistryConfig) -> None:
        self._config = config
        self._clients = {} if config.embedded else client_properties(config)
        self._log: Log | None = None
        table, writer = self._embedded() if config.embedded else self._kafka()
        self._registry = Registry(
            table,
            writer,
            PARSERS,
            default=Level.of(config.level),
            seconds=config.kafkastore_timeout_ms / 1000,
            modes_change=config.mode_mutability,
            largest=None if config.embedded else max_request_size(self._clients),
        )
        self._users = users_of(config)
        origins = config.access_control_allow_origin.strip()
        cross = CrossOrigin(origins, config.access_control_allow_methods) if origins else None
        self._app = RestApp(cross, header_rules(config.response_http_headers_config), content_type=MEDIA_TYPE)
        listeners = parse_listeners(config.listeners)
        secure = any(listener.scheme == "https" for listener in listeners)
        context = tls.server_context(config.originals, tls.PREFIX) if secure else None
        self._server = HttpServer(self._app, listeners, context)

    async def run(self) -> int:
        """Start, wait for a signal, stop."""
        return await Lifetime(self._start, self._stop, "Schema registry").run()

    # --- starting -----------------------------------------------------------------------------------------------

    def _embedded(self) -> tuple[Table, ExclusiveWriter]:
        from linkspan.log.embedded.table import EmbeddedTable  # noqa: PLC0415 - only one of the two is loaded

        table = EmbeddedTable(str(Path(self._config.linkspan_data_dir).resolve()), self._config.kafkastore_topic)
        return table, table

    def _kafka(self) -> tuple[Table, ExclusiveWriter]:
        from linkspan.log.kafka import KafkaLog  # noqa: PLC0415 - as above

        config, log = self._config, KafkaLog()
        self._log = log
        topic, group = config.kafkastore_topic, config.schema_registry_group_id
        table = log.table(
            self._clients,
            TopicSpec(topic, 1, config.kafkastore_topic_replication_factor),
            key="kafkastore.topic",
            holds="schemas",
            client_id=group,
            single_partition=True,
            read_committed=True,
        )
        # named after the topic alone: registries of different groups must not write to one topic either
        writer = log.exclusive_writer(
            self._clients, topic, transactional_id=f"schema-registry-{topic}", client_id=f"{group}-writer"
        )
        return table, writer

    async def _start(self) -> None:
        try:
            await self._server.start()
            await self._registry.open()
            cluster = await asyncio.to_thread(self._cluster_id)
        except ConnectError as error:
            raise CannotStartError(2 if isinstance(error, ConfigError) else 3, error) from error
        routes = registry_routes(self._registry, cluster, self._config.schema_registry_group_id)
        self._app.install(routes, [] if self._users is None else [self._users.check])
        for listener, port in zip(parse_listeners(self._config.listeners), self._server.ports, strict=True):
            _log.info("REST API at %s://%s:%d", listener.scheme, listener.host or "0.0.0.0", port)  # noqa: S104 - shown
        _log.info("Schema registry started")

    def _cluster_id(self) -> str | None:
        if self._log is None:
            return None
        admin = self._log.admin(self._clients)
        try:
            return admin.cluster_id(_ID_SECONDS)
        finally:
            admin.close()

    # --- stopping -----------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        await self._server.stop()
        await self._registry.close()
        _log.info("Schema registry stopped")
