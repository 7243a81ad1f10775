"""Sends one entity of an outgoing that is being set up, or undoes that, once it was shown what this would change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from ...errors import UserError
from ...outgoing.model import Outgoing
from ...outgoing.plan import PlanEntry, store_address
from ...outgoing.run import OutgoingRun
from ...outgoing.run_environment import OutgoingOptions
from ...outgoing.source import BadEntity, EntitySource, SourceContext, SourceEntity
from ...outgoing.tasks import Task
from ...outgoing.undo import UndoPlan, not_restored, undo_steps
from ...runs.errors import RunFailed
from ...runs.ledger import FailedRecord
from ...runs.progress import Progress
from ...templates import Json
from .plans import Sender


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """What sending the sample would change. `compared`: the store's present values are known."""

    entry: PlanEntry
    store: str
    compared: bool

    def is_same(self, other: SamplePlan) -> bool:
        return (self.entry, self.store, self.compared) == (other.entry, other.store, other.compared)


@dataclass(frozen=True, slots=True)
class _SampleSource:
    """The sample as the source of a run."""

    entity: Json

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        yield SourceEntity(1, self.entity)

    def digest(self, context: SourceContext) -> str | None:
        return hashlib.sha256(json.dumps(self.entity).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class _SampleReport:
    """Keeps why the sample was not accepted."""

    problems: list[str] = field(default_factory=list)

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None:
        """Nothing: one entity is sent."""

    def failed(self, record: FailedRecord) -> None:
        self.problems.append(record.message)

    def progress(self, progress: Progress) -> None:
        """Nothing: one entity is sent."""


_AT_ONCE = OutgoingOptions(waits=False)


class SampleSender:
    """Plans and sends one entity. Nothing is recorded in the ledger of the outgoing.

    Its user watches, so that a store that is down is reported and not waited for.
    """

    def __init__(self, sender: Sender, entity: Json) -> None:
        self._sender, self._entity = sender, entity

    async def plan(self) -> SamplePlan:
        """Sends only requests that read. Raises `UserError`, and `RequestFailed` if the client cannot be used."""
        bench = self._sender.workbench
        async with bench.session(self._sender.profile, parts=[("outgoing", self._sender.name)]) as session:
            run = self._sender.run(
                session,
                bench.exchanges,
                _SampleReport(),
                self._sender.outgoing,
                _AT_ONCE,
                source=_SampleSource(self._entity),
                recorded=False,
            )
            return await _plan(run, store_address(self._sender.outgoing, session))

    async def send(self, planned: SamplePlan) -> str:
        """Sends the sample; returns what became of it: the state of its task.

        Raises `UserError`: also where the store has other values than `planned` says, or does not accept it.
        """
        now = await self.plan()
        if not now.is_same(planned):
            raise UserError("plan-outdated", "The store has changed since; nothing was sent", "Plan it again.")
        return await self._execute(self._sender.outgoing, _SampleSource(self._entity))

    async def undo_plan(self, sent: SamplePlan) -> UndoPlan:
        """What would undo a sample that was sent with this plan. Sends only requests that read.

        Raises `UserError`: also where the configuration sends to another store now.
        """
        bench, outgoing = self._sender.workbench, self._sender.outgoing
        async with bench.session(self._sender.profile, parts=[("outgoing", self._sender.name)]) as session:
            if store_address(outgoing, session) != sent.store:
                hint = "Choose that store again in step 1."
                raise UserError("undo-store", f"The sample was sent to {sent.store}, not to this store", hint)
            run = self._sender.run(session, bench.exchanges, _SampleReport(), outgoing, _AT_ONCE, recorded=False)
            try:
                return await run.undo_plan(None, [_task(sent.entry)])
            except RunFailed as failed:
                raise _as_error(failed) from failed

    async def undo(self, sent: SamplePlan, planned: UndoPlan) -> None:
        """Restores what the sample has changed, and deletes what it has created, as planned.

        Raises `UserError`: also where the store has other values than `planned` says, or does not accept it.
        """
        if await self.undo_plan(sent) != planned:
            raise UserError("plan-outdated", "The store has changed since; nothing was sent", "Plan it again.")
        for outgoing, source in undo_steps(self._sender.outgoing, planned):
            try:
                await self._execute(outgoing, source)
            except UserError as error:
                if source.stage == "recreates":  # no ledger has what was deleted
                    lost = json.dumps(source.entities[0].data, ensure_ascii=False)
                    error.hint = " ".join(filter(None, (error.hint, f"If it was deleted, create it again: {lost}")))
                raise
        if kept := not_restored(planned, await self.undo_plan(sent), deletes=True):
            raise UserError("undo-incomplete", "; ".join(f"{each.identifier}: {each.message}" for each in kept))

    async def _execute(self, outgoing: Outgoing, source: EntitySource) -> str:
        """Sends these entities; returns the state of the first one's task. Raises `UserError` if one is refused."""
        bench, report = self._sender.workbench, _SampleReport()
        async with bench.session(self._sender.profile, parts=[("outgoing", self._sender.name)]) as session:
            run = self._sender.run(session, bench.exchanges, report, outgoing, _AT_ONCE, source, recorded=False)
            summary = await run.execute()
        if summary.reason or report.problems:
            raise UserError(summary.code or "sample-failed", summary.reason or "; ".join(report.problems))
        return next((state for state, number in summary.tasks.items() if number), "new")


def _task(sent: PlanEntry) -> Task:
    """The task that a run would have for this entity once it was sent."""
    change = sent.change
    return Task(1, sent.line, change.identifier, "finished", sent.entity, 1, None, "", "", "", None, "", change.former)


def _as_error(failed: RunFailed) -> UserError:
    return UserError(failed.error.code or "run", failed.error.message, failed.error.hint)


async def _plan(run: OutgoingRun, store: str) -> SamplePlan:
    try:
        async with aclosing(run.planned() if run.is_compared else run.listed()) as entries:
            async for entry in entries:
                if isinstance(entry, BadEntity):
                    raise UserError("source-line", entry.message)
                return SamplePlan(entry, store, run.is_compared)
    except RunFailed as failed:
        raise _as_error(failed) from failed
    raise AssertionError("the sample is one entity")
