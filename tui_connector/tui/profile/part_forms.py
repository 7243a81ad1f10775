"""Edits the incoming and outgoing of a saved profile in forms: over its page, with the difference before saving."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from ...errors import UserError
from ...files import ChangedOnDisk, described
from ...guide.drafts import key_for
from ...guide.environment_values import check_new_name, new_environment
from ...guide.profiles.edit import ProfileEdit, begin_edit
from ...guide.profiles.environment_changes import copied_environment
from ...guide.profiles.saved_changes import SavedChange
from ...guide.text_drafts import TextDrafts
from ...guide.workbench import Workbench
from ...machine import Machine
from ...magento.entities import READABLE, WRITABLE, Readable, Writable
from ...profile.environment_names import TABLE, names_of
from ...text import count, listed, shown_line
from ..dialogs import NameScreen
from ..setup.chain import OutgoingForm
from ..setup.context import GuideContext
from ..setup.entity_chooser import EntityChooser, offer
from ..setup.environment import EnvironmentForm
from ..setup.form_screen import FormScreen
from ..setup.incoming import IncomingForm
from ..setup.save_merge import conflict_screen
from ..widgets import highlight
from ..widgets.dialog_panel import DialogPanel
from ..widgets.form_field import FormPath
from ..widgets.frame import Dialog, by_itself
from ..widgets.questions import ConfirmScreen, SaveScreen

ConfigurationFamily = Literal["incoming", "outgoing"]
_ENTITIES: Mapping[ConfigurationFamily, Mapping[str, Readable | Writable]] = {
    "incoming": READABLE,
    "outgoing": WRITABLE,
}


def _found(problems: Sequence[str]) -> str:
    """How much is invalid, with the first problems."""
    first = "\n".join(f"✘ {each}" for each in problems[:5])
    return f"{count(len(problems), 'problem')}. No request can be sent before this is fixed.\n{first}"


class InvalidScreen(ConfirmScreen):
    """Shows what is invalid in what would be written. Only y saves; ^S, pressed twice, is harmless as well as Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "dismiss(False)", "Back to the form", show=False, id="confirm.back-to-form"),
    ]
    KEYS: ClassVar[str] = "y: {yes} · n, Esc, ^S, Enter: {no}"


_KEPT = "Another program has changed the file meanwhile; that is kept.\n"
_MERGED = "Another program has changed the file meanwhile; merged as you chose.\n"


Added = tuple[str, SavedChange]
"""The name of what was added, and the change of the file."""


