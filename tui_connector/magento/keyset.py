"""Keyset: pages by ranges of a unique id, which neither skip nor repeat an item when rows come and go.

The list is read in ranges, several at once. The last page costs the store no more than the first (page numbers cost an
OFFSET, magento2#40548)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import lt
from typing import ClassVar, Literal

from pydantic import Field

from ..client.message import Request
from ..client.pages import Page, column_reader
from ..incoming.pagination import ListPart, PageRequest, PageResult, PageSize, Pagination, PaginationError, SinglePage
from ..templates import Json
from .criteria import CriteriaFilter, Direction
from .request_criteria import between, changed_since, end_of_list, valid_criteria, with_criteria

_SPARSER = 4.0
"""How many times wider the next range is after an empty one."""


class ListIds:
    """What all pages of one list share: their requests, the checks of their ids, and how dense the ids are."""

    def __init__(self, request: Request, filter_by: str, field: str, size: int) -> None:
        """`field` is the name in responses of the id that `filter_by` filters by; empty if they do not contain it."""
        self._request, self._filter, self._field, self.size = request, filter_by, field, size
        self._after, self._until = _unused_word(request.uri, "AFTER"), _unused_word(request.uri, "UNTIL")
        self._range = self._searched((self._above(self._after), self._not_above(self._until)), "ASC", self.size, 1)
        self._gap = 1.0
        self._read = column_reader(field)
        self.end: int | None = None
        """The last id of the list, or a higher one, if known."""
        self.counts = False
        """Whether `total_count` counts all filtered items: a response had a higher count than items."""
        self.duplicate = ""
        """The message about an item that was sent twice, if any was."""
        self.ascending_only = False
        """Whether the store ignores the sort direction, so that its last id cannot be requested."""
        self._whole_pages = False
        """Whether the store sends as many items as requested."""

    @property
    def in_responses(self) -> bool:
        return bool(self._field)

    def range_page(self, after: int, until: int) -> Request:
        """The request for a range. Only the two ids are replaced in a prepared URI, as there may be thousands."""
        uri = self._range.uri.replace(f"={self._after}", f"={after}").replace(f"={self._until}", f"={until}")
        return replace(self._range, uri=uri)

    def page_after(self, after: Json) -> Request:
        return self._searched(() if after is None else (self._above(after),), "ASC", self.size, 1)

    def from_the_end(self, after: Json, rank: int) -> Request:
        return self._searched(() if after is None else (self._above(after),), "DESC", 1, rank)

    def recount(self, rank: int) -> Request:
        """The request for the number of items up to the end; its response also has one of them."""
        return self._searched(() if self.end is None else (self._not_above(self.end),), "ASC", 1, rank)

    def count(self, after: int) -> Request:
        return self._searched((self._above(after),), "ASC", 1, 1)

    def _above(self, value: Json) -> CriteriaFilter:
        return CriteriaFilter(self._filter, str(value), "gt")

    def _not_above(self, value: Json) -> CriteriaFilter:
        return CriteriaFilter(self._filter, str(value), "lteq")

    def _searched(self, filters: tuple[CriteriaFilter, ...], direction: Direction, size: int, page: int) -> Request:
        order = ((self._filter, direction),)
        return with_criteria(self._request, filters=filters, order=order, size=size, page=page)

    def id_of(self, item: bytes) -> int | str:
        """The item's id. Raises `PaginationError` if it has none."""
        return self._ids_of([item])[0]

    def _ids_of(self, items: Sequence[bytes]) -> list[int | str]:
        """The ids of the items, in their order. Raises `PaginationError` if one has none."""
        found = self._read(items)
        return [each if type(each) is int else self._id(each) for each in found]

    def _id(self, found: Json) -> int | str:
        if isinstance(found, str) and found.isdecimal():
            return int(found)
        if isinstance(found, int | str):
            return found
        raise PaginationError(
            f"An item has no usable {self._field!r}, which the pagination needs",
            "Correct the pagination's field; `fields=` in the request must also include it.",
        )

    def first_and_last(self, page: Page, after: Json, until: int | None = None) -> tuple[int | str, int | str]:
        """The first and the last id of a page. Raises `PaginationError` if they are outside the requested range."""
        found = self._ids_of(page.items)
        first, last = found[0], found[-1]
        if set(map(type, found)) != {int} or not all(map(lt, found, found[1:])):
            self._check_order(found, after)
        if isinstance(first, int) and isinstance(last, int):
            wrong = (isinstance(after, int) and first <= after) or last < first
            if wrong or (until is not None and last > until):
                raise self.other_field(after, f"{first} to {last}")
        return first, last

    def _check_order(self, ids: Sequence[int | str], after: Json) -> None:
        """Records an id that is sent twice in a row. Raises `PaginationError` if the ids are not ascending."""
        for one, next_one in pairwise(ids):
            if one == next_one and not self.duplicate:
                self.duplicate = f"The store sent the item with the {self._field} {one} twice"
            elif isinstance(one, int) and isinstance(next_one, int) and next_one < one:
                raise self.other_field(after, f"{one} before {next_one}")

    def other_field(self, after: Json, sent: str) -> PaginationError:
        """The error for a response that does not match its request."""
        return PaginationError(
            f"The store was asked for {self._filter} after {after} and sent {sent}",
            f"It does not filter and sort by {self._filter}, or {self._field} is another field. "
            'Correct the pagination, or use the kind "search-criteria".',
        )

    def is_last(self, page: Page, width: int | None = None) -> bool:
        """Whether no requested item follows this page; `width` is the number of ids in its range.

        A full page never proves that. Neither does a `total_count` that equals the number of items, unless the store
        is known to count more than the page: some modules count the page only. Without such a count, a short page
        may have been capped by the store, or have lost rows.
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

    def position_after(self, items: Sequence[bytes], until: int | None = None) -> Json:
        """The position after these items; None if responses do not contain the id."""
        if not self._field or not items:
            return None
        after = self.id_of(items[-1])
        return {"after": after} if until is None else {"after": after, "until": until}

    def name(self, value: int) -> str:
        return f"{self._filter} {value}"

    def width(self) -> int:
        """How many ids a range should span so that its items fill one page, and rarely more.

        If ids are missing at random, the number of items in a range varies by about the square root of its size.
        """
        gone = 1 - 1 / self._gap
        fill = max(0.5, 1 - 1.5 * math.sqrt(gone / self.size))
        return max(1, int(self.size * self._gap * fill))

    def observe(self, width: int, items: int) -> None:
        """Learn from a range of `width` ids that held this many items."""
        if items == 0:
            self._gap = self._gap * _SPARSER
        elif width >= items:
            self._gap = (self._gap + width / items) / 2 if self._gap <= width / items * 8 else width / items


def _unused_word(uri: str, word: str) -> str:
    """A word that a URI does not contain."""
    while word in uri:
        word += "_"
    return word


# The pages of a list as half-open ranges of its ids.
#
# The first page and one request for the last id show how dense the ids are; ranges are then cut so that each should
# fill one page. If a range holds more than a page, reading continues after the page's last id.


_MAX_BROKEN_RECORDS = 64
"""After this many last records that the store cannot serve, the last id is guessed."""
_MAX_ID = 2**40
"""Search no further than this id."""
_BEYOND = 1_000
"""How many ids to read beyond a last id that had to be guessed."""
BEFORE_ALL = -1
"""Magento's ids start with 1, those of customer groups with 0."""


