"""The screen of a run: progress, rate, failures, and the request log below."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ..client.exchange import Exchange
from ..client.message import Request, Response
from ..client.wire import OF_A_RUN
from ..errors import UserError
from ..guide.resend import resend
from ..guide.run_findings import explainer
from ..guide.workbench import Workbench
from ..incoming.catalog import with_bookmarks
from ..incoming.plan import RunEnvironment, RunLocation, RunOptions
from ..incoming.run import Run
from ..profile.model import Profile
from ..runs.ledger import FailedRecord, ledger_file
from ..runs.progress import Progress, Summary
from ..text import shown, shown_line
from ..units import duration
from .dialogs import ConfirmScreen
from .log.actions import LogContext
from .log.panel import LogDock, LogPanel
from .widgets.frame import KeyFooter, ScreenHeader

_BLOCKS = "▁▂▃▄▅▆▇█"
_SAMPLES = 120
_MESSAGES = 200


@dataclass
class RunView:
    """The figures of one run as lines of text; independent of widgets."""

    progress: Progress = field(default_factory=Progress)
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    messages: deque[str] = field(default_factory=lambda: deque(maxlen=_MESSAGES))
    summary: Summary | None = None
    start_error: str = ""
    """Why the run could not start; empty where it did."""
    stopping: bool = False
    _previous: tuple[float, int] = (0.0, 0)

    def add_sample(self, progress: Progress) -> None:
        """Adds a sample; its rate is the one since the previous sample."""
        at, items = self._previous
        if progress.seconds > at:
            self.rates.append(max(0.0, (progress.items - items) / (progress.seconds - at)) if at else 0.0)
            self.latencies.append(progress.latency)
        self._previous = (progress.seconds, progress.items)
        self.progress = progress

    @property
    def running(self) -> bool:
        return self.summary is None and not self.start_error

    @property
    def reason(self) -> str:
        """Why the run did not start or complete; empty where the user stopped it."""
        if self.summary is None:
            return self.start_error
        return self.summary.reason if self.summary.state in ("failed", "refused", "incomplete") else ""

    def lines(self, width: int) -> list[str]:
        """The figures, in lines of at most `width` characters."""
        progress = self.progress
        spark = max(8, min(60, width - 44))
        kinds = ((progress.retries, "retries"), (progress.dropped, "unchanged"), (progress.failed, "failed"))
        complete = self.summary is not None and self.summary.state == "complete"
        short = progress.items < (progress.expected or 0)  # the store's count includes unchanged items
        requests = f"{progress.requests:,} request{'' if progress.requests == 1 else 's'}"
        counts = [requests, *(f"{count:,} {word}" for count, word in kinds if count)]
        in_flight = progress.in_flight if self.running else 0  # a stop cancels requests that the last sample counted
        rows = [
            self._state_text(),
            bar(progress.items, None if complete and short else progress.expected, width),
            f"rate      {_per_second(self.rates):>12}  {sparkline(self.rates, spark)}",
            f"latency   {progress.latency * 1_000:>9.0f} ms  {sparkline(self.latencies, spark)}",
            f"in flight {in_flight:>12}  of {progress.limit} · {' · '.join(counts)}",
        ]
        return [shown_line(row, width) for row in rows]

    def _state_text(self) -> str:
        if self.start_error:
            return f"✘ {self.start_error}"
        if self.summary is not None:
            return _end_text(self.summary)
        left = "" if self.progress.remaining is None else f" · {duration(self.progress.remaining)} left"
        return f"{'stopping' if self.stopping else 'running'} · {duration(self.progress.seconds)}{left}"


def bar(items: int, expected: int | None, width: int) -> str:
    """Such as "█████░░░░░  50 %  5,000 of 10,000 items"."""
    if not expected:
        return f"{items:,} items"
    share = min(1.0, items / expected)
    words = f" {share:4.0%}  {items:,} of {expected:,} items"
    room = max(10, min(60, width - len(words)))
    full = int(share * room)
    return "█" * full + "░" * (room - full) + words


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values as blocks, relative to the highest."""
    last = list(values)[-width:]
    highest = max(last, default=0.0)
    if highest <= 0:
        return ""
    return "".join(_BLOCKS[min(7, int(value / highest * 7.99))] for value in last)


