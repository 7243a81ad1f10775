"""The runs in slices of a profile on all machines: how far each is, and why slices failed."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ..client.message import SecretNotEntered
from ..errors import UserError
from ..guide.trust import ProfileTrust
from ..guide.workbench import Workbench
from ..machine import Machine
from ..text import count, shown, shown_line
from ..units import ago, elapsed
from ._textual import BaseScreen
from .keys import is_on_top
from .viewed import ViewedProfile
from .widgets.frame import TONES, KeyFooter, ScreenHeader
from .widgets.prose import Prose
from .widgets.row_list import ListRow, RowList

if TYPE_CHECKING:
    from ..guide.sliced_runs import SlicedRun, SlicedRunReader, SliceState

_REFRESH = 1.0
"""Seconds between two looks at what is shared."""
_SIGNS = {
    "committed": ("✔", "success"),
    "to commit": ("✔", "accent"),
    "running": ("→", "accent"),
    "waiting": ("○", "muted"),
    "silent": ("?", "warning"),
}
_OF_SLICES: Mapping[SliceState, tuple[str, str]] = {
    "done": ("✔", "success"),
    "running": ("→", "accent"),
    "silent": ("?", "warning"),
    "failed": ("✘", "error"),
    "waiting": ("○", "muted"),
}
_ATTEMPTS = 30
"""Slices that are listed one by one."""


class SlicedRunsScreen(BaseScreen[None]):
    """Lists the runs in slices of a profile. It reads what their processes share, wherever they run."""

    AUTO_FOCUS = ""
    IMMEDIATE: ClassVar = frozenset({"slices.back"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "scroll_detail", "More", id="slices.more", tooltip="Scroll the text about the run"),
        Binding("q,escape", "back", "Back", id="slices.back"),
    ]

    @dataclass
    class SlicesRead(Message):
        """What is shared was read."""

        runs: Sequence[SlicedRun]
        where: str
        problem: str = ""

    def __init__(self, machine: Machine, path: Path, environment: str) -> None:
        super().__init__()
        self._machine, self._path, self._environment = machine, path, environment
        self.viewed = ViewedProfile(path, environment)
        trust = ProfileTrust(machine, path, environment=environment)
        self._workbench = Workbench(machine, directory=path.parent, trust=trust)
        self._reader: SlicedRunReader | None = None
        self._loading = True

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield RowList(self._row, word=10, name=16, fits=True, id="sliced-runs")
        with VerticalScroll(id="sliced-run", classes="panel", can_focus=False):
            yield Static("", id="sliced-run-text")
        yield Static("", id="sliced-runs-none")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._list.focus()
        self.set_interval(_REFRESH, self._refresh_runs)
        self._read()

    def on_unmount(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._workbench.close()

    @property
    def _list(self) -> RowList[SlicedRun]:
        return self.query_one("#sliced-runs", RowList)

    @property
    def loading_message(self) -> str:
        return "Reading the slices" if self._loading else ""

    def _row(self, run: SlicedRun) -> ListRow:
        sign, paint = _SIGNS.get(run.state, ("✘", "error"))
        if not run.ok and paint != "warning":
            paint = "error"
        plan, slices = run.states.plan, run.slices
        parts = [f"{slices['done']}/{len(plan.slices)} slices", _items(run)]
        parts += [f"{slices['failed']} failed"] if slices["failed"] and run.state != "failed" else []
        parts += [f"{run.rate:,.0f}/s"] if run.rate else []
        parts += [] if run.last_sign is None else [ago(run.last_sign)]
        return ListRow(sign, paint, run.state, plan.name, " · ".join([*parts, plan.run_id]))

    def _refresh_runs(self) -> None:
        if is_on_top(self) and not self._loading:
            self._read()

    @work(exclusive=True, group="read")
    async def _read(self) -> None:
        now, where = self._machine.now(), ""
        try:
            if self._reader is None:
                self._reader = await self._new_reader()
            where = self._reader.where
            self.post_message(self.SlicesRead(await asyncio.to_thread(self._reader.read, now), where))
        except SecretNotEntered as error:
            self.app.notify(shown_line(str(error)), severity="error", timeout=10, markup=False)
            self.dismiss()
        except UserError as error:
            self.post_message(self.SlicesRead((), where, str(error)))

    async def _new_reader(self) -> SlicedRunReader:
        from ..guide.sliced_runs import SlicedRunReader
        from ..profile.problems import read_profile
        from ..profile.used_parts import LEDGER, used_of

        _, profile = await asyncio.to_thread(read_profile, self._path, self._environment)
        if profile.ledger is not None:  # its server gets a password
            await self._workbench.trust.require(profile, self._workbench.vault, parts=[LEDGER])
            await self._workbench.enter_missing(used_of(profile, [LEDGER]).secrets())
        return SlicedRunReader(self._workbench, profile, self._path)

    @on(SlicesRead)
    def _on_read(self, message: SlicesRead) -> None:
        selected, self._loading = self._list.selected, False
        ids = [each.run_id for each in message.runs]
        same = selected is not None and selected.run_id in ids
        self._list.show(message.runs, ids.index(selected.run_id) if same and selected is not None else None)
        running = sum(each.state == "running" for each in message.runs)
        failed = sum(not each.ok for each in message.runs)
        state = [(f"{running} running", "accent")] if running else []
        state += [("  ", ""), (f"{failed} with failures", "error")] if failed else []
        self.query_one(ScreenHeader).show(f"Slices of {self._path.stem}", message.where, state)
        how = f"tui-connector plan {shlex.quote(self._path.stem)} NAME --slices N"
        nothing = f"No run in slices in {message.where}.\n\nPlan one: {how}"
        self.query_one("#sliced-runs-none", Static).update(Prose(Content(shown(message.problem or nothing))))
        self.set_class(not message.runs, "empty")
        self._show_selected()
        self.refresh_bindings()

    @on(RowList.Highlighted)
    def _show_selected(self) -> None:
        detail, run = self.query_one("#sliced-run"), self._list.selected
        detail.display = run is not None
        if run is not None:
            detail.border_title = Content(shown_line(f"{run.states.plan.name} · {run.run_id}", 70))
            self.query_one("#sliced-run-text", Static).update(Prose(Content("\n").join(self._detail(run))))

    def _detail(self, run: SlicedRun) -> Iterator[Content]:
        plan, slices = run.states.plan, run.slices
        what = "tasks by" if plan.sends else "ranges of"
        head = f"{count(len(plan.slices), 'slice')}, {what} {plan.field}, planned {plan.created} · {_items(run)}"
        yield Content(shown_line(head))
        yield Content.assemble(
            *(
                (f"{sign} {slices[state]} {state}  ", TONES[tone if slices[state] else "muted"])
                for state, (sign, tone) in _OF_SLICES.items()
            )
        )
        if run.failed_items:
            failed = count(run.failed_items, "task" if plan.sends else "item")
            yield Content.assemble((f"{failed} failed", TONES["error"]))
        for state, attempt in run.attempts[:_ATTEMPTS]:
            sign, tone = _OF_SLICES[state]
            parts = [f"{attempt.machine}, process {attempt.process}"]
            if state == "running":
                parts += [f"{attempt.items:,} in {elapsed(attempt.seconds)}"]
            else:
                seconds = run.seconds_since(attempt)
                parts += [f"failed {ago(seconds)}" if state == "failed" else f"silent for {elapsed(seconds)}"]
            text = f"slice {attempt.slice}: {' · '.join(parts)}" + (f": {attempt.reason}" if attempt.reason else "")
            yield Content.assemble((f"{sign} ", TONES[tone]), shown(text))
        if (left := len(run.attempts) - _ATTEMPTS) > 0:
            yield Content.assemble((f"… and {count(left, 'more slice')}", TONES["muted"]))
        for text in run.first_failed_items:
            yield Content.assemble(("✘ ", TONES["error"]), shown(text))

    @on(RowList.Chosen)
    def action_scroll_detail(self) -> None:
        detail = self.query_one("#sliced-run", VerticalScroll)
        if detail.scroll_offset.y >= detail.max_scroll_y:
            detail.scroll_home(animate=False)
        else:
            detail.scroll_page_down(animate=False)

    def action_back(self) -> None:
        self.dismiss()


def _items(run: SlicedRun) -> str:
    """Such as "1,200 of 4,000 items"."""
    plan = run.states.plan
    of = f" of {plan.expected:,}" if plan.expected is not None else ""
    return f"{run.items:,}{of} {'tasks' if plan.sends else 'items'}"
