"""The results of the last runs of a profile, from its ledgers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..runs.ledger import LedgerError, RunRow, last_run, ledger_file

_GOOD = ("complete", "running")


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest run of one incoming. `at` is when it ended, or began, in seconds since 1970."""

    incoming: str
    summary: str
    at: float


def last_runs(state: Path, profile: Path) -> dict[str, LastRun]:
    """The latest run of each incoming that was run, by its name. Ledgers that cannot be read are left out."""
    found = {}
    for path in sorted(ledger_file(state, profile, "any").parent.glob("*.sqlite")):
        try:
            row, under_way = last_run(path)
        except LedgerError:
            continue
        if row is not None:
            found[path.stem] = LastRun(path.stem, _summary(row, under_way), _seconds(row.ended or row.began))
    return found


def _summary(row: RunRow, under_way: bool) -> str:
    """State and number of items. A run marked as running that no process holds was killed."""
    state = row.state if row.state != "running" or under_way else "stopped"
    failed = f", {row.failed:,} failed" if row.failed else ""
    return f"{'✔' if state in _GOOD and not row.failed else '✘'} {state}, {row.items:,} items{failed}"


def _seconds(moment: str) -> float:
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
