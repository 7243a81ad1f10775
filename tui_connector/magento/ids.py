"""The ids of one list: how the store is asked for some of them, what a page says of them, and how dense they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..client.message import Request
from ..placeholder import Json
from ..transfer.page import Page, field_reader
from ..transfer.pagination import PaginationError
from .search_criteria import Direction, Filter, searched

_SPARSER = 4.0
"""How much wider the next range is after one that held nothing."""


class Ids:
    """What all pages of one list share: how they are asked for, and how dense the ids turn out to be."""

    def __init__(self, request: Request, filter_by: str, field: str, size: int) -> None:
        """`field` is what an answer calls the id that `filter_by` filters by; empty where it does not have it."""
        self._request, self._filter, self._field, self.size = request, filter_by, field, size
        self._after, self._until = _unused(request.uri, "AFTER"), _unused(request.uri, "UNTIL")
        self._range = self._searched((self._above(self._after), self._not_above(self._until)), "ASC", self.size, 1)
        self._gap = 1.0
        self._read = field_reader(field)
        self.end: int | None = None
        """The last id of the list, or one behind it, where it is known."""
        self.counts = False
        """Whether a response counted more items than it held: then `total_count` is that of what was filtered."""
        self.doubled = ""
        """What item came twice, if any did."""
        self.ascending_only = False
        """Whether the store ignores the direction of the order, so that its last id cannot be found out."""
        self._whole_pages = False
        """Whether the store sends as many items as requested."""

    @property
    def answered(self) -> bool:
        return bool(self._field)

    def range(self, after: int, until: int) -> Request:
        """The page of a range; made from one that is finished but for the two ids, as there may be thousands."""
        uri = self._range.uri.replace(f"={self._after}", f"={after}").replace(f"={self._until}", f"={until}")
        return replace(self._range, uri=uri)

    def behind(self, after: Json) -> Request:
        return self._searched(() if after is None else (self._above(after),), "ASC", self.size, 1)

    def from_the_end(self, after: Json, rank: int) -> Request:
        return self._searched(() if after is None else (self._above(after),), "DESC", 1, rank)

    def recount(self, rank: int) -> Request:
        """How many items the list has now up to its end; one of them comes with the number."""
        return self._searched(() if self.end is None else (self._not_above(self.end),), "ASC", 1, rank)

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
        found = [self.of(item) for item in page.items]
        first, last = found[0], found[-1]
        for one, next_one in pairwise(found):
            if one == next_one and not self.doubled:
                self.doubled = f"The store sent the item with the {self._field} {one} twice"
            elif isinstance(one, int) and isinstance(next_one, int) and next_one < one:
                raise self.other_field(after, f"{one} before {next_one}")
        if isinstance(first, int) and isinstance(last, int):
            wrong = (isinstance(after, int) and first <= after) or last < first
            if wrong or (until is not None and last > until):
                raise self.other_field(after, f"{first} to {last}")
        return first, last

    def other_field(self, after: Json, sent: str) -> PaginationError:
        """What an answer means that cannot be one to this question."""
        return PaginationError(
            f"The store was asked for {self._filter} behind {after} and sent {sent}",
            f"It does not filter and sort by {self._filter}, or {self._field} is another field. "
            'Correct the pagination, or use the kind "search-criteria".',
        )

    def is_last(self, page: Page, width: int | None = None) -> bool:
        """Whether nothing of what was asked for is behind this page, of a range of so many ids.

        A full page never proves that, and neither does a `total_count` that equals the number of items, unless the
        store is known to count more than the page: there are modules whose total_count is that of the page. Without
        such a count, a short page may have been capped by the store, or robbed of rows.
        """
        found = len(page.items)
        if found >= self.size:
            self._whole_pages = True
            return False
        if page.total is not None and page.total > found:
            return False
        if self.counts and page.total is not None:
            return True
        return self._whole_pages and width is not None and width <= self.size

    def behind_last(self, items: Sequence[bytes], until: int | None = None) -> Json:
        """The position behind these items; None where an answer does not have the id."""
        if not self._field or not items:
            return None
        after = self.of(items[-1])
        return {"after": after} if until is None else {"after": after, "until": until}

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


def _unused(uri: str, word: str) -> str:
    """A word that a URI does not contain."""
    while word in uri:
        word += "_"
    return word