class AddPartScreen(Dialog[Added | None]):
    """Asks what to add, and stays below the question whether to add it until that is answered with yes. Esc: None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="add-part.back")]

    def __init__(self, family: ConfigurationFamily, add: Callable[[str, bool], Awaitable[Added | None]]) -> None:
        """`add` is called with an entity and True, or with any path and False; None where it adds nothing.

        It may raise `UserError` or OSError, which is shown.
        """
        super().__init__()
        self._family, self._add = family, add

    def compose(self) -> ComposeResult:
        with DialogPanel(id="choices") as panel:
            panel.border_title = f"Add an {self._family} (: on the page adds other parts, too)"
            panel.border_subtitle = "Type to filter · ↑↓: select · Enter: add · Esc: cancel"
            yield EntityChooser()

    def on_mount(self) -> None:
        chooser = self.query_one(EntityChooser)
        chooser.show(offer(name, entity, None) for name, entity in _ENTITIES[self._family].items())
        chooser.choose()

    @on(EntityChooser.Chosen)
    def _chosen(self, message: EntityChooser.Chosen) -> None:
        self._add_part(message.name, is_entity=True)

    @on(EntityChooser.PathGiven)
    def _path(self, message: EntityChooser.PathGiven) -> None:
        self._add_part(message.path, is_entity=False)

    @work(exclusive=True)
    async def _add_part(self, what: str, *, is_entity: bool) -> None:
        self.loading_message = f"Adding {shown_line(what, 60)}"
        try:
            added = await self._add(what, is_entity)
        except (UserError, OSError) as error:
            words = str(error) if isinstance(error, UserError) else described(error)
            self.notify(shown_line(words, 400), severity="error", timeout=10, markup=False)
        else:
            if added is not None:
                self.dismiss(added)
        finally:
            self.loading_message = ""


class PartForms:
    """The forms of one profile. Methods return the change that was saved; None where nothing was."""

    def __init__(self, app: App[None], path: Path, environment: str) -> None:
        """`environment` is the one in use; the base values of parts are edited."""
        self._app, self._path, self._environment = app, path, environment
        self._edits: ProfileEdit | None = None

    @property
    def unsaved(self) -> bool:
        """Whether an open form has changes."""
        return self._edits is not None and self._edits.setup.document.changed

    def keep_unsaved(self, machine: Machine) -> None:
        """Keeps the changes of an open form as unsaved text of the editor, which offers it. Blocks.

        What cannot be written as text, or would contain a secret, is not kept.
        """
        if self._edits is None or not self.unsaved:
            return
        document = self._edits.setup.document
        drafts, now = TextDrafts(machine.directories.state, self._path), machine.now().timestamp()
        with suppress(UserError):
            drafts.keep(1, document.text(), document.text_as_read, document.file_digest or "", now)

    async def edit(
        self, workbench: Workbench, family: ConfigurationFamily, name: str, at: FormPath = ()
    ) -> SavedChange | None:
        """Opens the form of a configuration, at this field, then saves it with `workbench`.

        Raises `UserError` or OSError.
        """
        edit = await asyncio.to_thread(begin_edit, self._path)
        form = (OutgoingForm if family == "outgoing" else IncomingForm)(self._context(workbench, edit), name)
        change = await self._in_form(form, workbench, edit, (family, name), at)
        return None if change is None else change.titled(f"edit {name}")

    async def edit_environment(self, workbench: Workbench, name: str, at: FormPath = ()) -> SavedChange | None:
        """Opens the form of an environment, at this field, then saves it. Raises `UserError` or OSError."""
        edit = await asyncio.to_thread(begin_edit, self._path)
        change = await self._edit_environment(workbench, edit, name, at)
        return None if change is None else change.titled(f"edit {name}")

    async def add_environment(self, workbench: Workbench, like: str = "") -> Added | None:
        """Prompts for the name of a new environment and opens its form; returns the name as well.

        `like` is one that it is a copy of. Raises `UserError` or OSError.
        """
        edit = await asyncio.to_thread(begin_edit, self._path)
        setup = edit.setup

        async def checked(name: str) -> str:
            return check_new_name(setup.draft, name)

        question = "Name of the new environment, such as staging"
        title = f"Copy {like}" if like else "Add an environment"
        screen = NameScreen(question, apply=checked, title=shown_line(title, 60))
        name: str | None = await self._app.push_screen_wait(screen)
        if name is None:
            return None
        draft, data = setup.draft, workbench.machine.directories.data_for(self._path.parent)
        if like:
            made = copied_environment(draft, like, name, data)
        else:
            has_keyring = (await workbench.vault.state(writing=False)).usable
            made = new_environment(draft, setup.name, name, data, has_keyring=has_keyring)
        setup.edit((TABLE, name), made)
        change = await self._edit_environment(workbench, edit, name)
        return None if change is None else (name, change.titled(f"add {name}"))

    async def _edit_environment(
        self, workbench: Workbench, edit: ProfileEdit, name: str, at: FormPath = ()
    ) -> SavedChange | None:
        form = EnvironmentForm(self._context(workbench, edit), name)

        async def store_typed() -> None:
            if stored := await form.store_typed():
                self._app.notify(shown_line(f"Secrets set: {listed(stored, 3)}.", 300), markup=False)

        try:
            return await self._in_form(form, workbench, edit, (TABLE, name), at, store_typed)
        finally:
            form.forget_typed()

    def _context(self, workbench: Workbench, edit: ProfileEdit) -> GuideContext:
        profiles = workbench.machine.directories.profiles
        key, environment = key_for(self._path), self._environment
        return GuideContext(edit.setup, workbench, profiles, self._path, environment=environment, draft_key=key)

    async def _in_form(
        self,
        form: FormScreen,
        workbench: Workbench,
        edit: ProfileEdit,
        part: tuple[str, str],
        at: FormPath = (),
        store_secrets: Callable[[], Awaitable[None]] | None = None,
    ) -> SavedChange | None:
        """Opens the form, and saves what it changed, after its secrets: so the profile never names a missing one."""
        form.done_label, form.begins_at = "Save", at
        change: SavedChange | None = None

        async def show_merged() -> None:
            await form.show_merged(edit.in_file(*part))

        async def finish() -> bool:
            nonlocal change
            if edit.setup.document.changed:
                base = part[0] != TABLE and self._environment in names_of(edit.setup.draft)
                of = f"the base values, not {self._environment}," if base else ""
                change = await self._save(workbench, edit, f"Save {part[1]}", show_merged, store_secrets, of=of)
                return change is not None or not edit.setup.document.changed
            if store_secrets is not None:
                await store_secrets()
            return True

        form.finish = finish
        self._edits = edit
        try:
            await self._app.push_screen_wait(form)
        finally:
            self._edits = None
        return change

    async def add(self, workbench: Workbench, family: ConfigurationFamily) -> Added | None:
        """Asks what to add, and saves it after the difference was shown; None if nothing is added."""
        return await self._app.push_screen_wait(AddPartScreen(family, partial(self._add, workbench, family)))

    async def _add(self, workbench: Workbench, family: ConfigurationFamily, what: str, is_entity: bool) -> Added | None:
        """Adds what was chosen, after the difference was shown. Raises `UserError` or OSError."""
        edit = await asyncio.to_thread(begin_edit, self._path)
        setup = edit.setup
        setup.data = workbench.machine.directories.data_for(self._path.parent)
        if not is_entity:
            name = setup.add_path(family, what)
        else:
            name = setup.add_incoming(what) if family == "incoming" else setup.add_outgoing(what)
        change = await self._save(workbench, edit, f"Add {name}", yes="Add", no="Cancel")
        return None if change is None else (name, change.titled(f"add {name}"))

    async def _save(
        self,
        workbench: Workbench,
        edit: ProfileEdit,
        title: str,
        show_merged: Callable[[], Awaitable[None]] | None = None,
        store_secrets: Callable[[], Awaitable[None]] | None = None,
        *,
        yes: str = "Save",
        no: str = "Back to the form",
        of: str = "",
    ) -> SavedChange | None:
        """Saves the change with those of another program, after the difference from the file as it is was shown.

        `of`: which values it is of, where that is not clear.

        `show_merged` is awaited once those were merged, `store_secrets` before the text is written.
        None where the user does not want to save, or nothing is left.
        """
        merged = ""
        while True:  # the file may change again while its user reads
            before = edit.setup.document.file_digest
            is_decided = await self._merge(edit, title, no)
            if is_decided is None:
                return None
            if edit.setup.document.file_digest != before:
                merged = _MERGED if is_decided else _KEPT
                if show_merged is not None:
                    await show_merged()
            if not edit.setup.document.changed:
                self._app.notify(f"{self._path.name} has these values already.", markup=False)
                return None
            is_shown = is_decided and not edit.problems
            if not is_shown and not await self._app.push_screen_wait(self._question(edit, title, yes, no, merged, of)):
                return None
            if store_secrets is not None:
                await store_secrets()
            try:
                return await edit.save(workbench, workbench.machine.directories.profiles)
            except ChangedOnDisk as error:
                if error.how != "changed":
                    raise

    async def _merge(self, edit: ProfileEdit, title: str, no: str) -> bool | None:
        """Takes what another program has changed meanwhile; None if a conflict was left undecided.

        Returns whether there was one: then its user has seen all that is saved. What is invalid is said before, as
        it is usually corrected first; `title` and `no` are those of the question before saving.
        """
        conflicts = await asyncio.to_thread(edit.merge)
        if conflicts is None:
            return False
        if problems := edit.problems:
            question = (
                f"{_found(problems)}\n\nAnother program has changed the same values meanwhile: compare them next?"
            )
            asked = by_itself(InvalidScreen(question, title=title, yes="Compare", no=no))
            if not await self._app.push_screen_wait(asked):
                return None
        screen = conflict_screen(self._path, conflicts)
        text = await self._app.push_screen_wait(screen)
        if text is None:
            return None
        await asyncio.to_thread(edit.take, text, conflicts.file_data)
        return True

    def _question(self, edit: ProfileEdit, title: str, yes: str, no: str, merged: str, of: str) -> ConfirmScreen:
        """Shows what will be written, and what is invalid with it; `merged`: what became of another change."""
        kind: type[ConfirmScreen] = SaveScreen
        what = f"This changes {of} in" if of else "This changes in"
        question = f"{merged}Not saved yet. {what} {self._path.name}:\n"
        if problems := edit.problems:
            question, yes, kind = f"{_found(problems)}\n\n{question}", f"{yes} it anyway", InvalidScreen
        elif remarks := edit.remarks:
            question = "\n".join([*(f"! {each}" for each in remarks[:3]), "", question])
        asked = kind(question, title=title, yes=yes, no=no, details=highlight.difference(edit.difference))
        return by_itself(asked) if problems or merged else asked  # another question than the one that is expected
