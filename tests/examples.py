"""How many examples property tests try: all where CI requires everything, a fifth on a developer's machine."""

from __future__ import annotations

import os


def examples(number: int) -> int:
    """Of so many in CI."""
    return number if os.environ.get("CI_REQUIRE_ALL") else max(20, number // 5)
