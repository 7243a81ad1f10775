"""The last runs of all profiles, newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ..errors import UserError
from ..guide.profiles.overview import has_shared_ledger
from ..machine import Machine
from ..profile.library import read_with_data
from ..text import count, listed, shown, shown_line
from ..units import ago, elapsed
from ._textual import BaseScreen
from .jobs import jobs_of
from .keys import is_on_top
from .widgets.frame import KeyFooter, ScreenHeader
from .widgets.prose import Prose
from .widgets.row_list import ListRow, RowList

if TYPE_CHECKING:
    from ..guide.last_runs import ProfileRun
    from ..guide.shared_runs import SharedRuns

_REFRESH = 5.0
"""Seconds between two looks at the ledgers on this computer."""
_REFRESH_SHARED = 30.0
"""Seconds between two looks at ledgers on servers."""


class LastRunsScreen(BaseScreen[None]):
    """Lists the last run of each configuration. Enter opens its profile, `l` its requests, `s` its runs in slices."""

    AUTO_FOCUS = ""
    IMMEDIATE: ClassVar = frozenset({"runs.back"})
    lists_last_runs = True  # the key that opens this screen does nothing on it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log", id="runs.log", tooltip="The requests of the profile's last sessions"),
        Binding("s", "slices", "Slices", id="runs.slices", tooltip="The runs in slices of the profile"),
        Binding("a", "every", "All runs", id="runs.all", tooltip="Show all runs that are kept, or the last of each"),
        Binding("q,escape", "back", "Back", id="runs.back"),
    ]

    @dataclass
    class RunsRead(Message):
        """The ledgers were read."""

        runs: Sequence[ProfileRun]
        every: bool
        problem: str = ""

    @dataclass
    class SharedRunsRead(Message):
        """The servers with shared ledgers have responded, or have not."""

        found: Sequence[SharedRuns]
        every: bool
        waits_for: Sequence[str] = ()
        """The profiles whose servers are being asked."""

    @dataclass
    class OpenRequested(Message):
        """Open the page of the profile at the configuration that ran."""

        run: ProfileRun

    @dataclass
    class LogRequested(Message):
        """Show the requests of the last sessions of the profile."""

        run: ProfileRun

    @dataclass
    class SlicesRequested(Message):
        """Show the runs in slices of the profile."""

        run: ProfileRun

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine
        self._every = False
        self._runs: Sequence[ProfileRun] | None = None
        self._shared: Sequence[SharedRuns] = ()
        self._asking = False
        """Whether servers are being asked for the runs in shared ledgers."""
        self._waits_for: Sequence[str] = ()
        self._loading = True
        self._problem = ""

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield RowList(self._row, word=14, name=28, fits=True, id="last-runs")
        yield Static("", id="last-run-reason", classes="panel")
        yield Static("", id="last-runs-none")
        yield Static("", id="last-runs-shared")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._list.focus()
        self.set_interval(_REFRESH, self._refresh_runs)
        self.set_interval(_REFRESH_SHARED, self._refresh_shared)
        self._read()
        self._ask_servers()

    def on_screen_resume(self) -> None:
        if self._runs is not None:
            self._read()

    @property
    def _list(self) -> RowList[ProfileRun]:
        return self.query_one("#last-runs", RowList)

    @property
    def loading_message(self) -> str:
        """Keys wait until the runs that are wanted have been read."""
        return "Reading the last runs" if self._loading else ""

    def _row(self, each: ProfileRun) -> ListRow:
        run = each.run
        age = ago(self._machine.now().timestamp() - run.at) if run.at else ""
        took = "" if run.is_unreadable else elapsed(run.seconds)
        parts = [run.undo, age, took, run.counts_text, run.why]
        text = " · ".join(part for part in parts if part)
        return ListRow(run.mark, run.tone, run.ending, f"{each.label} {run.label}", text)

    def _refresh_runs(self) -> None:
        if is_on_top(self) and not self._loading:
            self._read()

    @work(exclusive=True, group="read")
    async def _read(self) -> None:
        from ..guide.last_runs import listed_profiles, runs_of_profiles

        directories, every = self._machine.directories, self._every

        def read() -> list[ProfileRun]:
            paths = listed_profiles(directories.profiles, directories.state)
            return runs_of_profiles(directories.state, paths, every=every)

        try:
            self.post_message(self.RunsRead(await asyncio.to_thread(read), every))
        except UserError as error:
            self.post_message(self.RunsRead((), every, str(error)))

    def _refresh_shared(self) -> None:
        if is_on_top(self):
            self._ask_servers()

    def _ask_servers(self) -> None:
        if not self._asking:
            self._asking = True
            self._read_shared()

    @work(group="shared")
    async def _read_shared(self) -> None:
        from ..guide.last_runs import listed_profiles

        machine, every = self._machine, self._every

        def profiles() -> list[Path]:
            with suppress(UserError):  # the runs on this computer say why
                paths = listed_profiles(machine.directories.profiles, machine.directories.state)
                return [path for path in paths if has_shared_ledger(read_with_data(path)[1])]
            return []

        def read(paths: list[Path]) -> list[SharedRuns]:
            from ..guide.shared_runs import shared_runs_of

            return [found for path in paths for found in shared_runs_of(machine, path, every=every)]

        paths = await asyncio.to_thread(profiles)
        if paths and not self._shared:
            self.post_message(self.SharedRunsRead((), every, [path.stem for path in paths]))
        self.post_message(self.SharedRunsRead(await asyncio.to_thread(read, paths) if paths else (), every))

    @on(SharedRunsRead)
    def _on_shared(self, message: SharedRunsRead) -> None:
        self._waits_for = message.waits_for
        if not message.waits_for:
            self._asking, self._shared = False, message.found
        if message.every is not self._every:
            self._ask_servers()
        if self._runs is not None:
            self._draw()

    @on(RunsRead)
    def _on_read(self, message: RunsRead) -> None:
        if message.every is self._every:
            self._runs, self._problem, self._loading = message.runs, message.problem, False
            self._draw()

    def _draw(self) -> None:
        selected = self._list.selected
        runs = [*(self._runs or ()), *(run for each in self._shared for run in each.runs)]
        marked = jobs_of(self.app).marked_run
        runs = [replace(each, run=marked(each.profile, each.environment, each.run)) for each in runs]
        runs.sort(key=lambda each: (each.run.age_rank, each.profile, each.run.name))
        same = (number for number, each in enumerate(runs) if selected is not None and _same(each, selected))
        self._list.show(runs, next(same, None if selected is None else 0))
        failed = sum(each.run.is_failure for each in runs)
        what = "all runs that are kept" if self._every else "the last of each configuration"
        state = [(f"{failed:,} not complete", "error")] if failed else []
        self.query_one(ScreenHeader).show("Last runs", f"{count(len(runs), 'run')} · {what}", state)
        nothing = "Nothing has been run yet. Open a profile and press r on an incoming or outgoing."
        self.query_one("#last-runs-none", Static).update(Prose(Content(shown(self._problem) or nothing)))
        self.set_class(not runs, "empty")
        note = self.query_one("#last-runs-shared", Static)
        problems = [f"! Runs in a shared ledger are missing: {each.problem}" for each in self._shared if each.problem]
        waiting = [f"Asking the shared ledger of {listed(self._waits_for, 5)} …"] if self._waits_for else []
        note.update(Content("\n".join(map(shown_line, [*waiting, *dict.fromkeys(problems)]))))
        note.display = bool(waiting or problems)
        self.refresh_bindings()

    @on(RowList.Highlighted)
    def _on_run(self) -> None:
        """Shows the whole reason, which the row has no room for."""
        note, each = self.query_one("#last-run-reason", Static), self._list.selected
        note.display = each is not None and bool(each.run.reason)
        if each is not None:
            note.border_title = Content(shown_line(f"{each.label} {each.run.label}", 60))
            note.update(Prose(Content(shown(each.run.reason))))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("log", "slices") and self.is_mounted:
            return self._list.selected is not None
        return True

    @on(RowList.Chosen)
    def _on_chosen(self) -> None:
        if (each := self._list.selected) is not None:
            self.post_message(self.OpenRequested(each))

    def action_log(self) -> None:
        if (each := self._list.selected) is not None:
            self.post_message(self.LogRequested(each))

    def action_slices(self) -> None:
        if (each := self._list.selected) is not None:
            self.post_message(self.SlicesRequested(each))

    def action_every(self) -> None:
        self._every, self._loading = not self._every, True
        self._read()
        self._ask_servers()

    def action_back(self) -> None:
        self.dismiss()


def _same(one: ProfileRun, other: ProfileRun) -> bool:
    keys = [(each.profile, each.environment, each.run.name, each.run.sends, each.run.number) for each in (one, other)]
    return keys[0] == keys[1]
