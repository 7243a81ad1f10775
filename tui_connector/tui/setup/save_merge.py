"""Saves the profile of the guide when another program may have changed its file: merged, shown, or decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from textual.widget import Widget

from ...errors import UserError
from ...files import ChangedOnDisk, described
from ...guide.profiles.edit import Conflicts, ProfileEdit
from ...guide.profiles.removal import keep_copy
from ...guide.profiles.save import SaveResult, difference, preview, save
from ...guide.profiles.saved_changes import file_before
from ...guide.steps.setup import Setup
from ...profile.library import ProfileError, as_text, read_bytes
from ...secrets.errors import OtherStore
from ..toml_editor.difference import DifferenceScreen
from ..widgets import highlight
from ..widgets.frame import by_itself
from ..widgets.questions import ConfirmScreen
from .context import GuideContext


class MergingSaver:
    """Saves the profile, with what another program has changed in its file. Its methods run in a worker."""

    def __init__(self, work: GuideContext, step: Widget, merged: Callable[[], object]) -> None:
        """`step` shows the questions; `merged` is called when the setup has what another program has changed."""
        self._work, self._step, self._tell_merged = work, step, merged
        self._taking_changes = asyncio.Lock()
        self.conflicts: Conflicts | None = None
        """The keys that another program has changed, too, when its changes were taken last."""

    @property
    def _setup(self) -> Setup:
        return self._work.setup

    async def take_changes(self, path: Path) -> str:
        """Takes what another program has changed since the guide was opened; conflicts are decided when it is saved.

        `unsaved_difference` is then that from the file as it is.
        Returns why the file is still not as it was read or saved; "" if it is.
        """
        document, problem = self._setup.document, ""
        before = document.file_digest
        async with self._taking_changes:
            self.conflicts = None
            try:
                self.conflicts = await asyncio.to_thread(ProfileEdit(path, self._setup).merge)
                await asyncio.to_thread(document.check_unchanged, path)
            except UserError as error:  # saving decides what becomes of it
                problem = error.message
        if document.file_digest != before:
            self._merged_changes()
        return problem

    def unsaved_difference(self, path: Path) -> str:
        """What saving changes; of conflicts, what it does where the values of this setup are kept."""
        if self.conflicts is None:
            return preview(self._setup)
        return difference(as_text(path, self.conflicts.file_data), self.conflicts.mine)

    async def save(self, path: Path) -> tuple[SaveResult, Path | None]:
        """Saves, with what another program has changed meanwhile, after the difference was shown.

        What the program left cannot always be read: then a copy of it is returned, once its user has agreed to
        overwrite it. Raises what `save` does.
        """
        copy = None
        async with self._taking_changes:
            pass  # what the step has begun with has ended
        while True:  # a file may change while its user is asked about the change before
            try:
                return await self._save_asking(path), copy
            except ChangedOnDisk as error:
                if not self._setup.saved:
                    raise
                if await self._merged(path):
                    continue
                theirs = await asyncio.to_thread(_content, path)
                if not await self._may_overwrite(path, theirs):
                    raise
                if theirs is not None:
                    machine = self._work.workbench.machine
                    try:
                        copy = await asyncio.to_thread(
                            keep_copy, path, theirs, machine.directories.state, machine.now()
                        )
                    except OSError as why:
                        message = f"{error.message}: no copy of it can be kept: {described(why)}"
                        raise UserError(error.code, message) from why
                self._setup.document.allow_overwriting(theirs)

    async def _merged(self, path: Path) -> bool:
        """Takes what another program has changed in the file; False if that cannot be read as a profile.

        Raises `UserError` if its user does not want to save that.
        """
        edit = ProfileEdit(path, self._setup)
        try:
            conflicts = await asyncio.to_thread(edit.merge)
        except ProfileError:
            return False
        refused = f"Not saved: another program has changed {path.name}"
        if conflicts is not None:
            text = await self._step.app.push_screen_wait(conflict_screen(path, conflicts))
            if text is None:
                raise UserError("not-saved", refused, "Save again to decide what is kept.")
            await asyncio.to_thread(edit.take, text, conflicts.file_data)
            self.conflicts = None
            self._merged_changes()
            return True
        self._merged_changes()
        question = f"Another program has changed {path.name} meanwhile; that is kept. Besides, this changes:\n"
        if not self._setup.document.changed:
            question = f"Another program has changed {path.name} meanwhile; that is kept. Nothing else changes."
        changes = highlight.difference(edit.difference)
        asked = ConfirmScreen(question, title="Save the profile", yes="Save", no="Do not save", details=changes)
        if not await self._step.app.push_screen_wait(by_itself(asked)):
            raise UserError("not-saved", refused, "What saving changes now is shown below.")
        return True

    def _merged_changes(self) -> None:
        """The setup has what another program has changed: shows it."""
        if (clients := self._setup.table("clients")) and self._setup.client not in clients:
            self._setup.choose_client(next(iter(clients)))
        self._tell_merged()

    async def _may_overwrite(self, path: Path, theirs: bytes | None) -> bool:
        """Asks whether to write the profile in place of these bytes. Raises `ProfileError`."""
        if theirs is None:
            question = f"{path} was deleted by another program. Write it again?"
            screen = ConfirmScreen(question, title="Save the profile", yes="Write it", no="Do not save")
        else:
            question = (
                f"Another program has changed {path.name}. Overwrite it? What the file has is marked with -, what is "
                "written instead with +. A copy of the file is kept."
            )
            lost = highlight.difference(difference(as_text(path, theirs), self._setup.document.text()))
            screen = ConfirmScreen(
                question, title="Save the profile", yes="Overwrite", no="Keep the file", details=lost
            )
        answer: bool | None = await self._step.app.push_screen_wait(by_itself(screen))
        return bool(answer)

    async def _save_asking(self, path: Path) -> SaveResult:
        """Saves; asks before it replaces a keyring entry of another store. Raises what `save` does."""
        work = self._work
        before = None
        with suppress(ProfileError):  # it is new, or was deleted
            before = await asyncio.to_thread(file_before, path, work.workbench.trust)

        async def confirm_replace(error: OtherStore) -> bool:
            given = f"The keyring entry {error.name} was stored for {', '.join(error.stores)}."
            return await work.workbench.machine.prompt.allow(
                f"{given}\n\nReplace it, and all others that this profile uses, with what you entered?"
            )

        with work.keeping_results():  # secrets go to the keyring
            saved = await save(
                self._setup,
                path,
                work.workbench.vault,
                replace=bool(work.sandbox),  # the demo chose a name without entries of others
                confirm_replace=confirm_replace,
                trust=work.workbench.trust,
                profiles=work.profiles,
                moving=None if self._setup.saved else work.draft_history.copied_to(path, self._setup.draft),
                state=work.workbench.machine.directories.state,
            )
        if problem := work.draft_history.problem:
            saved = replace(saved, notes=(*saved.notes, problem))
        change = await asyncio.to_thread(before.change, "save in the guide") if before is not None else None
        if change is not None:
            work.changes.record(change)
        return saved


def conflict_screen(path: Path, conflicts: Conflicts) -> DifferenceScreen:
    """Decides the conflicts of what a form or a step changes with what another program did, and saves the result."""
    texts = conflicts.base, conflicts.mine, conflicts.theirs
    return DifferenceScreen(path.name, *texts, to_save=True, in_form=True, besides=conflicts.besides)


def _content(path: Path) -> bytes | None:
    """The bytes of the file; None if it was deleted. Raises `ProfileError`."""
    try:
        return read_bytes(path)
    except ProfileError as error:
        if error.code == "profile-missing":
            return None
        raise
