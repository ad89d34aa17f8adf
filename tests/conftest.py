"""Property tests look at the same examples in every run; HYPOTHESIS_PROFILE=explore makes them look at new ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_BUSY = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # a busy machine is no fault of the code
settings.register_profile("repeatable", derandomize=True, **_BUSY)
settings.register_profile("explore", **_BUSY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
