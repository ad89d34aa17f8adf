from __future__ import annotations

import pytest

from linkspan_connectors.ibmmq.unit_size import UnitSize


def test_a_unit_is_what_is_there_up_to_half_of_what_a_queue_manager_takes_by_default():
    size = UnitSize()
    assert [size.of(wanted) for wanted in (0, 1, 250, 5000, 5001, 100_000)] == [0, 1, 250, 5000, 5000, 5000]


def test_a_refused_unit_is_half_as_large_the_next_time_however_many_messages_there_are(caplog):
    size = UnitSize()
    assert size.of(251) == 251
    assert size.refused()
    assert "Units of work get smaller, 125 messages" in caplog.text
    assert [size.of(wanted) for wanted in (1, 125, 251, 5000)] == [1, 125, 125, 125]


@pytest.mark.parametrize("wanted", [0, 1])
def test_a_unit_of_one_message_cannot_be_smaller(wanted):
    size = UnitSize()
    size.of(wanted)
    assert not size.refused()
    assert size.of(250) == 250, "other units are what they were"


def test_each_limit_is_found_in_a_few_steps():
    for limit in range(1, 400):
        size = UnitSize()
        tried = [size.of(399)]
        while tried[-1] > limit:
            assert size.refused()
            tried.append(size.of(399))
        assert len(tried) < 11
        assert tried[-1] >= limit / 2 - 1
