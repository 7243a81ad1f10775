"""The pages of a list as half-open ranges of its ids: how dense these are, where they end, and what a page said of it.

The list's first page and one request for its last id tell how dense the ids are; then ranges are cut that are meant to
fill one page each. A range that holds more than a page is read on from its last id.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..client.message import Request
from ..placeholder import Json
from ..transfer.page import Page, field_reader
from ..transfer.pagination import Answered, Ask, PaginationError, Part
from .search_criteria import Direction, Filter, searched

_SPARSER = 4.0
"""How much wider the next range is after one that held nothing."""
_BROKEN_ENDS = 64
"""How many of the last records may break the store before the last id is given up."""
_BEYOND = 1_000
"""Ids to look behind a last id that had to be guessed."""
BEFORE_ALL = -1
"""Magento's ids begin with 1, that of its customer groups with 0."""


class Ids:
    """What all pages of one list share: how they are asked for, and how dense the ids turn out to be."""

    def __init__(self, request: Request, filter_by: str, field: str, size: int) -> None:
        """`field` is what an answer calls the id that `filter_by` filters by; empty where it does not have it."""
        self._request, self._filter, self._field, self.size = request, filter_by, field, size
        self._range = self._searched((self._above("AFTER"), self._not_above("UNTIL")), "ASC", self.size, 1)
        self._gap = 1.0
        self._read = field_reader(field)

    @property
    def answered(self) -> bool:
        return bool(self._field)

    def range(self, after: int, until: int) -> Request:
        """The page of a range; made from one that is finished but for the two ids, as there may be thousands."""
        uri = self._range.uri.replace("=AFTER", f"={after}").replace("=UNTIL", f"={until}")
        return replace(self._range, uri=uri)

    def behind(self, after: Json) -> Request:
        return self._searched(() if after is None else (self._above(after),), "ASC", self.size, 1)

    def from_the_end(self, after: Json, rank: int) -> Request:
        return self._searched(() if after is None else (self._above(after),), "DESC", 1, rank)

    def count(self, after: int) -> Request:
        return self._searched((self._above(after),), "ASC", 1, 1)

    def _above(self, value: Json) -> Filter:
        return Filter(self._filter, str(value), "gt")

    def _not_above(self, value: Json) -> Filter:
        return Filter(self._filter, str(value), "lteq")

    def _searched(self, filters: tuple[Filter, ...], direction: Direction, size: int, page: int) -> Request:
        order = ((self._filter, direction),)
        return searched(self._request, filters=filters, order=order, size=size, page=page)

    def of(self, item: bytes) -> int | str:
        """The item's id. Raises `PaginationError` where it has none."""
        found = self._read(item)
        if isinstance(found, str) and found.isdecimal():
            return int(found)
        if isinstance(found, int | str):
            return found
        raise PaginationError(
            f"An item has no usable {self._field!r}, by which the pages follow each other",
            "Correct the pagination's field; `fields=` in the request must name it too.",
        )

    def ends(self, page: Page, after: Json, until: int | None = None) -> tuple[int | str, int | str]:
        """The first and the last id of a page. Raises `PaginationError` where they are not those asked for."""
        first, last = self.of(page.items[0]), self.of(page.items[-1])
        if isinstance(first, int) and isinstance(last, int):
            wrong = (isinstance(after, int) and first <= after) or last < first
            if wrong or (until is not None and last > until):
                raise PaginationError(
                    f"The store was asked for {self._filter} behind {after} and sent {first} to {last}",
                    f"It does not filter and sort by {self._filter}, or {self._field} is another field. "
                    'Correct the pagination, or use the kind "search-criteria".',
                )
        return first, last

    def is_last(self, page: Page) -> bool:
        """Whether nothing of what was asked for is behind this page.

        A full page never proves that: there are modules whose total_count is that of the page.
        """
        found = len(page.items)
        return found < self.size and (page.total is None or page.total <= found)

    def name(self, value: int) -> str:
        return f"{self._filter} {value}"

    def width(self) -> int:
        """How many ids a range should have so that its items fill one page and seldom more.

        Of ids of which a share is gone at random, a range holds more or less by the root of its size.
        """
        gone = 1 - 1 / self._gap
        fill = max(0.5, 1 - 1.5 * math.sqrt(gone / self.size))
        return max(1, int(self.size * self._gap * fill))

    def saw(self, width: int, items: int) -> None:
        """So many ids held so many items."""
        if items == 0:
            self._gap = self._gap * _SPARSER
        elif width >= items:
            self._gap = (self._gap + width / items) / 2 if self._gap <= width / items * 8 else width / items


