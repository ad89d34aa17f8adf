"""The embedded log keeps the port's promises."""

from __future__ import annotations

import pytest

from linkspan.log.embedded import EmbeddedLog
from tests.log.semantics import *  # noqa: F403 - the same tests run against every log
from tests.log.transaction_semantics import *  # noqa: F403 - as above


@pytest.fixture
def log(tmp_path):
    return EmbeddedLog(str(tmp_path / "log"))
