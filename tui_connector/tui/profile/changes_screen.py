"""Changes a saved profile from its page: deletes and renames parts, undoes and redoes what was saved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from textual import work

from ...files import ChangedOnDisk
from ...guide.profiles.earlier_versions import earlier_versions
from ...guide.profiles.saved_changes import ChangedPart, SavedChange
from ...guide.steps.summaries import ProfilePart
from ...profile.problems import Problem
from ...text import shown_line
from .part_changes import PartChanges
from .profile_screen import PageContext, ProfileScreen


class ChangesScreen(ProfileScreen):
    """A screen of a saved profile that changes it."""

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self.part_changes = PartChanges(self.app, self.machine, self.path, self.file_workbench)
        self.reopens: Callable[[], object] | None = None
        """Opens the dialog that led to a change which was not made, once the file was read."""

    @property
    def selected_part(self) -> ProfilePart | None:
        """The part that keys are for."""
        raise NotImplementedError

    def has_secrets(self, part: ProfilePart) -> bool:
        """Whether the part names secrets."""
        raise NotImplementedError

    def environment_renamed(self, name: str, new: str) -> None:
        """An environment has another name since: the one in use, perhaps."""
        raise NotImplementedError

    def select_changed(self, part: ChangedPart) -> None:
        """Selects a part that was added or changed; of one that was deleted, the row in its place."""
        raise NotImplementedError

    def record(self, change: SavedChange) -> None:
        """Takes a change that was saved, to be undone, and selects its part."""
        self.changes.record(change)
        self._select_part_of(change)

    @work(exclusive=True, group="select-changed")
    async def _select_part_of(self, change: SavedChange) -> None:
        """Selects the part of a change that was made, undone or redone."""
        if (part := await asyncio.to_thread(change.part)) is not None:
            self.select_changed(part)

    @work(exclusive=True, group="delete")
    async def action_delete(self) -> None:
        """Deletes the part under the cursor, after the lines that go were shown."""
        part = self.selected_part
        if part is None:
            return
        if await self._save_change(part.name, self.part_changes.delete(part, has_secrets=self.has_secrets(part))):
            self.notify(f"Deleted: {part.name}. u restores it.", markup=False)

    @work(exclusive=True, group="delete")
    async def action_rename(self) -> None:
        """Renames the part under the cursor and what refers to it, after the difference was shown."""
        part = self.selected_part
        if part is not None:
            await self._rename(part.name, self.part_changes.rename(part))

    @work(exclusive=True, group="delete")
    async def save_fix(self, problem: Problem) -> None:
        """Applies the suggested correction of a problem, after the difference was shown."""
        if change := await self._save_change(self.path.name, self.part_changes.fix(problem)):
            where = f" ({problem.path})" if problem.path else ""
            self.notify(shown_line(f"Saved: {change.title}{where}. u undoes it.", 200), markup=False)

    @work(exclusive=True, group="delete")
    async def change_environment(
        self, action: Literal["rename", "delete"], name: str, declined: Callable[[], object]
    ) -> None:
        """Deletes or renames an environment, after the difference was shown; `declined` reopens what led to that."""
        if action == "rename" and (new := await self._rename(name, self.part_changes.rename_environment(name))):
            self.environment_renamed(name, new)
        elif action == "delete" and await self._save_change(name, self.part_changes.delete_environment(name)):
            self.notify(shown_line(f"Deleted: {name}. u restores it."), markup=False)
        else:
            self.reopens = declined

    async def _rename(self, name: str, renaming: Awaitable[tuple[str, SavedChange] | None]) -> str:
        """Awaits the change, and says what it is called since; returns that, or "" where nothing was renamed."""
        new = ""

        async def saved() -> SavedChange | None:
            nonlocal new
            new, change = await renaming or ("", None)
            return change

        if not await self._save_change(name, saved()):
            return ""
        self.notify(shown_line(f"Renamed: {name} is now {new}. u undoes it."), markup=False)
        return new

    async def _save_change(self, name: str, change: Awaitable[SavedChange | None]) -> SavedChange | None:
        """Awaits the change of what is called so, and reloads the file; None if it was declined, or failed."""
        saved = None
        async with self.changing(f"Changing {name}"):
            if (saved := await change) is not None:
                self.record(saved)
        return saved

    async def action_undo(self) -> None:
        """Undoes what was saved last, after the lines that change back were shown."""
        changes, name = self.changes, self.path.name
        if (change := changes.to_undo) is not None:
            self._revert(change, "Undo", changes.undone)
            return
        words = f"Nothing to undo: {name} was not changed in this session."
        if changes.to_redo is not None:
            words = "Nothing more to undo. U redoes what was undone."
        self.notify(shown_line(f"{words} {await asyncio.to_thread(earlier_versions, self.path)}"), markup=False)

    def action_redo(self) -> None:
        """Redoes what was undone last, after the lines that change were shown."""
        if (change := self.changes.to_redo) is not None:
            self._revert(change, "Redo", self.changes.redone)
        else:
            self.notify("Nothing to redo.", markup=False)

    @work(exclusive=True, group="delete")
    async def _revert(self, change: SavedChange, verb: str, done: Callable[[SavedChange], None]) -> None:
        async with self.changing(f"{verb}: {change.title}"):
            try:
                reverted = await self.part_changes.revert(change, verb)
            except ChangedOnDisk:
                words = f"{verb} is not possible: {self.path.name} has changed since it was saved here."
                self.notify(shown_line(words), severity="warning", markup=False)
                return
            if reverted is not None:
                done(reverted)
                self._select_part_of(reverted)
                self.notify(self._reverted(verb, change.title), markup=False)

    def _reverted(self, verb: str, title: str) -> str:
        """What was undone or redone, and what the keys do next."""
        changes = self.changes
        if verb == "Redo":
            more = f" · U again: {changes.to_redo.title}" if changes.to_redo is not None else ""
            return f"Redone: {title}{more} · u undoes it"
        left = changes.undo_count - 1
        more = f" ({left} more)" if left > 0 else ""
        again = f"u again: {changes.to_undo.title}{more}" if changes.to_undo is not None else "nothing more to undo"
        return f"Undone: {title} · {again} · U redoes it"
