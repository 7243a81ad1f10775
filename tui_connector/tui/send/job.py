"""Sending in the background: the plan of an outgoing, its run, and the undo of its last run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from textual.app import App
from textual.screen import Screen

from ...client.session import Session
from ...client.wire import OF_A_RUN_ON_SCREEN
from ...errors import UserError
from ...guide.sending.plans import LastTasks, MissingSource, Sender
from ...guide.workbench import Workbench
from ...outgoing.changes import FieldChange
from ...outgoing.model import Outgoing
from ...outgoing.open_tasks import ALL_FAILED
from ...outgoing.plan import PlanEntry, SavedPlan, limited, plan_head, store_address
from ...outgoing.run import OutgoingRun
from ...outgoing.run_environment import OutgoingOptions
from ...outgoing.source import BadEntity, EntitySource
from ...outgoing.task_ledger import TaskFilter, TaskReader
from ...outgoing.tasks import Task, TaskRun
from ...outgoing.undo import UNDOABLE, NotUndone, UndoPlan, deleting, not_restored, undo_steps
from ...profile.model import Profile
from ...runs.errors import RunFailed
from ...runs.progress import Summary
from ...text import count, shown_middle
from ...units import timestamp
from ..run.job import BackgroundRun
from ..run.metrics import Tone
from ..viewed import ViewedProfile

_AROUND_MESSAGE = 4
"""Columns beside the text of a message."""
_KEPT_ROWS = 20_000
"""Entities of a plan that are listed; the plan itself has all of them."""

RowKind = Literal["create", "change", "refused", "unchanged", "send", "bad", "restore", "created", "delete", "left"]
SENT: tuple[RowKind, ...] = ("create", "change", "refused", "send", "restore", "delete")


@dataclass(frozen=True, slots=True)
class SendOptions:
    """`limit`: only the first entities of the source. `everything`: entities that would change nothing are sent too."""

    limit: int | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What would happen to one entity.

    The store is expected to refuse a "refused" one. A "bad" one cannot be sent; one that is "left" cannot be undone.
    """

    kind: RowKind
    identifier: str
    line: int | None = None
    changes: tuple[FieldChange, ...] = ()
    note: str = ""
    text: str = ""
    """The beginning of a line that cannot be read."""


