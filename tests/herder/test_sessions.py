"""Session keys and signatures (spec/runtime.md 1.11, 3.7); the codes are those of Java 17."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.config.definition import load
from linkspan.config.macs import MAC_ALGORITHMS
from linkspan.config.worker import DistributedConfig
from linkspan.herder.port import InternalRequest
from linkspan.herder.sessions import (
    ALGORITHM_HEADER,
    SIGNATURE_HEADER,
    BadSignatureError,
    KeyPolicy,
    MalformedSignatureError,
    NoSessionKeyError,
    SessionKey,
    check_signature,
    sign,
    signature_headers,
)
from linkspan.rest.errors import status_of

KEY = SessionKey(b"key", "HmacSHA256", 0)
BODY = b"The body"
CODES = {
    "HmacMD5": "97a37e1015010f1fd354a121fe5f39e0",
    "HmacSHA1": "5080c811932f90888c5f9b98b4477a14c8ff0d01",
    "HmacSHA224": "7a2910b698d2d2d266bc0ed63f95ad02708f90dbfcc30b4dbc8b13f0",
    "HmacSHA256": "7e8c0ce84a56ffd9d229e2581ad3f76341d40c31b767508beea11f354ba42014",
    "HmacSHA384": "5bbd877bbb557334dc9c2d4b33f918b5e5a09899bd598db9d09f3c9eb2d196caf2b0ff388997321032babb7989de6989",
    "HmacSHA512": "2ea8b6f45de202949b815e09388d81653b6c6edb4ffd8e7b24a08aafb579979c"
    "5c2a206617b37318b280fe5eec0bb22f807d903240d9c6507695d02f4949a0ad",
    "HmacSHA512/224": "f7fc44b3e43eaf3beebebd4930465c2b8ea2d608a5bcdbff8502a423",
    "HmacSHA512/256": "9935932b8515ca434705956d60d5177d5aac0eeb55f22e0c418d6b82cd6da746",
    "HmacSHA3-256": "c18863adf0ad4b768e6f2e4bfb1fc843696d213836cbba668a45e3f4a01fddc1",
    "HmacSHA3-512": "ccba7cccb272214e34924be9ca7687e7e299f697d9a260980e341742e65bd21b"
    "83a296711dbede8cc28d79bcae9ff4a647206d550648576e76898b2e9af8158b",
}
REQUIRED = {
    "group.id": "g",
    "key.converter": "x",
    "value.converter": "x",
    "config.storage.topic": "c",
    "offset.storage.topic": "o",
    "status.storage.topic": "s",
}
GENERATION, SIZE, TTL = (f"inter.worker.key.{name}" for name in ("generation.algorithm", "size", "ttl.ms"))
SIGNING, ACCEPTED = "inter.worker.signature.algorithm", "inter.worker.verification.algorithms"


def policy(**more: Any) -> KeyPolicy:
    return KeyPolicy.of(config({key: str(value) for key, value in more.items()}))


def config(more: dict[str, str]) -> DistributedConfig:
    return load(DistributedConfig, {**REQUIRED, **more})


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "algorithm", "length"),
    [
        ({}, "HmacSHA256", 32),
        ({GENERATION: "hmacsha384"}, "HmacSHA384", 48),
        ({GENERATION: "HmacMD5"}, "HmacMD5", 64),
        ({GENERATION: "HmacSHA1"}, "HmacSHA1", 64),
        ({SIZE: "40"}, "HmacSHA256", 5),
        ({SIZE: "41"}, "HmacSHA256", 6),
        ({SIZE: "1024", GENERATION: "HmacSHA512"}, "HmacSHA512", 128),
    ],
)
def test_keys_are_as_long_as_java_makes_them(settings: dict[str, str], algorithm: str, length: int) -> None:
    made = policy(**settings).generate(7)
    assert (made.algorithm, len(made.key), made.created) == (algorithm, length, 7)


def test_every_key_is_another_one_and_none_is_shown() -> None:
    keys = [policy().generate(0) for _ in range(3)]
    assert len({key.key for key in keys}) == 3
    assert "key=" not in repr(keys[0])


@pytest.mark.parametrize(
    ("settings", "key", "now", "due"),
    [
        ({}, None, 0, True),
        ({TTL: 100}, SessionKey(bytes(32), "HmacSHA256", 1000), 1099, False),
        ({TTL: 100}, SessionKey(bytes(32), "HmacSHA256", 1000), 1100, True),
        ({TTL: 0}, SessionKey(bytes(32), "HmacSHA256", 1000), 10**15, False),
        ({}, SessionKey(bytes(31), "HmacSHA256", 1000), 1000, True),
        ({SIZE: 248}, SessionKey(bytes(31), "HmacSHA256", 1000), 1000, False),
        ({}, SessionKey(bytes(32), "HmacSHA1", 1000), 1000, True),
        ({}, SessionKey(bytes(32), "HmacSHA256", 5000), 1000, False),
    ],
)
def test_a_key_is_due_when_there_is_none_or_it_is_too_old_or_not_what_is_configured(
    settings: dict[str, Any], key: SessionKey | None, now: int, due: bool
) -> None:
    assert policy(**settings).due(key, now) is due


def test_a_key_expires_its_time_to_live_after_the_leader_made_it() -> None:
    assert policy(**{TTL: 100}).expires(SessionKey(b"", "HmacSHA256", 5)) == 105
    assert policy(**{TTL: 0}).expires(SessionKey(b"", "HmacSHA256", 5)) is None


# --- signatures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", CODES)
def test_codes_are_those_of_java(algorithm: str) -> None:
    if algorithm not in MAC_ALGORITHMS:
        pytest.skip(f"the hash library of this system does not know {algorithm}")
    assert sign(KEY, algorithm, BODY).hex() == CODES[algorithm]


@pytest.mark.parametrize("algorithm", MAC_ALGORITHMS)
@pytest.mark.parametrize("body", [BODY, b""])
def test_what_was_signed_with_the_key_is_let_in(algorithm: str, body: bytes) -> None:
    headers = signature_headers(KEY, algorithm, body)
    check_signature(InternalRequest(body, headers[SIGNATURE_HEADER], headers[ALGORITHM_HEADER]), KEY, [algorithm])


def signed(body: bytes = BODY, key: SessionKey = KEY, algorithm: str = "HmacSHA256") -> InternalRequest:
    headers = signature_headers(key, algorithm, body)
    return InternalRequest(body, headers[SIGNATURE_HEADER], headers[ALGORITHM_HEADER])


GOOD = signed()
MISSING = "Internal request missing required signature"


@pytest.mark.parametrize(
    ("request_", "key", "error", "status", "text"),
    [
        (InternalRequest(BODY), KEY, MalformedSignatureError, 400, MISSING),
        (InternalRequest(BODY, None, "HmacSHA256"), KEY, MalformedSignatureError, 400, MISSING),
        (InternalRequest(BODY, GOOD.signature, None), None, MalformedSignatureError, 400, MISSING),
        (InternalRequest(BODY, GOOD.signature, "Nope"), None, MalformedSignatureError, 400, "Algorithm Nope not avail"),
        (InternalRequest(BODY, "!!", "HmacSHA256"), None, MalformedSignatureError, 400, "is not base64"),
        (InternalRequest(BODY, "YWI==", "HmacSHA256"), None, MalformedSignatureError, 400, "is not base64"),
        (InternalRequest(BODY, "a", "HmacSHA256"), None, MalformedSignatureError, 400, "is not base64"),
        (
            signed(algorithm="HmacSHA1"),
            None,
            MalformedSignatureError,
            400,
            (
                "This worker does not support the 'HmacSHA1' key signing algorithm used by other workers. This "
                "worker is currently configured to use: [HmacSHA256, HmacSHA512]. Check that all workers' config"
            ),
        ),
        (GOOD, None, NoSessionKeyError, 503, "has not been able to read a session key from the config topic yet"),
        (signed(key=SessionKey(b"other", "", 0)), KEY, BadSignatureError, 403, "contained invalid signature."),
        (InternalRequest(b"the body", GOOD.signature, GOOD.algorithm), KEY, BadSignatureError, 403, "invalid signat"),
        (InternalRequest(BODY, "", "HmacSHA256"), KEY, BadSignatureError, 403, "invalid signature"),
    ],
)
def test_what_a_signature_lacks_is_said_in_the_order_of_the_original(
    request_: InternalRequest, key: SessionKey | None, error: type[ConnectError], status: int, text: str
) -> None:
    with pytest.raises(error) as raised:
        check_signature(request_, key, ["HmacSHA256", "HmacSHA512"])
    assert text in raised.value.message
    assert status_of(raised.value) == status


def test_a_signature_may_lack_its_padding_as_in_java() -> None:
    assert GOOD.signature is not None
    assert GOOD.signature.endswith("=")
    check_signature(InternalRequest(BODY, GOOD.signature.rstrip("="), GOOD.algorithm), KEY, ["HmacSHA256"])
    assert base64.b64decode(GOOD.signature) == bytes.fromhex(CODES["HmacSHA256"])


# --- configuration --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "key", "text"),
    [
        ({GENERATION: "x"}, GENERATION, f"Invalid value x for configuration {GENERATION}: the algorithm is not supp"),
        ({SIGNING: "AES"}, SIGNING, f"Invalid value AES for configuration {SIGNING}: the algorithm is not supported"),
        (
            {ACCEPTED: "HmacSHA256,y"},
            ACCEPTED,
            f"Invalid value y for configuration {ACCEPTED}: the algorithm is not supported",
        ),
        (
            {ACCEPTED: ""},
            ACCEPTED,
            (
                f"Invalid value [] for configuration {ACCEPTED}: At least one signature verification algorithm must be "
                "provided"
            ),
        ),
        (
            {SIGNING: "HmacSHA1"},
            SIGNING,
            (
                f"Invalid value HmacSHA1 for configuration {SIGNING}: Signature algorithm must be present in "
                f"{ACCEPTED} list"
            ),
        ),
        (
            {SIGNING: "hmacsha256"},
            SIGNING,
            f"Invalid value hmacsha256 for configuration {SIGNING}: Signature algorithm must be present in {ACCEPTED}",
        ),
        (
            {SIZE: "39"},
            SIZE,
            (
                "Unable to create key generator with algorithm HmacSHA256 and key size 39: Key length must be "
                "at least 40 bits"
            ),
        ),
        ({TTL: "-1"}, TTL, f"Invalid value -1 for configuration {TTL}: Value must be at least 0"),
    ],
)
def test_impossible_settings_are_refused_when_the_worker_starts(settings: dict[str, str], key: str, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config(settings)
    assert raised.value.key == key
    assert raised.value.message.startswith(text)


def test_a_signing_algorithm_may_be_any_of_those_that_are_accepted() -> None:
    found = config({SIGNING: "HmacSHA1", ACCEPTED: "HmacSHA256,HmacSHA1"})
    assert found.inter_worker_signature_algorithm == "HmacSHA1"
