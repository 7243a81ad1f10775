"""Pagination: how the next page of a list is requested, one kind per module.

A run reads a list as *parts*. A part is a stretch of the list that is still to be read; `take` cuts off its first page.
Where the next request is known before the response has arrived (page numbers with a known total, ID ranges), `take`
also returns the rest, and several pages are requested at once. Where only a response says how to continue (a cursor, a
next link), the rest is in the page's `result`. Either way the pages are written in the list's order, and the *position*
of the first part not written, plain JSON, is where a stopped run resumes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ...client.counts import letters_of
from ...client.message import Request, Response
from ...client.pages import Page
from ...client.uri import parameters
from ...errors import UserError
from ...kinds import Kind, NotCompared
from ...secrets.named_values import mask_message
from ...templates import Json

CURSOR_HINT = "Put @{cursor} into the request where the store expects the date."
RANGES_HINT = 'Slices need the pagination "keyset" or, for an incremental incoming, "search-criteria".'

PageSize = Annotated[int, NotCompared, Field(ge=1, le=10_000, title="Page size", description="Items per response.")]
"""The type of the field `page_size`, which a run makes smaller if the store says so."""


class PaginationError(UserError):
    """The pagination does not fit the list; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "", code: str = "pagination") -> None:
        super().__init__(code, mask_message(message), mask_message(hint))


@dataclass(frozen=True, slots=True)
class PageResult:
    """The items of a page, and what it says about the list."""

    items: Sequence[bytes]
    """The items to write; none of a page that is read again in smaller parts, or that was only a probe."""
    remaining: tuple[ListPart, ...] = ()
    """Parts to read after these items and before the rest that `take` returned, in order."""
    expected: int | None = None
    """Items from this page to the end of the list, if the store said so."""
    total: int | None = None
    """Items in the whole list, if the pages are requested by this number."""
    reported_total: int | None = None
    """Items in the whole list, if the number only serves to notice that items are missing."""
    by_position: bool = False
    """Whether a link or cursor stands for a page number or offset, so that rows can move past what is read."""
    incomplete_reason: str = ""
    """Why the list may go on although nothing remains to be requested; "" if it has ended."""


class PageRequest(ABC):
    """The request for one page."""

    record: ClassVar[str | None] = None
    """The record on the page, if there can be only one: reported when the store fails at it."""
    past_the_end: ClassVar[tuple[int, ...]] = ()
    """Statuses of a page after the end of the list, which count as an empty page."""
    may_repeat: ClassVar[bool] = False
    """Whether the store may send the last page again after the end of the list (Magento 2.3, magento2#26986)."""
    repeatable: ClassVar[bool] = True
    """Whether the page can be requested again later as a probe; a cursor may be valid only once."""
    named_by_store: ClassVar[bool] = False
    """Whether an earlier response has named this page, by a link or a cursor."""

    def is_past_the_end(self, response: Response) -> bool:
        """Whether this response says that the page is after the end of the list."""
        return response.status in self.past_the_end

    def end_hint(self, response: Response) -> str:
        """Which setting to change if this unexpected response marks the end of the list; usually ""."""
        return ""

    @property
    @abstractmethod
    def request(self) -> Request: ...

    @abstractmethod
    def result(self, page: Page) -> PageResult:
        """The result of the page as the store sent it, unfiltered. Raises `PaginationError` if it is the wrong page."""

    def position_after(self, items: Sequence[bytes]) -> Json:
        """The position after these first items of the page; None if a run can resume after whole pages only."""
        return None

    def lacks_items(self, page: Page) -> bool:
        """Whether the page is empty although the store counts items that belong on it."""
        return not page.items and bool(page.reported_total)

    def recount(self) -> ListPart | None:
        """The request for the number of items after the last page has been read; None if there is none."""
        return None

    def divide(self) -> Sequence[ListPart]:
        """The same items in smaller parts, for a page at which the store fails; empty if it cannot be divided."""
        return ()


class ListPart(ABC):
    """A stretch of a list that is still to be read."""

    @property
    @abstractmethod
    def position(self) -> Json:
        """The position from which this part and everything after it is read."""

    @abstractmethod
    def take(self) -> tuple[PageRequest, ListPart | None]:
        """Its first page, and the rest if that is known before the response."""


