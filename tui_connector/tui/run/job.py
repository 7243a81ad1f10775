"""A run in the background: what it does, its figures over time, and its messages. It outlives the screen."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from textual.app import App
from textual.screen import Screen
from textual.timer import Timer

from ...client.exchange import OwnExchanges
from ...client.wire import OF_A_RUN
from ...errors import UserError
from ...guide.run_findings import explainer
from ...guide.workbench import Workbench
from ...incoming.catalog import with_bookmarks
from ...incoming.model import Incoming
from ...incoming.run import Run
from ...incoming.start import RunEnvironment, RunLocation, RunOptions
from ...profile.model import Profile
from ...runs.ledger import FailedRecord, ledger_file
from ...runs.progress import STOPPED, Progress, Summary
from ...text import count, env_option, shown
from ...units import duration, elapsed
from ..jobs import jobs_of

TICK = 0.25
"""Seconds between two samples of the figures."""
_WINDOW = 4
"""Ticks that a rate is measured over: items arrive in pages."""
_MESSAGES = 1_000

Tone = Literal["", "muted", "warning", "error", "success"]


@dataclass(frozen=True, slots=True)
class RunMessage:
    """A message of the run for its user."""

    at: datetime
    text: str
    tone: Tone = "muted"


class Series:
    """Values at equal intervals since the start. Of a long run, neighbours are merged, so that it stays bounded."""

    _LONGEST = 1_200

    def __init__(self) -> None:
        self.values: list[float] = []
        self._merged = 1
        """Samples per value."""
        self._pending: list[float] = []

    def add(self, value: float) -> None:
        self._pending.append(value)
        if len(self._pending) < self._merged:
            return
        self.values.append(sum(self._pending) / len(self._pending))
        self._pending.clear()
        if len(self.values) >= self._LONGEST:
            self.values = [sum(pair) / 2 for pair in zip(self.values[::2], self.values[1::2], strict=True)]
            self._merged *= 2

    def columns(self, width: int) -> list[float]:
        """The values as `width` columns: the mean of several, or one repeated."""
        size = len(self.values)
        if not size or width <= 0:
            return []
        if size <= width:
            return [self.values[column * size // width] for column in range(width)]
        bounds = [column * size // width for column in range(width + 1)]
        return [sum(self.values[a:b]) / (b - a) for a, b in pairwise(bounds)]


@dataclass
class RunFigures:
    """The figures of one run, independent of widgets. `noun`: what it reads or sends, in the singular and plural."""

    progress: Progress = field(default_factory=Progress)
    rates: Series = field(default_factory=Series)
    latencies: Series = field(default_factory=Series)
    """In milliseconds."""
    summary: Summary | None = None
    start_error: str = ""
    """Why the run could not start; empty where it did."""
    stopping: bool = False
    noun: tuple[str, str] = ("item", "items")
    _items: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_WINDOW + 1))
    _timed: tuple[int, float] = (0, 0.0)

    def add_sample(self, progress: Progress) -> None:
        """Adds the state of now: the rate of the last second, and the latency since the last sample."""
        if not self._items:
            self._items.append((progress.resumed_seconds, progress.resumed_items))
        self._items.append((progress.seconds, progress.items))
        self.rates.add(self.rate)
        responses, together = self._timed
        now = progress.latency * progress.responses
        if progress.responses > responses:
            self.latencies.add((now - together) / (progress.responses - responses) * 1_000)
        else:  # no response yet to those in flight, or none since the last one; while waiting, nothing is measured
            self.latencies.add(self.latencies.values[-1] if self.latencies.values and not progress.waits else 0.0)
        self._timed = (progress.responses, now)
        self.progress = progress

    @property
    def rate(self) -> float:
        """Items per second: of the last second while it runs, then the mean."""
        if not self.running:
            return self.progress.mean_rate
        if len(self._items) < 2:
            return 0.0
        (began, before), (at, items) = self._items[0], self._items[-1]
        return max(0.0, (items - before) / (at - began)) if at > began else 0.0

    @property
    def latency(self) -> float:
        """Milliseconds per response: the latest while it runs, then the mean."""
        if self.running and self.latencies.values and self.latencies.values[-1]:
            return self.latencies.values[-1]
        return self.progress.latency * 1_000

    @property
    def running(self) -> bool:
        return self.summary is None and not self.start_error

    @property
    def good(self) -> bool:
        """Whether the run is complete and nothing failed."""
        return self.summary is not None and self.summary.state == "complete" and not self.summary.failed

    @property
    def stopped_by_user(self) -> bool:
        """Whether it ended where its user wanted."""
        return self.summary is not None and self.summary.state == "stopped"

    @property
    def share(self) -> float | None:
        """How much of the list is done, from 0 to 1; None where the store does not count it."""
        if self.summary is not None and self.summary.state == "complete":
            return 1.0  # the store's count includes unchanged items
        progress = self.progress
        if progress.parents_expected and progress.parents is not None:
            return min(1.0, progress.parents / progress.parents_expected)
        return min(1.0, progress.items / progress.expected) if progress.expected else None

    @property
    def state(self) -> tuple[str, Tone]:
        """One line on how the run is doing, and its tone."""
        if self.start_error:
            return f"✘ {self.start_error}", "error"
        progress, summary = self.progress, self.summary
        if summary is None:
            took = elapsed(progress.seconds)
            if self.stopping:
                return f"stopping · {took}", ""
            if progress.waits:
                return (
                    f"! waiting for the store · next request in {max(1, round(progress.waits))} s · {took}",
                    "warning",
                )
            return f"running · {took}", ""
        if summary.state == "complete":
            items = f"complete: {count(summary.items, *self.noun)} in {elapsed(summary.seconds)}"
            failed = f", {count(summary.failed, *self.noun)} failed" if summary.failed else ""
            return (f"✘ {items}{failed}", "error") if summary.failed else (f"✔ {items}", "success")
        if summary.as_requested:
            return f"stopped at the limit after {count(summary.items, *self.noun)}; the next run resumes there", ""
        why = summary.reason or "standard output is closed"
        return f"✘ {summary.state} after {count(summary.items, *self.noun)}: {why}", "error"

    def tiles(self) -> list[tuple[str, str]]:
        """Labels and values."""
        progress, running = self.progress, self.running
        in_flight = progress.in_flight if running else 0  # a stop cancels requests that the last sample counted
        known = progress.expected is not None and not (self.summary is not None and self.share == 1.0)
        items = f"{progress.items:,} of {progress.expected:,}" if known else f"{progress.items:,}"
        mean = "" if running else " (mean)"
        remaining = progress.remaining
        if not running:
            time = ("Time", elapsed(progress.seconds))
        elif progress.waits:
            time = ("Next request", f"in {duration(max(1.0, progress.waits))}")
        else:
            time = ("Remaining", "–" if remaining is None else duration(remaining))
        retries = f" · {count(progress.retries, 'retry', 'retries')}" if progress.retries else ""
        return [
            (self.noun[1].capitalize(), items),
            (f"Rate{mean}", f"{self.rate:,.0f}/s" if progress.items else "–"),
            (f"Latency{mean}", f"{self.latency:,.0f} ms" if progress.responses else "–"),
            ("In flight", f"{in_flight} of {progress.limit}"),
            ("Requests", f"{progress.requests:,}{retries}"),
            time,
        ]

    def counts(self) -> str:
        """What became of items that were not written, such as "20 unchanged · 3 failed"; empty if nothing."""
        tasks = self.summary.tasks if self.summary is not None else {}
        if tasks:
            kinds = [(number, str(state)) for state, number in tasks.items() if state != "finished"]
        else:
            kinds = [(self.progress.dropped, "unchanged"), (self.progress.failed, "failed")]
        found = [f"{number:,} {word}" for number, word in kinds if number]
        return " · ".join([*found, *([self._parents()] if self.progress.parents is not None else [])])

    def _parents(self) -> str:
        """How many child lists have been read, such as "40 of 120 parents"."""
        total = self.progress.parents_expected
        return f"{self.progress.parents or 0:,}{f' of {total:,}' if total else ''} parents"


class StoppableRun(Protocol):
    """A run that is under way."""

    @property
    def progress(self) -> Progress: ...

    def stop(self, why: str) -> None: ...


class BackgroundRun:
    """A run of a configuration of a profile, also while other screens are open; it is a `Watcher` of that run."""

    NOUN: ClassVar[tuple[str, str]] = ("item", "items")

    def __init__(self, app: App[object], workbench: Workbench, profile: Profile, file: Path, name: str) -> None:
        self.workbench, self.profile, self.file, self.name = workbench, profile, file, name
        workbench.hold()
        self.key = (file, profile.environment, name)
        """Identifies what is run: of each, one run at a time."""
        self.title = f"{name} ({profile.environment})" if profile.environment else name
        """The name as it is shown on other screens, with the environment."""
        self._app = app
        self._closed = False
        self._timer: Timer | None = None
        self._current: StoppableRun | None = None
        self._earlier: Progress | None = None
        """The progress of a run that belongs to the same work as the current one."""
        self._done = asyncio.Event()
        self._stop_reason = ""
        """Why the run shall stop, also while it is starting; empty where it shall not."""
        self.active = False
        self.figures = RunFigures(noun=self.NOUN)
        self.messages: deque[RunMessage] = deque(maxlen=_MESSAGES)
        self.failures = 0
        self.on_change: list[Callable[[], None]] = []

    @property
    def badge(self) -> tuple[str, str]:
        share, figures = self.figures.share, self.figures
        if self.active:
            done = f"{share:.0%}" if share is not None else count(figures.progress.items, *self.NOUN)
            return (
                (f"{self.title} waits", "warning") if figures.progress.waits else (f"▶ {self.title} {done}", "accent")
            )
        return (f"✔ {self.title}", "success") if figures.good else (f"✘ {self.title}", "error")

    def screen(self) -> Screen[None]:
        """A screen that shows it."""
        raise NotImplementedError

    def _begin(
        self, work: Callable[[], Coroutine[None, None, Summary | None]], *, keeps_messages: bool = False
    ) -> None:
        """Starts the work in the background. It returns the summary of a run, and raises `UserError`.

        `keeps_messages`: what was said before still holds, as the work continues that of before.
        """
        self.active, self._stop_reason, self._earlier = True, "", None
        if not keeps_messages:
            self.messages.clear()  # what failed before may be solved by this run, which says it again if not
        self.failures = 0
        self._done.clear()
        self.figures = RunFigures(noun=self.NOUN)
        self._timer = self._app.set_interval(TICK, self._tick)
        self._app.run_worker(self._run(work), group="runs", exit_on_error=True)
        self._changed()

    def stop(self, why: str) -> None:
        self._stop_reason = why
        self.figures.stopping = True
        if self._current is not None:
            self._current.stop(why)
        self._changed()

    async def ended(self) -> None:
        """Returns once the run has written what it received."""
        await self._done.wait()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.workbench.close()

    def unsaved_work(self) -> str:
        return f"{self.name} is running; if you quit, the next run resumes where it stopped." if self.active else ""

    def before_exit(self) -> None:
        if self.active:
            self.stop("The program was closed")

    # the three methods of a run's `Watcher`

    def note(self, text: str, *, warning: bool = False) -> None:
        self._say(text, "warning" if warning else "muted")

    def failed(self, record: FailedRecord) -> None:
        self.failures += 1
        where = f" (request #{record.exchange})" if record.exchange else ""
        self._say(f"✘ {record.record} failed: {record.message}{where}", "error")

    def progress(self, progress: Progress) -> None:
        """Read at each tick instead."""

    def _say(self, text: str, tone: Tone) -> None:
        self.messages.append(RunMessage(self.workbench.machine.now(), text, tone))

    def _changed(self) -> None:
        for each in tuple(self.on_change):
            each()
        jobs_of(self._app).changed.publish(None)

    def _tick(self) -> None:
        if self._current is not None:
            self.figures.add_sample(self._progress_of(self._current))
        self._changed()

    def _progress_of(self, run: StoppableRun) -> Progress:
        """The progress of the work so far, of which this is the current run."""
        return run.progress.after(self._earlier) if self._earlier is not None else replace(run.progress)

    async def _run(self, work: Callable[[], Coroutine[None, None, Summary | None]]) -> None:
        summary, problem = None, ""
        try:
            summary = await work()
        except UserError as error:
            problem = str(error)
        finally:
            run, self._current, self.active = self._current, None, False
            if self._timer is not None:
                self._timer.stop()
            self._done.set()
        figures = self.figures
        if run is not None:
            progress = self._progress_of(run)
            figures.add_sample(progress if summary is None else replace(progress, seconds=summary.seconds))
        figures.summary, figures.start_error, figures.stopping = summary, problem, False
        if summary is not None and summary.reason and summary.code != STOPPED:
            self._say(summary.reason, "error")
        for remark in summary.remarks if summary else ():
            self._say(remark, "warning")
        self._changed()
        if getattr(self._app.screen, "job", None) is not self:  # elsewhere, only the header would show it
            text, good = self._outcome()
            severity: Literal["information", "error"] = "information" if good else "error"
            self._app.notify(shown(f"{self.title}: {text}"), severity=severity, timeout=10, markup=False)

    def _outcome(self) -> tuple[str, bool]:
        """How the work has ended, in words, and whether that is good."""
        return self.figures.state[0], self.figures.good


class RunJob(BackgroundRun):
    """Runs an incoming. The next run resumes where it ended."""

    def __init__(
        self,
        app: App[object],
        workbench: Workbench,
        profile: Profile,
        file: Path,
        name: str,
        screen: Callable[[RunJob], Screen[None]],
    ) -> None:
        """`screen` makes a screen that shows it."""
        super().__init__(app, workbench, profile, file, name)
        self._screen = screen
        sink = profile.incoming[name].sink
        self.output = str(getattr(sink, "path", None) or (sink and sink.server) or "no file")
        """The file or server that the items are written to; its full path once the run has started."""

    @property
    def incoming(self) -> Incoming:
        return self.profile.incoming[self.name]

    def screen(self) -> Screen[None]:
        return self._screen(self)

    def start(self, options: RunOptions) -> None:
        """Starts the run, or resumes a stopped one."""
        if not self.active:
            self._begin(partial(self._execute, options))

    async def _execute(self, options: RunOptions) -> Summary:
        """Raises `UserError` if the run cannot start."""
        workbench, incoming = self.workbench, self.incoming
        machine = workbench.machine
        if incoming.sink is not None and incoming.sink.on_stdout:
            shell = f"tui-connector run {self.file.stem} {self.name}{env_option(self.profile.environment)} | …"
            raise UserError("sink-stdout", "Its items go to standard output", f"In a shell: {shell}")
        environment = self.profile.environment
        ledger_of = partial(ledger_file, machine.directories.state, self.file, environment=environment)
        place = RunLocation(self.name, self.file, ledger_of(self.name))
        incoming = (await asyncio.to_thread(with_bookmarks, self.profile.incoming, ledger_of))[self.name]
        exchanges = OwnExchanges(workbench.exchanges)
        async with workbench.session(self.profile, OF_A_RUN, exchanges) as session:
            explain = explainer(self.profile, incoming.client)
            around = RunEnvironment(session, exchanges, machine, place, explain, incomings=self.profile.incoming)
            path = getattr(incoming.sink, "path", None)
            if path is not None:
                self.output = str(await asyncio.to_thread(around.outputs.resolve, str(path)))
                self.note(f"Writing to {self.output}")
            run = self._current = Run(incoming, options, around, self)
            if self._stop_reason:
                run.stop(self._stop_reason)
            return await run.execute()
