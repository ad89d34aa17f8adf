"""What a failure asks for, whoever it comes from.

==================  =======================================  ==========================================================
Reaction            Errors                                   What the task does
==================  =======================================  ==========================================================
this record         DataError, and every other exception of  ``errors.tolerance`` decides; log, dead letter queue
                    a converter or transform
again               RetriableError                           the same call again: of a converter or transform within
                                                             ``errors.retry.timeout``, of ``poll`` and ``put`` for ever
target down,        OutageError, UnreachableError,           waits, however long it takes: partitions are paused,
throttled           ThrottledError; ConnectionError and      nothing is reported and no budget is used up
                    TimeoutError of a converter or transform
credentials,        CredentialsError, ConfigError            fails at once, whatever ``errors.tolerance`` says
configuration
the process         MemoryError                              as above: it says nothing about the record
==================  =======================================  ==========================================================

Kafka knows the first two only. There, a RetriableException is all that a plugin can say about an outage; here, an
OutageError is a RetriableError, so that whoever handles the one handles the other.
"""

from __future__ import annotations

from linkspan.api.errors import (
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    FencedError,
    NotFoundError,
    OutageError,
    RetriableError,
    UnreachableError,
    UnsupportedError,
)

__all__ = ["RefusedRecordError", "as_outage", "code_of", "explains_itself", "is_hopeless", "is_of_record"]

_EXPLAINED = (ConfigError, CredentialsError, DataError, NotFoundError, RetriableError, UnsupportedError)


class RefusedRecordError(DataError):
    """A record failed for good, and failures are not tolerated; what was wrong with it is the cause."""


def as_outage(error: Exception) -> OutageError | None:
    """The outage that made a converter or transform fail; None when it was something else."""
    if isinstance(error, OutageError):
        return error
    if isinstance(error, ConnectionError | TimeoutError):
        outage = UnreachableError(f"{type(error).__name__}: {error}")
        outage.__cause__ = error
        return outage
    return None


def is_of_record(error: Exception) -> bool:
    """Whether a converter or transform says with it that the record is at fault, however often it is tried."""
    return not isinstance(error, RetriableError) and as_outage(error) is None and not is_hopeless(error)


def is_hopeless(error: Exception) -> bool:
    """Whether it is no verdict on the record, and other records would most likely meet the same failure."""
    return isinstance(error, CredentialsError | ConfigError | FencedError | MemoryError)


def explains_itself(error: BaseException) -> bool:
    """Whether whoever raised it has said what is wrong outside of the code, so that a stack would tell nobody more."""
    said: BaseException | None = error
    while type(said) is ConnectError or isinstance(said, RefusedRecordError):  # what the runtime says around it
        said = said.__cause__
    return isinstance(said, _EXPLAINED)


def code_of(error: BaseException) -> str:
    """The stable code that says most about why a task has failed: that of its innermost cause which has one.

    Returns:
        a code of :mod:`linkspan.api.errors`; ``plugin`` for an exception of somebody else.
    """
    code = "plugin"
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:  # histories may run in circles
        seen.add(id(cause))
        if isinstance(cause, ConnectError) and (cause.code != ConnectError.code or code == "plugin"):
            code = cause.code
        elif not isinstance(cause, ConnectError) and code == ConnectError.code:
            code = "plugin"
        cause = cause.__cause__
    return code
