"""Levels of loggers on their way from the worker to its children."""

from __future__ import annotations

import logging
from collections.abc import Mapping

__all__ = ["log_levels", "set_levels"]


def log_levels() -> dict[str, int]:
    """Levels of this process that were set on purpose; the root's name is empty."""
    levels = {"": logging.getLogger().level}
    for name, logger in logging.Logger.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and logger.level != logging.NOTSET:
            levels[name] = logger.level
    return levels


def set_levels(levels: Mapping[str, int]) -> None:
    """Set those that differ: each change touches all loggers, and a child shares their memory until it does."""
    for name, level in levels.items():
        logger = logging.getLogger(name or None)
        if logger.level != level:
            logger.setLevel(level)
