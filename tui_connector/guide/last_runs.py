"""The results of the last runs of a profile, from its ledgers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..outgoing.tasks import last_task_run, tasks_file
from ..runs.database import LedgerError
from ..runs.ledger import RunRow, last_run, ledger_file

_GOOD = ("complete", "running")


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest run of an incoming or outgoing. `at` is when it ended, or began, in seconds since 1970."""

    name: str
    """Of the incoming or outgoing."""
    ok: bool
    """Whether it is complete without failures, or still running."""
    outcome: str
    """Such as "complete, 1,000 items"."""
    at: float
    sends: bool = False
    """Whether it is of an outgoing."""

    @property
    def mark(self) -> str:
        """✔ or ✘."""
        return "✔" if self.ok else "✘"

    @property
    def summary(self) -> str:
        """The mark and the outcome."""
        return f"{self.mark} {self.outcome}"


def last_runs(state: Path, profile: Path, environment: str = "") -> dict[str, LastRun]:
    """The latest run of each incoming that was run, by its name. Ledgers that cannot be read are left out."""
    found = {}
    for path in sorted(ledger_file(state, profile, "any", environment=environment).parent.glob("*.sqlite")):
        try:
            row, under_way = last_run(path)
        except LedgerError:
            continue
        if row is not None:
            found[path.stem] = _read(path.stem, row, under_way)
    return found


def last_sendings(state: Path, profile: Path, environment: str = "") -> dict[str, LastRun]:
    """The latest run of each outgoing that was run, by its name. Ledgers that cannot be read are left out."""
    found = {}
    for path in sorted(tasks_file(state, profile, "any", environment).parent.glob("*.sqlite")):
        try:
            last = last_task_run(path)
        except LedgerError:
            continue
        if last is not None:
            run, counts, under_way = last
            described = run.described_state(counts, is_running=under_way)
            tasks = ", ".join(f"{number:,} {each}" for each, number in counts.items() if number) or "no tasks"
            ok = described in _GOOD and not counts["failed"] and not counts["unknown"]
            found[path.stem] = LastRun(path.stem, ok, f"{described}, {tasks}", _seconds(run.ended or run.began), True)
    return found


def _read(incoming: str, row: RunRow, under_way: bool) -> LastRun:
    """A run marked as running that no process holds was killed."""
    state = row.state if row.state != "running" or under_way else "stopped"
    ok = state in _GOOD and not row.failed
    failed = f", {row.failed:,} failed" if row.failed else ""
    return LastRun(incoming, ok, f"{state}, {row.items:,} items{failed}", _seconds(row.ended or row.began))


def _seconds(moment: str) -> float:
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
