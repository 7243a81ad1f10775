"""One incoming while it is run: how far it is, how fast, what failed, and its requests below."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
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
from textual.widgets import Footer, Static

from ..client.exchange import Exchange
from ..client.message import Request, Response
from ..client.wire import OF_A_RUN
from ..errors import UserError
from ..guide.resend import resend
from ..guide.run_findings import explainer
from ..guide.workbench import Workbench
from ..incoming.catalog import as_streams
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

# What the run screen shows, as lines of text: a bar, figures, and how rate and latency went.


_BLOCKS = "▁▂▃▄▅▆▇█"
_SAMPLES = 120
_MESSAGES = 200


@dataclass
class RunView:
    """One run as it is seen. It knows no widgets."""

    progress: Progress = field(default_factory=Progress)
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    messages: deque[str] = field(default_factory=lambda: deque(maxlen=_MESSAGES))
    summary: Summary | None = None
    impossible: str = ""
    """Why it could not start."""
    stopping: bool = False
    _before: tuple[float, int] = (0.0, 0)

    def take(self, progress: Progress) -> None:
        """A sample. The rate is that since the last one."""
        at, items = self._before
        if progress.seconds > at:
            self.rates.append(max(0.0, (progress.items - items) / (progress.seconds - at)) if at else 0.0)
            self.latencies.append(progress.latency)
        self._before = (progress.seconds, progress.items)
        self.progress = progress

    @property
    def running(self) -> bool:
        return self.summary is None and not self.impossible

    @property
    def reason(self) -> str:
        """Why it did not start, or came to no good end; who has stopped one knows."""
        if self.summary is None:
            return self.impossible
        return self.summary.reason if self.summary.state in ("failed", "refused", "incomplete") else ""

    def lines(self, width: int) -> list[str]:
        """The figures, in lines of at most `width` characters."""
        progress = self.progress
        spark = max(8, min(60, width - 44))
        kinds = ((progress.retries, "retries"), (progress.dropped, "unchanged"), (progress.failed, "failed"))
        complete = self.summary is not None and self.summary.state == "complete"
        short = progress.items < (progress.expected or 0)  # of what the store counted, some was unchanged
        requests = f"{progress.requests:,} request{'' if progress.requests == 1 else 's'}"
        counts = [requests, *(f"{count:,} {word}" for count, word in kinds if count)]
        in_flight = progress.in_flight if self.running else 0  # a stop cuts off those of the last count
        rows = [
            self._state(),
            bar(progress.items, None if complete and short else progress.expected, width),
            f"rate      {_per_second(self.rates):>12}  {sparkline(self.rates, spark)}",
            f"latency   {progress.latency * 1_000:>9.0f} ms  {sparkline(self.latencies, spark)}",
            f"in flight {in_flight:>12}  of {progress.limit} · {' · '.join(counts)}",
        ]
        return [shown_line(row, width) for row in rows]

    def _state(self) -> str:
        if self.impossible:
            return f"✘ {self.impossible}"
        if self.summary is not None:
            return _ended(self.summary)
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
    """The last `width` values; the highest of them is a whole block."""
    last = list(values)[-width:]
    highest = max(last, default=0.0)
    if highest <= 0:
        return ""
    return "".join(_BLOCKS[min(7, int(value / highest * 7.99))] for value in last)


def _per_second(rates: Sequence[float]) -> str:
    last = list(rates)[-5:]
    return f"{sum(last) / len(last):,.0f}/s" if last else "–"


def _ended(summary: Summary) -> str:
    took = duration(summary.seconds)
    if summary.state == "complete":
        mark = "✘" if summary.failed else "✔"
        return f"{mark} complete: {summary.items:,} items in {took}"
    return f"✘ {summary.state} after {summary.items:,} items: {summary.reason or 'standard output is closed'}"


_EVERY = 0.2
"""Seconds between two pictures of the progress."""


class RunScreen(LogDock):
    """A run, from its beginning to its end; it can be stopped, and resumes where it stopped."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop", id="run.stop"),
        Binding("r", "go_on", "Run", id="run.go-on"),
        Binding("l,ctrl+l,f2", "zoom", "Log", id="run.log"),
        Binding("q,escape", "back", "Back", id="run.back"),
    ]

    @dataclass
    class Progressed(Message):
        """How far it is."""

        progress: Progress

    @dataclass
    class Said(Message):
        """Something its user should know."""

        text: str

    @dataclass
    class Ended(Message):
        """It is over, or could not start."""

        summary: Summary | None
        impossible: str = ""

    def __init__(self, workbench: Workbench, profile: Profile, file: Path, name: str) -> None:
        super().__init__()
        self._workbench, self._profile, self._file, self._incoming = workbench, profile, file, name
        self._current: Run | None = None
        self._begun = False
        """It is being opened, or runs."""
        self._stop = ""
        """Why it is to be stopped, also where it is only being opened."""
        self._question: ConfirmScreen | None = None
        self._told = 0.0
        self.view = RunView()

    def compose(self) -> ComposeResult:
        yield Static("", id="head")
        yield Static("", id="run-figures")
        with VerticalScroll(id="run-messages"):
            yield Static("", id="run-said")
        context = LogContext(self._workbench.machine, lambda: self._file.stem, self._again)
        yield LogPanel(self._workbench.exchanges, context, id="log")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.action_go_on()

    def resized(self) -> None:
        self._draw()

    # what the run tells, on the loop: it is passed on as messages

    def note(self, text: str) -> None:
        self.post_message(self.Said(text))

    def failed(self, record: FailedRecord) -> None:
        where = f" (request #{record.exchange})" if record.exchange else ""
        self.post_message(self.Said(f"✘ {record.record} skipped: {record.message}{where}"))

    def progress(self, progress: Progress) -> None:
        now = self._workbench.machine.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            self.post_message(self.Progressed(replace(progress)))

    async def _go(self) -> None:
        machine, incoming = self._workbench.machine, self._profile.incoming[self._incoming]
        if incoming.sink is not None and incoming.sink.on_stdout:
            shell = f"tui-connector run {self._file.stem} {self._incoming} | …"
            self.post_message(self.Ended(None, f"Its items go to standard output. In a shell: {shell}"))
            return
        ledger_of = partial(ledger_file, machine.directories.state, self._file)
        place = RunLocation(self._incoming, self._file, ledger_of(self._incoming))
        try:
            incoming = (await asyncio.to_thread(as_streams, self._profile.incoming, ledger_of))[self._incoming]
            async with self._workbench.session(self._profile, OF_A_RUN) as session:
                explain = explainer(self._profile, incoming.client)
                around = RunEnvironment(session, self._workbench.exchanges, machine, place, explain)
                run = self._current = Run(incoming, RunOptions(), around, self)
                if self._stop:
                    run.stop(self._stop)
                summary = await run.execute()
        except UserError as error:
            self.post_message(self.Ended(None, str(error)))
            return
        self.post_message(self.Progressed(replace(run.progress)))
        self.post_message(self.Ended(summary))

    @on(Progressed)
    def _take(self, message: Progressed) -> None:
        self.view.take(message.progress)
        self._draw()

    @on(Said)
    def _say(self, message: Said) -> None:
        self.view.messages.append(message.text)
        self._draw()
        self.query_one("#run-messages", VerticalScroll).scroll_end(animate=False)

    @on(Ended)
    def _end(self, message: Ended) -> None:
        self._current, self._begun = None, False
        self.view.summary, self.view.impossible = message.summary, message.impossible
        self.view.stopping = False
        if self._question is not None and self._question.is_active:  # there is nothing left to stop
            self._question.dismiss(False)
        if self.view.reason:  # whole, and wrapped: above there is one line for it
            self.view.messages.append(self.view.reason)
        for remark in message.summary.remarks if message.summary else ():
            self.view.messages.append(remark)
        self._draw()

    def _draw(self) -> None:
        incoming, width = self._profile.incoming[self._incoming], max(40, self.size.width - 2)
        sink = incoming.sink.model_dump() if incoming.sink else {}
        where = sink.get("path") or sink.get("kind") or "no sink"
        self.query_one("#head", Static).update(
            Content(shown_line(f" {self._profile.name} · run {self._incoming} → {where}", width))
        )
        figures = self.query_one("#run-figures", Static)
        figures.update(Content("\n".join(self.view.lines(width))))
        summary = self.view.summary
        good = summary is not None and summary.state == "complete" and not summary.failed
        figures.set_class(good, "good")
        figures.set_class(not self.view.running and not good, "bad")
        self.query_one("#run-said", Static).update(Content(_joined(self.view.messages)))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop is there while it runs, continue when it has stopped."""
        if action == "stop":
            return self.view.running
        return not self.view.running if action == "go_on" else True

    def action_go_on(self) -> None:
        """Starts; a run that was stopped resumes where it was."""
        if not self._begun:
            self._begun, self._stop = True, ""
            self.view = RunView(messages=self.view.messages)
            self.run_worker(self._go(), exclusive=True, group="run")
            self._draw()

    def action_stop(self) -> None:
        """Stops it, after asking: what has come is kept, and the next run resumes from there."""
        self._ask("Stop the run? Items received so far are kept; the next run resumes from there.", leave=False)

    def action_back(self) -> None:
        if self.leave_log():
            return
        if not self._begun:
            self.dismiss()
        else:
            self._ask("The run has not finished. Stop it and go back? The next run resumes from there.", leave=True)

    def _ask(self, question: str, *, leave: bool) -> None:
        def answered(yes: bool | None) -> None:
            if yes and self._begun:
                self.view.stopping = True
                self._stop_it("Stopped by the user; the next run resumes from here")
            if yes and leave:
                self.run_worker(self._leave())

        self._question = ConfirmScreen(question)
        self.app.push_screen(self._question, answered)

    def _stop_it(self, why: str) -> None:
        self._stop = why
        if self._current is not None:
            self._current.stop(why)

    async def _leave(self) -> None:
        """Goes back when the run has written what it had."""
        await self.workers.wait_for_complete([each for each in self.workers if each.group == "run"])
        self.dismiss()

    async def _again(self, exchange: Exchange, request: Request) -> Response:
        """Sends a request of the log again."""
        return await resend(self._workbench, self._profile, exchange, request)

    def unsaved_work(self) -> str:
        return (
            f"{self._incoming} is running; if you quit, the next run resumes where it stopped." if self._begun else ""
        )

    def before_exit(self) -> None:
        if self._begun:
            self._stop_it("The program was closed")

    def help_text(self) -> str:
        return (
            "A run\n"
            "Pages are fetched concurrently, with as many requests as make it faster, and written in order. Items and "
            "position are saved together, four times a second: however a run ends, the next one resumes from there, "
            "and no item is lost or duplicated. s stops it, r resumes it."
        )


def _joined(messages: Iterable[str]) -> str:
    return shown("\n".join(messages))
