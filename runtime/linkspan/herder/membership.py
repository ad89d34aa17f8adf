"""Membership in the group of workers through a broker: Kafka's classic group protocol (spec/runtime.md 3.1, 3.3).

kafka-python has a port of the coordinator that Kafka's own clients build on; this is the only module that knows it.
Its network loop runs in a thread of its own. There, :class:`_Coordinator` finds the broker, joins, and sends
heartbeats; what it wants of the herder runs on the event loop, and heartbeats go on while it waits for the answer.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from kafka.coordinator.base import BaseCoordinator, UnjoinedGroupException
from kafka.errors import (
    BrokerResponseError,
    GroupAuthorizationFailedError,
    GroupMaxSizeReachedError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    KafkaConnectionError,
    KafkaError,
    RetriableError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket, create_connection
from kafka.net.manager import KafkaConnectionManager
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport
from kafka.net.wakeup_notifier import WakeupNotifier

from linkspan.api import errors
from linkspan.api.errors import ConfigError, ConnectError
from linkspan.config.tls import client_context, why
from linkspan.herder.group import GroupMember
from linkspan.log.kafka.sasl import authentication
from linkspan.log.kafka.settings import membership
from linkspan.log.kafka.tokens import Tokens
from linkspan.observe.levels import silence

__all__ = ["GroupMembership"]

_log: Final = logging.getLogger(__name__)
_LEAVE_SECONDS: Final = 5.0
"""How long a broker may take to hear that a worker leaves; it finds out by itself when the session has ended."""
_THREAD_SECONDS: Final = 2.0
_PATIENCE: Final = 0.3
"""Share of a session for which a worker that finds no coordinator goes on as if it were in the group."""
_DIRECT: Final = "linkspan-direct"
"""Stands for no proxy: the library looks sockets up by the scheme of a proxy's URL."""
_OVERDUE: Final = "worker poll timeout has expired."
_RESET: Final = struct.pack("ii", 1, 0)


class GroupMembership:
    """Member of the group that ``group.id`` names.

    Args:
        settings: of the worker, as Java writes them.
        worker_id: names the client where ``client.id`` does not.
        failed: called once, on the event loop, when the group can never have this worker: a right, a credential or a
            setting is wrong, or the herder raised an error. Nothing is retried then; the original ends its process.

    Raises:
        ConfigError: a setting cannot be used.
    """

    def __init__(self, settings: Mapping[str, str], worker_id: str, failed: Callable[[ConnectError], None]) -> None:
        self._arguments = _arguments(settings, worker_id)
        self._failed = failed
        self._coordinator: _Coordinator | None = None

    async def start(self, member: GroupMember) -> None:
        """Join, and stay joined until :meth:`stop`; returns at once, joining goes on in the background."""
        # what matters of it is said here in other words; on a bad day it writes dozens of lines a second
        silence("kafka")
        self._coordinator = _Coordinator(self._arguments, member, asyncio.get_running_loop(), self._failed)
        self._coordinator.begin()

    def rejoin(self, reason: str) -> None:
        """Begin another round soon; also ends an absence that :meth:`leave` began."""
        if self._coordinator is not None:
            _log.info("Joining the group again: %s", reason)
            self._coordinator.rejoin()

    async def leave(self, reason: str) -> None:
        """Leave the group, and stay away until :meth:`rejoin`."""
        if self._coordinator is not None:
            _log.info("Leaving the group: %s", reason)
            await self._coordinator.leave(reason)

    def alive(self, doing: str) -> None:
        """The herder's loop turns; if this is not said for ``rebalance.timeout.ms``, the worker leaves the group.

        It joins again when it is said again.
        """
        if self._coordinator is not None:
            self._coordinator.alive(doing)

    async def stop(self) -> None:
        """Leave the group for good; a call of the herder that is still under way is cancelled."""
        coordinator, self._coordinator = self._coordinator, None
        if coordinator is not None:
            await coordinator.end()


