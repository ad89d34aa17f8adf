"""What the commands of both kinds of worker have in common: arguments, log, worker file, exit statuses (spec 7.1).

Exit statuses: 0 normal stop, 1 usage, 2 the worker cannot be built, 3 it cannot start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.cli.background import start_in_background
from linkspan.cli.exits import CannotStartError
from linkspan.cli.worker_settings import password_keys, resolved_settings
from linkspan.config import definition, properties
from linkspan.config.clients import CLIENTS, definition_of
from linkspan.config.providers.passwords import refuse_unresolved, warn_unresolved
from linkspan.config.providers.references import Resolution
from linkspan.config.suggestions import unknown_keys
from linkspan.config.worker import PREFIXES, DistributedConfig, StandaloneConfig, WorkerConfig
from linkspan.observe import logging as log_lines
from linkspan.observe import streams
from linkspan.observe.hiding import hidden
from linkspan.observe.levels import LEVELS, LEVELS_VARIABLE, ROOT_VARIABLE, named_levels, set_levels
from linkspan.worker.room import raise_descriptor_limit

__all__ = ["WorkerCommand", "log_level", "log_levels"]

_log: Final = logging.getLogger("linkspan.cli")

C = TypeVar("C", bound=WorkerConfig)


@dataclass(frozen=True)
class WorkerCommand(Generic[C]):
    """A command that runs a worker until it is told to stop.

    Attributes:
        name: of the command.
        module: to start it in the background with.
        arguments: what may follow the worker file, for the usage.
        config_class: keys of its worker file.
        check: refuses what cannot work, by a ConfigError.
        describe: one line about the worker.
        run: runs it with what follows the worker file; the exit status.
    """

    name: str
    module: str
    arguments: str
    config_class: type[C]
    check: Callable[[C], None]
    describe: Callable[[C], str]
    run: Callable[[C, Sequence[str]], Awaitable[int]]

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run the command; its exit status."""
        streams.open_missing()
        given = list(sys.argv[1:] if arguments is None else arguments)
        background = given[:1] == ["-daemon"]
        if background:
            del given[0]
        if not given or "--help" in given or "-h" in given:
            print(f"Usage: {self.name} [-daemon] worker.properties{self.arguments}")
            return 1
        try:
            if background:
                start_in_background(self.name, self.module, given)
                return 0
            level, levels = log_level(), log_levels()
            config, resolved = self._worker_config(given[0])
        except ConnectError as error:
            print(f"{self.name}: {hidden(error.message)}", file=sys.stderr)
            return 2
        raise_descriptor_limit()  # before the first child, which inherits it
        log_lines.setup(config.linkspan_log_format, level)
        log_lines.log_deaths()
        set_levels(levels)
        _log.info("%s", self.describe(config))
        _note_unknown(config)
        warn_unresolved("The worker file", resolved.unresolved)
        try:
            return asyncio.run(self._until_end(config, given[1:]))
        except CannotStartError as stop:
            print(f"{self.name}: {hidden(str(stop))}", file=sys.stderr)
            return stop.status
        except KeyboardInterrupt:
            return 130
        except Exception:  # noqa: BLE001 - supervision point: what ends the worker is in its log, and there is no secret in it
            _log.exception("%s has ended unexpectedly", self.name)
            return 3

    async def _until_end(self, config: C, more: Sequence[str]) -> int:
        return await self.run(config, more)

    def _worker_config(self, path: str) -> tuple[C, Resolution]:
        submitted = properties.load(path) if path else {}
        resolved = resolved_settings(submitted)
        refuse_unresolved(password_keys(self.config_class, submitted), resolved.unresolved)
        try:
            config = definition.load(self.config_class, resolved.config)
        except ConfigError as error:
            mark = properties.byte_order_mark(submitted)
            raise (ConfigError(f"{error.message}; in {path}, {mark}", error.key) if mark else error) from None
        self.check(config)
        return config, resolved


def log_level() -> int:
    """Level of the root logger that the environment names; raises ConfigError for none that there is."""
    name = os.environ.get(ROOT_VARIABLE) or "INFO"
    level = LEVELS.get(name.upper())
    if level is None:
        raise ConfigError(f"{ROOT_VARIABLE}={name} is no level; there are {', '.join(LEVELS)}")
    return level


def log_levels() -> dict[str, int]:
    """Levels of other loggers that the environment names; raises ConfigError for a malformed list."""
    try:
        return named_levels(os.environ.get(LEVELS_VARIABLE) or "")
    except ConfigError as error:
        raise ConfigError(f"{LEVELS_VARIABLE}: {error.message}") from None


def _note_unknown(config: WorkerConfig) -> None:
    # the clients that a worker opens for itself take their settings from its file, without a prefix
    clients = CLIENTS if isinstance(config, DistributedConfig) else ("admin",)
    known = {key.name for key in (*StandaloneConfig.keys, *DistributedConfig.keys)}.union(*map(definition_of, clients))
    for key, near in unknown_keys(config.originals, known, PREFIXES).items():
        _log.warning("Unknown worker key %s is ignored%s", key, f"; did you mean {near}?" if near else "")
