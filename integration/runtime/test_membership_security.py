"""Workers' membership with Java's security settings: every mechanism and kind of store, every refusal, and rights."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

import pytest

from integration.runtime.group_members import Member, all_of, until
from integration.runtime.test_kafka_security import WAYS_IN, WRONG, Making, foreign, misnamed, oidc, sasl, tls
from integration.services.secured import PASSWORDS, STORE_PASSWORD, SecuredBroker

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured")]


def in_group(settings: Mapping[str, str], group: str) -> dict[str, str]:
    return {**settings, "group.id": group}


@pytest.mark.parametrize("way", WAYS_IN)
def test_a_member_gets_in_with_javas_settings(secured: SecuredBroker, way: str) -> None:
    async def test() -> None:
        settings = in_group(WAYS_IN[way](secured), f"connect-way-{list(WAYS_IN).index(way)}")
        async with Member("a", settings) as member:
            await until(lambda: member.seen or member.failures, "it joins")
            assert member.failures == []
            await all_of(member)

    asyncio.run(test())


REFUSALS: Final[dict[str, tuple[Making, list[str]]]] = {
    "wrong password, PLAIN": (lambda s: sasl(s, "PLAIN", WRONG), ["sasl.jaas.config"]),
    "wrong password, SCRAM": (lambda s: sasl(s, "SCRAM-SHA-512", WRONG), ["sasl.jaas.config"]),
    "wrong client secret": (lambda s: oidc(s, WRONG), ["invalid_client", "sasl.jaas.config"]),
    "mechanism the broker has not": (
        lambda s: {**sasl(s, "PLAIN"), **s.login("SCRAM-SHA-256", "worker"), **in_the_open(s)},
        ["sasl.mechanism"],
    ),
    "certificate of an unknown authority": (foreign, ["certificate in certificate chain", "ssl.truststore."]),
    "certificate for another name": (misnamed, ["IP address mismatch", "ssl.endpoint.identification.algorithm"]),
    "no certificate of ours": (
        lambda s: {**tls(s), "bootstrap.servers": s.address("MUTUAL")},
        ["bad certificate", "ssl.keystore."],
    ),
}


def in_the_open(secured: SecuredBroker) -> dict[str, str]:
    return {"bootstrap.servers": secured.address("SASL_OPEN"), "security.protocol": "SASL_PLAINTEXT"}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_connection_ends_membership_with_one_error_without_secrets(
    secured: SecuredBroker, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, words = REFUSALS[case]

    async def test() -> None:
        async with Member("a", in_group(make(secured), "connect-refused")) as member:
            await until(lambda: member.failures, "it is told")
            (failure,) = member.failures
            assert "was refused: " in failure.message
            assert not [word for word in words if word not in failure.message], failure.message
            assert not [word for word in (*PASSWORDS.values(), STORE_PASSWORD, WRONG) if word in failure.message]
            assert member.asked == []

    with caplog.at_level(logging.INFO):
        asyncio.run(test())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_group_that_is_not_allowed_ends_membership_with_the_right_that_is_missing(secured: SecuredBroker) -> None:
    async def test() -> None:
        async with Member("a", in_group(sasl(secured, "PLAIN"), "not-for-the-worker")) as member:
            await until(lambda: member.failures, "it is told")
            (failure,) = member.failures
            assert failure.message == (
                "Joining group not-for-the-worker failed: GROUP_AUTHORIZATION_FAILED. "
                "Allow the principal of this worker Read on group not-for-the-worker, and start again."
            )

    asyncio.run(test())
