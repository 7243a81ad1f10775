"""Where a run starts: from the beginning, where an interrupted run stopped, or at the mark of the last complete run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from ..client.exchange import ExchangeLog
from ..client.session import Session
from ..client.spans import seconds
from ..errors import InvalidValue, UserError
from ..machine import Machine
from ..runs.database import LedgerPlace
from ..runs.errors import Explain
from ..runs.ledger import HighWaterMark, Ledger, RunRow
from ..secrets.references import has_lost_secret
from ..templates import Json
from ..text import count
from ..units import from_timestamp, timestamp
from .incremental import ChangeFilter
from .list_request import ListRange
from .model import Incoming
from .moments import at_most, earlier, is_after, is_number, is_time_number, sort_key, written_like
from .output_path import OutputPaths
from .output_writers import writer_of
from .sink import ByteOutput, ForeignOutput, OpenSink, Sink, SinkContext, SinkError, SinkMissing, SinkWait
from .slice_items import SliceItems, run_id_of
from .unfound_fields import ColumnSearch
from .writing import RunWriter

_SINCE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d)?")


def since_date(text: str) -> str:
    """The date that a user typed, in Magento's format: Magento ignores one that it cannot read and returns all rows.

    Raises `InvalidValue`.
    """
    try:
        if _SINCE.fullmatch(text):
            return timestamp(datetime.fromisoformat(text))
    except ValueError:
        pass
    raise InvalidValue("since", f'{text!r} is not a date. Write it in UTC, as in "2026-01-31 08:30:00".')


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The user's options of this run."""

    full: bool = False
    since: str | None = None
    limit: int | None = None
    in_flight: int | None = None
    mark: str | None = None
    """The high-water mark, where a Singer runner keeps it instead of the ledger."""
    within: ListRange | None = None
    """Read only this range of the list, whatever earlier runs have read."""
    slice_items: SliceItems | None = None
    """Write the items that were read in slices, instead of reading the list."""


@dataclass(slots=True)
class StartPoint:
    """Where a run starts. `sink`: its position, None to start over. `at_end`: nothing is left to be read."""

    run: RunRow
    position: Json
    sink: Json
    skip_known: bool
    """Skip items that earlier runs have written."""
    notes: list[str] = field(default_factory=list)
    at_end: bool = False
    resumes: bool = False
    """Whether an interrupted run is continued."""
    previous_total: int | None = None
    """Items in the list when it was last read completely; None for a run that does not read the whole list."""
    read_until: str | None = None
    """The date up to which everything was read before this run: it does not move the mark back beyond that.

    None for a run that reads everything: its mark is what it finds, also where the former mark was later.
    """
    mark: str | None = None
    """The mark that this run begins at; None for one that reads everything, or from a date of its user."""


_ENDED = ("complete", "incomplete")
"""States of runs that have read their list to its end."""
_CIRCLE = "the pages of the last run went in a circle"
_NOT_RESUMABLE = {
    "same-page": _CIRCLE,
    "circle": _CIRCLE,
    "no-dates": "no item of the last run had a date to continue from",
}
"""Codes of ends that a run cannot be resumed from, because its position leads back into them, and the reason."""


def is_resumed_after(state: str, code: str) -> bool:
    """Whether a run that ended so is resumed by the next one, if its settings are the same then."""
    return state not in _ENDED and code not in _NOT_RESUMABLE


