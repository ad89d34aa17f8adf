"""A refused connection is told from an outage, by what the library says about real brokers."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from linkspan.api.errors import ConnectError
from linkspan.log.kafka.client import Contact
from linkspan.log.kafka.errors import refusal, unreachable

LOGIN, TLS = "Check sasl.mechanism and what sasl.jaas.config says.", "Check ssl.truststore.*"
REFUSED = [
    (
        KafkaError._AUTHENTICATION,
        (
            "sasl_ssl://b:9093/bootstrap: SASL authentication error: Authentication failed: Invalid username or "
            "password (after 302ms in state AUTH_REQ)"
        ),
        "SASL authentication error: Authentication failed: Invalid username or password. " + LOGIN,
    ),
    (
        KafkaError._AUTHENTICATION,
        (
            "sasl_plaintext://b:9093/1: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL "
            "mechanism: broker's supported mechanisms: PLAIN (after 302ms in state AUTH_HANDSHAKE)"
        ),
        "broker's supported mechanisms: PLAIN. " + LOGIN,
    ),
    (
        KafkaError._AUTHENTICATION,
        'Failed to acquire SASL OAUTHBEARER token: {"error": "invalid_client"}',
        '{"error": "invalid_client"}. ' + LOGIN,
    ),
    (
        KafkaError._SSL,
        (
            "ssl://b:9093/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: "
            "broker certificate could not be verified, verify that ssl.ca.location is configured (after 3ms in "
            "state SSL_HANDSHAKE)"
        ),
        "certificate verify failed. " + TLS,
    ),
    (
        KafkaError._TRANSPORT,
        (
            "ssl://b:9093/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: "
            "SSL alert number 42 (after 0ms in state APIVERSION_QUERY)"
        ),
        "SSL alert number 42. " + TLS,
    ),
]
OUTAGES = [
    (KafkaError._TRANSPORT, "ssl://b:9093/1: SSL handshake failed: Disconnected: connection reset by peer"),
    (KafkaError._TRANSPORT, "b:9093/1: Connect to ipv4#b:9093 failed: Connection refused"),
    (
        KafkaError._AUTHENTICATION,
        "sasl_ssl://b:9093/1: SASL PLAIN mechanism handshake failed: Local: Broker transport failure",
    ),
    (
        KafkaError._AUTHENTICATION,
        "Failed to acquire SASL OAUTHBEARER token: Failed to retrieve OIDC token: Couldn't connect to server",
    ),
    (KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"),
]


@pytest.mark.parametrize(("code", "text", "said"), REFUSED)
def test_what_trying_again_does_not_cure_is_a_refusal_and_names_address_and_key(
    code: int, text: str, said: str
) -> None:
    error = refusal(KafkaError(code, text), "b:9093")
    assert error is not None
    assert error.message.startswith("The connection to Kafka at b:9093 was refused: ")
    assert said in error.message
    assert "in state" not in error.message


@pytest.mark.parametrize(("code", "text"), OUTAGES)
def test_an_outage_is_no_refusal(code: int, text: str) -> None:
    assert refusal(KafkaError(code, text), "b:9093") is None


def test_a_client_keeps_the_refusal_for_who_uses_it() -> None:
    contact = Contact("b:9093")
    for code, text in OUTAGES:
        contact(KafkaError(code, text))
    contact.check()
    assert "Couldn't connect" in contact.last
    contact(KafkaError(*REFUSED[0][:2]))
    with pytest.raises(ConnectError, match="Invalid username or password"):
        contact.check()


def test_who_gets_no_answer_at_all_is_told_what_went_wrong_last() -> None:
    error = unreachable(KafkaError(KafkaError._TIMED_OUT, "Local: Timed out"), "b:1", 30.0, OUTAGES[1][1])
    assert error.message.startswith(
        "No Kafka broker answers at b:1 within 30 s (Connect to ipv4#b:9093 failed: Connection refused)."
    )