@dataclass(frozen=True, slots=True)
class FirstPage(SinglePage):
    """The list from an id on, without an end: its first page says how many there are."""

    ids: ListIds
    after: Json

    @property
    def position(self) -> Json:
        return None if self.after is None else {"after": self.after}

    @property
    def request(self) -> Request:
        return self.ids.page_after(self.after)

    def result(self, page: Page) -> PageResult:
        result = self._result(page)
        return replace(result, incomplete_reason=self.ids.duplicate) if self.ids.duplicate else result

    def _result(self, page: Page) -> PageResult:
        ids, counted = self.ids, page.total if self.after is None else None
        rest = None if self.after is None else page.total
        if not page.items:
            if not page.total or isinstance(self.after, str):
                return PageResult((), (), rest, reported_total=counted)
            after = self.after if isinstance(self.after, int) else BEFORE_ALL
            return PageResult((), (IdSearch(ids, after, after, 0),), rest, reported_total=counted)
        first, last = ids.first_and_last(page, self.after)
        complete = ids.is_last(page)
        if not isinstance(last, int) or not isinstance(first, int):
            ids.counts = ids.counts or (page.total or 0) > len(page.items)
            return PageResult(page.items, () if complete else (FirstPage(ids, last),), rest, reported_total=counted)
        if complete:
            return PageResult(page.items, (), rest, reported_total=counted)
        if ids.ascending_only:
            return PageResult(page.items, (FirstPage(ids, last),), rest, reported_total=counted)
        ids.observe(last - first + 1, len(page.items))
        end = LastId(ids, last, counted=(page.total or 0) - len(page.items), before=page.total)
        return PageResult(page.items, (end,), rest, reported_total=counted)

    def recount(self) -> ListPart:
        return Recount(self.ids, self.after)

    def position_after(self, items: Sequence[bytes]) -> Json:
        return self.ids.position_after(items)

    def divide(self) -> Sequence[ListPart]:
        return (LastId(self.ids, self.after if isinstance(self.after, int) else BEFORE_ALL),)


