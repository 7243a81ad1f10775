"""What is done once home is painted, so that no key has to wait for it later."""

from __future__ import annotations

import gc


def preload_modules() -> None:
    """Imports the screens that home leads to, with what their forms need. Call it in a thread."""
    from ..guide.steps import kind_schemas
    from . import profile  # noqa: F401
    from .setup import screen  # noqa: F401

    kind_schemas.load()


def tune_garbage_collection() -> None:
    """Excludes loaded modules from garbage collection and makes full collections rare: each blocks keys for 40 ms."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
