"""Where a run starts: it resumes the last one, or starts a new one and says why."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..client.session import Session
from ..errors import UserError
from ..runs.database import LedgerError, LedgerPlace
from ..text import count
from .model import Outgoing
from .plan import fingerprint, sends_elsewhere, store_address
from .renamed_profile import left_ledgers, remember_profile
from .source import BadEntity, EntitySource, SourceContext, SourceEntity
from .task_ledger import TaskLedger, last_task_run
from .tasks import RETRY, TaskRun, TaskState
from .undo import deleting, recreating, restoring

_UNCLEAR: tuple[TaskState, ...] = ("sending", "waiting", "unknown")
"""States of tasks of which a run that was given up does not know whether they have arrived."""


@dataclass(slots=True)
class OpenSending:
    """A run that has begun or is resumed. `entities` is the source, where it has to be read."""

    ledger: TaskLedger
    run: TaskRun
    entities: Iterator[SourceEntity | BadEntity] | None
    notes: list[str] = field(default_factory=list)
    has_reached: bool = False
    """An earlier run got responses from the same store."""
    resumes: bool = False
    """Whether an interrupted run is continued."""


@dataclass(frozen=True, slots=True)
class RunStart:
    """What decides where a run of an outgoing starts.

    `full`: it starts over. `resumes`: it only continues the last run. `now` gives the date in UTC.
    """

    outgoing: Outgoing
    session: Session
    profile: Path
    source: EntitySource
    context: SourceContext
    now: Callable[[], str]
    full: bool
    resumes: bool

    def open(self, path: LedgerPlace | None) -> OpenSending:
        """Opens the ledger, and begins or resumes a run. Blocks. Raises `LedgerError`, `SourceError`, `UserError`."""
        identity = fingerprint(self.outgoing, self.session)
        notes = _followed(path, identity) if isinstance(path, Path) and not path.exists() else []
        ledger = TaskLedger(path)
        try:
            if isinstance(path, Path):
                remember_profile(path, self.profile)
            reached = ledger.reached()
            opened = self._begin(ledger, identity)
        except BaseException:
            ledger.close()
            raise
        opened.notes[:0] = notes
        opened.has_reached = any(not sends_elsewhere(self.outgoing, self.session, each) for each in reached)
        return opened

    def _begin(self, ledger: TaskLedger, fingerprint: str) -> OpenSending:
        last = ledger.last()
        unfinished = last if last is not None and last.state != "complete" else None
        if unfinished is not None and unfinished.code == RETRY and unfinished.loaded and not self.full:
            self._refuse_undo(unfinished)
            self._refuse_other_store(unfinished)
            return self._resume(ledger, unfinished, fingerprint)
        if unfinished is None and self.resumes:
            raise _not_resumed("the last run is complete")
        digest = self.source.digest(self.context)
        notes: list[str] = []
        if unfinished is not None:
            why = self._changed_since(unfinished, fingerprint, digest)
            if not why:
                return self._resume(ledger, unfinished, fingerprint)
            if self.resumes:
                raise _not_resumed(why)
            counts = ledger.counts(unfinished.id) if unfinished.loaded else {}
            new, unclear = counts.get("new", 0), sum(counts.get(state, 0) for state in _UNCLEAR)
            left = [f"{count(new, 'task was', 'tasks were')} not sent"] if new else []
            left += [f"{count(unclear, 'task')} may or may not have arrived"] if unclear else []
            if left:
                notes = [f"Starting a new run: {why}. In the run of {unfinished.began}, {' and '.join(left)}."]
        run = ledger.begin(self.now(), fingerprint, digest)
        return OpenSending(ledger, run, self.source.open(self.context), notes)

    def _refuse_undo(self, run: TaskRun) -> None:
        """Raises `UserError` if the tasks to be sent again are those of an undo that has a request of its own."""
        for undo in (restoring(self.outgoing), recreating(self.outgoing), deleting(self.outgoing)):
            if undo is not None and undo is not self.outgoing and run.fingerprint == fingerprint(undo, self.session):
                message = f"The tasks of run {run.id} undo an earlier run, with another request than this outgoing's"
                raise UserError("undo-not-repeated", message, "Undo the earlier run again, by its number.")

    def _refuse_other_store(self, run: TaskRun) -> None:
        """Raises `UserError` if the tasks to be sent again were sent to another store."""
        if sends_elsewhere(self.outgoing, self.session, run.fingerprint):
            address = store_address(self.outgoing, self.session)
            message = f"The tasks to be sent again are of run {run.id}, which was not sent to {address}"
            raise UserError("retry-store", message, "Send them with the former base URI, or start over with --full.")

    def _changed_since(self, unfinished: TaskRun, fingerprint: str, digest: str | None) -> str:
        """Why an unfinished run is not resumed; "" if it is."""
        if self.full:
            return "as requested"
        if unfinished.fingerprint != fingerprint:
            return "the configuration has changed"
        if digest is None:
            return "its source cannot be read again"
        return "" if unfinished.digest == digest else "the source has changed"

    def _resume(self, ledger: TaskLedger, run: TaskRun, fingerprint: str) -> OpenSending:
        lost = ledger.resume(run, fingerprint, self.now())
        if not run.loaded:
            return OpenSending(ledger, run, self.source.open(self.context), resumes=True)
        counts = ledger.counts(run.id)
        done = sum(counts.values()) - counts["new"] - counts["unknown"] - counts["waiting"]
        notes = [f"Resuming the run of {run.began}: {done:,} of {sum(counts.values()):,} tasks are done."]
        if counts["waiting"]:
            notes.append(f"{count(counts['waiting'], 'task waits', 'tasks wait')} in the store's queue.")
        if lost:
            notes.append(f"{count(lost, 'task was', 'tasks were')} being sent when the last run was interrupted.")
        return OpenSending(ledger, run, None, notes, resumes=True)


def _followed(path: Path, fingerprint: str) -> list[str]:
    """Moves the ledger of a renamed profile to `path`; returns notes about it, or about tasks that stay behind."""
    if (former := _follow_rename(path, fingerprint)) is not None:
        return [f"Continuing with the tasks of {former}, which no longer exists: the profile was probably renamed."]
    notes = []
    for left in left_ledgers(path):
        found = last_task_run(left.path)
        if found is None or found[0].state == "complete":
            continue
        open_tasks = sum(found[1][state] for state in ("new", *_UNCLEAR))
        tasks = count(open_tasks, "task was", "tasks were")
        notes.append(
            f"In the last run of {left.profile}, which no longer exists, {tasks} not finished. They are not continued, "
            "because the configuration is different."
        )
    return notes


def _follow_rename(ledger: Path, fingerprint: str) -> Path | None:
    """Moves the ledger of a profile that no longer exists here, if it was sent with the same configuration.

    `ledger` is where it shall be, and does not exist. Returns the path of the former profile; None if there is none.
    Blocks. Raises `LedgerError`.
    """
    same = [left for left in left_ledgers(ledger) if _fingerprint(left.path) == fingerprint]
    if len(same) != 1:
        return None  # of several, it is not known which one was renamed
    [left] = same
    with TaskLedger(left.path) as held:
        held.move(ledger)
    return left.profile


def _fingerprint(ledger: Path) -> str | None:
    with contextlib.suppress(LedgerError, sqlite3.Error):
        found = last_task_run(ledger)
        return found[0].fingerprint if found is not None and not found[2] else None
    return None


def _not_resumed(why: str) -> UserError:
    return UserError("outgoing-not-resumed", f"The last run cannot be resumed: {why}", "Make a new plan.")
