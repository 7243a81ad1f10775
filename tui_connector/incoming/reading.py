"""Requests the pages of a list ahead, several at a time, and returns them in order.

The list is a queue of slots. A slot is a part that has not been requested, a page in flight, or a page that has
arrived; a response may add further parts after its slot. Pages are taken from the head only, so that in whatever order
responses arrive, the position of the head says how far the list has been read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from ..client.layer import Send
from ..client.message import Request, RequestFailed, Response
from ..client.model import RequestTemplate
from ..client.pages import Page
from ..client.plugins.retry import retry_after
from ..machine import Machine
from ..runs.errors import Action, Explain, RunError, RunFailed
from ..runs.ledger import FailedRecord
from ..runs.pace import Pace, Patience
from ..templates import Json
from .completeness import ListTotal, single_response_doubt, status_doubt
from .errors import (
    empty_list,
    error_for_exception,
    error_for_link,
    error_for_response,
    short_list,
    with_explanation,
)
from .page_reader import PageRead, RunCounts
from .pagination import ListPart, PageRequest, PageResult, Pagination, PaginationError, SequentialPages


@dataclass(slots=True, eq=False)
class Slot:
    """A place in the queue of a list's pages."""

    part: ListPart
    request: PageRequest | None = None
    task: asyncio.Task[None] | None = None
    result: PageResult | None = None
    status: int = 200
    failure: str = ""
    """The error that the response reports beside its items."""
    failed: tuple[FailedRecord, ...] = ()
    suspected: FailedRecord | None = None
    """The only record of the page, if the store failed at it when it was last requested."""
    suspected_twice: bool = False
    suspected_at: float = 0.0
    """When that was; it is requested again once a page that was requested later has arrived."""
    size: int = 0


_READ_AHEAD_BYTES = 24_000_000
"""Bytes of pages waiting for their turn, above which only the head is requested."""
_LARGE_RESPONSE = 1_000_000
"""Bytes; larger pages are split in a thread, so that the event loop does not block."""
_CORRECT_PAGINATION = "Correct the pagination; items read so far are kept."
_SHORT_LAST_PAGE = ' If it was the last page, set `last-page = "short"`.'
_COLLECT_SECONDS = 0.05
"""Seconds for which pages may wait for others: waking the writing thread costs as much as a page."""
_MAX_TRIES = 3
"""Requests for a page before it is divided because no response was a page, or before an empty one is accepted."""
_MAX_CONSECUTIVE_FAILURES = 3
"""Failed pages in a row after which a probe shows whether the store is down. Doubled after each successful probe."""
_MAX_FAILURES_AT_START = 16
"""The same before the first good page: halving 10,000 items down to one takes 14 requests."""
_MAX_PROBES = 4
"""Successful probes without a new good page, after which the store counts as down."""
_SAME_PAGE = "The store sent the same page twice: it does not continue where requested"
_MAX_EMPTY_PAGES = 200
"""Consecutive pages without items after which a list that should continue is not read any further."""
_FIRST_PAGE_AGAIN = (
    "The second page was the first one again, and the store does not count the items: it may ignore the page number. "
    "Where the request selects fields, add total_count to them"
)
_EMPTY_LIST = RunError(Action.DIVIDE, "The store sent an empty list", status=200)
_EMPTY_PAGE = RunError(Action.DIVIDE, "The store sent an empty page although it counted items", status=200)


