"""A list's pages while they are read: slots in a row, and the pages that have left them in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from ..placeholder import Json
from .ledger_rows import Failed
from .pagination import Answered, Ask, Part


@dataclass(frozen=True, slots=True)
class Read:
    """A page at its place in the list. `position` is where to go on behind it, where there is such a place.

    `ended`: it is the last one.
    """

    items: list[bytes]
    ask: Ask
    position: Json
    ended: bool
    announced: int | None
    """How many items the whole list has, as the store counted when it sent this page."""
    failed: tuple[Failed, ...] = ()

    def first(self, count: int) -> Read:
        """Only so many of its items. `position` is None where only a whole page can be gone on from."""
        items = self.items[:count]
        return replace(self, items=items, position=self.ask.position_behind(items), ended=False)


@dataclass(slots=True, eq=False)
class Slot:
    part: Part
    ask: Ask | None = None
    task: asyncio.Task[None] | None = None
    answered: Answered | None = None
    failed: tuple[Failed, ...] = ()
    blamed: Failed | None = None
    """Why the one record of this slot could not be read when it was last requested."""
    blamed_twice: bool = False
    blamed_at: float = 0.0
    """When that was; it is requested again as soon as the store has sent a good page requested after it."""
    size: int = 0


@dataclass(slots=True)
class Counts:
    """What a run has done so far, besides its items."""

    again: int = 0
    """Pages that had to be asked for once more."""
    in_flight: int = 0
    latency: float = 0.0
    """Seconds of the latest answers, as a moving average."""


@dataclass(slots=True)
class Total:
    """How many items the list has, as the store said at first and last; None where pages are not read by that."""

    first: int | None = None
    last: int | None = None
    highest: int | None = None
    latest: int | None = None
    shrank: bool = False
    """Whether a page counted fewer items than one before it: then items moved to pages that were read already."""

    def note(self, total: int | None, items: int) -> None:
        """What a page of so many items said."""
        if total is not None:
            self.last = total
        if self.first is None and total != items:  # there are modules whose total_count is that of the page
            self.first = total

    def came(self, total: int | None, items: int) -> None:
        """What a page of so many items said, called as they come and not in their order."""
        if total is None or (self.highest is None and total == items):
            return
        self.shrank = self.shrank or (self.highest is not None and total < self.highest)
        self.highest = max(self.highest or 0, total)
        self.latest = total

    @property
    def moved(self) -> bool:
        return self.first is not None and self.last is not None and self.first != self.last
