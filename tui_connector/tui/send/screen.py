"""The screen that sends an outgoing: its plan first, then, after a confirmation, the run."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from ...guide.sending.plans import Sender
from ...guide.workbench import Workbench
from ...profile.model import Profile
from ...text import count
from ..environments import environment_mark
from ..jobs import jobs_of
from ..keys import is_on_top
from ..log.panel import ERRORS
from ..run.screen import BACK, CHARTS_COVERED, LOG_AND_CHARTS, RETRY_NOW, RunView
from ..widgets.frame import ScreenHeader
from .confirm import confirm_sending
from .job import SendJob, SendOptions
from .options import SendOptionsScreen
from .plan_view import PlanFilter, PlanView
from .tasks import TasksScreen


class SendScreen(RunView[SendJob]):
    """Shows what an outgoing would change, and sends it. `q` leaves it, and a run continues."""

    RATE_TITLE = "Entities per second"
    where_to_type = "/ finds an entity."
    AWAY_FROM_LOG = frozenset({"apply", "resume", "plan", "options", "write_sample", "undo", "delete_created"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "apply", "Apply", id="send.apply", tooltip="Send this plan, after a confirmation"),
        Binding("s", "stop", "Stop", id="send.stop"),
        RETRY_NOW,
        Binding("c", "resume", "Resume", id="send.resume", tooltip="Send the remaining tasks of the last run"),
        Binding("r", "plan", "Plan", id="send.plan", tooltip="Compare with the store and show what would change"),
        Binding(
            "w",
            "write_sample",
            "Write sample",
            id="send.write-sample",
            tooltip="Write a sample to the file that the source lacks, and plan",
        ),
        Binding("T", "tasks", "Tasks", id="send.tasks", tooltip="The state of each entity of the last run"),
        Binding("u", "undo", "Undo", id="send.undo", tooltip="Show how the last run would be undone"),
        Binding(
            "d",
            "delete_created",
            "Delete created",
            id="send.delete-created",
            tooltip="Undo: also delete what the run created",
        ),
        Binding(
            "f", "kinds", "Filter", id="send.kinds", tooltip="List only one kind of entities; of a run: filter the log"
        ),
        Binding(
            "slash",
            "filter",
            "Find",
            id="send.filter",
            tooltip="Find entities by a text; of a run: search the log",
        ),
        Binding("e", "errors", "Errors", id="send.errors", tooltip=ERRORS),
        Binding("R", "options", "Plan with options", show=False, id="send.options"),
        *LOG_AND_CHARTS,
        *BACK,
    ]

    @property
    def is_run_shown(self) -> bool:
        return self.job.sends

    def _below_state(self) -> ComposeResult:
        yield PlanView()

    def on_mount(self) -> None:
        super().on_mount()
        self.job.read_last()
        self.begin()

    def begin(self) -> None:
        self.set_focus(None if self.job.sends else self.query_one(PlanView).rows)

    def _draw(self) -> None:
        if not self.is_attached:
            return
        if self.has_class("sends") != self.job.sends:
            self.set_class(self.job.sends, "sends")
            if is_on_top(self) and not self.zoomed:
                self.begin()
        self.query_one(PlanView).show(self.job.plan)
        super()._draw()

    def _draw_header(self) -> None:
        job = self.job
        mark = environment_mark(job.profile, production=job.sender.production)
        self.query_one(ScreenHeader).show(job.profile.name, f"send {job.name}", self._header_state(mark))

    def _state(self) -> tuple[str, str]:
        text, tone = self.job.state
        last = self.job.last
        if self.job.active or last is None or self.job.sends:
            return text, tone
        known = ", ".join(f"{number:,} {state}" for state, number in last.counts.items() if number)
        hint = " c resumes it." if last.resumable else ""
        state = last.run.described_state(last.counts, is_running=last.is_running)
        return f"{text}\nLast: {last.run.title}: {state}, {known or 'no tasks'} · {last.run.began}.{hint}", tone

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now; nothing is started by keys in a log that covers it."""
        job = self.job
        if action in self.AWAY_FROM_LOG and self.is_covered:
            return False
        if action == "charts":
            return job.sends and not self.zoomed
        if action == "show_all":
            return self.is_mounted and self.can_show_all
        if action == "stop":
            return job.active
        if action == "retry_now":
            return job.can_retry_now
        if action in ("plan", "options"):
            return not job.active
        if action == "write_sample":
            return not job.active and job.missing_source is not None
        if action == "apply":
            return not job.active and job.can_send
        if action == "resume":
            return not job.active and job.last is not None and job.last.resumable
        if action == "undo":
            return not job.active and job.last is not None and job.last.has_sent
        if action == "tasks":
            return job.last is not None
        if action == "delete_created":
            return not job.active and job.can_delete_created
        return not job.sends if action == "filter" else True

    @property
    def next_key(self) -> str:
        if self.job.can_send:
            return "a sends what the plan says"
        if self.job.sends and self.job.last is not None:
            return "c resumes it" if self.job.last.resumable else "T lists its tasks"
        return "r plans again"

    @property
    def stop_question(self) -> str:
        if not self.job.sends:
            return "Stop comparing? Nothing has been sent."
        return "Stop the run? What the store has accepted is kept; the rest is sent when the run is resumed."

    def action_plan(self) -> None:
        self.job.start(SendOptions())

    def action_write_sample(self) -> None:
        self.job.write_sample()

    def action_options(self) -> None:
        """Makes a plan with options."""

        def chosen(options: SendOptions | None) -> None:
            if options is not None:
                self.job.start(options)

        self.app.push_screen(SendOptionsScreen(self.job.name), chosen)

    def action_undo(self) -> None:
        self.job.start_undo()

    def action_delete_created(self) -> None:
        self.job.toggle_deletes()

    def action_apply(self) -> None:
        """Sends what the plan says, after a confirmation."""
        plan = self.job.plan
        if plan is not None:
            entities = count(plan.to_send, *self.job.NOUN)
            run = plan.undone.title if plan.undone is not None else ""
            confirm_sending(
                self.app,
                self.job.sender,
                f"{run} ({entities})" if run else entities,
                self.job.apply,
                details=plan.words(),
                store=plan.store,
                is_undo=plan.undo is not None,
            )

    def action_resume(self) -> None:
        """Sends what the last run has left, after a confirmation."""
        confirm_resuming(self.app, self.job)

    def action_tasks(self) -> None:
        """Shows what became of each entity; tasks that are to be sent again are sent by this job."""

        def closed(sends: bool | None) -> None:
            if sends:
                self.job.resume()
            elif not self.job.active:
                self.job.read_last()

        self.app.push_screen(TasksScreen(self.job.sender), closed)

    def action_kinds(self) -> None:
        """Filters what is shown: the plan, or the requests of the run."""
        if self.job.sends:
            self.action_filter_log()
        else:
            self.query_one(PlanView).choose_kind()

    def action_filter(self) -> None:
        """Finds a text in what is shown: the plan, or the requests of the run."""
        if self.job.sends:
            self.action_search_log()
        else:
            self.query_one(PlanView).type_filter()

    @property
    def can_show_all(self) -> bool:
        return super().can_show_all if self.job.sends or self.is_in_log else self.query_one(PlanView).is_filtered

    def action_show_all(self) -> None:
        """Esc: lists all entities of the plan again; of a run, all requests."""
        if self.job.sends or self.is_in_log:
            super().action_show_all()
        else:
            self.query_one(PlanView).show_all()

    def why_not(self, action: str) -> str:
        job, failed = self.job, bool(self.job.metrics.start_error)
        if self.is_covered and action in self.AWAY_FROM_LOG:
            return super().why_not(action)
        if action == "charts":
            return CHARTS_COVERED if job.sends else "A plan has no charts; its run has."
        if action == "write_sample":
            return "A sample is written only where the file of the source does not exist."
        if action == "delete_created":
            return "d works in the plan of an undo (u) of a run that has created something."
        if action == "stop":
            return "Nothing is running. a sends what the plan says." if job.plan else "Nothing is running."
        if action == "retry_now":
            return self.why_no_retry()
        if job.active:
            return "Wait until this has ended, or stop it (s)."
        if action == "apply":
            if job.metrics.stopped_by_user:
                return "The plan was stopped: r plans again."
            return "The plan could not be made: correct this, then r plans again." if failed else "Nothing to send."
        if not job.knows_last:
            return "The last run is not known yet: its ledger is being read."
        if action == "resume":
            return "There is no run with tasks that are still to be sent."
        return "Nothing has been sent yet." if job.last is None else "The last run has changed nothing."

    def action_back(self) -> None:
        if isinstance(self.focused, PlanFilter):
            self.focused.action_clear()
        else:
            super().action_back()

    def help_text(self) -> str:
        return (
            "Sending\n"
            "The plan comes first: the entities of the source are compared with the values that the store has now; "
            "nothing is sent. + is created, ~ changed (old → new), = unchanged and not sent; ✘ the store will refuse, "
            "for the reason in the row, such as a price of a product that does not exist. a sends exactly this "
            "plan, after a confirmation; it is refused if the store has changed since. Each entity is a task. c "
            "resumes a run that was stopped or killed; what was accepted is not sent again. u shows how the last run "
            "would be undone, with the values that the store had before it; a applies that. R plans with options: "
            "a limit, or unchanged entities as well. T lists the tasks. "
            "q leaves this screen, and a run continues."
        )


