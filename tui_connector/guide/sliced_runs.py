"""How far the runs in slices of a profile are, on all machines: what a screen shows of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from ..profile.model import Profile
from ..runs.postgres_slices import PostgresRuns
from ..runs.slice_attempts import SILENT_AFTER
from ..runs.slice_directory import SHARED, SliceDirectories, shared_directory
from ..runs.slices import Attempt, SlicedRuns, SliceStates
from ..units import from_timestamp
from .workbench import Workbench

_LISTED = 50
"""Runs that are listed."""

SliceState = Literal["waiting", "running", "silent", "failed", "done"]


@dataclass(frozen=True, slots=True)
class SlicedRun:
    """A run in slices, as it is now."""

    states: SliceStates
    now: datetime

    @property
    def run_id(self) -> str:
        return self.states.plan.run_id

    @property
    def slices(self) -> Mapping[SliceState, int]:
        """The number of slices in each state."""
        return Counter(self.state_of(each.index) for each in self.states.plan.slices)

    def state_of(self, index: int) -> SliceState:
        """The state of a slice; silent if its process has not said that it is alive for a while."""
        if self.states.commit is not None or index in self.states.done:
            return "done"
        attempt = self.states.attempts.get(index)
        if attempt is None:
            return "waiting"
        if attempt.state == "failed":
            return "failed"
        return "running" if self.seconds_since(attempt) < SILENT_AFTER else "silent"

    @property
    def state(self) -> str:
        """The state of the run in a word or two."""
        commit, slices = self.states.commit, self.slices
        if commit is not None:
            return "committed" if commit.state == "complete" and not commit.failed else "incomplete"
        for state in ("running", "failed", "silent"):
            if slices[state]:
                return state
        return "to commit" if slices["done"] == len(self.states.plan.slices) else "waiting"

    @property
    def ok(self) -> bool:
        """Whether nothing has failed."""
        return self.state not in ("incomplete", "failed", "silent") and not self.slices["failed"]

    @property
    def items(self) -> int:
        """Items or tasks so far."""
        if self.states.commit is not None:
            return self.states.commit.items
        reports, attempts = self.states.reports, self.states.attempts
        read = sum(each.items for each in reports.values())
        return read + sum(each.items for index, each in attempts.items() if index not in reports)

    @property
    def failed_items(self) -> int:
        if self.states.commit is not None:
            return self.states.commit.failed
        reports, attempts = self.states.reports, self.states.attempts
        read = sum(len(each.failed) for each in reports.values())
        return read + sum(each.failed for index, each in attempts.items() if index not in reports)

    @property
    def rate(self) -> float:
        """Items per second of the slices that are running."""
        running = (each for index, each in self.states.attempts.items() if self.state_of(index) == "running")
        return sum(each.items / each.seconds for each in running if each.seconds > 0)

    @property
    def last_sign(self) -> float | None:
        """Seconds since a process last said how far it is; None if there was none."""
        return min(map(self.seconds_since, self.states.attempts.values()), default=None)

    def seconds_since(self, attempt: Attempt) -> float:
        """Seconds since the process of a slice last said how far it is, or ended."""
        return max(0.0, (self.now - from_timestamp(attempt.seen)).total_seconds())

    @property
    def attempts(self) -> Sequence[tuple[SliceState, Attempt]]:
        """The slices that are running, silent or failed, the latter first."""
        order: tuple[SliceState, ...] = ("failed", "silent", "running")
        found = [(self.state_of(index), each) for index, each in sorted(self.states.attempts.items())]
        return sorted((each for each in found if each[0] in order), key=lambda each: order.index(each[0]))

    @property
    def first_failed_items(self) -> Sequence[str]:
        """Some of the records that failed in slices that are done, with the reason."""
        failed = (each for report in self.states.reports.values() for each in report.failed)
        return [f"{each.record}: {each.message}" for each in islice(failed, 20)]


class SlicedRunReader:
    """Reads the runs in slices of a profile, again and again. Its methods block, and raise `UserError`."""

    def __init__(self, workbench: Workbench, profile: Profile, file: Path) -> None:
        machine = workbench.machine
        server = workbench.ledgers(profile, file)
        shared = shared_directory(machine.directories.state, machine.environ.get(SHARED))
        self.where = str(shared) if server is None else server.name
        """Where they are, for the user."""
        self._runs: SlicedRuns = (
            SliceDirectories(shared, file.stem, profile.environment) if server is None else PostgresRuns(server)
        )
        self._known: dict[str, SliceStates] = {}

    def read(self, now: datetime) -> list[SlicedRun]:
        """The runs, those planned last first."""
        found = []
        for run_id in self._runs.ids()[:_LISTED]:
            known = self._known.get(run_id)
            if known is None or known.commit is None:  # a committed run does not change
                known = self._runs.store(run_id).states(known)
            if known is not None:
                self._known[run_id] = known
                found.append(SlicedRun(known, now))
        return found

    def close(self) -> None:
        self._runs.close()
