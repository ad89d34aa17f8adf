"""Every error of Linkspan, named by the reaction it asks for.

::

    ConnectError
    ├── RetriableError          try the same call again later; nothing was lost
    │   └── OutageError         another system cannot work now: wait for it, however long that takes
    │       ├── UnreachableError    it does not answer
    │       └── ThrottledError      it asks for fewer requests, and may say for how long
    ├── CredentialsError        another system refuses us: a person has to correct a credential or grant a right
    ├── DataError               this record is at fault: tolerance and dead letter queue apply
    │   ├── BatchError          names the failed records of one put()
    │   └── ProcessDied         the record kills the process of the task that takes it
    ├── ConfigError             a user has to change a key; carries the key
    ├── NotFoundError           the named thing does not exist
    ├── ConflictError           the request contradicts the current state
    │   └── AlreadyExistsError  the name is taken
    ├── NotReadyError           starting up or rebalancing: ask again later
    ├── UnsupportedError        this combination can never work
    ├── CorruptStateError       a file or topic of our own cannot be read: refuse, change nothing
    ├── PluginError             plugin code misbehaved: it raised, died, or missed a deadline
    └── FencedError             somebody newer took over: stop without writing anything

``code`` is stable and meant for machines; the message says what, where, and what to do.

What a task does about a failure follows from its class alone (:mod:`linkspan.task.reaction`): outages are waited for
and are never the fault of a record; credentials and configurations fail the task at once; everything else that a
converter or transform raises is the fault of the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "AlreadyExistsError",
    "BatchError",
    "ConfigError",
    "ConflictError",
    "ConnectError",
    "CorruptStateError",
    "CredentialsError",
    "DataError",
    "FencedError",
    "NotFoundError",
    "NotReadyError",
    "OutageError",
    "PluginError",
    "ProcessDied",
    "RetriableError",
    "ThrottledError",
    "UnreachableError",
    "UnsupportedError",
]


class ConnectError(Exception):
    """Root of all errors that Linkspan raises on purpose."""

    code: ClassVar[str] = "connect"

    @property
    def message(self) -> str:
        """The text shown to people."""
        return str(self.args[0]) if self.args else ""


class RetriableError(ConnectError):
    """The call failed for a reason that passes; the runtime repeats it with the same arguments."""

    code = "retriable"


class OutageError(RetriableError):
    """Another system (broker, database, schema registry) cannot work now, and will again by itself.

    A task that meets one pauses, keeps its place in its consumer group, and tries again with growing pauses until it is
    over or the task is stopped. No record is at fault: neither ``errors.tolerance`` nor ``errors.retry.timeout`` apply,
    and nothing goes to the dead letter queue.
    """

    code = "outage"


class UnreachableError(OutageError):
    """Another system does not answer, or cannot be connected to."""

    code = "outage.unreachable"


class ThrottledError(OutageError):
    """Another system asks for fewer requests (HTTP 429, a quota).

    Args:
        message: who, and why.
        retry_after: seconds to wait before the next request, if it says so.
    """

    code = "outage.throttled"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CredentialsError(ConnectError):
    """Another system refuses us: a password, token or certificate is wrong, or a right is missing.

    Trying again does not help, and every record would meet the same refusal: the task fails at once.
    """

    code = "credentials"


class DataError(ConnectError):
    """One record cannot be processed, however often it is tried."""

    code = "data"


class BatchError(DataError):
    """Some records of a ``put`` failed, the others were written.

    Args:
        message: what went wrong with the batch as a whole.
        failures: index of the record in the batch → the error of that record.
    """

    code = "data.batch"

    def __init__(self, message: str, failures: Mapping[int, Exception]) -> None:
        super().__init__(message)
        self.failures = dict(failures)


class ProcessDied(DataError):  # noqa: N818 - says what has happened
    """One record kills the process of the task that takes it: a crash of native code, an exit, too much memory."""

    code = "data.process_died"


class ConfigError(ConnectError):
    """A configuration value is missing, malformed or refused.

    The text follows Kafka's ConfigException: ``Invalid value V for configuration K: reason``.

    Args:
        message: complete text, or the reason when ``key`` and ``value`` are to be put in front by :meth:`invalid`.
        key: the configuration key at fault, if there is exactly one.
    """

    code = "config"

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key

    @classmethod
    def invalid(cls, key: str, value: object, reason: str | None = None) -> ConfigError:
        """Build the error for a value of ``key`` that was refused (Kafka's wording, spec/runtime.md 1.9)."""
        text = f"Invalid value {java_text(value)} for configuration {key}"
        return cls(text if reason is None else f"{text}: {reason}", key)


class NotFoundError(ConnectError):
    """The named connector, task, plugin or logger does not exist."""

    code = "not_found"


class ConflictError(ConnectError):
    """The request contradicts the current state."""

    code = "conflict"


class AlreadyExistsError(ConflictError):
    """The name is taken."""

    code = "conflict.exists"


class NotReadyError(ConnectError):
    """The worker is starting or rebalancing; the same request may succeed later."""

    code = "not_ready"


class UnsupportedError(ConnectError):
    """The requested operation or combination can never work here."""

    code = "unsupported"


class CorruptStateError(ConnectError):
    """A file or topic of our own cannot be read; nothing was changed."""

    code = "state.corrupt"


class PluginError(ConnectError):
    """Plugin code raised, died, or missed a deadline.

    Args:
        message: what happened, in one line.
        trace: stack trace of the plugin's exception or of the blocked call, if there is one.
    """

    code = "plugin"

    def __init__(self, message: str, trace: str | None = None) -> None:
        super().__init__(message)
        self.trace = trace


class FencedError(ConnectError):
    """A newer owner took over; whoever gets this stops and writes nothing more."""

    code = "fenced"


def java_text(value: object) -> str:
    """Text of a configuration value as Java's ``String.valueOf`` prints it: null, true, [a, b]."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(java_text(item) for item in value) + "]"
    return str(value)