class ListReader:
    """Reads a list once, from a position on."""

    def __init__(
        self,
        pagination: Pagination | None,
        request: Request,
        send: Send,
        read_page: Callable[[Response], Page],
        *,
        expects: RequestTemplate,
        pace: Pace,
        patience: Patience,
        machine: Machine,
        explain: Explain = lambda _request, _answer: None,
        position: Json = None,
        at_end: bool = False,
        read: int = 0,
        failed: int = 0,
        reported_total: int | None = None,
        previous_total: int | None = None,
        max_decrease: int = 100,
        incomplete_reason: str = "",
        is_child: bool = False,
    ) -> None:
        """Without a pagination, the whole list is expected in one response.

        `is_child`: one of many lists of a store that has responded already. Its first page is not divided when the
        store fails at it: `pages` raises the error with the action DIVIDE, and others show whether the store is down.

        `previous_total`: items in the list when it was last read completely; None where an empty list is not unusual.
        `max_decrease`: by how many percent it may be shorter now.
        The other values come from the interrupted part of the run that is resumed: `read` items, `failed` records that
        were skipped, and `reported_total`, the store's own count; `at_end`: it had reached the end of the list.
        """
        self._pagination, self._request, self._send, self._read_page = pagination, request, send, read_page
        self._expects, self._pace, self._patience, self._machine = expects, pace, patience, machine
        self._explain, self._previous_total, self._is_child = explain, previous_total, is_child
        self._max_decrease = max_decrease
        self._slots = [] if at_end else [Slot(self._part(position))]
        self._read, self._skipped_records, self._has_recounted = read, failed, False
        self.reported_total = reported_total
        """Items in the whole list, as last counted by the store."""
        self.incomplete_reason = incomplete_reason
        """Why this may not be the whole list although its end was reached; "" if nothing says so."""
        self.status_doubt = ""
        """The same, based on a status only: a count by the store outweighs it."""
        self._consecutive_empty_pages = 0
        self.total = ListTotal(
            highest=reported_total
        )  # so that a list that has shrunk since the interruption is noticed
        self._has_read = read > 0
        self._last_items: list[bytes] = []
        self._consecutive_failures = 0
        self._good_request: PageRequest | None = None
        self._good_at = float("-inf")
        """When the latest successful request was sent."""
        self._probes = 0
        self._probing = asyncio.Lock()
        self._accepts_empty = False
        """Whether a probe has succeeded since the first of the current empty pages."""
        self._has_counted = False
        """Whether the store has counted items before it sent any."""
        self._omits_items = False
        """Whether the store counts items on pages that stay empty although probes succeed."""
        self._stop: RunFailed | None = None
        self._unexpected: BaseException | None = None
        self._changed = asyncio.Event()
        self._collecting = False
        self.counts = RunCounts()
        self.store_time: datetime | None = None
        """The header Date of the store's first response."""

    async def pages(self) -> AsyncGenerator[list[PageRead], None]:
        """The pages in order, as many at a time as have arrived. Raises `RunFailed` where the run cannot continue."""
        try:
            while self._slots:
                self._send_ahead()
                ready = self._take_ready()
                if self._unexpected is not None:
                    raise self._unexpected
                if ready:
                    yield ready
                    await self._collect()
                elif self._stop is not None:
                    raise self._stop
                elif not self.counts.in_flight:
                    await self._retry_or_skip_suspects()
                else:
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            await self._cancel()

    async def _collect(self) -> None:
        """Waits for more pages, so that several are written at once."""
        self._changed.clear()
        self._collecting = not self._batch_is_ready()
        if self._collecting:
            timer = asyncio.get_running_loop().call_later(_COLLECT_SECONDS, self._changed.set)
            await self._changed.wait()
            timer.cancel()
            self._collecting = False

    def _batch_is_ready(self) -> bool:
        """Whether as many pages have arrived at the head as may be in flight, or no more are on their way."""
        head = self._slots[: self._pace.maximum]
        return not self.counts.in_flight or self._stop is not None or all(slot.result for slot in head)

    @property
    def position(self) -> Json:
        return self._slots[0].part.position if self._slots else None

    @property
    def read(self) -> int:
        """Items received since the run began."""
        return self._read

    @property
    def missing(self) -> int:
        """Items that the store counts, but neither sent nor failed at."""
        return max(0, (self.reported_total or 0) - self._read - self._skipped_records)

    @property
    def doubt(self) -> str:
        """Why the items read may not be the whole list, although none is known to be missing."""
        return (
            self.incomplete_reason
            or (self.status_doubt if self.reported_total is None else "")
            or self.total.shrank_reason
            or ("" if self._slots else self.total.linked_reason(self._read + self._skipped_records))
        )

    def why_incomplete(self) -> str:
        """Why the items read are not proven to be the whole list; "" if they are."""
        if not self.missing:
            return self.doubt
        counts = f"The store counts {self.reported_total:,} items and sent {self.read:,}"
        if self.incomplete_reason:
            return f"{counts}. {self.incomplete_reason}"
        if self._pagination is None:
            return f"{counts}. Add a pagination to this incoming to read the others, or a limit with --limit"
        return f"{counts}: it omitted rows, or the list changed while it was read"

    def remarks(self) -> list[str]:
        """Notes for the user of a complete run about the list."""
        if not self.total.changed:
            return []
        return [
            f"The list changed while it was read by page position: the store counted {self.total.first} items, then "
            f"{self.total.last}. Some items may be missing or duplicated; keyset pages avoid this."
        ]

    def _send_ahead(self) -> None:
        """Sends the requests that are due. Called after each response, so that the store never waits for the disk."""
        index = 0
        waiting_bytes = sum(slot.size for slot in self._slots)
        while self._stop is None and index < len(self._slots) and self.counts.in_flight < self._pace.limit:
            slot = self._slots[index]
            if slot.request is None and self._may_send(slot):
                if index and (waiting_bytes > _READ_AHEAD_BYTES or index > 2 * self._pace.maximum):
                    return
                self._start_request(slot, index)
            index += 1

    def _may_send(self, slot: Slot) -> bool:
        """Whether the page may be requested; that of a suspected record once more, after another page has arrived."""
        return slot.suspected is None or (not slot.suspected_twice and slot.suspected_at < self._good_at)

    def _start_request(self, slot: Slot, index: int) -> None:
        slot.request, rest = slot.part.take()
        if rest is not None:
            self._slots.insert(index + 1, Slot(rest))
        self.counts.in_flight += 1
        slot.task = asyncio.get_running_loop().create_task(self._fetch(slot, slot.request))
        slot.task.add_done_callback(self._on_task_done)

    async def _fetch(self, slot: Slot, request: PageRequest) -> None:
        try:
            page = await self._fetch_page(request)
            self._page_received(slot, request, page)
        except RunFailed as failed:
            if failed.error.action is Action.DIVIDE and request.record is not None and self._may_divide:
                self._suspect(slot, request, failed.error)
            else:
                self._divide_or_stop(slot, request, failed.error)
        except PaginationError as error:
            self._stop = self._stop or RunFailed(error_for_exception(error, has_read=self._has_read))
        finally:
            self.counts.in_flight -= 1
            self._send_ahead()
            if not self._collecting or self._batch_is_ready():
                self._changed.set()

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unexpected = error
            self._changed.set()

    async def _fetch_page(self, request: PageRequest) -> Page:
        """The page, requested until it arrives. Raises `RunFailed` where retrying does not help."""
        tries = empty = 0
        try:
            while True:
                await self._patience.wait_for_turn()
                self.counts.retries += tries + empty > 0
                began = self._machine.monotonic()
                found = await self._request_page(request)
                now = self._machine.monotonic()
                if isinstance(found, Page):
                    if found.items or await self._is_empty_page_valid(request, found, empty):
                        self._page_succeeded(request, found, began, now)
                        return found
                    empty += 1
                    await self._patience.wait(_EMPTY_PAGE if request.lacks_items(found) else _EMPTY_LIST, has_read=True)
                    continue
                tries += 1
                self._page_failed(found)
                if found.action is not Action.DIVIDE or await self._is_store_down():
                    await self._patience.wait(found, has_read=self._has_read or self._is_child)
                elif found.status is not None or tries >= _MAX_TRIES:
                    if request.record or request.divide() or not self._may_divide:
                        raise RunFailed(found)
                    await self._patience.wait(found, has_read=self._has_read)
        finally:
            self._patience.release()

    @property
    def _may_divide(self) -> bool:
        """Whether smaller pages are requested where the store fails at one."""
        return self._has_read or not self._is_child

    async def _is_empty_page_valid(self, request: PageRequest, page: Page, before: int) -> bool:
        """Whether a page without items is accepted, after it has been empty `before` times.

        A store that is overloaded or rebuilds an index may send empty lists for a while. So an earlier good page is
        requested again as a probe; and so is the empty one where the store counts items on it.
        """
        lacks = request.lacks_items(page)
        if self._good_request is None:
            accepted = before >= _MAX_TRIES - 1
            self._has_counted = self._has_counted or lacks
            if not lacks and self._has_counted:
                if accepted:
                    self.incomplete_reason = "The store counted items in one response and none in the next"
                return accepted
            if self._previous_total is not None and not self._has_read and not lacks:
                return self._is_empty_list_valid(self._previous_total, before)
        elif self._accepts_empty and not lacks:
            return True
        elif not await self._probe():
            return False
        else:
            self._accepts_empty = True
            accepted = before > 0 or self._omits_items
        self._omits_items = self._omits_items or (lacks and accepted)
        return accepted or not lacks

    def _is_empty_list_valid(self, previous_total: int, before: int) -> bool:
        """Whether an empty list is accepted, after its first page has been empty `before` times.

        Raises `RunFailed` where the list had items: accepting it would empty the sink.
        """
        if previous_total == 0:
            return before > 0
        if before < _MAX_TRIES - 1:
            return False
        raise RunFailed(empty_list(previous_total, "The store sends an empty list"))

    async def _is_store_down(self) -> bool:
        """Whether the store fails at every page now, so that the failures are not caused by single records."""
        async with self._probing:
            if self._good_request is None:
                return self._consecutive_failures >= _MAX_FAILURES_AT_START
            if self._consecutive_failures < _MAX_CONSECUTIVE_FAILURES * 2 ** (self._probes % _MAX_PROBES):
                return False
            if self._probes < _MAX_PROBES and await self._probe():
                self._probes += 1
                self._consecutive_failures = 0
                return False
            self._clear_suspicions()
            return True

    async def _probe(self) -> bool:
        """Whether the last good page still arrives when it is requested again."""
        request, began = self._good_request, self._machine.monotonic()
        if request is None:
            return False
        found = await self._request_page(request)
        if isinstance(found, Page) and found.items:
            self._good_at = max(self._good_at, began)
            return True
        return False

    async def _retry_or_skip_suspects(self) -> None:
        """Skips the records that are suspected twice, when nothing else is left to request.

        This needs a probe that succeeds: otherwise the run waits for the store, and requests them again. Raises
        `RunFailed` when the patience is exhausted.
        """
        suspect = self._slots[0].suspected
        assert suspect is not None
        if self._probes >= _MAX_PROBES or not await self._probe():
            self._clear_suspicions()
            try:
                await self._patience.wait(
                    RunError(Action.WAIT, suspect.message, exchange=suspect.exchange), has_read=True
                )
            finally:
                self._patience.release()
            self._good_at = self._machine.monotonic()  # so that the suspects themselves are requested again
            return
        self._consecutive_failures = 0
        for slot in self._slots:
            if slot.suspected_twice and slot.suspected is not None and slot.request is None:
                slot.request, _ = slot.part.take()
                slot.failed = (slot.suspected,)
                slot.result = PageResult(())

    def _clear_suspicions(self) -> None:
        """The store is down: recent failures say nothing about single records."""
        for slot in self._slots:
            slot.suspected_twice = False

    def _page_succeeded(self, request: PageRequest, page: Page, began: float, now: float) -> None:
        if page.items:
            self._accepts_empty = False
            if request.repeatable:
                self._good_request = request
        self._good_at = max(self._good_at, began)
        self._probes = 0
        self._pace.page_received(len(page.items), now)
        self._patience.reset()
        self._consecutive_failures = 0

    def _page_failed(self, error: RunError) -> None:
        """Records the failure. Raises `RunFailed` where the request cannot be retried."""
        if error.action in (Action.REFUSED, Action.WRONG, Action.LIMIT):
            raise RunFailed(error)
        self._pace.back_off(error.status)
        if error.action is Action.DIVIDE:
            self._consecutive_failures += 1

    async def _request_page(self, request: PageRequest) -> Page | RunError:
        try:
            response = await self._send(request.request)
            if self.store_time is None and (date := response.header("Date")):
                with contextlib.suppress(ValueError):
                    self.store_time = parsedate_to_datetime(date)
            if request.is_past_the_end(response):
                return Page((), None, response)
            if not self._expects.is_expected(response.status):
                wait = retry_after(response, self._machine.now())
                error = error_for_response(response, has_read=self._has_read, retry_after=wait)
                error = with_explanation(error, self._explain(request.request, response))
                hint = request.end_hint(response) if error.action is Action.WRONG else ""
                return replace(error, hint=f"{error.hint} {hint}".strip()) if hint else error
            if len(response.body) > _LARGE_RESPONSE:
                return await asyncio.to_thread(self._read_page, response)
            return self._read_page(response)
        except RequestFailed as failure:
            error = error_for_exception(failure, has_read=self._has_read)
            return error_for_link(error, request.request.uri) if request.named_by_store else error

    def _page_received(self, slot: Slot, request: PageRequest, page: Page) -> None:
        result = request.result(page)
        if not self._has_read:
            self._check_decrease(page, result)
        slot.result, slot.status, slot.failure = result, page.response.status, page.failure
        self.total.record(result.total, len(page.items))
        slot.size = len(page.response.body)
        self._has_read = self._has_read or bool(result.items)
        place = self._slots.index(slot)
        self._slots[place + 1 : place + 1] = [Slot(part) for part in result.remaining]

    def _check_decrease(self, page: Page, result: PageResult) -> None:
        """Raises `RunFailed` where the first page, before it is written, shows that the list is much shorter now.

        A total that equals the items of a full page may be that of the page.
        """
        reported = result.reported_total if result.total is None else result.total
        found, size = len(page.items), self._pagination.max_page_size if self._pagination else None
        is_short_page = size is not None and found < size
        total = found if not result.remaining else reported if reported != found or is_short_page else None
        if total and (error := short_list(total, self._previous_total, self._max_decrease, unchanged=True)):
            raise RunFailed(error)

    def _suspect(self, slot: Slot, request: PageRequest, error: RunError) -> None:
        """Marks the only record of a failed page: it is requested again, and skipped if the store works otherwise."""
        slot.suspected_twice = slot.suspected is not None
        slot.suspected = FailedRecord(request.record or "", error.message, error.exchange)
        slot.suspected_at = self._machine.monotonic()
        slot.request = slot.task = None
        if isinstance(request, ListPart):  # the rest of the part has a slot already
            slot.part = request

    def _divide_or_stop(self, slot: Slot, request: PageRequest, error: RunError) -> None:
        """Replaces a failed page by smaller parts, or stops the run."""
        if error.action is Action.DIVIDE and self._may_divide and (parts := request.divide()):
            place = self._slots.index(slot)
            self._slots[place : place + 1] = [Slot(part) for part in parts]
            return
        self._stop = self._stop or RunFailed(error)

    def _take_ready(self) -> list[PageRead]:
        """Takes the pages that have arrived off the head of the queue."""
        ready: list[PageRead] = []
        while self._slots and (result := self._slots[0].result) is not None:
            slot = self._slots[0]
            assert slot.request is not None
            items = list(result.items)
            if items and items == self._last_items:
                if self._is_circular(slot.request, result):
                    break
                if result.total is None and self._read == len(items):
                    self.incomplete_reason = self.incomplete_reason or _FIRST_PAGE_AGAIN
                self._slots, items = [], []
            else:
                self._last_items = items or self._last_items
                del self._slots[0]
            self._read += len(items)
            self._skipped_records += len(slot.failed)
            self.total.record_in_order(result.total, len(items))
            reported_total = result.reported_total if result.total is None else result.total
            self.reported_total = self.reported_total if reported_total is None else reported_total
            if result.by_position:
                self.total.record_linked(reported_total)
            self.incomplete_reason = self.incomplete_reason or slot.failure or result.incomplete_reason
            if not self._slots and self.missing and not self._has_recounted:
                self._has_recounted = True
                if (recount := slot.request.recount()) is not None:
                    self._slots = [Slot(recount)]
            may_be_partial = bool(self._slots) or (not items and self._read > 0)
            self.status_doubt = self.status_doubt or status_doubt(
                slot.status, self._expects.expected, may_be_partial=may_be_partial
            )
            self._consecutive_empty_pages = 0 if items or result.total is None else self._consecutive_empty_pages + 1
            if self._consecutive_empty_pages >= _MAX_EMPTY_PAGES and self._slots:
                self.incomplete_reason = f"{_MAX_EMPTY_PAGES} consecutive pages had no items, so no more were requested"
                self._cancel_in_flight()
                self._slots = []
            total = self._announced_total(result, items)
            ready.append(PageRead(items, slot.request, self.position, not self._slots, total, slot.failed))
        return ready

    def _announced_total(self, result: PageResult, items: list[bytes]) -> int | None:
        if result.expected is None:
            return result.reported_total if result.total is None else result.total
        return self._read - len(items) + result.expected

    def _is_circular(self, request: PageRequest, result: PageResult) -> bool:
        """Whether a repeated page is an error; it is not where stores repeat the last page after the end of a list."""
        if self._read >= result.total if result.total is not None else request.may_repeat:
            return False
        hint = _CORRECT_PAGINATION + (_SHORT_LAST_PAGE if request.past_the_end else "")
        self._stop = self._stop or RunFailed(RunError(Action.WRONG, _SAME_PAGE, hint, code="same-page"))
        return True

    def stop(self, error: RunError) -> None:
        """Stops sending requests; `pages` still returns what has arrived in order, then raises `RunFailed`."""
        self._stop = self._stop or RunFailed(error)
        self._changed.set()

    def _part(self, position: Json) -> ListPart:
        if self._pagination is None:
            return SequentialPages(None, lambda _: self._request, lambda *_: None, single_response_doubt)
        return self._pagination.begin(self._request, position)

    async def use_smaller_pages(self, allowed: int) -> None:
        """Continues from the head with `allowed` items per page.

        Raises `PaginationError` if pages have at most that many already.
        """
        if self._pagination is None:
            raise PaginationError(f"The store allows {allowed} items in a response", "Add a pagination.")
        position = self.position
        await self._cancel()
        self._pagination = self._pagination.with_page_size(allowed)
        self._slots = [Slot(self._part(position))]
        self._stop = None

    def _cancel_in_flight(self) -> list[asyncio.Task[None]]:
        tasks = [slot.task for slot in self._slots if slot.task is not None and not slot.task.done()]
        for task in tasks:
            task.cancel()
        return tasks

    async def _cancel(self) -> None:
        """Cancels the requests in flight, and waits for their tasks."""
        tasks = self._cancel_in_flight()
        self._slots, kept = [], self._slots
        await asyncio.gather(*tasks, return_exceptions=True)
        self._slots = kept
