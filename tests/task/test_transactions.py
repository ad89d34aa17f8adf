"""A source in transactions keeps its promises on the log that needs no server."""

from __future__ import annotations

import pytest

from linkspan.log.embedded import EmbeddedLog
from tests.task.transaction_semantics import *  # noqa: F403 - the same tests run against every log


@pytest.fixture
def log(tmp_path):
    return EmbeddedLog(str(tmp_path / "log"))