def begin_run(
    ledger: Ledger,
    incoming: Incoming,
    options: RunOptions,
    *,
    began: str,
    fingerprint: str,
    request_line: str,
    resumable: bool,
) -> StartPoint:
    """Decides where the run starts, and records the run in the ledger."""
    if options.within is not None:
        run = ledger.begin(began, fingerprint, request_line, options.since, moves_mark=False, forget=True)
        return StartPoint(run, None, None, False)
    slice_items = options.slice_items
    if slice_items is not None:
        slice_items.refuse_outdated(ledger)
    last = ledger.last()
    unfinished = last if last is not None and last.state not in _ENDED else None
    notes: list[str] = []
    known = ledger.mark()
    mark = _usable_mark(ledger, incoming, options, fingerprint)
    since = _start_date(incoming, options, mark) if slice_items is None else slice_items.since
    if unfinished is not None and (slice_items is not None or (not options.full and options.since is None)):
        lost = unfinished.code in _NOT_RESUMABLE or has_lost_secret(unfinished.position)
        lost = lost or run_id_of(unfinished.position) != (slice_items.run_id if slice_items else None)
        if unfinished.fingerprint == fingerprint and unfinished.sink is not None and resumable and not lost:
            ledger.resume(unfinished)
            skip_known = _skips_known(incoming, unfinished.since, known)
            if incoming.incremental is not None and not incoming.incremental.content:
                skip_known = skip_known and _is_change(incoming, unfinished.since)
            read_until = known.value if known is not None and skip_known else None
            if unfinished.at_end:
                notes = [f"Completing the run of {unfinished.began}: all {unfinished.items:,} items had been written."]
            else:
                notes = [f"Resuming the run of {unfinished.began} after {count(unfinished.items, 'item')}."]
            at_end = unfinished.at_end
            return StartPoint(
                *(unfinished, unfinished.position, unfinished.sink, skip_known, notes, at_end),
                resumes=True,
                read_until=read_until,
            )
        why = _why_not_resumed(unfinished, fingerprint, request_line, resumable=resumable)
        if why:
            again = f"Reading again what has changed since {since}" if _is_change(incoming, since) else "Starting over"
            notes.append(f"{again}: {why}.")
    changed = known is not None and known.fingerprint != fingerprint
    if mark is None and changed and incoming.incremental is not None and not options.full:
        notes.append("The configuration has changed since the last complete run, so everything is read again.")
    known_until = mark.value if mark is not None else None
    moves_mark = options.since is None or known_until is None or sort_key(since or "") <= sort_key(known_until)
    if not moves_mark:
        notes.append(f"The mark stays at {known_until}: earlier changes than --since are still to be read.")
    elif options.since is not None and known_until is None:
        notes.append(f"Later runs continue from here: changes before {options.since} are read with --full only.")
    run = ledger.begin(began, fingerprint, request_line, since, moves_mark=moves_mark, forget=mark is None)
    skip_known = options.since is None and _skips_known(incoming, since, mark)
    reads_all = since is None and not options.full
    return StartPoint(
        run,
        None,
        mark.sink if mark else None,
        skip_known,
        notes,
        previous_total=_previous_total(ledger, fingerprint) if reads_all else None,
        read_until=known_until if options.since is None else since,
        mark=known_until if options.since is None else None,
    )


def starts_ahead(start: StartPoint, clock: datetime) -> bool:
    """Whether a run that begins at a mark requests only what is later than the store's clock."""
    return start.mark is not None and start.run.since is not None and is_after(start.run.since, clock)


def start_before(ledger: Ledger, incoming: Incoming, start: StartPoint, clock: datetime) -> StartPoint:
    """Where the run starts instead of a mark that is later than the store's clock.

    One of the two clocks was wrong when the mark was set, or the store's is now. What has changed since the run that
    set the mark is read, and nothing proves that it is all.
    """
    mark, incremental = start.mark, incoming.incremental
    assert mark is not None
    assert incremental is not None
    setters = [
        row.began
        for row in ledger.runs()
        if row.state == "complete" and row.newest is not None and sort_key(row.newest) >= sort_key(mark)
    ]
    limits = [clock, *map(from_timestamp, setters)]
    since = earlier(at_most(mark, min(limits)), timedelta(seconds=seconds(incremental.overlap)))
    later = f"The mark {mark} is later than the store's clock, {timestamp(clock.astimezone(UTC))}"
    doubt = f"{later}, so changes before {since} may be missing. Read everything with --full, which sets the mark again"
    run = ledger.restart(start.run, since, doubt)
    return replace(start, run=run, notes=[f"{later}: reading what has changed since {since} instead."])


def _previous_total(ledger: Ledger, fingerprint: str) -> int:
    """Items in the list when it was last read completely with the same request; 0 if it never was."""
    last = ledger.last_complete()
    return last.read if last is not None and last.fingerprint == fingerprint and last.since is None else 0


