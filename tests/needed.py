"""What a test needs of the machine."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def require(*programs: str) -> None:
    """Skips if a program is missing; in CI that is an error."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        lacking(", ".join(missing))


def lacking(what: str) -> NoReturn:
    """Skips because the machine lacks this; in CI that is an error."""
    if os.environ.get("CI_REQUIRE_ALL"):
        pytest.fail(f"CI must have {what}")
    pytest.skip(f"needs {what}")
