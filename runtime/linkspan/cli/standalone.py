"""``connect-standalone worker.properties [connector1.properties connector2.json …]`` (spec/runtime.md 7.1, 7.2).

Exit statuses: 0 normal stop, 1 usage, 2 the worker cannot be built, 3 it cannot start or a connector file is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import ssl
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Final

from linkspan import __version__
from linkspan.api.errors import ConfigError, ConnectError, CorruptStateError
from linkspan.cli import connector_files
from linkspan.cli.background import start_in_background
from linkspan.config import definition, properties
from linkspan.config.listeners import Listener, parse_listeners
from linkspan.config.response_headers import header_rules
from linkspan.config.suggestions import unknown_keys
from linkspan.config.worker import PREFIXES, DistributedConfig, StandaloneConfig
from linkspan.herder.standalone import StandaloneHerder
from linkspan.log.port import Log
from linkspan.observe import logging as log_lines
from linkspan.observe import streams
from linkspan.observe.levels import LEVELS, Levels
from linkspan.plugins.framework import check_converters
from linkspan.rest import tls
from linkspan.rest.app import RestApp, admin_routes, herder_routes
from linkspan.rest.extensions import Extensions, HerderState
from linkspan.rest.headers import CrossOrigin
from linkspan.rest.listeners import advertised
from linkspan.rest.server import HttpServer
from linkspan.worker.offsets import FileOffsetStore
from linkspan.worker.supervisor import Worker

__all__ = ["KAFKA_VERSION", "main"]

KAFKA_VERSION: Final = "4.3.1"
"""The release whose behaviour is reproduced; clients read it from ``GET /``."""

_USAGE: Final = "Usage: connect-standalone [-daemon] worker.properties [connector1.properties connector2.json ...]"
_LEVEL: Final = "LINKSPAN_LOG_LEVEL"
_QUEUE_SECONDS: Final = 2.0
"""How long what users have asked for may go on once the worker stops."""
log = logging.getLogger("linkspan.cli.standalone")


class _CannotStart(Exception):  # noqa: N818 - carries an exit status, is no error of its own
    """Ends the command with a status and one message."""

    def __init__(self, status: int, error: ConnectError) -> None:
        super().__init__(error.message)
        self.status = status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a standalone worker until it is told to stop; the exit status."""
    streams.open_missing()
    given = list(sys.argv[1:] if arguments is None else arguments)
    background = given[:1] == ["-daemon"]
    if background:
        del given[0]
    if not given or "--help" in given or "-h" in given:
        print(_USAGE)
        return 1
    try:
        if background:
            start_in_background(given)
            return 0
        level = _log_level()
        config = _worker_config(given[0])
    except ConnectError as error:
        print(f"connect-standalone: {error.message}", file=sys.stderr)
        return 2
    _allow_open_files()
    log_lines.setup(config.linkspan_log_format, level)
    _note_unknown(config)
    try:
        return asyncio.run(_Standalone(config, given[1:]).run())
    except _CannotStart as stop:
        print(f"connect-standalone: {stop}", file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:
        return 130


def _allow_open_files() -> None:
    """As many as the system lets us have, for us and our children; each child takes four."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # then it stays as it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _log_level() -> int:
    name = os.environ.get(_LEVEL) or "INFO"
    level = LEVELS.get(name.upper())
    if level is None:
        raise ConfigError(f"{_LEVEL}={name} is no level; there are {', '.join(LEVELS)}")
    return level


def _worker_config(path: str) -> StandaloneConfig:
    submitted = properties.load(path) if path else {}
    try:
        config = definition.load(StandaloneConfig, submitted)
    except ConfigError as error:
        mark = properties.byte_order_mark(submitted)
        raise (ConfigError(f"{error.message}; in {path}, {mark}", error.key) if mark else error) from None
    if config.config_providers:
        value = ",".join(config.config_providers)
        raise ConfigError.invalid("config.providers", value, "this is not available yet; remove the key")
    return config


def _note_unknown(config: StandaloneConfig) -> None:
    known = {key.name for key in (*StandaloneConfig.keys, *DistributedConfig.keys)}
    for key, near in unknown_keys(config.originals, known, PREFIXES).items():
        log.warning("Unknown worker key %s is ignored%s", key, f"; did you mean {near}?" if near else "")


class _Standalone:
    """One worker process.

    Args:
        config: the worker file.
        files: connector files.
    """

    def __init__(self, config: StandaloneConfig, files: Sequence[str]) -> None:
        self._config = config
        self._files = files
        self._stopping = asyncio.Event()
        self._worker: Worker | None = None
        self._herder: StandaloneHerder | None = None
        self._servers: list[HttpServer] = []
        self._extensions: Extensions | None = None

    async def run(self) -> int:
        """Start, wait for a signal, stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)
        try:
            await self._unless_stopped(self._start())
            await self._stopping.wait()
        finally:
            await self._stop()
        return 0

    def _signalled(self, number: int) -> None:
        if self._stopping.is_set():
            log.warning("Stopped at once by a second %s", signal.Signals(number).name)
            os._exit(128 + number)
        log.info("Kafka Connect stopping (%s)", signal.Signals(number).name)
        self._stopping.set()

    async def _unless_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Wait for ``work``, but give it up when a signal comes: a start may take for ever."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
            return
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    # --- starting -----------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        await self._build()
        await self._create_connectors()

    async def _build(self) -> None:
        config = self._config
        log.info("%s", _log_in_use(config))
        try:
            await self._listen()
            self._worker = Worker(
                _defaults_filled_in(config),
                _log_of(config),
                FileOffsetStore(config.offset_storage_file_filename),
                plugin_path=config.plugin_path or [],
            )
            await self._worker.start()
            check_converters(self._worker.catalog, config.originals)
        except ConnectError as error:
            raise _CannotStart(3 if isinstance(error, CorruptStateError) else 2, error) from error
        try:
            self._install()
        except ConnectError as error:
            raise _CannotStart(3, error) from error
        log.info("Kafka version: %s", KAFKA_VERSION)

    async def _listen(self) -> None:
        config = self._config
        origins = config.access_control_allow_origin.strip()
        cross = CrossOrigin(origins, config.access_control_allow_methods) if origins else None
        self._app = RestApp(cross, header_rules(config.response_http_headers_config))
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
        self._worker_id = f"{host}:{port}"
        log.info("REST API at %s://%s:%d/", scheme, host, port)
        self._admin_app = None
        if config.admin_listeners:
            self._admin_app = RestApp()
            own = parse_listeners(config.admin_listeners, "admin.listeners")
            admin = HttpServer(self._admin_app, own, _tls(own, config, tls.ADMIN_PREFIX))
            await admin.start()
            self._servers.append(admin)

    def _install(self) -> None:
        config, worker = self._config, self._worker
        assert worker is not None
        info: dict[str, object] = {
            "version": KAFKA_VERSION,
            "commit": f"linkspan-{__version__}",
            "kafka_cluster_id": worker.cluster_id,
        }
        if config.embedded:
            info["log"] = "embedded"
        herder = StandaloneHerder(
            worker,
            self._worker_id,
            info,
            topic_tracking=config.topic_tracking_enable,
            topic_reset=config.topic_tracking_allow_reset,
        )
        worker.on_status = herder.on_status
        worker.on_reconfigure = herder.on_reconfigure
        worker.on_topics = herder.on_topics
        self._herder = herder
        levels = Levels(worker.set_log_level)
        if self._admin_app is not None:
            self._admin_app.install(admin_routes(levels))
        on_main = admin_routes(levels) if config.admin_listeners is None else []
        extensions = self._extensions = Extensions(HerderState(herder, worker.cluster_id))
        extensions.register(config.rest_extension_classes, worker.catalog, config.originals)
        self._app.install([*herder_routes(herder), *on_main, *extensions.routes], extensions.filters)

    async def _create_connectors(self) -> None:
        assert self._herder is not None
        for path in self._files:
            try:
                wanted = connector_files.read(path)
                await self._herder.create_connector(wanted.name, wanted.config, wanted.target)
            except ConnectError as error:
                message = ConfigError(f"Failed to create the connector of {path}: {error.message}")
                raise _CannotStart(3, message) from error
            log.info("Created connector %s", wanted.name)
        self._herder.ready()
        log.info("Kafka Connect started")

    # --- stopping -----------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        # Together: neither a slow client nor a request that waits for a plugin takes the tasks' time.
        ends = [server.stop() for server in self._servers]
        if self._herder is not None:
            ends.append(self._herder.stop(_QUEUE_SECONDS))
        await asyncio.gather(*ends)
        if self._extensions is not None:
            self._extensions.close()
        if self._worker is not None:
            await self._worker.stop()
        log.info("Kafka Connect stopped")


