"""The results of the last runs, from the ledgers: those of a profile, or of all profiles."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..files import described, reason, state_remedy
from ..outgoing.task_ledger import last_task_runs, tasks_file
from ..outgoing.tasks import TaskRun, TaskState
from ..profile.environment_names import names_of
from ..profile.library import BatchReader, Library, ProfileError, read_with_data
from ..runs.database import LedgerError, LedgerPlace
from ..runs.ledger import last_runs as last_rows
from ..runs.ledger import ledger_file
from ..runs.progress import LIMIT_REACHED, OUTPUT_CLOSED, STOPPED
from ..text import count
from .profiles.lists import ProfileLists

if TYPE_CHECKING:  # home does not wait for models
    from ..runs.postgres_ledger import LedgerServer

_GOOD = ("complete", "running")
_UNDER_WAY = ("running", "waiting")
_AS_WANTED = {STOPPED: "stopped by you", LIMIT_REACHED: "limit reached", OUTPUT_CLOSED: "output closed"}
"""Ends before the end of the list that the user wanted, by their code, in words."""
UNREADABLE = "unreadable"
"""The state of the entry of a ledger that cannot be read, with the reason instead of its runs."""
_EVERY_RUN = 1_000
"""More than a ledger keeps."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """A run of an incoming or outgoing. `at` is when it ended, or began, in seconds since 1970; 0 if not known."""

    name: str
    """Of the incoming or outgoing."""
    ok: bool
    """Whether it is complete without failures, or still running."""
    state: str
    """As the ledger has it, or `UNREADABLE`; "waiting" while a run of this process waits for its store."""
    counts: Mapping[str, int]
    """Items, or tasks by state."""
    at: float
    sends: bool = False
    """Whether it is of an outgoing."""
    seconds: float = 0.0
    """How long it took."""
    requests: int = 0
    reason: str = ""
    """Why it is not complete."""
    code: str = ""
    began: str = ""
    number: int = 0
    undone_run: int = 0
    """The number of the run that this one undid; 0 if it is no undo."""
    fingerprint: str = ""
    """Of the settings that it had; empty if that is not known."""
    environment: str = ""
    """The environment that it ran in, where runs of several are listed together; empty for the base values."""
    is_shared: bool = False
    """Whether it is in a shared ledger, and may be somebody else's."""
    shares_name: bool = False
    """Whether an incoming and an outgoing with this name were run."""

    @property
    def age_rank(self) -> tuple[bool, float]:
        """Sorts runs, the newest first: one under way is newer than all that ended, also if it began long ago."""
        return not self.is_under_way, -self.at

    @property
    def direction(self) -> str:
        """ "incoming" or "outgoing"."""
        return "outgoing" if self.sends else "incoming"

    @property
    def label(self) -> str:
        """The name, with the direction where both have it, and the environment where it is known."""
        more = ", ".join(filter(None, [self.direction if self.shares_name else "", self.environment]))
        return f"{self.name} ({more})" if more else self.name

    @property
    def is_unreadable(self) -> bool:
        """Whether its ledger cannot be read; `reason` says why, and `at` is when the ledger was changed."""
        return self.state == UNREADABLE

    @property
    def is_under_way(self) -> bool:
        return self.state in _UNDER_WAY

    @property
    def ended_as_wanted(self) -> bool:
        """Whether it is not complete because its user wanted that, and nothing failed."""
        return self.state == "stopped" and self.code in _AS_WANTED and not self.failures

    @property
    def is_failure(self) -> bool:
        return not self.ok and not self.ended_as_wanted

    @property
    def failures(self) -> int:
        """Items or tasks that failed, or of which that is unknown."""
        return self.counts.get("failed", 0) + self.counts.get("unknown", 0)

    @property
    def ending(self) -> str:
        """The state for people, such as "complete" or "stopped by you"."""
        if self.state != "stopped" or (self.is_shared and self.code == STOPPED):
            return self.state
        return _AS_WANTED.get(self.code, self.state)

    @property
    def outcome(self) -> str:
        """Such as "complete, 1,000 items", or "undo of run 1: complete, 3 finished"."""
        outcome = ", ".join(filter(None, (self.ending, self.counts_text)))
        return f"{self.undo}: {outcome}" if self.undo else outcome

    @property
    def counts_text(self) -> str:
        """Such as "2 finished, 1 failed"; empty where that is not known."""
        if self.is_unreadable:
            return ""
        found = (
            count(number, "item") if each == "items" else f"{number:,} {each}" for each, number in self.counts.items()
        )
        return ", ".join(found) or "no tasks"

    @property
    def undo(self) -> str:
        """Such as "undo of run 1"; empty if it is no undo."""
        return f"undo of run {self.undone_run}" if self.undone_run else ""

    @property
    def mark(self) -> str:
        """✔, ✘, ■ where its user has stopped it, → while it runs, or ! while it waits."""
        if self.is_under_way:
            return "→" if self.state == "running" else "!"
        return "✔" if self.ok else "✘" if self.is_failure else "■"

    @property
    def tone(self) -> Literal["success", "error", "muted", "accent", "warning"]:
        if self.is_under_way:
            return "accent" if self.state == "running" else "warning"
        return "success" if self.ok else "error" if self.is_failure else "muted"

    @property
    def why(self) -> str:
        """Why it is not complete, unless `ending` says that."""
        return "" if self.code == STOPPED and not self.is_shared else self.reason

    @property
    def summary(self) -> str:
        """The mark and the outcome."""
        return f"{self.mark} {self.outcome}"


