"""The page of a saved profile: its parts with the results of their tests, and the actions on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static

from ...client.exchange import Exchange, Exchanges
from ...client.message import InvalidRequest, Request, Response
from ...errors import UserError
from ...files import ChangedOnDisk, reason
from ...guide.check import CheckResult, check_part
from ...guide.drafts import Drafts, key_for
from ...guide.last_runs import LastRun, last_runs, last_sendings
from ...guide.profile_edit import Undo
from ...guide.resend import NewRequests, resend
from ...guide.saved_profile import OpenedProfile, open_profile
from ...guide.secret_states import SecretState, secret_states
from ...guide.summaries import FAMILIES, Family, ProfilePart
from ...guide.trust import ProfileTrust
from ...guide.workbench import Workbench
from ...machine import Machine
from ...magento.diagnosis import diagnose_failure
from ...profile.environments import names_of
from ...profile.model import Profile
from ...profile.problems import Problem, environment_data
from ...text import shown, shown_line
from ..editor import edit
from ..environments import EnvironmentScreen, environment_mark
from ..file_watch import FileState, state_of
from ..log.actions import LogContext
from ..log.panel import LogDock, LogPanel
from ..log.screens import RecordedScreen, earlier_sessions
from ..setup.opening import BeginWith, open_guide
from ..toml_editor.opening import open_editor
from ..toml_editor.screen import Left
from ..widgets.choice import ChoiceScreen
from ..widgets.form import FormPath
from ..widgets.frame import KeyFooter, ScreenHeader
from .part_changes import PartChanges
from .part_forms import PartForms
from .part_list import PartList, ProblemList
from .part_runs import PartRuns
from .part_status import PartStatus

_ADDABLE: Mapping[Family, str] = {
    "incoming": "Incoming (read from the store)",
    "outgoing": "Outgoing (send to the store)",
    "clients": "HTTP client",
    "authentications": "HTTP authentication, for the selected client",
}


_CHECK_INTERVAL = 1.0
"""Seconds between two checks whether the file has changed."""


class ProfilePage(LogDock):
    """Lists the parts of a profile; of an invalid one, every problem with its place."""

    AUTO_FOCUS = ""
    IMMEDIATE: ClassVar = frozenset({"page.back"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", "Test", id="page.test", tooltip="Test the part against the store"),
        Binding("r", "run", "Run", id="page.run", tooltip="Run, or plan and send"),
        Binding("e", "edit_text", "As text", id="page.edit-text", tooltip="Edit the file, at the part's line"),
        Binding("T", "tasks", "Tasks", id="page.tasks", tooltip="The state of each entity that was sent"),
        Binding("E", "environment", "Environment", id="page.environment", tooltip="Use another environment"),
        Binding("u", "undo", "Undo", id="page.undo", tooltip="Undo what was saved last"),
        Binding("plus", "add", "Add", key_display="+", id="page.add", tooltip="Add a part"),
        Binding("m", "rename", "Rename part", show=False, id="page.rename", tooltip="Rename the part"),
        Binding("d", "delete", "Delete", id="page.delete", tooltip="Delete the part"),
        Binding("g", "guide", "Guide", id="page.guide", tooltip="Open the guide at the part's step"),
        Binding("l,ctrl+l,f2", "zoom", "Log", id="page.log"),
        Binding("q,escape", "back", "Back", id="page.back"),
        Binding("R", "run_with_options", "Options", id="page.run-options", tooltip="Run or plan with options"),
        Binding("o", "external_editor", "$EDITOR", id="page.external-editor", tooltip="Edit the file in $EDITOR"),
        Binding("H", "history", "History", id="page.history", tooltip="The requests of earlier sessions"),
    ]

    @dataclass
    class FileRead(Message):
        """The file was read."""

        opened: OpenedProfile
        state: FileState | None
        only_if_changed: bool
        history_problem: str = ""
        """Why the history cannot be recorded; empty where it can."""
        runs: Mapping[str, LastRun] = field(default_factory=dict)
        sent: Mapping[str, LastRun] = field(default_factory=dict)
        """The latest runs of outgoings."""

    @dataclass
    class SecretsFound(Message):
        """Which secrets are available."""

        states: list[SecretState]

    @dataclass
    class Tested(Message):
        """A part was tested against the store."""

        part: ProfilePart
        result: CheckResult

    @dataclass
    class EnvironmentChosen(Message):
        """The page of the profile is wanted with the values of another environment; "" for the base values."""

        path: Path
        environment: str
        part: ProfilePart | None
        """The selected part."""

    def __init__(
        self,
        machine: Machine,
        path: Path,
        exchanges: Exchanges | None = None,
        environment: str = "",
        part: ProfilePart | None = None,
    ) -> None:
        """`exchanges` is the log to continue; `part` is selected first."""
        super().__init__()
        self._first_part = part
        self._machine, self._path, self._environment = machine, path, environment
        self._workbench = self._new_workbench(exchanges, environment)
        self._opened: OpenedProfile | None = None
        self._file_state: FileState | None = None
        self._loaded = False
        """Whether the file has been read and the list has the focus."""
        self._edited_here = False
        """Whether the user has just edited the file here."""
        self._busy = ""
        """What is done to the file now, which keys wait for."""
        self._status = PartStatus()
        self._undo: Undo | None = None
        self._forms = PartForms(self.app, path)
        self._part_runs = PartRuns(self.app, self._workbench, path, lambda: self._profile)
        self._changes = PartChanges(self.app, machine, path, self._file_workbench)

    def show_imported(self, parts: Mapping[str, Sequence[str]]) -> None:
        """Selects what was imported: one that can be run or sent, where there is one."""
        order: tuple[Family, ...] = ("incoming", "outgoing", "authentications", "clients")
        for family in order:
            if names := parts.get(family):
                self._list.want(family, names[0])
                return

    @property
    def imports_into(self) -> Path:
        """The profile that a pasted curl command is added to."""
        return self._path

    def _new_workbench(self, exchanges: Exchanges | None, environment: str) -> Workbench:
        trust = ProfileTrust(self._machine, self._path, environment=environment)
        return Workbench(self._machine, exchanges, directory=self._path.parent, trust=trust)

    @asynccontextmanager
    async def _file_workbench(self) -> AsyncIterator[Workbench]:
        """What changes of the file are made with: they are changes of the base values, which are trusted with them."""
        if not self._environment:
            yield self._workbench
            return
        workbench = self._new_workbench(self._workbench.exchanges, "")
        try:
            yield workbench
        finally:
            workbench.close()

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield ProblemList(id="page-problems")
        with Container(id="page-body"):
            yield PartList(id="parts")
            yield Static("", id="part-detail", classes="panel")
        new = NewRequests(self._workbench, self._valid_profile)
        context = LogContext(self._machine, lambda: self._path.stem, self._resend, new, environment=self._environment)
        yield LogPanel(self._workbench.exchanges, context, id="log")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.set_interval(_CHECK_INTERVAL, self._check_file)
        if self._first_part is not None:
            self._list.want(self._first_part.family, self._first_part.name)

    def action_history(self) -> None:
        self.app.push_screen(
            RecordedScreen(self._machine, earlier_sessions(self._machine, self._path, self._environment))
        )

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        self._reload()

    def on_screen_suspend(self, event: events.ScreenSuspend) -> None:
        self._loaded = False  # until it is read when the page is back: what is saved meanwhile is the user's own

    def on_unmount(self) -> None:
        self._workbench.close()

    def resized(self) -> None:
        self._draw()

    def begin(self) -> None:
        invalid = self._opened is not None and self._opened.problems
        self.set_focus(self.query_one(ProblemList) if invalid else self._list)

    def _check_file(self) -> None:
        if self.is_current and self._loaded and not self._busy:
            self._read(only_if_changed=True)

    def _reload(self) -> None:
        self._loaded = False
        self._read(only_if_changed=False)

    def _set_loaded(self) -> None:
        self._loaded = True

    @property
    def loading_message(self) -> str:
        """Keys wait until the current content of the file has been read, and until a form has opened."""
        return self._busy or ("" if self._loaded else f"Reading {self._path.name}")

    @work(exclusive=True, group="read")
    async def _read(self, *, only_if_changed: bool) -> None:
        """Reads the file; `only_if_changed` as after a change by another program."""
        state, undo = await asyncio.to_thread(state_of, self._path), self._undo
        if only_if_changed and state == self._file_state:
            return
        opened = await asyncio.to_thread(open_profile, self._path, self._environment)
        if undo is not None and not await asyncio.to_thread(lambda: undo.applies) and self._undo is undo:
            self._undo = None  # the guide, $EDITOR or another program has changed the file since
        history_problem = ""
        if opened.profile is not None:
            history_problem = await asyncio.to_thread(self._workbench.keep_history, self._path, opened.profile)
        of = (self._machine.directories.state, self._path, self._environment)
        runs, sent = await asyncio.to_thread(last_runs, *of), await asyncio.to_thread(last_sendings, *of)
        self.post_message(self.FileRead(opened, state, only_if_changed, history_problem, runs, sent))

    @on(FileRead)
    def _on_read(self, message: FileRead) -> None:
        first = self._opened is None
        if message.only_if_changed and _has_same_text(self._opened, message.opened):
            self._file_state = message.state  # only its times have changed, which jump on some network drives
            return
        self._opened, self._file_state = message.opened, message.state
        self._status.runs, self._status.sent = message.runs, message.sent
        if message.history_problem:
            self.notify(shown(message.history_problem), severity="warning", markup=False)
        edited_here, self._edited_here = self._edited_here, False
        if message.only_if_changed and not edited_here:
            self.notify("The file has changed and was reloaded.", markup=False)
        self._fill()
        if message.opened.profile is not None:
            self._find_secrets(message.opened)
        if first or self.focused is None or not self.focused.display:
            self.begin()
        self.app.call_later(self._set_loaded)  # after the focus, which is set from the same queue

    @on(PartList.Resized)
    def _fill(self) -> None:
        opened = self._opened
        if opened is None:
            return
        self.query_one(ProblemList).fill(opened)
        self.set_class(bool(opened.problems), "invalid")
        self.query_one("#page-body").set_class(opened.document is not None, "there")
        self._list.fill(opened.parts, self._mark, max(30, self._list.content_size.width or self.size.width - 2))
        self._draw()

    def _mark(self, part: ProfilePart) -> tuple[str, str]:
        if self._busy and part == self._list.selected:
            return "…", "muted"
        return self._status.mark(part)

    @work(exclusive=True, group="secrets")
    async def _find_secrets(self, opened: OpenedProfile) -> None:
        typed = partial(self._machine.typed.has, self._path)
        states = await secret_states(opened.data, self._workbench.vault, self._machine.environ, typed)
        self.post_message(self.SecretsFound(states))

    @on(SecretsFound)
    def _on_secrets(self, message: SecretsFound) -> None:
        self._status.secrets = message.states
        self._fill()

    @property
    def _list(self) -> PartList:
        return self.query_one(PartList)

    @on(OptionList.OptionHighlighted, "#parts")
    def _draw(self) -> None:
        if self._opened is None:
            return
        profile = self._opened.profile
        mark = environment_mark(profile) if profile is not None else []
        self.query_one(ScreenHeader).show(self._opened.title, str(self._path), mark)
        self.refresh_bindings()
        detail, part = self.query_one("#part-detail", Static), self._list.selected
        detail.border_title = Content(
            shown_line(f"{FAMILIES[part.family].partition(' (')[0]} · {part.name}" if part else "")
        )
        now, wide = self._machine.now().timestamp(), self.has_class("wide")
        lines = self._status.detail(part, now, self._opened.text_of(part), wide=wide) if part else ()
        detail.update(Content("\n").join(lines))

    def action_test(self) -> None:
        part = self._list.selected
        if part is not None and (profile := self._usable()) is not None:
            self._status.testing = part
            self._fill()
            self._test(profile, part)

    @property
    def _profile(self) -> Profile | None:
        """The profile, if it was read and has no problems."""
        return self._opened.profile if self._opened is not None else None

    def _usable(self) -> Profile | None:
        """The profile, if it was read and has no problems; a message says what to do about them."""
        opened = self._opened
        if opened is not None and opened.profile is None:
            self.notify("Fix the problems first; e opens the file at the first one.", markup=False)
        return opened.profile if opened is not None else None

    @work(exclusive=True, group="test")
    async def _test(self, profile: Profile, part: ProfilePart) -> None:
        try:
            async with self._workbench.session(profile) as session:
                result = await check_part(profile, session, part, self._workbench.run())
        except InvalidRequest as failure:
            result = CheckResult(f"{part.family} {part.name}", False, diagnose_failure(failure, "the test"))
        self.post_message(self.Tested(part, result))

    @on(Tested)
    def _on_tested(self, message: Tested) -> None:
        self._status.tested(message.part, message.result, self._machine.now().timestamp())
        self._fill()

    def action_run(self) -> None:
        """Runs the incoming under the cursor; of an outgoing, shows what it would change. Else asks for one."""
        self._start_run(ask_options=False)

    def action_run_with_options(self) -> None:
        """The same, after options were chosen."""
        self._start_run(ask_options=True)

    def _start_run(self, *, ask_options: bool) -> None:
        opened, part = self._opened, self._list.selected
        if opened is None or self._usable() is None:
            return
        self.action_follow_log()
        if part is not None and part.family in ("incoming", "outgoing"):
            self._part_runs.start(part, ask_options=ask_options)
            return
        parts = [each for each in opened.parts if each.family in ("incoming", "outgoing")]
        if not parts:
            self.notify("Nothing to run yet: g opens the guide, where step 3 adds an incoming.", markup=False)
            return

        def chosen(found: ProfilePart) -> None:
            self._list.select(found.family, found.name)
            self._part_runs.start(found, ask_options=ask_options)

        self._part_runs.choose(parts, chosen)

    def _outgoing_to_send(self) -> str:
        """The outgoing under the cursor; empty if it is something else, or the profile has problems."""
        part = self._list.selected
        return part.name if part is not None and part.family == "outgoing" and self._profile is not None else ""

    def action_tasks(self) -> None:
        """Shows what became of the entities of the outgoing under the cursor."""
        if name := self._outgoing_to_send():
            self._part_runs.show_tasks(name)

    async def action_guide(self) -> None:
        await self._edit(self._list.selected, "step")

    @on(OptionList.OptionSelected, "#parts")
    async def action_edit(self) -> None:
        await self._edit_selected()

    async def _edit_selected(self, at: FormPath = ()) -> None:
        """Edits the part under the cursor in its form, at this field."""
        part = self._list.selected
        if part is not None and not await self._edit_here(part, add=False, at=at):
            await self._edit(part, "form", self.action_edit if part.family in ("incoming", "outgoing") else None)

    async def action_add(self) -> None:
        """Adds an incoming or outgoing where one is selected; otherwise asks which kind of part to add."""
        part = self._list.selected
        if self._usable() is None:
            return
        if part is not None and part.family in ("incoming", "outgoing"):
            await self._add(part.family)
        else:
            await self.app.push_screen(
                ChoiceScreen({str(key): each for key, each in _ADDABLE.items()}, title="Add to the profile"), self._add
            )

    async def _add(self, family: str | None) -> None:
        found = next((each for each in _ADDABLE if each == family), None)
        if found is None:
            return
        if not await self._edit_here(ProfilePart(found, "", ""), add=True):
            has_form = found in ("incoming", "outgoing")
            await self._edit(self._list.selected, "add", partial(self._add, found) if has_form else None, found)

    async def _edit_here(self, part: ProfilePart, *, add: bool, at: FormPath = ()) -> bool:
        """Opens the form of the part over the page, or of a new one; False if the guide is the place to edit it.

        `at` is the field that has the focus first.
        """
        # keys that are pressed now are meant for the form
        self._busy = f"Opening {part.name or 'the list of what can be added'}"
        self._fill()
        if await self._has_form(part):
            self._edit_in_form(part, add=add, at=at)
            return True
        self._busy = ""
        return False

    async def _has_form(self, part: ProfilePart) -> bool:
        """Whether the part is edited here: not in the guide's steps, nor while the guide has a draft of the profile."""
        if part.family not in ("incoming", "outgoing") or self._opened is None or self._opened.profile is None:
            return False
        drafts = Drafts(self._machine.directories.state)
        return await asyncio.to_thread(drafts.find, key_for(self._path)) is None

    @work(exclusive=True, group="edit")
    async def _edit_in_form(self, part: ProfilePart, *, add: bool, at: FormPath) -> None:
        """Opens the form of the part, or of a new one; saves it after the difference was shown."""
        assert part.family in ("incoming", "outgoing")
        forms = self._forms
        name, undo = part.name, None
        try:
            async with self._file_workbench() as workbench:
                if not add:
                    undo = await forms.edit(workbench, part.family, name, at)
                elif (added := await forms.add(workbench, part.family)) is not None:
                    name, undo = added
        except (UserError, OSError) as error:
            self._notify_error(error)
        finally:
            self._busy = ""
        if undo is not None:
            self._undo = undo
            self._status.changed(part.family, name)
            self._list.want(part.family, name)
            self.notify(f"Saved: {name}. u undoes it.", markup=False)
        self._reload()
        if forms.text_wanted:
            await self._open_text(forms.text_wanted)

    @on(OptionList.OptionSelected, "#page-problems")
    async def _edit_line(self) -> None:
        await self.action_edit_text()

    async def _edit(
        self,
        part: ProfilePart | None,
        begin_with: BeginWith,
        discarded: Callable[[], Awaitable[None]] | None = None,
        family: Family | None = None,
    ) -> None:
        opened = self._opened
        if opened is None or opened.document is None or opened.profile is None:
            await self.action_edit_text()
        else:
            if self._environment:
                self.notify("The guide shows the base values, not those of the environment.", markup=False)
            await open_guide(
                self.app, self._workbench, self._path, opened.document, part, begin_with, discarded, family
            )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("run", "run_with_options", "test", "add", "delete", "rename") and self.is_in_log:
            return False  # the selected part is out of mind, and perhaps out of sight
        if action == "tasks":
            return bool(self._outgoing_to_send())
        if action == "environment":
            return self._opened is not None and self._opened.document is not None and self._has_environments
        return action != "undo" or self._undo is not None

    @work(exclusive=True, group="delete")
    async def action_delete(self) -> None:
        """Deletes the part under the cursor, after the lines that go were shown."""
        part = self._list.selected
        if part is None or self._usable() is None:
            return
        has_secrets = bool(self._status.secrets_of(part))
        if await self._save_change(self._changes.delete(part, has_secrets=has_secrets)):
            self.notify(f"Deleted: {part.name}. u restores it.", markup=False)

    @work(exclusive=True, group="delete")
    async def action_rename(self) -> None:
        """Renames the part under the cursor and what refers to it, after the difference was shown."""
        part = self._list.selected
        if part is None or self._usable() is None:
            return
        name = await self._changes.new_name(part)
        if name is not None and await self._save_change(self._changes.rename(part, name)):
            self._list.want(part.family, name)
            self.notify(f"Renamed: {part.name} is now {name}. u undoes it.", markup=False)

    async def _save_change(self, change: Awaitable[Undo | None]) -> bool:
        """Awaits the change and reloads the file; False if it was declined, or failed."""
        undo = None
        try:
            undo = await change
        except (UserError, OSError) as error:
            self._notify_error(error)
        if undo is not None:
            self._undo = undo
        self._edited_here = True
        self._reload()
        return undo is not None

    def _notify_error(self, error: UserError | OSError) -> None:
        text = str(error) if isinstance(error, UserError) else f"{reason(error)}: {error.filename}"
        self.notify(shown_line(text), severity="error", timeout=10, markup=False)

    @work(exclusive=True, group="delete")
    async def action_undo(self) -> None:
        undo, self._undo = self._undo, None
        if undo is None:
            return
        try:
            await asyncio.to_thread(undo.write)
        except ChangedOnDisk:
            words = f"Not undone: {self._path.name} has changed since it was saved here."
            self.notify(shown_line(words), severity="warning", markup=False)
        except UserError as error:
            self._undo = undo
            self._notify_error(error)
        self._edited_here = True
        self._reload()

    async def action_edit_text(self) -> None:
        """Opens the file in the editor of this program, at the selected problem or part."""
        part = self._list.selected
        at = () if part is None else (part.family, part.name)
        await self._open_text(at)

    async def _open_text(self, key: FormPath) -> None:
        problem = self._problem
        place = None if problem is None else problem.place
        await open_editor(self.app, self._machine, self._path, place=place, key=key, left=self._left_editor)

    @property
    def _problem(self) -> Problem | None:
        """The selected problem; None where there is none."""
        problems = self._opened.problems if self._opened else []
        chosen = self.query_one(ProblemList).highlighted or 0
        return problems[chosen] if chosen < len(problems) else None

    def _left_editor(self, how: Left) -> None:
        if how.undo is not None:
            self._undo = how.undo
            self.refresh_bindings()
        if how.form_at:
            self._list.select(str(how.form_at[0]), str(how.form_at[1]))
            self.call_after_refresh(self._edit_selected, how.form_at)

    def action_external_editor(self) -> None:
        """Opens the file in the user's editor, at the selected problem."""
        try:
            edit(self.app, self._machine.environ, self._path, None if self._problem is None else self._problem.line)
        except UserError as error:
            self._notify_error(error)
        self._edited_here = True
        self._reload()

    async def _resend(self, exchange: Exchange, request: Request) -> Response:
        """Resends a request of the log, with the profile as it is in the file."""
        return await resend(self._workbench, self._valid_profile(), exchange, request)

    def _valid_profile(self) -> Profile:
        if (profile := self._profile) is None:
            raise InvalidRequest("The profile has problems", hint="Fix them first; e opens the file at the first one.")
        return profile

    @property
    def _has_environments(self) -> bool:
        document = self._opened.document if self._opened else None
        return document is not None and bool(names_of(document.draft))

    def action_environment(self) -> None:
        """Chooses an environment, and shows what differs in it."""
        opened = self._opened
        if opened is None or opened.document is None:
            return
        if opened.problems and not self._environment:
            self.notify("Fix the problems first; e opens the file at the first one.", markup=False)
            return
        draft = opened.document.draft
        names = ["default", *names_of(draft)]

        def chosen(name: str | None) -> None:
            environment = "" if name == "default" else name
            if environment is not None and environment != self._environment:
                self.post_message(self.EnvironmentChosen(self._path, environment, self._list.selected))

        data = {name: environment_data(draft, name) for name in names}
        self.app.push_screen(EnvironmentScreen(data, self._environment), chosen)

    def unsaved_work(self) -> str:
        return f"The changes in the form are not saved to {self._path.name}." if self._forms.unsaved else ""

    def before_exit(self) -> None:
        """Nothing is kept."""

    def action_back(self) -> None:
        if not self.leave_log():
            self.dismiss()

    def help_text(self) -> str:
        return (
            "The profile's page\n"
            "t tests the selected part against the store: only requests that read are sent (GET, HEAD, POST to a "
            "search); others are only shown. r runs an incoming, and shows what an outgoing would change before "
            "anything is sent (of another part, it asks which); R does so with options. T lists the tasks of "
            "an outgoing with their states. Enter opens the part's form, g the guide at its step, + adds a "
            "part, m renames one with what refers to it, d deletes "
            "one after showing the lines that go, "
            "u undoes that. e opens the file as text, at the selected problem or part, and o in your own editor "
            "($VISUAL, $EDITOR). "
            "The file is reloaded when another program changes it. If the profile came from elsewhere, you are "
            "asked once, before it is used, to allow what it can do with secrets, commands and files. If it has "
            "environments, the header names the one in use, and E shows and changes it."
        )


def _has_same_text(before: OpenedProfile | None, now: OpenedProfile) -> bool:
    if before is None or before.document is None or now.document is None:
        return False
    return before.document.file_digest == now.document.file_digest
