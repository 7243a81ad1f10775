"""Edits the incoming and outgoing of a saved profile in forms: over its page, with the difference before saving."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from ...files import ChangedOnDisk
from ...guide.drafts import key_for
from ...guide.profiles.edit import ProfileEdit, begin_edit
from ...guide.profiles.saved_changes import SavedChange
from ...guide.workbench import Workbench
from ...magento.entities import READABLE, WRITABLE, Readable, Writable
from ...text import count
from ..dialogs import ConfirmScreen
from ..setup.chain import OutgoingForm
from ..setup.configurations import EntityChooser, offer
from ..setup.context import GuideContext
from ..setup.form import FormScreen
from ..setup.incoming import IncomingForm
from ..toml_editor.difference import DifferenceScreen
from ..widgets import highlight
from ..widgets.dialog_panel import DialogPanel
from ..widgets.form import FormPath
from ..widgets.frame import Dialog

ConfigurationFamily = Literal["incoming", "outgoing"]
_ENTITIES: Mapping[ConfigurationFamily, Mapping[str, Readable | Writable]] = {
    "incoming": READABLE,
    "outgoing": WRITABLE,
}


class SaveScreen(ConfirmScreen):
    """Shows what will be written. ^S, which ended the form, saves as well as y; Enter is harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "dismiss(True)", "Save", show=False, id="confirm.save"),
    ]
    KEYS: ClassVar[str] = "y, ^S: {yes} · n, Enter: {no}"


class InvalidScreen(ConfirmScreen):
    """Shows what is invalid in what would be written. Only y saves; ^S, pressed twice, is harmless as well as Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "dismiss(False)", "Back to the form", show=False, id="confirm.back-to-form"),
    ]
    KEYS: ClassVar[str] = "y: {yes} · n, ^S, Enter: {no}"


class AddPartScreen(Dialog[tuple[str, bool] | None]):
    """Asks what to add: an entity (its name, True) or any path (the path, False). Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="add-part.back")]

    def __init__(self, family: ConfigurationFamily) -> None:
        super().__init__()
        self._family = family

    def compose(self) -> ComposeResult:
        with DialogPanel(id="choices") as panel:
            panel.border_title = f"Add {self._family}"
            panel.border_subtitle = "Type to filter · ↑↓: select · Enter: add · Esc: cancel"
            yield EntityChooser()

    def on_mount(self) -> None:
        chooser = self.query_one(EntityChooser)
        chooser.show(offer(name, entity, None) for name, entity in _ENTITIES[self._family].items())
        chooser.choose()

    @on(EntityChooser.Chosen)
    def _chosen(self, message: EntityChooser.Chosen) -> None:
        self.dismiss((message.name, True))

    @on(EntityChooser.PathGiven)
    def _path(self, message: EntityChooser.PathGiven) -> None:
        self.dismiss((message.path, False))


class PartForms:
    """The forms of one profile. Methods return the change that was saved; None where nothing was."""

    def __init__(self, app: App[None], path: Path) -> None:
        self._app, self._path = app, path
        self._edits: ProfileEdit | None = None

    @property
    def unsaved(self) -> bool:
        """Whether an open form has changes."""
        return self._edits is not None and self._edits.setup.document.changed

    async def edit(
        self, workbench: Workbench, family: ConfigurationFamily, name: str, at: FormPath = ()
    ) -> SavedChange | None:
        """Opens the form of a configuration, at this field, then saves it with `workbench`.

        Raises `UserError` or OSError.
        """
        edit = await asyncio.to_thread(begin_edit, self._path)
        profiles = workbench.machine.directories.profiles
        context = GuideContext(edit.setup, workbench, profiles, self._path, draft_key=key_for(self._path))
        form: FormScreen = (OutgoingForm if family == "outgoing" else IncomingForm)(context, name)
        form.done_label, form.begins_at = "Save", at
        change: SavedChange | None = None

        async def show_merged() -> None:
            await form.show_merged(edit.in_file(family, name))

        async def finish() -> bool:
            nonlocal change
            if not edit.setup.document.changed:
                return True
            change = await self._save(workbench, edit, f"Save {name}", show_merged)
            return change is not None or not edit.setup.document.changed

        form.finish = finish
        self._edits = edit
        try:
            await self._app.push_screen_wait(form)
        finally:
            self._edits = None
        return None if change is None else change.titled(f"edit {name}", (family, name), (family, name))

    async def add(self, workbench: Workbench, family: ConfigurationFamily) -> tuple[str, SavedChange] | None:
        """Asks what to add, and saves it after the difference was shown; returns the name of the part as well.

        Raises `UserError` or OSError.
        """
        chosen = await self._app.push_screen_wait(AddPartScreen(family))
        if chosen is None:
            return None
        edit = await asyncio.to_thread(begin_edit, self._path)
        what, is_entity = chosen
        setup = edit.setup
        setup.data = workbench.machine.directories.data_for(self._path.parent)
        if not is_entity:
            name = setup.add_path(family, what)
        else:
            name = setup.add_incoming(what) if family == "incoming" else setup.add_outgoing(what)
        change = await self._save(workbench, edit, f"Add {name}", yes="Add", no="Cancel")
        return None if change is None else (name, change.titled(f"add {name}", after=(family, name)))

    async def _save(
        self,
        workbench: Workbench,
        edit: ProfileEdit,
        title: str,
        show_merged: Callable[[], Awaitable[None]] | None = None,
        *,
        yes: str = "Save",
        no: str = "Back to the form",
    ) -> SavedChange | None:
        """Saves the change with those of another program, after the difference from the file as it is was shown.

        `show_merged` is awaited once those were merged. None where the user does not want to save, or nothing is left.
        """
        is_merged = False
        while True:  # the file may change again while its user reads
            before = edit.setup.document.file_digest
            if not await self._merge(edit):
                return None
            if edit.setup.document.file_digest != before:
                is_merged = True
                if show_merged is not None:
                    await show_merged()
            if not edit.setup.document.changed:
                self._app.notify(f"{self._path.name} has these values already.", markup=False)
                return None
            if not await self._app.push_screen_wait(self._question(edit, title, yes, no, is_merged=is_merged)):
                return None
            try:
                return await edit.save(workbench, workbench.machine.directories.profiles)
            except ChangedOnDisk as error:
                if error.how != "changed":
                    raise

    async def _merge(self, edit: ProfileEdit) -> bool:
        """Takes what another program has changed meanwhile; False if a conflict was left undecided."""
        conflicts = await asyncio.to_thread(edit.merge)
        if conflicts is None:
            return True
        texts = conflicts.base, conflicts.mine, conflicts.theirs
        text = await self._app.push_screen_wait(DifferenceScreen(self._path.name, *texts, in_form=True))
        if text is not None:
            await asyncio.to_thread(edit.take, text, conflicts.file_data)
        return text is not None

    def _question(self, edit: ProfileEdit, title: str, yes: str, no: str, *, is_merged: bool) -> ConfirmScreen:
        """Shows what will be written, and what is invalid with it."""
        kind: type[ConfirmScreen] = SaveScreen
        merged = "Another program has changed the file meanwhile; that is kept.\n" if is_merged else ""
        question = f"{merged}Not saved yet. This changes in {self._path.name}:\n"
        if problems := edit.problems:
            listed = "\n".join(f"✘ {each}" for each in problems[:5])
            found = f"{count(len(problems), 'problem')}. No request can be sent before this is fixed.\n{listed}"
            question, yes, kind = f"{found}\n\n{question}", f"{yes} it anyway", InvalidScreen
        return kind(question, title=title, yes=yes, no=no, details=highlight.difference(edit.difference))
