"""``connect-standalone worker.properties [connector1.properties connector2.json …]`` (spec/runtime.md 7.1, 7.2).

Exit statuses: 0 normal stop, 1 usage, 2 the worker cannot be built, 3 it cannot start or a connector file is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from linkspan import __version__
from linkspan.api.errors import ConfigError, ConnectError
from linkspan.cli.background import start_in_background
from linkspan.cli.exits import CannotStartError
from linkspan.config import definition, properties
from linkspan.config.suggestions import unknown_keys
from linkspan.config.worker import PREFIXES, DistributedConfig, StandaloneConfig
from linkspan.log.port import Log
from linkspan.observe import logging as log_lines
from linkspan.observe import streams
from linkspan.observe.levels import LEVELS
from linkspan.worker.nurseries import PRELOADED, Nurseries

if TYPE_CHECKING:
    from linkspan.cli.standalone_worker import Standalone

__all__ = ["main"]

_USAGE: Final = "Usage: connect-standalone [-daemon] worker.properties [connector1.properties connector2.json ...]"
_LEVEL: Final = "LINKSPAN_LOG_LEVEL"
log = logging.getLogger("linkspan.cli.standalone")


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
    log.info("%s", _description(config))
    _note_unknown(config)
    try:
        return asyncio.run(_run(config, given[1:]))
    except CannotStartError as stop:
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


def _description(config: StandaloneConfig) -> str:
    if config.embedded:
        folder = Path(config.linkspan_data_dir).resolve()
        return f"Linkspan {__version__} on the embedded log in {folder} (bootstrap.servers is not set)"
    return f"Linkspan {__version__} on Kafka at {','.join(config.bootstrap_servers)}"


async def _run(config: StandaloneConfig, files: Sequence[str]) -> int:
    log_in_use = _log_of(config)
    nurseries = Nurseries([*PRELOADED, *log_in_use.preload])
    # The process that children come from is up by the time that this one has imported what it is made of.
    starting = asyncio.ensure_future(nurseries.start())
    standalone = await asyncio.to_thread(_standalone, config, files, log_in_use, nurseries)
    try:
        return await standalone.run()
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


def _standalone(config: StandaloneConfig, files: Sequence[str], log_in_use: Log, nurseries: Nurseries) -> Standalone:
    from linkspan.cli.standalone_worker import Standalone  # noqa: PLC0415 - takes long, so other work goes on meanwhile

    return Standalone(config, files, log_in_use, nurseries)


def _log_of(config: StandaloneConfig) -> Log:
    if config.embedded:
        from linkspan.log.embedded import EmbeddedLog  # noqa: PLC0415 - only one of the two is loaded

        return EmbeddedLog(str(Path(config.linkspan_data_dir).resolve()))
    from linkspan.log.kafka import KafkaLog  # noqa: PLC0415 - as above

    return KafkaLog()


if __name__ == "__main__":
    sys.exit(main())
