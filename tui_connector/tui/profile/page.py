"""A saved profile on one page: its parts, what their tests said, and the ways to change it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Footer, OptionList, Static

from ...client.exchange import Exchange
from ...client.message import Answer, NotSent, Request
from ...guide.again import send_again
from ...guide.check import Tried
from ...guide.last_runs import LastRun, last_runs
from ...guide.part_check import try_part
from ...guide.parts import Part
from ...guide.saved_profile import OpenedProfile, open_profile
from ...guide.trust import ProfileTrust
from ...guide.words import NOT_RUN_YET
from ...guide.workbench import Workbench
from ...machine import Machine
from ...magento.diagnosis import diagnose_failure
from ...text import shown, shown_line
from ..ago import ago
from ..editor import NoEditor, edit
from ..log.acts import LogContext
from ..log.below import LogBelow
from ..log.panel import LogPanel
from ..run.screen import RunScreen
from .part_editing import edit_part
from .part_list import PartList

_LOOK = 1.0
"""Seconds between two looks at whether the file has changed."""

Stamp = tuple[int, int, int]


class ProfilePage(LogBelow):
    """The parts of a profile; a profile with errors shows each of them with its place."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", "Test", id="page.test"),
        Binding("r", "run", "Run", id="page.run"),
        Binding("e", "edit_text", "Edit as text", id="page.edit-text"),
        Binding("g", "guide", "The guide", id="page.guide"),
        Binding("l,ctrl+l,f2", "zoom", "Log", id="page.log"),
        Binding("q,escape", "back", "Back", id="page.back"),
    ]

    @dataclass
    class Read(Message):
        """The file was read."""

        opened: OpenedProfile
        stamp: Stamp | None
        by_others: bool
        unkept: str = ""
        """Why the history is not kept, where it is not."""
        runs: Mapping[str, LastRun] = field(default_factory=dict)

    @dataclass
    class Tested(Message):
        """A part was tried on the store."""

        part: Part
        tried: Tried

    def __init__(self, machine: Machine, path: Path) -> None:
        super().__init__()
        self._machine, self._path = machine, path
        self._workbench = Workbench(machine, directory=path.parent, trust=ProfileTrust(machine, path))
        self._opened: OpenedProfile | None = None
        self._stamp: Stamp | None = None
        self._edited = False
        """Whether what changes in the file now is what its user has just written."""
        self._tests: dict[tuple[str, str], tuple[Tried, float]] = {}
        self._testing: Part | None = None
        self._runs: Mapping[str, LastRun] = {}

    def compose(self) -> ComposeResult:
        yield Static("", id="head")
        yield Static("", id="page-problems")
        yield PartList(id="parts")
        yield Static("", id="part-detail")
        yield LogPanel(
            self._workbench.exchanges, LogContext(self._machine, lambda: self._path.stem, self._again), id="log"
        )
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.set_interval(_LOOK, self._look)

    def on_screen_resume(self) -> None:
        self._read(by_others=False)

    def on_unmount(self) -> None:
        self._workbench.close()

    def resized(self) -> None:
        self._draw()

    def begin(self) -> None:
        self._list.focus()

    def _look(self) -> None:
        if self.is_current and self._opened is not None:
            self._read(by_others=True)

    @work(exclusive=True, group="read")
    async def _read(self, *, by_others: bool) -> None:
        """Reads the file; when it is only looked at, not unless it has changed."""
        stamp = await asyncio.to_thread(_stamp, self._path)
        if by_others and stamp == self._stamp:
            return
        opened = await asyncio.to_thread(open_profile, self._path)
        kept = ""
        if opened.profile is not None:
            kept = await asyncio.to_thread(self._workbench.keep_history, self._path, opened.profile)
        runs = await asyncio.to_thread(last_runs, self._machine.directories.state, self._path)
        self.post_message(self.Read(opened, stamp, by_others, kept, runs))

    @on(Read)
    def _take(self, message: Read) -> None:
        first = self._opened is None
        self._opened, self._stamp, self._runs = message.opened, message.stamp, message.runs
        if message.unkept:
            self.notify(shown(message.unkept), severity="warning", markup=False)
        edited, self._edited = self._edited, False
        if message.by_others and not edited:
            self.notify("The file has changed, and was read again.", markup=False)
        self._fill()
        if first or self.focused is None:
            self._list.focus()

    def _fill(self) -> None:
        opened = self._opened
        assert opened is not None
        problems = self.query_one("#page-problems", Static)
        problems.set_class(bool(opened.problems), "there")
        problems.update(Content(shown(_problems(opened))))
        self._list.set_class(opened.document is not None, "there")
        self._list.fill(opened.parts, self._mark, max(40, self.size.width - 3))
        self._draw()

    def _mark(self, part: Part) -> str:
        if part == self._testing:
            return "…"
        tested = self._tests.get((part.family, part.name))
        return " " if tested is None else "✔" if tested[0].ok else "✘"

    @property
    def _list(self) -> PartList:
        return self.query_one(PartList)

    @on(OptionList.OptionHighlighted, "#parts")
    def _draw(self) -> None:
        if self._opened is None:
            return
        where = f" {self._opened.title} · {self._path}"
        self.query_one("#head", Static).update(Content(shown_line(where, max(20, self.size.width - 1))))
        detail = self.query_one("#part-detail", Static)
        part = self._list.chosen
        tested = self._tests.get((part.family, part.name)) if part else None
        now = self._machine.now().timestamp()
        lines = [] if tested is None else [_result(tested[0], now - tested[1])]
        run = self._runs.get(part.name) if part and part.family == "incoming" else None
        if run is not None:
            lines.append(f" Last run: {run.words}, {ago(now - run.at)}")
        detail.update(Content(shown("\n".join(lines))))
        detail.set_class(tested is not None and not tested[0].ok, "bad")

    def action_test(self) -> None:
        if self._opened is None:
            return  # it is still being read
        if self._opened.profile is None:
            self.notify("Correct the problems first: e opens the file at the first of them.", markup=False)
        elif self._list.chosen is not None:
            self._testing = self._list.chosen
            self._fill()
            self._test(self._opened, self._list.chosen)

    @work(exclusive=True, group="test")
    async def _test(self, opened: OpenedProfile, part: Part) -> None:
        assert opened.profile is not None
        try:
            async with self._workbench.session(opened.profile) as session:
                tried = await try_part(opened.profile, session, part, self._workbench.run())
        except NotSent as failure:
            tried = Tried(f"{part.family} {part.name}", False, diagnose_failure(failure, "the test"))
        self.post_message(self.Tested(part, tried))

    @on(Tested)
    def _tested(self, message: Tested) -> None:
        self._testing = None
        self._tests[message.part.family, message.part.name] = message.tried, self._machine.now().timestamp()
        self._fill()

    def action_run(self) -> None:
        """Runs the incoming under the cursor, or the only one; it goes on where it was stopped."""
        part = self._list.chosen
        if self._opened is None:
            return
        if self._opened.profile is None:
            self.notify("Correct the problems first: e opens the file at the first of them.", markup=False)
            return
        names = list(self._opened.profile.incoming)
        if part is not None and part.family == "incoming":
            names = [part.name]
        elif part is not None and part.family == "outgoing":
            self.notify(f"Choose an incoming: that is what can be run. {NOT_RUN_YET}", markup=False)
            return
        if len(names) == 1:
            self.app.push_screen(RunScreen(self._workbench, self._opened.profile, self._path, names[0]))
        else:
            self.notify("Choose an incoming: that is what can be run.", markup=False)

    def action_guide(self) -> None:
        self._edit(None)

    @on(OptionList.OptionSelected, "#parts")
    def action_edit(self) -> None:
        if self._list.chosen is not None:
            self._edit(self._list.chosen)

    def _edit(self, part: Part | None) -> None:
        opened = self._opened
        if opened is None or opened.document is None or opened.profile is None:
            self.action_edit_text()
        else:
            edit_part(self.app, self._workbench, self._path, opened.document, part)

    def action_edit_text(self) -> None:
        """The file in the user's editor, at the first problem."""
        line = self._opened.line if self._opened else None
        try:
            edit(self.app, self._machine.environ, self._path, line)
        except NoEditor as error:
            self.notify(shown_line(str(error)), severity="error", timeout=10, markup=False)
        self._edited = True
        self._read(by_others=False)

    async def _again(self, exchange: Exchange, request: Request) -> Answer:
        """Sends a request of the log again, with the profile as the file has it."""
        profile = self._opened.profile if self._opened else None
        if profile is None:
            raise NotSent("The profile has problems", hint="Correct them first: e opens the file at the first of them.")
        return await send_again(self._workbench, profile, exchange, request)

    def action_back(self) -> None:
        if not self.leave_log():
            self.dismiss()

    def help_words(self) -> str:
        return (
            "The profile's page\n"
            "t tries the part under the cursor on the store: only requests that read are sent (GET, HEAD, POST to a "
            "search), the others are shown. r runs an incoming. Enter opens the guide at its step. e opens "
            "the file in your editor ($VISUAL, $EDITOR), at the first problem where it "
            "has one. The file is read again whenever another program changes it. If the profile came from elsewhere, "
            "what it can do with secrets, commands and files is asked for once, before it is used."
        )


def _stamp(path: Path) -> Stamp | None:
    """What tells one state of a file from another, editors that replace it included."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _problems(opened: OpenedProfile) -> str:
    count = len(opened.problems)
    lines = [
        f" ✘ {count} problem{'s' if count != 1 else ''}. Nothing is sent before that is mended: e opens the editor."
    ]
    lines += [f"   {problem}" for problem in opened.problems]
    return "\n".join([*lines, *([f"   {opened.hint}"] if opened.hint else [])])


def _result(tried: Tried, seconds: float) -> str:
    finding = tried.finding
    if finding is None:
        return f" {'✔' if tried.ok else '✘'} {tried.words} · {ago(seconds)}"
    evidence = "".join(f"\n   {line}" for line in finding.evidence[:2])
    return f" ✘ {finding.summary} · {ago(seconds)}\n   → {finding.remedy}{evidence}"