@dataclass
class Plan:
    """What sending, or an undo, would do. `compared`: the store's current values are known."""

    options: SendOptions = field(default_factory=SendOptions)
    compared: bool = True
    counts: Counter[RowKind] = field(default_factory=Counter)
    rows: list[PlanRow] = field(default_factory=list)
    warnings: int = 0
    """Entities to send that the store will probably refuse."""
    store: str = ""
    """The address that is sent to."""
    saved: SavedPlan | None = None
    undo: UndoPlan | None = None
    undone: TaskRun | None = None
    """The run that the undo is of."""
    tasks: list[Task] = field(default_factory=list)
    """The tasks of that run that may have changed the store."""
    kept: list[NotUndone] = field(default_factory=list)
    """What the undo has not restored, although the store has accepted it."""

    def add(self, row: PlanRow) -> None:
        self.counts[row.kind] += 1
        if len(self.rows) < _KEPT_ROWS:
            self.rows.append(row)

    def add_entry(self, entry: PlanEntry | BadEntity) -> None:
        if isinstance(entry, BadEntity):
            self.add(PlanRow("bad", "", entry.line, note=entry.message, text=entry.text))
            return
        change = entry.change
        kind: RowKind = "refused" if change.refused else change.action if self.compared else "send"
        self.warnings += bool(change.note) and not change.refused
        self.add(PlanRow(kind, change.identifier, entry.line, change.changes, change.note))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def to_send(self) -> int:
        """Entities that would be sent."""
        found = sum(self.counts[kind] for kind in SENT)
        return found + (self.counts["unchanged"] if self.options.everything else 0)

    @property
    def undoing(self) -> str:
        """What an undo does, such as "undo run 1"."""
        run = self.undone
        if run is None:
            return ""
        before = f", which undid run {run.undone_run}" if run.undone_run else ""
        return f"undo run {run.id}{before}"

    @property
    def deletes(self) -> bool:
        """Of an undo: whether what the run has created is deleted."""
        return self.counts["delete"] > 0

    def toggle_deletes(self) -> None:
        """Of an undo: deletes what the run has created, or keeps it."""
        old: RowKind = "delete" if self.deletes else "created"
        new: RowKind = "created" if self.deletes else "delete"
        self.rows = [replace(row, kind=new) if row.kind == old else row for row in self.rows]
        self.counts[new] = self.counts.pop(old, 0)

    def words(self) -> str:
        """The counts by kind, such as "2 to create, 5 to change, 40 unchanged"."""
        number = self.counts
        if self.undo is not None:
            parts = [f"{number['restore']:,} to restore"]
            parts += [f"{number['created']:,} created (kept)"] if number["created"] else []
            parts += [f"{number['delete']:,} to delete"] if number["delete"] else []
            parts += [f"{number['left']:,} that cannot be undone"] if number["left"] else []
            parts += [f"{self.undo.done_already:,} already restored"] if self.undo.done_already else []
        elif self.compared:
            unchanged = "unchanged, sent as well" if self.options.everything else "unchanged"
            parts = [f"{number['create']:,} to create", f"{number['change']:,} to change"]
            parts += [f"{number['unchanged']:,} {unchanged}"]
            parts += [f"{number['refused']:,} to be refused"] if number["refused"] else []
        else:
            parts = [f"{number['send']:,} to send (not compared)"]
        parts += [f"{number['bad']:,} that cannot be sent"] if number["bad"] else []
        parts += [f"{self.warnings:,} with a warning"] if self.warnings else []
        return ", ".join(parts)


Phase = Literal["planning", "planned", "sending", "sent"]


