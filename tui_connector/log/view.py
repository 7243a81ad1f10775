"""The exchanges that pass a filter: an index over the log, built a slice at a time, without a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..client.exchange import Exchange, Ring
from .blocks import BLOCK_SIZE, Block, BlockTexts
from .expressions import Filter
from .listed_rows import ListedRows
from .operators import Possible, Predicate


class Matcher(Protocol):
    """What a view looks for: a filter, or a search within one."""

    @property
    def matches(self) -> Predicate: ...

    @property
    def possible(self) -> Possible | None:
        """Whether an exchange of a block could match; None if each has to be tested."""


@dataclass(frozen=True, slots=True)
class _Search:
    matches: Predicate
    possible: Possible | None


def both(one: Matcher, other: Matcher) -> Matcher:
    """What matches both."""
    tests = [test for test in (one.possible, other.possible) if test is not None]

    def possible(block: Block) -> bool:
        return all(test(block) for test in tests)

    return _Search(lambda exchange: one.matches(exchange) and other.matches(exchange), possible if tests else None)


class View:
    """The positions, in the ring, of the exchanges that pass, by session and number.

    Positions stay what they are while exchanges come and go. `update` does a slice of the work at a time: first what
    came since, then what was there before, from the newest back, so that a screen has its first rows at once.

    Neighbours that `folds` accepts are one row, at the position of the last of them.
    """

    def __init__(
        self,
        ring: Ring,
        clock: Callable[[], float],
        wanted: Matcher | None = None,
        folds: Predicate | None = None,
        texts: BlockTexts | None = None,
    ) -> None:
        """`texts`: those of this ring, which its other views have made."""
        self._ring, self._clock = ring, clock
        self._found = ListedRows(ring)
        self._texts = texts if texts is not None else BlockTexts()
        self._low = self._high = 0
        """The positions from which, and up to which, exchanges were examined."""
        self.set(wanted or Filter(), folds)

    def set(self, wanted: Matcher, folds: Predicate | None = None) -> None:
        """Another filter: what was found is forgotten, and the search starts again at the newest."""
        self.wanted, self._folds = wanted, folds
        self._found.clear()
        self._low = self._high = self._ring.end

    def update(self, seconds: float = 0.005) -> bool:
        """Follows the ring for about this long; True when nothing is left to examine."""
        self._forget()
        stop = self._clock() + seconds
        return self._newer(stop) and self._older(stop)

    @property
    def searching(self) -> bool:
        """Whether exchanges are left that nobody has looked at."""
        return self.is_looking_back or self._high < self._ring.end

    @property
    def is_looking_back(self) -> bool:
        """Whether exchanges from before the filter was set are left; those that come are few at a time."""
        return self._low > self._ring.first

    @property
    def searched(self) -> tuple[int, int]:
        """How many of the kept exchanges were examined, and how many are kept."""
        return max(0, self._high - max(self._low, self._ring.first)), len(self._ring)

    @property
    def partial(self) -> int:
        """How many of the matches have a body that was kept only in part, or not at all."""
        return self._count(lambda each: each.is_partial, self._ring.partial)

    @property
    def without_bodies(self) -> int:
        """How many of the matches have a body that was not kept at all."""
        return self._count(lambda each: each.lacks_bodies, self._ring.without_bodies)

    @property
    def without_response(self) -> int:
        """How many of the matches have no response."""
        return self._count(lambda each: each.status is None, self._ring.without_response)

    def _count(self, test: Predicate, in_ring: int) -> int:
        """How many matches pass; `in_ring`: how many exchanges of the ring do."""
        if not in_ring or (isinstance(self.wanted, Filter) and self.wanted.expression is None):
            return in_ring
        return sum(test(self._ring[each]) for each in self.positions())

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, index: int) -> int:
        """The position of the match at this index."""
        return self._found[index]

    def __iter__(self) -> Iterator[int]:
        return iter(self._found)

    def positions(self) -> Iterator[int]:
        """The positions of all matches, also of those in folded rows."""
        return self._found.positions()

    def folded(self, index: int) -> Sequence[int]:
        """The positions of the matches in this row, if it is a folded one; empty for the row of one match, or none."""
        return self._found.folded(index)

    def index(self, position: int) -> int:
        """The index of the row with this position, or of the first one after it: `len` where there is none."""
        return self._found.index(position)

    def count_until(self, session: int, number: int) -> int:
        """How many rows there are up to this number of a session."""
        return self._found.count_until(session, number)

    def session_index(self, session: int) -> int:
        """The index of the first row of this session, or of a later one."""
        return self._found.session_index(session)

    def nearest(self, position: int, step: int) -> int | None:
        """The position of the next match after this one, or before it where `step` is -1; wraps around at the ends.

        None if there is no match, or while it is not known yet which one is the nearest.
        """
        if self._high < self._ring.end:
            return None
        index = self._found.index(position)
        if step < 0:
            index -= 1
        elif index < len(self._found) and self._found[index] == position:
            index += 1
        if 0 <= index < len(self._found):
            found = self._found[index]
            if self._has_all_after(position if step > 0 else found):
                return found
        return self._found[0 if step > 0 else -1] if len(self._found) and not self.searching else None

    def _has_all_after(self, position: int) -> bool:
        """Whether all that is listed after this position was examined."""
        if not self.is_looking_back:
            return True
        session = self._ring.session_at(self._low - 1)
        left = self._ring.between(self._ring.session_start(session), self._low)
        return (session, max(each.number for each in left)) <= self._ring.place(position)[:2]

    def exchange(self, index: int) -> Exchange:
        """The match at this index. Raises IndexError where there is none."""
        return self._ring[self._found[index]]

    def page(self, start: int, count: int) -> Sequence[Exchange]:
        """Up to `count` matches from this index on."""
        return [self.exchange(index) for index in range(max(0, start), min(start + count, len(self)))]

    def _add(self, position: int, exchange: Exchange, *, is_new: bool) -> None:
        self._found.add(position, folds=self._folds is not None and self._folds(exchange), is_new=is_new)

    def _forget(self) -> None:
        first = self._ring.first
        self._texts.forget(first // BLOCK_SIZE)
        self._found.forget()
        if self._high < first:  # all of what was examined is gone
            self._low = self._high = first

    def _newer(self, stop: float) -> bool:
        test = self.wanted.matches
        while self._high < self._ring.end:
            exchange = self._ring[self._high]
            if test(exchange):
                self._add(self._high, exchange, is_new=True)
            self._high += 1
            if self._high % BLOCK_SIZE == 0:
                self._texts_so_far()
            if self._clock() >= stop:
                break
        return self._high == self._ring.end

    def _texts_so_far(self) -> None:
        """Makes the texts of a block as it ends, so that the first search finds them there."""
        start = max(self._high - BLOCK_SIZE, self._ring.first)
        self._texts.of(start // BLOCK_SIZE, self._ring.between(start, self._high))

    def _older(self, stop: float) -> bool:
        while self.is_looking_back:
            self._examine_block(stop)
            if self._clock() >= stop:
                break
        return not self.is_looking_back

    def _examine_block(self, stop: float) -> None:
        """Looks at the block before what was examined: as a whole, where that is enough, else one by one."""
        number, last = divmod(self._low - 1, BLOCK_SIZE)
        part = self._ring.between(number * BLOCK_SIZE, self._low)
        if last + 1 == BLOCK_SIZE and self._nothing_in(part, number):
            self._low -= len(part)
            return
        test, clock = self.wanted.matches, self._clock
        for exchange in reversed(part):
            self._low -= 1
            if test(exchange):
                self._add(self._low, exchange, is_new=False)
            if clock() >= stop:
                break

    def _nothing_in(self, block: list[Exchange], number: int) -> bool:
        possible = self.wanted.possible
        return possible is not None and not possible(Block(block, lambda: self._texts.of(number, block)))


def position_of(ring: Ring, exchange: Exchange) -> int | None:
    """Where in the ring this exchange is; None where it is not."""
    from_end = next((count for count, each in enumerate(reversed(ring), 1) if each is exchange), None)
    return None if from_end is None else ring.end - from_end


def position_near(ring: Ring, exchange: Exchange, session: int) -> int:
    """Where in the ring this exchange is; where it is not, the position of the last one before it in a list.

    `first - 1` where all come after it.
    """
    if (position := position_of(ring, exchange)) is not None:
        return position
    places = map(ring.place, range(ring.first, ring.end))
    earlier = (place for place in places if place[:2] <= (session, exchange.number))
    return max(earlier, default=(0, 0, ring.first - 1))[2]