def _per_second(rates: Sequence[float]) -> str:
    last = list(rates)[-5:]
    return f"{sum(last) / len(last):,.0f}/s" if last else "–"


def _end_text(summary: Summary) -> str:
    took = duration(summary.seconds)
    if summary.state == "complete":
        mark = "✘" if summary.failed else "✔"
        return f"{mark} complete: {summary.items:,} items in {took}"
    return f"✘ {summary.state} after {summary.items:,} items: {summary.reason or 'standard output is closed'}"


_UPDATE_INTERVAL = 0.2
"""Seconds between two updates of the progress."""


class RunScreen(LogDock):
    """Runs an incoming; `s` stops it, and the next run resumes there."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop", id="run.stop"),
        Binding("r", "start", "Run", id="run.start"),
        Binding("l,ctrl+l,f2", "zoom", "Log", id="run.log"),
        Binding("q,escape", "back", "Back", id="run.back"),
    ]

    @dataclass
    class Progressed(Message):
        """The progress has changed."""

        progress: Progress

    @dataclass
    class Noted(Message):
        """A note of the run for the user."""

        text: str

    @dataclass
    class Ended(Message):
        """The run has ended or could not start."""

        summary: Summary | None
        start_error: str = ""

    def __init__(self, workbench: Workbench, profile: Profile, file: Path, name: str) -> None:
        super().__init__()
        self._workbench, self._profile, self._file, self._incoming = workbench, profile, file, name
        self._current: Run | None = None
        self._active = False
        """Whether the run is starting or running."""
        self._stop_reason = ""
        """Why the run shall stop, also while it is starting; empty where it shall not."""
        self._dialog: ConfirmScreen | None = None
        self._last_update = 0.0
        self.view = RunView()

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield Static("", id="run-figures")
        with VerticalScroll(id="run-messages"):
            yield Static("", id="run-notes")
        context = LogContext(self._workbench.machine, lambda: self._file.stem, self._resend)
        yield LogPanel(self._workbench.exchanges, context, id="log")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.action_start()

    def resized(self) -> None:
        self._draw()

    # the three methods of a run's `Watcher`

    def note(self, text: str) -> None:
        self.post_message(self.Noted(text))

    def failed(self, record: FailedRecord) -> None:
        where = f" (request #{record.exchange})" if record.exchange else ""
        self.post_message(self.Noted(f"✘ {record.record} skipped: {record.message}{where}"))

    def progress(self, progress: Progress) -> None:
        now = self._workbench.machine.monotonic()
        if now - self._last_update >= _UPDATE_INTERVAL:
            self._last_update = now
            self.post_message(self.Progressed(replace(progress)))

    async def _run(self) -> None:
        machine, incoming = self._workbench.machine, self._profile.incoming[self._incoming]
        if incoming.sink is not None and incoming.sink.on_stdout:
            shell = f"tui-connector run {self._file.stem} {self._incoming} | …"
            self.post_message(self.Ended(None, f"Its items go to standard output. In a shell: {shell}"))
            return
        ledger_of = partial(ledger_file, machine.directories.state, self._file)
        place = RunLocation(self._incoming, self._file, ledger_of(self._incoming))
        try:
            incoming = (await asyncio.to_thread(with_bookmarks, self._profile.incoming, ledger_of))[self._incoming]
            async with self._workbench.session(self._profile, OF_A_RUN) as session:
                explain = explainer(self._profile, incoming.client)
                environment = RunEnvironment(session, self._workbench.exchanges, machine, place, explain)
                run = self._current = Run(incoming, RunOptions(), environment, self)
                if self._stop_reason:
                    run.stop(self._stop_reason)
                summary = await run.execute()
        except UserError as error:
            self.post_message(self.Ended(None, str(error)))
            return
        self.post_message(self.Progressed(replace(run.progress)))
        self.post_message(self.Ended(summary))

    @on(Progressed)
    def _on_progress(self, message: Progressed) -> None:
        self.view.add_sample(message.progress)
        self._draw()

    @on(Noted)
    def _on_note(self, message: Noted) -> None:
        self.view.messages.append(message.text)
        self._draw()
        self.query_one("#run-messages", VerticalScroll).scroll_end(animate=False)

    @on(Ended)
    def _on_end(self, message: Ended) -> None:
        self._current, self._active = None, False
        self.view.summary, self.view.start_error = message.summary, message.start_error
        self.view.stopping = False
        if self._dialog is not None and self._dialog.is_active:  # nothing is left to stop
            self._dialog.dismiss(False)
        if self.view.reason:  # in full here, as the figures have only one line for it
            self.view.messages.append(self.view.reason)
        for remark in message.summary.remarks if message.summary else ():
            self.view.messages.append(remark)
        self._draw()

    def _draw(self) -> None:
        incoming, width = self._profile.incoming[self._incoming], max(40, self.size.width - 2)
        sink = incoming.sink.model_dump() if incoming.sink else {}
        where = sink.get("path") or sink.get("kind") or "no sink"
        self.query_one(ScreenHeader).show(self._profile.name, f"run {self._incoming} → {where}")
        figures = self.query_one("#run-figures", Static)
        figures.update(Content("\n".join(self.view.lines(width))))
        summary = self.view.summary
        good = summary is not None and summary.state == "complete" and not summary.failed
        figures.set_class(good, "good")
        figures.set_class(not self.view.running and not good, "bad")
        self.query_one("#run-notes", Static).update(Content(shown("\n".join(self.view.messages))))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop is available while the run is active, Run when it is not."""
        if action == "stop":
            return self.view.running
        return not self.view.running if action == "start" else True

    def action_start(self) -> None:
        """Starts the run, or resumes a stopped one."""
        if not self._active:
            self._active, self._stop_reason = True, ""
            self.view = RunView(messages=self.view.messages)
            self.run_worker(self._run(), exclusive=True, group="run")
            self._draw()

    def action_stop(self) -> None:
        """Stops the run, after confirmation."""
        self._ask("Stop the run? Items received so far are kept; the next run resumes from there.", leave=False)

    def action_back(self) -> None:
        if self.leave_log():
            return
        if not self._active:
            self.dismiss()
        else:
            self._ask("The run has not finished. Stop it and go back? The next run resumes from there.", leave=True)

    def _ask(self, question: str, *, leave: bool) -> None:
        def answered(yes: bool | None) -> None:
            if yes and self._active:
                self.view.stopping = True
                self._request_stop("Stopped by the user; the next run resumes from here")
            if yes and leave:
                self.run_worker(self._leave())

        self._dialog = ConfirmScreen(question)
        self.app.push_screen(self._dialog, answered)

    def _request_stop(self, why: str) -> None:
        self._stop_reason = why
        if self._current is not None:
            self._current.stop(why)

    async def _leave(self) -> None:
        """Goes back once the run has written the items received."""
        await self.workers.wait_for_complete([each for each in self.workers if each.group == "run"])
        self.dismiss()

    async def _resend(self, exchange: Exchange, request: Request) -> Response:
        """Resends a request of the log."""
        return await resend(self._workbench, self._profile, exchange, request)

    def unsaved_work(self) -> str:
        return (
            f"{self._incoming} is running; if you quit, the next run resumes where it stopped." if self._active else ""
        )

    def before_exit(self) -> None:
        if self._active:
            self._request_stop("The program was closed")

    def help_text(self) -> str:
        return (
            "A run\n"
            "Pages are fetched concurrently, with as many requests as make it faster, and written in order. Items and "
            "position are saved together, four times a second: however a run ends, the next one resumes from there, "
            "and no item is lost or duplicated. s stops it, r resumes it."
        )