def _tls(listeners: Sequence[Listener], config: StandaloneConfig, prefix: str) -> ssl.SSLContext | None:
    if all(listener.scheme != "https" for listener in listeners):
        return None
    return tls.server_context(config.originals, prefix)


def _log_in_use(config: StandaloneConfig) -> str:
    if config.embedded:
        folder = Path(config.linkspan_data_dir).resolve()
        return f"Linkspan {__version__} on the embedded log in {folder} (bootstrap.servers is not set)"
    return f"Linkspan {__version__} on Kafka at {','.join(config.bootstrap_servers)}"


def _log_of(config: StandaloneConfig) -> Log:
    if config.embedded:
        from linkspan.log.embedded import EmbeddedLog  # noqa: PLC0415 - only one of the two is loaded

        return EmbeddedLog(str(Path(config.linkspan_data_dir).resolve()))
    from linkspan.log.kafka import KafkaLog  # noqa: PLC0415 - as above

    return KafkaLog()


def _defaults_filled_in(config: StandaloneConfig) -> dict[str, str]:
    """The worker's properties as texts; what the worker reads is there even when the file leaves it out."""
    given = {key: value for key, value in config.originals.items() if value is not None}
    given.setdefault("header.converter", config.header_converter)
    return given


if __name__ == "__main__":
    sys.exit(main())
