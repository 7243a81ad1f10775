"""The pages of a list as half-open ranges of its ids.

The list's first page and one request for its last id tell how dense the ids are; then ranges are cut that are meant to
fill one page each. A range that holds more than a page is read on from its last id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..client.message import Request
from ..placeholder import Json
from ..transfer.page import Page
from ..transfer.pagination import Answered, Ask, PaginationError, Part
from .ids import Ids

_BROKEN_ENDS = 64
"""How many of the last records may break the store before the last id is given up."""
_HIGHEST = 2**40
"""No id is above this."""
_BEYOND = 1_000
"""Ids to look behind a last id that had to be guessed."""
BEFORE_ALL = -1
"""Magento's ids begin with 1, that of its customer groups with 0."""


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
        answered = self._answered(page)
        return replace(answered, unproven=self.ids.doubled) if self.ids.doubled else answered

    def _answered(self, page: Page) -> Answered:
        ids, counted = self.ids, page.total if self.after is None else None
        rest = None if self.after is None else page.total
        if not page.items:
            if not page.total or isinstance(self.after, str):
                return Answered((), (), rest, counted=counted)
            after = self.after if isinstance(self.after, int) else BEFORE_ALL
            return Answered((), (Count(ids, after, after, 0),), rest, counted=counted)
        first, last = ids.ends(page, self.after)
        complete = ids.is_last(page)
        if not isinstance(last, int) or not isinstance(first, int):
            ids.counts = ids.counts or (page.total or 0) > len(page.items)
            return Answered(page.items, () if complete else (Opening(ids, last),), rest, counted=counted)
        if complete:
            return Answered(page.items, (), rest, counted=counted)
        if ids.ascending_only:
            return Answered(page.items, (Opening(ids, last),), rest, counted=counted)
        ids.saw(last - first + 1, len(page.items))
        end = End(ids, last, counted=(page.total or 0) - len(page.items), before=page.total)
        return Answered(page.items, (end,), rest, counted=counted)

    def recount(self) -> Part:
        return Recount(self.ids, self.after)

    def position_behind(self, items: Sequence[bytes]) -> Json:
        return self.ids.behind_last(items)

    def halves(self) -> Sequence[Part]:
        return (End(self.ids, self.after if isinstance(self.after, int) else BEFORE_ALL),)


@dataclass(frozen=True, slots=True)
class End(Part, Ask):
    """Finds the last id there is, that of the item at `rank` from the end: those behind it break the store."""

    repeatable = False

    ids: Ids
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

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        ids = self.ids
        if page.total is not None:
            ids.counts = page.total > 1 if self.before is None else 0 < page.total < self.before
        # a store may count its whole list whatever is filtered: only a number that became smaller counts these
        counted = page.total if self.after == BEFORE_ALL else None
        if not page.items:
            if page.total and (ids.counts or self.before is None):
                return Answered((), (Count(ids, self.after, self.after, 0),), counted=counted)
            if self.rank > 1:  # fewer than that are left, and the last of them cannot be read
                return Answered((), (Range(ids, self.after, self.after + _BEYOND),), counted=counted)
            return Answered((), (Proof(ids, self.after),) if self.counted > 0 else (), counted=counted)
        last = ids.ends(page, self.after)[1]
        if not isinstance(last, int):
            return Answered((), (Opening(ids, self.after),), counted=counted)
        if self.rank > 1:
            return Answered((), (Range(ids, self.after, last + self.rank * _BEYOND),), counted=counted)
        if self.before is not None and ids.counts and page.total is not None and page.total > last - self.after:
            ids.ascending_only = True  # more items than ids up to the last one: this is the first one
            return Answered((), (Opening(ids, self.after),), counted=counted)
        ids.end = last
        return Answered((), (Range(ids, self.after, last, sure=True),), counted=counted)

    def lacks(self, page: Page) -> bool:
        return not page.items and bool(page.total) and page.total != self.before

    def recount(self) -> Part:
        return Recount(self.ids, self.after)

    def halves(self) -> Sequence[Part]:
        return (End(self.ids, self.after, self.rank * 2),) if self.rank < _BROKEN_ENDS else ()


@dataclass(frozen=True, slots=True)
class Count(Part, Ask):
    """Finds an id behind which there is nothing, where answers do not have the id: each look is twice as far."""

    repeatable = False

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
            counted = left if self.after == BEFORE_ALL else None
            return Answered((), (step,) if left else (), left if counted is None else None, counted=counted)
        if left and self.look < _HIGHEST:
            return Answered((), (Count(self.ids, self.after, self.after + 2 * (self.look - self.after), self.total),))
        if left:
            return Answered(())  # the number is the same whatever is filtered, and says nothing about these ids
        self.ids.counts, self.ids.end = True, self.look
        self.ids.saw(self.look - self.after, self.total)
        return Answered((), (Range(self.ids, self.after, self.look),))

    def lacks(self, page: Page) -> bool:
        return False

    def recount(self) -> Part:
        return Recount(self.ids, self.after)