@dataclass(frozen=True, slots=True)
class LastId(SinglePage):
    """Finds the last id there is, that of the item at `rank` from the end: those after it break the store."""

    repeatable = False

    ids: ListIds
    after: int
    rank: int = 1
    counted: int = 0
    """How many items the store had counted behind `after`."""
    before: int | None = None
    """How many it had counted with those up to `after`."""

    @property
    def position(self) -> Json:
        return {"after": self.after}

    @property
    def request(self) -> Request:
        return self.ids.from_the_end(self.after, self.rank)

    def result(self, page: Page) -> PageResult:
        ids = self.ids
        if page.total is not None:
            ids.counts = page.total > 1 if self.before is None else 0 < page.total < self.before
        # a store may count its whole list whatever is filtered: only a number that became smaller counts these
        counted = page.total if self.after == BEFORE_ALL else None
        if not page.items:
            if page.total and (ids.counts or self.before is None):
                return PageResult((), (IdSearch(ids, self.after, self.after, 0),), reported_total=counted)
            if self.rank > 1:  # fewer than that are left, and the last of them cannot be read
                return PageResult((), (IdRange(ids, self.after, self.after + _BEYOND),), reported_total=counted)
            return PageResult((), (EndProof(ids, self.after),) if self.counted > 0 else (), reported_total=counted)
        last = ids.first_and_last(page, self.after)[1]
        if not isinstance(last, int):
            return PageResult((), (FirstPage(ids, self.after),), reported_total=counted)
        if self.rank > 1:
            return PageResult((), (IdRange(ids, self.after, last + self.rank * _BEYOND),), reported_total=counted)
        if self.before is not None and ids.counts and page.total is not None and page.total > last - self.after:
            ids.ascending_only = True  # more items than ids up to the last one: this is the first one
            return PageResult((), (FirstPage(ids, self.after),), reported_total=counted)
        ids.end = last
        return PageResult((), (IdRange(ids, self.after, last, sure=True),), reported_total=counted)

    def lacks_items(self, page: Page) -> bool:
        return not page.items and bool(page.total) and page.total != self.before

    def recount(self) -> ListPart:
        return Recount(self.ids, self.after)

    def divide(self) -> Sequence[ListPart]:
        return (LastId(self.ids, self.after, self.rank * 2),) if self.rank < _MAX_BROKEN_RECORDS else ()


@dataclass(frozen=True, slots=True)
class IdSearch(SinglePage):
    """Finds an id after which there is nothing, where responses do not have the id: each request looks twice as far."""

    repeatable = False

    ids: ListIds
    after: int
    look: int
    total: int

    @property
    def position(self) -> Json:
        return None if self.after == BEFORE_ALL else {"after": self.after}

    @property
    def request(self) -> Request:
        return self.ids.count(self.look)

    def result(self, page: Page) -> PageResult:
        if page.total is None:
            raise PaginationError("The store does not say how many items there are (total_count)")
        left = page.total
        if self.look == self.after:
            step = IdSearch(self.ids, self.after, self.after + max(left, self.ids.size), left)
            counted = left if self.after == BEFORE_ALL else None
            return PageResult((), (step,) if left else (), left if counted is None else None, reported_total=counted)
        if left and self.look < _MAX_ID:
            return PageResult(
                (), (IdSearch(self.ids, self.after, self.after + 2 * (self.look - self.after), self.total),)
            )
        if left:
            return PageResult(())  # the number is the same whatever is filtered, and says nothing about these ids
        self.ids.counts, self.ids.end = True, self.look
        self.ids.observe(self.look - self.after, self.total)
        return PageResult((), (IdRange(self.ids, self.after, self.look),))

    def lacks_items(self, page: Page) -> bool:
        return False

    def recount(self) -> ListPart:
        return Recount(self.ids, self.after)


