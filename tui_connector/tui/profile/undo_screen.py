"""Undoes and redoes what was saved of a profile, one change after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual import work

from ...client.exchange import Exchanges
from ...errors import UserError
from ...files import ChangedOnDisk
from ...guide.profiles.saved_changes import SavedChange, SavedChanges
from ...machine import Machine
from ...text import shown_line
from .part_changes import PartChanges
from .profile_screen import ProfileScreen


class UndoScreen(ProfileScreen):
    """A screen of a saved profile that changes it."""

    def __init__(
        self,
        machine: Machine,
        path: Path,
        exchanges: Exchanges | None,
        environment: str,
        changes: SavedChanges | None,
    ) -> None:
        """`exchanges` is the log to continue, `changes` are those of the file in this session."""
        super().__init__(machine, path, exchanges, environment, changes)
        self.part_changes = PartChanges(self.app, machine, path, self.file_workbench)

    def show_changed(self, change: SavedChange) -> None:
        """Selects the part of a change that was made, undone or redone; where it is gone, nothing else is selected."""
        raise NotImplementedError

    def record(self, change: SavedChange) -> None:
        """Takes a change that was saved, to be undone, and shows its part."""
        self.changes.record(change)
        self.show_changed(change)

    def action_undo(self) -> None:
        """Undoes what was saved last, after the lines that change back were shown."""
        changes, name = self.changes, self.path.name
        if (change := changes.to_undo) is not None:
            self._revert(change, "Undo", changes.undone)
        elif changes.was_changed_elsewhere:
            words = f"Nothing to undo: {name} was changed outside this page since it was saved here."
            self.notify(shown_line(words), markup=False)
        else:
            self.notify(shown_line(f"Nothing to undo: {name} was not changed here."), markup=False)

    def action_redo(self) -> None:
        """Redoes what was undone last, after the lines that change were shown."""
        if (change := self.changes.to_redo) is not None:
            self._revert(change, "Redo", self.changes.redone)
        else:
            self.notify("Nothing to redo.", markup=False)

    @work(exclusive=True, group="delete")
    async def _revert(self, change: SavedChange, verb: str, done: Callable[[SavedChange], None]) -> None:
        self.busy = f"{verb}: {change.title}"
        try:
            reverted = await self.part_changes.revert(change, verb)
            if reverted is not None:
                done(reverted)
                self.show_changed(reverted)
                self.notify(self._reverted(verb, change.title), markup=False)
        except ChangedOnDisk:
            words = f"{verb} is not possible: {self.path.name} has changed since it was saved here."
            self.notify(shown_line(words), severity="warning", markup=False)
        except UserError as error:
            self.notify_error(error)
        finally:
            self.busy = ""
        self.reload(edited_here=True)

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
