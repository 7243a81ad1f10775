"""Deletes and renames the parts of a saved profile, after the difference was shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from textual.app import App

from ...guide.profiles.edit import ProfileEdit, Undo, removal, renaming
from ...guide.steps.summaries import ProfilePart
from ...guide.workbench import Workbench
from ...machine import Machine
from ..dialogs import ConfirmScreen, EntryScreen
from ..widgets import highlight


class PartChanges:
    """Changes of one profile. They return the undo of what was saved; None where the user declined.

    They raise `UserError`, or OSError where a file cannot be written.
    """

    def __init__(
        self,
        app: App[None],
        machine: Machine,
        path: Path,
        open_workbench: Callable[[], AbstractAsyncContextManager[Workbench]],
    ) -> None:
        self._app, self._machine, self._path, self._open_workbench = app, machine, path, open_workbench

    async def delete(self, part: ProfilePart, *, has_secrets: bool) -> Undo | None:
        effect = " Its secrets stay where they are." if has_secrets else ""
        edit = await asyncio.to_thread(removal, self._path, part.family, part.name)
        return await self._save("Delete", part, effect, edit)

    async def rename(self, part: ProfilePart) -> tuple[str, Undo] | None:
        """Prompts for another name; renames the part and what refers to it. Returns the name as well."""
        begin = partial(renaming, self._machine.directories.state, self._path, part.family, part.name)

        async def renamed(name: str) -> tuple[str, ProfileEdit]:
            return name, await asyncio.to_thread(begin, name)

        screen = EntryScreen(f"New name of {part.name}", part.name, apply=renamed, title="Rename the part")
        entered: tuple[str, ProfileEdit] | None = await self._app.push_screen_wait(screen)
        if entered is None:
            return None
        name, edit = entered
        undo = await self._save("Rename", part, _effect_of_renaming(part), edit, f" to {name}")
        return None if undo is None else (name, undo)

    async def _save(self, verb: str, part: ProfilePart, effect: str, edit: ProfileEdit, to: str = "") -> Undo | None:
        screen = ConfirmScreen(
            f"{verb} {part.name}{to}?{effect} The file changes like this:\n",
            title=f"{verb} {part.name}",
            yes=verb,
            no="Keep",
            details=highlight.difference(edit.difference),
        )
        if not await self._app.push_screen_wait(screen):
            return None
        async with self._open_workbench() as workbench:
            return await edit.save(workbench, self._machine.directories.profiles)


def _effect_of_renaming(part: ProfilePart) -> str:
    """What renaming the part means for its runs and those of others."""
    if part.family == "incoming":
        return (
            " The state of its runs moves with it. Runs with --out, and runs into a table or stream named after it, "
            "start over; so do unfinished runs of outgoings that send its items."
        )
    if part.family == "outgoing":
        return " Its tasks move with it."
    if part.family == "clients":
        return " Runs and incremental reads that use it may start over."
    return ""
