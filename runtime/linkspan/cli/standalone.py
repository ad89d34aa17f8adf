"""``connect-standalone worker.properties [connector1.properties connector2.json …]`` (spec/runtime.md 7.1, 7.2)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from linkspan import __version__
from linkspan.cli.worker_command import WorkerCommand
from linkspan.config.worker import StandaloneConfig
from linkspan.log.port import Log
from linkspan.worker.nurseries import PRELOADED, Nurseries
from linkspan.worker.plugin_search import find_plugins

if TYPE_CHECKING:
    from linkspan.cli.standalone_worker import Standalone
    from linkspan.plugins.catalog import Catalog

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a standalone worker until it is told to stop; the exit status."""
    return _COMMAND.main(arguments)


def _description(config: StandaloneConfig) -> str:
    if config.embedded:
        folder = Path(config.linkspan_data_dir).resolve()
        return f"Linkspan {__version__} on the embedded log in {folder} (bootstrap.servers is not set)"
    return f"Linkspan {__version__} on Kafka at {','.join(config.bootstrap_servers)}"


async def _run(config: StandaloneConfig, files: Sequence[str]) -> int:
    log_in_use = _log_of(config)
    nurseries = Nurseries([*PRELOADED, *log_in_use.preload])
    # The plugins are known, or nearly so, by the time that this process has imported what it is made of.
    search = asyncio.ensure_future(find_plugins(nurseries, config.plugin_path or []))
    standalone = await asyncio.to_thread(_standalone, config, files, log_in_use, nurseries, search)
    try:
        return await standalone.run()
    finally:
        search.cancel()
        await asyncio.gather(search, return_exceptions=True)


def _standalone(
    config: StandaloneConfig, files: Sequence[str], log_in_use: Log, nurseries: Nurseries, search: Awaitable[Catalog]
) -> Standalone:
    from linkspan.cli.standalone_worker import Standalone  # noqa: PLC0415 - takes long, so other work goes on meanwhile

    return Standalone(config, files, log_in_use, nurseries, search)


def _log_of(config: StandaloneConfig) -> Log:
    if config.embedded:
        from linkspan.log.embedded import EmbeddedLog  # noqa: PLC0415 - only one of the two is loaded

        return EmbeddedLog(str(Path(config.linkspan_data_dir).resolve()))
    from linkspan.log.kafka import KafkaLog  # noqa: PLC0415 - as above

    return KafkaLog()


_COMMAND: Final = WorkerCommand(
    name="connect-standalone",
    module="linkspan.cli.standalone",
    arguments=" [connector1.properties connector2.json ...]",
    config_class=StandaloneConfig,
    check=lambda _: None,
    describe=_description,
    run=_run,
)


if __name__ == "__main__":
    sys.exit(main())
