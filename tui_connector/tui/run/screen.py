"""The screen of a run: tiles, charts over time, messages, and the request log below."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widgets import Static

from ...client.exchange import Exchange
from ...client.message import Request, Response
from ...guide.requests.resend import NewRequests, resend, variables_to_set
from ...guide.workbench import Workbench
from ...incoming.start import RunOptions, is_resumed_after
from ...profile.model import Profile
from ...text import shown
from ..environments import environment_mark
from ..jobs import jobs_of
from ..keys import is_on_top
from ..log.dock import LogDock
from ..log.panel import ERRORS, LogPanel
from ..log.screens import EARLIER_SESSIONS, RecordedScreen, earlier_sessions
from ..log.sending import LogContext
from ..viewed import screen_looked_at
from ..widgets.frame import KeyFooter, ScreenHeader
from ..widgets.prose import Prose, show_text, wrapped
from ..widgets.questions import ConfirmScreen
from .charts import MILLISECONDS, PER_SECOND, Chart, MessageList, ProgressLine, Tile
from .job import BackgroundRun, RunJob
from .layout import RunNeeds, run_rows
from .options import RunOptionsScreen

_LABEL_WIDTHS = (10, 12, 15, 10, 12, 15)
"""Of the tiles, in two rows of three where there is little room."""

RETRY_NOW = Binding(
    "t", "retry_now", "Retry now", id="run.retry-now", tooltip="Do not wait any longer for a store that is down"
)

LOG_AND_CHARTS: tuple[Binding, ...] = (
    Binding("l,ctrl+l,f2", "zoom", "Log", id="run.log"),
    Binding("h", "charts", "Charts", id="run.charts", tooltip="Show the charts, or hide them"),
)
BACK: tuple[Binding, ...] = (
    Binding("q", "back", "Back", id="run.back"),
    Binding("H", "history", "History", id="run.history", tooltip=EARLIER_SESSIONS),
    Binding("escape", "show_all", "Show all", id="run.show-all", tooltip="End the search, then the filter"),
    Binding("escape", "leave", "Leave the log, or go back", show=False, id="run.leave"),
)
"""The bindings of a screen of a run that leave something."""

ON_SELECTED_REQUEST = frozenset(
    {
        "resend",
        "edit",
        "explain",
        "new",
        "body",
        "copy",
        "choose_copy",
        "view",
        "toggle_raw",
        "mark",
        "save_body",
    }
)
"""Actions of the log of which the keys also work while the run has the focus: none of them is a key of a run."""


CHARTS_COVERED = "The log covers the charts: l ends its zoom."


def log_keys() -> list[BindingType]:
    """Bindings for the actions of the log on the request that is selected there."""
    bindings = [each for each in LogPanel.BINDINGS if isinstance(each, Binding) and each.action in ON_SELECTED_REQUEST]
    return [
        replace(each, action=f"in_log('{each.action}')", id=f"run.{(each.id or '').removeprefix('log.')}")
        for each in bindings
    ]


Job = TypeVar("Job", bound=BackgroundRun)


class RunView(LogDock, Generic[Job]):
    """Shows a run: its state, metrics, charts and messages. `q` leaves it running, `s` stops it."""

    AUTO_FOCUS = ""
    RATE_TITLE: ClassVar[str]
    letters_are_keys = True
    where_to_type = "/ searches the log."
    first_keys = frozenset({RETRY_NOW.id, "run.show-all"})
    """What is wanted now, also where the log has the focus and its keys fill the footer."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job, self.viewed = job, job.viewed
        self._dialog: ConfirmScreen | None = None
        self._was_active = self._was_resumed = False
        self._wants_charts: bool | None = None
        """Whether its user wants the charts; None: while the run is active, as its log is read afterwards."""
        self._tiles = [Tile(width) for width in _LABEL_WIDTHS]

    def compose(self) -> ComposeResult:
        yield ScreenHeader(self.job)
        with Container(id="run-top"):
            yield ProgressLine()
            yield Static("", id="run-state", classes="callout")
            with Container(id="run-tiles"):
                yield from self._tiles
        yield from self._below_state()
        with Horizontal(id="run-charts"):
            yield Chart("rate", PER_SECOND, id="run-rate")
            yield Chart("latency", MILLISECONDS, id="run-latency")
        yield MessageList(id="run-messages")
        bench = self.job.workbench
        new = NewRequests(bench, lambda: self.job.profile)
        context = LogContext(
            bench.machine,
            lambda: self.job.file.stem,
            self._resend,
            new,
            environment=self.job.profile.environment,
            unset=partial(variables_to_set, bench.machine, self.job.file, lambda: self.job.profile),
            is_own_failure=self.job.is_own_failure,
            failures_meant=lambda: self.job.failures_meant,
            first_own=lambda: self.job.first_number,
            history=lambda: bench.history_keeps,
        )
        yield LogPanel(bench.exchanges, context, id="log")
        yield KeyFooter()

    def _below_state(self) -> ComposeResult:
        """What is shown below the state and the metrics."""
        yield from ()

    def on_mount(self) -> None:
        self.job.on_change.append(self._draw)
        self._draw()

    def on_unmount(self) -> None:
        self.job.on_change.remove(self._draw)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        self._draw()

    def resized(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if screen_looked_at(self.app) is not self:
            return
        job, metrics = self.job, self.job.metrics
        if not job.active and self._dialog is not None:
            self._dialog.settle(f"It has ended meanwhile.\n{self._state()[0]}")
        if job.is_withdrawn:
            self.call_next(self._leave_withdrawn)
            return
        if job.active and not self._was_active:
            self.action_follow_log()  # the requests of the new run are wanted, not one that was looked at
            self.log_panel.begin_anew()
        self._was_active = job.active
        if self._was_resumed != metrics.progress.resumed:
            self._was_resumed = metrics.progress.resumed
            self.log_panel.list_again()
        self._draw_header()
        tone, state = self._state()[1], self.query_one("#run-state", Static)
        for each in ("success", "warning", "error"):
            state.set_class(tone == each, each)
        self.query_one(ProgressLine).show(metrics.share, metrics.counts())
        stacked = self.has_class("wide")
        for tile, (label, value) in zip(self._tiles, metrics.tiles(), strict=True):
            tile.show(label, value, stacked=stacked)
        progress = metrics.progress
        seconds = progress.seconds - progress.resumed_seconds
        since = " since resume" if progress.resumed else ""
        self.query_one("#run-rate").border_title = f"{self.RATE_TITLE}{since}"
        self.query_one("#run-latency").border_title = f"Latency{since}"
        self.query_one("#run-rate", Chart).show(metrics.rates, seconds)
        self.query_one("#run-latency", Chart).show(metrics.latencies, seconds)
        self.query_one(MessageList).show(job.messages, job.failures)
        self._arrange()
        self.refresh_bindings()

    @property
    def _has_charts(self) -> bool:
        return self.job.active if self._wants_charts is None else self._wants_charts

    def action_charts(self) -> None:
        """Shows the charts, or hides them, so that the log has their rows."""
        self._wants_charts = not self._has_charts
        self._draw()
        if self._wants_charts and self.query_one("#run-charts").has_class("no-room"):
            self.notify("The terminal has too few rows for the charts.")

    @on(MessageList.Rewrapped)
    def _arrange(self) -> None:
        """Gives the parts of a run their rows; a plan has those that its styles say."""
        text, tone = self._state()
        state, messages = self.query_one("#run-state", Static), self.query_one(MessageList)
        lines, active = wrapped(shown(text), self._state_width(tone)), self.job.active
        if self.is_run_shown:
            failed = not active and tone == "error"
            needs = RunNeeds(len(lines), messages.line_count, self._has_charts, ended=not active, failed=failed)
            rows = run_rows(self.size, needs)
            most = rows.state
            for name in ("bar", "tiles", "charts", "messages"):
                part, height = self.query_one(f"#run-{name}"), getattr(rows, name)
                part.set_class(not height, "no-room")
                part.styles.height = height or None
        else:
            most = 12 if tone == "error" else 4
        if len(lines) > most:
            lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
        show_text(state, Prose(Content("\n".join(lines))))

    def _state_width(self, tone: str) -> int:
        """Columns of the state: with a tone, it has a line at its left and blanks at both ends."""
        frame = 3 if tone in ("success", "warning", "error") else 0
        return self.size.width - frame - (0 if self.has_class("wide") else 2)

    @property
    def is_run_shown(self) -> bool:
        """Whether a run is shown, and not a plan."""
        return True

    def _leave_withdrawn(self) -> None:
        """Leaves the screen of a run that never started."""
        if is_on_top(self):
            self.dismiss()
            jobs_of(self.app).seen(self.job)

    def _draw_header(self) -> None:
        raise NotImplementedError

    def _header_state(self, mark: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The mark of the environment; while the log covers the rest of the screen, also how the run is doing."""
        if not self.zoomed:
            return mark
        text, tone = self._state()
        return [(text.split("\n")[0], tone), *((("  ", ""), *mark) if mark else ())]

    def action_zoom(self) -> None:
        super().action_zoom()
        self._draw_header()

    def _state(self) -> tuple[str, str]:
        """One line on how the run is doing, and its tone."""
        return self.job.metrics.state

    def why_no_retry(self) -> str:
        """Why `t` does nothing now."""
        return self.job.why_no_retry if self.job.active else f"It has ended: {self.next_key}."

    @property
    def next_key(self) -> str:
        """What a key does next after the end, such as "r resumes it"."""
        raise NotImplementedError

    @property
    def stop_question(self) -> str:
        raise NotImplementedError

    def action_stop(self) -> None:
        """Stops the run, after confirmation."""

        def answered(yes: bool | None) -> None:
            self._dialog = None
            if yes and self.job.active:
                self.job.stop(self.job.stop_reason)

        self._dialog = ConfirmScreen(self.stop_question)
        self.app.push_screen(self._dialog, answered)

    def action_retry_now(self) -> None:
        """Sends the next request to a store that is down at once."""
        self.job.retry_now()

    @property
    def is_covered(self) -> bool:
        """Whether the log has the keys and covers the run, which a stray key is not meant for then."""
        return self.zoomed and self.is_in_log

    def action_errors(self) -> None:
        """Lists only failures in the log, or everything again."""
        self.log_panel.action_errors()

    def action_filter_log(self) -> None:
        """Opens the filter of the log, which is zoomed where it has little room."""
        self._zoom_low_log()
        self.log_panel.action_filter()

    def action_search_log(self) -> None:
        """Opens the search of the log, which is zoomed where it has little room."""
        self._zoom_low_log()
        self.log_panel.action_search()

    def _zoom_low_log(self) -> None:
        if not self.zoomed and self.log_panel.has_class("low"):
            self.action_zoom()

    def action_back(self) -> None:
        """Leaves the screen; a run that is active continues."""
        if not self.leave_log():
            self.dismiss()
            jobs_of(self.app).seen(self.job)

    def action_leave(self) -> None:
        self.action_back()

    @property
    def can_show_all(self) -> bool:
        """Whether only a part of what is shown is listed."""
        return self.log_panel.can_show_all

    def action_show_all(self) -> None:
        """Esc: ends the search of the log, or its filter where there is none."""
        self.log_panel.action_show_all()

    def action_history(self) -> None:
        """Shows the requests of earlier sessions, with those of this one."""
        bench, environment = self.job.workbench, self.job.profile.environment
        found = earlier_sessions(bench.machine, self.job.file, environment, {environment: bench.exchanges}.get)
        self.app.push_screen(RecordedScreen(bench.machine, found))

    async def _resend(self, exchange: Exchange, request: Request) -> Response:
        """Resends a request of the log."""
        return await resend(self.job.workbench, self.job.profile, exchange, request)


class RunScreen(RunView[RunJob]):
    """Shows the run of an incoming; the next run resumes where it ended."""

    RATE_TITLE = "Items per second"
    AWAY_FROM_LOG = frozenset({"start", "options"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop", id="run.stop"),
        RETRY_NOW,
        Binding("r", "start", "Run", id="run.start"),
        Binding("e", "errors", "Errors", id="run.errors", tooltip=ERRORS),
        *LOG_AND_CHARTS,
        Binding("slash", "search_log", "Search", id="run.search", tooltip="Search the requests in the log"),
        Binding("f", "filter_log", "Filter", id="run.filter", tooltip="Filter the requests in the log"),
        Binding("R", "options", "Options", id="run.options", tooltip="Run with options"),
        *BACK,
        *log_keys(),
    ]

    def _draw_header(self) -> None:
        job = self.job
        mark = environment_mark(job.profile)
        self.query_one(ScreenHeader).show(job.profile.name, f"run {job.name} → {job.output}", self._header_state(mark))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop is available while the run is active, Run when it is not and the log does not cover it."""
        if action == "charts":
            return not self.zoomed
        if action == "show_all":
            return self.is_mounted and self.can_show_all
        if action == "stop":
            return self.job.active
        if action == "retry_now":
            return self.job.can_retry_now
        return not self.job.active and not self.is_covered if action in ("start", "options") else True

    def why_not(self, action: str) -> str:
        if action == "stop":
            return "Nothing is running."
        if action == "charts":
            return CHARTS_COVERED
        if action == "retry_now":
            return self.why_no_retry()
        if self.job.active and action in self.AWAY_FROM_LOG:
            return "It is running already: s stops it."
        return super().why_not(action)

    @property
    def _resumes(self) -> bool:
        """Whether the next run resumes this one, which has ended."""
        summary = self.job.metrics.summary
        return summary is not None and is_resumed_after(summary.state, summary.code)

    @property
    def key_titles(self) -> dict[str, str]:
        return {"run.start": "Resume"} if self._resumes else {}

    @property
    def next_key(self) -> str:
        return "r resumes it" if self._resumes else "r runs it again"

    @property
    def stop_question(self) -> str:
        return "Stop the run? Items received so far are kept; the next run resumes from there."

    def action_start(self) -> None:
        """Starts the run, or resumes a stopped one."""
        self.job.start(RunOptions())

    async def action_in_log(self, action: str) -> None:
        """Does this action of the log, on the request that is selected there."""
        await self.app.run_action(action, self.log_panel)

    def action_options(self) -> None:
        """Starts the run with options."""

        def chosen(options: RunOptions | None) -> None:
            if options is not None:
                self.job.start(options)

        self.app.push_screen(RunOptionsScreen(self.job.name), chosen)

    def help_text(self) -> str:
        return (
            "A run\n"
            "Pages are fetched concurrently, with as many requests as make it faster, and written in order. Items and "
            "position are saved together, four times a second: however a run ends, the next one resumes from there, "
            "and no item is lost or duplicated. s stops it, t ends a pause for a store that is down, r resumes it, R "
            "runs it with options: everything again, a limit, or changes since a date. Once it has ended, the log has "
            "the rows of the charts; h shows them again. q leaves this screen, and the run continues; "
            "the header of every screen shows it, and O or F4 returns to it."
        )


def open_run(
    app: App[object],
    workbench: Workbench,
    profile: Profile,
    file: Path,
    name: str,
    options: RunOptions | None = None,
) -> None:
    """Opens the screen of this incoming's run, which is started unless it is running already."""
    jobs = jobs_of(app)
    for job in jobs:
        if isinstance(job, RunJob) and job.key == (file, profile.environment, name):
            if job.active:
                app.push_screen(job.screen())
                return
            jobs.seen(job)
    job = RunJob(app, workbench, profile, file, name, RunScreen)
    jobs.add(job)
    job.start(options or RunOptions())
    app.push_screen(job.screen())
