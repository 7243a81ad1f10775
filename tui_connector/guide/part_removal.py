"""Deletes a part of a saved profile, with what it changes shown before, and the bytes to undo it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..files import digest, write_atomic
from ..profile.document import Document
from ..profile.library import read_bytes
from ..profile.problems import check_data
from .save import difference, save
from .setup import Setup
from .summaries import Family
from .workbench import Workbench


@dataclass(frozen=True, slots=True)
class PartRemoval:
    """A part to delete, not written yet."""

    setup: Setup
    difference: str
    """The lines that change."""
    before: bytes

    async def save(self, path: Path, workbench: Workbench, profiles: Path) -> Undo:
        """Writes the profile without the part. Raises `UserError`, or OSError for the schema beside it."""
        await save(self.setup, path, workbench.vault, trust=workbench.trust, profiles=profiles)
        return Undo(path, self.before, digest(await asyncio.to_thread(read_bytes, path)))


@dataclass(frozen=True, slots=True)
class Undo:
    """What a file was before a change."""

    path: Path
    before: bytes
    expect: str
    """The digest of the file since the change."""

    def write(self) -> None:
        """Restores the file. Raises `ChangedOnDisk` if it was changed since, and `CannotSave`. Blocks."""
        write_atomic(self.path, self.before, expect=self.expect)


def removal(path: Path, family: Family, name: str) -> PartRemoval:
    """Prepares to delete this part. Raises `UserError` also where another part uses it. Blocks."""
    before = read_bytes(path)
    document = Document.read(path)
    setup = Setup.from_document(path.stem, document)
    if family == "authentications":
        for client in setup.table("clients"):
            names = setup.at("clients", client, "authentications")
            if isinstance(names, list) and name in names:
                left = [each for each in names if each != name]
                setup.edit(("clients", client, "authentications"), left or None)
    setup.edit((family, name), None)
    _, problems = check_data(setup.draft)
    if problems:
        where, why = problems[0]
        raise UserError("part-in-use", f"{name} is in use: {'.'.join(map(str, where))}: {why}. Change that first.")
    return PartRemoval(setup, difference(document.text_as_read, document.text()), before)
