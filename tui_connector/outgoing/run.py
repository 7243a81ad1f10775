"""A run of an outgoing: reads the source into tasks, sends them, and records the result of each.

Nothing is sent before the source has been read to its end: a source that is cut off or wrong changes no store.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ..client.error_body import is_magento_uri
from ..client.spans import seconds
from ..errors import UserError
from ..runs.database import LedgerError
from ..runs.errors import END_STATES, Action, RunError, RunFailed
from ..runs.ledger import FailedRecord, RunEnd
from ..runs.pace import Pace, Patience
from ..runs.progress import LIMIT_REACHED, STOPPED, Progress, RequestCosts, Summary, Watcher
from ..templates import Json
from ..text import count, env_option
from ..units import duration, timestamp
from .changes import Compare, EntityChange, FieldChange, leaves_of
from .current_values import CurrentValues
from .equality import ABSENT
from .model import Outgoing
from .plan import PlanEntry, SavedPlan, planned, sends_elsewhere, store_address, too_many
from .preview import OutgoingPreview, first_requests
from .run_environment import ItemReader, OutgoingEnvironment, OutgoingOptions
from .run_thread import LedgerInThread, RunThread
from .source import BadEntity, EntitySource, SourceContext, no_source
from .tasks import TASK_STATES, NewTask, Task, TaskRun, TaskState, record_name

if TYPE_CHECKING:  # a plan does not wait for what sends
    from .bulk import Delivery
    from .publisher import Publisher
    from .start import OpenSending
    from .task_loading import TaskLoader
    from .undo import UndoPlan

log = logging.getLogger(__name__)

T = TypeVar("T")

_COMPARED_AT_ONCE = 2_000


class OutgoingRun:
    """One run of an outgoing; `execute` runs it once."""

    def __init__(
        self, outgoing: Outgoing, options: OutgoingOptions, environment: OutgoingEnvironment, watcher: Watcher
    ) -> None:
        self._outgoing, self._options, self._environment, self._watcher = outgoing, options, environment, watcher
        self._name, self._machine, self._session = environment.name, environment.machine, environment.session
        self._pace = Pace(options.in_flight)
        limit = seconds(outgoing.patience) if options.waits else 0.0
        self._patience = Patience(self._machine, limit, self._on_wait, "outgoing")
        self._costs = RequestCosts()
        self._counts: Counter[TaskState] = Counter()
        self._in_thread = RunThread(self._name)
        self._publisher: Publisher | None = None
        self._opened: OpenSending | None = None
        self._loading: TaskLoader | None = None
        self._stopped: RunError | None = None
        self._started = self._machine.monotonic()
        self._progress = Progress(limit=self._pace.limit)
        self._comparison = outgoing.compare.resolved if outgoing.compare is not None else None
        self._is_compared = self._comparison is not None and self._comparison.is_readable
        self._compare = environment.compare
        self._key_of: Callable[[Json], tuple[Hashable, ...]] = lambda entity: ()
        self._source_notes: list[str] = []
        self._delivery: Delivery | None = None

    @property
    def progress(self) -> Progress:
        """How far the run is now."""
        progress, counts = self._progress, self._counts
        progress.items = counts["finished"] + counts["unchanged"] + counts["skipped"]
        progress.failed, progress.dropped = counts["failed"] + counts["unknown"], counts["unchanged"]
        progress.unwritten = progress.failed
        progress.expected = sum(counts.values()) or None
        progress.requests, progress.retries, progress.seconds = self._total_costs()
        progress.responses = self._costs.responses
        progress.latency = self._costs.seconds / max(1, self._costs.responses)
        progress.rate, progress.limit, progress.reduced = self._pace.rate, self._pace.limit, self._pace.reduced
        reader = self._environment.incoming
        reads = reader.pause if reader else None
        progress.set_pause(self._patience.pause(self._environment.exchanges) or reads)
        progress.in_flight = len(self._environment.exchanges.in_flight)
        return progress

    @property
    def is_compared(self) -> bool:
        """Whether current values can be read, and so planned and restored."""
        return self._is_compared

    @property
    def counts(self) -> dict[TaskState, int]:
        """The tasks by state, as far as they have been read."""
        return dict(self._counts)

    async def preview(self) -> OutgoingPreview:
        """The first requests that `execute` would send if it started over; sends and records nothing.

        Raises `UserError`.
        """
        source = self._checked_source()
        try:
            delivery, context = self._checked_delivery(), self._context(sends=False)
            values = {"run": {"started_at": self._now()}}
            return await self._in_thread(
                first_requests, source, context, self._outgoing, delivery, self._session, values
            )
        finally:
            self._in_thread.close()

    async def planned(self) -> AsyncGenerator[PlanEntry | BadEntity, None]:
        """What `execute` would change if it started over. Sends only requests that read, and records nothing.

        Raises `UserError` and `RunFailed`.
        """
        async with aclosing(self._planned(self._planning_reader())) as entries:
            async for entry in entries:
                yield entry

    async def _has_reached(self) -> bool:
        """Whether the store is known to have responded to anything before this run."""
        address = store_address(self._outgoing, self._session)
        return self._environment.has_reached or await self._session.has_responded(address)

    async def listed(self) -> AsyncGenerator[PlanEntry | BadEntity, None]:
        """What `execute` would send if it started over, where current values cannot be read: every field is new.

        Sends nothing. Raises `UserError` and `RunFailed`.
        """
        async with aclosing(self._planned(_as_sent)) as entries:
            async for entry in entries:
                yield entry

    async def _planned(self, read: Compare) -> AsyncGenerator[PlanEntry | BadEntity, None]:
        source = self._checked_source()
        entries = planned(source, self._context(), self._outgoing, read, self._session.mask)
        async with aclosing(entries):
            async for entry in entries:
                self._pass_source_notes()
                yield entry
                self._refuse_stopped()

    async def refuse_changed_store(self, plan: SavedPlan) -> None:
        """Raises `PlanError` if the store has other values than the plan says, and `UserError`, `RunFailed`."""
        await plan.refuse_changed_store(self._planning_reader())

    async def undo_plan(self, run: TaskRun | None, tasks: Sequence[Task]) -> UndoPlan:
        """What would undo these tasks: of an earlier run, or of none. Raises `UserError` and `RunFailed`."""
        from .task_ledger import deleted_by_undo
        from .undo import undo_plan

        if run is not None and sends_elsewhere(self._outgoing, self._session, run.fingerprint):
            address = store_address(self._outgoing, self._session)
            message = f"Run {run.id} was not sent to {address}, where {self._name} is sent to now"
            raise UserError("undo-store", message, "Undo it with the base URI of the client that it was sent with.")
        current = self._current_values() if self._is_compared else None
        deleted: list[Json] = []
        ledger, recreates = self._environment.ledger, current.comparison.recreate if current is not None else ()
        if run is not None and ledger is not None and recreates:
            deleted = await asyncio.to_thread(deleted_by_undo, ledger, run.id, recreates[0].name)
        return await undo_plan(tasks, self._outgoing, current, self._patiently, deleted)

    def retry_now(self) -> None:
        """Ends a pause of the run before its next request to a store that is down."""
        self._patience.retry_now(self._environment.exchanges)
        if self._environment.incoming is not None:
            self._environment.incoming.retry_now()

    def stop(self, why: str, code: str = STOPPED) -> None:
        """Ends the run cleanly: no more requests are sent, and the responses to those in flight are waited for."""
        log.info("run of %s is stopped: %s", self._name, why)
        self._stopped = RunError(Action.STOP, why, code=code)
        self._patience.end_pause()
        if self._loading is not None:
            self._loading.cancel()
        if self._publisher is not None:
            self._publisher.stop(self._stopped)
        elif self._environment.incoming is not None:
            self._environment.incoming.stop(why)

    async def execute(self) -> Summary:
        """Runs to the end. Raises `UserError` if the run cannot start."""
        from .start import RunStart

        self._started = self._machine.monotonic()
        if self._is_compared:
            current = self._current_values()
            self._key_of = current.key
            self._compare = self._compare or self._reader_of(current)
        source, options = self._checked_source(), self._options
        self._delivery = self._checked_delivery()
        self._environment.exchanges.on_recorded.append(self._costs.record)
        try:
            try:
                start = RunStart(
                    self._outgoing,
                    self._session,
                    self._environment.file,
                    source,
                    self._context(),
                    self._now,
                    options.full,
                    options.resumes,
                )
                opened = self._opened = await self._in_thread(start.open, self._environment.ledger)
            except RunFailed as failed:  # stopped before there was a run to resume
                return self._unopened(failed.error)
            self._patience.has_reached = opened.has_reached or await self._has_reached()
            log.info("run of %s begins: %s", self._name, " ".join(opened.notes) or "everything")
            for note in opened.notes:
                self._watcher.note(note, warning=True)
            try:
                end = await self._load_and_send(opened)
            except UserError as error:
                with suppress(LedgerError):
                    await self._in_thread(opened.ledger.end, opened.run.id, _failed(error), self._now())
                raise
            return await self._finish(opened, end)
        finally:
            self._environment.exchanges.on_recorded.remove(self._costs.record)
            if self._opened is not None:
                await self._in_thread(self._opened.ledger.close)
            self._in_thread.close()

    # Where the run starts

    def _checked_source(self) -> EntitySource:
        """Raises `UserError` if the outgoing cannot be run."""
        if self._outgoing.disabled:
            message = f"The outgoing {self._name} is disabled"
            raise UserError("outgoing-disabled", message, "Remove `disabled = true` to run it.")
        if self._environment.source is not None:
            return self._environment.source
        if self._outgoing.source is None:
            raise no_source(self._name)
        return self._outgoing.source

    def _checked_delivery(self) -> Delivery | None:
        """The requests of the store's queue, if it is used. Raises `UserError` if the store cannot have one."""
        if self._outgoing.delivery == "single":
            return None
        from .bulk import Delivery

        prepared, client = self._session.prepared, self._outgoing.client
        return Delivery(self._outgoing, lambda request: prepared(client, request).uri)

    def _context(self, *, sends: bool = True) -> SourceContext:
        """On the event loop. `sends`: requests may be sent to read the source."""
        directory = Path(os.path.realpath(self._environment.file)).parent
        context = SourceContext(
            directory,
            self._outgoing.identifier,
            self._source_notes.append,
            check_stopped=self._refuse_stopped,
            sample=self._environment.sample,
        )
        if self._environment.stdin is not None:
            context = replace(context, stdin=self._environment.stdin)
        reader = self._environment.incoming
        if not sends or reader is None:
            return context
        return replace(context, read_incoming=partial(_read_items, reader, asyncio.get_running_loop()))

    # Reading the source

    async def _load_and_send(self, opened: OpenSending) -> RunEnd:
        try:
            await self._load(opened)
            self._counts.update(await self._in_thread(opened.ledger.counts, opened.run.id))
            if opened.resumes:
                before = self.progress
                before.resumed, before.resumed_seconds = True, opened.run.seconds
                before.resumed_items, before.resumed_unwritten = before.items, before.unwritten
            await self._refuse_many_changes(opened)
            if self._options.only_loads:
                return RunEnd("stopped")
            await self._publish(opened)
        except RunFailed as failed:
            return RunEnd(END_STATES[failed.error.action], str(failed), failed.error.code)
        except LedgerError as error:
            return RunEnd("stopped", str(error), error.code)
        if self._publisher is not None and self._publisher.limit_reached:
            return RunEnd("stopped", code=LIMIT_REACHED)
        return RunEnd("complete")

    async def _load(self, opened: OpenSending) -> None:
        """Reads the source into tasks. Raises `UserError`, and `RunFailed` if the run is stopped or refused."""
        from .task_loading import TaskLoader

        def loaded(new: Sequence[NewTask]) -> None:
            self._counts.update(each.state for each in new)
            for task in new:
                if task.state == "failed":
                    self._watcher.failed(FailedRecord(record_name(task), task.reason))
            self._watcher.progress(self.progress)

        self._loading = TaskLoader(
            self._outgoing,
            self._session,
            self._in_thread,
            now=self._now,
            refuse_stopped=self._refuse_stopped,
            pass_notes=self._pass_source_notes,
            loaded=loaded,
        )
        try:
            await self._loading.load(opened, self._run_values(opened.run))
        finally:
            self._loading = None
        if opened.entities is not None and not self._counts:
            self._watcher.note("The source contains no entities. Nothing was sent.", warning=True)
        self._counts.clear()

    def _pass_source_notes(self) -> None:
        """Passes on what the source noted in the run's thread."""
        for note in self._source_notes:
            self._watcher.note(note)
        self._source_notes.clear()

    def _refuse_stopped(self) -> None:
        if self._stopped is not None:
            raise RunFailed(self._stopped)

    async def _refuse_many_changes(self, opened: OpenSending) -> None:
        """Raises `RunFailed` if more entities would be changed than the configuration allows; nothing is sent then."""
        most = self._outgoing.max_changes
        if most is None:
            return
        compare = self._environment.compare or (self._planning_reader() if self._is_compared else None)
        changes = self._counts["new"]
        if compare is not None and self._outgoing.send == "changed" and changes > most:
            changes = after = 0
            while tasks := await self._in_thread(opened.ledger.window, opened.run.id, "new", after, _COMPARED_AT_ONCE):
                self._refuse_stopped()
                after = tasks[-1].id
                found = await compare([task.entity for task in tasks])
                changes += sum(each.action != "unchanged" for each in found)
        if changes > most:
            raise too_many(changes, most)

    # Sending

    async def _publish(self, opened: OpenSending) -> None:
        """Raises `RunFailed` and `LedgerError`."""
        from .publisher import Publisher

        environment, outgoing = self._environment, self._outgoing
        store = LedgerInThread(opened.ledger, opened.run, self._in_thread, self._now, self._total_costs)
        known = self._comparison is not None and self._comparison.repeatable
        repeatable = known if outgoing.repeatable is None else outgoing.repeatable
        self._publisher = Publisher(
            outgoing,
            store,
            self._session.client(outgoing.client),
            run=self._run_values(opened.run),
            pace=self._pace,
            patience=self._patience,
            machine=self._machine,
            mask=self._session.mask,
            counts=self._counts,
            repeatable=repeatable,
            compare=self._compare,
            key_of=self._key_of,
            delivery=self._delivery,
            of_magento=is_magento_uri(store_address(outgoing, self._session)),
            explain=environment.explain,
            limit=self._options.limit,
            keep_going=self._options.keep_going,
            on_failed=self._watcher.failed,
            on_step=lambda: self._watcher.progress(self.progress),
            note=lambda text: self._watcher.note(text, warning=True),
        )
        if self._stopped is not None:
            self._publisher.stop(self._stopped)
        await self._publisher.publish()

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        """Reads current values, and waits for a store that is unreachable, in maintenance or overloaded.

        Raises `RunFailed`.
        """
        try:
            while True:
                await self._patience.wait_for_turn()
                self._refuse_stopped()
                try:
                    found = await read()
                except RunFailed as failed:
                    if failed.error.action is not Action.WAIT:
                        raise
                    self._patience.has_reached = self._patience.has_reached or await self._has_reached()
                    await self._patience.wait(failed.error, has_read=self._costs.responses > 0)
                else:
                    self._patience.reset()
                    return found
        finally:
            self._patience.release()

    def _without_secret(self, change: EntityChange) -> EntityChange:
        """The change without the former values if a secret is among them: the ledger contains none."""
        if change.former is None:
            return change
        text = json.dumps(change.former)
        return change if self._session.mask.mask_known(text) == text else replace(change, former=None)

    def _current_values(self, *, remembers: bool = False) -> CurrentValues:
        """Raises `UserError` if current values cannot be read."""
        send = self._session.client(self._outgoing.client)
        run: dict[str, Json] = {"run": {"started_at": self._now()}}
        address = store_address(self._outgoing, self._session)
        explain = self._environment.explain
        return CurrentValues(
            self._outgoing,
            send,
            run=run,
            remembers=remembers,
            address=address,
            now=self._machine.now,
            explain=explain,
        )

    def _planning_reader(self) -> Compare:
        return self._reader_of(self._current_values(remembers=True))

    def _reader_of(self, current: CurrentValues) -> Compare:
        async def read(entities: Sequence[Json]) -> list[EntityChange]:
            found = await self._patiently(partial(current.read, entities))
            return [self._without_secret(each) for each in found]

        return read

    def _run_values(self, run: TaskRun) -> dict[str, Json]:
        return {"run": {"started_at": run.began}}

    def _on_wait(self, error: RunError, pause: float) -> None:
        log.info("run of %s waits %.1f s: %s", self._name, pause, error.message)
        self._watcher.note(f"{error.message}, retrying in {duration(pause)}.", warning=True)

    def _total_costs(self) -> tuple[int, int, float]:
        """Requests, retries and seconds, with those of the interrupted part of the run."""
        run = self._opened.run if self._opened else None
        repeated = self._publisher.retries if self._publisher else 0
        return (
            self._costs.requests + (run.requests if run else 0),
            self._costs.retries + repeated + (run.retries if run else 0),
            self._machine.monotonic() - self._started + (run.seconds if run else 0.0),
        )

    def _unopened(self, error: RunError) -> Summary:
        """The summary of a run that was stopped before its ledger had it."""
        passed = self._machine.monotonic() - self._started
        tasks = dict.fromkeys(map(str, TASK_STATES), 0)
        state = END_STATES[error.action]
        return Summary(self._name, state, 0, 0, 0, passed, 0, 0, str(error), code=error.code, tasks=tasks)

    async def _finish(self, opened: OpenSending, end: RunEnd) -> Summary:
        try:
            await self._in_thread(opened.ledger.step, opened.run.id, (), self._now(), *self._total_costs())
            await self._in_thread(opened.ledger.end, opened.run.id, end, self._now())
            found = await self._in_thread(opened.ledger.counts, opened.run.id)
        except LedgerError as error:
            end = RunEnd("stopped", end.reason or str(error), end.code or error.code)
            found = dict(self._counts)
        requests, retries, passed = self._total_costs()
        tasks = {str(state): number for state, number in found.items()}
        log.info("run of %s ends, %s: %s, %d requests, %.1f s", self._name, end.state, tasks, requests, passed)
        if end.reason:
            log.info("run of %s (%s): %s", self._name, end.code, end.reason)
        unknown = found.get("unknown", 0)
        remarks = []
        if unknown:
            because = self._publisher.unknown_because if self._publisher is not None else ""
            remarks.append(
                f"{count(unknown, 'task')} may or may not have arrived: check in the store, then send them again or "
                f"skip them (tui-connector tasks {self._profile_name()} {shlex.quote(self._name)} list --state unknown"
                f"{env_option(self._environment.environment)}).{f' Last reason: {because}.' if because else ''}"
            )
        if waiting := found.get("waiting", 0):
            remarks.append(
                f"{count(waiting, 'task waits', 'tasks wait')} in the store's queue; the next run reads the results."
            )
        return Summary(
            self._name,
            end.state,
            items=found.get("finished", 0),
            failed=found.get("failed", 0) + unknown,
            dropped=found.get("unchanged", 0) + found.get("skipped", 0),
            seconds=passed,
            requests=requests,
            retries=retries,
            reason=end.reason,
            code=end.code,
            remarks=tuple(remarks),
            received=sum(found.values()),
            expected=sum(found.values()),
            as_requested=self._publisher is not None and self._publisher.limit_reached,
            tasks=tasks,
        )

    def _profile_name(self) -> str:
        """How commands name the profile."""
        file = self._environment.file
        return shlex.quote(file.stem if file.parent == self._machine.directories.profiles else str(file))

    def _now(self) -> str:
        return timestamp(self._machine.now())


def _read_items(reader: ItemReader, loop: asyncio.AbstractEventLoop, name: str, profile: str | None) -> BinaryIO:
    """In the run's thread, while the event loop reads. Raises `UserError`."""
    return asyncio.run_coroutine_threadsafe(reader.read(name, profile), loop).result()


async def _as_sent(entities: Sequence[Json]) -> list[EntityChange]:
    """All fields of entities that are not compared."""
    return [
        EntityChange("", "change", tuple(FieldChange(".".join(path), ABSENT, value) for path, value in fields), None)
        for fields in (leaves_of(each) if isinstance(each, dict) else () for each in entities)
    ]


def _failed(error: UserError) -> RunEnd:
    return RunEnd("failed", str(error), error.code)
