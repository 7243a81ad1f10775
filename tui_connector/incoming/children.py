"""Child lists: reads a list for each item of another list, several at a time, and returns their pages in order.

The items of the other list, the parents, are read ahead and put into a queue. For each of them a reader of its own
requests the child list; all requests pass one gate, so that no more are in flight than the pace allows. Pages leave the
queue at its head only, so that the *position* is that of one parent, and of a page of its child list.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial

from ..client.layer import Send
from ..client.message import Request, RequestFailed
from ..client.pages import PageUnreadable, field_reader
from ..client.raw_json import InvalidJson, decode_json
from ..errors import InvalidValue
from ..runs.errors import Action, RunError, RunFailed
from ..runs.ledger import FailedRecord
from ..runs.pace import Pace, Patience
from ..templates import Json, PlaceholderError, Scope
from .child_list import ChildList, ChildPage, ChildPosition
from .errors import error_for_exception
from .model import Incoming, ItemTransform
from .page_reader import PageRead, PageReader, ReadSoFar, RunCounts
from .pagination import Pagination, PaginationError
from .parent_fields import ParentFields
from .reading import ListReader
from .writing import DuplicateFinder

_READ_AHEAD = 64
"""Parents in the queue."""
_READ_AHEAD_BYTES = 24_000_000
"""Bytes of items waiting for their turn, above which only the first list of the queue is read."""
_COLLECT_SECONDS = 0.05
"""Seconds for which pages may wait for others: waking the writing thread costs as much as a page."""
_MAX_TRIES = 3
"""Requests for a child list at which the store fails, although it works otherwise, before it counts as failed."""
_ALL_FAIL = 50
"""Child lists that must have failed alike, without any that succeeded, for the run to stop."""
_CONFIGURED_BY = frozenset({PageUnreadable.CODE, "pagination", "same-page", "circle"})
"""Codes of errors in one list, besides those of its status, that say nothing about the store as a whole."""


def smaller_pages(allowed: int) -> str:
    """The note that pages are smaller from now on."""
    return f"The store allows {allowed} items per page: that many are requested now."


def _concerns_one_list(error: RunError) -> bool:
    """Whether the error says nothing about other lists of the store."""
    if error.action not in (Action.WRONG, Action.REFUSED):
        return False
    return error.code in _CONFIGURED_BY or (error.code == f"status-{error.status}" and error.status != 401)


class ChildReader:
    """Reads the child lists of all parents once, from a position on."""

    def __init__(
        self,
        name: str,
        parent: Incoming,
        incoming: Incoming,
        *,
        open_parents: Callable[[ReadSoFar], PageReader],
        open_list: Callable[[Pagination | None, Request, ReadSoFar], ListReader],
        send: Send,
        run: Mapping[str, Json],
        pace: Pace,
        patience: Patience,
        so_far: ReadSoFar,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`name` is the parent's. `run` is what `@{…}` reads, and `send` repeats a request to see if the store is up.

        Raises `PaginationError` for a position of another kind of list.
        """
        assert incoming.parent is not None
        self._name, self._parent, self._incoming = name, parent, incoming
        self._open_list, self._send, self._run, self._note = open_list, send, run, note
        self._pace, self._patience = pace, patience
        self._pagination = incoming.pagination
        self._fields = ParentFields(incoming.parent.fields)
        self._filter = ItemTransform(None, parent.filter)
        self._identifier_of = field_reader(parent.identifier) if parent.identifier else None
        position = ChildPosition.parse(so_far.position)
        self._start, self._skip, self._number = position.parents, position.skip, position.read
        self._resumed = position.child
        at_end = so_far.at_end or position.at_end
        before = position.read - position.skip
        start = None if at_end else position.parents
        self._parents = open_parents(ReadSoFar(start, before, position.failed, position.counted, at_end))
        self._parents_failed = position.failed
        self._read = so_far.read
        self._incomplete_reason = so_far.incomplete_reason
        self._queue: deque[ChildList] = deque()
        self._fed = at_end
        self._parents_error: RunFailed | None = None
        self._stop: RunFailed | None = None
        self._unexpected: BaseException | None = None
        self._changed, self._taken = asyncio.Event(), asyncio.Event()
        self._waiting_bytes = 0
        self._retries = 0
        proven = parent.pagination is None or parent.pagination.cannot_shift or parent.parent is not None
        self._duplicates = None if proven else DuplicateFinder()
        self._good: Request | None = None
        """A request that has succeeded, to see if the store is up."""
        self._has_succeeded = so_far.read > 0

    async def pages(self) -> AsyncGenerator[list[PageRead], None]:
        """The pages in order, as many at a time as have arrived. Raises `RunFailed` where the run cannot continue."""
        feeder = None if self._fed else self._task(self._feed())
        try:
            while True:
                ready = self._take_ready()
                if self._unexpected is not None:
                    raise self._unexpected
                if ready:
                    yield ready
                    await self._collect()
                elif self._stop is not None:
                    raise self._stop
                elif self._fed and not self._queue:
                    if self._parents_error is not None:
                        raise self._parents_error
                    return
                else:
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            tasks = [each.task for each in self._queue if each.task is not None]
            tasks += [feeder] if feeder is not None else []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _task(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unexpected = error
        self._changed.set()

    async def _collect(self) -> None:
        """Waits for more pages, so that several are written at once."""
        timer = asyncio.get_running_loop().call_later(_COLLECT_SECONDS, self._changed.set)
        wanted = min(self._pace.limit * 2, len(self._queue))
        while wanted and not timer.cancelled() and self._stop is None:
            head = [each for _, each in zip(range(wanted), self._queue, strict=False)]
            if all(each.done for each in head) or timer.when() <= asyncio.get_running_loop().time():
                break
            self._changed.clear()
            await self._changed.wait()
        timer.cancel()

    # The queue

    async def _feed(self) -> None:
        """Puts the parents into the queue, as far ahead as it is allowed to grow."""
        while True:
            try:
                async with aclosing(self._parents.pages()) as pages:
                    async for batch in pages:
                        for page in batch:
                            await self._add_page(page)
                break
            except RunFailed as failed:
                if failed.error.action is not Action.LIMIT:
                    self._parents_error = failed
                    break
                allowed = failed.error.max_page_size
                try:
                    await self._parents.use_smaller_pages(allowed)
                except PaginationError as error:
                    self._parents_error = RunFailed(error_for_exception(error, has_read=True))
                    break
                self._note(smaller_pages(allowed))
        self._fed = True

    async def _add_page(self, page: PageRead) -> None:
        """Queues the parents on a page; a page without any is queued for its position and its failed records."""
        start, self._start = self._start, page.position
        drop = min(self._skip, len(page.items))
        self._skip -= drop
        if self._duplicates is not None:
            self._duplicates.note(page.items)
        self._parents_failed += len(page.failed)
        so_far = ReadSoFar(
            failed=self._parents_failed,
            reported_total=self._parents.reported_total,
            incomplete_reason=self._parents.doubt,
        )
        for index in range(drop, max(len(page.items), drop + 1)):
            is_final = page.is_last and index >= len(page.items) - 1
            item = page.items[index] if index < len(page.items) else b""
            child = ChildList(item, self._number, page, index, start, so_far, is_final)
            child.failed += page.failed if index == drop else ()
            self._number += bool(item)
            child.done = not item or self._is_filtered_out(child)
            while len(self._queue) >= _READ_AHEAD:
                self._taken.clear()
                await self._taken.wait()
            self._queue.append(child)
            if child.done:
                self._changed.set()
            else:
                child.task = self._task(self._read_child(child))

    def _is_filtered_out(self, child: ChildList) -> bool:
        """Whether the parent's own filter drops it, or cannot be evaluated, which is reported."""
        kept = self._filter([child.item])
        if kept.rejected:
            self._fail(child, RunError(Action.WRONG, kept.rejected[0].reason, code="filter"))
        return not kept.items

    def _take_ready(self) -> list[PageRead]:
        """Takes what has arrived off the head of the queue."""
        ready: list[PageRead] = []
        if self._holds_back():
            return ready
        while self._queue:
            child = self._queue[0]
            while child.pages:
                page = child.pages.popleft()
                self._waiting_bytes -= sum(map(len, page.items))
                if page.inner is not None and page.inner.is_last and child.error is None:
                    child.ended = True
                    page = replace(page, position=child.position_after, is_last=child.is_final)
                self._read += len(page.items)
                ready.append(page)
            if not child.done:
                break
            self._queue.popleft()
            if not child.ended or child.failed:
                ready.append(self._last_page(child))
            self._incomplete_reason = self._incomplete_reason or child.doubt or child.so_far.incomplete_reason
        self._taken.set()
        return ready

    def _last_page(self, child: ChildList) -> PageRead:
        """The page that ends a child list without one of its own: it failed, or there was none to be read."""
        return ChildPage(
            [],
            child.page.request,
            child.position_after,
            child.is_final,
            None,
            tuple(child.failed),
            child.item or None,
        )

    def _holds_back(self) -> bool:
        """Whether nothing may leave the queue yet, as no child list has been read so far, and more are to come.

        Stops the run where many have failed alike: then the request is wrong, or the access is refused.
        """
        if self._has_succeeded or self._stop is not None or not self._queue:
            return False
        if any(not each.done for each in self._queue) or not (self._fed or len(self._queue) >= _READ_AHEAD):
            return True
        errors = [each.error for each in self._queue if each.error is not None]
        if len(errors) < _ALL_FAIL or len({each.code for each in errors}) > 1:
            return False
        first = errors[0]
        message = f"The lists of the first {len(errors)} {self._name} all failed: {first.message}"
        self._stop = RunFailed(replace(first, message=message, hint=first.hint or "Correct the request."))
        return True

    # A child list

    async def _read_child(self, child: ChildList) -> None:
        """Reads one child list, from the position of the interrupted run if it was read then."""
        try:
            request, fields = self._request(child)
        except (PlaceholderError, InvalidValue, InvalidJson) as error:
            self._fail(child, RunError(Action.WRONG, str(error), code="template"))
            return
        child.digest = hashlib.sha256(request.uri.encode() + b"\n" + request.body).hexdigest()[:16]
        so_far, self._resumed = child.resume_from(self._resumed), None
        tries = 0
        while not self._is_stopped:
            child.reader = self._open_list(self._pagination, request, so_far)
            child.read = so_far.read
            try:
                await self._read_pages(child, fields)
                self._succeeded(child, request)
                return
            except RunFailed as failed:
                so_far = ReadSoFar(child.reader.position, child.reader.read, 0, child.reader.reported_total)
                found = failed.error
            except InvalidValue as invalid:
                self._fail(child, RunError(Action.WRONG, str(invalid), code="parent-field"))
                return
            finally:
                self._retries += child.reader.counts.retries
                child.reader.counts.retries = 0
            if found.action is Action.STOP or self._is_stopped:
                return
            if found.action is Action.LIMIT:
                try:
                    self._use_smaller_pages(found.max_page_size)
                except PaginationError as wrong:
                    self.stop(error_for_exception(wrong, has_read=True))
            elif found.action is Action.DIVIDE:
                tries += 1
                if not await self._is_store_up():
                    tries -= 1
                    await self._wait(found)
                elif tries >= _MAX_TRIES:
                    self._fail(child, found)
                    return
            elif _concerns_one_list(found):
                self._fail(child, found)
                return
            else:
                self.stop(found)

    @property
    def _is_stopped(self) -> bool:
        return self._stop is not None

    def _request(self, child: ChildList) -> tuple[Request, dict[str, Json]]:
        """The request for the list of this parent, and the fields for its items."""
        data = decode_json(child.item)
        return self._incoming.request.request(Scope(data, self._run)), self._fields.of(data)

    async def _read_pages(self, child: ChildList, fields: Mapping[str, Json]) -> None:
        reader = child.reader
        assert reader is not None
        async with aclosing(reader.pages()) as pages:
            async for batch in pages:
                for page in batch:
                    items = self._fields.add(fields, page.items)
                    failed = tuple(
                        replace(each, record=f"{each.record}, {self.name_of(child)}") for each in page.failed
                    )
                    at = partial(child.position_within, child.read)
                    child.read += len(items)
                    position = at(page.position, len(items))
                    child.pages.append(
                        ChildPage(items, page.request, position, False, None, failed, child.item, page, at)
                    )
                    self._waiting_bytes += sum(map(len, items))
                self._has_succeeded = True
                self._changed.set()
                while self._waiting_bytes > _READ_AHEAD_BYTES and (child is not self._queue[0] or child.pages):
                    self._taken.clear()
                    await self._taken.wait()

    def _succeeded(self, child: ChildList, request: Request) -> None:
        assert child.reader is not None
        if why := child.reader.why_incomplete():
            child.doubt = f"The list of {self.name_of(child)}: {why}"
        child.done = True
        self._good = request

    def _fail(self, child: ChildList, error: RunError) -> None:
        """The child list cannot be read; the others can."""
        child.error = error
        message = f"{error.message}. {error.hint}" if error.hint else error.message
        child.failed.append(FailedRecord(f"the list of {self.name_of(child)}", message, error.exchange))
        child.done = True

    def _use_smaller_pages(self, allowed: int) -> None:
        """Raises `PaginationError` if pages have at most that many already."""
        if self._pagination is None:
            raise PaginationError(f"The store allows {allowed} items in a response", "Add a pagination.")
        if (self._pagination.max_page_size or 0) > allowed:  # another list may have found out
            self._pagination = self._pagination.with_page_size(allowed)
            self._note(smaller_pages(allowed))

    async def _is_store_up(self) -> bool:
        """Whether a request that has succeeded before still does."""
        if self._good is None:
            return False
        try:
            response = await self._send(self._good)
        except RequestFailed:
            return False
        return self._incoming.request.is_expected(response.status)

    async def _wait(self, error: RunError) -> None:
        """Waits for the store; stops the run when the patience is exhausted."""
        try:
            await self._patience.wait(error, has_read=True)
        except RunFailed as failed:
            self.stop(failed.error)
        finally:
            self._patience.release()

    def name_of(self, child: ChildList) -> str:
        """The parent as messages name it: its number, and its identifier if it has one."""
        number = f"item {child.number + 1} of {self._name}"
        value = self._identifier_of(child.item) if self._identifier_of else None
        return number if value in (None, "") else f"{number} ({self._parent.identifier} {value})"

    # What a run sees of it

    def stop(self, error: RunError) -> None:
        """Stops sending requests; `pages` still returns what has arrived in order, then raises `RunFailed`."""
        self._stop = self._stop or RunFailed(error)
        self._parents.stop(error)
        for child in self._queue:
            if child.reader is not None:
                child.reader.stop(error)
        self._changed.set()

    async def use_smaller_pages(self, allowed: int) -> None:
        """Never needed: each list continues with smaller pages by itself."""
        raise PaginationError(f"The store allows {allowed} items in a response")

    def why_incomplete(self) -> str:
        """Why the items are not proven to be all lists of all parents; "" if they are."""
        if why := self._parents.why_incomplete():
            return f"{self._name}: {why}"
        count, first = self._duplicates.found() if self._duplicates is not None else (0, None)
        if first is not None:
            return (
                f"{self._name}: {count:,} items were sent twice, such as item {first[1] + 1}, which is item "
                f"{first[0] + 1} again. Others may be missing: the list changed while it was read, or the store does "
                "not sort it by a unique field"
            )
        return self._incomplete_reason

    def remarks(self) -> list[str]:
        return [f"{self._name}: {each}" for each in self._parents.remarks()]

    def unfound_fields(self) -> list[str]:
        """What the parents lack that their filter or the fields for the items name."""
        outer = self._parents.unfound_fields() if isinstance(self._parents, ChildReader) else []
        return [
            *outer,
            *(f"{self._name}: {each}" for each in self._filter.unfound()),
            *map(str, self._fields.unfound()),
        ]

    @property
    def doubt(self) -> str:
        return self._incomplete_reason

    @property
    def read(self) -> int:
        return self._read

    @property
    def reported_total(self) -> int | None:
        """The number of items in all child lists is unknown."""
        return None

    @property
    def parents_total(self) -> int | None:
        """The number of parents, if the store counts them."""
        return self._parents.reported_total

    @property
    def counts(self) -> RunCounts:
        active = sum(each.reader.counts.retries for each in self._queue if each.reader is not None)
        return RunCounts(self._retries + active + self._parents.counts.retries)

    @property
    def store_time(self) -> datetime | None:
        """The header Date of the store's first response."""
        return self._parents.store_time
