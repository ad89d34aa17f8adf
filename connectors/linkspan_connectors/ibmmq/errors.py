"""What a reason code asks for (spec/mq.md 1.10, 2.8 and 3.11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from linkspan.api import (
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    OutageError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)
from linkspan_connectors.ibmmq.mqi.reasons import reason_text

__all__ = ["failure", "keeps_connection"]

_KEEPING: Final = frozenset({2003, 2016, 2024, 2042, 2051, 2053, 2056, 2071, 2192})
"""After these the unit of work is backed out, and the connection goes on."""
_AGAIN: Final = frozenset({2003, 2024})
_BUSY: Final = frozenset({2016, 2042, 2051, 2053, 2056, 2071, 2101, 2102, 2192})
_GONE: Final = frozenset(
    {2009, 2018, 2019, 2059, 2161, 2162, 2195, 2202, 2203, 2219, 2273, 2279, 2538, *range(2543, 2550), 2556}
)
_LIMITS: Final = frozenset({2025, 2537})
_REFUSED: Final = frozenset({2035, 2063})
_OF_HEADERS: Final = frozenset({2013, 2014, 2027, 2029, 2047, 2050, 2061, 2249, 2250, 2251, 2252, 2258})
"""What a header ``JMS_IBM_…`` of the record has set in the descriptor, and MQ does not take."""
_OF_MESSAGE: Final = frozenset({2010, 2030, 2031, 2142, 2334, 2335, 2421, 2469, 2554}) | _OF_HEADERS
_OF_CONFIG: Final = {
    2052: "mq.queue",
    2058: "mq.queue.manager",
    2082: "mq.queue",
    2085: "mq.queue",
    2087: "mq.queue",
    2152: "mq.queue",
    2153: "mq.queue",
    2277: "mq.channel.name",
    2278: "mq.ccdt.url",
    2298: None,
    2371: "mq.channel.name",
    2380: "mq.ssl.keystore.location",
    2381: "mq.ssl.keystore.location",
    2382: "mq.ssl.keystore.location",
    2391: "mq.ssl.keystore.location",
    2393: "mq.ssl.cipher.suite",
    2396: "mq.ssl.keystore.location",
    2397: "mq.ssl.cipher.suite",
    2398: "mq.ssl.peer.name",
    2399: "mq.ssl.peer.name",
    2400: "mq.ssl.cipher.suite",
    2401: "mq.ssl.keystore.location",
    2539: "mq.channel.name",
    2540: "mq.channel.name",
    2555: None,
    2577: None,
    2594: "mq.password",
    2600: "mq.ccdt.url",
    2603: "mq.ccdt.url",
}
"""Reasons that a person has to correct, with the key that most often is at fault."""
_OF_QUEUE: Final = frozenset({2016, 2042, 2051, 2053, 2056})
"""Reasons that pass, and that a person can help with, at the queue."""

_HINTS: Final = {
    2024: "the unit of work has as many messages as MAXUMSGS of the queue manager allows",
    2025: (
        "the queue manager takes no more connections: raise its MaxChannels, or MAXINST and MAXINSTC of the channel, "
        "or lower tasks.max"
    ),
    2035: (
        "check mq.user.name, mq.password and channel authentication, and the rights of the user on queue and queue "
        "manager"
    ),
    2042: (
        "another connection has it open exclusively: the task before this one, until the queue manager notices its "
        "end, or another connector; DISPLAY QSTATUS(…) TYPE(HANDLE) tells which"
    ),
    2053: "its MAXDEPTH is reached",
    2058: "the queue manager that answers has another name",
    2085: "there is no such queue",
    2537: "the channel has as many instances as it takes: raise its MAXINST and MAXINSTC, or lower tasks.max",
}


def keeps_connection(reason: int) -> bool:
    """Whether the connection can be used after this reason, once its unit of work is backed out."""
    return reason in _KEEPING


def failure(what: str, reason: int, *, starting: bool = False, key: str | None = None) -> ConnectError:
    """The error for a call that failed.

    Args:
        what: was tried, and with what: ``MQOPEN of queue Q1``.
        reason: why it failed.
        starting: whether the task has never been connected; a refusal is final then, and later may pass.
        key: that names the queue, if not ``mq.queue``: one that no record is put to.
    """
    hint, named = _HINTS.get(reason), _key_of(reason, key)
    text = reason_text(reason) + (f" ({hint})" if hint else "") + (f", see {named}" if named else "")
    message = f"{what} failed: {text}"
    if reason in _REFUSED:
        return CredentialsError(message) if starting else OutageError(message)
    if reason in _OF_CONFIG:
        return ConfigError(message, named)
    if key and reason in _OF_MESSAGE:
        return ConfigError(message, key)
    kind = next((kind for reasons, kind in _CLASSES if reason in reasons), ConnectError)
    return kind(message)


def _key_of(reason: int, key: str | None) -> str | None:
    """The key to look at, if there is one: that of the call's queue where the queue is at fault."""
    if reason in _REFUSED or reason in _OF_MESSAGE:
        return key
    usual = "mq.queue" if reason in _OF_QUEUE else _OF_CONFIG.get(reason)
    return key or usual if usual == "mq.queue" else usual


_CLASSES: Final[Sequence[tuple[frozenset[int], type[ConnectError]]]] = (
    (_LIMITS, ThrottledError),
    (_AGAIN, RetriableError),
    (_BUSY, OutageError),
    (_GONE, UnreachableError),
    (_OF_MESSAGE, DataError),
)
