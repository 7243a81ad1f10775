"""Skips tests whose requirements the machine does not meet; with `CI_REQUIRE_ALL`, which `.ci/run` sets, they fail."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest


def require(*programs: str) -> None:
    """Skips if a program is missing; with `CI_REQUIRE_ALL`, that is an error."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        skip_without(", ".join(missing))


def require_modules(*modules: str) -> None:
    """Skips the calling module if a package of an extra is missing; with `CI_REQUIRE_ALL`, that is an error."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing and os.environ.get("CI_REQUIRE_ALL"):
        raise AssertionError(f"CI must have {', '.join(missing)}")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}", allow_module_level=True)


def skip_without(what: str) -> NoReturn:
    """Skips because the machine lacks something; with `CI_REQUIRE_ALL`, that is an error."""
    if os.environ.get("CI_REQUIRE_ALL"):
        pytest.fail(f"CI must have {what}")
    pytest.skip(f"needs {what}")
