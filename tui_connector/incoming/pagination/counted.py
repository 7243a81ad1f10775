"""Pages requested by the number of items before them: by page number, or by offset.

If the store counts its list, all pages are known after the first one and several are requested at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from ...client.message import Request, Response
from ...client.pages import Page
from ...templates import Json
from ...templates.expression import ExpressionText
from . import ListPart, PageRequest, PageResult, PaginationError, SinglePage
from .envelope import more_follows_flag

LastPage = Annotated[
    Literal["empty", "short"],
    Field(
        title="Last page",
        description="What marks the end if the store sends no total: an empty page, or a short one.",
    ),
]
Total = Annotated[
    ExpressionText | None,
    Field(
        title="Total",
        description="Path of the total number of items in a response (JMESPath on its body, or on its headers); "
        "default total_count.",
        examples=["meta.total", 'headers."x-wp-total"'],
    ),
]
EndStatuses = Annotated[
    list[Annotated[int, Field(ge=400, le=499)]],
    Field(
        default_factory=list,
        title="End statuses",
        description="Statuses of a page after the last one. 404 and 416 always mean the end; 400 and 422 only after a "
        "page that was not full, or once all items that the server counts have arrived.",
        examples=[[400]],
    ),
]
_NOT_FOUND = (404, 416)
_BAD_REQUEST = (400, 422)
_PAGE_NUMBER_CODE = "invalid_page_number"
"""End of WordPress's error codes: rest_post_invalid_page_number, rest_user_invalid_page_number, …"""


@dataclass(frozen=True, slots=True)
class CountedList:
    """A list, and how its pages are requested."""

    request: Callable[[int, int], Request]
    """The request for a page, by the number of items before it and its size."""
    size: int
    numbered: bool = True
    """Pages start at multiples of their size only, as with page numbers."""
    total: Callable[[Page], int | None] = lambda page: page.total
    total_is_named: bool = False
    """The profile names the total, so that it is not the count of the page."""
    last_page: LastPage = "short"
    may_repeat: bool = False
    divides: bool = True
    """Smaller pages can be requested."""
    strict: bool = False
    """The first page must have the size requested: a list of which the store silently caps pages would have gaps."""
    end_statuses: Sequence[int] = ()

    def begin(self, position: Json) -> ListPart:
        """The list from a position on. Raises `PaginationError` for a position of another pagination."""
        read = position.get("read") if isinstance(position, dict) else 0
        if not isinstance(read, int) or read < 0:
            raise PaginationError(f"{position!r} is not a position in this list", "Start over with --full.")
        skip = read % self.size if self.numbered else 0
        return _PageRange(self, read - skip, None, skip)


@dataclass(frozen=True, slots=True)
class _PageRange(ListPart):
    """All pages from `start` on; `total` is None as long as it is unknown."""

    list: CountedList
    start: int
    total: int | None
    skip: int = 0
    """Items of the first page that an interrupted run with another page size has read."""
    end_expected: bool = False
    """Earlier pages suggest that nothing follows."""

    @property
    def position(self) -> Json:
        return {"read": self.start + self.skip}

    def take(self) -> tuple[PageRequest, ListPart | None]:
        next_start = self.start + self.list.size
        ask = _CountedPage(self.list, self.start, self.list.size, self.total, self.skip, end_expected=self.end_expected)
        if self.total is None or next_start >= self.total:
            return ask, None
        return ask, _PageRange(self.list, next_start, self.total)