def _start_with_new_output(
    ledger: Ledger, abandoned: StartPoint, began: str, incoming: Incoming, why: str
) -> StartPoint:
    """The start when the output of earlier runs is gone. It still starts at the mark, unless changes are by content."""
    run = abandoned.run
    since = run.since
    if incoming.incremental is not None and incoming.incremental.content:
        since = None
    new = ledger.begin(began, run.fingerprint, run.asked, since, moves_mark=run.moves_mark, forget=True)
    note = f"Starting over: {why}."
    if _is_change(incoming, since):
        note = f"{why}: the new one gets only what has changed since {since}; --full reads everything."
    return StartPoint(new, None, None, False, [*([] if abandoned.resumes else abandoned.notes), note])


def _is_change(incoming: Incoming, since: str | None) -> bool:
    """Whether a run that starts at this date reads only a part of what the first run reads."""
    first = incoming.incremental.from_ if incoming.incremental is not None else None
    return since not in (None, first)


def _usable_mark(ledger: Ledger, incoming: Incoming, options: RunOptions, fingerprint: str) -> HighWaterMark | None:
    """The mark that the run starts at; None if it reads everything."""
    mark = ledger.mark() if options.mark is None else HighWaterMark(options.mark, fingerprint, None)
    if mark is None or mark.fingerprint != fingerprint or incoming.incremental is None or options.full:
        return None
    return mark


def first_change(ledger: Ledger, incoming: Incoming, fingerprint: str, *, full: bool) -> str | None:
    """The date from which a new run reads changes; None if it reads everything."""
    options = RunOptions(full=full)
    return _start_date(incoming, options, _usable_mark(ledger, incoming, options, fingerprint))


def _start_date(incoming: Incoming, options: RunOptions, mark: HighWaterMark | None) -> str | None:
    incremental = incoming.incremental
    if options.since is not None:
        return options.since if mark is None or mark.value is None else _typed_date(options.since, mark.value)
    if incremental is None or incremental.field is None:
        return None
    if mark is None or mark.value is None:
        return incremental.from_
    return earlier(mark.value, timedelta(seconds=seconds(incremental.overlap)))


def _typed_date(since: str, mark: str) -> str:
    """The date that a user typed, as the store writes its own. Raises `UserError` if the store has only numbers."""
    if is_number(mark) and not is_time_number(mark):
        raise UserError(
            "since",
            f"There is no date to read from: the mark is the number {mark}, which is not a time",
            "Run it without --since, or read everything with --full.",
        )
    return written_like(from_timestamp(since), mark)


def _skips_known(incoming: Incoming, since: str | None, mark: HighWaterMark | None) -> bool:
    if incoming.incremental is None or mark is None:
        return False
    return incoming.incremental.content or since is not None


def _why_not_resumed(last: RunRow, fingerprint: str, request_line: str, *, resumable: bool) -> str:
    """Why the interrupted run is not resumed; empty if it has written nothing."""
    if last.fingerprint != fingerprint:
        what = f": it requested {last.asked}" if last.asked != request_line else ""
        return f"the configuration has changed since the run of {last.began} stopped{what}"
    if last.code in _NOT_RESUMABLE:
        return _NOT_RESUMABLE[last.code]
    if run_id_of(last.position) is not None:
        return f"the run of {last.began} was writing items that were read in slices"
    if has_lost_secret(last.position):
        return "the position of the last run contains a secret and could not be stored"
    if not resumable:
        return "output to a pipe cannot be resumed"
    return ""


@dataclass(frozen=True, slots=True)
class RunLocation:
    """The incoming's name, the profile's file, and the ledger (None: in memory)."""

    name: str
    file: Path
    ledger: LedgerPlace | None


@dataclass(frozen=True, slots=True)
class RunEnvironment:
    """The session, clock and files of a run."""

    session: Session
    exchanges: ExchangeLog
    machine: Machine
    place: RunLocation
    explain: Explain = lambda _request, _answer: None
    typed_outputs: Sequence[str] = ()
    """The output files that the user has just typed (`--out`)."""
    stdout: ByteOutput | None = None
    """What receives the items for standard output; None: standard output itself."""
    incomings: Mapping[str, Incoming] = field(default_factory=dict)
    """All incomings of the profile, among them the parents of child lists."""

    @property
    def outputs(self) -> OutputPaths:
        """The files that the run may write."""
        machine, directory = self.machine, Path(os.path.realpath(self.place.file)).parent
        return OutputPaths(directory, machine.directories, machine.environ, self.session.grants, self.typed_outputs)


