"""Changes a saved profile after showing the difference: parts, environments, corrections of problems, undo and redo."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from textual.app import App

from ...errors import UserError
from ...files import ChangedOnDisk
from ...guide.profiles.edit import ProfileEdit, removal, renaming
from ...guide.profiles.environment_changes import (
    copy_entries,
    environment_removal,
    environment_renaming,
    named_after,
    values_with_name,
)
from ...guide.profiles.save import difference
from ...guide.profiles.saved_changes import SavedChange
from ...guide.steps.summaries import ProfilePart
from ...guide.workbench import Workbench
from ...machine import Machine
from ...profile import line_ends
from ...profile.correction import Correction, apply
from ...profile.document import Document
from ...profile.environment_names import TABLE
from ...profile.positions import value_at
from ...profile.problems import Problem
from ...profile.text_checker import Checked, Checker
from ...templates import Json
from ...text import count, listed, shown_line
from ..dialogs import NameScreen
from ..toml_editor.saving import TextSaver
from ..widgets import highlight
from ..widgets.frame import by_itself
from ..widgets.questions import ConfirmScreen, SaveScreen

_CHANGED_MEANWHILE = "Another program has just changed the file; that is kept.\n"

_LONGEST_TITLE = 60
"""Characters of what was corrected, in the title of a step that can be undone."""


class PartChanges:
    """Changes of one profile. They return what was saved; None where the user declined.

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

    async def delete(self, part: ProfilePart, *, has_secrets: bool) -> SavedChange | None:
        effect = " Its secrets stay where they are." if has_secrets else ""
        begin = partial(removal, self._path, part.family, part.name)
        change = await self._save("Delete", part.name, effect, begin)
        return None if change is None else change.titled(f"delete {part.name}")

    async def rename(self, part: ProfilePart) -> tuple[str, SavedChange] | None:
        """Prompts for another name; renames the part and what refers to it; returns the name as well."""
        begin = partial(renaming, self._machine.directories.state, self._path, part.family, part.name)

        async def checked(name: str) -> str:
            await asyncio.to_thread(begin, name)
            return name

        screen = NameScreen(f"New name of {part.name}", part.name, apply=checked, title="Rename the part")
        name: str | None = await self._app.push_screen_wait(screen)
        if name is None:
            return None
        change = await self._save("Rename", part.name, _effect_of_renaming(part), partial(begin, name), f" to {name}")
        if change is None:
            return None
        if part.family == "authentications":
            self._machine.typed.copy_prompted(self._path, part.name, name)  # undoing it needs the others
        return name, change.titled(f"rename {part.name} to {name}")

    async def delete_environment(self, name: str) -> SavedChange | None:
        effect = " The state of its runs and its secrets stay where they are."
        change = await self._save("Delete", name, effect, partial(environment_removal, self._path, name))
        return None if change is None else change.titled(f"delete {name}")

    async def rename_environment(self, name: str) -> tuple[str, SavedChange] | None:
        """Prompts for another name; returns it as well."""
        begin = partial(environment_renaming, self._machine.directories.state, self._path, name)
        draft: dict[str, Json] = {}

        async def checked(new: str) -> str:
            edit = await asyncio.to_thread(begin, new, {})
            draft.update(edit.setup.draft)
            return new

        screen = NameScreen(f"New name of {name}", name, apply=checked, title="Rename the environment")
        new: str | None = await self._app.push_screen_wait(screen)
        if new is None:
            return None
        renamed = named_after(draft, new, name, new)
        if renamed and not await self._app.push_screen_wait(by_itself(_offer_to_rename(draft, name, new, renamed))):
            renamed = {}

        async def copy_secrets(workbench: Workbench, edit: ProfileEdit) -> None:
            entries = {str(value_at(draft, (TABLE, new, *at))): to for at, to in renamed.items() if at[-1] == "keyring"}
            copied = await copy_entries(workbench.vault, edit.setup.draft, name, new, entries)
            keys = {f"keyring:{old}": f"keyring:{entry}" for old, entry in copied.items()}
            self._machine.typed.copy(self._path, self._path, keys)

        effect = " The state of its runs moves with it, and its keyring entries are copied."
        paths = {".".join(at) for at in renamed}
        if unchanged := [each for each in values_with_name(draft, new, name) if each not in paths]:
            effect += f" What is named after {name} stays (E, e changes it): {listed(unchanged, 5)}."
        change = await self._save("Rename", name, effect, partial(begin, new, renamed), f" to {new}", copy_secrets)
        return None if change is None else (new, change.titled(f"rename {name} to {new}"))

    async def fix(self, problem: Problem) -> SavedChange | None:
        """Applies the suggested correction of a problem, which it has, to the file as it is."""
        meanwhile = ""
        while True:
            document = await asyncio.to_thread(Document.open, self._path)
            checked, correction = await asyncio.to_thread(_correct, document, problem)
            saver = TextSaver(self._machine, self._path, document)
            if (secret := await saver.new_secret(checked)) is not None:  # before it is shown
                raise UserError(secret.code, f"Not saved: {secret.placed_text}")
            screen = SaveScreen(
                f"{meanwhile}{correction.title}? {shown_line(self._path.name)} changes like this:\n",
                title=f"Fix line {problem.place.line}",
                yes="Save",
                no="Cancel",
                details=highlight.difference(await asyncio.to_thread(_difference, document)),
            )
            if not await self._app.push_screen_wait(by_itself(screen) if meanwhile else screen):
                return None
            try:
                await saver.save(checked, is_new=False)
            except ChangedOnDisk as error:
                if error.how != "changed":
                    raise
                meanwhile = _CHANGED_MEANWHILE
                continue
            [change] = await saver.changes()
            done = correction.title[:1].lower() + correction.title[1:]
            return change.titled(f"fix line {problem.place.line}: {shown_line(done, _LONGEST_TITLE)}")

    async def _save(
        self,
        verb: str,
        name: str,
        effect: str,
        begin: Callable[[], ProfileEdit],
        to: str = "",
        before: Callable[[Workbench, ProfileEdit], Awaitable[None]] | None = None,
    ) -> SavedChange | None:
        """Saves the change that `begin` prepares in the file as it is, once its user has seen it; `before` it is."""
        meanwhile = ""
        while True:
            edit = await asyncio.to_thread(begin)
            effects = f"{f' {edit.effect}' if edit.effect else ''}{effect}"
            screen = SaveScreen(
                f"{meanwhile}{verb} {name}{to}?{effects} The file changes like this:\n",
                title=f"{verb} {name}",
                yes=verb,
                no="Keep" if verb == "Delete" else "Cancel",
                details=highlight.difference(edit.difference),
            )
            if not await self._app.push_screen_wait(by_itself(screen) if meanwhile else screen):
                return None
            try:
                async with self._open_workbench() as workbench:
                    if before is not None:
                        await before(workbench, edit)
                    return await edit.save(workbench, self._machine.directories.profiles)
            except ChangedOnDisk as error:
                if error.how != "changed":
                    raise
            meanwhile = _CHANGED_MEANWHILE

    async def revert(self, change: SavedChange, verb: str) -> SavedChange | None:
        """Reverts a change; `verb` is what that is to the user, "Undo" or "Redo". Returns what reverts that."""
        meanwhile = ""
        while True:
            now = await asyncio.to_thread(change.in_file)
            if now.is_gone:  # something else has reverted it
                return await asyncio.to_thread(change.found_reverted)
            await asyncio.to_thread(now.check_secrets)  # before they are shown
            number = await asyncio.to_thread(now.problem_count_after_revert)
            invalid = f"! The profile will have {count(number, 'problem')}.\n" if number else ""
            screen = SaveScreen(
                f"{meanwhile}{verb} “{change.title}”? {shown_line(self._path.name)} changes like this:\n{invalid}",
                title=verb,
                yes=verb,
                no="Cancel",
                details=highlight.difference(await asyncio.to_thread(now.difference_back)),
            )
            if not await self._app.push_screen_wait(by_itself(screen) if meanwhile else screen):
                return None
            try:
                return await asyncio.to_thread(now.revert)
            except ChangedOnDisk as error:
                if error.how != "changed":
                    raise
            meanwhile = _CHANGED_MEANWHILE


