"""A worker whose way to the broker is cut in the middle of a round of its group."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from integration.chaos.conftest import Fragile
from integration.runtime.group_members import Member, all_of, group_name, until
from integration.services.proxy import Proxy

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("fragile"),
]


class Unlucky(Member):
    """Loses the way to the broker when it is about to join, as often as it does."""

    def __init__(self, name: str, settings: Mapping[str, str], proxy: Proxy) -> None:
        super().__init__(name, settings)
        self.proxy = proxy
        self.cuts = False

    async def on_joining(self) -> None:
        await super().on_joining()
        if self.cuts:
            self.proxy.cut()


@pytest.mark.parametrize("turn", range(3))
def test_a_way_that_is_cut_in_the_middle_of_a_round_costs_the_membership(fragile: Fragile, turn: int) -> None:
    async def test() -> None:
        given = {"group.id": group_name(), "session.timeout.ms": "1500", "heartbeat.interval.ms": "300"}
        other = Member("other", {**given, "bootstrap.servers": fragile.bootstrap})
        unlucky = Unlucky("unlucky", {**given, "bootstrap.servers": fragile.through_proxy}, fragile.proxy)
        async with other, unlucky:
            await all_of(other, unlucky)
            unlucky.cuts = True
            try:
                await asyncio.sleep(turn / 50)
                unlucky.membership.rejoin("a test wants it")
                await until(lambda: unlucky.lost, "it knows that it is in no group")
            finally:
                unlucky.cuts = False
                fragile.proxy.mend()
            await all_of(other, unlucky)

    asyncio.run(test())