@dataclass(frozen=True, slots=True)
class _CountedPage(SinglePage):
    """The page at `start`."""

    list: CountedList
    start: int
    size: int
    total: int | None
    skip: int = 0
    is_fragment: bool = False
    """A part of a page at which the store failed; other parts determine what follows."""
    end_expected: bool = False
    """See `_PageRange`."""

    def lacks_items(self, page: Page) -> bool:
        return not page.items and max(self.total or 0, self.list.total(page) or 0) > self.start

    @property
    def record(self) -> str | None:  # type: ignore[override]  # a page of one can hold one record only
        return f"number {self.start + 1} of the list" if self.size == 1 else None

    @property
    def past_the_end(self) -> tuple[int, ...]:  # type: ignore[override]
        if not self.list.strict or self.total is not None or not self.start:
            return ()
        return (*_NOT_FOUND, *self.list.end_statuses, *(_BAD_REQUEST if self.end_expected else ()))

    def is_past_the_end(self, response: Response) -> bool:
        if response.status in self.past_the_end:
            return True
        return bool(self.past_the_end) and response.status in _BAD_REQUEST and _is_page_number_error(response)

    def end_hint(self, response: Response) -> str:
        if not self.past_the_end or response.status not in _BAD_REQUEST:
            return ""
        return (
            f"If this is the server's response to a page after the last one, set end-statuses = [{response.status}], "
            'or set "total" to the path of the total number of items.'
        )

    @property
    def may_repeat(self) -> bool:  # type: ignore[override]
        return self.list.may_repeat

    @property
    def position(self) -> Json:
        return {"read": self.start + self.skip}

    @property
    def request(self) -> Request:
        return self.list.request(self.start, self.size)

    def result(self, page: Page) -> PageResult:
        received, total = len(page.items), self.list.total(page)
        items = page.items[self.skip :]
        next_start = self.start + self.size
        if self.is_fragment or (self.total is not None and next_start < self.total):
            return PageResult(items, total=total)
        if total is None:
            left = self._after_uncounted(received)
            flag = None if left else more_follows_flag(page)
            return PageResult(
                items,
                left,
                reported_total=page.reported_total,
                incomplete_reason=_contradicted_by(flag) if flag else "",
            )
        if self.list.strict and self.start == 0 and received not in (0, self.size) and received < total:
            raise PaginationError(
                f"{self.size} items per page were requested, but the store sent {received} of {total}",
                f"Write page-size = {received}.",
            )
        if self.start == 0 and 0 < received < min(self.size, total):
            return PageResult(items, (_PageSizeCheck(self.list, received, total, self.size),), total=total)
        # the total is no more than what has been read: there are modules whose total_count is that of the page
        known = self.list.total_is_named and received < self.size
        in_doubt = received > 0 and (
            total <= received and not known if self.start == 0 else total < self.start + received
        )
        if in_doubt:
            return PageResult(items, (_PageRange(self.list, next_start, None, end_expected=True),), total=total)
        return PageResult(items, (_PageRange(self.list, next_start, total),) if next_start < total else (), total=total)

    def _after_uncounted(self, received: int) -> tuple[ListPart, ...]:
        """What follows in a list of unknown length."""
        if not received or (received < self.size and self.list.last_page == "short"):
            return ()
        if self.list.strict and received > self.size:
            raise PaginationError(
                f"{self.size} items per page were requested, but the store sent {received}",
                f"Write page-size = {received}.",
            )
        if self.start == 0 and received < self.size and not self.list.strict:
            return (_PageSizeCheck(self.list, received, None, self.size),)
        next_start = self.start + (self.size if self.list.numbered else received)
        return (_PageRange(self.list, next_start, None, end_expected=received < self.size),)

    def position_after(self, items: Sequence[bytes]) -> Json:
        return {"read": self.start + self.skip + len(items)}

    def divide(self) -> Sequence[ListPart]:
        """Pages of the size divided by its smallest divisor; none if pages cannot be smaller."""
        divisor = next((number for number in range(2, self.size + 1) if self.size % number == 0), 0)
        if not divisor or not self.list.divides:
            return ()
        size = self.size // divisor
        pieces: list[ListPart] = []
        for piece in range(divisor):
            skip = min(size, max(0, self.skip - piece * size))
            if skip < size:
                pieces.append(_CountedPage(self.list, self.start + piece * size, size, None, skip, is_fragment=True))
        if self.total is None and not self.is_fragment:  # only the next page shows what follows
            pieces.append(_PageRange(self.list, self.start + self.size, None))
        return pieces


def _contradicted_by(flag: str) -> str:
    return f'The last response says in {flag!r} that more follows. If pages may be short, set last-page = "empty"'


def _is_page_number_error(response: Response) -> bool:
    """Whether the code of the error, not its text, says that there is no such page."""
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    code = data.get("code") if isinstance(data, dict) else None
    return isinstance(code, str) and code.endswith(_PAGE_NUMBER_CODE)


@dataclass(frozen=True, slots=True)
class _PageSizeCheck(SinglePage):
    """The first page again, with as many items as were received: whether the store caps pages at that size.

    If it does not, items were omitted from a page of the usual size.
    """

    list: CountedList
    received: int
    total: int | None
    size: int

    @property
    def position(self) -> Json:
        return {"read": self.received}

    @property
    def request(self) -> Request:
        return self.list.request(0, self.received)

    def result(self, page: Page) -> PageResult:
        if len(page.items) == self.received:
            return PageResult((), (_PageRange(replace(self.list, size=self.received), self.received, self.total),))
        return PageResult((), (_PageRange(self.list, self.size, self.total),))