class SinglePage(ListPart, PageRequest):
    """A part of one page; what follows is known from its response only."""

    def take(self) -> tuple[PageRequest, ListPart | None]:
        return self, None


class Pagination(Kind):
    """How the next page is requested."""

    cannot_shift: ClassVar[bool] = False
    """Whether rows that come and go cannot move others to another page, where they would be read twice or never."""

    def first(self, request: Request, size: int | None = None) -> Request:
        """The request for the first page, of `size` items if given."""
        return request

    def begin(self, request: Request, position: Json = None) -> ListPart:
        """The list from a position on; None: from the beginning."""
        raise NotImplementedError

    def changed_since(self, request: Request, field: str, since: str) -> Request:
        """The request limited to changes since a date. Raises `PaginationError` if the kind has no such filter."""
        raise PaginationError("This pagination cannot request changes", CURSOR_HINT)

    @property
    def unique_number(self) -> tuple[str, str] | None:
        """The unique number by whose ranges the list can be read: its field in requests, and that in responses."""
        return None

    def between(self, request: Request, field: str, after: str | None, until: str | None) -> Request:
        """The request limited to values above `after` and not above `until`. Raises `PaginationError`."""
        raise PaginationError("This pagination cannot request ranges", RANGES_HINT)

    def end(self, request: Request, field: str, direction: Literal["ASC", "DESC"]) -> Request:
        """The request for the first item of the list in this order. Raises `PaginationError`."""
        raise PaginationError("This pagination cannot request ranges", RANGES_HINT)

    @property
    def max_page_size(self) -> int | None:
        """Items requested per page; None if the kind does not request a size."""
        size = getattr(self, "page_size", None)
        return size if isinstance(size, int) else None

    def with_page_size(self, size: int) -> Pagination:
        """The same with `size` items per page. Raises `PaginationError` if pages are not larger now."""
        if self.max_page_size is None or self.max_page_size <= size:
            raise PaginationError(f"The store allows {size} items per page; no more are requested")
        return self.model_copy(update={"page_size": size})


_POSITIONS = frozenset(
    {
        *("page", "p", "pg", "pageno", "pagenum", "pagenumber", "pageindex", "pageoffset", "currentpage"),
        *("offset", "skip", "start", "startindex"),
    }
)
"""Names of parameters for a page number or an offset, in lower case and letters only."""


def _is_by_position(request: Request) -> bool:
    """Whether the request names its page by a number."""
    query = parameters(request.uri.partition("?")[2])
    return any((value or "").isdecimal() and letters_of(name) in _POSITIONS for name, value in query)


class SequentialPages(SinglePage):
    """Pages of which each response says how the next one is requested."""

    repeatable = False

    def __init__(
        self,
        position: Json,
        ask: Callable[[Json], Request],
        after: Callable[[Json, Page], Json],
        incomplete_reason: Callable[[Page, bool], str],
    ) -> None:
        """`ask` returns the request at a position, `after` the position of the next page, None at the end.

        `incomplete_reason` says why the list may go on after the last page, or ""; its flag: whether that is the first.
        """
        self._position, self._ask, self._after, self._incomplete_reason = position, ask, after, incomplete_reason

    @property
    def position(self) -> Json:
        return self._position

    @property
    def request(self) -> Request:
        return self._ask(self._position)

    def result(self, page: Page) -> PageResult:
        position = self._after(self._position, page)
        if position is not None:
            left = (SequentialPages(position, self._ask, self._after, self._incomplete_reason),)
            by_position = _is_by_position(self._ask(position))
            return PageResult(page.items, left, reported_total=page.reported_total, by_position=by_position)
        return PageResult(
            page.items,
            reported_total=page.reported_total,
            incomplete_reason=self._incomplete_reason(page, self._position is None),
        )

    @property
    def named_by_store(self) -> bool:  # type: ignore[override]
        return self._position is not None

    def lacks_items(self, page: Page) -> bool:
        return self._position is None and super().lacks_items(page)
