"""Where a run starts: again, where an interrupted one stopped, or at the mark of the last complete one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from ..client.exchange import Exchanges
from ..client.message import Request
from ..client.model import seconds
from ..client.session import Session
from ..errors import UserError
from ..machine import Machine
from ..runs.errors import Explain
from ..runs.ledger import HighWaterMark, Ledger, RunRow
from ..secrets.references import is_lost
from ..templates import Json, PlaceholderError, Scope
from .incremental import ChangeFilter, before, is_number
from .model import Incoming
from .output_path import OutputPaths
from .pagination import Pagination, PaginationError
from .sink import OpenSink, SinkContext, SinkMissing
from .writing import RunWriter

_NOT_ASKED = {"title", "description", "disabled", "patience"}
"""Fields whose change leaves a run what it was."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user wants of this run."""

    full: bool = False
    since: str | None = None
    limit: int | None = None
    in_flight: int | None = None
    mark: str | None = None
    """Up to when everything has been read, where somebody else than the ledger keeps that."""


@dataclass(slots=True)
class RunPlan:
    """Where a run starts. `sink` None: the sink starts again. `at_end`: nothing is left to be read."""

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


_CIRCLE = "the pages of the last run went in a circle"
_STARTS_OVER = {
    "same-page": _CIRCLE,
    "circle": _CIRCLE,
    "no-dates": "no item of the last run had a date to continue from",
}
"""Ends of a run, by code, that it cannot be resumed from, and why: its position leads back into them."""


def plan(
    ledger: Ledger, incoming: Incoming, wanted: RunOptions, *, began: str, bound_to: str, asked: str, resumable: bool
) -> RunPlan:
    """Decides, and writes it into the ledger."""
    last = ledger.last()
    unfinished = last if last is not None and last.state not in ("complete", "incomplete") else None
    notes: list[str] = []
    if unfinished is not None and not wanted.full and wanted.since is None:
        over = unfinished.code in _STARTS_OVER or is_lost(unfinished.position)
        if unfinished.fingerprint == bound_to and unfinished.sink is not None and resumable and not over:
            ledger.resume(unfinished)
            drops = _drops(incoming, unfinished.since, ledger.mark())
            if unfinished.at_end:
                notes = [f"Completing the run of {unfinished.began}: all {unfinished.items} items had been written."]
            else:
                notes = [f"Resuming the run of {unfinished.began} after {unfinished.items} items."]
            return RunPlan(unfinished, unfinished.position, unfinished.sink, drops, notes, unfinished.at_end)
        notes += _why_anew(unfinished, bound_to, asked, resumable=resumable)
    mark = ledger.mark() if wanted.mark is None else HighWaterMark(wanted.mark, bound_to, None)
    if mark is not None and mark.fingerprint != bound_to:
        if incoming.incremental is not None and not wanted.full:
            notes.append("The configuration has changed since the last complete run, so everything is read again.")
        mark = None
    if incoming.incremental is None or wanted.full:
        mark = None
    since = _since(incoming, wanted, mark)
    moves = wanted.since is None or mark is None or mark.value is None or wanted.since <= mark.value
    if not moves:
        notes.append(
            f"The mark stays at {mark.value if mark else ''}: earlier changes than --since are still to be read."
        )
    elif wanted.since is not None and (mark is None or mark.value is None):
        notes.append(f"Later runs continue from here: changes before {wanted.since} are read with --full only.")
    run = ledger.begin(began, bound_to, asked, since, moves_mark=moves, forget=mark is None)
    drops = wanted.since is None and _drops(incoming, since, mark)
    whole = since is None and not wanted.full
    return RunPlan(
        run, None, mark.sink if mark else None, drops, notes, held=_held(ledger, bound_to) if whole else None
    )


def _held(ledger: Ledger, bound_to: str) -> int:
    """How many items the list had when it was last read whole with the same request; 0 where it never was."""
    last = ledger.last_complete()
    return last.read if last is not None and last.fingerprint == bound_to and last.since is None else 0