def confirm_resuming(app: App[object], job: SendJob) -> None:
    """Asks, then sends the tasks that the last run has left."""
    last = job.last
    if last is None:
        return
    what = f"{count(last.open, 'task')} of {last.run.title}"
    confirm_sending(app, job.sender, what, job.resume)


def send_job(app: App[object], workbench: Workbench, profile: Profile, file: Path, name: str) -> SendJob:
    """The job that sends this outgoing: the one that is active, or a new one."""
    jobs = jobs_of(app)
    for job in jobs:
        if isinstance(job, SendJob) and job.key == (file, profile.environment, name):
            if job.active:
                return job
            jobs.seen(job)
    job = SendJob(app, workbench, profile, file, name, SendScreen)
    jobs.add(job)
    return job


def open_tasks(app: App[object], workbench: Workbench, profile: Profile, file: Path, name: str) -> None:
    """Opens the tasks of the last run of this outgoing; those that are to be sent again are sent on its screen."""
    sender = Sender(workbench, profile, file, name)

    def closed(sends: bool | None) -> None:
        if sends:
            job = send_job(app, workbench, profile, file, name)
            job.resume()
            app.push_screen(job.screen())

    app.push_screen(TasksScreen(sender), closed)


def open_sending(
    app: App[object],
    workbench: Workbench,
    profile: Profile,
    file: Path,
    name: str,
    options: SendOptions | None = None,
) -> None:
    """Opens the screen that sends this outgoing, with a new plan unless it is being sent already."""
    job = send_job(app, workbench, profile, file, name)
    if not job.active:
        job.start(options or SendOptions())
    app.push_screen(job.screen())
