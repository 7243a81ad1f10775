"""Pages that are asked for by how many items are before them: by number, or by offset.

Where the store counts its list, all pages are known after the first one and are asked for at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from ...client.message import Request, Response
from ...templates import Json
from ...templates.expression import ExpressionText
from ..pages import Page
from . import ListPart, PageRequest, PageResult, PaginationError, SinglePage
from .envelope import says_more

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
"""How WordPress's codes for it end: rest_post_invalid_page_number, rest_user_invalid_page_number, …"""


@dataclass(frozen=True, slots=True)
class CountedList:
    """A list, and how a stretch of it is asked for."""

    request: Callable[[int, int], Request]
    """The page that starts after N items and has that many."""
    size: int
    numbered: bool = True
    """A page starts at a multiple of its size, as page numbers have it; otherwise anywhere."""
    total: Callable[[Page], int | None] = lambda page: page.total
    total_is_named: bool = False
    """The profile names where the total is, so that it is not that of the page."""
    last_page: LastPage = "short"
    may_repeat: bool = False
    divides: bool = True
    """Smaller pages can be asked for."""
    strict: bool = False
    """The first page must have the size asked for: a store that quietly sends fewer would be read in part."""
    end_statuses: Sequence[int] = ()

    def begin(self, position: Json) -> ListPart:
        """The whole list, or what is left of it. Raises `PaginationError`."""
        read = position.get("read") if isinstance(position, dict) else 0
        if not isinstance(read, int) or read < 0:
            raise PaginationError(f"{position!r} is not a position in this list", "Start over with --full.")
        skip = read % self.size if self.numbered else 0
        return _Stretch(self, read - skip, None, skip)


@dataclass(frozen=True, slots=True)
class _Stretch(ListPart):
    """All pages from `start` on; `total` is None as long as the store has not counted."""

    list: CountedList
    start: int
    total: int | None
    skip: int = 0
    """Items of the first page that were read by a run with another page size."""
    is_behind: bool = False
    """The pages before have shown that nothing follows, without saying so."""

    @property
    def position(self) -> Json:
        return {"read": self.start + self.skip}

    def take(self) -> tuple[PageRequest, ListPart | None]:
        behind = self.start + self.list.size
        ask = _OnePage(self.list, self.start, self.list.size, self.total, self.skip, is_behind=self.is_behind)
        if self.total is None or behind >= self.total:
            return ask, None
        return ask, _Stretch(self.list, behind, self.total)


@dataclass(frozen=True, slots=True)
class _OnePage(SinglePage):
    """The page at `start`."""

    list: CountedList
    start: int
    size: int
    total: int | None
    skip: int = 0
    is_piece: bool = False
    """Of a page that broke the store: what follows it is said by others."""
    is_behind: bool = False
    """The pages before have shown that nothing follows."""

    def lacks(self, page: Page) -> bool:
        return not page.items and max(self.total or 0, self.list.total(page) or 0) > self.start

    @property
    def record(self) -> str | None:  # type: ignore[override]  # a page of one can hold one record only
        return f"number {self.start + 1} of the list" if self.size == 1 else None

    @property
    def past_the_end(self) -> tuple[int, ...]:  # type: ignore[override]
        if not self.list.strict or self.total is not None or not self.start:
            return ()
        return (*_NOT_FOUND, *self.list.end_statuses, *(_BAD_REQUEST if self.is_behind else ()))

    def is_past_the_end(self, response: Response) -> bool:
        if response.status in self.past_the_end:
            return True
        return bool(self.past_the_end) and response.status in _BAD_REQUEST and _names_the_page(response)

    def advice(self, response: Response) -> str:
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

    def answered(self, page: Page) -> PageResult:
        came, total = len(page.items), self.list.total(page)
        items = page.items[self.skip :]
        behind = self.start + self.size
        if self.is_piece or (self.total is not None and behind < self.total):
            return PageResult(items, total=total)
        if total is None:
            left = self._uncounted(came)
            flag = None if left else says_more(page)
            return PageResult(items, left, counted=page.counted, unproven=_says_more(flag) if flag else "")
        if self.list.strict and self.start == 0 and came not in (0, self.size) and came < total:
            raise PaginationError(
                f"{self.size} items per page were requested, but the store sent {came} of {total}",
                f"Write page-size = {came}.",
            )
        if self.start == 0 and 0 < came < min(self.size, total):
            return PageResult(items, (_SmallerPage(self.list, came, total, self.size),), total=total)
        # a page that is said to be all of it, or more: there are modules whose total_count is that of the page
        known = self.list.total_is_named and came < self.size
        in_doubt = came > 0 and (total <= came and not known if self.start == 0 else total < self.start + came)
        if in_doubt:
            return PageResult(items, (_Stretch(self.list, behind, None, is_behind=True),), total=total)
        return PageResult(items, (_Stretch(self.list, behind, total),) if behind < total else (), total=total)

    def _uncounted(self, came: int) -> tuple[ListPart, ...]:
        """What follows in a list of which nobody says how long it is."""
        if not came or (came < self.size and self.list.last_page == "short"):
            return ()
        if self.list.strict and came > self.size:
            raise PaginationError(
                f"{self.size} items per page were requested, but the store sent {came}", f"Write page-size = {came}."
            )
        if self.start == 0 and came < self.size and not self.list.strict:
            return (_SmallerPage(self.list, came, None, self.size),)
        behind = self.start + (self.size if self.list.numbered else came)
        return (_Stretch(self.list, behind, None, is_behind=came < self.size),)

    def position_behind(self, items: Sequence[bytes]) -> Json:
        return {"read": self.start + self.skip + len(items)}

    def halves(self) -> Sequence[ListPart]:
        """Pages of half the size, or of a third, where that is how the size can be divided."""
        divisor = next((number for number in range(2, self.size + 1) if self.size % number == 0), 0)
        if not divisor or not self.list.divides:
            return ()
        size = self.size // divisor
        pieces: list[ListPart] = []
        for piece in range(divisor):
            skip = min(size, max(0, self.skip - piece * size))
            if skip < size:
                pieces.append(_OnePage(self.list, self.start + piece * size, size, None, skip, is_piece=True))
        if self.total is None and not self.is_piece:  # what follows is to be learned from the next page
            pieces.append(_Stretch(self.list, self.start + self.size, None))
        return pieces


def _says_more(flag: str) -> str:
    return f'The last response says in {flag!r} that more follows. If pages may be short, set last-page = "empty"'


def _names_the_page(response: Response) -> bool:
    """Whether the error's code, not its text, says that there is no such page."""
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    code = data.get("code") if isinstance(data, dict) else None
    return isinstance(code, str) and code.endswith(_PAGE_NUMBER_CODE)


@dataclass(frozen=True, slots=True)
class _SmallerPage(SinglePage):
    """The first page once more, with as many items as it brought: whether the store caps its pages at that.

    If it does not, items were left out of a page of the usual size.
    """

    list: CountedList
    came: int
    total: int | None
    size: int

    @property
    def position(self) -> Json:
        return {"read": self.came}

    @property
    def request(self) -> Request:
        return self.list.request(0, self.came)

    def answered(self, page: Page) -> PageResult:
        if len(page.items) == self.came:
            return PageResult((), (_Stretch(replace(self.list, size=self.came), self.came, self.total),))
        return PageResult((), (_Stretch(self.list, self.size, self.total),))