@dataclass(frozen=True, slots=True)
class ProfileRun:
    """A run, and the profile and environment that it belongs to."""

    profile: Path
    environment: str
    run: LastRun

    @property
    def label(self) -> str:
        """The profile and its environment, such as "acme (staging)"."""
        return f"{self.profile.stem} ({self.environment})" if self.environment else self.profile.stem

    def as_json(self) -> dict[str, object]:
        run = self.run
        return {
            "profile": self.profile.stem,
            "path": str(self.profile),
            "environment": self.environment,
            "name": run.name,
            "direction": run.direction,
            "run": run.number,
            "undone_run": run.undone_run or None,
            "state": run.state,
            "ok": run.ok,
            "began": run.began,
            "at": datetime.fromtimestamp(run.at, UTC).isoformat(timespec="seconds") if run.at else None,
            "seconds": round(run.seconds, 3),
            "counts": dict(run.counts),
            "requests": run.requests,
            "reason": run.reason,
            "code": run.code,
        }


def told_apart(runs: Iterable[LastRun]) -> list[LastRun]:
    """The runs of one profile and environment, those of an incoming and an outgoing with the same name marked so."""
    found = list(runs)
    both = {run.name for run in found if run.sends} & {run.name for run in found if not run.sends}
    return [replace(run, shares_name=True) if run.name in both else run for run in found]


def latest_first(runs: Iterable[LastRun]) -> list[LastRun]:
    """The last runs of one profile: of those that ended in the same second, first those that failed."""
    return sorted(told_apart(runs), key=lambda run: (run.age_rank, not run.is_failure))


def last_runs(state: Path, profile: Path, environment: str = "") -> dict[str, LastRun]:
    """The latest run of each incoming that was run, by its name; of a ledger that cannot be read, why."""
    return {run.name: run for run in _incoming_runs(state, profile, environment, 1)}


def last_sendings(state: Path, profile: Path, environment: str = "") -> dict[str, LastRun]:
    """The latest run of each outgoing that was run, by its name; of a ledger that cannot be read, why."""
    return {run.name: run for run in _outgoing_runs(state, profile, environment, 1)}


def listed_profiles(directory: Path, state: Path) -> list[Path]:
    """The profiles of the directory and the recent files elsewhere. Blocks. Raises `ProfileError`."""
    found = Library(directory).paths()
    known = {each.absolute() for each in found}
    return [*found, *(each for each in ProfileLists(state).recent() if each not in known and each.is_file())]


def runs_of_profiles(state: Path, profiles: Sequence[Path], *, every: bool = False) -> list[ProfileRun]:
    """The latest run of each configuration in each environment, newest first; `every`: all runs that are kept.

    Blocks. A ledger that cannot be read has an entry that says why, and so has a profile whose disk does not respond.
    """

    def of(profile: Path) -> list[ProfileRun]:
        return _runs_of(state, profile, names_of(read_with_data(profile)[1]), _EVERY_RUN if every else 1)

    reading, found, silent, missing = BatchReader(profiles, of), list[ProfileRun](), 0, dict.fromkeys(profiles)
    while reading.left and silent < _SILENT_BATCHES:
        results = reading.take()
        silent = 0 if results else silent + 1
        for profile, runs in results.items():
            del missing[profile]
            found += runs
    reading.stop()
    found += [ProfileRun(each, "", _unreadable("all", "Its disk does not respond.", 0)) for each in missing]
    return sorted(found, key=lambda each: (each.run.age_rank, each.profile, each.run.name))


def last_in_any_environment(state: Path, profile: Path) -> list[LastRun]:
    """The latest run of each incoming and outgoing in whatever environment, the latest first. Blocks.

    Of a file that cannot be read, those of the base values. A ledger that cannot be read comes before any run of the
    same name, with the reason.
    """
    try:
        environments = names_of(read_with_data(profile)[1])
    except (ProfileError, OSError):
        environments = []
    found = _runs_of(state, profile, environments, 1)
    found.sort(key=lambda each: (not each.run.is_unreadable, each.run.age_rank))
    latest: dict[tuple[str, bool], LastRun] = {}
    for each in found:
        latest.setdefault((each.run.name, each.run.sends), replace(each.run, environment=each.environment))
    return latest_first(latest.values())