def anew(ledger: Ledger, abandoned: RunPlan, began: str, incoming: Incoming, why: str) -> RunPlan:
    """The plan when what earlier runs wrote is gone. What was read after the mark is not needed again."""
    run = abandoned.run
    since = run.since
    if incoming.incremental is not None and incoming.incremental.content:
        since = None
    new = ledger.begin(began, run.fingerprint, run.asked, since, moves_mark=run.moves_mark, forget=True)
    return RunPlan(new, None, None, False, [*abandoned.notes, why])


def _since(incoming: Incoming, wanted: RunOptions, mark: HighWaterMark | None) -> str | None:
    incremental = incoming.incremental
    if wanted.since is not None:
        return wanted.since
    if incremental is None or incremental.field is None:
        return None
    if mark is None or mark.value is None:
        return incremental.from_
    if incoming.identifier is None and is_number(mark.value):  # nothing would tell which rows were read before
        return mark.value
    return before(mark.value, timedelta(seconds=seconds(incremental.overlap)))


def _drops(incoming: Incoming, since: str | None, mark: HighWaterMark | None) -> bool:
    if incoming.incremental is None or mark is None:
        return False
    return incoming.incremental.content or since is not None


def _why_anew(last: RunRow, bound_to: str, asked: str, *, resumable: bool) -> list[str]:
    if last.fingerprint != bound_to:
        what = f": it requested {last.asked}" if last.asked != asked else ""
        return [f"Starting over: the configuration has changed since the run of {last.began} stopped{what}."]
    if last.code in _STARTS_OVER:
        return [f"Starting over: {_STARTS_OVER[last.code]}."]
    if is_lost(last.position):
        return ["Starting over: the position of the last run contains a secret and could not be stored."]
    if not resumable:
        return ["Starting over: output to a pipe cannot be resumed."]
    return []


# What a run holds open: its ledger, its plan and its sink. All of it belongs to the writing thread.


@dataclass(frozen=True, slots=True)
class RunLocation:
    """Where a run is: its incoming's name, the profile's file, and its ledger (None: it leaves nothing behind)."""

    name: str
    file: Path
    ledger: Path | None


@dataclass(frozen=True, slots=True)
class RunEnvironment:
    """What a run works with."""

    session: Session
    exchanges: Exchanges
    machine: Machine
    place: RunLocation
    explain: Explain = lambda _request, _answer: None
    typed_output: str | None = None
    """The file that the user has just named as this run's output, if any."""

    @property
    def outputs(self) -> OutputPaths:
        """The files that the run may write."""
        machine, directory = self.machine, Path(os.path.realpath(self.place.file)).parent
        return OutputPaths(directory, machine.directories, machine.environ, self.session.grants, self.typed_output)


@dataclass(slots=True)
class OpenRun:
    """A run that can start."""

    ledger: Ledger
    plan: RunPlan
    sink: OpenSink
    writing: RunWriter
    beyond: bool = False
    """The sink holds items after the recorded position."""
    broken: Exception | None = None
    """Why the sink or the ledger failed."""
    closed: bool = False
    """Nobody reads what the sink writes any more."""

    def close(self) -> None:
        self.sink.close()
        self.ledger.close()

    @classmethod
    def open(
        cls,
        place: RunLocation,
        incoming: Incoming,
        wanted: RunOptions,
        outputs: OutputPaths,
        *,
        bound_to: str,
        asked: str,
        now: str,
        monotonic: Callable[[], float],
        accepts: Callable[[str], bool],
        stored: Callable[[Json], Json],
    ) -> Self:
        """`now` in Magento's form; `stored` gives a position as it may be written to disk.

        Raises `LedgerError` and `SinkError`.
        """
        assert incoming.sink is not None
        ledger = Ledger(place.ledger)
        try:
            resumable = incoming.sink.resumable
            chosen = plan(ledger, incoming, wanted, began=now, bound_to=bound_to, asked=asked, resumable=resumable)
            cursor = incoming.incremental.field if incoming.incremental else None
            known, closed = ledger.known_sink()
            directory = Path(os.path.realpath(place.file)).parent  # by whatever link the profile was opened
            context = SinkContext(directory, place.name, incoming.identifier, cursor, known, closed, outputs)
            try:
                sink = incoming.sink.open(context, chosen.sink)
            except SinkMissing as gone:
                chosen = anew(ledger, chosen, now, incoming, f"Starting over: {gone.message}.")
                sink = incoming.sink.open(context, None)
            changes = None
            if incoming.incremental is not None:
                changes = ChangeFilter(
                    incoming.incremental,
                    incoming.identifier,
                    ledger,
                    chosen.run,
                    drop=chosen.drops,
                    accepts=accepts,
                )
            reshape = incoming.reshape()
            writing = RunWriter(
                ledger,
                chosen.run,
                sink,
                changes=changes,
                reshape=reshape,
                identifier=incoming.identifier,
                needs_identifier=incoming.sink.needs_identifier,
                looks_for_doubles=incoming.pagination is not None and not incoming.pagination.holds_once,
                monotonic=monotonic,
                stored=stored,
            )
            try:
                ledger.confirm()
            except BaseException:
                sink.close()
                raise
            return cls(ledger, chosen, sink, writing)
        except BaseException:
            ledger.close()
            raise