class SendJob(BackgroundRun):
    """Plans what an outgoing would change, then sends exactly that; undoes its last run in the same two steps."""

    NOUN: ClassVar[tuple[str, str]] = ("entity", "entities")
    SENDS: ClassVar = True

    def __init__(
        self,
        app: App[object],
        workbench: Workbench,
        profile: Profile,
        file: Path,
        name: str,
        screen: Callable[[SendJob], Screen[None]],
    ) -> None:
        super().__init__(app, workbench, profile, file, name)
        self._screen = screen
        self.sender = Sender(workbench, profile, file, name)
        self.phase: Phase = "planning"
        self.plan: Plan | None = None
        self._exchanges = self._own_exchanges()
        self.last: LastTasks | None = None
        """The last run, as its ledger says; None until it has been read, or if there is none."""
        self.knows_last = False
        """Whether the ledger was read."""
        self.missing_source: MissingSource | None = None
        """The file whose absence has prevented the plan, if a sample can be written there."""

    def screen(self) -> Screen[None]:
        return self._screen(self)

    @property
    def sends(self) -> bool:
        """Whether it sends or has sent, and the run is shown instead of the plan."""
        return self.phase in ("sending", "sent")

    @property
    def can_send(self) -> bool:
        """Whether there is a plan with something to send."""
        return self.phase == "planned" and self.plan is not None and self.plan.to_send > 0

    @property
    def can_delete_created(self) -> bool:
        """Whether the plan is an undo of a run that has created entities, which the store can delete."""
        plan = self.plan
        return (
            self.phase == "planned"
            and plan is not None
            and plan.undo is not None
            and plan.counts["created"] + plan.counts["delete"] > 0
            and deleting(self.sender.outgoing) is not None
        )

    def badge(self, viewed: ViewedProfile | None) -> tuple[str, str]:
        if self.sends:
            return super().badge(viewed)
        title = self.title(viewed)
        if self.active:
            waits = self.metrics.progress.pause is not None
            return (f"{title} waits", "warning") if waits else (f"▶ {title}: plan", "accent")
        if self.metrics.stopped_by_user:
            return f"■ {title}: plan", "muted"
        return (f"✘ {title}: plan", "error") if self.metrics.start_error else (f"✔ {title}: plan", "success")

    @property
    def stop_reason(self) -> str:
        return super().stop_reason if self.sends else "Stopped by the user. Nothing was sent"

    @property
    def state(self) -> tuple[str, Tone]:
        """One line on the plan, or on the run, and its tone."""
        plan, metrics = self.plan, self.metrics
        if self.sends:
            return self._run_state()
        if metrics.start_error:
            hint = "" if self.missing_source is None else "\nw: write a sample there, and plan"
            return f"{metrics.state[0]}{hint}", metrics.state[1]
        if self.phase == "planning" or plan is None:
            entities = count(plan.total if plan else 0, *self.NOUN)
            if metrics.stopping:
                return f"stopping · {entities}", ""
            if (pause := metrics.progress.pause) is not None:
                return f"! comparing with the store · {entities} · {pause.state}", "warning"
            return f"comparing with the store · {entities}", ""
        if not plan.total and plan.undo is None:
            return "Nothing to send: the source contains no entities", "warning"
        if not plan.to_send:
            tone: Tone = "warning" if plan.counts["bad"] or plan.counts["left"] else "success"
            what = f" to {plan.undoing}" if plan.undo is not None else ""
            return f"Nothing to send{what}: {plan.words()}", tone
        what = f"Plan to {plan.undoing}" if plan.undo is not None else "Plan"
        hint = "; d deletes what it created" if self.can_delete_created and not plan.deletes else ""
        return f"{what}, not sent yet: {plan.words()}{hint}", "warning" if plan.counts["refused"] else ""

    def _run_state(self) -> tuple[str, Tone]:
        summary = self.metrics.summary
        if summary is None or summary.state != "complete":
            return self.metrics.state
        parts = [f"{number:,} {state}" for state, number in summary.tasks.items() if number]
        kept = len(self.plan.kept) if self.plan is not None else 0
        parts += [f"{kept:,} not restored"] if kept else []
        failed = summary.failed + kept > 0
        # never "complete" where a task failed
        words = "✘ ended" if failed else "✔ complete"
        if self.plan is not None and self.plan.undone is not None:
            run = f"run {self.plan.undone.id}"
            words = f"✘ undo of {run} ended" if failed else f"✔ {run} undone"
        hint = " (T: what failed, and why)" if summary.failed else ""
        return f"{words}: {', '.join(parts) or 'no tasks'}{hint}", "error" if failed else "success"

    def start(self, options: SendOptions) -> None:
        """Makes the plan; sends only requests that read."""
        if not self.active:
            self._leave_plan("planning")
            self._begin(partial(self._explained, partial(self._plan, options)))

    def write_sample(self) -> None:
        """Writes a sample to the missing file of the source, then plans."""
        missing = self.missing_source
        if not self.active and missing is not None:
            self._leave_plan("planning")
            self._begin(partial(self._explained, partial(self._plan_sample, missing)))

    def start_undo(self) -> None:
        """Makes the plan that undoes the last run; sends only requests that read."""
        if not self.active:
            self._leave_plan("planning")
            self._begin(partial(self._explained, self._plan_undo))

    def apply(self) -> None:
        """Sends the plan."""
        if not self.active and self.can_send:
            self.phase = "sending"
            self._begin(partial(self._explained, self._apply), keeps_messages=True)  # those of the plan

    def resume(self) -> None:
        """Sends the remaining tasks of the last run, and those that are to be sent again."""
        if not self.active:
            self._leave_plan("sending")
            self._begin(partial(self._explained, self._resume))

    def toggle_deletes(self) -> None:
        """Whether the undo deletes what the run has created."""
        if self.plan is not None:
            self.plan.toggle_deletes()
            self._changed()

    def read_last(self) -> None:
        """Reads the last run and its tasks again."""
        self._app.run_worker(self._read_last(), group="runs")

    def close(self) -> None:
        self._close_saved()
        self.sender.close()
        super().close()

    def _close_saved(self) -> None:
        if self.plan is not None and self.plan.saved is not None:
            self.plan.saved.close()
            self.plan.saved = None

    def _leave_plan(self, phase: Phase) -> None:
        self._close_saved()
        self.phase, self.plan, self.missing_source = phase, None, None

    def unsaved_work(self) -> str:
        if not (self.active and self.sends):
            return ""
        return f"{self.title(None)} is being sent; if you quit, the next run resumes where it stopped."

    def _outcome(self) -> tuple[str, bool]:
        return self.state[0], self.state[1] != "error"

    async def _explained(self, work: Callable[[], Coroutine[None, None, Summary | None]]) -> Summary | None:
        """Does the work; afterwards the phase says what is shown. Raises `UserError`."""
        try:
            return await work()
        except RunFailed as failed:
            raise UserError(failed.error.code or "run", failed.error.message, failed.error.hint) from failed
        except UserError as error:
            if error.code == "source-unreadable" and not self.sends:
                self.missing_source = await asyncio.to_thread(self.sender.missing_source)
            raise
        finally:
            self.phase = "sent" if self.sends else "planned"
            await self._read_last()

    async def _read_last(self) -> None:
        try:
            self.last = await asyncio.to_thread(self.sender.last_run)
            self.knows_last = True
        except UserError as error:
            self.note(str(error), warning=True)
        self._changed()

    def _session(
        self, before_secrets: Callable[[], Awaitable[object]] | None = None
    ) -> AbstractAsyncContextManager[Session]:
        parts = [("outgoing", self.name)]
        return self.workbench.session(
            self.profile, OF_A_RUN_ON_SCREEN, self._exchanges, parts=parts, before_secrets=before_secrets
        )

    def _sending(
        self,
        session: Session,
        outgoing: Outgoing,
        options: OutgoingOptions | None = None,
        source: EntitySource | None = None,
    ) -> OutgoingRun:
        run = self.sender.run(session, self._exchanges, self, outgoing, options, source)
        self._current = run
        if self._stop_reason:
            run.stop(self._stop_reason)
        return run

    async def _plan(self, options: SendOptions) -> None:
        """Compares and saves the plan, which is then sent as it is."""
        self._exchanges = self._own_exchanges()
        self.sender.refuse_stdin()
        await self.sender.prepare()
        outgoing, machine = self.sender.outgoing, self.workbench.machine
        async with self._session(self.sender.check_source) as session:
            run = self._sending(session, outgoing)
            store = store_address(outgoing, session)
            plan = self.plan = Plan(options, compared=run.is_compared, store=store)
            head = plan_head(
                self.file, self.name, outgoing, session, timestamp(machine.now()), self.profile.environment
            )
            entries = limited(run.planned() if run.is_compared else run.listed(), options.limit)
            plan.saved = await self.sender.new_plan(head, entries, session.mask, plan.add_entry)

    async def _plan_sample(self, missing: MissingSource) -> None:
        await asyncio.to_thread(missing.write)
        start = "Sample written: "
        room = self._app.size.width - len(start) - _AROUND_MESSAGE
        self._app.notify(f"{start}{shown_middle(str(missing.path), room)}", timeout=10, markup=False)
        await self._plan(SendOptions())

    async def _plan_undo(self) -> None:
        self._exchanges = self._own_exchanges()
        outgoing = self.sender.outgoing
        undone, tasks = await asyncio.to_thread(self._undoable)
        async with self._session() as session:
            undo = await self._sending(session, outgoing).undo_plan(undone, tasks)
            plan = Plan(undo=undo, undone=undone, tasks=tasks, store=store_address(outgoing, session))
        for entry in undo.restored:
            plan.add(PlanRow("restore", entry.change.identifier, entry.line, entry.change.changes))
        for created in undo.created:
            plan.add(PlanRow("created", created.identifier, created.line))
        for left in undo.not_undone:
            plan.add(PlanRow("left", left.identifier, note=left.message))
        self.plan = plan
        if undo.remark and plan.total:
            self.note(undo.remark, warning=True)

    def _undoable(self) -> tuple[TaskRun, list[Task]]:
        """The run to undo, and its tasks that may have changed the store. Blocks."""
        with TaskReader(self.sender.ledger) as reader:
            if reader.is_running:
                raise UserError("outgoing-running", f"{self.name} is running", "Wait until it ends, or stop it.")
            run = reader.run_to_undo(None)
            return run, list(reader.tasks(run.id, TaskFilter(UNDOABLE)))

    async def _apply(self) -> Summary | None:
        plan = self.plan
        assert plan is not None
        async with self._session() as session:
            if plan.undo is not None:
                return await self._apply_undo(session, plan, plan.undo)
            assert plan.saved is not None
            outgoing = self.sender.outgoing
            if plan.options.everything:
                outgoing = outgoing.model_copy(update={"send": "all"})
            if plan.compared:
                await self._sending(session, outgoing).refuse_changed_store(plan.saved)
            await asyncio.to_thread(self.sender.keep_plan, plan.saved)
            source = plan.saved.source(unchanged=plan.options.everything)
            return await self._sending(session, outgoing, source=source).execute()

    async def _apply_undo(self, session: Session, plan: Plan, undo: UndoPlan) -> Summary | None:
        number = plan.undone.id if plan.undone is not None else 0
        summary = None
        for each, source in undo_steps(self.sender.outgoing, undo, number, delete_created=plan.deletes):
            if self._current is not None and summary is not None:
                self._earlier = self._progress_of(self._current)
            found = await self._sending(session, each, OutgoingOptions(full=True), source).execute()
            summary = found if summary is None else _together(summary, found)
            if found.state != "complete":
                return summary
        if self._current is not None:
            self._earlier = self._progress_of(self._current)
        again = await self._sending(session, self.sender.outgoing).undo_plan(plan.undone, plan.tasks)
        plan.kept = not_restored(undo, again, deletes=plan.deletes)
        for kept in plan.kept:
            self.note(f"{kept.identifier}: {kept.message}", warning=True)
        return summary

    async def _resume(self) -> Summary | None:
        self._exchanges = self._own_exchanges()
        outgoing, source = self.sender.outgoing, None
        last = await asyncio.to_thread(self.sender.last_run)
        saved = await asyncio.to_thread(self.sender.plan_of, last.run) if last is not None else None
        try:
            if saved is not None and last is not None:
                everything = last.run.digest == saved.run_digests[True]
                source = saved.source(unchanged=everything)
                outgoing = outgoing.model_copy(update={"send": "all"}) if everything else outgoing
            else:
                await self.sender.prepare()
            # who resumes it after this reason wants the other tasks to be sent anyway
            options = OutgoingOptions(resumes=True, keep_going=last is not None and last.run.code == ALL_FAILED)
            async with self._session() as session:
                return await self._sending(session, outgoing, options, source).execute()
        finally:
            if saved is not None:
                saved.close()


def _together(one: Summary, other: Summary) -> Summary:
    """The summary of two runs, one after the other."""
    tasks = Counter(one.tasks)
    tasks.update(other.tasks)
    return replace(
        other,
        items=one.items + other.items,
        failed=one.failed + other.failed,
        dropped=one.dropped + other.dropped,
        seconds=one.seconds + other.seconds,
        requests=one.requests + other.requests,
        retries=one.retries + other.retries,
        remarks=(*one.remarks, *other.remarks),
        warnings=(*one.warnings, *other.warnings),
        tasks=tasks,
    )
