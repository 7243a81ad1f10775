"""What the commands about slices do, of an incoming and of an outgoing."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from ..errors import UserError
from ..runs.progress import OUTPUT_FULL
from ..text import count
from ..units import timestamp
from .errors import CommandFailed, Exit, exit_code
from .opening import allowed, find, headless_workbench, machine_of, read, run, stop_on_signal
from .request import keeping_history, printer
from .run_output import RunOutput, error_figures, exit_of, exit_of_error, summary_figures

if TYPE_CHECKING:
    from ..client.session import Session
    from ..client.wire import Bounds
    from ..guide.sending.plans import Sender
    from ..guide.workbench import Workbench
    from ..incoming.model import Incoming
    from ..incoming.run import Run
    from ..incoming.slices import By, SliceRun
    from ..incoming.start import RunEnvironment
    from ..outgoing.run import OutgoingRun
    from ..profile.model import Profile
    from ..runs.errors import RunFailed
    from ..runs.ledger import FailedRecord
    from ..runs.progress import Progress, Summary
    from ..runs.slices import Slice, SlicePlan, SliceReport, SliceStore

T = TypeVar("T")


@dataclass
class Slices(ABC):
    """One command about the slices of a configuration."""

    direction: ClassVar[Literal["incoming", "outgoing"]]

    name: str
    path: Path
    saved: Profile
    workbench: Workbench
    output: RunOutput
    shared: Path
    bounds: Bounds
    """How much of the bodies is kept and masked."""
    _is_stopped: bool = field(default=False, init=False)
    """Whether the user has stopped it."""

    @classmethod
    def open(
        cls,
        profile_dir: Path | None,
        profile: str,
        name: str,
        environment: str,
        shared: str | None,
        *,
        direction: Literal["incoming", "outgoing"] | None,
        once: bool,
        as_json: bool,
        quiet: bool = False,
        log: str | None = None,
    ) -> Slices:
        """For an incoming or an outgoing; `direction` is that of one of two with this name. Raises `UserError`."""
        from ..client.wire import OF_A_RUN, OF_A_RUN_UNSEEN
        from ..profile.used_parts import ON_FAILURE
        from ..runs.slice_directory import SHARED, shared_directory

        machine = machine_of(profile_dir)
        path = find(profile, machine)
        saved = read(path, environment)
        if shared is not None and saved.ledger is not None:
            message = f"--shared {shared}: the slices of this profile are kept in its ledger, {saved.ledger.server}."
            raise CommandFailed(message, Exit.SETUP)
        shared = shared or machine.environ.get(SHARED)
        direction = saved.direction_of(name, direction)
        parts = [(direction, name), ON_FAILURE]
        trust = allowed(path, saved, machine, once=once, as_json=as_json, parts=parts, needs_secrets=True)
        workbench = headless_workbench(machine, path, trust)
        if log is not None:
            workbench.exchanges.on_recorded.append(printer(log, path.stem, None, environment=saved.environment))
        bounds = OF_A_RUN if log is not None or saved.log.history in ("requests", "bodies") else OF_A_RUN_UNSEEN
        output = RunOutput(
            machine.monotonic,
            as_json=as_json,
            data_on_stdout=False,
            quiet=quiet,
            environment=saved.environment_label,
        )
        kind = _IncomingSlices if direction == "incoming" else _OutgoingSlices
        return kind(name, path, saved, workbench, output, shared_directory(machine.directories.state, shared), bounds)

    @property
    def label(self) -> str:
        return self.output.shown(self.name)

    @asynccontextmanager
    async def opened(self, run_id: str, bounds: Bounds) -> AsyncIterator[tuple[Session, SliceStore]]:
        """A session, and what the processes of the run share. Raises `UserError`."""
        from ..runs.postgres_slices import PostgresRuns
        from ..runs.slice_directory import SliceDirectory

        async with self.workbench.session(self.saved, bounds) as session:
            server = self.workbench.ledgers(self.saved, self.path)
            store = SliceDirectory(self.shared, run_id) if server is None else PostgresRuns(server).store(run_id)
            try:
                yield session, store
            finally:
                await asyncio.to_thread(store.close)

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Runs the command, with the history that the profile keeps. Raises `UserError`."""
        from ..runs.errors import RunFailed

        async def whole() -> T:
            try:
                return await work()
            except RunFailed as failed:
                raise CommandFailed(str(failed), exit_of_error(failed.error)) from failed

        with keeping_history(self.workbench, self.path, self.saved):
            return run(whole())

    @abstractmethod
    async def plan(self, run_id: str | None, number: int, by: By | None, *, full: bool) -> SlicePlan:
        """The plan, saved. A run id that has one already keeps it."""

    @abstractmethod
    async def slice(self, run_id: str, spec: str, in_flight: int | None, *, keep_going: bool) -> Exit:
        """Reads or sends one slice, unless it is done."""

    async def commit(self, run_id: str, *, append: bool) -> Exit:
        """Writes or records what all slices have done, unless that is done; a failure is told to `on-failure`."""
        from ..client.wire import OF_A_RUN
        from ..guide.failure_alert import report_failure
        from ..runs.errors import RunFailed

        async with self.opened(run_id, OF_A_RUN) as (session, store):
            failure: Exception | None = None
            try:
                code, ended = await self._commit(session, store, run_id, append=append)
                figures = None if ended is None or code is Exit.DONE else summary_figures(ended)
            except (UserError, RunFailed) as error:
                failure, (code, why) = error, _why(error)
                waits = why.code == "slices-missing"
                figures = None if waits else error_figures(why, code, sends=self.direction == "outgoing")
            if figures is not None and not self._is_stopped:
                which = {"name": self.name, "direction": self.direction, "exit": int(code)}
                if said := await report_failure(self.saved, self.path, {**which, **figures}, session, self.workbench):
                    self.output.note(said, warning=True)
            if failure is not None:
                raise failure
            return code

    @abstractmethod
    async def _commit(
        self, session: Session, store: SliceStore, run_id: str, *, append: bool
    ) -> tuple[Exit, Summary | None]:
        """The exit code, and the summary; None if it was committed before. Raises `UserError` and `RunFailed`."""

    def _new_run_id(self, run_id: str | None) -> str:
        """The one that was given, or a new one."""
        from ..runs.slices import check_run_id, new_run_id

        return check_run_id(run_id or new_run_id(self.name, timestamp(self.workbench.machine.now())))

    def _existing(self, store: SliceStore, configuration: str, number: int) -> SlicePlan | None:
        """The plan that the run id has already, if it was made for the same. Blocks. Raises `SliceError`."""
        if store.planned() is None:
            return None
        found = store.plan_of(*self._identity(configuration))
        if found.requested != number:
            raise store.taken(found)
        return found

    async def _execute(self, current: Run | SliceRun | OutgoingRun, store: SliceStore, index: int | None) -> Summary:
        """Runs it, until it ends or a signal stops it. `index`: of the slice. Raises `UserError`."""
        from ..runs.slice_attempts import recorded

        def stopped(why: str) -> None:
            self._is_stopped = True
            current.stop(why)

        self.output.on_full = partial(current.stop, code=OUTPUT_FULL)
        stop_on_signal(stopped)
        machine = self.workbench.machine
        return await (current.execute() if index is None else recorded(store, index, current, machine))

    def _waits(self, why: str) -> None:
        self.output.note(why, warning=True)

    def _empty(self, spec: str) -> Exit:
        """Engines start as many slices as were requested, also of a short list."""
        self.output.note(f"Slice {spec} is empty: the list has fewer items than there are slices.", warning=True)
        return Exit.DONE

    def _identity(self, configuration: str) -> tuple[str, str, str, str]:
        """What a plan must have been made for."""
        return self.path.stem, self.name, self.saved.environment, configuration


