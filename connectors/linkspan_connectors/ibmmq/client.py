"""A connection to a queue manager: how it is made, what may be done with it, how it ends (spec/mq.md 3.7 and 3.10).

Everything happens on the thread of the task. The end is always in the order back out, close, disconnect: MQDISC alone
would commit what was got or put (spec 3.7).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, NoReturn

from linkspan.api import Config, ConfigError, ConnectError, RetriableError, Secret, UnreachableError
from linkspan_connectors.ibmmq.ciphers import cipher_spec
from linkspan_connectors.ibmmq.config import state_queue
from linkspan_connectors.ibmmq.errors import failure, keeps_connection
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.binding import Mqi
from linkspan_connectors.ibmmq.mqi.library import use_data_path
from linkspan_connectors.ibmmq.mqi.reasons import reason_text
from linkspan_connectors.ibmmq.mqi.structures import (
    Parameters,
    channel_definition,
    object_descriptor,
    tls_options,
)
from linkspan_connectors.ibmmq.stores import Store, Stores
from linkspan_connectors.ibmmq.unit_size import UnitSize

__all__ = ["Access", "Delays", "Session", "prepare_process", "stores_of"]

log = logging.getLogger(__name__)

_RECONNECT: Final[Mapping[str, int]] = {
    "ASDEF": mq.RECONNECT_AS_DEF,
    "ANY": mq.RECONNECT,
    "QMGR": mq.RECONNECT_Q_MGR,
    "DISABLED": mq.RECONNECT_DISABLED,
}
_SECRET_OF_URL: Final = re.compile(r"(?<=//)[^/]*@|\?.*", re.DOTALL)
"""User and password, and what is asked for, such as a signature that lets the bearer in."""
_DEFAULT_CHANNEL: Final = "SYSTEM.DEF.SVRCONN"
_DEFAULT_HOST: Final = "localhost(1414)"
_LONGEST_SLEEP: Final = 1.0
_HEARTBEAT: Final = 300
_EARLY_HEARTBEAT: Final = 30
"""Seconds, with a state queue, or the channel's own where that is longer: so much later messages that a dead task held
come back, and the next one waits for them.
"""
_OUTCOME_PENDING: Final = 2124
_UNKNOWN_OUTCOME: Final = frozenset({2009, 2549, _OUTCOME_PENDING})


class Delays(NamedTuple):
    """Seconds between attempts to connect: the first, and the longest."""

    least: float = 0.064
    most: float = 8.192


class Access(NamedTuple):
    """Where the queue manager is, and how it is talked to.

    Attributes:
        queue_manager: its name.
        client: over the network, else by shared memory.
        hosts: connection names, or None.
        channel: name of the channel, or None.
        ccdt_url: of a channel definition table, or None.
        user: name, or None for no credentials.
        password: of the user.
        mqcsp: whether credentials go as security parameters.
        cipher: CipherSpec, or empty.
        peer: pattern of the distinguished name, or empty.
        reconnect: option of the client.
        application: name that the queue manager shows.
        heartbeat: seconds until a connection that says nothing is asked whether it is still there.
    """

    queue_manager: str
    client: bool
    hosts: str | None
    channel: str | None
    ccdt_url: str | None
    user: str | None
    password: str
    mqcsp: bool
    cipher: str
    peer: str
    reconnect: int
    application: str
    heartbeat: int

    @classmethod
    def of(cls, config: Config, application: str) -> Access:
        """As a configuration of either direction says."""
        values = config.values
        secret = values["mq.password"]
        option = str(values.get("mq.client.reconnect.options", "ASDEF")).upper()
        return cls(
            queue_manager=str(values["mq.queue.manager"]),
            client=values["mq.connection.mode"] == "client",
            hosts=_given(values["mq.connection.name.list"]),
            channel=_given(values["mq.channel.name"]),
            ccdt_url=_given(values["mq.ccdt.url"]),
            user=_given(values["mq.user.name"]),
            password=secret.value if isinstance(secret, Secret) else "",
            mqcsp=bool(values["mq.user.authentication.mqcsp"]),
            cipher=cipher_spec(_given(values["mq.ssl.cipher.suite"]) or ""),
            peer=_given(values["mq.ssl.peer.name"]) or "",
            reconnect=_RECONNECT[option],
            application=application,
            heartbeat=_EARLY_HEARTBEAT if state_queue(config) else _HEARTBEAT,
        )

    @property
    def where(self) -> str:
        """The queue manager, for messages."""
        if not self.client:
            return f"queue manager {self.queue_manager}"
        channel = f"{self.hosts or _DEFAULT_HOST}, channel {self.channel or _DEFAULT_CHANNEL}"
        place = channel if self.ccdt_url is None else _SECRET_OF_URL.sub("", self.ccdt_url)
        return f"queue manager {self.queue_manager} at {place}"


def stores_of(config: Config) -> Stores:
    """Key and trust store of a configuration of either direction."""
    return Stores(
        _store(config, "mq.ssl.keystore"),
        _store(config, "mq.ssl.truststore"),
        _given(config.values["mq.ssl.certificate.label"]) or "",
    )


def _store(config: Config, prefix: str) -> Store | None:
    path = _given(config.values[f"{prefix}.location"])
    secret = config.values[f"{prefix}.password"]
    if path is None:
        return None
    return Store(f"{prefix}.location", path, secret.value if isinstance(secret, Secret) else None)


def _given(value: object) -> str | None:
    text = str(value).strip() if value is not None else ""
    return text or None


def prepare_process(config: Config) -> None:
    """Tell IBM's client where it may write to; before it is loaded. Say which settings it does not get.

    Raises:
        ConfigError: the folder cannot be made.
    """
    path = _given(config.values["mq.client.data.path"])
    if path is not None:
        try:
            use_data_path(path)
        except OSError as error:
            raise ConfigError.invalid("mq.client.data.path", path, str(error.strerror)) from error
    if _given(config.values["mq.ccdt.url"]):
        for key in ("mq.ssl.cipher.suite", "mq.ssl.peer.name"):
            if _given(config.values[key]):
                log.warning("%s is not looked at: with mq.ccdt.url it is that of the channel in the table", key)


class Session:
    """One connection, made anew when it is lost.

    Args:
        mqi: the calls.
        access: where to.
        stores: key and trust store; closed by their owner.
        delays: between attempts to connect.
        clock: seconds, monotonic.
        sleep: seconds.
    """

    def __init__(
        self,
        mqi: Mqi,
        access: Access,
        stores: Stores,
        delays: Delays | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.mqi = mqi
        self.access = access
        self.handle = -1
        """Of the connection; -1 without one."""
        self.connections = 0
        """How many were made."""
        self.starting = True
        """Whether a refusal is final; until the task says that it has been connected."""
        self.unit = UnitSize()
        """Of its units of work."""
        self._stores = stores
        self._delays = delays or Delays()
        self._clock, self._sleep = clock, sleep
        self._delay = self._delays.least
        self._again_at = 0.0
        self._refusal: ConnectError | None = None
        self._open: dict[int, str] = {}

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self.handle != -1

    def connect(self) -> None:
        """Connect unless connected; after a failure not before its delay is over.

        Raises:
            ConnectError: of the class that the reason asks for.
        """
        if self.connected:
            return
        wait = self._again_at - self._clock()
        if wait > 0:
            self._sleep(min(wait, _LONGEST_SLEEP))
            if wait > _LONGEST_SLEEP and self._refusal is not None:
                raise self._refusal
        name = self.access.queue_manager.encode()[: mq.NAME_LENGTH].ljust(mq.NAME_LENGTH)
        handle, completion, reason = self.mqi.connect(name, self._parameters())
        if completion == mq.FAILED:
            self._refused(reason)
        self.handle = handle
        if reason == mq.R_SSL_ALREADY_INITIALIZED:
            self.end()
            what = "This process already has a TLS configuration, which cannot be changed: connecting"
            raise failure(f"{what} to {self.access.where}", reason)
        self.connections += 1
        self._delay, self._refusal = self._delays.least, None
        log.info("Connected to %s through %s", self.access.where, self.mqi.name)

    def _refused(self, reason: int) -> NoReturn:
        error = failure(f"Connecting to {self.access.where}", reason, starting=self.starting)
        if isinstance(error, RetriableError):
            self._again_at = self._clock() + self._delay
            self._delay = min(self._delay * 2, self._delays.most)
            self._refusal = error
        raise error

    def _parameters(self) -> Parameters:
        access = self.access
        binding = mq.CLIENT_BINDING if access.client else mq.LOCAL_BINDING
        parameters = Parameters(binding | mq.HANDLE_SHARE_BLOCK, access.application)
        if access.user is not None and (access.mqcsp or access.ccdt_url is not None):
            parameters.user, parameters.password = access.user, access.password
        if access.client:
            parameters.options |= access.reconnect
            self._add_channel(parameters)
            self._add_tls(parameters)
        return parameters

    def _add_channel(self, parameters: Parameters) -> None:
        access = self.access
        if access.ccdt_url is not None:
            parameters.ccdt_url = access.ccdt_url
        elif access.hosts is not None or access.channel is not None or access.cipher:
            legacy = access.user is not None and not access.mqcsp
            parameters.channel = channel_definition(
                parameters,
                access.channel or _DEFAULT_CHANNEL,
                access.hosts or _DEFAULT_HOST,
                cipher=access.cipher,
                peer=access.peer,
                heartbeat=access.heartbeat,
                user=(access.user or "") if legacy else "",
                password=access.password if legacy else "",
            )

    def _add_tls(self, parameters: Parameters) -> None:
        repository = self._stores.repository()
        if repository is not None:
            parameters.tls = tls_options(parameters, repository.path, repository.password, repository.label)

    def open(self, name: str, options: int, kind: int = mq.OT_Q, *, key: str | None = None) -> int:
        """Open a queue, or the queue manager itself; raises ConnectError of the class that the reason asks for.

        Args:
            name: of the queue.
            options: MQOO.
            kind: of object.
            key: that names the queue; ``mq.queue`` by default.
        """
        handle, completion, reason = self.mqi.open(self.handle, object_descriptor(name, kind), options)
        if completion == mq.FAILED:
            what = f"queue {name}" if kind == mq.OT_Q else "the queue manager"
            self.failed(f"Opening {what} on {self.access.where}", reason, key)
        self._open[handle] = name
        return handle

    def close(self, handle: int) -> None:
        """Close an object; what goes wrong is of no consequence."""
        if self._open.pop(handle, None) is not None:
            self.mqi.close(self.handle, handle)

    def failed(self, what: str, reason: int, key: str | None = None) -> NoReturn:
        """Take care of the connection after a call that failed, and raise.

        The unit of work is backed out, and the connection ended unless the reason leaves it usable.

        Args:
            what: was tried.
            reason: why it failed.
            key: that names the queue it was tried with, if not ``mq.queue``.
        """
        if keeps_connection(reason):
            self.backout()
        else:
            self.end()
        if reason == mq.R_SYNCPOINT_LIMIT and not self.unit.refused():
            raise ConnectError(
                f"{what} failed: {reason_text(reason)}, and the unit of work cannot be made smaller. Raise MAXUMSGS of "
                "the queue manager"
            )
        raise failure(what, reason, starting=self.starting, key=key)

    def commit(self) -> None:
        """Commit the unit of work.

        Raises:
            RetriableError: it was backed out instead, or nobody knows; the connection is gone in the latter case.
        """
        completion, reason = self.mqi.commit(self.handle)
        if completion == mq.OK:
            return
        what = f"Committing a unit of work on {self.access.where}"
        if reason in _UNKNOWN_OUTCOME:
            self.end()
            raise UnreachableError(f"{what} failed: {reason_text(reason)} (it may have been done all the same)")
        self.failed(what, reason)

    def backout(self) -> None:
        """Back out the unit of work; a connection on which that fails is given up, which backs out as well."""
        if not self.connected:
            return
        completion, reason = self.mqi.backout(self.handle)
        if completion == mq.FAILED:
            log.warning("Backing out on %s failed: %s", self.access.where, reason_text(reason))
            self.end()

    def end(self) -> None:
        """Back out, close, disconnect."""
        if not self.connected:
            return
        handle, self.handle = self.handle, -1
        opened, self._open = self._open, {}
        completion, reason = self.mqi.backout(handle)
        for each in opened:
            self.mqi.close(handle, each)
        if completion == mq.FAILED and reason not in _NOTHING_LEFT:
            # what could not be backed out must not be committed: the end of the process backs it out
            log.warning(
                "A connection to %s is left to the end of the process, because backing out failed: %s",
                self.access.where,
                reason_text(reason),
            )
            return
        self.mqi.disconnect(handle)


_NOTHING_LEFT: Final = frozenset({2003, 2009, 2018, 2059, 2161, 2162, 2195, 2202, 2203, 2273})
"""Reasons of a backout after which there is no unit of work that a disconnect could commit."""