@dataclass(frozen=True, slots=True)
class IdRange(ListPart):
    """The items whose id is above `after` and not above `until`, cut into pages from its beginning."""

    ids: ListIds
    after: int
    until: int
    end: int | None = None
    """The last id of the whole list, where this is only a stretch of it."""
    sure: bool = False
    """The store named an item with the last id of the list."""

    @property
    def position(self) -> Json:
        return {"after": self.after, "until": self.end or self.until}

    def take(self) -> tuple[PageRequest, ListPart | None]:
        cut = min(self.after + self.ids.width(), self.until)
        window = IdWindow(self.ids, self.after, cut, self.end or self.until, self.sure)
        return window, IdRange(self.ids, cut, self.until, self.end, self.sure) if cut < self.until else None


@dataclass(frozen=True, slots=True)
class IdWindow(SinglePage):
    """One page: all items whose id is above `after` and not above `until`."""

    ids: ListIds
    after: int
    until: int
    end: int
    sure: bool = False

    @property
    def position(self) -> Json:
        return {"after": self.after, "until": self.end}

    @property
    def record(self) -> str | None:  # type: ignore[override]  # a range of one id can hold one record only
        return self.ids.name(self.until) if self.until - self.after == 1 else None

    @property
    def request(self) -> Request:
        return self.ids.range_page(self.after, self.until)

    def result(self, page: Page) -> PageResult:
        result = self._result(page)
        return replace(result, incomplete_reason=self.ids.duplicate) if self.ids.duplicate else result

    def _result(self, page: Page) -> PageResult:
        ids, found, width = self.ids, len(page.items), self.until - self.after
        if not ids.in_responses:
            total = found if page.total is None and found < ids.size else page.total
            pieces = self.divide()
            if (total is not None and total <= found) or not pieces:
                ids.observe(width, found)
                return PageResult(page.items)
            return PageResult((), tuple(pieces))
        if not found:
            held = (page.total or 0) if ids.counts else 0
            if held > ids.size and (pieces := self.divide()):  # rows were left out of this page, and more are after it
                return PageResult((), tuple(pieces))
            ids.observe(width, held)
            return PageResult((), self._proof(self.after))
        last = ids.first_and_last(page, self.after, self.until)[1]
        assert isinstance(last, int)
        if last == self.until or ids.is_last(page, width):
            ids.observe(width, found)
            return PageResult(page.items, self._proof(last))
        ids.observe(last - self.after, found)
        return PageResult(page.items, (IdRange(ids, last, self.until, self.end, self.sure),))

    def lacks_items(self, page: Page) -> bool:
        return not page.items and self.ids.counts and bool(page.total)

    def recount(self) -> ListPart:
        return Recount(self.ids, self.until)

    def _proof(self, last: int) -> tuple[ListPart, ...]:
        """What is to be looked at where the last item of the list did not come: it may have been deleted since."""
        return (EndProof(self.ids, last, self.end),) if self.sure and last < self.until == self.end else ()

    def position_after(self, items: Sequence[bytes]) -> Json:
        return self.ids.position_after(items, self.end)

    def divide(self) -> Sequence[ListPart]:
        if self.until - self.after < 2:
            return ()
        middle = (self.after + self.until) // 2
        return (
            IdWindow(self.ids, self.after, middle, self.end, self.sure),
            IdWindow(self.ids, middle, self.until, self.end, self.sure),
        )


@dataclass(frozen=True, slots=True)
class EndProof(SinglePage):
    """Where the list's last item is: behind `after`, where nothing was found, it shows that the field is another."""

    repeatable = False

    ids: ListIds
    after: int
    until: int | None = None
    """Items behind this one may be new."""

    @property
    def position(self) -> Json:
        return {"after": self.after} if self.until is None else {"after": self.after, "until": self.until}

    @property
    def request(self) -> Request:
        return self.ids.from_the_end(None, 1)

    def result(self, page: Page) -> PageResult:
        last = self.ids.id_of(page.items[0]) if page.items else None
        if isinstance(last, int) and last > self.after and (self.until is None or last <= self.until):
            raise self.ids.other_field(self.after, f"nothing, but its last one is {last}")
        return PageResult(())

    def lacks_items(self, page: Page) -> bool:
        return False

    def recount(self) -> ListPart:
        return Recount(self.ids, self.after)


