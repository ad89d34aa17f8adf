"""One standalone worker from its start to its end: what it is made of, and in which order that comes and goes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from typing import Final

from linkspan import KAFKA_VERSION, OUR_COMMIT, __version__
from linkspan.api.errors import ConfigError, ConnectError, CorruptStateError
from linkspan.cli import connector_files
from linkspan.cli.exits import CannotStartError
from linkspan.cli.lifetime import Lifetime, to_the_end
from linkspan.cli.rest_api import RestApi
from linkspan.config.worker import StandaloneConfig, worker_properties
from linkspan.herder.standalone import StandaloneHerder
from linkspan.herder.together import together
from linkspan.herder.topic_tracking import TopicTracking
from linkspan.log.port import Log
from linkspan.observe.levels import Levels
from linkspan.plugins.catalog import Catalog
from linkspan.plugins.framework import check_converters
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.offsets import FileOffsetStore
from linkspan.worker.supervisor import Worker

__all__ = ["Standalone"]

_QUEUE_SECONDS: Final = 2.0
"""How long what users have asked for may go on once the worker stops."""
log = logging.getLogger(__name__)


class Standalone:
    """One worker process.

    Args:
        config: the worker file.
        files: connector files.
        log_in_use: where records live.
        nurseries: where the worker's children come from.
        search: looks for plugins.
    """

    def __init__(
        self,
        config: StandaloneConfig,
        files: Sequence[str],
        log_in_use: Log,
        nurseries: Nurseries,
        search: Awaitable[Catalog],
    ) -> None:
        self._config = config
        self._log = log_in_use
        self._nurseries = nurseries
        self._search = search
        self._files = files
        self._worker: Worker | None = None
        self._herder: StandaloneHerder | None = None
        self._api = RestApi(config)

    async def run(self) -> int:
        """Start, wait for a signal, stop."""
        return await Lifetime(self._start, self._stop).run()

    # --- starting -----------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        await self._build()
        await self._create_connectors()

    async def _build(self) -> None:
        config = self._config
        self._worker = Worker(
            worker_properties(config),
            self._log,
            FileOffsetStore(config.offset_storage_file_filename),
            search=self._search,
            nurseries=self._nurseries,
        )
        try:
            await together(self._api.listen(), self._start_worker(self._worker))
            check_converters(self._worker.catalog, config.originals)
        except ConnectError as error:
            raise CannotStartError(3 if isinstance(error, CorruptStateError) else 2, error) from error
        try:
            self._install()
        except ConnectError as error:
            raise CannotStartError(3, error) from error
        log.info("Kafka version: %s", KAFKA_VERSION)

    @staticmethod
    async def _start_worker(worker: Worker) -> None:
        await worker.open_offsets()
        await worker.start()

    def _install(self) -> None:
        config, worker = self._config, self._worker
        assert worker is not None
        info: dict[str, object] = {
            "version": KAFKA_VERSION,
            "commit": f"{OUR_COMMIT}{__version__}",
            "kafka_cluster_id": worker.cluster_id,
        }
        if config.embedded:
            info["log"] = "embedded"
        levels = Levels(worker.set_log_level)
        herder = StandaloneHerder(
            worker,
            self._api.worker_id,
            info,
            topic_tracking=TopicTracking(config.topic_tracking_enable, config.topic_tracking_allow_reset),
            set_log_level=levels.set_level,
        )
        worker.on_status = herder.on_status
        worker.on_reconfigure = herder.on_reconfigure
        worker.on_topics = herder.on_topics
        worker.on_reload = herder.on_reload
        self._herder = herder
        self._api.install(herder, worker, levels)

    async def _create_connectors(self) -> None:
        assert self._herder is not None
        for path in self._files:
            try:
                wanted = connector_files.read(path)
                await self._herder.create_connector(wanted.name, wanted.config, wanted.target)
            except ConnectError as error:
                message = ConfigError(f"Failed to create the connector of {path}: {error.message}")
                raise CannotStartError(3, message) from error
            log.info("Created connector %s", wanted.name)
        self._herder.ready()
        log.info("Kafka Connect started")

    # --- stopping -----------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        # Together: neither a slow client nor a request that waits for a plugin takes the tasks' time.
        ends = [self._api.stop()]
        if self._herder is not None:
            ends.append(self._herder.stop(_QUEUE_SECONDS))
        await to_the_end(*ends)
        self._api.close_extensions()
        if self._worker is not None:
            await self._worker.stop()
        log.info("Kafka Connect stopped")
