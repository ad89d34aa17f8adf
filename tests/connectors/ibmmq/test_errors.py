from __future__ import annotations

import pytest

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
from linkspan_connectors.ibmmq.ciphers import cipher_spec
from linkspan_connectors.ibmmq.errors import failure, keeps_connection

RETRIABLE_IN_THE_ORIGINAL = {2003, 2009, 2016, 2035, 2051, 2053, 2059, 2161, 2162, 2195, 2537, 2538}


@pytest.mark.parametrize("reason", sorted(RETRIABLE_IN_THE_ORIGINAL))
def test_what_the_original_tries_again_is_tried_again(reason: int) -> None:
    assert isinstance(failure("MQGET", reason), RetriableError)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (2003, RetriableError),
        (2024, RetriableError),
        (2009, UnreachableError),
        (2279, UnreachableError),
        (2548, UnreachableError),
        (2556, UnreachableError),
        (2016, OutageError),
        (2042, OutageError),
        (2053, OutageError),
        (2025, ThrottledError),
        (2537, ThrottledError),
        (2030, DataError),
        (2031, DataError),
        (2058, ConfigError),
        (2085, ConfigError),
        (2393, ConfigError),
        (2540, ConfigError),
        (2001, ConnectError),
    ],
)
def test_reasons_are_of_the_class_that_they_ask_for(reason: int, kind: type[Exception]) -> None:
    assert type(failure("MQGET", reason)) is kind


# spec/mq.md 3.11
KEEPS = {2003, 2016, 2024, 2051, 2053, 2056, 2071, 2192}
DROPS = {2009, 2018, 2019, 2025, 2059, 2101, 2102, 2161, 2162, 2195, 2202, 2203, 2219, 2273, 2279, 2537, 2538, 2543}
DROPS |= {*range(2544, 2550), 2556, 2035, 2063}
CONFIG = {2052, 2058, 2085, 2087, 2277, 2278, 2298, 2371, 2380, 2381, 2393, 2396, 2398, 2399, 2400, 2401, 2539, 2540}
CONFIG |= {2555, 2577, 2594, 2600, 2603}
MESSAGE = {2010, 2030, 2031, 2142, 2334, 2335, 2421, 2469, 2554}


def test_each_reason_is_handled_as_the_specification_says() -> None:
    handled = {reason: (type(failure("MQGET", reason)), keeps_connection(reason)) for reason in range(2000, 2700)}
    assert {reason for reason, (kind, keeps) in handled.items() if issubclass(kind, RetriableError) and keeps} == (
        KEEPS | {2042}
    )
    assert {reason for reason, (kind, keeps) in handled.items() if issubclass(kind, RetriableError) and not keeps} == (
        DROPS
    )
    assert {reason for reason, (kind, _) in handled.items() if kind is ConfigError} >= CONFIG
    assert {reason for reason, (kind, _) in handled.items() if kind is DataError} >= MESSAGE


@pytest.mark.parametrize(
    ("reason", "key", "named"),
    [
        (2085, None, "mq.queue"),
        (2085, "mq.exactly.once.state.queue", "mq.exactly.once.state.queue"),
        (2393, "mq.exactly.once.state.queue", "mq.ssl.cipher.suite"),
        (2053, None, "mq.queue"),
        (2051, "mq.exactly.once.state.queue", "mq.exactly.once.state.queue"),
        (2035, "mq.exactly.once.state.queue", "mq.exactly.once.state.queue"),
        (2035, None, None),
        (2009, "mq.exactly.once.state.queue", None),
        (2555, None, None),
    ],
)
def test_the_message_names_the_key_to_look_at(reason: int, key: str | None, named: str | None) -> None:
    _, see, found = failure("MQOPEN", reason, key=key).message.partition(", see ")
    assert found == (named or "")
    assert bool(see) is (named is not None)


def test_a_refusal_is_final_at_the_start_and_may_pass_later() -> None:
    assert type(failure("MQCONNX", 2035, starting=True)) is CredentialsError
    assert type(failure("MQCONNX", 2035)) is OutageError


def test_the_message_says_what_and_why() -> None:
    error = failure("MQOPEN of queue Q1 on QM1", 2085)
    assert (
        error.message
        == "MQOPEN of queue Q1 on QM1 failed: 2085 MQRC_UNKNOWN_OBJECT_NAME (there is no such queue), see mq.queue"
    )
    assert isinstance(error, ConfigError)
    assert error.key == "mq.queue"


def test_a_full_channel_names_its_limits() -> None:
    for reason in (2025, 2537):
        assert "MAXINST and MAXINSTC" in failure("MQCONNX", reason).message


def test_the_connection_survives_what_concerns_the_queue_only() -> None:
    assert {reason for reason in range(2000, 2700) if keeps_connection(reason)} == {
        2003,
        2016,
        2024,
        2042,
        2051,
        2053,
        2056,
        2071,
        2192,
    }


@pytest.mark.parametrize(
    ("suite", "spec"),
    [
        ("*TLS12ORHIGHER", "ANY_TLS12_OR_HIGHER"),
        ("*TLS13", "ANY_TLS13"),
        ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
        ("SSL_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA256"),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384"),
        ("SSL_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE_RSA_AES_256_GCM_SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE_ECDSA_AES_128_CBC_SHA256"),
        ("ECDHE_RSA_AES_128_GCM_SHA256", "ECDHE_RSA_AES_128_GCM_SHA256"),
        (" ANY_TLS12 ", "ANY_TLS12"),
    ],
)
def test_cipher_suites_of_java_become_cipher_specs(suite: str, spec: str) -> None:
    assert cipher_spec(suite) == spec
