"""Copies of profiles under another name."""

from __future__ import annotations

from pathlib import Path, PurePath

from ..files import write_atomic
from ..profile.document import Document
from ..profile.library import Library, ProfileError, read_bytes


def duplicate(path: Path, name: str, library: Library, data: Path | None = None) -> Path:
    """Copies the file under another name.

    The copy uses the same keyring entries until others are set. Its sinks and sources in the folder that is named after
    the original, below `data` or beside the profile, get the folder of the copy: two profiles cannot write one file.
    Raises `UserError`.
    """
    target = library.new_path(name)
    try:
        document = Document.read(path)
    except ProfileError:  # a copy of a file with errors has the same errors
        write_atomic(target, read_bytes(path), expect=None)
        return target
    for family, end in (("incoming", "sink"), ("outgoing", "source")):
        parts = document.draft.get(family)
        for part, configuration in parts.items() if isinstance(parts, dict) else ():
            table = configuration.get(end) if isinstance(configuration, dict) else None
            file = table.get("path") if isinstance(table, dict) else None
            if isinstance(file, str) and (moved := _moved(PurePath(file), path.stem, name, data)) is not None:
                document.set((family, part, end, "path"), str(moved))
    document.save(target)
    return target


def _moved(file: PurePath, old: str, new: str, data: Path | None) -> PurePath | None:
    """The file in the folder of the copy; None if it is not in the folder of the original."""
    for parent in (PurePath(), data):
        if parent is not None and file.is_relative_to(parent / old) and file.is_absolute() == parent.is_absolute():
            return parent / new / file.relative_to(parent / old)
    return None
