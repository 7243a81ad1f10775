"""Programs that a test needs."""

from __future__ import annotations

import os
import shutil

import pytest


def require(*programs: str) -> None:
    """Skips where a program is missing; in CI that is an error."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI_REQUIRE_ALL"):
        pytest.fail(f"CI must have {', '.join(missing)}")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
