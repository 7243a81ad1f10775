"""Sends an outgoing in slices: divides its tasks when it is planned, sends one part, and gathers the results.

Each slice has a ledger of its own, where all machines find it. So a slice that was stopped or killed resumes as any run
does, also on another machine: nothing is sent twice that is known to have arrived. All tasks with the same identifier
are in one slice, in the order of the source.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..runs.database import LedgerPlace, explained
from ..runs.progress import Summary
from ..runs.slices import Slice, SliceError, SlicePlan, SliceStore, ranges, refuse_open
from .renamed_profile import remember_profile
from .source import BadEntity, SourceContext, SourceEntity
from .task_ledger import TASK_COLUMNS, TaskLedger, TaskReader, TaskValues
from .tasks import SLICES, TASK_STATES, TaskRun, TaskState

_HASHES = 2**32


def identifier_hash(identifier: str, line: int) -> int:
    """Where a task belongs: by its identifier or, without one, by its line."""
    key = identifier or f"\0{line}"
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest())


class _Undivided(TaskLedger):
    """The ledger with all tasks, while they are divided."""

    def divide(self, run: int, number: int) -> list[Slice]:
        cuts = ranges(-1, _HASHES - 1, number)
        with explained(self.path), self._database as database:
            database.create_function("identifier_hash", 2, identifier_hash, deterministic=True)
            database.execute("create table place (task integer primary key, hash integer not null)")
            database.execute(
                "insert into place select id, identifier_hash(identifier, line) from task where run = ?", (run,)
            )
            database.execute("create index place_hash on place (hash)")
            found = []
            for index, (after, until) in enumerate(cuts):
                query = "select count(*) from place where hash > ? and hash <= ?"
                [expected] = database.execute(query, (after, until)).fetchone()
                found.append(Slice(index=index, after=str(after), until=str(until), expected=expected))
        return found

    def part(self, each: Slice) -> Iterator[TaskValues]:
        """The tasks of a slice, in the order of the source."""
        chosen = "select task from place where hash > ? and hash <= ?"
        query = f"select {TASK_COLUMNS} from task where id in ({chosen}) order by id"
        with explained(self.path):
            yield from self._database.execute(query, (int(each.after), int(each.until)))


def divide(
    undivided: Path, number: int, run_id: str, place: Callable[[int], LedgerPlace]
) -> tuple[TaskRun, list[Slice]]:
    """Divides the tasks of a ledger into one ledger for each slice, at its `place`. Blocks. Raises `LedgerError`."""
    with _Undivided(undivided) as ledger:
        run = ledger.last()
        assert run is not None
        slices = ledger.divide(run.id, number)
        digest = _digest(run.digest, run_id)
        planned = replace(run, state="stopped", digest=digest, requests=0, retries=0, seconds=0.0, reason="", code="")
        for each in slices:
            with TaskLedger(place(each.index)) as part:
                part.add(planned, ledger.part(each))
    return run, slices


def refuse_unfinished(ledger: LedgerPlace, name: str) -> None:
    """Raises `SliceError` if the last run of the outgoing has tasks that are not sent. Blocks."""
    if not ledger.exists():
        return
    with TaskReader(ledger) as reader:
        last = reader.last()
        if last is not None and last.state != "complete":
            raise SliceError(
                "slices-unusable",
                f"The last run of {name} is not complete",
                "Finish it without slices, or discard its tasks with --full.",
            )


class PlannedSource:
    """Stands for the source of tasks that were read when the slices were planned."""

    def __init__(self, plan: SlicePlan) -> None:
        self._plan = plan

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        raise SliceError(
            "slices-foreign", f"The tasks of the run {self._plan.run_id} belong to another run", "Make a new plan."
        )

    def digest(self, context: SourceContext) -> str | None:
        """That of the planned run: its tasks do not depend on the source any more."""
        return _digest(self._plan.source, self._plan.run_id)


def _digest(source: str | None, run_id: str) -> str:
    """The digest of the source or, if it cannot be read twice, a text that is used instead."""
    return source or f"{SLICES}{run_id}"


@dataclass(frozen=True, slots=True)
class SentSlice:
    """How far a slice has been sent."""

    run: TaskRun
    counts: dict[TaskState, int]
    is_running: bool

    @property
    def is_done(self) -> bool:
        return self.run.state == "complete" and not self.is_running

    @classmethod
    def of(cls, ledger: LedgerPlace) -> SentSlice | None:
        """None if its ledger is missing. Blocks. Raises `LedgerError`."""
        if not ledger.exists():
            return None
        with TaskReader(ledger) as reader:
            run = reader.last()
            return None if run is None else cls(run, reader.counts(run.id), reader.is_running)


def summary(name: str, run: TaskRun, counts: dict[TaskState, int]) -> Summary:
    """The summary of tasks that were sent before."""
    total = sum(counts.values())
    return Summary(
        name,
        run.state,
        items=counts.get("finished", 0),
        failed=counts.get("failed", 0) + counts.get("unknown", 0),
        dropped=counts.get("unchanged", 0) + counts.get("skipped", 0),
        seconds=run.seconds,
        requests=run.requests,
        retries=run.retries,
        received=total,
        expected=total,
        tasks={str(state): counts.get(state, 0) for state in TASK_STATES},
    )


def gather(
    store: SliceStore,
    plan: SlicePlan,
    ledger: LedgerPlace,
    profile: Path,
    now: Callable[[], str],
    *,
    append: bool = False,
) -> tuple[TaskRun, dict[TaskState, int], bool]:
    """Adds the tasks of all slices to the ledger of the outgoing, as one run; returns it, and whether it is new.

    `append`: to the last run, if slices were added to it on the same day. The counts are of these tasks alone.

    Blocks. Raises `SliceError`, which names the slices that are not done, and `LedgerError`.
    """
    with TaskLedger(ledger) as main:
        if isinstance(ledger, Path):
            remember_profile(ledger, profile)
        before = main.sent_in(plan.run_id)
        if before is not None:
            return before, main.counts(before.id), False
        parts = _all_done(store, plan)
        run = TaskRun(
            0,
            plan.created,
            now(),
            "complete",
            plan.configuration,
            plan.source,
            True,
            sum(each.run.requests for each in parts),
            sum(each.run.retries for each in parts),
            max((each.run.seconds for each in parts), default=0.0),
            "",
            f"{SLICES}{plan.run_id}",
        )
        main.add(run, _tasks(store, plan), plan.run_id, append=append)
        counts = Counter[TaskState]()
        for each in parts:
            counts.update(each.counts)
        return run, dict(counts), True


def sent(store: SliceStore, plan: SlicePlan) -> set[int]:
    """The slices that are done. Blocks. Raises `SliceError` and `LedgerError`.

    A ledger is opened only where a process was killed, or works, after it recorded that it began: each slice asks for
    this when it ends, and to open the ledgers of all of them each time would take the square of their number.
    """
    states = store.states()
    if states is None:
        return set()
    done = set(states.done)
    for index in set(states.attempts) - done:
        found = SentSlice.of(store.tasks(plan, index))
        if found is not None and found.is_done:
            done.add(index)
    return done


def _all_done(store: SliceStore, plan: SlicePlan) -> list[SentSlice]:
    found: list[SentSlice] = []
    missing, different = list[str](), list[str]()
    for each in plan.slices:
        sent = SentSlice.of(store.tasks(plan, each.index))
        if sent is None or not sent.is_done:
            missing.append(str(each.index))
        elif sum(sent.counts.values()) != each.expected:
            different.append(f"{each.index} ({sum(sent.counts.values()):,} of {each.expected or 0:,} tasks)")
        else:
            found.append(sent)
    refuse_open(plan, ((missing, "not done"), (different, "with other tasks than planned")))
    return found


def _tasks(store: SliceStore, plan: SlicePlan) -> Iterator[TaskValues]:
    for each in plan.slices:
        with TaskReader(store.tasks(plan, each.index)) as reader:
            last = reader.last()
            if last is not None:
                yield from reader.rows(last.id)
