"""Makes the runs of an outgoing configuration, for the command line and for the screens, which also keep its plan."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...client.exchange import ExchangeLog
from ...client.session import Session
from ...errors import UserError
from ...files import make_private, reason, remedy, write_private
from ...outgoing.model import Outgoing
from ...outgoing.plan import PlanEntry, PlanError, PlanHead, SavedPlan, save_plan
from ...outgoing.run import OutgoingRun
from ...outgoing.run_environment import OutgoingEnvironment, OutgoingOptions
from ...outgoing.source import BadEntity, EntitySource, OtherProfile
from ...outgoing.task_ledger import last_task_run, plan_file, tasks_file
from ...outgoing.tasks import OPEN_STATES, TaskRun, TaskState
from ...outgoing.undo import UNDOABLE
from ...profile.library import Library
from ...profile.model import Profile
from ...runs.database import LedgerPlace, unusable
from ...runs.progress import Watcher
from ...secrets.mask import Mask
from ...templates import Json
from ...text import env_option
from ..checks.run_findings import explainer
from ..checks.run_needs import check_source
from ..steps.chain import sample_entity
from ..trust import ProfileTrust
from ..workbench import Workbench
from .kept_samples import read_samples

if TYPE_CHECKING:  # most sources are files: their runs do not wait for what reads incomings
    from .incoming_source import IncomingItems, ProfileInUse


@dataclass(frozen=True, slots=True)
class LastTasks:
    """The latest run of an outgoing, its tasks by state, and whether it is under way at this moment."""

    run: TaskRun
    counts: Mapping[TaskState, int]
    is_running: bool

    @property
    def open(self) -> int:
        """Tasks that the next run would send if it resumed this one."""
        return sum(self.counts[state] for state in (*OPEN_STATES, "unknown"))

    @property
    def has_sent(self) -> bool:
        """Whether it may have changed the store."""
        return any(self.counts[state] for state in UNDOABLE)

    @property
    def resumable(self) -> bool:
        return bool(self.run.loaded and self.run.state != "complete" and self.open and not self.is_running)


@dataclass(frozen=True, slots=True)
class MissingSource:
    """The file of a source that does not exist, and what it could contain: a sample entity."""

    path: Path
    content: str

    def write(self) -> None:
        """Writes the sample, and replaces nothing. Blocks. Raises `UserError`."""
        try:
            write_private(self.path, self.content.encode(), replace=False)
        except FileExistsError:
            pass  # it was put there meanwhile
        except OSError as error:
            message = f"The sample cannot be written to {self.path}: {reason(error)}"
            raise UserError("sample-unwritable", message, remedy(error)) from error


class Sender:
    """Makes the runs of one outgoing of a profile. `close` releases the profile that its source may read."""

    def __init__(
        self, workbench: Workbench, profile: Profile, file: Path, name: str, other: ProfileInUse | None = None
    ) -> None:
        """`other`: the profile that the source reads, if it is another one; without it, `prepare` opens that."""
        self.workbench, self.profile, self.file, self.name = workbench, profile, file, name
        self._other = other
        self._sample: Json = None
        """The sample as it was edited in the guide, once it is known, and can be written into the source."""

    @property
    def outgoing(self) -> Outgoing:
        return self.profile.outgoing[self.name]

    @property
    def production(self) -> bool:
        """Whether the store is marked as production."""
        client = self.profile.clients.get(self.outgoing.client)
        return client is not None and client.production

    @property
    def ledger(self) -> LedgerPlace:
        """Where its tasks are."""
        return self.workbench.outgoing_ledger(self.profile, self.file, self.name)

    @property
    def plan_file(self) -> Path:
        """Where the plan of the last run is kept, on this machine: the run is resumed from it."""
        return plan_file(self._local)

    async def new_plan(
        self,
        head: PlanHead,
        entries: AsyncIterator[PlanEntry | BadEntity],
        mask: Mask,
        on_entry: Callable[[PlanEntry | BadEntity], None],
    ) -> SavedPlan:
        """Saves a plan that is not sent yet, in a file that only the returned plan has open.

        The last run may still be resumed from its own plan, and other programs may plan the same. Raises what
        `save_plan` does.
        """
        file = plan_file(self._local).with_suffix(f".{self.workbench.machine.nonce()}.new-plan")
        await save_plan(file, head, entries, mask, on_entry)

        def opened() -> SavedPlan:
            try:
                return SavedPlan.open(file)
            finally:
                file.unlink(missing_ok=True)

        return await asyncio.to_thread(opened)

    def keep_plan(self, plan: SavedPlan) -> None:
        """Keeps this plan as the one of a run, which is about to begin. Blocks. Raises `UserError`."""
        if (last := self.last_run()) is not None and last.is_running:  # and may have to be resumed from its plan
            raise UserError(
                "already-running",
                f"{self.name} is being sent by another program",
                "Wait until it has ended, then plan again.",
            )
        plan.copy(self.plan_file)

    @property
    def _local(self) -> Path:
        return tasks_file(self.workbench.machine.directories.state, self.file, self.name, self.profile.environment)

    def refuse_stdin(self) -> None:
        """Raises `UserError` if the source is standard input, which is the keyboard here."""
        source = self.outgoing.source
        if source is not None and source.kind == "stdin":
            options = env_option(self.profile.environment) + self.profile.direction_option("outgoing", self.name)
            shell = f"… | tui-connector run {shlex.quote(self.file.stem)} {shlex.quote(self.name)}{options}"
            raise UserError("source-stdin", "Its entities come from standard input", f"In a shell: {shell}")

    async def check_source(self) -> None:
        """Raises `UserError` if the source cannot be read, as far as that shows without a store or a secret."""
        bench, sample = self.workbench, self._sample_for(self.outgoing)
        await check_source(self.profile, self.name, bench.directory, bench.machine, sample)

    def missing_source(self) -> MissingSource | None:
        """The file of the source, if it does not exist and a sample can be written there. Blocks."""
        source = self.outgoing.source
        path = getattr(source, "path", None)
        content = ""
        if source is not None and isinstance(path, str):
            content = source.example(self._sample_for(self.outgoing))
        real = Path(os.path.realpath(self.file)).parent / str(path)
        return MissingSource(real, content) if content and not os.path.lexists(real) else None

    def _edited_sample(self) -> Json:
        """The sample as it was edited in the guide; None if it was not, or is no object. Blocks."""
        kept = read_samples(self.workbench.machine.directories.state, self.file, [self.name])
        try:
            found: Json = json.loads(kept.get(self.name, "null"))
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    async def prepare(self) -> None:
        """Makes the directory of the ledger and the plan, reads the sample, and opens the profile that is read.

        Raises `UserError`.
        """
        try:
            await asyncio.to_thread(make_private, self._local.parent)
        except OSError as error:
            raise unusable(self._local, error) from error
        source, edited = self.outgoing.source, await asyncio.to_thread(self._edited_sample)
        self._sample = edited if source is not None and source.example(edited) else None
        other = self.outgoing.other_profile(self.profile.environment)
        if other is not None and self._other is None:
            self._other = await asyncio.to_thread(self._opened, other)

    def _opened(self, other: OtherProfile) -> ProfileInUse:
        from ..other_profile import read_other_profile
        from .incoming_source import ProfileInUse

        machine = self.workbench.machine
        path, profile = read_other_profile(other, Library(machine.directories.profiles), self.file.parent)
        trust = ProfileTrust(machine, path, environment=profile.environment)
        workbench = Workbench(machine, self.workbench.exchanges, directory=path.parent, trust=trust)
        return ProfileInUse(profile, path, workbench)

    def run(
        self,
        session: Session,
        exchanges: ExchangeLog,
        watcher: Watcher,
        outgoing: Outgoing,
        options: OutgoingOptions | None = None,
        source: EntitySource | None = None,
        *,
        recorded: bool = True,
        ledger: LedgerPlace | None = None,
        has_reached: bool = False,
    ) -> OutgoingRun:
        """A run of `outgoing`, which is the saved one or made from it.

        `recorded`: in the ledger of its tasks, or in `ledger` if given. `has_reached`: the store is known to respond
        at this address, whatever the ledger says.
        """
        reads_incoming = outgoing.source is not None and outgoing.source.kind == "incoming"
        environment = OutgoingEnvironment(
            session,
            exchanges,
            self.workbench.machine,
            self.name,
            self.file,
            (ledger or self.ledger) if recorded else None,
            explainer(self.profile, outgoing.client),
            incoming=self._incoming_items(session, watcher) if reads_incoming else None,
            sample=self._sample_for(outgoing),
            source=source,
            environment=self.profile.environment,
            has_reached=has_reached,
        )
        return OutgoingRun(outgoing, options or OutgoingOptions(), environment, watcher)

    def _incoming_items(self, session: Session, watcher: Watcher) -> IncomingItems:
        from .incoming_source import IncomingItems, ProfileInUse

        def used(profile: str | None) -> ProfileInUse:
            if profile is None:
                return ProfileInUse(self.profile, self.file, self.workbench, session)
            assert self._other is not None
            return self._other

        return IncomingItems(used, watcher)

    def plan_of(self, run: TaskRun) -> SavedPlan | None:
        """The plan that this run has sent, if it is still kept. Blocks."""
        try:
            saved = SavedPlan.open(self.plan_file)
        except PlanError:
            return None
        if run.digest in saved.run_digests:
            return saved
        saved.close()
        return None

    def last_run(self) -> LastTasks | None:
        """The latest run and its tasks. Blocks. Raises `LedgerError`."""
        found = last_task_run(self.ledger)
        return LastTasks(*found) if found is not None else None

    def close(self) -> None:
        if self._other is not None:
            self._other.workbench.close()
            self._other = None

    def _sample_for(self, outgoing: Outgoing) -> Json:
        """What an entity of the source may be like: in messages, and where it is written into a new file."""
        usual = sample_entity([(each.method, each.uri) for each in outgoing.requests.values()])
        return usual if self._sample is None else self._sample
