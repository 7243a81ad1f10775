"""Deletes profiles; what was deleted or overwritten can be restored from the state directory."""

from __future__ import annotations

import os
from datetime import datetime
from itertools import count
from pathlib import Path

from ...files import write_private
from ...profile.library import ProfileError, read_bytes

_KEPT = 20


def remove_profile(path: Path, state: Path, now: datetime) -> Path | None:
    """Deletes the file, and returns its copy in the state directory; None if it cannot be read. Raises OSError. Blocks.

    Of the copies, the last 20 are kept.
    """
    try:
        copy: Path | None = keep_copy(path, read_bytes(path), state, now)
    except ProfileError:  # what cannot be read cannot be used either
        copy = None
    path.unlink(missing_ok=True)
    return copy


def keep_copy(path: Path, data: bytes, state: Path, now: datetime) -> Path:
    """Keeps what a profile contains before it is deleted or overwritten; returns the copy. Raises OSError. Blocks."""
    folder, named = state / "deleted", f"{path.stem}.{now:%Y%m%d-%H%M%S}"
    names = (named if number == 1 else f"{named}-{number}" for number in count(1))
    copy = next(file for name in names if not os.path.lexists(file := folder / f"{name}{path.suffix}"))
    write_private(copy, data)
    for old in sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return copy
