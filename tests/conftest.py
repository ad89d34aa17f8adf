"""What every test begins with.

Property tests look at the same examples in every run; HYPOTHESIS_PROFILE=explore makes them look at new ones.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from linkspan.observe import hiding

_BUSY = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # a busy machine is no fault of the code
settings.register_profile("repeatable", derandomize=True, **_BUSY)
settings.register_profile("explore", **_BUSY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hiding, "_secrets", hiding._Secrets())