class _IncomingSlices(Slices):
    """The slices of an incoming."""

    direction = "incoming"

    @property
    def _incoming(self) -> Incoming:
        return self.saved.incoming[self.name]

    async def plan(self, run_id: str | None, number: int, by: By | None, *, full: bool) -> SlicePlan:
        from ..client.wire import OF_A_RUN
        from ..incoming.slices import SliceOptions, SlicePlanner, configuration

        run_id = self._new_run_id(run_id)
        async with self.opened(run_id, OF_A_RUN) as (session, store):
            around = self._environment(session)
            fingerprint = configuration(self._incoming, around)
            if (found := await asyncio.to_thread(self._existing, store, fingerprint, number)) is not None:
                return found
            planner = SlicePlanner(self._incoming, SliceOptions(number, by, full), around, self._waits)
            planned = await planner.plan(run_id, self.path.stem, self.saved.environment)
            return await asyncio.to_thread(store.create, planned)

    async def slice(self, run_id: str, spec: str, in_flight: int | None, *, keep_going: bool) -> Exit:
        from ..incoming.slices import SliceRun, configuration, done_summary

        async with self.opened(run_id, self.bounds) as (session, store):
            around = self._environment(session)
            identity = self._identity(configuration(self._incoming, around))
            planned, chosen, done = await asyncio.to_thread(self._planned, store, identity, spec)
            self.output.begins(self.name)
            if chosen is None:
                return self._empty(spec)
            if done is None and (await asyncio.to_thread(store.committed)) is not None:
                self.output.note(f"The run {run_id} has been committed.")
                return Exit.DONE
            if done is not None:
                self.output.note(f"Slice {chosen.index} is done already.")
                summary, code = done_summary(self.name, done), Exit.DONE
            else:
                reader = SliceRun(self._incoming, store, planned, chosen, around, self.output, in_flight=in_flight)
                summary = await self._execute(reader, store, chosen.index)
                # a slice that is done has reported, also which records failed; an incomplete one may be complete later
                code = {"complete": Exit.DONE, "incomplete": Exit.STOPPED}.get(summary.state, exit_of(summary))
            if code is Exit.DONE:
                self.output.slices(self.name, len(await asyncio.to_thread(store.reported)), len(planned.slices))
            self.output.ended(summary)
            return code

    async def _commit(
        self, session: Session, store: SliceStore, run_id: str, *, append: bool
    ) -> tuple[Exit, Summary | None]:
        from ..incoming.slice_items import AlreadyCommitted
        from ..incoming.slices import commit_run, configuration
        from ..runs.slices import Commit

        if append:
            raise CommandFailed("--append is for outgoing configurations.", Exit.SETUP)
        around = self._environment(session)
        identity = self._identity(configuration(self._incoming, around))
        planned = await asyncio.to_thread(store.plan_of, *identity)
        self.output.begins(self.name)
        found = await asyncio.to_thread(store.committed)
        if found is None:
            reports = await asyncio.to_thread(store.reports, planned)
            try:
                run = commit_run(self._incoming, store, planned, reports, around, self.output)
                summary = await self._execute(run, store, None)
                self.output.ended(summary)
            except AlreadyCommitted as before:
                row = before.row
                found = Commit(run_id=run_id, state=row.state, items=row.items, failed=row.failed)
            else:
                if summary.state in ("complete", "incomplete"):
                    ended = Commit(run_id=run_id, state=summary.state, items=summary.items, failed=summary.failed)
                    await asyncio.to_thread(store.commit, ended)
                return exit_of(summary), summary
        self.output.note(f"The run {run_id} was committed before: {count(found.items, 'item')}.")
        await asyncio.to_thread(store.commit, found)
        return (Exit.DONE if found.state == "complete" and not found.failed else Exit.FAILED), None

    def _planned(
        self, store: SliceStore, identity: tuple[str, str, str, str], spec: str
    ) -> tuple[SlicePlan, Slice | None, SliceReport | None]:
        """The plan, the requested slice, and its report if it is done. Blocks."""
        planned = store.plan_of(*identity)
        chosen = store.chosen(planned, spec)
        return planned, chosen, None if chosen is None else store.report(planned, chosen.index)

    def _environment(self, session: Session) -> RunEnvironment:
        from ..guide.checks.run_findings import explainer
        from ..incoming.start import RunEnvironment, RunLocation

        machine = self.workbench.machine
        ledger = self.workbench.incoming_ledger(self.saved, self.path, self.name)
        return RunEnvironment(
            session,
            self.workbench.exchanges,
            machine,
            RunLocation(self.name, self.path, ledger),
            explainer(self.saved, self._incoming.client),
            incomings=self.saved.incoming,
        )


