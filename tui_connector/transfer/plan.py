"""Where a run begins: anew, where an interrupted one stopped, or at the mark of the last complete one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ..client.http_client import seconds
from ..placeholder import Json
from ..secrets.references import is_lost
from .incoming import Incoming
from .incremental import NO_DATES, before
from .ledger import Ledger
from .ledger_rows import Mark, RunRow
from .pagination import CIRCLE, SAME_PAGE

_NOT_ASKED = {"title", "description", "disabled", "patience"}
"""Fields whose change leaves a run what it was."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user wants of this run."""

    full: bool = False
    since: str | None = None
    limit: int | None = None
    in_flight: int | None = None
    mark: str | None = None
    """Up to when everything has been read, where somebody else than the ledger keeps that."""


@dataclass(slots=True)
class Plan:
    """Where a run begins. `sink` None: the sink begins anew. `at_end`: nothing is left to be read."""

    run: RunRow
    position: Json
    sink: Json
    drops: bool
    """Leaves out what is known."""
    notes: list[str] = field(default_factory=list)
    at_end: bool = False
    held: int | None = None
    """How many items the list had when it was last read whole, of a run that reads it whole, too; otherwise None."""


def fingerprint(incoming: Incoming, uri: str, headers: Sequence[tuple[str, str]] = ()) -> str:
    """What a run is bound to: its request at its store, and all that decides on its items and where they go."""
    saved = incoming.model_dump(mode="json", by_alias=True, exclude=_NOT_ASKED)
    for part, name in (("pagination", "page-size"), ("incremental", "overlap"), ("request", "reads")):
        if isinstance(saved.get(part), dict):
            saved[part].pop(name, None)
    bound_to = [uri, saved, *([list(headers)] if headers else [])]
    return hashlib.sha256(json.dumps(bound_to, sort_keys=True).encode()).hexdigest()


def plan(
    ledger: Ledger, incoming: Incoming, wanted: Wanted, *, began: str, bound_to: str, asked: str, resumable: bool
) -> Plan:
    """Decides, and writes it into the ledger."""
    last = ledger.last()
    unfinished = last if last is not None and last.state not in ("complete", "incomplete") else None
    notes: list[str] = []
    if unfinished is not None and not wanted.full and wanted.since is None:
        circled = unfinished.reason.startswith((SAME_PAGE, CIRCLE, NO_DATES)) or is_lost(unfinished.position)
        if unfinished.fingerprint == bound_to and unfinished.sink is not None and resumable and not circled:
            ledger.resume(unfinished)
            drops = _drops(incoming, unfinished.since, ledger.mark())
            if unfinished.at_end:
                notes = [f"Completing the run of {unfinished.began}: all {unfinished.items} items had been written."]
            else:
                notes = [f"Goes on where the run of {unfinished.began} stopped, after {unfinished.items} items."]
            return Plan(unfinished, unfinished.position, unfinished.sink, drops, notes, unfinished.at_end)
        notes += _why_anew(unfinished, bound_to, asked, resumable=resumable)
    mark = ledger.mark() if wanted.mark is None else Mark(wanted.mark, bound_to, None)
    if mark is not None and mark.fingerprint != bound_to:
        if incoming.incremental is not None and not wanted.full:
            notes.append("The configuration has changed since the last complete run, so everything is read anew.")
        mark = None
    if incoming.incremental is None or wanted.full:
        mark = None
    since = _since(incoming, wanted, mark)
    moves = wanted.since is None or mark is None or mark.value is None or wanted.since <= mark.value
    if not moves:
        notes.append(
            f"The mark stays at {mark.value if mark else ''}: what changed before --since is still to be read."
        )
    elif wanted.since is not None and (mark is None or mark.value is None):
        notes.append(f"Later runs go on from here: what changed before {wanted.since} is read with --full only.")
    run = ledger.begin(began, bound_to, asked, since, moves_mark=moves, forget=mark is None)
    drops = wanted.since is None and _drops(incoming, since, mark)
    whole = since is None and not wanted.full
    return Plan(run, None, mark.sink if mark else None, drops, notes, held=_held(ledger, bound_to) if whole else None)


def _held(ledger: Ledger, bound_to: str) -> int:
    """How many items the list had when it was last read whole with the same request; 0 where it never was."""
    last = ledger.last_complete()
    return last.read if last is not None and last.fingerprint == bound_to and last.since is None else 0


def anew(ledger: Ledger, abandoned: Plan, began: str, incoming: Incoming, why: str) -> Plan:
    """The plan when what earlier runs wrote is gone. What was read after the mark is not needed again."""
    run = abandoned.run
    since = run.since
    if incoming.incremental is not None and incoming.incremental.content:
        since = None
    new = ledger.begin(began, run.fingerprint, run.asked, since, moves_mark=run.moves_mark, forget=True)
    return Plan(new, None, None, False, [*abandoned.notes, why])


def _since(incoming: Incoming, wanted: Wanted, mark: Mark | None) -> str | None:
    incremental = incoming.incremental
    if wanted.since is not None:
        return wanted.since
    if incremental is None or incremental.field is None:
        return None
    if mark is None or mark.value is None:
        return incremental.from_
    return before(mark.value, timedelta(seconds=seconds(incremental.overlap)))


def _drops(incoming: Incoming, since: str | None, mark: Mark | None) -> bool:
    if incoming.incremental is None or mark is None:
        return False
    return incoming.incremental.content or since is not None


def _why_anew(last: RunRow, bound_to: str, asked: str, *, resumable: bool) -> list[str]:
    if last.fingerprint != bound_to:
        what = f": it asked for {last.asked}" if last.asked != asked else ""
        return [f"Begins anew: the configuration has changed since the run of {last.began} stopped{what}."]
    if last.reason.startswith((SAME_PAGE, CIRCLE)):
        return ["Begins anew: the pages of the last run went in a circle."]
    if is_lost(last.position):
        return ["Starting over: the position of the last run contains a secret and could not be stored."]
    if last.reason.startswith(NO_DATES):
        return ["Starting over: no item of the last run had a date to continue from."]
    if not resumable:
        return ["Begins anew: what goes to a pipe cannot be continued."]
    return []