@dataclass(slots=True)
class OpenRun:
    """A run that can start, with its ledger and its sink. It belongs to the writing thread."""

    ledger: Ledger
    start: StartPoint
    sink: OpenSink
    writer: RunWriter
    past_position: bool = False
    """The sink holds items after the recorded position."""
    failure: Exception | None = None
    """Why the sink or the ledger failed."""
    reader_closed: bool = False
    """The program that reads standard output has closed it."""
    has_reached: bool = False
    """An earlier run got a list from the same server."""

    def close(self) -> None:
        self.sink.close()
        self.ledger.close()

    @classmethod
    def open(
        cls,
        place: RunLocation,
        incoming: Incoming,
        options: RunOptions,
        outputs: OutputPaths,
        *,
        fingerprint: str,
        request_line: str,
        now: str,
        monotonic: Callable[[], float],
        accepts_date: Callable[[str], bool],
        stored: Callable[[Json], Json],
        may_miss: str,
        wait: SinkWait,
        stdout: ByteOutput | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Self:
        """`now` in Magento's format; `stored` replaces the secrets in a position. Raises `LedgerError`, `SinkError`.

        `may_miss`: why a complete run may not list an item that is in the store; "" if it lists all.
        """
        assert incoming.sink is not None
        ledger = Ledger(place.ledger)
        try:
            earlier_run = ledger.last_complete() or ledger.last()
            has_changed = earlier_run is not None and earlier_run.fingerprint != fingerprint
            resumable = incoming.sink.resumable
            start = begin_run(
                ledger,
                incoming,
                options,
                began=now,
                fingerprint=fingerprint,
                request_line=request_line,
                resumable=resumable,
            )
            cursor = incoming.incremental.field if incoming.incremental else None
            known, closed = ledger.known_sink()
            directory = Path(os.path.realpath(place.file)).parent
            context = SinkContext(
                directory,
                place.name,
                incoming.identifier,
                cursor,
                known,
                closed,
                replace(outputs, endings=incoming.sink.endings),
                stdout,
                cursor_of_parent=incoming.parent is not None,
                secrets=secrets or {},
                uri=incoming.request.uri,
                resumes=start.resumes,
                wait=wait,
                reads_all=not _is_change(incoming, start.run.since),
                may_miss="" if has_changed else may_miss,  # what was configured otherwise is not kept
            )
            try:
                sink = _open_sink(incoming.sink, context, start.sink, place)
            except SinkMissing as gone:
                start = _start_with_new_output(ledger, start, now, incoming, gone.message)
                sink = _open_sink(incoming.sink, context, None, place)
            changes = None
            if incoming.incremental is not None and options.within is None:
                changes = ChangeFilter(
                    incoming.incremental,
                    incoming.identifier,
                    ledger,
                    start.run,
                    skip_known=start.skip_known,
                    read_until=start.read_until,
                    accepts_date=accepts_date,
                )

            writer = RunWriter(
                ledger,
                start.run,
                sink,
                changes=changes,
                transform=incoming.item_transform(),
                columns=ColumnSearch(incoming.sink),
                identifier=incoming.identifier,
                requires_identifier=incoming.sink.requires_identifier,
                find_duplicates=incoming.pagination is not None and not incoming.pagination.cannot_shift,
                has_parent=incoming.parent is not None,
                adds_changes=start.sink is not None and (start.skip_known or options.since is not None),
                monotonic=monotonic,
                stored=stored,
            )
            try:
                ledger.confirm()
            except BaseException:
                sink.close()
                raise
            return cls(ledger, start, sink, writer, has_reached=ledger.has_reached(request_line))
        except BaseException:
            ledger.close()
            raise


def _open_sink(sink: Sink, context: SinkContext, position: Json, place: RunLocation) -> OpenSink:
    """The open sink. Raises `SinkError`: one that says who has written the output, where ledgers show that."""
    try:
        return sink.open(context, position)
    except ForeignOutput as error:
        if isinstance(place.ledger, Path) and (
            writer := writer_of(error.is_of, place.ledger, place.file, error.output)
        ):
            raise SinkError(f"{error.output} was written by {writer}", error.hint) from error
        raise
