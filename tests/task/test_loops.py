"""The loops' promises on the logs that need no server."""

from __future__ import annotations

import pytest

from tests.task.failure_semantics import *  # noqa: F403 - the same tests run against every log
from tests.task.memory_log import MemoryLog
from tests.task.sink_semantics import *  # noqa: F403 - the same tests run against every log
from tests.task.source_semantics import *  # noqa: F403 - as above
from tests.task.stored_offsets_semantics import *  # noqa: F403 - as above
from tests.task.suspect_semantics import *  # noqa: F403 - as above


@pytest.fixture(params=["memory", "embedded"])
def log(request, tmp_path):
    if request.param == "memory":
        return MemoryLog()
    embedded = pytest.importorskip("linkspan.log.embedded")
    if not hasattr(embedded, "EmbeddedLog"):
        pytest.skip("not there yet")
    return embedded.EmbeddedLog(str(tmp_path / "log.db"))
