"""The table in memory keeps what the port promises, so that what is tested with it means something."""

from __future__ import annotations

import pytest

from tests.log.memory_table import MemoryTable, MemoryTopic
from tests.log.table_semantics import *  # noqa: F403 - the same tests run against every table


@pytest.fixture(params=[1, 3])
def tables(request):
    topic = MemoryTopic(partitions=request.param)
    return lambda: MemoryTable(topic)


def test_compaction_keeps_the_last_value_of_each_key_and_its_offset():
    topic = MemoryTopic()
    for key, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"b", None)):
        topic.append(key, value)
    topic.compact()
    assert [(record.key, record.value, record.offset) for record in topic.records[0]] == [(b"a", b"3", 2)]
    assert topic.ends() == [4]