@dataclass(frozen=True, slots=True)
class Opening(Part, Ask):
    """The list from an id on, without an end: its first page tells how many there are."""

    ids: Ids
    after: Json

    @property
    def position(self) -> Json:
        return None if self.after is None else {"after": self.after}

    @property
    def request(self) -> Request:
        return self.ids.behind(self.after)

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        if not page.items:
            return Answered((), (), page.total)
        first, last = self.ids.ends(page, self.after)
        complete = self.ids.is_last(page)
        if complete:
            return Answered(page.items, (), page.total)
        if not isinstance(last, int) or not isinstance(first, int):
            return Answered(page.items, (Opening(self.ids, last),), page.total)
        self.ids.saw(last - first + 1, len(page.items))
        return Answered(page.items, (End(self.ids, last),), page.total)

    def halves(self) -> Sequence[Part]:
        return (End(self.ids, self.after if isinstance(self.after, int) else BEFORE_ALL),)


@dataclass(frozen=True, slots=True)
class End(Part, Ask):
    """Finds the last id there is, that of the item at `rank` from the end: those behind it break the store."""

    ids: Ids
    after: int
    rank: int = 1

    @property
    def position(self) -> Json:
        return {"after": self.after}

    @property
    def request(self) -> Request:
        return self.ids.from_the_end(self.after, self.rank)

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        if not page.items:
            if self.rank > 1:  # fewer than that are left, and the last of them cannot be read
                return Answered((), (Range(self.ids, self.after, self.after + _BEYOND),))
            return Answered(())
        last = self.ids.ends(page, self.after)[1]
        if not isinstance(last, int):
            return Answered((), (Opening(self.ids, self.after),))
        return Answered((), (Range(self.ids, self.after, last if self.rank == 1 else last + self.rank * _BEYOND),))

    def halves(self) -> Sequence[Part]:
        return (End(self.ids, self.after, self.rank * 2),) if self.rank < _BROKEN_ENDS else ()


@dataclass(frozen=True, slots=True)
class Count(Part, Ask):
    """Finds an id behind which there is nothing, where answers do not have the id: each look is twice as far."""

    ids: Ids
    after: int
    look: int
    total: int

    @property
    def position(self) -> Json:
        return None if self.after == BEFORE_ALL else {"after": self.after}

    @property
    def request(self) -> Request:
        return self.ids.count(self.look)

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        if page.total is None:
            raise PaginationError("The store does not say how many items there are (total_count)")
        left = page.total
        if self.look == self.after:
            step = Count(self.ids, self.after, self.after + max(left, self.ids.size), left)
            return Answered((), (step,) if left else (), left)
        if left:
            return Answered((), (Count(self.ids, self.after, self.after + 2 * (self.look - self.after), self.total),))
        self.ids.saw(self.look - self.after, self.total)
        return Answered((), (Range(self.ids, self.after, self.look),))


@dataclass(frozen=True, slots=True)
class Range(Part):
    """The items whose id is above `after` and not above `until`, cut into pages from its beginning."""

    ids: Ids
    after: int
    until: int
    end: int | None = None
    """The last id of the whole list, where this is only a stretch of it."""

    @property
    def position(self) -> Json:
        return {"after": self.after, "until": self.end or self.until}

    def take(self) -> tuple[Ask, Part | None]:
        cut = min(self.after + self.ids.width(), self.until)
        window = Window(self.ids, self.after, cut, self.end or self.until)
        return window, Range(self.ids, cut, self.until, self.end) if cut < self.until else None


@dataclass(frozen=True, slots=True)
class Window(Part, Ask):
    """One page: all items whose id is above `after` and not above `until`."""

    ids: Ids
    after: int
    until: int
    end: int

    @property
    def position(self) -> Json:
        return {"after": self.after, "until": self.end}

    @property
    def record(self) -> str | None:  # type: ignore[override]  # a range of one id can hold one record only
        return self.ids.name(self.until) if self.until - self.after == 1 else None

    @property
    def request(self) -> Request:
        return self.ids.range(self.after, self.until)

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        found = len(page.items)
        if not self.ids.answered:
            total = found if page.total is None and found < self.ids.size else page.total
            if total is not None and total <= found:
                self.ids.saw(self.until - self.after, found)
                return Answered(page.items)
            return Answered((), tuple(self.halves()))
        if not found:
            self.ids.saw(self.until - self.after, 0)
            return Answered(())
        last = self.ids.ends(page, self.after, self.until)[1]
        assert isinstance(last, int)
        if self.ids.is_last(page) or last == self.until:
            self.ids.saw(self.until - self.after, found)
            return Answered(page.items)
        self.ids.saw(last - self.after, found)
        return Answered(page.items, (Range(self.ids, last, self.until, self.end),))

    def halves(self) -> Sequence[Part]:
        if self.until - self.after < 2:
            return ()
        middle = (self.after + self.until) // 2
        return (
            Window(self.ids, self.after, middle, self.end),
            Window(self.ids, middle, self.until, self.end),
        )
