"""``linkspan conformance``: try a connector and write down how it did."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from linkspan.api import ConfigError, ConnectError
from linkspan.testing import Adapter, CaseResult, check

__all__ = ["run"]

_HOW: Final = "name it as package.module:Class or path/to/file.py:Class"


def run(adapter: str, seed: int, only: Sequence[str], record: Path | None, *, verbose: bool = False) -> int:
    """Try the connector of an adapter; 0 when it passed, 1 when it failed, 2 when it could not be tried.

    Args:
        adapter: ``module:Class`` or ``file.py:Class``.
        seed: see :func:`linkspan.testing.check`.
        only: as there.
        record: file for the machine-readable record, or None.
        verbose: show what the worker logs.
    """
    if not verbose:
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        report = check(_load(adapter), seed=seed, only=only, tell=_tell)
    except ConnectError as error:
        print(f"linkspan conformance: {error.message}", file=sys.stderr)
        return 2
    if record is not None:
        record.write_text(report.to_json() + "\n", encoding="utf-8")
    print(report.text())
    return 0 if report.passed else 1


def _tell(result: CaseResult) -> None:
    print(f"{result.verdict:7} {result.seconds:6.1f} s  {result.name}", file=sys.stderr, flush=True)


def _load(name: str) -> type[Adapter]:
    place, _, attribute = name.rpartition(":")
    if not place:
        raise ConfigError(f"{name} is no adapter; {_HOW}")
    folder = str(Path(place).resolve().parent) if place.endswith(".py") else str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)  # task processes get the same path
    module = Path(place).stem if place.endswith(".py") else place
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"The adapter {name} cannot be loaded: {error}; {_HOW}") from error
    if not isinstance(found, type) or not issubclass(found, Adapter):
        raise ConfigError(f"{name} is not a SourceAdapter or SinkAdapter of linkspan.testing")
    return found
