"""What the code calls the MQI through, whichever library it comes from; chosen once a process.

The functions return codes and never raise for a condition of MQ. ``get`` and ``put`` are those of the binding itself,
with nothing in between: they are called once a message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple, Protocol

from linkspan.api import ConfigError
from linkspan_connectors.ibmmq.mqi.structures import Parameters

__all__ = ["Get", "Inquired", "Mqi", "Put", "chosen", "missing"]

log = logging.getLogger(__name__)

Codes = tuple[int, int]
"""Completion code and reason."""

Get = Callable[[int, int, bytes, bytes, int], tuple[bytes, bytes, bytes, int, int, int]]
"""connection, object, MQMD, MQGMO, size → body, MQMD, MQGMO, length, completion code, reason."""

Put = Callable[[int, int, bytes, bytes, bytes], tuple[bytes, bytes, int, int]]
"""connection, object, MQMD, MQPMO, body → MQMD, MQPMO, completion code, reason."""


class Inquired(NamedTuple):
    """Attributes of an object, by selector, all or none of them; texts are bytes without blanks at the end."""

    values: Mapping[int, int | bytes]
    completion: int
    reason: int


class Mqi(Protocol):
    """The calls. Structures that are given are changed: give them away."""

    name: str

    @property
    def get(self) -> Get:
        """MQGET."""
        ...

    @property
    def put(self) -> Put:
        """MQPUT."""
        ...

    def connect(self, queue_manager: bytes, parameters: Parameters) -> tuple[int, int, int]:
        """MQCONNX: connection, completion code, reason; a warning means connected."""
        ...

    def disconnect(self, connection: int) -> Codes:
        """MQDISC, which commits an open unit of work."""
        ...

    def open(self, connection: int, descriptor: bytes, options: int) -> tuple[int, int, int]:
        """MQOPEN: object, completion code, reason."""
        ...

    def close(self, connection: int, handle: int) -> Codes:
        """MQCLOSE."""
        ...

    def put1(self, connection: int, descriptor: bytes, md: bytes, pmo: bytes, body: bytes) -> Codes:
        """MQPUT1."""
        ...

    def commit(self, connection: int) -> Codes:
        """MQCMIT."""
        ...

    def backout(self, connection: int) -> Codes:
        """MQBACK."""
        ...

    def inquire(self, connection: int, handle: int, selectors: Sequence[int]) -> Inquired:
        """MQINQ of integers and of names of 48 characters."""
        ...


class _Attempt(NamedTuple):
    """One way to the MQI that did not work."""

    name: str
    problem: str


_INSTALL = (
    "Install IBM's MQ client: unpack the redistributable client (9.4.x-IBM-MQC-Redist-LinuxX64.tar.gz, free of charge "
    "from IBM) and let MQ_INSTALLATION_PATH name its folder, or install the packages MQSeriesRuntime and "
    "MQSeriesClient; and install a binding with: pip install 'linkspan[ibmmq]'"
)


@cache
def _search() -> tuple[Mqi | None, tuple[_Attempt, ...]]:
    # imported here: the first one that works is the only one that is loaded
    from linkspan_connectors.ibmmq.mqi import direct, extension  # noqa: PLC0415 - see above

    failed = []
    for name, load in (("ibmmq", extension.ibmmq), ("pymqi", extension.pymqi), ("ctypes", direct.client_library)):
        try:
            found = load()
        except (ImportError, OSError, AttributeError) as error:
            failed.append(_Attempt(name, str(error)))
        else:
            log.info("The MQI is called through %s", found.name)
            return found, tuple(failed)
    return None, tuple(failed)


def chosen() -> Mqi:
    """The binding of this process.

    Raises:
        ConfigError: there is none; the message says what to install.
    """
    found, _ = _search()
    if found is None:
        raise ConfigError(missing() or "")
    return found


def missing() -> str | None:
    """What to install so that the MQI can be called; None when it can."""
    found, failed = _search()
    if found is not None:
        return None
    tried = "; ".join(f"{attempt.name}: {attempt.problem}" for attempt in failed)
    return f"IBM MQ cannot be reached from this worker: its client library is not usable. {_INSTALL}. Tried {tried}"