@dataclass(frozen=True, slots=True)
class Range(Part):
    """The items whose id is above `after` and not above `until`, cut into pages from its beginning."""

    ids: Ids
    after: int
    until: int
    end: int | None = None
    """The last id of the whole list, where this is only a stretch of it."""
    sure: bool = False
    """The store named an item with the last id of the list."""

    @property
    def position(self) -> Json:
        return {"after": self.after, "until": self.end or self.until}

    def take(self) -> tuple[Ask, Part | None]:
        cut = min(self.after + self.ids.width(), self.until)
        window = Window(self.ids, self.after, cut, self.end or self.until, self.sure)
        return window, Range(self.ids, cut, self.until, self.end, self.sure) if cut < self.until else None


@dataclass(frozen=True, slots=True)
class Window(Part, Ask):
    """One page: all items whose id is above `after` and not above `until`."""

    ids: Ids
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
        return self.ids.range(self.after, self.until)

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        answered = self._answered(page)
        return replace(answered, unproven=self.ids.doubled) if self.ids.doubled else answered

    def _answered(self, page: Page) -> Answered:
        ids, found, width = self.ids, len(page.items), self.until - self.after
        if not ids.answered:
            total = found if page.total is None and found < ids.size else page.total
            pieces = self.halves()
            if (total is not None and total <= found) or not pieces:
                ids.saw(width, found)
                return Answered(page.items)
            return Answered((), tuple(pieces))
        if not found:
            held = (page.total or 0) if ids.counts else 0
            if held > ids.size and (pieces := self.halves()):  # rows were left out of this page, and more are behind it
                return Answered((), tuple(pieces))
            ids.saw(width, held)
            return Answered((), self._proof(self.after))
        last = ids.ends(page, self.after, self.until)[1]
        assert isinstance(last, int)
        if last == self.until or ids.is_last(page, width):
            ids.saw(width, found)
            return Answered(page.items, self._proof(last))
        ids.saw(last - self.after, found)
        return Answered(page.items, (Range(ids, last, self.until, self.end, self.sure),))

    def lacks(self, page: Page) -> bool:
        return not page.items and self.ids.counts and bool(page.total)

    def recount(self) -> Part:
        return Recount(self.ids, self.until)

    def _proof(self, last: int) -> tuple[Part, ...]:
        """What is to be looked at where the last item of the list did not come: it may have been deleted since."""
        return (Proof(self.ids, last, self.end),) if self.sure and last < self.until == self.end else ()

    def position_behind(self, items: Sequence[bytes]) -> Json:
        return self.ids.behind_last(items, self.end)

    def halves(self) -> Sequence[Part]:
        if self.until - self.after < 2:
            return ()
        middle = (self.after + self.until) // 2
        return (
            Window(self.ids, self.after, middle, self.end, self.sure),
            Window(self.ids, middle, self.until, self.end, self.sure),
        )


@dataclass(frozen=True, slots=True)
class Proof(Part, Ask):
    """Where the list's last item is: behind `after`, where nothing was found, it shows that the field is another."""

    repeatable = False

    ids: Ids
    after: int
    until: int | None = None
    """Items behind this one may be new."""

    @property
    def position(self) -> Json:
        return {"after": self.after} if self.until is None else {"after": self.after, "until": self.until}

    @property
    def request(self) -> Request:
        return self.ids.from_the_end(None, 1)

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        last = self.ids.of(page.items[0]) if page.items else None
        if isinstance(last, int) and last > self.after and (self.until is None or last <= self.until):
            raise self.ids.other_field(self.after, f"nothing, but its last one is {last}")
        return Answered(())

    def lacks(self, page: Page) -> bool:
        return False

    def recount(self) -> Part:
        return Recount(self.ids, self.after)


@dataclass(frozen=True, slots=True)
class Recount(Part, Ask):
    """How many items the list has after it was read: rows that were deleted meanwhile are not missing.

    Where only those up to a last id are counted, `Beyond` looks whether that id was the last one.
    """

    repeatable = False

    ids: Ids
    after: Json
    rank: int = 1

    @property
    def position(self) -> Json:
        end = self.ids.end
        return {"after": self.after} if end is None else {"after": end, "until": end}

    @property
    def request(self) -> Request:
        return self.ids.recount(self.rank)

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        beyond = () if self.ids.end is None else (Beyond(self.ids, self.ids.end, page.total or 0),)
        return Answered((), beyond, counted=page.total)

    def lacks(self, page: Page) -> bool:
        return not page.items

    def halves(self) -> Sequence[Part]:
        return (Recount(self.ids, self.after, self.rank * 2),) if self.rank < _BROKEN_ENDS else ()


@dataclass(frozen=True, slots=True)
class Beyond(Part, Ask):
    """Whether items are behind the last id: a store that ignores the order names another one when asked for it."""

    repeatable = False

    ids: Ids
    after: int
    before: int
    """How many items there are up to that id."""

    @property
    def position(self) -> Json:
        return {"after": self.after, "until": self.after}

    @property
    def request(self) -> Request:
        return self.ids.count(self.after)

    def take(self) -> tuple[Ask, Part | None]:
        return self, None

    def answered(self, page: Page) -> Answered:
        if not page.items:
            return Answered(())
        self.ids.ascending_only = True
        counted = None if page.total is None else self.before + page.total
        return Answered((), (Opening(self.ids, self.after),), counted=counted)

    def lacks(self, page: Page) -> bool:
        return False
