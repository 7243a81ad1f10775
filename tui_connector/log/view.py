"""The exchanges that pass a filter: an index over the log, built a slice at a time, without a screen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..client.exchange import Exchange, Ring
from .blocks import BLOCK_SIZE, Block, BlockTexts
from .filter import Filter
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
    """The positions, in the ring, of the exchanges that pass, oldest first.

    Positions stay what they are while exchanges come and go. `update` does a slice of the work at a time: first what
    came since, then what was there before, from the newest back, so that a screen has its first rows at once.

    Neighbours that `folds` accepts are one row, at the position of the newest of them.
    """

    def __init__(
        self,
        ring: Ring,
        clock: Callable[[], float],
        wanted: Matcher | None = None,
        folds: Predicate | None = None,
    ) -> None:
        self._ring, self._clock = ring, clock
        self._found: deque[int] = deque()
        self._folded: dict[int, deque[int]] = {}
        """The positions in each row that can be folded, by the position of the row."""
        self._before: list[Exchange] = []
        self._texts = BlockTexts()
        self._low = self._high = 0
        self.set(wanted or Filter(), folds)

    def set(self, wanted: Matcher, folds: Predicate | None = None) -> None:
        """Another filter: what was found is forgotten, and the search starts again at the newest."""
        self.wanted, self._folds = wanted, folds
        self._found.clear()
        self._folded.clear()
        self._before = list(self._ring)  # indexing the middle of the ring's deque for each of 100,000 takes 0.5 s
        self._low = self._high = self._ring.end

    def update(self, seconds: float = 0.005) -> bool:
        """Follows the ring for about this long; True when nothing is left to examine."""
        self._forget()
        stop = self._clock() + seconds
        return self._newer(stop) and self._older(stop)

    @property
    def searching(self) -> bool:
        """Whether exchanges are left that nobody has looked at."""
        return bool(self._before) or self._high < self._ring.end

    @property
    def is_looking_back(self) -> bool:
        """Whether exchanges from before the filter was set are left; those that come are few at a time."""
        return bool(self._before)

    @property
    def searched(self) -> tuple[int, int]:
        """How many of the kept exchanges were examined, and how many are kept."""
        return max(0, self._high - max(self._low, self._ring.first)), len(self._ring)

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, index: int) -> int:
        """The position of the match at this index."""
        return self._found[index]

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._found))

    def positions(self) -> Iterator[int]:
        """The positions of all matches, also of those in folded rows."""
        for position in self:
            yield from self._folded.get(position, (position,))

    def folded(self, index: int) -> Sequence[int]:
        """The positions of the matches in this row, if it is a folded one; empty for the row of one match, or none."""
        if not 0 <= index < len(self._found):
            return ()
        positions = self._folded.get(self._found[index], ())
        return tuple(positions) if len(positions) > 1 else ()

    def index(self, position: int) -> int:
        """The index of the row with this position, or of the first one after it: `len` where there is none."""
        return bisect_left(self._found, position)

    def nearest(self, position: int, step: int) -> int | None:
        """The position of the next match after this one, or before it where `step` is -1; wraps around at the ends.

        None if there is no match, or while it is not known yet which one is the nearest.
        """
        if step > 0:
            index = bisect_right(self._found, position)
            if index < len(self._found) and self._low <= position + 1:
                return self._found[index]
        elif position <= self._high and (index := bisect_left(self._found, position)):
            return self._found[index - 1]
        return self._found[0 if step > 0 else -1] if self._found and not self.searching else None

    def exchange(self, index: int) -> Exchange:
        """The match at this index. Raises IndexError where there is none."""
        return self._ring[self._found[index]]

    def page(self, start: int, count: int) -> Sequence[Exchange]:
        """Up to `count` matches from this index on."""
        return [self.exchange(index) for index in range(max(0, start), min(start + count, len(self)))]

    def _add_newer(self, position: int, exchange: Exchange) -> None:
        if self._folds is not None and self._folds(exchange):
            positions = self._folded.pop(self._found[-1], None) if self._found else None
            if positions is not None:
                self._found.pop()
            self._folded[position] = positions = positions or deque()
            positions.append(position)
        self._found.append(position)

    def _add_older(self, position: int, exchange: Exchange) -> None:
        if self._folds is not None and self._folds(exchange):
            positions = self._folded.get(self._found[0]) if self._found else None
            if positions is not None:
                positions.appendleft(position)
                return
            self._folded[position] = deque([position])
        self._found.appendleft(position)

    def _forget(self) -> None:
        first = self._ring.first
        self._texts.forget(first // BLOCK_SIZE)
        while self._found and self._found[0] < first:
            self._folded.pop(self._found.popleft(), None)
        oldest = self._folded.get(self._found[0]) if self._found else None
        while oldest is not None and oldest[0] < first:
            oldest.popleft()
        if self._high < first:  # all of what was examined is gone
            self._low = self._high = first
        if self._low <= first:
            self._before.clear()

    def _newer(self, stop: float) -> bool:
        test = self.wanted.matches
        while self._high < self._ring.end:
            exchange = self._ring[self._high]
            if test(exchange):
                self._add_newer(self._high, exchange)
            self._high += 1
            if self._high % BLOCK_SIZE == 0:
                self._texts_so_far()
            if self._clock() >= stop:
                break
        return self._high == self._ring.end

    def _texts_so_far(self) -> None:
        """Makes the texts of a block as it ends, so that the first search finds them there."""
        start = max(self._high - BLOCK_SIZE, self._ring.first)
        self._texts.of(start // BLOCK_SIZE, [self._ring[position] for position in range(start, self._high)])

    def _older(self, stop: float) -> bool:
        while self._before and self._low > self._ring.first:
            self._examine(self._low - self._ring.first, stop)
            if self._clock() >= stop:
                break
        if self._low <= self._ring.first:
            self._before.clear()
        return not self._before

    def _examine(self, left: int, stop: float) -> None:
        """Looks at the last of `left` exchanges: at a block, where that is enough, else at one after the other."""
        number, last = divmod(self._low - 1, BLOCK_SIZE)
        part = self._before[-min(last + 1, left) :]
        low = self._low
        if last + 1 == BLOCK_SIZE and self._nothing_in(part, number):
            low -= len(part)
        else:
            test, clock = self.wanted.matches, self._clock
            for exchange in reversed(part):
                low -= 1
                if test(exchange):
                    self._add_older(low, exchange)
                if clock() >= stop:
                    break
        del self._before[low - self._low :]
        self._low = low

    def _nothing_in(self, block: list[Exchange], number: int) -> bool:
        possible = self.wanted.possible
        return possible is not None and not possible(Block(block, lambda: self._texts.of(number, block)))


def position_of(ring: Ring, exchange: Exchange) -> int:
    """Where in the ring this exchange is; where it is not, the position of the last one before it."""
    earlier = 0
    for place, each in enumerate(ring):
        if each is exchange:
            return ring.first + place
        earlier += each.number <= exchange.number
    return ring.first + max(0, earlier - 1)
