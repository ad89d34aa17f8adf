"""What membership makes of a worker's settings, and which errors of the broker end it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError, SaslAuthenticationFailedError

from linkspan.api.errors import ConfigError, ConnectError, RetriableError
from linkspan.herder.membership import GroupMembership, _Network, _refusal, _TlsTransport, _TokenProvider, _Transport

SETTINGS = {"bootstrap.servers": "PLAINTEXT://a:1,b:2", "group.id": "workers"}
PLAIN = 'x.PlainLoginModule required username="u" password="p";'


def arguments(**more: str) -> dict[str, Any]:
    given = {**SETTINGS, **{name.replace("_", "."): value for name, value in more.items()}}
    return GroupMembership(given, "host:8083", lambda _: None)._arguments


def test_times_are_a_distributed_workers() -> None:
    got = arguments()
    assert (got["session_timeout_ms"], got["heartbeat_interval_ms"]) == (10_000, 500)
    assert (got["max_poll_interval_ms"], got["request_timeout_ms"]) == (60_000, 40_000)
    assert got["group_id"] == "workers"
    assert "group_instance_id" not in got, "static membership is not a worker's"


def test_client_is_named_by_the_worker_unless_it_has_a_name() -> None:
    assert arguments()["client_id"] == "connect-host:8083"
    assert arguments(client_id="")["client_id"] == "connect-host:8083"
    assert arguments(client_id="mine")["client_id"] == "mine"


def test_heartbeats_must_come_more_often_than_a_session_ends() -> None:
    with pytest.raises(ConfigError, match=r"heartbeat\.interval\.ms.*lower than session\.timeout\.ms \(500\)"):
        arguments(session_timeout_ms="500")


def test_buffers_are_the_systems_unless_they_are_sized() -> None:
    sized = (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    assert sized in arguments(receive_buffer_bytes="4096")["socket_options"]
    assert {option for _, option, _ in arguments(receive_buffer_bytes="-1")["socket_options"]} == {
        socket.TCP_NODELAY,
        socket.SO_KEEPALIVE,
    }


def test_passwords_are_those_of_the_login() -> None:
    got = arguments(security_protocol="sasl_plaintext", sasl_mechanism="PLAIN", sasl_jaas_config=PLAIN)
    assert got["security_protocol"] == "SASL_PLAINTEXT"
    assert (got["sasl_mechanism"], got["sasl_plain_username"], got["sasl_plain_password"]) == ("PLAIN", "u", "p")


@pytest.mark.parametrize(("algorithm", "checked"), [("https", True), ("HTTPS", True), ("", False)])
def test_name_of_the_broker_is_checked_unless_it_is_switched_off(algorithm: str, checked: bool) -> None:
    got = arguments(security_protocol="SSL", ssl_endpoint_identification_algorithm=algorithm)
    assert got["ssl_context"].check_hostname is checked
    assert got["ssl_context"].verify_mode is ssl.CERT_REQUIRED


def test_cipher_suites_have_javas_names() -> None:
    suites = "TLS_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    got = arguments(security_protocol="SSL", ssl_cipher_suites=suites)
    older = [each["name"] for each in got["ssl_context"].get_ciphers() if each["protocol"] != "TLSv1.3"]
    assert older == ["ECDHE-RSA-AES128-GCM-SHA256"]
    with pytest.raises(ConfigError, match=r"ssl\.cipher\.suites"):
        arguments(security_protocol="SSL", ssl_cipher_suites="TLS_RSA_WITH_NOTHING_AT_ALL")


def test_kerberos_is_refused_with_what_to_use_instead() -> None:
    with pytest.raises(ConfigError, match=r"GSSAPI for configuration sasl\.mechanism: .*SCRAM"):
        arguments(security_protocol="SASL_PLAINTEXT", sasl_mechanism="GSSAPI")


def test_an_outage_is_no_refusal() -> None:
    broken_off = KafkaConnectionError("Handshake failed")
    broken_off.__context__ = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
    for error in (KafkaConnectionError("111 ECONNREFUSED"), KafkaConnectionError("socket disconnected"), broken_off):
        assert _refusal(error, "a:1") is None


def test_a_certificate_that_is_not_trusted_is_a_refusal() -> None:
    error = KafkaConnectionError(ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] alert (_ssl.c:1)"))
    refusal = _refusal(error, "a:1")
    assert refusal is not None
    assert refusal.message.startswith("The connection to Kafka at a:1 was refused: ")
    assert "_ssl.c" not in refusal.message


class Refusing:
    """Tokens that cannot be had."""

    def __init__(self, error: ConnectError) -> None:
        self.error = error

    def token(self) -> str:
        raise self.error


def test_a_token_server_that_is_away_is_an_outage_and_one_that_refuses_is_not() -> None:
    away: Any = Refusing(RetriableError("away"))
    with pytest.raises(KafkaConnectionError, match="away"):
        _TokenProvider(away).token()
    refuses: Any = Refusing(ConnectError("unknown client"))
    with pytest.raises(SaslAuthenticationFailedError, match="unknown client"):
        _TokenProvider(refuses).token()


class NoNetwork:
    """A network loop that does nothing."""

    def unregister_event(self, *_: object) -> None:
        pass


def fill(sending: socket.socket) -> int:
    """Send more than the other side takes: the rest waits in this system, as it does while a network is cut."""
    sending.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += sending.send(bytes(65536))
    return sent


def drain(receiving: socket.socket) -> tuple[int, bool]:
    """How much arrives, and whether the connection was reset after it."""
    receiving.settimeout(60)
    received = 0
    try:
        while data := receiving.recv(65536):
            received += len(data)
    except ConnectionResetError:
        return received, True
    return received, False


@pytest.mark.parametrize("tls", [False, True])
def test_what_was_sent_on_a_connection_that_is_given_up_never_arrives_late(tls: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        sent = fill(ours)
        context = arguments(security_protocol="SSL")["ssl_context"] if tls else None
        given = (NoNetwork(), ours, "localhost")
        transport: Any = _TlsTransport(*given, ssl_context=context) if tls else _Transport(*given)
        transport.abort(KafkaConnectionError("given up"))
        received, reset = drain(theirs)
        assert reset
        assert received < sent


def test_a_thread_that_does_not_end_in_time_closes_its_sockets_when_it_ends() -> None:
    gate = threading.Event()
    network = _Network(lambda _: None, client_id="w")
    network.start()
    network.call_soon_threadsafe(gate.wait)
    network.finish(0.05)
    assert network.running
    gate.set()
    deadline = time.monotonic() + 30
    while network.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not network.running
    assert network._wakeup_r.fileno() == -1
    assert network._wakeup_w.fileno() == -1
