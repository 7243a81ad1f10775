"""A run in the background: what it does, its metrics over time, and its messages. It outlives the screen."""

from __future__ import annotations

import asyncio
import shlex
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from textual.app import App
from textual.screen import Screen
from textual.timer import Timer

from ...client.exchange import Exchange, OwnExchanges
from ...client.message import SecretNotEntered
from ...client.wire import OF_A_RUN_ON_SCREEN
from ...errors import UserError
from ...guide.checks.run_findings import explainer
from ...guide.checks.run_needs import check_sink
from ...guide.workbench import RunFailures, Workbench
from ...incoming.catalog import with_bookmarks
from ...incoming.model import Incoming
from ...incoming.run import Run
from ...incoming.sink import no_sink
from ...incoming.start import RunEnvironment, RunLocation, RunOptions
from ...profile.model import Profile
from ...runs.ledger import FailedRecord
from ...runs.progress import STOPPED, Progress, Summary
from ...text import count, env_option, shown
from .._textual import remove_read_notifications
from ..jobs import WaitingRun, jobs_of
from ..viewed import ViewedProfile, named_from, screen_looked_at, viewed_on
from .metrics import RunMetrics, Tone

TICK = 0.25
"""Seconds between two samples of the metrics."""
_MESSAGES = 1_000


@dataclass(frozen=True, slots=True)
class RunMessage:
    """A message of the run for its user."""

    at: datetime
    text: str
    tone: Tone = "muted"


class StoppableRun(Protocol):
    """A run that is under way."""

    @property
    def progress(self) -> Progress: ...

    def stop(self, why: str) -> None: ...

    def retry_now(self) -> None:
        """Ends a pause of the run before its next request to a store that is down."""
        ...


