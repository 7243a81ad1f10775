"""Reads a list's pages ahead, several at once, and gives them in the list's order.

The list is a row of slots. A slot is a part still to be asked for, a page on its way, or a page that has come; an
answer may put further parts behind its slot. Pages leave at the head only, so whatever order answers come in, the
position of the head says how far the list has been read."""

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
from ..client.plugins.retry import retry_after
from ..machine import Machine
from ..runs.errors import Action, Explain, RunError, RunFailed
from ..runs.ledger import FailedRecord
from ..runs.pace import Pace, Patience
from ..templates import Json
from .errors import explained, of_answer, of_failure
from .pages import Page
from .pagination import ListPart, PageRequest, PageResult, Pagination, PaginationError, SequentialPages
from .pagination.envelope import names_next, says_more
from .pagination.link_header import link_of

# A list's pages while they are read: slots in a row, and the pages that have left them in order.


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page at its place in the list. `position` is where to continue after it, where there is such a place.

    `ended`: it is the last one.
    """

    items: list[bytes]
    ask: PageRequest
    position: Json
    ended: bool
    announced: int | None
    """How many items the whole list has, as the store counted when it sent this page."""
    failed: tuple[FailedRecord, ...] = ()

    def first(self, count: int) -> PageRead:
        """Only so many of its items. `position` is None where only a whole page can be gone on from."""
        items = self.items[:count]
        return replace(self, items=items, position=self.ask.position_behind(items), ended=False)


@dataclass(slots=True, eq=False)
class Slot:
    part: ListPart
    ask: PageRequest | None = None
    task: asyncio.Task[None] | None = None
    answered: PageResult | None = None
    status: int = 200
    """Of its response."""
    failed: tuple[FailedRecord, ...] = ()
    blamed: FailedRecord | None = None
    """Why the one record of this slot could not be read when it was last requested."""
    blamed_twice: bool = False
    blamed_at: float = 0.0
    """When that was; it is requested again as soon as the store has sent a good page requested after it."""
    size: int = 0


@dataclass(slots=True)
class RunCounts:
    """What a run has done so far, besides its items."""

    again: int = 0
    """Pages that had to be asked for once more."""
    in_flight: int = 0
    latency: float = 0.0
    """Seconds of the latest answers, as a moving average."""


@dataclass(slots=True)
class ListTotal:
    """How many items the list has, as the store said at first and last; None where pages are not read by that."""

    first: int | None = None
    last: int | None = None
    highest: int | None = None
    latest: int | None = None
    shrank: bool = False
    """Whether a page counted fewer items than one before it: then items moved to pages that were read already."""

    def note(self, total: int | None, items: int) -> None:
        """What a page of N items said."""
        if total is not None:
            self.last = total
        if self.first is None and total != items:  # there are modules whose total_count is that of the page
            self.first = total

    def came(self, total: int | None, items: int) -> None:
        """What a page of N items said, called as they come and not in their order."""
        if total is None or (self.highest is None and total == items):
            return
        self.shrank = self.shrank or (self.highest is not None and total < self.highest)
        self.highest = max(self.highest or 0, total)
        self.latest = total

    @property
    def moved(self) -> bool:
        return self.first is not None and self.last is not None and self.first != self.last


_AHEAD_BYTES = 24_000_000
"""Bytes of pages that have come and wait for their turn, after which only the head is asked for."""
_LARGE = 1_000_000
"""Bytes; larger pages are split in a thread, because the loop must not wait for it."""
_CORRECT = "Correct the pagination; items read so far are kept."
_OR_SHORT = ' If it was the last page, set `last-page = "short"`.'
_GATHER = 0.05
"""Seconds for which pages that have come may wait for others: to wake the writing thread costs as much as a page."""
_TRIES = 3
"""How often a page is requested before it is divided, where the response was not a page, and before it is empty."""
_IN_A_ROW = 3
"""Pages that break one after another: then it may be the store itself. Doubled each time that it is not."""
_AT_FIRST = 16
"""The same as long as there was no good page: halving 10,000 items down to one takes 14."""
_LOOKS = 4
"""How often a page that was good before may show that the store works, before the next new good one."""
_PARTIAL = 206
"""Partial Content (RFC 9110 §15.3.7), which some APIs send for part of a list."""
_SAME_PAGE = "The store sent the same page twice: it does not continue where requested"
_MOST_EMPTY = 200
"""Consecutive pages without items, in a list that is said to continue, after which it is not read any further."""
_NOT_WHOLE = {202: "Accepted: the server has not finished", 207: "Multi-Status: a part of it may have failed"}
"""Good statuses that do not say that a response holds all it should (RFC 9110 §15.3.3, RFC 4918 §11.1)."""
_FIRST_AGAIN = (
    "The second page was the first one again, and the store does not count the items: it may ignore the page number. "
    "Where the request selects fields, add total_count to them"
)
_NONE = RunError(Action.DIVIDE, "The store sent an empty list", status=200)
_EMPTY = RunError(Action.DIVIDE, "The store sent an empty page although it counted items", status=200)


class ListReading:
    """One way through a list."""

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
        counted: int | None = None,
        held: int | None = None,
        doubt: str = "",
    ) -> None:
        """Without a pagination all is in one response.

        `held`: how many items the whole list had when it was last read; None where an empty list is nothing unusual.
        `read`, `failed` and `counted`: how many items earlier parts of the run have read, how many records they gave
        up, and how many items the store had counted. `at_end`: they have read all. `doubt`: why that may not be all.
        """
        self._pagination, self._request, self._send, self._read_page = pagination, request, send, read_page
        self._expects, self._pace, self._patience, self._machine = expects, pace, patience, machine
        self._explain, self._held = explain, held
        self._slots = [] if at_end else [Slot(self._part(position))]
        self._read, self._given_up, self._recounted = read, failed, False
        self.counted = counted
        """How many items the list has, as the store last counted the whole of it."""
        self.unproven = doubt
        """Why this may not have been the whole list although nothing followed."""
        self.unsure = ""
        """The same, where a count that the store sends proves the opposite."""
        self._empty_in_a_row = 0
        self.total = ListTotal(
            highest=counted
        )  # a list that is shorter when a run resumes has become shorter meanwhile
        self._begun = read > 0
        self._last: list[bytes] = []
        self._broken_in_a_row = 0
        self._good_ask: PageRequest | None = None
        self._good_at = float("-inf")
        """When the latest request was sent that brought a good page."""
        self._looks = 0
        self._looking = asyncio.Lock()
        self._trusts_empty = False
        """Whether the store was seen to work since the first of the empty pages that come now."""
        self._has_counted = False
        """Whether the store has counted items before it sent any."""
        self._withholds = False
        """Whether the store has counted items that it did not send although it worked."""
        self._stop: RunFailed | None = None
        self._unforeseen: BaseException | None = None
        self._news = asyncio.Event()
        self._gathering = False
        self.counts = RunCounts()
        self.store_time: datetime | None = None
        """The store's clock at its first response."""

    async def pages(self) -> AsyncGenerator[list[PageRead], None]:
        """The pages in order, as many at a time as have come. Raises `RunFailed` where the run cannot continue."""
        try:
            while self._slots:
                self._ask_ahead()
                ready = self._from_the_head()
                if self._unforeseen is not None:
                    raise self._unforeseen
                if ready:
                    yield ready
                    await self._gather()
                elif self._stop is not None:
                    raise self._stop
                elif not self.counts.in_flight:
                    await self._wait_for_the_blamed()
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            await self._give_up()

    async def _gather(self) -> None:
        """Waits until it is worth to hand on what has come."""
        self._news.clear()
        self._gathering = not self._is_worth_it()
        if self._gathering:
            timer = asyncio.get_running_loop().call_later(_GATHER, self._news.set)
            await self._news.wait()
            timer.cancel()
            self._gathering = False

    def _is_worth_it(self) -> bool:
        """Whether N pages have come at the head as may be in flight, or nothing more will come."""
        head = self._slots[: self._pace.most]
        return not self.counts.in_flight or self._stop is not None or all(slot.answered for slot in head)

    @property
    def position(self) -> Json:
        return self._slots[0].part.position if self._slots else None

    @property
    def read(self) -> int:
        """How many items the store has sent, since the run began."""
        return self._read

    @property
    def missing(self) -> int:
        """How many items the store counts and neither sent nor broke at."""
        return max(0, (self.counted or 0) - self._read - self._given_up)

    def _ask_ahead(self) -> None:
        """Sends what may be sent now. Called whenever a response came, so that the store never waits for the disk."""
        index = 0
        held = sum(slot.size for slot in self._slots)
        while self._stop is None and index < len(self._slots) and self.counts.in_flight < self._pace.limit:
            slot = self._slots[index]
            if slot.ask is None and self._may_send(slot):
                if index and (held > _AHEAD_BYTES or index > 2 * self._pace.most):
                    return
                self._send_first_of(slot, index)
            index += 1

    def _may_send(self, slot: Slot) -> bool:
        """Whether this page may be requested: that of a blamed record once more, after the store was seen to work."""
        return slot.blamed is None or (not slot.blamed_twice and slot.blamed_at < self._good_at)

    def _send_first_of(self, slot: Slot, index: int) -> None:
        slot.ask, behind = slot.part.take()
        if behind is not None:
            self._slots.insert(index + 1, Slot(behind))
        self.counts.in_flight += 1
        slot.task = asyncio.get_running_loop().create_task(self._fetch(slot, slot.ask))
        slot.task.add_done_callback(self._ended)

    async def _fetch(self, slot: Slot, ask: PageRequest) -> None:
        try:
            page = await self._page(ask)
            self._came(slot, ask, page)
        except RunFailed as error:
            if error.trouble.means is Action.DIVIDE and ask.record is not None:
                self._blame(slot, ask, error.trouble)
            else:
                self._troubled(slot, ask, error.trouble)
        except PaginationError as error:
            self._stop = self._stop or RunFailed(of_failure(error, begun=self._begun))
        finally:
            self.counts.in_flight -= 1
            self._ask_ahead()
            if not self._gathering or self._is_worth_it():
                self._news.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unforeseen = error
            self._news.set()

    async def _page(self, ask: PageRequest) -> Page:
        """The page, requested until it comes. Raises `RunFailed` where waiting does not help."""
        tries = empty = 0
        try:
            while True:
                await self._patience.gate()
                began = self._machine.monotonic()
                found = await self._once(ask)
                now = self._machine.monotonic()
                if isinstance(found, Page):
                    if found.items or await self._is_empty(ask, found, empty):
                        self._good(ask, found, began, now)
                        return found
                    empty += 1
                    self.counts.again += 1
                    await self._patience.wait(_EMPTY if ask.lacks(found) else _NONE, begun=True)
                    continue
                tries += 1
                self._bad(found, now)
                if found.means is not Action.DIVIDE or await self._is_away():
                    await self._patience.wait(found, begun=self._begun)
                elif found.status is not None or tries >= _TRIES:
                    if ask.record or ask.halves():
                        raise RunFailed(found)
                    await self._patience.wait(found, begun=self._begun)
        finally:
            self._patience.leave()

    async def _is_empty(self, ask: PageRequest, page: Page, before: int) -> bool:
        """Whether a page without items may be believed, which came so `before` already.

        A store that is overloaded or rebuilds an index may send empty lists for a while. So a page that was good before
        is requested again; and where the store counts items for the empty one, that one is, too.
        """
        lacks = ask.lacks(page)
        if self._good_ask is None:
            believed = before >= _TRIES - 1
            self._has_counted = self._has_counted or lacks
            if not lacks and self._has_counted:
                if believed:
                    self.unproven = "The store counted items in one response and none in the next"
                return believed
            if self._held is not None and not self._begun and not lacks:
                return self._confirmed_empty(self._held, before)
        elif self._trusts_empty and not lacks:
            return True
        elif not await self._looked():
            return False
        else:
            self._trusts_empty = True
            believed = before > 0 or self._withholds
        self._withholds = self._withholds or (lacks and believed)
        return believed or not lacks

    def _confirmed_empty(self, held: int, before: int) -> bool:
        """Whether the whole list may be empty, of which the first page has come empty `before` already.

        Raises `RunFailed` where it had items: to believe the store would give up what is in the sink.
        """
        if held == 0:
            return before > 0
        if before < _TRIES - 1:
            return False
        message = f"The store sends an empty list; when it was last read completely, it had {held:,} items"
        hint = "Nothing was changed. Run again later; if the list really is empty now, use --full."
        raise RunFailed(RunError(Action.STOP, message, hint, status=200, code="empty-list"))

    async def _is_away(self) -> bool:
        """Whether the store breaks at everything now, so that it is not these records that break it."""
        async with self._looking:  # one looks, and the others need not
            if self._good_ask is None:
                return self._broken_in_a_row >= _AT_FIRST
            if self._broken_in_a_row < _IN_A_ROW * 2 ** (self._looks % _LOOKS):
                return False
            if self._looks < _LOOKS and await self._looked():
                self._looks += 1
                self._broken_in_a_row = 0
                return False
            self._away()
            return True

    async def _looked(self) -> bool:
        """Whether a page that was good before is so still."""
        ask, began = self._good_ask, self._machine.monotonic()
        if ask is None:
            return False
        found = await self._once(ask)
        if isinstance(found, Page) and found.items:
            self._good_at = max(self._good_at, began)
            return True
        return False

    async def _wait_for_the_blamed(self) -> None:
        """Records at the head are blamed, and nothing else can be requested: those blamed twice are given up.

        But only if the store works, which a page that was good before shows: otherwise it is waited for, and they are
        requested again. Raises `RunFailed` at the end of the patience.
        """
        blamed = self._slots[0].blamed
        assert blamed is not None
        if self._looks >= _LOOKS or not await self._looked():
            self._away()
            try:
                await self._patience.wait(RunError(Action.WAIT, blamed.message, exchange=blamed.exchange), begun=True)
            finally:
                self._patience.leave()
            self._good_at = self._machine.monotonic()  # whoever waited may look for itself
            return
        self._broken_in_a_row = 0
        for slot in self._slots:
            if slot.blamed_twice and slot.blamed is not None and slot.ask is None:
                slot.ask, _ = slot.part.take()
                slot.failed = (slot.blamed,)
                slot.answered = PageResult(())

    def _away(self) -> None:
        """The store breaks at everything: whatever broke just now proves nothing against its record."""
        for slot in self._slots:
            slot.blamed_twice = False

    def _good(self, ask: PageRequest, page: Page, began: float, now: float) -> None:
        if page.items:
            self._trusts_empty = False
            if ask.repeatable:
                self._good_ask = ask
        self._good_at = max(self._good_at, began)
        self._looks = 0
        self.counts.latency += (now - began - self.counts.latency) / 8
        self._pace.answered(len(page.items), now)
        self._patience.over()
        self._broken_in_a_row = 0

    def _bad(self, trouble: RunError, now: float) -> None:
        """Counts it. Raises `RunFailed` where nothing but stopping is left."""
        if trouble.means in (Action.REFUSED, Action.WRONG, Action.LIMIT):
            raise RunFailed(trouble)
        self._pace.suffers(now)
        self.counts.again += 1
        if trouble.means is Action.DIVIDE:
            self._broken_in_a_row += 1

    async def _once(self, ask: PageRequest) -> Page | RunError:
        try:
            response = await self._send(ask.request)
            self._note_time(response)
            if ask.is_past_the_end(response):
                return Page((), None, response)
            if not self._expects.is_expected(response.status):
                wait = retry_after(response, self._machine.now())
                trouble = explained(
                    of_answer(response, begun=self._begun, wait=wait), self._explain(ask.request, response)
                )
                advice = ask.advice(response) if trouble.means is Action.WRONG else ""
                return replace(trouble, hint=f"{trouble.hint} {advice}".strip()) if advice else trouble
            if len(response.body) > _LARGE:
                return await asyncio.to_thread(self._read_page, response)
            return self._read_page(response)
        except RequestFailed as error:
            return of_failure(error, begun=self._begun)

    def _note_time(self, response: Response) -> None:
        if self.store_time is None and (date := response.header("Date")):
            with contextlib.suppress(ValueError):
                self.store_time = parsedate_to_datetime(date)

    def _came(self, slot: Slot, ask: PageRequest, page: Page) -> None:
        answered = ask.answered(page)
        slot.answered, slot.status = answered, page.response.status
        self.total.came(answered.total, len(page.items))
        slot.size = len(page.response.body)
        self._begun = self._begun or bool(answered.items)
        place = self._slots.index(slot)
        self._slots[place + 1 : place + 1] = [Slot(part) for part in answered.left]

    def _blame(self, slot: Slot, ask: PageRequest, trouble: RunError) -> None:
        """The page of one record breaks. It is requested again, and given up if the store works just then."""
        slot.blamed_twice = slot.blamed is not None
        slot.blamed = FailedRecord(ask.record or "", trouble.message, trouble.exchange)
        slot.blamed_at = self._machine.monotonic()
        slot.ask = slot.task = None
        if isinstance(ask, ListPart):  # what follows it has a slot already
            slot.part = ask

    def _troubled(self, slot: Slot, ask: PageRequest, trouble: RunError) -> None:
        """A page that cannot be had: in smaller parts, or not at all."""
        if trouble.means is Action.DIVIDE and (parts := ask.halves()):
            place = self._slots.index(slot)
            self._slots[place : place + 1] = [Slot(part) for part in parts]
            return
        self._stop = self._stop or RunFailed(trouble)

    def _from_the_head(self) -> list[PageRead]:
        """Takes off the pages at the head that have come."""
        ready: list[PageRead] = []
        while self._slots and (answered := self._slots[0].answered) is not None:
            slot = self._slots[0]
            assert slot.ask is not None
            items = list(answered.items)
            if items and items == self._last:
                if self._goes_in_circles(slot.ask, answered):
                    break
                if answered.total is None and self._read == len(items):
                    self.unproven = self.unproven or _FIRST_AGAIN
                self._slots, items = [], []
            else:
                self._last = items or self._last
                del self._slots[0]
            self._read += len(items)
            self._given_up += len(slot.failed)
            self.total.note(answered.total, len(items))
            counted = answered.counted if answered.total is None else answered.total
            self.counted = self.counted if counted is None else counted
            self.unproven = self.unproven or answered.unproven
            if not self._slots and self.missing and not self._recounted:
                self._recounted = True
                if (recount := slot.ask.recount()) is not None:
                    self._slots = [Slot(recount)]
            self.unsure = self.unsure or self._unsure(slot, items)
            self._empty_in_a_row = 0 if items or answered.total is None else self._empty_in_a_row + 1
            if self._empty_in_a_row >= _MOST_EMPTY and self._slots:
                self.unproven = f"{_MOST_EMPTY} pages without an item came one after another, so no more were requested"
                self._cancel_in_flight()
                self._slots = []
            announced = self._announced(answered, items)
            ready.append(PageRead(items, slot.ask, self.position, not self._slots, announced, slot.failed))
        return ready

    def _unsure(self, slot: Slot, items: list[bytes]) -> str:
        """Why the status of a page leaves open whether it held all its items; pages in the middle may be partial."""
        status = slot.status
        what = _NOT_WHOLE.get(status, "")
        if status == _PARTIAL and not self._slots and (items or not self._read):
            what = "Partial Content"
        if not what or status in self._expects.expected:
            return ""
        return f"A response has the status {status} ({what}). If it holds all items, add expected = [{status}]"

    def _announced(self, answered: PageResult, items: list[bytes]) -> int | None:
        if answered.expected is None:
            return answered.counted if answered.total is None else answered.total
        return self._read - len(items) + answered.expected

    def _goes_in_circles(self, ask: PageRequest, answered: PageResult) -> bool:
        """Whether the same page again is a circle; where stores repeat their last page, it is the end of the list."""
        if self._read >= answered.total if answered.total is not None else ask.may_repeat:
            return False
        hint = _CORRECT + (_OR_SHORT if ask.past_the_end else "")
        self._stop = self._stop or RunFailed(RunError(Action.WRONG, _SAME_PAGE, hint, code="same-page"))
        return True

    def stop(self, trouble: RunError) -> None:
        """Nothing more is sent; what has come in order is still given."""
        self._stop = self._stop or RunFailed(trouble)
        self._news.set()

    def _part(self, position: Json) -> ListPart:
        if self._pagination is None:  # all in one response
            return SequentialPages(None, lambda _: self._request, lambda *_: None, _names_more)
        return self._pagination.begin(self._request, position)

    async def begin_smaller(self, allowed: int) -> None:
        """Continues from the head with pages the store allows. Raises `PaginationError` if they are no larger now."""
        if self._pagination is None:
            raise PaginationError(f"The store allows {allowed} items in a response", "Add a pagination.")
        position = self.position
        await self._give_up()
        self._pagination = self._pagination.limited(allowed)
        self._slots = [Slot(self._part(position))]
        self._stop = None

    def _cancel_in_flight(self) -> list[asyncio.Task[None]]:
        tasks = [slot.task for slot in self._slots if slot.task is not None and not slot.task.done()]
        for task in tasks:
            task.cancel()
        return tasks

    async def _give_up(self) -> None:
        """Ends what is in flight."""
        tasks = self._cancel_in_flight()
        self._slots, kept = [], self._slots
        await asyncio.gather(*tasks, return_exceptions=True)
        self._slots = kept


def _names_more(page: Page, first: bool) -> str:
    """Why a response without a pagination may not hold the whole list; "" where nothing says so."""
    if page.counted is not None and page.counted > len(page.items):
        return ""  # the numbers say it
    if not page.items:
        return ""
    more = "Link" if link_of(page.response.headers, "next") else None
    if more is None and page.beside:
        more = names_next(page) or says_more(page)
    if more is None and (pages := page.counted_pages) is not None:
        return f"The response says in {pages!r} that it is one of several pages. Add a pagination to this incoming"
    if more is None and page.response.status == _PARTIAL and page.counted is None:
        return "The response is only part of the list (status 206). Add a pagination to this incoming"
    if more is not None:
        return f"The response says in {more!r} that more items follow. Add a pagination to this incoming"
    return ""
