"""Which profiles were opened last and which are archived: paths in one file of the state directory.

Archiving takes a profile out of the lists and changes nothing else: its file, secrets, run states and history stay, and
commands still find it by name. Reads with the standard library alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...files import read_regular, update_private

_MAX_RECENT = 100
_MAX_SIZE = 1024 * 1024
_RECENT, _ARCHIVED = "recent", "archived"


class ProfileLists:
    """The recent and the archived profiles, by absolute path; the files may be gone."""

    def __init__(self, state: Path) -> None:
        self._file = state / "profiles.json"

    def recent(self) -> list[Path]:
        """The profiles that were opened, the latest first. Blocks."""
        return self._read()[_RECENT]

    def archived(self) -> list[Path]:
        """The archived profiles. Blocks."""
        return self._read()[_ARCHIVED]

    def opened(self, path: Path) -> None:
        """Remembers that this profile was opened; where that fails, it is not listed as recent. Blocks."""

        def change(recent: list[Path], archived: list[Path]) -> None:
            recent[:] = [found, *(each for each in recent if each != found)][:_MAX_RECENT]

        found = _absolute(path)
        with suppress(OSError):
            self._update(change)

    def archive(self, path: Path, *, archived: bool = True) -> None:
        """Archives a profile, or lists it again. Blocks. Raises OSError."""

        def change(recent: list[Path], known: list[Path]) -> None:
            known[:] = [*(each for each in known if each != found), *([found] if archived else [])]

        found = _absolute(path)
        self._update(change)

    def forget(self, path: Path) -> None:
        """Removes a profile from both lists; where that fails, it stays. Blocks."""
        self.move(path, None)

    def move(self, path: Path, target: Path | None) -> None:
        """Follows a renamed profile; where that fails, the old path stays. Blocks."""

        def change(*lists: list[Path]) -> None:
            for each in lists:
                renamed = [(now if found == before else found) for found in each]
                each[:] = [found for found in renamed if found is not None]

        before, now = _absolute(path), None if target is None else _absolute(target)
        with suppress(OSError):
            self._update(change)

    def _read(self) -> dict[str, list[Path]]:
        try:
            data = read_regular(self._file, _MAX_SIZE)
        except OSError:
            data = None
        return _parsed(data)

    def _update(self, change: Callable[[list[Path], list[Path]], None]) -> None:
        def written(data: bytes | None) -> bytes:
            lists = _parsed(data)
            change(lists[_RECENT], lists[_ARCHIVED])
            return json.dumps({name: [str(each) for each in paths] for name, paths in lists.items()}).encode()

        update_private(self._file, written)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _parsed(data: bytes | None) -> dict[str, list[Path]]:
    """The lists in the file's content; empty where it has none."""
    found: object = None
    with suppress(ValueError, RecursionError):
        found = json.loads(data or b"")
    lists = found if isinstance(found, dict) else {}
    return {
        name: [Path(each) for each in paths if isinstance(each, str)]
        if isinstance(paths := lists.get(name), list)
        else []
        for name in (_RECENT, _ARCHIVED)
    }