@dataclass(frozen=True, slots=True)
class Recount(SinglePage):
    """How many items the list has after it was read: rows that were deleted meanwhile are not missing.

    Where only those up to a last id are counted, `ItemsBeyond` looks whether that id was the last one.
    """

    repeatable = False

    ids: ListIds
    after: Json
    rank: int = 1

    @property
    def position(self) -> Json:
        end = self.ids.end
        return {"after": self.after} if end is None else {"after": end, "until": end}

    @property
    def request(self) -> Request:
        return self.ids.recount(self.rank)

    def result(self, page: Page) -> PageResult:
        beyond = () if self.ids.end is None else (ItemsBeyond(self.ids, self.ids.end, page.total or 0),)
        return PageResult((), beyond, reported_total=page.total)

    def lacks_items(self, page: Page) -> bool:
        return not page.items

    def divide(self) -> Sequence[ListPart]:
        return (Recount(self.ids, self.after, self.rank * 2),) if self.rank < _MAX_BROKEN_RECORDS else ()


@dataclass(frozen=True, slots=True)
class ItemsBeyond(SinglePage):
    """Whether items are after the last id: a store that ignores the order names another one when asked for it."""

    repeatable = False

    ids: ListIds
    after: int
    before: int
    """How many items there are up to that id."""

    @property
    def position(self) -> Json:
        return {"after": self.after, "until": self.after}

    @property
    def request(self) -> Request:
        return self.ids.count(self.after)

    def result(self, page: Page) -> PageResult:
        if not page.items:
            return PageResult(())
        self.ids.ascending_only = True
        counted = None if page.total is None else self.before + page.total
        return PageResult((), (FirstPage(self.ids, self.after),), reported_total=counted)

    def lacks_items(self, page: Page) -> bool:
        return False


class Keyset(Pagination):
    """Keyset: each page starts after the last item of the one before."""

    cannot_shift: ClassVar[bool] = True

    kind: Literal["keyset"] = "keyset"
    filter: str = Field(
        "entity_id",
        min_length=1,
        title="Filter",
        description="The unique field to filter and sort by.",
        examples=["entity_id"],
    )
    field: str = Field(
        "id",
        title="Field",
        description="The name of this field in responses: products are filtered by entity_id, which responses call id. "
        'Empty ("") if responses do not have it, as with source items.',
        examples=["id"],
    )
    page_size: PageSize = 100

    def first(self, request: Request, size: int | None = None) -> Request:
        return with_criteria(request, order=((self.filter, "ASC"),), size=size or self.page_size, page=1)

    def begin(self, request: Request, position: Json = None) -> ListPart:
        ids = ListIds(valid_criteria(request), self.filter, self.field, self.page_size)
        if position is None:
            return FirstPage(ids, None) if self.field else IdSearch(ids, BEFORE_ALL, BEFORE_ALL, 0)
        after, until = _parse_position(position)
        if isinstance(after, int) and until is not None:
            ids.end = until
            return IdRange(ids, after, until)
        return FirstPage(ids, after) if self.field else IdSearch(ids, int(after), int(after), 0)

    def changed_since(self, request: Request, field: str, since: str) -> Request:
        return changed_since(request, field, since)

    @property
    def unique_number(self) -> tuple[str, str] | None:
        return (self.filter, self.field) if self.field else None

    def between(self, request: Request, field: str, after: str | None, until: str | None) -> Request:
        return between(request, field, after, until)

    def end(self, request: Request, field: str, direction: Direction) -> Request:
        return end_of_list(request, field, direction)


def _parse_position(position: Json) -> tuple[int | str, int | None]:
    """The id a position is behind, and the last one of the list. Raises `PaginationError`."""
    if isinstance(position, dict):
        after, until = position.get("after"), position.get("until")
        if isinstance(after, int | str) and (until is None or isinstance(until, int)):
            return after, until
    raise PaginationError(f"{position!r} is not a position in this list", "Start over with --full.")
