"""``linkspan registry [registry.properties]``: a schema registry.

Exit statuses: 0 normal stop, 1 usage, 2 it cannot be built, 3 it cannot start.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from linkspan import __version__
from linkspan.api.errors import ConfigError, ConnectError
from linkspan.cli.exits import CannotStartError
from linkspan.cli.worker_command import log_level, log_levels
from linkspan.config import definition, properties
from linkspan.config.registry import PREFIXES, RegistryConfig
from linkspan.config.suggestions import unknown_keys
from linkspan.observe import logging as log_lines
from linkspan.observe import streams
from linkspan.observe.levels import set_levels

if TYPE_CHECKING:
    from linkspan.cli.registry_server import RegistryServer

__all__ = ["main"]

_log: Final = logging.getLogger("linkspan.cli")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a registry until it is told to stop; the exit status."""
    streams.open_missing()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) > 1 or "--help" in given or "-h" in given:
        print("Usage: linkspan registry [registry.properties]")
        return 1
    try:
        level, levels = log_level(), log_levels()
        config = definition.load(RegistryConfig, properties.load(given[0]) if given else {})
        if config.originals.get("config.providers"):
            value = config.originals["config.providers"]
            raise ConfigError.invalid(
                "config.providers", value, "the registry has none; write values, or make the file"
            )
        server = _server(config)
    except ConnectError as error:
        print(f"linkspan registry: {error.message}", file=sys.stderr)
        return 2
    log_lines.setup(config.linkspan_log_format, level)
    set_levels(levels)
    _log.info("%s", _description(config))
    _note_unknown(config)
    try:
        return asyncio.run(server.run())
    except CannotStartError as stop:
        print(f"linkspan registry: {stop}", file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:
        return 130


def _server(config: RegistryConfig) -> RegistryServer:
    from linkspan.cli.registry_server import RegistryServer  # noqa: PLC0415 - the usage is printed without it

    return RegistryServer(config)


def _description(config: RegistryConfig) -> str:
    topic = f"topic {config.kafkastore_topic}"
    if config.embedded:
        folder = Path(config.linkspan_data_dir).resolve()
        return (
            f"Linkspan {__version__} schema registry, {topic} of the embedded log in {folder} "
            "(kafkastore.bootstrap.servers is not set)"
        )
    servers = ",".join(config.kafkastore_bootstrap_servers or ())
    return f"Linkspan {__version__} schema registry, {topic} on Kafka at {servers}"


def _note_unknown(config: RegistryConfig) -> None:
    known = {key.name for key in RegistryConfig.keys}
    for key, near in unknown_keys(config.originals, known, PREFIXES).items():
        _log.warning("Unknown key %s is ignored%s", key, f"; did you mean {near}?" if near else "")


if __name__ == "__main__":
    sys.exit(main())
