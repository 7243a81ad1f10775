"""Takes a profile away, and copies one: what belongs to it, and what others use too."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from ..files import write_atomic
from ..profile.files import ProfileUnreadable, as_text, read_bytes
from ..profile.library import Library


def keyring_entries(path: Path) -> list[str]:
    """The entries of the keyring that this profile names; none where the file cannot be read as TOML."""
    try:
        data = tomllib.loads(as_text(path, read_bytes(path)))
    except (ProfileUnreadable, ValueError, RecursionError):
        return []
    return named_in(data)


def named_in(data: object) -> list[str]:
    """The entries of the keyring that a profile's data name, each once."""
    return list(dict.fromkeys(_named(data)))


def _named(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        name = value.get("keyring")
        if len(value) == 1 and isinstance(name, str):
            yield name
        for item in value.values():
            yield from _named(item)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item)


def own_entries(path: Path, library: Library) -> list[str]:
    """The entries that no other profile of the library names, as far as that can be told."""
    own = keyring_entries(path)
    others = {name for entry in library.list() if entry.path != path for name in _named_by(entry.path, own)}
    return [name for name in own if name not in others]


def _named_by(path: Path, names: list[str]) -> Iterator[str]:
    """Those that this profile names. One that is no TOML just now counts for what its text holds."""
    try:
        text = as_text(path, read_bytes(path))
    except ProfileUnreadable:
        yield from names
        return
    try:
        yield from named_in(tomllib.loads(text))
    except (ValueError, RecursionError):
        yield from (name for name in names if name in text)


def duplicate(path: Path, name: str, library: Library) -> Path:
    """A copy under another name, comments and all. It names the same secrets, until they are given for it.

    Raises `BadProfileName`, `ProfileUnreadable`, `ChangedOnDisk` where the name is taken, and `CannotSave`.
    """
    target = library.path_for(name)
    write_atomic(target, read_bytes(path), expect=None)
    return target
