"""Deletes profiles; the last ones can be restored from the state directory."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ...files import write_private
from ...profile.library import ProfileError, read_bytes

_KEPT = 20


def remove_profile(path: Path, state: Path, now: datetime) -> Path | None:
    """Deletes the file, and returns its copy in the state directory; None if it cannot be read. Raises OSError. Blocks.

    Of the copies, the last 20 are kept.
    """
    copy: Path | None = state / "deleted" / f"{path.stem}.{now:%Y%m%d-%H%M%S}{path.suffix}"
    try:
        data = read_bytes(path)
    except ProfileError:  # what cannot be read cannot be used either
        copy = None
    if copy is not None:
        write_private(copy, data)
        for old in sorted(copy.parent.iterdir(), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
            old.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    return copy
