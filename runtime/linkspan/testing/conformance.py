"""Runs the cases against one connector, side by side on one worker, and makes the report."""

from __future__ import annotations

import fnmatch
import re
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from linkspan.api import ConfigError, Guarantee, SinkConnector, SourceConnector
from linkspan.testing.adapters import Adapter, SourceAdapter
from linkspan.testing.cases import CASES, Case
from linkspan.testing.report import CaseResult, Report, versions
from linkspan.testing.trial import CaseFailedError, CaseSkippedError, Trial, trial_of
from linkspan.testing.worker import EmbeddedWorker, describe

__all__ = ["case_names", "check"]

_AT_ONCE: Final = 4


def check(
    adapter: type[Adapter],
    *,
    seed: int = 1,
    only: Sequence[str] = (),
    folder: Path | None = None,
    at_once: int = _AT_ONCE,
    tell: Callable[[CaseResult], None] = lambda _: None,
) -> Report:
    """Try a connector.

    Args:
        adapter: how its outside system is filled or read.
        seed: decides about numbers of records, moments of kills and which records are bad.
        only: names of cases, or patterns as of the shell; all when empty.
        folder: where log and adapters keep their files; a temporary one by default.
        at_once: how many cases run side by side.
        tell: called with each result as it comes, from any thread.

    Raises:
        ConfigError: no case has such a name, or the adapter is for something else than a connector.
        ConnectError: the worker cannot be started.
    """
    direction = _direction(adapter)
    cases = _chosen(direction, only)
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="linkspan-conformance-") as made:
            return _run(adapter, direction, cases, seed, Path(made), at_once, tell)
    return _run(adapter, direction, cases, seed, folder, at_once, tell)


def case_names(direction: Literal["source", "sink"]) -> list[str]:
    """Names of all cases for a direction, in their order."""
    return [case.name for case in CASES if direction in case.directions]


def _direction(adapter: type[Adapter]) -> Literal["source", "sink"]:
    wanted, direction = (SourceConnector, "source") if issubclass(adapter, SourceAdapter) else (SinkConnector, "sink")
    if not issubclass(adapter.connector, wanted):
        raise ConfigError(f"{adapter.__name__} names {adapter.connector.__qualname__}, which is no {wanted.__name__}")
    return "source" if direction == "source" else "sink"


def _chosen(direction: Literal["source", "sink"], only: Sequence[str]) -> list[Case]:
    cases = [case for case in CASES if direction in case.directions]
    for pattern in only:
        if not any(fnmatch.fnmatchcase(case.name, pattern) for case in cases):
            raise ConfigError(
                f"No case for a {direction} is called {pattern}; there are {', '.join(case.name for case in cases)}"
            )
    return [case for case in cases if not only or any(fnmatch.fnmatchcase(case.name, pattern) for pattern in only)]


def _run(
    adapter: type[Adapter],
    direction: Literal["source", "sink"],
    cases: Sequence[Case],
    seed: int,
    folder: Path,
    at_once: int,
    tell: Callable[[CaseResult], None],
) -> Report:
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    guarantee = adapter.guarantee or adapter.connector.guarantee
    once = direction == "source" and guarantee is Guarantee.EXACTLY_ONCE
    embedded = EmbeddedWorker(folder / "worker", [adapter.connector], transactions=once)
    with embedded as worker, ThreadPoolExecutor(at_once) as pool:

        def run_case(case: Case) -> CaseResult:
            result = _try(case, adapter, worker, folder, seed, guarantee)
            tell(result)
            return result

        results = list(pool.map(run_case, cases))
    return Report(
        connector=describe(adapter.connector).class_name,
        version=adapter.connector.version,
        direction=direction,
        guarantee=guarantee.value,
        seed=seed,
        started=started,
        seconds=round(time.monotonic() - began, 3),
        cases=results,
        versions=versions(adapter.connector),
    )


def _try(
    case: Case, adapter_class: type[Adapter], worker: EmbeddedWorker, folder: Path, seed: int, guarantee: Guarantee
) -> CaseResult:
    exempt = next((why for name, why in adapter_class.exempt.items() if fnmatch.fnmatchcase(case.name, name)), None)
    if exempt is not None:
        return CaseResult(case.name, "skipped", f"Exempt: {exempt}")
    began = time.monotonic()
    name = re.sub("[^a-z0-9]", "-", case.name)
    adapter = adapter_class()
    adapter.name = name
    adapter.folder = folder / name
    adapter.folder.mkdir(parents=True)
    trial = trial_of(worker, adapter, name, f"{seed}/{case.name}", guarantee)
    verdict: Literal["passed", "failed", "skipped"] = "passed"
    reason = ""
    try:
        trial.prepare()
        case.run(trial)
    except CaseSkippedError as error:
        verdict, reason = "skipped", error.message
    except CaseFailedError as error:
        verdict, reason = "failed", error.message
    except Exception as error:  # noqa: BLE001 - supervision point: an adapter may raise anything
        verdict, reason = "failed", f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
    left = _clean_up(trial, adapter)
    if left and verdict == "passed":
        verdict, reason = "failed", left
    return CaseResult(case.name, verdict, reason, round(time.monotonic() - began, 3), trial.details)


def _clean_up(trial: Trial[Any], adapter: Adapter) -> str:
    """End what a case has begun; what went wrong with that."""
    problems = []
    for end in (trial.finish, adapter.tear_down):
        try:
            end()
        except Exception as error:  # noqa: BLE001 - supervision point: as above
            problems.append(f"Afterwards: {type(error).__name__}: {error}")
    return "; ".join(problems)
