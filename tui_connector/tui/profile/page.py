"""The page of a saved profile: its parts with the results of their tests, and the actions on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widget import AwaitMount
from textual.widgets import OptionList, Static

from ...client.exchange import Exchange
from ...client.message import Request, Response
from ...errors import UserError
from ...guide.checks.check import CheckResult
from ...guide.part_families import FAMILIES, Family
from ...guide.profiles.saved_changes import ChangedPart
from ...guide.profiles.saved_profile import part_of
from ...guide.requests.resend import NewRequests, resend, variables_to_set
from ...guide.steps.summaries import ProfilePart, parts
from ...profile.environment_names import DEFAULT_ENVIRONMENT, TABLE
from ...profile.problems import Problem
from ...text import shown_line
from ..commands import PaletteCommand
from ..environments import EnvironmentChoice, choose_environment, environment_mark, mark_of_invalid
from ..keys import is_on_top
from ..log.panel import LogPanel
from ..log.screens import EARLIER_SESSIONS, RecordedScreen, earlier_sessions
from ..log.sending import LogContext
from ..setup.opening import BeginWith, open_guide
from ..setup.results import PartTest
from ..toml_editor.opening import open_editor
from ..widgets.choice import ChoiceScreen
from ..widgets.form_field import FormPath
from ..widgets.frame import KeyFooter, ScreenHeader
from .addable_parts import ADDABLE, titles_to_add
from .forms_screen import FormsScreen
from .part_finder import find_part
from .part_list import PartList, ProblemList
from .part_runs import PartRuns
from .part_status import RowStatus
from .profile_screen import PageContext, ProfileScreen
from .status_screen import StatusScreen

_OF_VALID_PROFILE = ("page.run", "page.run-options", "page.add", "page.guide", "page.slices")
"""Keys that need a profile without problems."""

_OF_READABLE = ("delete", "rename", "environment")
"""Actions that need a file that can be read as TOML."""

_OF_TEXT = ("page.edit", "page.edit-text", "page.edit-line")
"""Keys that need a file of text."""

_NONE = "None yet: Enter adds one."
_AGES_INTERVAL = 30.0
"""Seconds until the ages of runs and tests are shown anew."""


class ProfilePage(StatusScreen, FormsScreen):
    """Lists the parts of a profile; of an invalid one, every problem with its place."""

    AUTO_FOCUS = ""
    first_keys = frozenset({"page.show-all"})
    IMMEDIATE: ClassVar = frozenset({"page.back", "page.leave"})
    AWAY_FROM_LOG: ClassVar = frozenset({"run", "run_with_options", "test", "add", "delete", "rename", "undo", "redo"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", "Test", id="page.test", tooltip="Test the part against the store"),
        Binding("r", "run", "Run", id="page.run", tooltip="Run, or plan and send"),
        Binding("e", "edit_text", "As text", id="page.edit-text", tooltip="Edit the file, at the part's line"),
        Binding("a,f7", "fix", "Fix", id="page.fix", tooltip="Apply the suggested correction"),
        Binding("u", "undo", "Undo edit", id="page.undo", tooltip="Undo what was saved last in the file"),
        Binding("T", "tasks", "Tasks", id="page.tasks", tooltip="The state of each entity that was sent"),
        Binding(
            "E",
            "environment",
            "Environment",
            id="page.environment",
            tooltip="Use or change an environment",
        ),
        Binding("plus", "add", "Add", key_display="+", id="page.add", tooltip="Add a part"),
        Binding("m", "rename", "Rename", id="page.rename", tooltip="Rename the part"),
        Binding("d,delete", "delete", "Delete", id="page.delete", tooltip="Delete the part"),
        Binding("g", "guide", "Guide", id="page.guide", tooltip="Open the guide at the part's step"),
        Binding("l,ctrl+l,f2", "zoom", "Log", id="page.log"),
        Binding("q", "back", "Back", id="page.back"),
        Binding("escape", "show_all", "Show all", id="page.show-all", tooltip="End the search, then the filter"),
        Binding("escape", "leave", "Leave the log, or the page", show=False, id="page.leave"),
        Binding("slash", "find", "Find", key_display="/", id="page.find", tooltip="Find a part by what its row says"),
        Binding("R", "run_with_options", "Options", id="page.run-options", tooltip="Run or plan with options"),
        Binding("o", "external_editor", "$EDITOR", id="page.external-editor", tooltip="Edit the file in $EDITOR"),
        Binding("H", "history", "History", id="page.history", tooltip=EARLIER_SESSIONS),
        Binding("U", "redo", "Redo edit", id="page.redo", tooltip="Redo what was undone last"),
        Binding("S", "slices", "Slices", id="page.slices", tooltip="Runs in slices, on all machines"),
    ]

    @dataclass
    class EnvironmentChosen(Message):
        """The page of the profile is wanted with the values of another environment; "" for the base values."""

        path: Path
        environment: str
        part: ProfilePart | None
        """The selected part."""

    def __init__(self, context: PageContext, part: ProfilePart | None = None, form_at: FormPath = ()) -> None:
        """`part` is selected first. `form_at` is a key whose form is opened."""
        super().__init__(context)
        self._first_part, self.form_at = part, form_at
        self._part_runs = PartRuns(self.app, self.workbench, self.path, lambda: self.profile)

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
        return self.path

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield ProblemList(id="page-problems")
        with Container(id="page-body"):
            yield PartList(id="parts")
            yield Static("", id="part-detail", classes="panel")
        new = NewRequests(self.workbench, self.valid_profile)
        context = LogContext(
            self.machine,
            lambda: self.path.stem,
            self._resend,
            new,
            environment=self.environment,
            unset=partial(variables_to_set, self.machine, self.path, lambda: self.profile),
            history=lambda: self.workbench.history_keeps,
        )
        yield LogPanel(self.workbench.exchanges, context, id="log")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one(ScreenHeader).show(self.path.stem, str(self.path), [("reading …", "muted")])
        self.set_interval(_AGES_INTERVAL, self.show_status)
        if self._first_part is not None:
            self._list.want(self._first_part.family, self._first_part.name)

    def action_history(self) -> None:
        logs = {self.environment: self.workbench.exchanges}
        found = earlier_sessions(self.machine, self.path, self.environment, logs.get)
        self.app.push_screen(RecordedScreen(self.machine, found))

    def action_slices(self) -> None:
        if self.usable() is not None:
            from ..sliced_runs import SlicedRunsScreen

            self.app.push_screen(SlicedRunsScreen(self.machine, self.path, self.environment))

    def resized(self) -> None:
        self._draw()

    def begin(self) -> None:
        self.set_focus(self.query_one(ProblemList) if self.opened and self.opened.problems else self._list)

    def show_read(self, message: ProfileScreen.FileRead) -> None:
        self.read_status(message)
        self.show_unsaved(message.unsaved)
        self.show_status()
        at, self.form_at = self.form_at, ()
        if at:
            self.call_after_refresh(self._open_form, at)
        self._reopen()

    @on(PartList.Resized)
    def show_status(self) -> None:
        opened = self.opened
        if opened is None:
            return
        self.query_one(ProblemList).fill(opened)
        self.set_class(bool(opened.problems), "invalid")
        self.query_one("#page-body").set_class(opened.document is not None or bool(opened.parts), "there")
        now = self.machine.now().timestamp()

        def status(part: ProfilePart) -> RowStatus:
            return self.status.row(part, now, busy=bool(self.busy) and part == self._list.selected)

        found = parts(opened.data, self.status.missing)
        self._list.fill(found, status, is_outdated=opened.document is None, has_text=opened.is_text)
        self._draw()

    @property
    def _list(self) -> PartList:
        return self.query_one(PartList)

    @on(OptionList.OptionHighlighted, "#parts")
    def _draw(self) -> None:
        if self.opened is None:
            return
        profile, label = self.opened.profile, self.opened.environment_label
        mark = environment_mark(profile) if profile is not None else mark_of_invalid(label, self.opened.data)
        self.query_one(ScreenHeader).show(self.opened.title, str(self.path), mark)
        self._show_fix()
        detail, part, family = self.query_one("#part-detail", Static), self._list.selected, self._list.family
        title = FAMILIES[family].partition(" (")[0] if family is not None else ""
        detail.border_title = Content(shown_line(f"{title} · {part.name}" if part else title))
        now, wide = self.machine.now().timestamp(), self.has_class("wide")
        text, arguments = self.opened.text_of(part) if part else "", self.workbench.trust.arguments
        width = max(30, detail.content_size.width or self.size.width - 4)
        lines = (
            self.status.detail(part, now, text, wide=wide, width=width, arguments=arguments)
            if part
            else (Content(_NONE),)
        )
        detail.update(Content("\n").join(lines))

    def on_descendant_focus(self) -> None:
        self._select_part_of_problem()

    def _show_fix(self) -> None:
        """Shows the key that corrects what is selected, where it does."""
        self.query_one(ProblemList).show_keys(can_fix=self.problem_to_fix is not None)
        self.refresh_bindings()

    def action_test(self) -> None:
        part = self._list.selected
        if part is None or self.opened is None:
            return
        profile = self.opened.profile_to_test(part) or self.usable()  # which says what to do
        if profile is not None:
            self.action_follow_log()
            self.test(profile, part)

    def action_run(self) -> None:
        """Runs the incoming under the cursor; of an outgoing, shows what it would change. Else asks for one."""
        self._start_run(ask_options=False)

    def action_run_with_options(self) -> None:
        """The same, after options were chosen."""
        self._start_run(ask_options=True)

    def _start_run(self, *, ask_options: bool) -> None:
        opened, part = self.opened, self._list.selected
        if opened is None or self.usable() is None:
            return
        self.action_follow_log()

        def start(which: ProfilePart, choose_again: Callable[[], None]) -> None:
            self._list.select(which.family, which.name)
            self._part_runs.start(which, ask_options=ask_options, cancelled=choose_again)

        self._part_runs.choose(opened.parts, part, start)

    def _outgoing_to_send(self) -> str:
        """The outgoing under the cursor; empty if it is something else, or the profile has problems."""
        part = self._list.selected
        return part.name if part is not None and part.family == "outgoing" and self.profile is not None else ""

    def action_tasks(self) -> None:
        """Shows what became of the entities of the outgoing under the cursor."""
        if name := self._outgoing_to_send():
            self._part_runs.show_tasks(name)

    async def action_guide(self) -> None:
        if self.usable() is not None:
            await self._edit(self._list.selected, "step")

    @on(OptionList.OptionSelected, "#parts")
    async def action_edit(self) -> None:
        if self._list.selected is None and self._list.family is not None:
            await self.action_add()
        else:
            await self._edit_selected()

    async def _open_form(self, at: FormPath) -> None:
        """Opens the form that this key is in."""
        if at[0] == TABLE:
            self.edit_environment(str(at[1]), at)
        else:
            self._list.select(str(at[0]), str(at[1]))
            await self._edit_selected(at)

    async def _edit_selected(self, at: FormPath = ()) -> None:
        """Edits the part under the cursor in its form, at this field; one with problems, at the line of the first."""
        part, opened = self._list.selected, self.opened
        if part is not None and not at and opened is not None and opened.document is None and opened.is_text:
            await self._correct_text(part, opened.problems[0])
        elif part is not None and not at and opened is not None and not opened.is_readable(part):
            await self.action_edit_text()
        elif part is not None and not await self.edit_here(part, add=False, at=at):
            discarded = self.action_edit if part.family in ("incoming", "outgoing") else None
            await self._edit(part, "form", discarded, at=at)

    async def _correct_text(self, part: ProfilePart, problem: Problem) -> None:
        """Opens the text at the mistake because of which no part has a form, and says so."""
        await open_editor(self.app, self.machine, self.path, place=problem.place, left=self._left_editor)
        words = (
            f"The form of {part.name} needs a text that can be read: correct line {problem.line} and save (^S) first."
        )
        self.notify(shown_line(words, 200), severity="warning", timeout=10, markup=False)

    async def action_add(self) -> None:
        """Adds one of the family where an incoming or outgoing, or none, is selected; otherwise asks what to add."""
        family = self._list.family
        if self.usable() is None:
            return
        if family is not None and (family in ("incoming", "outgoing") or self._list.selected is None):
            await self._add(family)
        else:
            await self._choose_to_add()

    def _choose_to_add(self, family: str = "") -> AwaitMount:
        """Asks what to add, with this family selected; asks again where that is declined."""

        async def chosen(family: str | None) -> None:
            await self._add(family, partial(self._choose_to_add, family or ""))

        options = titles_to_add(self.path, self.opened, self._list.selected)
        return self.app.push_screen(ChoiceScreen(options, family, title="Add to the profile"), chosen)

    def more_commands(self) -> Sequence[PaletteCommand]:
        """Adds a part of each family, whatever is selected."""
        if self.profile is None:
            return ()
        return [
            PaletteCommand(f"Add: {title}", "", "", partial(self._add, family)) for family, title in ADDABLE.items()
        ]

    @work(exclusive=True, group="find")
    async def action_find(self) -> None:
        """Selects a part by its name, or something else of its row."""
        if self.opened is not None and (found := await find_part(self.app, self.opened.parts)) is not None:
            self.set_focus(self._list)
            self._list.select(found.family, found.name)

    async def _add(self, family: str | None, declined: Callable[[], object] | None = None) -> None:
        """Adds one of this family; `declined` reopens what led here."""
        if family == TABLE:
            self.edit_environment(declined=declined)
            return
        found = next((each for each in FAMILIES if each == family), None)
        if found is None:
            return
        if not await self.edit_here(ProfilePart(found, "", ""), add=True, declined=declined):
            has_form = found in ("incoming", "outgoing")
            await self._edit(self._list.selected, "add", partial(self._add, found) if has_form else None, found)

    @property
    def selected_part(self) -> ProfilePart | None:
        return self._list.selected

    def has_secrets(self, part: ProfilePart) -> bool:
        return bool(self.status.secrets_of(part))

    def environment_renamed(self, name: str, new: str) -> None:
        if name == self.environment:
            self.post_message(self.EnvironmentChosen(self.path, new, self._list.selected))

    def select_changed(self, part: ChangedPart) -> None:
        self._list.follow(part)

    def show_unsaved(self, unsaved: str) -> None:
        is_partial = self.opened is not None and self.opened.document is None
        of = "of the last valid text" if self.is_outdated else "as far as the text can be read" * is_partial
        self._list.border_title = " · ".join(filter(None, ("Parts", of, unsaved)))

    @on(OptionList.OptionSelected, "#page-problems")
    async def _edit_line(self) -> None:
        await self.action_edit_text()

    async def _edit(
        self,
        part: ProfilePart | None,
        begin_with: BeginWith,
        discarded: Callable[[], Awaitable[None]] | None = None,
        family: Family | None = None,
        at: FormPath = (),
    ) -> None:
        opened = self.opened
        has_form = opened is not None and part is not None and opened.is_readable(part) and begin_with == "form"
        if opened is None or opened.document is None or (opened.profile is None and not has_form):
            await self.action_edit_text()
        else:
            if self.environment:
                self.notify("The guide shows the base values. E edits the environment.", markup=False)
            of = (self.workbench, self.path, opened.document, self.changes)
            discarded = partial(self.without_draft, discarded) if discarded is not None else None
            try:
                await open_guide(self.app, *of, part, begin_with, discarded, family, at, self._take_tests)
            except UserError as error:
                self.notify(shown_line(str(error), 400), severity="error", markup=False)

    def _take_tests(self, tests: Sequence[PartTest]) -> None:
        """Takes what the guide found about the base values."""
        for test in () if self.environment else tests:
            family, name = test.path
            said = f"{name}: {'accepted' if test.finding is None else 'refused'} in the guide"
            result = CheckResult(said, test.finding is None, test.finding)
            self.status.tested_elsewhere(family, name, result, test.at, test.data)

    @property
    def key_titles(self) -> dict[str, str]:
        """Titles of keys that depend on the selected part and on whether the profile is valid, for the footer."""
        part = self._list.selected if self.is_mounted else None
        titles = {} if part is None else {"page.run": self.status.next_run(part)}
        hidden = {
            "page.undo": self.changes.to_undo is None,
            "page.redo": self.changes.to_redo is None,
            "page.fix": not self.is_mounted or self.problem_to_fix is None,
        }
        if self.opened is not None and self.profile is None:
            hidden |= dict.fromkeys(_OF_VALID_PROFILE, True)
            hidden["page.test"] = part is None or not self.opened.is_readable(part)
            hidden["page.environment"] = not self.environment
            hidden |= dict.fromkeys(_OF_TEXT, not self.opened.is_text)
            hidden["page.external-editor"] = not self.opened.is_editable
        return titles | {key: "" for key, is_hidden in hidden.items() if is_hidden}

    @property
    def last_keys(self) -> Collection[str]:
        """Without environments, their key is shown after all others: it adds the first one."""
        has_any = self.opened is not None and self.opened.environment_label
        return () if has_any else ("page.environment",)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in self.AWAY_FROM_LOG and self.is_in_log:
            return False
        if action == "show_all":
            return self.is_mounted and self.log_panel.can_show_all
        if action in _OF_READABLE:
            return self.opened is not None and self.opened.document is not None
        if action == "fix":
            return self.opened is not None and (bool(self.opened.problems) or self.problem_to_fix is not None)
        if action == "tasks":
            return bool(self._outgoing_to_send())
        return True

    def why_not(self, action: str) -> str:
        if action in _OF_READABLE and self.opened is not None and self.opened.document is None:
            words = f"{shown_line(self.path.name)} cannot be read now; correct its text first."
            return f"{self.titled_key_of(action)}: {words}"
        if action == "tasks":
            first = "fix the problems of the profile" if self.profile is None else "select an outgoing"
            return f"{self.titled_key_of(action)}: first {first}."
        return super().why_not(action)

    @property
    def selected_problems(self) -> Sequence[Problem]:
        listed, opened, part = self.query_one(ProblemList), self.opened, self._list.selected
        if opened is None:
            return ()
        if part is not None and not self.is_on_problem:
            return opened.problems_of(part.family, part.name) or opened.remarks_of(part.family, part.name)
        return opened.problems[listed.highlighted or 0 :][:1]

    @property
    def is_on_problem(self) -> bool:
        return self.query_one(ProblemList).has_focus

    def select_problem(self, problem: Problem) -> None:
        assert self.opened is not None
        listed = self.query_one(ProblemList)
        listed.highlighted = list(self.opened.problems).index(problem)
        self.set_focus(listed)

    @on(OptionList.OptionHighlighted, "#page-problems")
    def _select_part_of_problem(self) -> None:
        """Selects the part that the problem is in, which d deletes."""
        self._show_fix()
        problem = self.selected_problem if self.is_on_problem else None
        if problem is not None and (part := part_of(problem.keys)) is not None:
            self._list.select(*part)

    async def _resend(self, exchange: Exchange, request: Request) -> Response:
        """Resends a request of the log, with the profile as it is in the file."""
        return await resend(self.workbench, self.valid_profile(), exchange, request)

    def action_environment(self) -> None:
        """Chooses an environment, and shows what differs in it; edits or adds one."""
        self._choose_environment()

    def _reopen(self) -> None:
        """Opens the dialog that led to a change which was not made, or the environments with one that was added."""
        reopens, self.reopens = self.reopens, None
        if reopens is not None and is_on_top(self):
            reopens()
        added, self.added_environment = self.added_environment, ""
        if added:
            how = "E uses it, u undoes the change."
            if is_on_top(self):
                self._choose_environment(added, is_new=True)
                how = "Enter uses it; on the page, u undoes it."
            self.notify(f"Added: {added}. {how}", markup=False)

    def _choose_environment(self, selected: str = "", *, is_new: bool = False) -> None:
        opened = self.opened
        if opened is None or opened.document is None:
            return
        is_usable = not opened.problems or bool(self.environment)
        choose_environment(
            self.app,
            opened.document.draft,
            self.environment,
            is_usable=is_usable,
            chosen=self._use_or_edit,
            selected=selected,
            is_new=is_new,
        )

    def _use_or_edit(self, choice: EnvironmentChoice) -> None:
        name = "" if choice.name == DEFAULT_ENVIRONMENT else choice.name
        if choice.action == "use":
            if name != self.environment:
                self.post_message(self.EnvironmentChosen(self.path, name, self._list.selected))
            return
        declined = partial(self._choose_environment, choice.name)
        if choice.action in ("rename", "delete"):
            self.change_environment(choice.action, name, declined)
        elif choice.action == "edit":
            self.edit_environment(name, declined=declined)
        else:
            self.edit_environment(like=name if choice.action == "copy" else "", declined=declined)

    def leave_environment(self) -> None:
        if is_on_top(self):  # otherwise the file is read again once it is
            text = f"{self.path.name} no longer has the environment {self.environment}. The base values are in use."
            self.notify(shown_line(text), severity="warning", markup=False)
            self.post_message(self.EnvironmentChosen(self.path, "", self._list.selected))

    def action_back(self) -> None:
        if not self.leave_log():
            self.dismiss()

    def action_show_all(self) -> None:
        """Esc: ends the search of the log, or its filter where there is none."""
        self.log_panel.action_show_all()

    def action_leave(self) -> None:
        """Esc: leaves the log for the parts, or leaves the page and with it the environment in use."""
        if self.leave_log():
            return
        if self.is_in_log:
            self.set_focus(self._list)
        else:
            self.dismiss()

    def help_text(self) -> str:
        return (
            "The profile's page\n"
            "t tests the selected part against the store: only requests that read are sent (GET, HEAD, POST to a "
            "search); others are only shown. r runs an incoming, and shows what an outgoing would change before "
            "anything is sent (of another part, it asks which); R does so with options. T lists the tasks of "
            "an outgoing with their states. Enter opens the part's form, g the guide at its step, + adds a "
            "part, / finds one, m renames one with what refers to it, d deletes "
            "one after showing the lines that go, "
            "u undoes what was saved last, after showing the lines that change back, and pressed again what was saved "
            "before that; U redoes what was undone. "
            "a corrects the selected problem, where it says → a, after showing the lines that change (on a part whose "
            "problems have no correction, the first problem that has one); a literal secret "
            "is moved out of the file in the editor. It also corrects what is marked ! as probably not meant. "
            "e opens the file as text, at the selected problem or part, and o in your own editor ($VISUAL, $EDITOR). "
            "The file is reloaded when another program changes it. If the profile came from elsewhere, you are "
            "asked once, before it is used, to allow what it can do with secrets, commands and files. If it has "
            "environments, the header names the one in use; E lists them with what each changes, uses one, and edits, "
            "adds, copies, renames and deletes them."
        )
