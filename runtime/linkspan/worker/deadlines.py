"""How long a child may take, and what is said about calls that take long (design section 2).

``validate``, ``task_configs`` and ``stop`` have deadlines. A plugin may legitimately spend minutes in ``start``,
``poll``, ``put`` or a flush: such a call is only reported, unless the connector asks for it to be killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from linkspan.api.errors import ConfigError

__all__ = ["CALL_TIMEOUT_KEY", "REQUEST_TIMEOUT_KEY", "STALL_REPORT_KEY", "CallWatch", "Deadlines", "Finding"]

CALL_TIMEOUT_KEY = "linkspan.task.call.timeout.ms"
"""Connector key: kill a task whose plugin call lasts longer; absent or 0 for never."""
STALL_REPORT_KEY = "linkspan.task.stall.report.ms"
"""Worker key: report a plugin call as stalled after this time."""
REQUEST_TIMEOUT_KEY = "linkspan.plugin.request.timeout.ms"
"""Worker key: limit of validate, task_configs and other questions to a plugin that somebody waits for."""

_GRACEFUL_KEY = "task.shutdown.graceful.timeout.ms"


def milliseconds(config: Mapping[str, str | None], key: str, default: int) -> float:
    """Seconds of a duration given in milliseconds.

    Raises:
        ConfigError: not a whole number of milliseconds, or negative.
    """
    text = config.get(key)
    if text is None:
        return default / 1000
    try:
        value = int(text.strip())
    except ValueError:
        raise ConfigError.invalid(key, text, "Not a number of type LONG") from None
    if value < 0:
        raise ConfigError.invalid(key, text, "Value must be at least 0")
    return value / 1000


@dataclass(frozen=True)
class Deadlines:
    """Limits of a worker, in seconds."""

    request: float = 90.0
    graceful_stop: float = 5.0
    connector_stop: float = 5.0
    stall_report: float = 30.0

    @classmethod
    def of(cls, worker: Mapping[str, str]) -> Deadlines:
        """From the worker's properties."""
        return cls(
            request=milliseconds(worker, REQUEST_TIMEOUT_KEY, 90_000),
            graceful_stop=milliseconds(worker, _GRACEFUL_KEY, 5_000),
            stall_report=milliseconds(worker, STALL_REPORT_KEY, 30_000),
        )

    def beat_interval(self, call_timeout: float) -> float:
        """Seconds between two signs of life of a child, short enough to notice what has to be noticed."""
        limits = [limit for limit in (self.stall_report, call_timeout) if limit > 0]
        return max(0.05, min(5.0, *(limit / 4 for limit in limits))) if limits else 5.0


@dataclass(frozen=True)
class Finding:
    """What :class:`CallWatch` found out.

    Attributes:
        kind: ``stalled`` (report it), ``overdue`` (kill it) or ``moving`` (a reported call has ended).
        call: name of the plugin call.
        age: seconds since it was entered.
    """

    kind: str
    call: str
    age: float


class CallWatch:
    """Judges the signs of life of one child. No I/O, no clock of its own.

    Args:
        deadlines: the worker's limits.
        call_timeout: seconds after which the child is to be killed; 0 for never.
        now: the current time in seconds, monotonic.
    """

    def __init__(self, deadlines: Deadlines, call_timeout: float, now: float) -> None:
        self._limit = deadlines.stall_report
        self._timeout = call_timeout
        self._interval = deadlines.beat_interval(call_timeout)
        self._heard = now
        self._call: str | None = None
        self._since = now
        self._next_report = self._limit
        self._reported = False

    @property
    def interval(self) -> float:
        """Seconds between two signs of life, and between two looks at them."""
        return self._interval

    def beat(self, call: str | None, age: float, now: float) -> Finding | None:
        """Take a sign of life; a ``moving`` finding when a reported call has ended."""
        self._heard = now
        since = now - age
        ended = self._reported and (call != self._call or since > self._since + self._interval / 2)
        finding = Finding("moving", self._call or "", now - self._since) if ended else None
        if ended or not self._reported:
            self._call, self._since = call, since
        if ended:
            self._reported = False
            self._next_report = self._limit
        return finding

    def look(self, now: float) -> Finding | None:
        """What there is to do now. A stalled call is reported again each time its age has doubled."""
        silence = now - self._heard
        # Without the interpreter lock not even the control thread gets to say something.
        silent = silence > 3 * self._interval + 1.0
        if self._call is None and not silent:
            return None
        call = self._call or "native code"
        age = now - self._since if self._call is not None else silence
        if 0 < self._timeout <= age:
            return Finding("overdue", call, age)
        if self._limit > 0 and age >= self._next_report:
            self._reported = True
            self._call = call
            self._next_report = age * 2
            return Finding("stalled", call, age)
        return None
