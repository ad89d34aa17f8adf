"""One worker of a group from its start to its end: what it is made of, and in which order that comes and goes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Final

from linkspan import KAFKA_VERSION, OUR_COMMIT, __version__
from linkspan.api.errors import ConnectError
from linkspan.cli.exits import CannotStartError
from linkspan.cli.lifetime import Lifetime, to_the_end
from linkspan.cli.rest_api import RestApi
from linkspan.config.internal_topics import extra_settings
from linkspan.config.worker import DistributedConfig, worker_properties
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.distributed import DistributedHerder, DistributedSettings
from linkspan.herder.join_guard import JoinRefusedError
from linkspan.herder.membership import GroupMembership
from linkspan.herder.participant import GroupTimes
from linkspan.herder.sessions import KeyPolicy
from linkspan.herder.status_topic import StatusTopic
from linkspan.herder.together import together
from linkspan.herder.topic_tracking import TopicTracking
from linkspan.log.port import Log, Table, TopicSpec
from linkspan.observe.levels import Levels
from linkspan.plugins.catalog import Catalog
from linkspan.plugins.framework import check_converters
from linkspan.worker.clients import with_quick_ends
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.offset_topic import TopicOffsetStore
from linkspan.worker.supervisor import Worker

__all__ = ["Distributed"]

_QUEUE_SECONDS: Final = 2.0
"""How long what users have asked for may go on once the worker stops."""
_ROUND_SECONDS: Final = 5.0
"""How long a group needs to put a worker in the place of one whose session has ended."""
log = logging.getLogger(__name__)


class Distributed:
    """One worker process.

    Args:
        config: the worker file.
        log_in_use: where records live.
        nurseries: where the worker's children come from.
        search: looks for plugins.
    """

    def __init__(
        self, config: DistributedConfig, log_in_use: Log, nurseries: Nurseries, search: Awaitable[Catalog]
    ) -> None:
        self._config = config
        self._log = log_in_use
        self._nurseries = nurseries
        self._search = search
        self._properties = worker_properties(config)
        self._sources = config.exactly_once_source_support.lower()
        self._worker: Worker | None = None
        self._herder: DistributedHerder | None = None
        self._api = RestApi(config, config.session_timeout_ms / 1000 + _ROUND_SECONDS)
        self._life = Lifetime(self._start, self._stop)

    async def run(self) -> int:
        """Start, wait for a signal, stop."""
        return await self._life.run()

    # --- starting -----------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        config = self._config
        try:
            offsets = TopicOffsetStore(
                self._table(
                    "offset",
                    config.offset_storage_topic,
                    config.offset_storage_partitions,
                    config.offset_storage_replication_factor,
                )
            )
            worker = self._worker = Worker(
                self._properties,
                self._log,
                offsets,
                search=self._search,
                nurseries=self._nurseries,
                keeps_places_as=config.group_id if config.linkspan_sink_static_membership else None,
                delivers_once_as=config.group_id if self._sources == "enabled" else None,
            )
            await together(self._api.listen(), worker.start())
            check_converters(worker.catalog, config.originals)
            herder = self._herder = self._make_herder(worker)
        except ConnectError as error:
            raise CannotStartError(2, error) from error
        log.info("Kafka version: %s", KAFKA_VERSION)
        try:
            await together(worker.open_offsets(), herder.open())
            await herder.start()
        except ConnectError as error:
            raise CannotStartError(2 if isinstance(error, JoinRefusedError) else 1, error) from error
        log.info("Kafka Connect started")
        await herder.joined()
        log.info("Herder started")

    def _make_herder(self, worker: Worker) -> DistributedHerder:
        config = self._config
        levels = Levels(worker.set_log_level)
        herder = DistributedHerder(
            worker,
            self._config_topic(),
            StatusTopic(
                self._table(
                    "status",
                    config.status_storage_topic,
                    config.status_storage_partitions,
                    config.status_storage_replication_factor,
                )
            ),
            GroupMembership(
                {**self._properties, "heartbeat.interval.ms": str(config.heartbeat_interval_ms)},
                self._api.worker_id,
                self._end,
            ),
            self._api.peers,
            levels.set_level,
            {
                "version": KAFKA_VERSION,
                "commit": f"{OUR_COMMIT}{__version__}",
                "kafka_cluster_id": worker.cluster_id,
            },
            self._settings(),
        )
        worker.on_status = herder.on_status
        worker.on_reconfigure = herder.on_reconfigure
        worker.on_topics = herder.on_topics
        worker.on_reload = herder.on_reload
        worker.member_id = herder.member_id
        worker.owns = herder.owns
        worker.guard_tasks(herder.guard)
        herder.broken = self._end
        self._api.install(herder, worker, levels)
        return herder

    def _settings(self) -> DistributedSettings:
        config = self._config
        return DistributedSettings(
            group=config.group_id,
            worker_id=self._api.worker_id,
            url=self._api.url,
            protocol=config.connect_protocol.lower(),
            times=GroupTimes(
                config.worker_sync_timeout_ms / 1000,
                config.worker_unsync_backoff_ms / 1000,
                config.scheduled_rebalance_max_delay_ms / 1000,
            ),
            keys=KeyPolicy.of(config),
            signs_with=config.inter_worker_signature_algorithm,
            verifies=config.inter_worker_verification_algorithms,
            topics=TopicTracking(config.topic_tracking_enable, config.topic_tracking_allow_reset),
            delivers_once=self._sources == "enabled",
            joins_without_plugins=config.linkspan_join_unsupported == "allow",
        )

    def _table(self, kind: str, topic: str, partitions: int, copies: int) -> Table:
        """One of the internal topics, with the settings that begin with its prefix (spec/runtime.md 2.1)."""
        named = {"config": "configs", "offset": "offsets", "status": "statuses"}[kind]
        holds = {
            "config": "connector configurations",
            "offset": "source connector offsets",
            "status": "connector and task statuses",
        }[kind]
        return self._log.table(
            self._properties,
            TopicSpec(topic, partitions, copies, extra_settings(kind, self._properties, topic)),
            key=f"{kind}.storage.topic",
            holds=holds,
            client_id=self._client_id(named),
            single_partition=kind == "config",
            # states are never part of a transaction
            read_committed=self._sources == "enabled" and kind != "status",
            clients={} if self._sources == "disabled" else {"consumer": with_quick_ends(self._properties)},
        )

    def _client_id(self, what: str) -> str:
        own = f"{self._config.client_id}-" if self._config.client_id else ""
        return f"{self._config.group_id}-{own}{what}"

    def _config_topic(self) -> ConfigTopic:
        config = self._config
        table = self._table("config", config.config_storage_topic, 1, config.config_storage_replication_factor)
        if self._sources == "disabled":
            return ConfigTopic(table)
        writer = self._log.exclusive_writer(
            self._properties,
            config.config_storage_topic,
            transactional_id=f"connect-cluster-{config.group_id}",
            client_id=self._client_id("configs-leader"),
        )
        return ConfigTopic(table, writer)

    def _end(self, error: ConnectError) -> None:
        """The group can never have this worker, or this worker cannot do its part."""
        self._life.end(CannotStartError(1, error))

    # --- stopping -----------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        # Together: neither a slow client nor a request that waits for a plugin takes the tasks' time.
        ends = [self._api.stop()]
        if self._herder is not None:
            ends.append(self._herder.stop(_QUEUE_SECONDS))
        await to_the_end(*ends)
        await to_the_end(self._api.close_peers())
        self._api.close_extensions()
        if self._worker is not None:
            await self._worker.stop()
        log.info("Kafka Connect stopped")
