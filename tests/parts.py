"""Optional parts of a test machine: skipped where absent, obligatory under ONENET_REQUIRE=all."""

from __future__ import annotations

import os

import pytest


def need(part: str, available: bool) -> None:
    """Go on when the part is there; else skip, or fail when every part is obligatory."""
    if available:
        return
    if os.environ.get("ONENET_REQUIRE") == "all":
        pytest.fail(f"{part} is obligatory here (ONENET_REQUIRE=all) and is missing")
    pytest.skip(f"{part} is not on this machine")
