"""Writes the items of a run to its sink, makes them durable, then records the step in the ledger. All in one thread.

Several pages share a durable step, at most a quarter of a second apart. What the sink holds after the last step is cut
off when the run resumes, so that items and position always match.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..client.pages import field_reader
from ..client.raw_json import json_type, members
from ..errors import UserError
from ..misspelling import did_you_mean
from ..runs.database import LedgerError
from ..runs.ledger import FailedRecord, HighWaterMark, Ledger, RunEnd, RunRow
from ..templates import Json
from ..text import beginning
from .incremental import MARK_AHEAD, ChangeFilter, ItemNote, KnownItems
from .model import NO_ITEM, ItemTransform
from .moments import sortable
from .page_reader import PageRead
from .sink import OpenSink, RejectedItem, SinkChanged, SinkError
from .unfound_fields import ColumnSearch, UnfoundField, what_items_have

STEP = 0.25
"""Longest time between two durable steps, in seconds."""


def _require_field(field: str, setting: str, items: Sequence[bytes], of: str = "") -> None:
    """Raises `UserError` where none of the items has this field. `of`: whose items they are, for the message."""
    names: dict[str, None] = {}
    objects = [item for item in items if json_type(item) == "object"]
    for item in objects:
        names |= dict.fromkeys(members(item))
        if field in names:
            return
    suggestion = did_you_mean(field, names) or "."
    message = f"No item{of and f' {of}'} has the field {field!r}, which {setting} names"
    contents = what_items_have(list(names), are_objects=bool(objects))
    raise UserError("field-missing", message, f"The items {contents}. Correct {setting}{suggestion}", setting)


@dataclass(slots=True)
class WrittenCounts:
    """The counts of a run since it began, including its interrupted part."""

    read: int = 0
    """Items as the store sent them."""
    items: int = 0
    failed: int = 0
    dropped: int = 0
    """Items skipped because an earlier run has written them."""
    filtered_out: int = 0
    """Since this process began."""
    total: int | None = None


@dataclass(frozen=True, slots=True)
class RunCosts:
    """The requests and the time of a run since it began, including its interrupted part."""

    requests: int
    retries: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ReadTime:
    """When pages were read."""

    store_began: str | None
    """The store's clock at the first response, as Magento writes it."""
    elapsed: float
    """At least the seconds since the run's first request, including those for which the run was interrupted."""


@dataclass(slots=True)
class _Pending:
    """What the next step records in the ledger besides the counts."""

    known: KnownItems = field(default_factory=KnownItems)
    failed: list[FailedRecord] = field(default_factory=list)


