"""Reads an incoming in slices: plans them, reads one of them, and commits all of them.

A slice is a range of a unique id or, for an incremental incoming, of the date of the last change. Its bounds are fixed
when it is planned, so that it can be read at any time, on any machine, and again. Its items are kept as the store sent
them; filter, transform, changes and the sink are applied by the commit, which is an ordinary run of the incoming.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from ..client.message import Request, RequestFailed
from ..client.pages import Page, field_reader, read_page
from ..client.plugins.retry import retry_after
from ..client.spans import seconds
from ..runs.errors import Action, RunError, RunFailed
from ..runs.ledger import FailedRecord, Ledger
from ..runs.pace import Patience
from ..runs.progress import STOPPED, Progress, Summary, Watcher
from ..runs.slices import FailedItem, Slice, SliceData, SliceError, SlicePlan, SliceReport, SliceStore, ranges
from ..templates import Json
from ..text import count
from ..units import duration, from_timestamp, timestamp
from .errors import error_for_exception, error_for_response, with_explanation
from .incremental import magento_date
from .list_request import ListRange, ListRequest
from .model import Incoming
from .moments import is_after
from .pagination import RANGES_HINT, Pagination, PaginationError
from .run import Run
from .sink import SinkError
from .sinks.stdout import StdoutSink
from .slice_items import SliceItems, last_run
from .start import RunEnvironment, RunOptions, first_change

By = Literal["id", "time"]
_COUNTS_AT_ONCE = 4
_TRIES = 3
"""Attempts to count the slices if the list changes meanwhile."""


@dataclass(frozen=True, slots=True)
class SliceOptions:
    """What is to be planned. `by`: None to choose; `full`: everything, whatever earlier runs have read."""

    number: int
    by: By | None = None
    full: bool = False


def check_sliceable(name: str, incoming: Incoming) -> None:
    """Raises `SliceError` if the incoming cannot be read in slices."""
    why = hint = ""
    if incoming.parent is not None:
        why, hint = "it reads a child list for each item of another incoming", "Run it without slices."
    elif incoming.pagination is None:
        why, hint = "it has no pagination", RANGES_HINT
    elif incoming.sink is not None and not incoming.sink.resumable:
        why = f'its sink "{incoming.sink.kind}" cannot be resumed, so that a commit could write items twice'
        hint = "Use a sink that writes a file or a database."
    if why:
        raise SliceError("slices-unusable", f"The incoming {name} cannot be read in slices: {why}", hint)


class SlicePlanner:
    """Plans the slices of one incoming, with a few requests."""

    def __init__(
        self, incoming: Incoming, options: SliceOptions, environment: RunEnvironment, note: Callable[[str], None]
    ) -> None:
        """`note` is told that the store is waited for."""
        self._name, self._incoming, self._options = environment.place.name, incoming, options
        self._environment, self._note = environment, note
        self._store_time: datetime | None = None
        self._patience = Patience(environment.machine, seconds(incoming.patience), self._on_wait)

    async def plan(self, run_id: str, profile: str, environment: str) -> SlicePlan:
        """Raises `UserError`, and `RunFailed` if the store does not respond as expected."""
        check_sliceable(self._name, self._incoming)
        whole, now = list_request(self._incoming, self._environment), self._environment.machine.now()
        fingerprint, request_line = whole.identity()
        previous, since, has_reached = await asyncio.to_thread(self._known, fingerprint, request_line)
        address = request_line.partition(" ")[2]
        self._patience.has_reached = has_reached or await self._environment.session.has_responded(address)
        pagination, request = whole.changes(magento_date(now), since)
        assert pagination is not None
        by, requested, field = self._field(pagination)
        number = _Number(by, field, self._name)
        for _ in range(_TRIES):
            slices, counted, above, missing = await self._slices(pagination, request, requested, number)
            if not missing:
                break
        else:
            raise SliceError(
                "slices-unusable",
                f"{count(missing, 'item')} of {self._name} would be in no slice: they have no {requested}, or the "
                "list changes while it is planned",
                "Plan again, or run the incoming without slices." if by == "id" else "Plan with --by id.",
            )
        clock = self._store_time or now
        if since is not None and is_after(since, clock):
            message = (
                f"Changes since {since} would be read, which is later than the store's clock, {magento_date(clock)}"
            )
            raise SliceError("slices-unusable", message, "Plan everything with --full, which sets the mark again.")
        return SlicePlan(
            run_id=run_id,
            profile=profile,
            name=self._name,
            environment=environment,
            configuration=fingerprint,
            created=timestamp(now),
            requested=self._options.number,
            field=requested,
            by=by,
            since=since,
            last_run=previous,
            full=self._options.full,
            store_time=magento_date(clock),
            expected=counted,
            above=above,
            slices=tuple(slices),
        )

    def _known(self, fingerprint: str, request_line: str) -> tuple[str | None, str | None, bool]:
        """The last run, the date from which changes are read, and whether a run has reached the address."""
        with Ledger.copy_of(self._environment.place.ledger) as ledger:
            since = first_change(ledger, self._incoming, fingerprint, full=self._options.full)
            return last_run(ledger), since, ledger.has_reached(request_line)

    def _field(self, pagination: Pagination) -> tuple[By, str, str]:
        """What the ranges are of: its name in requests, and in responses."""
        unique, incremental = pagination.unique_number, self._incoming.incremental
        date = incremental.field if incremental is not None else None
        wanted = self._options.by or ("id" if unique is not None or date is None else "time")
        if wanted == "id" and unique is not None:
            return "id", *unique
        if wanted == "time" and date is not None:
            return "time", date, date
        if wanted == "id":
            message = f'The pagination "{pagination.kind}" of {self._name} has no id in its responses to read ranges of'
            raise SliceError("slices-unusable", message, RANGES_HINT)
        raise SliceError(
            "slices-unusable",
            f"The incoming {self._name} is not incremental: items that change while they are read would be lost",
            "Use --by id, or add `incremental` with a field.",
        )

    async def _slices(
        self, pagination: Pagination, request: Request, field: str, number: _Number
    ) -> tuple[list[Slice], int | None, int | None, int]:
        """The slices; how many items they hold and are above them, if the store counts them; how many are in none."""
        first = await self._page(pagination.end(request, field, "ASC"))
        if not first.items:
            if first.total:
                message = f"The store counts {count(first.total, 'item')} of {self._name} but sends none"
                raise SliceError("slices-unusable", message, "Run the incoming without slices.")
            return [], 0, 0, 0
        last = await self._page(pagination.end(request, field, "DESC"))
        low, high = number.of(first), number.of(last)
        cuts = [(number.text(a), number.text(b)) for a, b in ranges(low - 1, max(low, high), self._options.number)]
        limited = asyncio.Semaphore(_COUNTS_AT_ONCE)

        async def counted(after: str | None, until: str | None) -> int | None:
            async with limited:
                ranged = pagination.between(request, field, after, until)
                return (await self._page(pagination.end(ranged, field, "ASC"))).total

        counts = await asyncio.gather(*(counted(*cut) for cut in cuts))
        above = await counted(number.text(high), None)
        if above and high <= low:
            message = f"The store does not sort {self._name} by {field}, so that the end of the list is unknown"
            raise SliceError("slices-unusable", message, "Run the incoming without slices.")
        known = [each for each in counts if each is not None]
        ignored = len(cuts) > 1 and bool(first.total) and all(each == first.total for each in counts)
        if first.total is None or above is None or len(known) < len(cuts) or ignored:
            return [Slice(index=i, after=a, until=b) for i, (a, b) in enumerate(cuts)], None, None, 0
        missing = first.total - sum(known) - (above if number.by == "time" else 0)
        slices = [
            Slice(index=i, after=a, until=b, expected=expected)
            for i, ((a, b), expected) in enumerate(zip(cuts, known, strict=True))
        ]
        return slices, sum(known), above, max(0, missing)

    def _on_wait(self, error: RunError, pause: float) -> None:
        self._note(f"{error.message}, retrying in {duration(pause)}.")

    async def _page(self, request: Request) -> Page:
        """The page, requested until the store responds. Raises `RunFailed`."""
        try:
            while True:
                await self._patience.wait_for_turn()
                try:
                    page = await self._requested(request)
                except RunFailed as failed:
                    if failed.error.action not in (Action.WAIT, Action.DIVIDE):
                        raise
                    await self._patience.wait(failed.error, has_read=self._store_time is not None)
                else:
                    self._patience.reset()
                    return page
        finally:
            self._patience.release()

    async def _requested(self, request: Request) -> Page:
        environment, incoming = self._environment, self._incoming
        try:
            response = await environment.session.client(incoming.client)(request)
            if not incoming.request.is_expected(response.status):
                wait = retry_after(response, environment.machine.now())
                error = error_for_response(response, has_read=False, retry_after=wait)
                raise RunFailed(with_explanation(error, environment.explain(request, response)))
            page = read_page(response, incoming.items)
        except (RequestFailed, PaginationError) as error:
            raise RunFailed(error_for_exception(error, has_read=False)) from error
        if self._store_time is None and (date := response.header("Date")):
            try:
                self._store_time = parsedate_to_datetime(date).astimezone(UTC)
            except ValueError:  # a store without a clock: this machine's is used
                self._store_time = environment.machine.now()
        return page


class _Number:
    """Reads what ranges are made of from items, and writes it into requests."""

    def __init__(self, by: By, field: str, name: str) -> None:
        self.by, self._field, self._name = by, field, name
        self._read = field_reader(field)

    def of(self, page: Page) -> int:
        """That of the only item of the page. Raises `SliceError`."""
        found = self._read(page.items[0]) if page.items else None
        if self.by == "id":
            if isinstance(found, int) or (isinstance(found, str) and found.isascii() and found.isdecimal()):
                return int(found)
        elif isinstance(found, str):
            try:
                return int(from_timestamp(found).timestamp())
            except ValueError:
                pass
        what = "id" if self.by == "id" else "date such as 2026-01-31 08:30:00"
        raise SliceError(
            "slices-unusable",
            f"The first or last item of {self._name} has no {what} in {self._field!r}, so that it cannot be sliced",
            "Correct the pagination's field." if self.by == "id" else "Plan with --by id.",
        )

    def text(self, number: int) -> str:
        return str(number) if self.by == "id" else timestamp(datetime.fromtimestamp(number, UTC))


def list_request(incoming: Incoming, environment: RunEnvironment) -> ListRequest:
    """The request for the whole list."""
    return ListRequest(environment.place.name, incoming, None, environment.session, environment.incomings)


def configuration(incoming: Incoming, environment: RunEnvironment) -> str:
    """Digest of the requests, and of everything that determines which items are written where. Raises `UserError`."""
    return list_request(incoming, environment).identity()[0]


class _SliceOutput:
    """The data of a slice, as a run's output."""

    def __init__(self, data: SliceData) -> None:
        self._data = data

    def write(self, data: bytes) -> None:
        self._safely(lambda: self._data.write(data))

    def sync(self) -> dict[str, Json]:
        self._safely(self._data.sync)
        return {}

    def close(self) -> None:
        self._data.close()

    def _safely(self, work: Callable[[], None]) -> None:
        try:
            work()
        except SliceError as error:
            raise SinkError(error.message, error.hint) from error


