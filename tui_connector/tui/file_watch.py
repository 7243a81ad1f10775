"""Notices that another program has changed, replaced or deleted a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..files import digest
from ..profile.library import ProfileError, read_bytes

FileState = tuple[int, int, int, int]
"""What changes with a file: the time, the size, the inode and the mode.

Times may jump, the inode is a new one each time, and with the mode a file becomes readable.
"""


@dataclass(frozen=True, slots=True)
class FileChange:
    """The file as it is now: its bytes, or why it cannot be read. Both are missing where it was deleted."""

    data: bytes | None = None
    problem: str = ""


class FileWatch:
    """Looks at a file from time to time. All methods block: call them in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: FileState | str | None = "unknown"

    def look(self, known: str | None) -> FileChange | None:
        """How the file changed since the last look; None if it did not, or has the digest `known`."""
        state = state_of(self._path)
        if state == self._state:
            return None
        self._state = state
        if state is None:
            return FileChange() if known is not None else None
        try:
            data = read_bytes(self._path)
        except ProfileError as error:
            if error.code == "profile-missing":
                return FileChange() if known is not None else None
            return FileChange(problem=error.text)
        return None if digest(data) == known else FileChange(data)


def state_of(path: Path) -> FileState | None:
    """The state of a file; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