def _correct(document: Document, problem: Problem) -> tuple[Checked, Correction]:
    """Corrects the problem in the text of a file; the result is checked. Raises `UserError` if it is gone."""
    raw = document.text()
    text = line_ends.plain(raw)
    checked = Checker().check(text)
    found = next((each for each in (*checked.problems, *checked.remarks) if each == problem), None)
    if found is None or found.fix is None:
        message = f"{shown_line(document.path.name if document.path else '')} has changed: the problem is elsewhere now"
        raise UserError("problem-gone", message, "Try again once the page shows the file as it is.")
    corrected = apply(text, found.fix.edits)
    document.edit_text(line_ends.changed(raw, corrected))
    return Checker().check(corrected), found.fix


def _difference(document: Document) -> str:
    return difference(document.text_as_read, document.text())


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


def _offer_to_rename(
    draft: Mapping[str, Json], name: str, new: str, renamed: Mapping[tuple[str, ...], str]
) -> ConfirmScreen:
    """Asks whether what is named after an environment is renamed with it, and says what that has for effects."""
    lines = [
        f"{shown_line(str(value_at(draft, (TABLE, new, *at))), 100)} → {shown_line(value, 100)}"
        for at, value in renamed.items()
    ]
    effects = []
    if any(at[-1] == "path" for at in renamed):
        effects.append("Files stay where they are: the next run writes the new one from its start.")
    if any(at[-1] == "env" for at in renamed):
        effects.append("Set the new variables where the profile runs.")
    question = "\n".join([f"These are named after {name}. Rename them, too?", "", *lines, "", *effects]).rstrip()
    return ConfirmScreen(question, title=f"Rename {shown_line(name, 40)}", yes="Rename", no="Keep the names")
