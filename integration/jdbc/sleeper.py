"""A sink task in a process of its own that freezes itself in the middle of a transaction; settings as its argument."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from linkspan.api import FencedError, TopicPartition
from linkspan_connectors.jdbc.offsets_table import OffsetsTable
from tests.connectors.jdbc.sinking import order, put, sink

__all__ = ["FENCED", "PLACE", "ROWS"]

PLACE = TopicPartition("orders", 0)
ROWS = 50
FENCED = 3
"""Exit status of a task that was kept from writing."""


def main(settings: dict[str, str]) -> int:
    """Write rows, freeze before the offset is moved, and go on when somebody wakes it up."""
    move = OffsetsTable.move

    def freeze_and_move(table: OffsetsTable, *args: Any) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
        move(table, *args)

    with sink(**settings) as task:
        task.open([PLACE])
        assert task.stored_offsets([PLACE]) == {PLACE: None}
        OffsetsTable.move = freeze_and_move  # type: ignore[method-assign]  # of this process
        try:
            put(task, *[order(number) for number in range(ROWS)])
        except FencedError as error:
            print(error.message)
            return FENCED
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