class _FailuresKept:
    """A watcher that also keeps the records that failed."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.records: list[FailedRecord] = []

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None:
        self._watcher.note(text, warning=warning, code=code)

    def failed(self, record: FailedRecord) -> None:
        self.records.append(record)
        self._watcher.failed(record)

    def progress(self, progress: Progress) -> None:
        self._watcher.progress(progress)


class SliceRun:
    """Reads one slice; `execute` runs once, `stop` as for any run."""

    def __init__(
        self,
        incoming: Incoming,
        store: SliceStore,
        plan: SlicePlan,
        chosen: Slice,
        environment: RunEnvironment,
        watcher: Watcher,
        *,
        in_flight: int | None = None,
    ) -> None:
        check_sliceable(environment.place.name, incoming)
        self._store, self._plan, self._slice = store, plan, chosen
        self._watcher = _FailuresKept(watcher)
        self._incoming = incoming.model_copy(update={"sink": StdoutSink(), "filter": None, "transform": None})
        within = ListRange(plan.field, chosen.after, chosen.until)
        self._options = RunOptions(since=plan.since, in_flight=in_flight, within=within)
        self._environment = replace(environment, place=replace(environment.place, ledger=None), typed_outputs=())
        self._mask = environment.session.masked
        self._run: Run | None = None
        self._stopped: tuple[str, str] | None = None
        """Why it shall stop, and the code of that."""

    @property
    def progress(self) -> Progress:
        """How far it is now."""
        return Progress() if self._run is None else self._run.progress

    def stop(self, why: str, code: str = STOPPED) -> None:
        self._stopped = (why, code)
        if self._run is not None:
            self._run.stop(why, code)

    async def execute(self) -> Summary:
        """Reports the slice as done if it was read completely; otherwise leaves nothing behind. Raises `UserError`."""
        data = await asyncio.to_thread(self._store.new_data, self._slice.index)
        done = False
        try:
            around = replace(self._environment, stdout=_SliceOutput(data))
            self._run = Run(self._incoming, self._options, around, self._watcher)
            if self._stopped is not None:
                self._run.stop(*self._stopped)
            summary = await self._run.execute()
            if summary.state != "complete":
                return summary
            report = self._report(summary, data)
            first = await asyncio.to_thread(self._store.finish, self._plan, report)
            done = True
            if first.data != report.data:
                self._watcher.note("Another process finished this slice first; its items are used.")
            return done_summary(self._plan.name, first)
        finally:
            if not done:
                await asyncio.to_thread(data.discard)

    def _report(self, summary: Summary, data: SliceData) -> SliceReport:
        failed = ((self._mask(each.record), self._mask(each.message)) for each in self._watcher.records)
        return SliceReport(
            run_id=self._plan.run_id,
            configuration=self._plan.configuration,
            slice=self._slice.index,
            data=data.name,
            bytes=data.bytes,
            sha256=data.sha256,
            items=summary.received,
            counted=summary.expected,
            failed=tuple(FailedItem(record=record, message=message) for record, message in failed),
            requests=summary.requests,
            retries=summary.retries,
            seconds=round(summary.seconds, 3),
        )


def done_summary(name: str, report: SliceReport) -> Summary:
    """The summary of a slice that is done, by this process or another."""
    return Summary(
        name,
        "complete",
        items=report.items,
        failed=len(report.failed),
        dropped=0,
        seconds=report.seconds,
        requests=report.requests,
        retries=report.retries,
        received=report.items,
        expected=report.counted,
    )


def commit_run(
    incoming: Incoming,
    store: SliceStore,
    plan: SlicePlan,
    reports: Sequence[SliceReport],
    environment: RunEnvironment,
    watcher: Watcher,
) -> Run:
    """The run that writes the items of all slices and moves the mark. It raises `AlreadyCommitted` if it has run."""
    items = SliceItems(store, plan, reports)
    return Run(incoming, RunOptions(full=plan.full, slice_items=items), environment, watcher)
