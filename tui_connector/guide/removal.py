"""Takes a profile away, and copies one: what belongs to it, and what others use too."""

from __future__ import annotations

from pathlib import Path

from ..files import write_atomic
from ..profile.files import read_bytes
from ..profile.library import Library
from .entry_users import keyring_entries, other_users


def own_entries(path: Path, library: Library) -> list[str]:
    """The entries that no other profile of the library, or beside this one, names. Profiles elsewhere are not known."""
    own = keyring_entries(path)
    others = other_users(path, own, library.directory)
    return [name for name in own if name not in others]


def duplicate(path: Path, name: str, library: Library) -> Path:
    """A copy under another name, comments and all. It names the same secrets, until its own are given.

    Raises `BadProfileName`, `ProfileUnreadable`, `ChangedOnDisk` where the name is taken, and `CannotSave`.
    """
    target = library.path_for(name)
    write_atomic(target, read_bytes(path), expect=None)
    return target
