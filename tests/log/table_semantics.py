"""What every table promises behind the port; run with a fixture ``tables`` that makes tables on one fresh topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from linkspan.api.errors import RetriableError
from linkspan.log.port import Table, TableRecord

PATIENCE = 60.0

Tables = Callable[[], Table]


def told(records: list[TableRecord]) -> list[tuple[int, int, bytes | None, bytes | None]]:
    return sorted((record.partition, record.offset, record.key, record.value) for record in records)


def test_a_table_knows_when_it_is_open_what_another_wrote_and_later_once_it_has_caught_up(tables: Tables):
    async def story() -> None:
        one, other = tables(), tables()
        ones: list[TableRecord] = []
        others: list[TableRecord] = []
        await one.open(ones.extend)
        await one.write([(b"a", b"1"), (b"b", b"2"), (b"a", None)], PATIENCE)
        await other.open(others.extend)
        assert [record.value for record in others if record.key == b"a"] == [b"1", None]
        await other.write([(b"c", b"")], PATIENCE)
        await other.write([], PATIENCE)
        await asyncio.gather(one.read_to_end(PATIENCE), other.read_to_end(PATIENCE))
        assert len(ones) == 4
        assert told(ones) == told(others)
        await one.close()
        await other.close()

    asyncio.run(story())


def test_writes_of_one_key_are_read_in_the_order_of_the_calls(tables: Tables):
    async def story() -> None:
        table = tables()
        taken: list[TableRecord] = []
        await table.open(taken.extend)
        calls = [table.write([(b"k", b"%d" % (2 * n)), (b"k", b"%d" % (2 * n + 1))], PATIENCE) for n in range(50)]
        await asyncio.gather(*calls)
        await table.read_to_end(PATIENCE)
        assert [record.value for record in taken] == [b"%d" % n for n in range(100)]
        assert len({record.partition for record in taken}) == 1
        await table.close()

    asyncio.run(story())


def test_own_writes_that_are_on_their_way_are_part_of_the_end(tables: Tables):
    async def story() -> None:
        table = tables()
        taken: list[TableRecord] = []
        await table.open(taken.extend)
        writing = asyncio.create_task(table.write([(b"k", b"v")], PATIENCE))
        await asyncio.sleep(0)  # it has begun
        await table.read_to_end(PATIENCE)
        assert [record.key for record in taken] == [b"k"]
        await writing
        await table.close()

    asyncio.run(story())


def test_a_closed_table_gives_nothing_and_takes_nothing(tables: Tables):
    async def story() -> None:
        table, other = tables(), tables()
        taken: list[TableRecord] = []
        await table.open(taken.extend)
        await other.open(list)
        await table.close()
        await table.close()
        await other.write([(b"k", b"v")], PATIENCE)
        with pytest.raises(RetriableError, match="closed"):
            await table.write([(b"k", b"v")], PATIENCE)
        with pytest.raises(RetriableError, match="closed"):
            await table.read_to_end(PATIENCE)
        assert taken == []
        await other.close()

    asyncio.run(story())