class DuplicateFinder:
    """Finds items that were sent twice. It keeps eight bytes per item, for lists of millions.

    Only items of the same process are compared, not those before an interruption.
    """

    _SHARDS = 16
    """The hashes are compared in shards, to bound the size of the hash table."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def note(self, items: Iterable[object]) -> None:
        self._hashes.extend(map(hash, items))

    def found(self) -> tuple[int, tuple[int, int] | None]:
        """The number of duplicates, and the indexes of the first duplicate and its original."""
        if len(set(self._hashes[:10_000])) == len(self._hashes):
            return 0, None
        count, first = 0, None
        for shard in range(self._SHARDS):
            seen: dict[int, int] = {}
            for index, each in enumerate(self._hashes):
                if each % self._SHARDS != shard:
                    continue
                original = seen.setdefault(each, index)
                if original != index:
                    count += 1
                    first = min(filter(None, (first, (original, index))), key=lambda indexes: indexes[1])
        return count, first


_RECORD_IDS = ("id", "entity_id", "_id", "uuid", "guid")
"""Names of primary keys: unlike with other identifiers, no two records share a value."""


class RepeatedRecords:
    """Finds records that were sent twice with different content, by their identifier and their primary key."""

    def __init__(self, identifier: str) -> None:
        self._identifier = field_reader(identifier)
        self._keys = [] if identifier in _RECORD_IDS else [field_reader(name) for name in _RECORD_IDS]
        self._duplicates = DuplicateFinder()
        self.have_keys = True
        """Whether all records have a primary key: then two with the same one are the same record."""

    def note(self, items: Sequence[bytes], before: int) -> None:
        """Notes the items that follow `before` others."""
        self._duplicates.note(self._key(item, before + index) for index, item in enumerate(items))

    def _key(self, item: bytes, number: int) -> object:
        if item == NO_ITEM:
            return number
        identifier = self._identifier(item)
        if identifier is None:
            return item
        own = next((key for reader in self._keys if (key := reader(item)) is not None), None)
        if self._keys and own is None:
            self.have_keys = False
        return f"{identifier!r} {own!r}"

    def found(self) -> tuple[int, tuple[int, int] | None]:
        """See `DuplicateFinder.found`."""
        return self._duplicates.found()


_DISTINCT = 5
"""Different items that a page has to have, so that another page with the same ones is the same page."""


class RunWriter:
    """Writes one run. Its methods block, and are called in the writing thread only."""

    def __init__(
        self,
        ledger: Ledger,
        run: RunRow,
        sink: OpenSink,
        *,
        changes: ChangeFilter | None,
        transform: ItemTransform,
        columns: ColumnSearch,
        identifier: str | None,
        requires_identifier: bool,
        find_duplicates: bool = False,
        has_parent: bool = False,
        adds_changes: bool = False,
        monotonic: Callable[[], float],
        stored: Callable[[Json], Json],
    ) -> None:
        """`adds_changes`: to what earlier runs have written.

        `stored` replaces the secrets in a position, so that it can be written to disk.
        """
        self._stored, self._has_parent, self._adds_changes = stored, has_parent, adds_changes
        self._ledger, self._run, self._sink = ledger, run, sink
        self._changes, self._transform, self._monotonic = changes, transform, monotonic
        self._columns = columns
        self._identifier, self._requires_identifier = identifier, requires_identifier
        self._duplicates = DuplicateFinder() if find_duplicates and identifier else None
        self._records = RepeatedRecords(identifier) if find_duplicates and identifier else None
        self._pages = DuplicateFinder() if find_duplicates and not identifier else None
        """Without an identifier, equal items may be different ones, but hardly whole pages of them."""
        self._remarks: list[str] = []
        self._identifier_of = field_reader(identifier) if identifier else None
        self._position: Json = run.position
        self._at_end = self._was_at_end = run.at_end
        self._sink_position: Json = run.sink
        self._pending = _Pending()
        self._has_begun = False
        self._last_step = 0.0
        self._is_recorded = True
        """Whether the last step has everything that was written."""
        self._failure: UserError | None = None
        """Why nothing more is recorded: the sink may hold part of a page, or what the ledger has not recorded."""
        self._is_past_position = False
        """Whether the sink holds items after the position."""
        self.incomplete_reason = run.doubt
        """Why the items read may not be the whole list; recorded in each step, for a process that resumes the run."""
        self.written = WrittenCounts(run.read, run.items, run.failed, run.dropped, total=run.expected)

    def add(self, pages: Sequence[PageRead], costs: RunCosts, read: ReadTime) -> list[FailedRecord]:
        """Writes pages, with a durable step if one is due; returns the records that failed. Raises `SinkError`.

        The first step comes before the first item, so that the sink is known to hold this run's items; but not before
        there are any: until then, the sink keeps what an earlier run wrote. Raises `UserError` before that step if no
        item has a field that determines what is written.
        """
        if self._failure is not None:
            raise self._failure
        try:
            return self._add_pages(pages, costs, read)
        except (SinkError, LedgerError) as error:
            self._failure = error
            raise

    def _add_pages(self, pages: Sequence[PageRead], costs: RunCosts, read: ReadTime) -> list[FailedRecord]:
        if not self.written.read:
            self._check_fields(pages)
        if self._changes is not None and self._changes.store_began is None:
            self._changes.store_began = read.store_began
        if not self._has_begun and (self._run.items or any(page.items or page.failed for page in pages)):
            self._step(costs)
            self._has_begun = True
        failed: list[FailedRecord] = []
        for page in pages:
            failed += self._add(page, read.elapsed)
        if self._has_begun and self._monotonic() - self._last_step >= STEP:
            self._step(costs)
        return failed

    def catch_up(self, costs: RunCosts) -> None:
        """A durable step for what was written since the last one, while no more pages come.

        What fails is raised where the next page is written, or the run ends.
        """
        if self._is_recorded or not self._has_begun or self._failure is not None or self._is_past_position:
            return
        try:
            self._step(costs)
        except (SinkError, LedgerError) as error:
            self._failure = error

    def add_past_position(self, page: PageRead, costs: RunCosts, read: ReadTime) -> list[FailedRecord]:
        """Writes part of a page as the end of the run: the next run cuts it off and reads the page again."""
        self.add([], costs, read)
        self._step(costs)
        self._is_past_position = True
        return self._add(page, read.elapsed)

    def _check_fields(self, pages: Sequence[PageRead]) -> None:
        """Raises `UserError` if the first items of the list lack the date, or an identifier that is needed."""
        items = [item for page in pages for item in page.items]
        if not items:
            return
        identifier, date = self._identifier, self._changes.field if self._changes else None
        if date is not None and not self._has_dates():
            dated = [page.parent for page in pages if page.parent] if self._has_parent else items
            _require_field(date, "incremental.field", dated, of="of the parent" if self._has_parent else "")
        if identifier is None:
            return
        if self._requires_identifier and (transformed := self._transform.fresh()(items).items):
            _require_field(identifier, "identifier", transformed)
        if self._changes is not None and date is None:
            _require_field(identifier, "identifier", items)
        try:
            _require_field(identifier, "identifier", items)
        except UserError as missing:
            self._remarks.append(str(missing))

    def _has_dates(self) -> bool:
        """Whether an item of this run, or of an earlier complete one, had a date."""
        return self._previous_mark() is not None or (self._changes is not None and bool(self._changes.newest))

    def _previous_mark(self) -> str | None:
        """The high-water mark of earlier runs of this configuration."""
        mark = self._ledger.mark()
        return mark.value if mark and mark.fingerprint == self._run.fingerprint else None

    def missing_dates(self) -> str:
        """The error that no item of the whole list had the date for the next run to start at; "" if one had."""
        if self._changes is None or self._changes.field is None or not self.written.read or self._has_dates():
            return ""
        return (
            f"No item has a date in {self._changes.field!r}, so the next run would read and write everything again. "
            "Correct incremental.field, or remove incremental."
        )

    def unfound_fields(self) -> list[UnfoundField]:
        """What is lost in all items since this process began, because they lack fields that the profile names."""
        return [*self._transform.unfound(), *self._columns.unfound()]

    def duplicates(self) -> str:
        """Which items were sent twice; "" if none were, or if the pagination proves that.

        An item that was changed while the list was read may be sent again, in place of one that has moved.
        """
        if self._pages is not None and self._pages.found()[0]:
            return (
                "A page was sent twice: all its items are those of an earlier page. Others may be missing: the store "
                "does not continue where requested"
            )
        if self._duplicates is None or self._records is None:
            return ""
        count, first = self._duplicates.found()
        if first is None:
            return self._changed_records(self._records)
        sent = "1 item was sent" if count == 1 else f"{count:,} items were sent"
        return (
            f"{sent} twice: item {first[1] + 1} of the list is item {first[0] + 1} again. Others may be missing: "
            "the list changed while it was read, or the store does not sort it by a unique field"
        )

    def _changed_records(self, records: RepeatedRecords) -> str:
        """Which records were sent twice with different content.

        It is only a remark if they may be different records and the next run reads everything again.
        """
        count, first = records.found()
        if first is None:
            return ""
        have = "1 item has" if count == 1 else f"{count:,} items have"
        which = f"{have} the {self._identifier!r} of another one: item {first[1] + 1} that of item {first[0] + 1}"
        if not records.have_keys and not (self._changes is not None and self._changes.by_date):
            self._remarks.append(
                f"{which}. If {self._identifier!r} is unique in the store, the list changed while it was read, and "
                "others may be missing"
            )
            return ""
        return (
            f"{which}, with different content. Others may be missing: the list changed while it was read, or it is "
            f"not sorted by a unique field. If these are different items, correct the identifier"
        )

    def _check_dates(self, changes: ChangeFilter, items: Sequence[bytes]) -> None:
        """Raises `UserError` if the next run could not start at the date of one of these items."""
        if (found := changes.first_unusable_date(items)) is not None:
            index, date = found
            which = self._item_name(self.written.read, items, RejectedItem(index, ""))
            raise UserError(
                "date-unusable",
                f"{changes.field!r} of {which} is {beginning(date, 60)!r}, and no later run can start there",
                'It must be a date, or a number, that the request accepts: with "keyset" and "search-criteria" a date '
                "such as 2026-01-31 08:30:00. Correct incremental.field, or write incremental = { content = true }. "
                "--full starts over",
            )

    def _add(self, page: PageRead, elapsed: float) -> list[FailedRecord]:
        written, items = self.written, page.items
        self._note_duplicates(page)
        notes: Sequence[ItemNote | None] = ()
        if self._changes is not None:
            self._check_dates(self._changes, [page.parent] if page.parent else items)
            selected = self._changes.select_new(items, page.parent, elapsed=elapsed)
            items, notes = selected.items, selected.notes
            self._pending.known.add(selected.known)
            written.dropped += len(selected.known)
        transformed = self._transform(items)
        if transformed.filtered_out:
            self._leave_out([items[index] for index in transformed.filtered_out])
        self._columns.note(transformed.items)
        rejected = self._sink.write(transformed.items) if transformed.items else ()
        unwritten = {each.index for each in transformed.rejected} | {transformed.sources[e.index] for e in rejected}
        self._pending.known.add(note for index, note in enumerate(notes) if index not in unwritten)
        output = " of the output"
        failed = [
            *page.failed,
            *(FailedRecord(self._item_name(written.read, items, each), each.reason) for each in transformed.rejected),
            *(
                FailedRecord(self._item_name(written.items, transformed.items, each, output), each.reason)
                for each in rejected
            ),
        ]
        written.read += len(page.items)
        written.items += len(transformed.items) - len(rejected)
        written.failed += len(failed)
        if page.total is not None:
            written.total = page.total
        self._pending.failed += failed
        self._position, self._at_end = page.position, page.is_last
        self._is_recorded = False
        return failed

    def _leave_out(self, items: Sequence[bytes]) -> None:
        """Items that the filter drops: earlier runs may have written them when it did not."""
        self.written.filtered_out += len(items)
        if self._sink.deletes and self._identifier is not None:
            self._sink.delete(self._transform.unfiltered(items))

    def _note_duplicates(self, page: PageRead) -> None:
        if self._pages is not None and len(set(page.items)) == len(page.items) >= _DISTINCT:
            self._pages.note([(page.parent, *page.items)])
        if self._duplicates is None:
            return
        items: Sequence[object] = page.items
        if NO_ITEM in items:  # several of them are not the same item
            items = [(self.written.read, i) if item == NO_ITEM else item for i, item in enumerate(items)]
        # items of different child lists may be equal
        self._duplicates.note(((page.parent, item) for item in items) if self._has_parent else items)
        if self._records is not None and not self._has_parent:
            self._records.note(page.items, self.written.read)

    def _item_name(self, before: int, items: Sequence[bytes], rejected: RejectedItem, of: str = "") -> str:
        """The item's number in the list, and its identifier if it has one."""
        number = f"item {before + rejected.index + 1}{of}"
        value = self._identifier_of(items[rejected.index]) if self._identifier_of else None
        return number if value in (None, "") else f"{number} ({self._identifier} {value})"

    def _step(self, costs: RunCosts, *, last: bool = False) -> None:
        self._sink_position = self._sink.sync()
        changes = self._changes
        run = replace(
            self._run,
            position=self._stored(self._position),
            at_end=self._at_end,
            sink=self._sink_position,
            read=self.written.read,
            items=self.written.items,
            failed=self.written.failed,
            dropped=self.written.dropped,
            requests=costs.requests,
            retries=costs.retries,
            seconds=costs.seconds,
            expected=self.written.total,
            store_began=changes.store_began if changes else None,
            newest=changes.newest if changes else None,
            doubt=self.incomplete_reason,
        )
        pending, self._pending = self._pending, _Pending()
        threshold = changes.forget_before() if changes else None
        known, forget_before = pending.known, sortable(threshold) if threshold else None
        self._ledger.step(run, pending.failed, known.seen, known.contents, forget_before=forget_before, last=last)
        self._last_step = self._monotonic()
        self._is_recorded = True

    def finish(self, end: RunEnd, ended: str, costs: RunCosts, *, past_position: bool = False) -> Sequence[str]:
        """Writes the last step and ends the run in the ledger; returns remarks for the user. Raises `SinkError`.

        `past_position`: the sink holds items after the position, which are made durable but not recorded.
        """
        if self._failure is not None:
            raise self._failure
        if self._adds_changes and self.written.filtered_out and not (self._sink.deletes and self._identifier):
            self._remarks.append(
                f"Changed items that do not match the filter, and were not written: {self.written.filtered_out:,}. "
                "What earlier runs wrote of them is still in the output; --full writes it again."
            )
        moves_mark = end.state == "complete" and self._moves_mark()
        value = self._changes.mark() if moves_mark and self._changes else None
        if end.state == "complete":
            self._sink.failed = self.written.failed
            self._sink.complete(value)
        closed: Json = None
        if past_position:
            closed = self._sink.sync()
        elif self._has_begun or self._was_at_end or end.state == "complete":  # otherwise the sink is unchanged
            self._step(costs, last=True)
            closed = self._sink_position
        mark, forget_before = None, None
        before = self._ledger.mark()
        if before is not None and before.fingerprint != self._run.fingerprint:
            before = None
        if moves_mark:
            mark = HighWaterMark(value, self._run.fingerprint, self._sink_position)
            threshold = self._changes.threshold() if self._changes else None
            forget_before = sortable(threshold) if threshold else None
        elif end.state in ("complete", "incomplete"):
            if before is not None:  # the items written are known when they are read again
                mark = HighWaterMark(before.value, before.fingerprint, self._sink_position)
            if self._changes is not None and self._changes.by_date and self._run.moves_mark and end.code != MARK_AHEAD:
                since = f"changes since {before.value}" if before and before.value else "everything"
                self._remarks.append(
                    f"The next run reads {since} again, because not all of it was received or written."
                )
        self._ledger.end(self._run, end, ended, mark, closed, forget_before=forget_before)
        return [*self._remarks, *self._sink.remarks()]

    def _moves_mark(self) -> bool:
        """Whether the mark may move: failed records are read again from the old mark only."""
        if self._changes is not None and self._changes.by_date and self.written.failed:
            return False
        return self._run.moves_mark

    def fail(self, end: RunEnd, ended: str, error: Exception) -> None:
        """Ends a run whose sink or ledger failed: what the last step recorded counts.

        A sink that another program has changed is recorded as closed there, so that the additions are not cut off.
        """
        closed = self._sink_position if isinstance(error, SinkChanged) else None
        self._ledger.end(self._run, end, ended, closed=closed)