class _OutgoingSlices(Slices):
    """The slices of an outgoing."""

    direction = "outgoing"

    async def plan(self, run_id: str | None, number: int, by: By | None, *, full: bool) -> SlicePlan:
        from ..client.wire import OF_A_RUN
        from ..outgoing.plan import fingerprint
        from ..outgoing.slices import divide, refuse_unfinished
        from ..runs.slices import SlicePlan

        if by is not None:
            raise CommandFailed("--by is for incoming configurations; tasks are divided by identifier.", Exit.SETUP)
        run_id, now = self._new_run_id(run_id), timestamp(self.workbench.machine.now())
        async with self.opened(run_id, OF_A_RUN) as (session, store):
            sender = self._sender()
            configuration = fingerprint(sender.outgoing, session)
            if (found := await asyncio.to_thread(self._existing, store, configuration, number)) is not None:
                return found
            if not full:
                await asyncio.to_thread(refuse_unfinished, sender.ledger, self.name)
            await sender.prepare()
            tasks, planned = store.new_tasks(), None
            try:
                with self._scratch() as scratch:
                    undivided = scratch / "tasks.sqlite"
                    await self._load(sender, session, undivided)
                    place = partial(store.task_ledger, tasks)
                    run, slices = await asyncio.to_thread(divide, undivided, number, run_id, place)
                planned = await asyncio.to_thread(
                    store.create,
                    SlicePlan(
                        run_id=run_id,
                        profile=self.path.stem,
                        name=self.name,
                        environment=self.saved.environment,
                        sends=True,
                        configuration=configuration,
                        created=now,
                        requested=number,
                        field=sender.outgoing.identifier or "line",
                        by="hash",
                        full=full,
                        source=run.digest,
                        tasks=tasks,
                        expected=sum(each.expected or 0 for each in slices),
                        slices=tuple(slices),
                    ),
                )
                return planned
            finally:
                if planned is None or planned.tasks != tasks:  # another process was first
                    await asyncio.to_thread(store.discard_tasks, tasks)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A directory for the tasks until they are divided. Raises `UserError`."""
        from ..files import make_private
        from ..runs.database import unusable

        state = self.workbench.machine.directories.state
        try:
            make_private(state)
            scratch = TemporaryDirectory(prefix="slices-", dir=state, ignore_cleanup_errors=True)
        except OSError as error:
            raise unusable(state, error) from error
        with scratch as path:
            yield Path(path)

    async def _load(self, sender: Sender, session: Session, ledger: Path) -> None:
        """Reads the source into tasks. Raises `UserError`."""
        from ..outgoing.run_environment import OutgoingOptions

        options, notes = OutgoingOptions(only_loads=True), _SliceNotes(self.output)
        run = sender.run(session, self.workbench.exchanges, notes, sender.outgoing, options, ledger=ledger)
        stop_on_signal(run.stop)
        loaded = await run.execute()
        if loaded.reason:
            raise CommandFailed(loaded.reason, exit_of(loaded))

    async def slice(self, run_id: str, spec: str, in_flight: int | None, *, keep_going: bool) -> Exit:
        from ..outgoing.plan import fingerprint
        from ..outgoing.run_environment import OutgoingOptions
        from ..outgoing.slices import PlannedSource, SentSlice, sent, summary

        async with self.opened(run_id, self.bounds) as (session, store):
            sender = self._sender()
            identity = self._identity(fingerprint(sender.outgoing, session))
            planned = await asyncio.to_thread(store.plan_of, *identity)
            chosen = store.chosen(planned, spec)
            self.output.begins(self.name, sends=True)
            if chosen is None:
                return self._empty(spec)
            if await asyncio.to_thread(store.committed) is not None:
                self.output.note(f"The run {run_id} has been committed.", warning=True)
                return Exit.DONE
            ledger = store.tasks(planned, chosen.index)
            before = await asyncio.to_thread(SentSlice.of, ledger)
            if before is None:
                message = f"The tasks of slice {chosen.index} are missing: {ledger}"
                raise CommandFailed(f"{message}. Use the same --shared on every machine.", Exit.SETUP)
            if before.is_done:
                self.output.note(f"Slice {chosen.index} is done already.", warning=True)
                ended, code = summary(self.name, before.run, before.counts), Exit.DONE
            else:
                options, source = OutgoingOptions(in_flight=in_flight, keep_going=keep_going), PlannedSource(planned)
                exchanges = self.workbench.exchanges
                run = sender.run(
                    session,
                    exchanges,
                    self.output,
                    sender.outgoing,
                    options,
                    source,
                    ledger=ledger,
                    has_reached=bool(await asyncio.to_thread(sent, store, planned)),  # one configuration, one address
                )
                ended = await self._execute(run, store, chosen.index)
                # a slice that is done has recorded which tasks failed
                code = Exit.DONE if ended.state == "complete" else exit_of(ended)
            if code is Exit.DONE:
                done = await asyncio.to_thread(sent, store, planned)
                self.output.slices(self.name, len(done), len(planned.slices))
            self.output.ended(ended)
            return code

    async def _commit(
        self, session: Session, store: SliceStore, run_id: str, *, append: bool
    ) -> tuple[Exit, Summary | None]:
        from ..outgoing.plan import fingerprint
        from ..outgoing.slices import gather, summary
        from ..runs.slices import Commit

        sender = self._sender()
        identity = self._identity(fingerprint(sender.outgoing, session))
        planned = await asyncio.to_thread(store.plan_of, *identity)
        self.output.begins(self.name, sends=True)
        found = await asyncio.to_thread(store.committed)
        if found is None:
            run, counts, is_new = await asyncio.to_thread(
                gather,
                store,
                planned,
                sender.ledger,
                self.path,
                lambda: timestamp(self.workbench.machine.now()),
                append=append,
            )
            ended = summary(self.name, run, counts)
            found = Commit(run_id=run_id, state=run.state, items=ended.received, failed=ended.failed)
            if is_new:
                self.output.ended(ended)
                await asyncio.to_thread(store.commit, found)
                return exit_of(ended), ended
        self.output.note(f"The run {run_id} was committed before: {count(found.items, 'task')}.", warning=True)
        await asyncio.to_thread(store.commit, found)
        return (Exit.FAILED if found.failed else Exit.DONE), None

    def _sender(self) -> Sender:
        from ..guide.sending.plans import Sender

        return Sender(self.workbench, self.saved, self.path, self.name)


def _why(error: UserError | RunFailed) -> tuple[Exit, UserError]:
    """The exit code of a failure, and the failure as an error for the user."""
    if isinstance(error, UserError):
        return exit_code(error), error
    why = error.error
    return exit_of_error(why), UserError(why.code or "run-failed", why.message, why.hint)


class _SliceNotes:
    """Prints what is noted while a source is read; the failed lines are reported by the commit."""

    def __init__(self, output: RunOutput) -> None:
        self._output = output

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None:
        self._output.say(f"Note: {text}")

    def failed(self, record: FailedRecord) -> None:
        self._output.say(f"{record.record}: {record.message}")

    def progress(self, progress: Progress) -> None:
        """A plan prints nothing else."""
