"""Step 5, save: where it goes, and the proof that it works."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from ...errors import UserError
from ...files import described
from ...guide.checks.first_call import FirstCall, first_call
from ...guide.profiles.save import SaveResult, assign_own_entries, check_no_secret
from ...guide.secret_sources import SecretPlace, secret_name
from ...guide.steps.methods import GuideStep
from ...profile.library import Library, ProfileError
from ...profile.problems import check_data
from ...secrets.plain_text import known_secrets_in
from ...secrets.token_shape import looks_like_token
from ...secrets.vault import KeyringState
from ...text import shown, shown_line
from ..dialogs import EntryScreen
from ..keys import after_pending_messages, letter_bindings
from ..second_press import SecondPress
from ..widgets import highlight
from ..widgets.choice import Choice
from ..widgets.fields import FieldRow, TextField
from ..widgets.frame import TONES
from ..widgets.secret_place import PlaceChoice
from .save_merge import MergingSaver
from .save_summary import marked_as_wrong, save_summary, unset_variables
from .step import Correction, StepPane

_PLACES = {
    SecretPlace.KEYRING.value: "In this computer's keyring",
    SecretPlace.ENVIRONMENT.value: "From environment variables",
    SecretPlace.ASK.value: "Prompted for each time",
    SecretPlace.COMMAND.value: "From a password manager's command",
}
_ABOUT_PLACE = "Where runs get the secrets from. The profile names the place; it never contains a secret."
_COMMAND = (
    "The command that prints a secret. {name} stands for its name, such as NAME.\n\n"
    "pass show {name} · op read op://Private/{name}/password\n"
    "security find-generic-password -s {name} -w"
)


_ABOUT_NAME = "Not written yet: type its name, then Enter saves it · Esc: to the buttons"
_SAYS_LITTLE = re.compile(r"store|local-store|.*-\d+")
"""A name made from an IP address or none, or with a number because another profile has the name without it."""
_NEW = "Not written yet: Enter or s writes this file (no secret), e renames it."
_CHANGED = "Not written yet: Enter or s writes the changes below."
_CONFLICT = (
    "Not written yet: another program has changed the same values in {}. Enter or s asks which to keep, and then "
    "writes the changes below."
)
_NO_KEYRING = "The profile uses environment variables instead; in this session, what you typed is used"
_ONLY_SECRETS = "The file stays as it is; Enter or s stores the secrets that you entered."
_UNCHANGED = (
    "Nothing has changed since it was saved. Enter goes to the profile's page: there r runs a part, t tests it."
)


class SavePane(StepPane):
    """Writes the profile, then calls the store with it from a new process."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *letter_bindings("t", "show_preview", "Show the file", "save.review", "f5", "ctrl+r")
    ]
    step = GuideStep.SAVE
    test_label = "Save"
    continue_label = "Close"

    @dataclass
    class KeyringKnown(Message):
        """Whether the keyring can be used."""

        state: KeyringState

    @dataclass
    class Named(Message):
        """The profile has the name that was typed, or `problem` says why it cannot; `saving`: it was to be saved."""

        problem: str
        saving: bool = False
        typed: str = ""
        proposed: str = ""
        """What was typed and cannot be the name, and a name like it that can be."""

    class Merged(Message):
        """The setup has what another program has changed in the file."""

    @dataclass
    class FileChecked(Message):
        """The file has what the setup has read from it, or `problem` says why not; `saving`: it was to be saved."""

        problem: str
        saving: bool

    @dataclass
    class Ended(Message):
        """The result of saving, or the problem."""

        saved: SaveResult | None
        call: FirstCall | None
        problem: str = ""
        copy: Path | None = None
        """Where the file is kept that it has replaced after another program had changed it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._saver = MergingSaver(self.work, self, lambda: self.post_message(self.Merged()))
        self._note = ""
        """Why the secrets are not stored in the keyring."""
        self._told_before = False
        """Whether the profile existed before, so that new capabilities are listed."""
        self._second_press = SecondPress()
        """Shows problems of a file; saving again ignores them."""
        self._shows_saved = False
        """Whether the result is that of saving."""
        self._said_name = False
        """Whether the result says that the name is to be corrected before saving."""
        self._name_problem = ""
        """Why a new profile cannot have the name that was typed."""
        self._before = "", ""
        """The name and the title that a new profile had when the field of its name got the focus."""
        self._file_problem = ""
        """Why the file is not as it was read or saved, though nothing has changed here."""
        self._call_failed = False
        """Whether the call after saving has failed: saving again repeats it."""
        self._proposed = ("", "")
        """What was typed and cannot be the name, and the name that Enter uses instead."""
        self._asks_keyring = False
        """Whether it is being found out if the keyring takes the secrets: what is written depends on that."""
        self._saves_once_known = False
        """Whether it was to be saved meanwhile."""

    def compose_fields(self) -> ComposeResult:
        yield FieldRow("name", "Profile name", TextField(self._name_text, id="field-name"), _ABOUT_NAME)
        yield Static("", classes="chosen")
        place = PlaceChoice(_PLACES, self.setup.secret_place.value, id="secret-place")
        yield FieldRow("secret-place", "Secrets", place, _ABOUT_PLACE)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield Static("", classes="preview")

    def begin(self) -> None:
        self.scroll_home(animate=False)
        self.query_one("#field-name", TextField).value = self._name_text
        self._show_name()
        self.explain(self._what_is_written())
        if self.work.keyring is None or not self.work.keyring.usable:
            self._asks_keyring = self._stores_in_keyring
            self.run_worker(self._ask_keyring(), group="keyring", exclusive=True)
        if self._saves_once_known:
            self._saves_once_known = False
            self.say("")
        self._preview()
        self.run_worker(self._take_name(), group="name", exclusive=True)
        if self.work.path is not None:
            self.run_worker(self._take_changes(self.work.path), group="merge", exclusive=True)
        self._name_continue()
        if self.has_fields:
            self.edit_field()
        else:
            self.focus_buttons()

    def forget_outdated(self) -> None:
        """Where secrets are kept is said again: that does not change with their values."""
        is_outdated = self._shows_saved and not self.complete
        if is_outdated or self._second_press.is_awaited:  # said about what was there before a change
            self._second_press.forget()
            self.forget()
        super().forget_outdated()
        if self._note and not self._said:
            self.say(f"! {_NO_KEYRING}.")

    @property
    def _name_text(self) -> str:
        setup = self.setup
        return setup.name if setup.typed_name is None else setup.typed_name

    def _show_name(self) -> None:
        """The name of a new profile, or how a saved one is renamed; and its file."""
        is_new = not self.setup.saved
        row = self.query_one("#row-name", FieldRow)
        row.display = is_new
        proposal = (
            f"\n→ Enter in the field uses {self._proposed[1]}." if self._name_problem and self._proposed[1] else ""
        )
        row.problem(self._name_problem + proposal)
        self.query_one("#field-name", TextField).is_suggestion = self._name_text == self.setup.suggested_name
        path, note = self._path(), " (new)" if is_new else " (m on the home screen renames it)"
        if self._name_problem:
            path, note = path.with_name(f"{self._proposed[1]}.toml"), " (proposed)"
        is_known = self._shows_saved and self.complete  # the result names the file
        is_unknown = bool(self._name_problem) and not self._proposed[1]
        file = "" if is_known or is_unknown else shown_line(f"File: {path}{note}")
        self.put(self.query_one(".chosen", Static), file)

    @property
    def _says_little(self) -> bool:
        """Whether a new profile has a name that was proposed and says little about the store."""
        name = self.setup.name
        return self.has_fields and name == self.setup.suggested_name and _SAYS_LITTLE.fullmatch(name) is not None

    @property
    def has_fields(self) -> bool:
        return not self.setup.saved

    @property
    def field_to_edit(self) -> Widget | None:
        return self.query_one("#field-name", TextField) if self.has_fields else None

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget.id == "field-name":
            self._before = self.setup.name, self.setup.title
            self.explain(self._what_is_written())

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if event.widget.id == "field-name":
            self.explain(self._what_is_written())

    @on(TextField.EnterPressed)
    def _name_entered(self, event: TextField.EnterPressed) -> None:
        event.stop()
        typed, proposed = self._proposed
        if proposed and typed == self._name_text:
            self.query_one("#field-name", TextField).value = proposed
            self.focus_buttons()
        else:
            after_pending_messages(self.screen.focused, self, self._save_as_typed)

    def _save_as_typed(self) -> None:
        self.focus_buttons()
        self.test()

    @on(Input.Changed, "#field-name")
    def _name_typed(self, event: Input.Changed) -> None:
        event.stop()
        name = event.value.strip()
        self.query_one("#field-name", TextField).is_suggestion = name == self.setup.suggested_name
        if name != self._name_text:
            self.setup.typed_name = None if name == self.setup.name else name
            self.run_worker(self._take_name(), group="name", exclusive=True)

    def _what_is_written(self) -> str:
        """What saving writes, or what to do before."""
        types_name = self.query_one("#field-name").has_focus
        if self._name_problem:
            return _ABOUT_NAME if types_name else "Not written: correct the name first (e)."
        missing = self.setup.first_missing()
        if missing is GuideStep.BASICS:  # it cannot be written
            return f"✘ Step 1: {self.setup.missing(missing)}"
        if wrong := self._wrong():
            return f"✘ The profile is invalid:\n{wrong}"
        missed = f"! Step {missing.value}: {self.setup.missing(missing)}" if missing else ""
        note = "\n".join(filter(None, [missed, *marked_as_wrong(self.work)]))
        if not self.setup.saved:
            what = _ABOUT_NAME if types_name else _NEW
            if self._says_little:
                change = "type another one" if types_name else "e changes it"
                note = f"{note}\n! The name {self.setup.name} says little about the store: {change}."
        elif self._saver.conflicts is not None:
            what = _CONFLICT.format(self._path().name)
        elif self.setup.document.changed:
            what = _CHANGED
        elif self.work.has_unsaved:
            what = _ONLY_SECRETS
        elif self._file_problem:
            what = f"! {self._path().name}: {self._file_problem}\nEnter or s asks whether to write it as it was here."
        else:
            what = _UNCHANGED
        return f"{note}\n{what}".strip()

    def _name_continue(self) -> None:
        self.query_one(".continue", Button).label = "Open profile" if self.complete else self.continue_label

    async def _take_name(self) -> None:
        """Gives a new profile the name that is typed, and its keyring entries theirs, or says why it cannot have it."""
        problem = ""
        try:
            await self._path_to_save()
        except UserError as error:
            problem = _name_problem(error)
            name, title = self._before
            if name and name != self.setup.name:  # what was typed first was no name yet
                typed = self.setup.typed_name
                self.work.rename(name)
                self.setup.suggest_title(title)
                self.setup.typed_name = typed
        typed, proposed = self._name_text, await self._propose() if problem else ""
        self.post_message(self.Named(problem, typed=typed, proposed=proposed))
        await assign_own_entries(self.setup, self._path(), self.work.workbench.vault, self.work.profiles)
        self.post_message(self.Named(problem, typed=typed, proposed=proposed))

    async def _propose(self) -> str:
        """A name like what was typed; "" where that has nothing for a name, or is rather a secret."""
        name = self._name_text
        if looks_like_token(name) or known_secrets_in(name) or not any(map(str.isalnum, name)):
            return ""
        try:
            return await asyncio.to_thread(Library(self.work.profiles).name_from, name)
        except ProfileError:  # the directory cannot be listed, as saving says
            return ""

    @on(Named)
    def _named(self, message: Named) -> None:
        self._preview()  # the entries have their final names
        if self.setup.saved:
            return
        self._name_problem = message.problem
        self._proposed = message.typed, message.proposed
        self._show_name()
        self.explain(self._what_is_written())
        if message.saving:
            self.refuse("✘ Not saved: correct the name first.", Correction("Edit Profile name"))
        elif self._said_name and not message.problem:
            self.say("")
        self._said_name = message.saving or (self._said_name and bool(message.problem))
        self.post_message(self.Changed())

    async def _path_to_save(self) -> Path:
        """The file to write; a new profile gets the name that was typed, which no other has. Raises `UserError`."""
        if self.work.path is not None:
            return self.work.path
        name = self._name_text
        if looks_like_token(name):
            raise UserError("profile-name", "This looks like a token, not a name")
        path = await asyncio.to_thread(Library(self.work.profiles).new_path, name)
        if name != self.setup.name:
            self.work.rename(name)
        return path

    def _wrong(self) -> str:
        """The problems of the profile, one per line; empty where there are none."""
        _, problems = check_data(self.setup.draft)
        return "\n".join(f"  {'.'.join(map(str, path))}: {message}" for path, message in problems)

    def _path(self) -> Path:
        return self.work.path or Library(self.work.profiles).directory / f"{self.setup.name}.toml"

    def _preview(self) -> None:
        if self._waits_for_keyring:
            self._show(Content.styled("… looking for a keyring", TONES["muted"]))
            return
        try:
            text = self._saver.unsaved_difference(self._path())
        except ProfileError as error:
            self._show(Content(shown(str(error))))
        else:
            self._show(highlight.difference(text) if self.setup.saved else highlight.toml(text))

    def _show(self, text: Content) -> None:
        self.query_one(".preview", Static).update(text)

    @property
    def keyring_problem(self) -> str:
        return self.work.keyring_problem

    async def _ask_keyring(self) -> None:
        self.post_message(self.KeyringKnown(await self.work.workbench.vault.state(writing=False)))

    @on(KeyringKnown)
    def _keyring(self, message: KeyringKnown) -> None:
        self.work.keyring, self._asks_keyring = message.state, False
        saves, self._saves_once_known = self._saves_once_known and self.display, False
        if not message.state.usable and self._stores_in_keyring:
            self._save_elsewhere(message.state.reason, saves=saves)
            return
        self._preview()
        if saves:
            self.say("")
            self.test()

    @property
    def _waits_for_keyring(self) -> bool:
        """Whether what is written depends on a keyring that is being looked for."""
        return self._asks_keyring and self._stores_in_keyring

    @property
    def _stores_in_keyring(self) -> bool:
        """Whether secrets are kept in the keyring, or saving stores some there beside others that are elsewhere."""
        held = any(map(self.work.workbench.vault.held, self.setup.keyring_names()))
        return held or self.setup.secret_place is SecretPlace.KEYRING

    def _save_elsewhere(self, reason: str, *, saves: bool) -> None:
        """Switches to environment variables; the user sees it before anything is saved. `saves`: it was to be saved."""
        self._place(SecretPlace.ENVIRONMENT)
        self._note = f"{self.work.why_no_keyring(reason)}. {_NO_KEYRING}"
        self.work.told_keyring = True
        self.say(f"! {self._note}." + "\n→ Not saved yet: Enter or s saves it like this." * saves)

    @on(Choice.Chosen)
    def _chosen(self, event: Choice.Chosen) -> None:
        place = SecretPlace(event.option)
        if place is not SecretPlace.COMMAND:
            self._place(place)
            return
        example = next((secret_name(self.setup.name, path) for path in self.setup.secret_paths()), "acme/token")

        async def split(command: str) -> list[str]:
            try:
                return shlex.split(command)
            except ValueError as error:
                raise UserError("invalid-command", f"Invalid command: {error}") from error

        def typed(words: list[str] | None) -> None:
            self._place(place if words else self.setup.secret_place, words or ())

        question = _COMMAND.replace("NAME", example)
        screen = EntryScreen(question, "pass show {name}", apply=split, title="Command")
        self.app.push_screen(screen, typed)

    def _place(self, place: SecretPlace, command: Sequence[str] = ()) -> None:
        with self.work.keeping_results():
            self.setup.move_secrets(place, command)
        self.query_one(Choice).show(place.value)
        if self._saves_once_known and not self._waits_for_keyring:
            self._saves_once_known = False
            self.say("")
        self.explain(self._what_is_written())
        self._preview()
        if self._saver.conflicts is not None and self.work.path is not None:
            self.run_worker(self._take_changes(self.work.path), group="merge", exclusive=True)

    @property
    def complete(self) -> bool:
        return self.setup.saved and not self.work.has_unsaved and not self._file_problem

    def action_show_preview(self) -> None:
        """Scrolls to what will be written."""
        self.scroll_to_widget(self.query_one(".preview", Static), animate=False, top=True)

    def _can_save(self) -> bool:
        """Whether there is something to save that may be written; otherwise shows why not."""
        if missing := self.setup.missing(GuideStep.BASICS):
            self.explain("")
            self.say(f"✘ Not saved. Step 1: {missing}", bad=True)
            return False
        try:
            check_no_secret(self.setup)
        except UserError as error:
            self.say(f"✘ {error}", bad=True)
            return False
        return True

    def test(self) -> None:
        if self._busy:
            return
        if self._waits_for_keyring:
            self._saves_once_known = True
            self.say("… Looking for a keyring, then saving. To save without one, choose another place of the secrets.")
            return
        if self.complete and not self._call_failed and self.work.path is not None:
            self.run_worker(self._take_changes(self.work.path, saving=True), group="merge", exclusive=True)
            return
        if not self._can_save():
            return
        wrong, path = self._wrong(), self._path()
        if wrong and not self._second_press.accepts(self.app, (path, wrong)):
            self.say(f"✘ Not saved: the profile is invalid.\n{wrong}\nSave again to save it anyway.", bad=True)
            return
        self.workers.cancel_group(self, "name")  # saving takes the name itself
        if self.has_fields:
            self.focus_buttons()  # the field of the name goes once it is saved
        self.busy("saving")
        self.run_worker(self._save(), group="saving", exclusive=True)

    async def _save(self) -> None:
        work = self.work
        self._told_before = self.setup.saved
        try:
            path = await self._path_to_save()
            saved, copy = await self._saver.save(path)
        except UserError as error:
            if error.code == "keyring-unusable":
                self._save_elsewhere(error.message, saves=True)
                return
            if error.code in ("profile-exists", "profile-name"):
                proposed = await self._propose()
                named = self.Named(_name_problem(error), saving=True, typed=self._name_text, proposed=proposed)
                self.post_message(named)
            else:
                self.post_message(self.Ended(None, None, str(error)))
            return
        except OSError as error:  # the schema beside it
            self.post_message(self.Ended(None, None, described(error)))
            return
        is_new, work.path = work.path is None, path
        self._second_press.forget()
        work.keep_secrets()
        profile, _ = check_data(self.setup.draft)
        if is_new and profile is not None:  # the profile's page says where this fails
            await asyncio.to_thread(work.draft_history.continue_in, path, profile)
        call = None
        if (
            saved.trusted
            and self.setup.authenticated
            and not self._wrong()
            and self.setup.secret_place is not SecretPlace.ASK
            and not unset_variables(work, saved)
        ):
            self.busy("calling the store from a new process")
            environ = work.workbench.machine.environ
            secrets = [each.source for each in profile.secrets()] if profile is not None else []
            session = work.workbench.history_session
            call = await first_call(str(path), environ, secrets=secrets, session=session)
            await asyncio.to_thread(work.workbench.follow_history)
        self.post_message(self.Ended(saved, call, copy=copy))

    async def _take_changes(self, path: Path, *, saving: bool = False) -> None:
        """Takes what another program has changed; `saving`: it is to be saved, unless there is nothing to save."""
        self.post_message(self.FileChecked(await self._saver.take_changes(path), saving))

    @on(FileChecked)
    def _file_checked(self, message: FileChecked) -> None:
        was_complete = self.complete
        self._file_problem = message.problem
        if self._saver.conflicts is not None:
            self.explain(self._what_is_written())
            self._preview()
        if self.complete != was_complete:
            self._name_continue()
            self.explain(self._what_is_written())
            if self.query_one(".continue").has_focus:
                self.focus_buttons()
        if message.saving and self.complete:
            self.notify("Nothing to save: nothing has changed since it was saved.", markup=False)
            self.focus_next(self.query_one(".continue", Button))
        elif message.saving:
            self.test()

    @on(Merged)
    def _show_merged(self) -> None:
        said = "Another program has changed the file meanwhile; that is kept."
        self.explain(f"{self._what_is_written()}\n{said}")
        self._preview()

    @on(Ended)
    def _take(self, message: Ended) -> None:
        if message.saved is None:
            self.say(f"✘ {message.problem}", bad=True)
            return
        self._file_problem = ""
        self._call_failed = message.call is not None and not message.call.ok
        said = save_summary(
            self.work, message.saved, message.call, message.copy, self._wrong(), existed=self._told_before
        )
        self._shows_saved, self._note = True, ""
        self._show_name()
        self.explain("")
        self._show(Content(""))
        self._name_continue()
        self.say(said, bad=message.call is not None and not message.call.ok)
        self.post_message(self.Changed())
        self.focus_next(self.query_one(".continue", Button))


def _name_problem(error: UserError) -> str:
    """Why a new profile cannot have this name, and what to do where another profile has it."""
    open_it = ": open it from the home screen, or choose another name" if error.code == "profile-exists" else ""
    return f"{error.message}{open_it}"
