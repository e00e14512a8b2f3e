"""Profiles: a few derandomized examples a test, or many random ones with AGENTHANDS_FUZZ=long."""

import os

from hypothesis import HealthCheck, Phase, settings

common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
settings.register_profile(
    "short", max_examples=60, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], **common
)
settings.register_profile("long", max_examples=1000, database=None, **common)
settings.load_profile("long" if os.environ.get("AGENTHANDS_FUZZ") == "long" else "short")