def _runs_of(state: Path, profile: Path, environments: Iterable[str], limit: int) -> list[ProfileRun]:
    """The last runs of each configuration with the base values and in these environments."""
    return [
        ProfileRun(profile, environment, run)
        for environment in ("", *environments)
        for run in told_apart(
            [*_incoming_runs(state, profile, environment, limit), *_outgoing_runs(state, profile, environment, limit)]
        )
    ]


def runs_in_shared_ledger(server: LedgerServer, profile: Path, *, every: bool = False) -> list[ProfileRun]:
    """The latest run of each configuration of a profile with a shared ledger, newest first. Blocks.

    `every`: all runs that are kept. Raises `UserError`.
    """
    limit = _EVERY_RUN if every else 1
    found = [run for name in server.names("incoming") for run in _runs_read(server.place("incoming", name), limit)]
    found += [run for name in server.names("outgoing") for run in _runs_sent(server.place("outgoing", name), limit)]
    found.sort(key=lambda each: (each.age_rank, each.name))
    return [ProfileRun(profile, server.environment, run) for run in told_apart(found)]


_SILENT_BATCHES = 50


def _incoming_runs(state: Path, profile: Path, environment: str, limit: int) -> Iterator[LastRun]:
    yield from _runs_in(ledger_file(state, profile, "any", environment=environment).parent, _runs_read, limit)


def _outgoing_runs(state: Path, profile: Path, environment: str, limit: int) -> Iterator[LastRun]:
    for each in _runs_in(tasks_file(state, profile, "any", environment).parent, _runs_sent, limit):
        yield each if each.sends else replace(each, sends=True)


def _runs_in(folder: Path, runs_of: Callable[[LedgerPlace, int], Iterator[LastRun]], limit: int) -> Iterator[LastRun]:
    """The runs in the ledgers of this folder; of each that cannot be read, the reason."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".sqlite"))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield _unreadable("all", f"{folder} cannot be read: {reason(error)}. {state_remedy(error)}", _changed(folder))
        return
    for path in map(folder.joinpath, names):
        try:
            yield from [*runs_of(path, limit)]
        except (LedgerError, OSError) as error:
            why = error.text if isinstance(error, LedgerError) else described(error)
            yield _unreadable(path.stem, why, _changed(path))


def _unreadable(name: str, why: str, at: float) -> LastRun:
    return LastRun(name, False, UNREADABLE, {}, at, reason=why, code=UNREADABLE)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0


def _runs_read(path: LedgerPlace, limit: int) -> Iterator[LastRun]:
    """The last runs of an incoming. Raises `LedgerError`."""
    rows, under_way = last_rows(path, limit)
    for index, row in enumerate(rows):
        # a run marked as running that no process holds was killed
        running = under_way and index == 0
        described = row.state if row.state != "running" or running else "interrupted"
        counts = {"items": row.items} | ({"failed": row.failed} if row.failed else {})
        yield LastRun(
            path.stem,
            described in _GOOD and not row.failed,
            described,
            counts,
            _seconds(row.ended or row.began),
            seconds=row.seconds,
            requests=row.requests,
            reason=row.reason,
            code=row.code,
            began=row.began,
            number=row.id,
            fingerprint=row.fingerprint,
            is_shared=not isinstance(path, Path),
        )


def _runs_sent(path: LedgerPlace, limit: int) -> Iterator[LastRun]:
    """The last runs of an outgoing; an undo that restores and deletes is one. Raises `LedgerError`."""
    rows, under_way = last_task_runs(path, limit + 1)
    found: list[list[tuple[TaskRun, Mapping[TaskState, int]]]] = []
    for row in rows:
        if found and found[-1][-1][0].continues(row[0]):
            found[-1].append(row)
        else:
            found.append([row])
    for index, steps in enumerate(found[:limit]):
        (run, _), first = steps[0], steps[-1][0]
        counts = {each: sum(step[each] for _, step in steps) for each in steps[0][1]}
        described = run.described_state(counts, is_running=under_way and index == 0)
        yield LastRun(
            path.stem,
            described in _GOOD and not counts["failed"] and not counts["unknown"],
            described,
            {each: number for each, number in counts.items() if number},
            _seconds(run.ended or run.began),
            sends=True,
            seconds=sum(step.seconds for step, _ in steps),
            requests=sum(step.requests for step, _ in steps),
            reason=run.reason,
            code=run.code,
            began=first.began,
            number=run.id,
            fingerprint=run.fingerprint,
            undone_run=run.undone_run,
            is_shared=not isinstance(path, Path),
        )


def _seconds(moment: str) -> float:
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
