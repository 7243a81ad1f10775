"""Changes a saved profile: what changes is shown before it is written, and can be undone afterwards."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..files import ChangedOnDisk, check_unchanged, digest, write_atomic
from ..profile.document import Document
from ..profile.library import as_text, read_bytes
from ..profile.problems import check_data
from .part_states import PartStates
from .save import difference, save
from .setup import Setup
from .summaries import Family
from .workbench import Workbench


@dataclass(frozen=True, slots=True)
class ProfileEdit:
    """A change of a profile, not written yet."""

    path: Path
    setup: Setup
    before: bytes
    """The file when it was read."""
    states: PartStates | None = None
    """The run states that move with it."""

    @property
    def difference(self) -> str:
        """The lines that change; empty where none do. Raises `UserError` if the change cannot be written as text."""
        document = self.setup.document
        return difference(document.text_as_read, document.text()) if document.changed else ""

    @property
    def problems(self) -> list[str]:
        """What is invalid with the change, with its place."""
        return [f"{'.'.join(map(str, at))}: {message}" for at, message in check_data(self.setup.draft)[1]]

    def outside_change(self) -> str:
        """The lines that another program has changed since. Raises `UserError`. Blocks."""
        return difference(self.setup.document.text_as_read, as_text(self.path, read_bytes(self.path)))

    async def save(self, workbench: Workbench, profiles: Path, *, overwrite: bool = False) -> Undo:
        """Writes the change. Raises `UserError` (`ChangedOnDisk`), or OSError for the schema beside the profile."""
        path = self.path
        before = await asyncio.to_thread(read_bytes, path) if overwrite else self.before
        await save(
            self.setup,
            path,
            workbench.vault,
            overwrite=overwrite,
            trust=workbench.trust,
            profiles=profiles,
            states=self.states,
        )
        back = self.states.reversed if self.states is not None else None
        return Undo(path, before, digest(await asyncio.to_thread(read_bytes, path)), back)


@dataclass(frozen=True, slots=True)
class Undo:
    """What a file was before a change."""

    path: Path
    before: bytes
    expect: str
    """The digest of the file since the change."""
    states: PartStates | None = None
    """The run states that move back with it."""

    @property
    def applies(self) -> bool:
        """Whether the file is still as the change left it. Blocks."""
        try:
            check_unchanged(self.path, self.expect)
        except ChangedOnDisk:
            return False
        return True

    def write(self) -> None:
        """Restores the file. Raises `ChangedOnDisk` if it was changed since, and another `UserError`. Blocks."""
        with self.states.moved() if self.states is not None else nullcontext():
            write_atomic(self.path, self.before, expect=self.expect)


def begin_edit(path: Path) -> ProfileEdit:
    """Reads the profile to change it. Raises `UserError`. Blocks."""
    before = read_bytes(path)
    return ProfileEdit(path, Setup.from_document(path.stem, Document.read(path)), before)


def removal(path: Path, family: Family, name: str) -> ProfileEdit:
    """Prepares to delete this part. Raises `UserError` also where another part uses it. Blocks."""
    edit = begin_edit(path)
    setup = edit.setup
    if family == "authentications":
        for client in setup.table("clients"):
            names = setup.at("clients", client, "authentications")
            if isinstance(names, list) and name in names:
                left = [each for each in names if each != name]
                setup.edit(("clients", client, "authentications"), left or None)
    setup.edit((family, name), None)
    if problems := edit.problems:
        raise UserError("part-in-use", f"{name} is in use: {problems[0]}. Change that first.")
    return edit
