"""The items that were read in slices, as the list that a run writes: in order, and resumed where it was interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..client.message import Request
from ..client.pages import Page
from ..errors import UserError
from ..runs.errors import Action, RunError, RunFailed
from ..runs.ledger import FailedRecord, Ledger, RunRow
from ..runs.slices import SliceError, SlicePlan, SliceReport, SliceStore
from ..templates import Json
from .errors import empty_list, short_list
from .page_reader import PageRead, RunCounts
from .pagination import PageRequest, PageResult

_CHUNK = 4_000_000
"""Bytes of items that are written at a time."""


def run_id_of(position: Json) -> str | None:
    """The run id of the slices in which this position is; None for a position in the store's list."""
    found = position.get("run-id") if isinstance(position, dict) else None
    return found if isinstance(found, str) else None


def last_run(ledger: Ledger) -> str | None:
    """Identifies the last run that wrote a whole list; None if there is none."""
    ended = (row for row in ledger.runs() if row.state in ("complete", "incomplete"))
    return next((f"{row.id} {row.ended}" for row in ended), None)


class AlreadyCommitted(UserError):
    """The slices of this run have been written; `row` says how that ended."""

    def __init__(self, row: RunRow) -> None:
        super().__init__("already-committed", f"The slices were committed at {row.ended}")
        self.row = row


@dataclass(frozen=True, slots=True)
class SliceItems:
    """The slices of a plan, all of them read."""

    store: SliceStore
    plan: SlicePlan
    reports: Sequence[SliceReport]

    @property
    def run_id(self) -> str:
        return self.plan.run_id

    @property
    def since(self) -> str | None:
        """The date from which changes were read."""
        return self.plan.since

    @property
    def absence_is_proof(self) -> bool:
        """Whether an item that is in no slice is gone.

        Its id stays the same. Its date does not: an item that was saved after the slices were planned is in none.
        """
        if self.plan.by != "time":
            return True
        counted = all(each.expected is not None for each in self.plan.slices)
        return counted and self.plan.above == 0 and not self.changed()

    def changed(self) -> list[str]:
        """The slices that hold another number of items than when they were planned."""
        return [
            f"slice {planned.index}: {report.items:,} items, {planned.expected:,} when planned"
            for planned, report in zip(self.plan.slices, self.reports, strict=True)
            if planned.expected is not None and planned.expected != report.items + len(report.failed)
        ]

    def refuse_outdated(self, ledger: Ledger) -> None:
        """Raises `AlreadyCommitted`, or `SliceError` if another run has written items since the slices were planned.

        What was read in the slices may be older.
        """
        for row in ledger.runs():
            if row.state in ("complete", "incomplete") and run_id_of(row.position) == self.run_id:
                raise AlreadyCommitted(row)
        if last_run(ledger) != self.plan.last_run:
            raise SliceError(
                "slices-outdated",
                f"Another run of {self.plan.name} has completed since the run {self.run_id} was planned, or this "
                "machine has another state directory",
                "Nothing was changed. Make a new plan; plan and commit need the same state directory.",
            )

    def reader(self, position: Json, previous_total: int | None, max_decrease: int) -> SliceItemsReader:
        """Reads the items after a position.

        `previous_total`: items in the list when it was last read completely; `max_decrease`: by how many percent it
        may be shorter now.
        """
        return SliceItemsReader(self, position, previous_total, max_decrease)


class SliceItemsReader:
    """Reads the data of the slices, as a `PageReader`."""

    def __init__(self, slices: SliceItems, position: Json, previous_total: int | None, max_decrease: int) -> None:
        self._slices, self._previous_total, self._max_decrease = slices, previous_total, max_decrease
        self._index, self._offset = _parsed(position)
        self._stopped: RunError | None = None
        self.read = self.reported_total = sum(each.items for each in slices.reports)
        self.counts = RunCounts()
        self.doubt = ""
        found = slices.plan.store_time
        self.store_time = datetime.fromisoformat(found).replace(tzinfo=UTC) if found else None
        """The store's clock when the slices were planned: later changes are read by the next run."""

    async def pages(self) -> AsyncGenerator[list[PageRead], None]:
        """The items, a chunk at a time. Raises `RunFailed`."""
        if not self.read and self._previous_total:
            raise RunFailed(empty_list(self._previous_total, "All slices are empty"))
        if short := short_list(self.read, self._previous_total, self._max_decrease, unchanged=True):
            raise RunFailed(short)
        reports = self._slices.reports
        if not reports:
            yield [self._page([], (), is_last=True)]
        while self._index < len(reports):
            if self._stopped is not None:
                raise RunFailed(self._stopped)
            report, starts = reports[self._index], self._offset == 0
            items, self._offset = await asyncio.to_thread(self._read, report, self._offset)
            if self._offset >= report.bytes:
                self._index, self._offset = self._index + 1, 0
            failed = tuple(FailedRecord(each.record, each.message) for each in report.failed) if starts else ()
            yield [self._page(items, failed, is_last=self._index == len(reports))]

    def _page(self, items: list[bytes], failed: tuple[FailedRecord, ...], *, is_last: bool) -> PageRead:
        position: dict[str, Json] = {"run-id": self._slices.run_id, "slice": self._index, "offset": self._offset}
        return PageRead(items, _NoRequest(), position, is_last, self.reported_total, failed)

    def _read(self, report: SliceReport, offset: int) -> tuple[list[bytes], int]:
        """The next items of a slice, and where they end."""
        try:
            lines, end = self._slices.store.lines(report, offset, _CHUNK)
        except SliceError as error:
            message = f"The data of slice {report.slice} cannot be read: {error.message}"
            raise RunFailed(RunError(Action.STOP, message, "Commit again.", code="slices-missing")) from error
        if not lines and offset < report.bytes:
            message = f"The data of slice {report.slice} became shorter while it was read"
            raise RunFailed(RunError(Action.STOP, message, "Commit again.", code="slices-missing"))
        return lines, end

    def stop(self, error: RunError) -> None:
        self._stopped = error

    async def use_smaller_pages(self, allowed: int) -> None:
        """Nothing is requested."""

    def why_incomplete(self) -> str:
        """Each slice is proven to be complete before it counts as done."""
        return ""

    def remarks(self) -> list[str]:
        """Which slices differ from the plan."""
        changed = self._slices.changed()
        if not changed:
            return []
        more = f"; and {len(changed) - 5} more" if len(changed) > 5 else ""
        said = f"The list changed after it was planned ({'; '.join(changed[:5])}{more})"
        if self._slices.plan.by == "time":
            return [f"{said}: items that were saved since then are in no slice. The next run reads them."]
        return [f"{said}; each slice is complete."]


class _NoRequest(PageRequest):
    """Stands for the request of a page that is not requested."""

    @property
    def request(self) -> Request:
        raise NotImplementedError

    def result(self, page: Page) -> PageResult:
        raise NotImplementedError


def _parsed(position: Json) -> tuple[int, int]:
    """The slice and the offset in its data."""
    if not isinstance(position, dict):
        return 0, 0
    index, offset = position.get("slice"), position.get("offset")
    return (index, offset) if isinstance(index, int) and isinstance(offset, int) else (0, 0)