class BackgroundRun:
    """A run of a configuration of a profile, also while other screens are open; it is a `Watcher` of that run."""

    NOUN: ClassVar[tuple[str, str]] = ("item", "items")
    SENDS: ClassVar = False

    def __init__(self, app: App[object], workbench: Workbench, profile: Profile, file: Path, name: str) -> None:
        self.workbench, self.profile, self.file, self.name = workbench, profile, file, name
        self.viewed = ViewedProfile(file, profile.environment)
        workbench.hold()
        self.key = (file, profile.environment, name)
        """Identifies what is run: of each, one run at a time."""
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
        self._has_run = False
        """Whether it was ever more than prompts for missing secrets."""
        self.is_withdrawn = False
        """Whether its user entered no value for a secret, so that nothing was started."""
        self.metrics = RunMetrics(noun=self.NOUN)
        self.messages: deque[RunMessage] = deque(maxlen=_MESSAGES)
        self.failures = 0
        self._failed_requests = workbench.run_failures.setdefault(self.key, RunFailures())
        self.first_number = 1
        """Of its requests since it was started last; it may not have been sent yet."""
        self.on_change: list[Callable[[], None]] = []

    def title(self, viewed: ViewedProfile | None) -> str:
        """Its name as a screen about `viewed` shows it."""
        return named_from(viewed, self.name, self.viewed, self.profile.environment_label)

    def badge(self, viewed: ViewedProfile | None) -> tuple[str, str]:
        share, metrics, title = self.metrics.share, self.metrics, self.title(viewed)
        if self.active:
            done = f"{share:.0%}" if share is not None else count(metrics.progress.items, *self.NOUN)
            waits = metrics.progress.pause is not None
            return (f"{title} waits", "warning") if waits else (f"▶ {title} {done}", "accent")
        if metrics.stopped_by_user:
            return f"■ {title}", "muted"
        return (f"✔ {title}", "success") if metrics.good else (f"✘ {title}", "error")

    @property
    def waits(self) -> WaitingRun | None:
        if not self.active or self.metrics.progress.pause is None:
            return None
        return WaitingRun(self.file.absolute(), self.profile.environment, self.name, self.SENDS)

    @property
    def stop_reason(self) -> str:
        """Why it ends when its user stops it now."""
        return "Stopped by the user; the next run resumes from here"

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
        remove_read_notifications(self._app)
        if not keeps_messages:
            self.messages.clear()  # what failed before may be solved by this run, which says it again if not
            self.first_number = self.workbench.exchanges.numbers.exchange + 1
        self.failures = 0
        self._done.clear()
        self.metrics = RunMetrics(noun=self.NOUN)
        self._timer = self._app.set_interval(TICK, self._tick)
        self._app.run_worker(self._run(work), group="runs", exit_on_error=True)
        self._changed()

    def stop(self, why: str) -> None:
        self._stop_reason = why
        self.metrics.stopping = True
        if self._current is not None:
            self._current.stop(why)
        self._changed()

    @property
    def can_retry_now(self) -> bool:
        """Whether it pauses before its next request to a store that is down, and its user can end that."""
        pause = self.metrics.progress.pause
        return self.active and not self.metrics.stopping and pause is not None and pause.can_end

    @property
    def why_no_retry(self) -> str:
        """Why its user cannot end a pause now, while it is active."""
        if self.metrics.stopping:
            return "It is being stopped."
        if self.metrics.progress.pause is not None:
            return "The store has requested this wait (Retry-After): t does not end it."
        return "Nothing waits: t ends a wait for a store that is down, before its next request."

    def retry_now(self) -> None:
        """Sends the next request to a store that is down at once."""
        if self._current is not None:
            self._current.retry_now()

    async def ended(self) -> None:
        """Returns once the run has written what it received."""
        await self._done.wait()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.workbench.close()

    def unsaved_work(self) -> str:
        if not self.active:
            return ""
        return f"{self.title(None)} is running; if you quit, the next run resumes where it stopped."

    def before_exit(self) -> None:
        if self.active:
            self.stop("The program was closed")

    # the three methods of a run's `Watcher`

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None:
        self._say(text, "warning" if warning else "muted")

    def failed(self, record: FailedRecord) -> None:
        self.failures += 1
        where = f" (request #{record.exchange})" if record.exchange else ""
        self._say(f"✘ {record.record} failed: {record.message}{where}", "error")

    def progress(self, progress: Progress) -> None:
        """Read at each tick instead."""

    def is_own_failure(self, exchange: Exchange) -> bool:
        """Whether this is a failed request that the run has sent, its logins among them, also before it was resumed."""
        is_counted = self.metrics.progress.resumed or exchange.number >= self.first_number
        return is_counted and exchange.number in self._failed_requests.numbers

    @property
    def failures_meant(self) -> str:
        """Which failures those are that the log has of it, as words to follow "failed" or "No failures"."""
        is_whole = self._failed_requests.from_start or not self.metrics.progress.resumed
        return " of this run" if is_whole else " of this run since it was resumed"

    def _own_exchanges(self) -> OwnExchanges:
        exchanges = OwnExchanges(self.workbench.exchanges)
        exchanges.on_recorded.append(self._note_failure)
        return exchanges

    def _note_failure(self, exchange: Exchange) -> None:
        if exchange.failed:
            self._failed_requests.add(exchange.number)

    def _say(self, text: str, tone: Tone) -> None:
        self.messages.append(RunMessage(self.workbench.machine.now(), text, tone))

    def _changed(self) -> None:
        for each in tuple(self.on_change):
            each()
        jobs_of(self._app).changed.publish(None)

    def _tick(self) -> None:
        if self._current is not None:
            self.metrics.add_sample(self._progress_of(self._current))
        self._changed()

    def _progress_of(self, run: StoppableRun) -> Progress:
        """The progress of the work so far, of which this is the current run."""
        return run.progress.after(self._earlier) if self._earlier is not None else replace(run.progress)

    async def _run(self, work: Callable[[], Coroutine[None, None, Summary | None]]) -> None:
        summary, problem, code, is_declined = None, "", "", False
        try:
            summary = await work()
        except UserError as error:
            problem, code = str(error), error.code
            is_declined = isinstance(error, SecretNotEntered)
        finally:
            run, self._current, self.active = self._current, None, False
            if self._timer is not None:
                self._timer.stop()
            self._done.set()
        self._has_run = self._has_run or not is_declined
        self.is_withdrawn = not self._has_run
        metrics = self.metrics
        if run is not None:
            if summary is not None and not run.progress.resumed:
                self._failed_requests.start_at(self.first_number)
            progress = self._progress_of(run)
            metrics.add_sample(progress if summary is None else replace(progress, seconds=summary.seconds))
        metrics.summary, metrics.start_error, metrics.start_code, metrics.stopping = summary, problem, code, False
        if summary is not None and summary.reason and not metrics.shows_reason and summary.code != STOPPED:
            self._say(summary.reason, "error")
        for remark in summary.remarks if summary else ():
            self._say(remark, "warning")
        for each in summary.warnings if summary else ():
            self._say(each.text, "warning")
        self._changed()
        title = self.title(viewed_on(screen_looked_at(self._app)))
        if self.is_withdrawn:
            self._app.notify(shown(f"{title} not started: {problem}"), severity="error", timeout=10, markup=False)
        elif getattr(self._app.screen, "job", None) is not self:  # elsewhere, only the header would show it
            text, good = self._outcome()
            severity: Literal["information", "error"] = "information" if good else "error"
            self._app.notify(shown(f"{title}: {text}"), severity=severity, timeout=10, markup=False)

    def _outcome(self) -> tuple[str, bool]:
        """How the work has ended, in words, and whether that is good."""
        return self.metrics.state[0], self.metrics.good or self.metrics.stopped_by_user


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
        if incoming.sink is None:
            raise no_sink(self.name, "Go back (Esc) and press Enter on it: its form has the Sink.")
        if incoming.sink.on_stdout:
            words = env_option(self.profile.environment) + self.profile.direction_option("incoming", self.name)
            shell = f"tui-connector run {shlex.quote(self.file.stem)} {shlex.quote(self.name)}{words} | …"
            raise UserError("sink-stdout", "Its items go to standard output", f"In a shell: {shell}")
        ledger_of = partial(workbench.incoming_ledger, self.profile, self.file)
        place = RunLocation(self.name, self.file, ledger_of(self.name))
        exchanges = self._own_exchanges()
        async with workbench.session(
            self.profile,
            OF_A_RUN_ON_SCREEN,
            exchanges,
            parts=[("incoming", self.name)],
            before_secrets=partial(
                asyncio.to_thread, check_sink, self.profile, self.name, workbench.directory, machine
            ),
        ) as session:
            # reads ledgers, which may be on a server that the profile is trusted with only now
            incoming = (await asyncio.to_thread(with_bookmarks, self.profile.incoming, ledger_of))[self.name]
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
