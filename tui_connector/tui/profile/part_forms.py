"""Edits the incoming and outgoing of a saved profile in forms: over its page, with the difference before saving."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from ...files import ChangedOnDisk
from ...guide.drafts import key_for
from ...guide.profiles.edit import Conflict, ProfileEdit, Undo, begin_edit
from ...guide.workbench import Workbench
from ...magento.entities import READABLE, WRITABLE, Readable, Writable
from ...text import count, shown_line
from ..dialogs import ConfirmScreen
from ..setup.chain import OutgoingForm
from ..setup.configurations import EntityChooser, offer
from ..setup.context import GuideContext
from ..setup.form import FormScreen
from ..setup.incoming import IncomingForm
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
    """The forms of one profile. Methods return the undo of what was saved; None where nothing was."""

    def __init__(self, app: App[None], path: Path) -> None:
        self._app, self._path = app, path
        self._edits: ProfileEdit | None = None

    @property
    def unsaved(self) -> bool:
        """Whether an open form has changes."""
        return self._edits is not None and self._edits.setup.document.changed

    async def edit(
        self, workbench: Workbench, family: ConfigurationFamily, name: str, at: FormPath = ()
    ) -> Undo | None:
        """Opens the form of a configuration, at this field, then saves it with `workbench`.

        Raises `UserError` or OSError.
        """
        edit = await asyncio.to_thread(begin_edit, self._path)
        return await self._edit(workbench, edit, family, name, at)

    async def add(self, workbench: Workbench, family: ConfigurationFamily) -> tuple[str, Undo | None] | None:
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
        question = self._question(edit, f"Add {name}", "Add", "Cancel")
        if question is None or not await self._app.push_screen_wait(question):
            return None
        return name, await self._save(workbench, edit, workbench.machine.directories.profiles, "Cancel")

    async def _edit(
        self, workbench: Workbench, edit: ProfileEdit, family: ConfigurationFamily, name: str, at: FormPath = ()
    ) -> Undo | None:
        profiles = workbench.machine.directories.profiles
        context = GuideContext(edit.setup, workbench, profiles, self._path, draft_key=key_for(self._path))
        self._edits = edit
        undo: Undo | None = None

        async def save() -> bool:
            nonlocal undo
            undo = await self._save(workbench, edit, profiles)
            return undo is not None

        try:
            form: FormScreen = (OutgoingForm if family == "outgoing" else IncomingForm)(context, name)
            form.done_label, form.begins_at = "Save", at
            form.question, form.save = lambda: self._question(edit, f"Save {name}"), save
            await self._app.push_screen_wait(form)
            return undo
        finally:
            self._edits = None

    def _question(
        self, edit: ProfileEdit, title: str, yes: str = "Save", no: str = "Back to the form"
    ) -> ConfirmScreen | None:
        """Shows what will be written, and what is invalid with it; None where nothing changes."""
        if not edit.setup.document.changed:
            return None
        kind: type[ConfirmScreen] = SaveScreen
        question = f"Not saved yet. This changes in {self._path.name}:\n"
        if problems := edit.problems:
            listed = "\n".join(f"✘ {each}" for each in problems[:5])
            found = f"{count(len(problems), 'problem')}. No request can be sent before this is fixed.\n{listed}"
            question, yes, kind = f"{found}\n\n{question}", f"{yes} it anyway", InvalidScreen
        changes = highlight.difference(edit.difference)
        return kind(question, title=title, yes=yes, no=no, details=changes)

    async def _save(
        self, workbench: Workbench, edit: ProfileEdit, profiles: Path, no: str = "Back to the form"
    ) -> Undo | None:
        """Saves with what another program changed meanwhile; None where the user does not want that."""
        while True:
            try:
                return await edit.save(workbench, profiles)
            except ChangedOnDisk as error:
                if error.how != "changed":
                    raise
            if conflicts := await asyncio.to_thread(edit.merge):
                screen = ConfirmScreen(
                    f"Another program has also changed these values in {self._path.name}:\n",
                    title="The file has changed",
                    yes="Save mine",
                    no=no,
                    details=Content("\n").join(map(_conflict, conflicts)),
                )
                if not await self._app.push_screen_wait(screen):
                    return None
                await asyncio.to_thread(partial(edit.merge, keep_mine=True))
            self._app.notify("Changes of another program were kept.", markup=False)


def _conflict(conflict: Conflict) -> Content:
    rows = [(".".join(map(str, conflict.path)), "bold")]
    for mark, words, value in (("-", "in the file", conflict.theirs), ("+", "in the form", conflict.mine)):
        style = "$text-error" if mark == "-" else "$text-success"
        rows.append((f"\n{mark} {words}: {'(removed)' if value is None else shown_line(json.dumps(value), 60)}", style))
    return Content.assemble(*rows)
