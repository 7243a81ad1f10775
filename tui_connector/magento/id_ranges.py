"""The pages of a list as half-open ranges of its ids.

The list's first page and one request for its last id tell how dense the ids are; then ranges are cut that are meant to
fill one page each. A range that holds more than a page is read on from its last id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..client.message import Request
from ..placeholder import Json
from ..transfer.page import Page
from ..transfer.pagination import Answered, Ask, PaginationError, Part
from .ids import Ids

_BROKEN_ENDS = 64
"""How many of the last records may break the store before the last id is given up."""
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
        if not page.items:
            return Answered((), (), page.total)
        first, last = self.ids.ends(page, self.after)
        complete = self.ids.is_last(page)
        if complete:
            return Answered(page.items, (), page.total)
        if not isinstance(last, int) or not isinstance(first, int):
            return Answered(page.items, (Opening(self.ids, last),), page.total)
        self.ids.saw(last - first + 1, len(page.items))
        left = (page.total or 0) - len(page.items)
        return Answered(page.items, (End(self.ids, last, counted=left),), page.total)

    def position_behind(self, items: Sequence[bytes]) -> Json:
        return self.ids.behind_last(items)

    def halves(self) -> Sequence[Part]:
        return (End(self.ids, self.after if isinstance(self.after, int) else BEFORE_ALL),)


@dataclass(frozen=True, slots=True)
class End(Part, Ask):
    """Finds the last id there is, that of the item at `rank` from the end: those behind it break the store."""

    ids: Ids
    after: int
    rank: int = 1
    counted: int = 0
    """How many items the store had counted behind `after`."""

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
            return Answered((), (Proof(self.ids, self.after),) if self.counted > 0 else ())
        last = self.ids.ends(page, self.after)[1]
        if not isinstance(last, int):
            return Answered((), (Opening(self.ids, self.after),))
        if self.rank > 1:
            return Answered((), (Range(self.ids, self.after, last + self.rank * _BEYOND),))
        return Answered((), (Range(self.ids, self.after, last, sure=True),))

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
        found = len(page.items)
        if not self.ids.answered:
            total = found if page.total is None and found < self.ids.size else page.total
            if total is not None and total <= found:
                self.ids.saw(self.until - self.after, found)
                return Answered(page.items)
            return Answered((), tuple(self.halves()))
        if not found:
            self.ids.saw(self.until - self.after, 0)
            return Answered((), self._proof(self.after))
        last = self.ids.ends(page, self.after, self.until)[1]
        assert isinstance(last, int)
        if self.ids.is_last(page) or last == self.until:
            self.ids.saw(self.until - self.after, found)
            return Answered(page.items, self._proof(last))
        self.ids.saw(last - self.after, found)
        return Answered(page.items, (Range(self.ids, last, self.until, self.end, self.sure),))

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