class _Coordinator(BaseCoordinator):  # type: ignore[misc]
    """Runs in the thread of the network loop, but for the methods that say they are called on the event loop."""

    def __init__(
        self,
        arguments: Mapping[str, Any],
        member: GroupMember,
        loop: asyncio.AbstractEventLoop,
        failed: Callable[[ConnectError], None],
    ) -> None:
        network = _Network(self._crashed, **arguments)
        connections = _Connections(network, self._refused, **arguments)
        super().__init__(KafkaNetClient(network, connections), **arguments)
        self._member, self._loop, self._failed = member, loop, failed
        self._addresses = str(arguments["bootstrap_servers"])
        # heartbeat.interval.ms in the original, whose default is this share of a session; heartbeats are cheaper here
        self._patience = max(float(arguments["heartbeat_interval_ms"]), _PATIENCE * arguments["session_timeout_ms"])
        self._wakeup = WakeupNotifier(network)
        self._protocols: Sequence[tuple[str, bytes]] = ()
        self._asked: concurrent.futures.Future[Any] | None = None
        self._driving: Future | None = None
        self._doing = "not known"
        self._rejoin_asked = False
        self._absent = False
        self._overdue = False
        self._ended = False
        self._settled = False
        self._located = False
        self._silent = False

    # --- called on the event loop -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the thread."""
        self._net.start()
        self._driving = self._net.call_soon_with_future(self._drive)
        self._driving.add_errback(self._broken)

    def rejoin(self) -> None:
        """Want another round; a round whose subscriptions were asked for already does not count."""
        self._rejoin_asked, self._absent = True, False
        self._wakeup.notify()

    async def leave(self, reason: str) -> None:
        """Be away."""
        self._absent = True
        await self._part(reason)

    def alive(self, doing: str) -> None:
        """Note that the herder does something."""
        self._doing = doing
        self.heartbeat.poll()
        if self._overdue:
            self._overdue = False
            self._wakeup.notify()

    async def end(self) -> None:
        """Leave, and end the thread."""
        self._ended = True
        if self._asked is not None:
            self._asked.cancel()
        self._close_heartbeat()
        await self._part("worker is shutting down")
        await asyncio.to_thread(self._close)

    async def _part(self, reason: str) -> None:
        if not self._net.running:
            return
        arrived = asyncio.Event()

        def done(_: object) -> None:
            self._tell(arrived.set)

        self._net.call_soon_with_future(self._say_goodbye, reason).add_both(done)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(arrived.wait(), _LEAVE_SECONDS + 1)

    def _close(self) -> None:
        self._manager.close()
        self._net.finish(_THREAD_SECONDS)

    async def _subscribe(self) -> Sequence[tuple[str, bytes]]:
        self._rejoin_asked = False
        return self._member.subscriptions()

    # --- the rounds -------------------------------------------------------------------------------------------------

    @property
    def _away(self) -> bool:
        return self._ended or self._absent or self._overdue

    async def _drive(self) -> None:
        while not self._ended:
            try:
                await (self._wakeup() if self._away else self._step())
            except (RetriableError, UnjoinedGroupException):
                await self._pause()
            except KafkaError as error:
                if self._away:
                    continue
                if isinstance(error, BrokerResponseError):
                    raise
                _log.warning("Group %s: %s; trying again", self.group_id, error)
                await self._pause()

    async def _step(self) -> None:
        if self.coordinator_unknown() and not await self._find_coordinator():
            await self._lose()
            return
        if self._silent:
            self._silent = False
            _log.info("The coordinator of group %s was found", self.group_id)
        if self.need_rejoin():
            # comes back now and then to see whether the coordinator is still there; the round goes on meanwhile
            await self.ensure_active_group_async(self._patience)
        else:
            self._maybe_start_heartbeat_loop()
            await self._wakeup()

    async def _pause(self) -> None:
        await self._net.sleep(self.config["retry_backoff_ms"] / 1000)

    async def _find_coordinator(self) -> bool:
        deadline = time.monotonic() + self._patience / 1000
        while not self._away and (left := (deadline - time.monotonic()) * 1000) > 0:
            try:
                if not self._located:
                    # brokers may have moved since: begin with the addresses that the user gave
                    await self._manager.wait_for(self._manager.bootstrap_async(left), left)
                    self._located = True
                elif await self.ensure_coordinator_ready_async(left):
                    return True
            except RetriableError:
                await self._pause()
        return False

    async def _lose(self) -> None:
        self._located = False
        if self._away:
            return
        reason = (
            f"The coordinator of group {self.group_id} was not found at {self._addresses} "
            f"for {self._patience:g} ms ({self._manager.last or 'no answer'})"
        )
        if not self._silent:
            self._silent = True
            _log.warning("%s; trying again until it is", reason)
        if self._settled:
            self._settled = False
            self.request_rejoin()
            await self._ask(self._member.on_lost(reason))

    async def _say_goodbye(self, reason: str) -> None:
        if self._join_task is not None and not self._join_task.is_done:
            # the broker answers the requests of one connection in their order, and this one when all have joined
            self._drop(self.coordinator_id)
        await self.maybe_leave_group_async(reason, _LEAVE_SECONDS * 1000)
        self._wakeup.notify()

    def _drop(self, node: object) -> None:
        connection = self._manager.connection(node)
        if connection is not None:
            connection.close(KafkaConnectionError("given up"))

    # --- the herder's part ------------------------------------------------------------------------------------------

    def _ask(self, call: Coroutine[Any, Any, Any]) -> Future:
        """Have the event loop run a coroutine; awaiting the result here keeps nobody else waiting."""
        answer = Future()

        def arrived(asked: concurrent.futures.Future[Any]) -> None:
            def pass_on() -> None:
                if asked.cancelled():
                    answer.failure(UnjoinedGroupException())
                elif (error := asked.exception()) is not None:
                    answer.failure(error)
                else:
                    answer.success(asked.result())

            if not self._ended and self._net.running:
                self._net.call_soon_threadsafe(pass_on)

        self._asked = asyncio.run_coroutine_threadsafe(call, self._loop)
        self._asked.add_done_callback(arrived)
        return answer

    def _tell(self, call: Callable[[], object]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _perform_assignment(self, leader_id: str, protocol: str, members: Sequence[Any]) -> dict[str, bytes]:
        # the library cannot wait here otherwise; no heartbeats are sent in this part of a round, in the original too
        subscribed = {each.member_id: bytes(each.metadata) for each in members}
        call = self._member.assign(leader_id, protocol, self._generation.generation_id, subscribed)
        self._asked = asked = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return asked.result(self.config["max_poll_interval_ms"] / 1000)
        except (TimeoutError, concurrent.futures.CancelledError) as error:
            if not asked.done():
                asked.cancel()
            elif not asked.cancelled():
                raise
            raise UnjoinedGroupException from error

    # --- what the library asks for or tells -------------------------------------------------------------------------

    def protocol_type(self) -> str:
        """Protocol type of Connect's workers."""
        return "connect"

    def group_protocols(self) -> Sequence[tuple[str, bytes]]:
        """Subprotocols with their join metadata, as the herder said for this round."""
        return self._protocols

    def need_rejoin(self) -> bool:
        """Whether another round is needed."""
        return not self._away and (self._rejoin_asked or super().need_rejoin())

    def request_rejoin(self) -> None:
        """A heartbeat was answered with news of a round, or a round failed."""
        super().request_rejoin()
        self._wakeup.notify()

    def reset_generation(self, *arguments: object, **named: object) -> None:
        """The group does not know this member any more."""
        super().reset_generation(*arguments, **named)
        self._wakeup.notify()

    def coordinator_dead(self, error: object) -> None:
        """The coordinator moved, or does not answer."""
        gone = self.coordinator_id
        super().coordinator_dead(error)
        if gone is not None:
            # as in the original: what a hanging broker has not answered would hold up what is sent next
            self._drop(gone)
            self._wakeup.notify()

    async def maybe_leave_group_async(self, reason: str | None = None, timeout_ms: float | None = None) -> None:
        """Leave; without a reason it is the heartbeats that find the herder overdue."""
        if reason is None:
            _log.warning(
                "worker poll timeout has expired. The last known action being performed by the worker is : %s and may "
                "contribute to the timeout. Please review the last action (if known) for any corrective actions. One "
                "of the ways of addressing this can be increasing the rebalance.timeout.ms configuration value. Please "
                "note that rebalance.timeout.ms also controls the maximum allowed time for each worker to join the "
                "group once a rebalance has begun so the set value should not be very high",
                self._doing,
            )
            self._overdue = True
            reason = _OVERDUE
        await super().maybe_leave_group_async(reason, timeout_ms)

    async def _on_join_prepare_async(self, *_: object, **__: object) -> None:
        _log.info("Rebalance of group %s started", self.group_id)
        await self._ask(self._member.on_joining())

    async def _do_join_and_sync_async(self) -> bytes:
        # until it has ended, however long others take to join
        self.rejoin_needed = True
        self._protocols = await self._ask(self._subscribe())
        if self._away:
            raise UnjoinedGroupException
        try:
            joined: bytes = await super()._do_join_and_sync_async()
        except RetriableError as error:
            self._failed_round(error)
            raise
        return joined

    def _failed_round(self, error: RetriableError) -> None:
        """A round has failed: a coordinator whose connection was lost is looked for anew, as in the original.

        The library would go on connecting to it, which succeeds for ever where something between accepts connections
        only to end them. Whoever leaves has cut the connection itself, and says goodbye to the same coordinator.
        """
        if not self._away and not isinstance(error, (BrokerResponseError, UnjoinedGroupException)):
            self.coordinator_dead(error)

    async def _on_join_complete_async(self, generation: int, member_id: str, protocol: str, assignment: bytes) -> None:
        self._settled = True
        _log.info("Joined group %s in generation %d as %s (%s)", self.group_id, generation, member_id, protocol)
        await self._ask(self._member.on_joined(generation, member_id, protocol, bytes(assignment)))

    async def _send_heartbeat_request(self) -> None:
        # a broker that hangs is noticed when the session ends, not when a request does
        sent = self._manager.call_soon(super()._send_heartbeat_request)
        await self._manager.wait_for(sent, self.config["session_timeout_ms"])

    # --- ends -------------------------------------------------------------------------------------------------------

    def _refused(self, error: ConnectError) -> None:
        if not self._ended:
            self._ended = True
            self._tell(lambda: self._failed(error))
            # before another wrong password is tried
            self._net.call_soon(self._manager.close)

    def _broken(self, error: BaseException) -> None:
        if self._ended:
            return
        self._ended = True
        self._close_heartbeat()
        if isinstance(error, BrokerResponseError):
            failure = _failure(error, self.group_id, self.config, [name for name, _ in self._protocols])
        elif isinstance(error, ConnectError):
            failure = error
        else:
            failure = ConnectError(f"Membership in group {self.group_id} ended: {type(error).__name__}: {error}")
            _log.error("Membership in group %s ended", self.group_id, exc_info=error)
        self._tell(lambda: self._failed(failure))

    def _crashed(self, error: BaseException) -> None:
        self._broken(error)


class _Network(NetworkSelector):  # type: ignore[misc]
    """The network loop, which says when it dies."""

    def __init__(self, crashed: Callable[[BaseException], None], **arguments: object) -> None:
        # the herder may take its time over an assignment
        super().__init__(slow_task_threshold_secs=0, **arguments)
        self._on_crash = crashed
        self._finished = False
        self.running = False

    def start(self) -> None:
        """Start the thread."""
        self.running = True
        super().start()

    def run_forever(self) -> None:
        """Body of the thread."""
        try:
            super().run_forever()
        except BaseException as error:  # noqa: BLE001 - supervision point: a thread that dies in silence is missed by nobody
            self._on_crash(error)
        finally:
            if self._finished:
                self.close()
            self.running = False

    def finish(self, seconds: float) -> None:
        """End the thread, waiting for that long; one that takes longer closes its sockets by itself."""
        self._finished = True
        self.stop(timeout_ms=seconds * 1000)
        if not self.running:
            self.close()


class _Connections(KafkaConnectionManager):  # type: ignore[misc]
    """The connections, which remember what went wrong and report what trying again cannot cure.

    Attributes:
        last: what went wrong last, in words.
    """

    def __init__(self, network: _Network, refused: Callable[[ConnectError], None], **arguments: object) -> None:
        super().__init__(network, **arguments)
        self._on_refusal = refused
        self.last = ""

    def connection(self, node: object) -> Any:  # noqa: ANN401 - the library has no types
        """A connection that exists; None without one."""
        return self._conns.get(node)

    def get_connection(self, node_id: object, *arguments: object, **named: object) -> Any:  # noqa: ANN401 - as above
        """A connection that exists or is being made."""
        known = self._conns.get(node_id)
        connection = super().get_connection(node_id, *arguments, **named)
        if connection is not known:
            connection.init_future.add_errback(self._missed)
        return connection

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:  # noqa: ANN401 - as above
        options, proxy = self.config["socket_options"], self.config["proxy_url"]
        sock = await create_connection(self._net, node.host, node.port, options, proxy, timeout_at=timeout_at)
        if not self.ssl_enabled:
            return _Transport(self._net, sock, host=node.host)
        transport = _TlsTransport(self._net, sock, host=node.host, ssl_context=self.config["ssl_context"])
        try:
            await transport.shake_hands(timeout_at)
        except (OSError, KafkaError) as error:
            transport.close()
            raise KafkaConnectionError(f"TLS handshake failed: {error}") from error
        return transport

    def _missed(self, error: BaseException) -> None:
        self.last = str(error.args[0] if isinstance(error, KafkaError) and error.args else error)
        refusal = _refusal(error, str(self.config["bootstrap_servers"]))
        if refusal is not None:
            self._on_refusal(refusal)


class _Socket(KafkaNetSocket):  # type: ignore[misc]
    """A socket that is closed when nobody answers; the library leaves it to the garbage collector."""

    SCHEMES = (_DIRECT,)

    async def sock_connect(self, net: object, sock: socket.socket, *arguments: object, **named: object) -> Any:  # noqa: ANN401
        """Connect it."""
        try:
            return await super().sock_connect(net, sock, *arguments, **named)
        except BaseException:
            sock.close()
            raise


class _LastWords:
    """What a broker says before it closes the connection is heard: which mechanisms it has, for instance."""

    def _sock_recv(self) -> tuple[bytes, Exception | None]:
        received, error = super()._sock_recv()  # type: ignore[misc]
        return received, None if received else error


class _NothingLate:
    """A connection that is given up is reset: what the broker has not got yet, it never gets.

    The system would go on sending for minutes otherwise. A request to join that arrives after its successor was
    answered tells the group what this worker had a round before, and its new work is given to others.
    """

    _sock: Any

    def abort(self, error: object = None) -> None:
        """Close it at once."""
        if self._sock is not None:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        super().abort(error)  # type: ignore[misc]


class _Transport(_LastWords, _NothingLate, KafkaTCPTransport):  # type: ignore[misc]
    """A connection in the open."""


class _TlsTransport(_LastWords, _NothingLate, KafkaSSLTransport):  # type: ignore[misc]
    """A TLS connection that does not wait for ever for the other side, and closes its socket when it failed."""

    async def shake_hands(self, timeout_at: float | None) -> None:
        """What ``handshake`` does, with a limit."""
        while True:
            try:
                self._sock.do_handshake()
            except ssl.SSLWantReadError:
                await self._net.wait_read(self._sock, timeout_at=timeout_at)
            except ssl.SSLWantWriteError:
                await self._net.wait_write(self._sock, timeout_at=timeout_at)
            else:
                return


class _TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """Tokens as the library asks for them."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def token(self) -> str:
        """A token that is good for a while."""
        try:
            return self._tokens.token()
        except errors.RetriableError as error:
            raise KafkaConnectionError(error.message) from error
        except ConnectError as error:
            raise SaslAuthenticationFailedError(error.message) from error

    def extensions(self) -> dict[str, str]:
        """What is sent along with it."""
        return self._tokens.extensions


# --- settings -------------------------------------------------------------------------------------------------------


def _arguments(settings: Mapping[str, str], worker_id: str) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(membership(settings))
    arguments["client_id"] = arguments.get("client_id") or f"connect-{worker_id}"
    if arguments["heartbeat_interval_ms"] >= arguments["session_timeout_ms"]:
        raise ConfigError.invalid(
            "heartbeat.interval.ms",
            arguments["heartbeat_interval_ms"],
            f"it must be lower than session.timeout.ms ({arguments['session_timeout_ms']})",
        )
    options = list(KafkaConnectionManager.DEFAULT_CONFIG["socket_options"])
    for name, option in (("receive_buffer_bytes", socket.SO_RCVBUF), ("send_buffer_bytes", socket.SO_SNDBUF)):
        if arguments.pop(name, -1) >= 0:
            options.append((socket.SOL_SOCKET, option, int(settings[name.replace("_", ".")])))
    protocol = str(arguments["security_protocol"]).upper()
    arguments |= {"socket_options": options, "security_protocol": protocol, "proxy_url": f"{_DIRECT}:"}
    if protocol in {"SSL", "SASL_SSL"}:
        arguments["ssl_context"] = client_context(settings)
    return arguments | _login(settings)


def _login(settings: Mapping[str, str]) -> dict[str, Any]:
    given = authentication(settings)
    mechanism = given.get("sasl.mechanism")
    if mechanism is None:
        return {}
    if mechanism == "OAUTHBEARER":
        return {"sasl_mechanism": mechanism, "sasl_oauth_token_provider": _TokenProvider(Tokens(given))}
    if mechanism == "GSSAPI":
        raise ConfigError.invalid(
            "sasl.mechanism", mechanism, "workers cannot form a group through Kerberos; use SCRAM, PLAIN or OAUTHBEARER"
        )
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": given["sasl.username"],
        "sasl_plain_password": given["sasl.password"],
    }


# --- errors ---------------------------------------------------------------------------------------------------------


def _refusal(error: BaseException, addresses: str) -> ConnectError | None:
    """The error for a connection that one of the two sides has refused; None for what an outage may cause too."""
    if isinstance(error, SaslAuthenticationFailedError | UnsupportedSaslMechanismError):
        said = str(error.args[0]) if error.args else "wrong credentials"
        said = said.removeprefix("SaslAuthenticationFailedError: ")
        hint = "Check sasl.mechanism and what sasl.jaas.config says"
    else:
        inner = error.args[0] if error.args and isinstance(error.args[0], ssl.SSLError) else error.__context__
        ended = ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError
        if not isinstance(inner, ssl.SSLError) or isinstance(inner, ended):
            return None
        said = getattr(inner, "verify_message", "") or why(inner)
        hint = "Check ssl.truststore.*, ssl.keystore.* and ssl.endpoint.identification.algorithm"
    return ConnectError(f"The connection to Kafka at {addresses} was refused: {said.rstrip('.')}. {hint}.")


def _failure(error: BrokerResponseError, group: str, settings: Mapping[str, Any], offered: list[str]) -> ConnectError:
    """The error for a group that does not want this worker."""
    hints: dict[type[BrokerResponseError], str] = {
        GroupAuthorizationFailedError: f"Allow the principal of this worker Read on group {group}, and start again",
        InconsistentGroupProtocolError: (
            f"Its members speak none of the protocols of this worker ({', '.join(offered)}): give all workers the same "
            "connect.protocol, and this cluster a group.id that no other kind of client uses"
        ),
        InvalidSessionTimeoutError: (
            f"session.timeout.ms is {settings['session_timeout_ms']}, which lies outside of what the broker allows "
            "(group.min.session.timeout.ms, group.max.session.timeout.ms)"
        ),
        GroupMaxSizeReachedError: "Raise group.max.size of the broker, or run fewer workers",
        InvalidGroupIdError: "Set group.id",
    }
    hint = hints.get(type(error), error.description or "")
    return ConnectError(f"Joining group {group} failed: {type(error).message}. {hint.rstrip('.')}.")
