"""``connect-distributed worker.properties`` (spec/runtime.md 7.1); more arguments are ignored."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Final

from linkspan import __version__
from linkspan.api.errors import ConfigError
from linkspan.cli.worker_command import WorkerCommand
from linkspan.config.worker import DistributedConfig
from linkspan.observe.levels import silence
from linkspan.worker.nurseries import PRELOADED, Nurseries
from linkspan.worker.plugin_search import find_plugins

if TYPE_CHECKING:
    from linkspan.cli.distributed_worker import Distributed
    from linkspan.log.port import Log
    from linkspan.plugins.catalog import Catalog

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker of a group until it is told to stop; the exit status."""
    return _COMMAND.main(arguments)


def _check(config: DistributedConfig) -> None:
    if config.embedded:
        raise ConfigError(
            "bootstrap.servers is not set: a group of workers needs Kafka. Name its brokers, or use "
            "connect-standalone, which can do without",
            "bootstrap.servers",
        )


def _description(config: DistributedConfig) -> str:
    return f"Linkspan {__version__} in group {config.group_id} on Kafka at {','.join(config.bootstrap_servers)}"


async def _run(config: DistributedConfig, _: Sequence[str]) -> int:
    from linkspan.log.kafka import KafkaLog  # noqa: PLC0415 - the usage is printed without it

    silence("kafka")  # as the membership does later on: children begin with the levels that there are now
    log_in_use = KafkaLog()
    nurseries = Nurseries([*PRELOADED, *log_in_use.preload])
    # The plugins are known, or nearly so, by the time that this process has imported what it is made of.
    search = asyncio.ensure_future(find_plugins(nurseries, config.plugin_path or []))
    distributed = await asyncio.to_thread(_distributed, config, log_in_use, nurseries, search)
    try:
        return await distributed.run()
    finally:
        search.cancel()
        await asyncio.gather(search, return_exceptions=True)


def _distributed(
    config: DistributedConfig, log_in_use: Log, nurseries: Nurseries, search: Awaitable[Catalog]
) -> Distributed:
    from linkspan.cli.distributed_worker import Distributed  # noqa: PLC0415 - takes long, so other work goes on

    return Distributed(config, log_in_use, nurseries, search)


_COMMAND: Final = WorkerCommand(
    name="connect-distributed",
    module="linkspan.cli.distributed",
    arguments="",
    config_class=DistributedConfig,
    check=_check,
    describe=_description,
    run=_run,
)


if __name__ == "__main__":
    sys.exit(main())