# What a run asks for: the request of its list, how that is paged, and what a run of it is bound to.


_CURSOR = "@{cursor}"
PUT_CURSOR = "Put @{cursor} into the request where the store expects the date."


class ListRequest:
    """The request of an incoming, as a run from `since` on sends it (None: from where the ledger says)."""

    def __init__(self, name: str, incoming: Incoming, since: str | None, session: Session) -> None:
        self._name, self._incoming, self._since, self._session = name, incoming, since, session

    def bound(self) -> tuple[str, str]:
        """What the run is bound to, and its request in words. Raises `UserError`."""
        incoming = self._incoming
        if incoming.disabled:
            message = f"The incoming {self._name} is disabled"
            raise UserError("incoming-disabled", message, "Remove `disabled = true` to run it.")
        if incoming.sink is None:
            message = f"The incoming {self._name} has no sink"
            raise UserError("sink-missing", message, "Add one, or use --out FILE.")
        if self._since is not None and (incoming.incremental is None or incoming.incremental.field is None):
            message = f"The incoming {self._name} has no date to read from"
            raise UserError("incremental-missing", message, "Add `incremental` to it.")
        if incoming.incremental is not None and incoming.incremental.content and incoming.identifier is None:
            message = "To find changes by content, the incoming needs an identifier"
            raise UserError("identifier-missing", message)
        request = self._request("", "1970-01-01 00:00:00")
        prepared = self._session.prepared(incoming.client, request)
        return fingerprint(
            incoming, prepared.uri, self._session.written_headers(incoming.client)
        ), f"{prepared.method} {prepared.uri}"

    def pages(self, chosen: RunPlan) -> tuple[Pagination | None, Request]:
        """How the list is paged, and its request with what it is limited to.

        Raises `UserError`.
        """
        run, incoming = chosen.run, self._incoming
        request = self._request(run.began, run.since)
        pagination = incoming.pagination
        field = incoming.incremental.field if incoming.incremental else None
        if field is not None and run.since is not None and not takes_cursor(incoming):
            if pagination is None:
                raise PaginationError("Changes cannot be requested without a pagination", PUT_CURSOR)
            request = pagination.changed(request, field, run.since)
        return pagination, request

    def _request(self, began: str, since: str | None) -> Request:
        """The list's request, before the pagination adds to it."""
        run: dict[str, Json] = {"run": {"started_at": began}, "cursor": since or ""}
        try:
            return self._incoming.request.request(Scope(run=run))
        except PlaceholderError as error:
            raise UserError("template", f"The request cannot be created: {error}") from error


def takes_cursor(incoming: Incoming) -> bool:
    """Whether the request itself has the place for the date."""
    return _CURSOR in incoming.request.model_dump_json().replace(" ", "")


def can_begin_at(incoming: Incoming, date: str) -> bool:
    """Whether the pagination can request what has changed since this date; True where the request itself does."""
    pagination, field = incoming.pagination, incoming.incremental.field if incoming.incremental else None
    if pagination is None or field is None or takes_cursor(incoming):
        return True
    if type(pagination).changed is Pagination.changed:  # it never can, which is said when it is needed
        return True
    try:
        pagination.changed(Request("GET", "any"), field, date)
    except PaginationError:
        return False
    return True
