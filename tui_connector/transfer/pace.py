"""How many requests are in flight: two to begin with, more while that makes it faster, fewer when the store suffers.

A real Magento on two cores gave 279 products/s with 2 in flight, 253 with 4 and 152 with 8: more can be slower. So what
is measured is how many items come in a second, not how long an answer takes.
"""

from __future__ import annotations

_BEGIN = 2
_MOST = 8
_ANSWERS = 3
"""Answers for each request in flight, after which a number has shown what it gives."""
_SHORTEST = 0.1
"""Seconds; what is measured in less is chance."""
_GAIN = 0.4
"""How much of what more in flight could bring it must bring to be kept: double the number, 1.4 times the items."""
_WORSE = 0.8
_REST = 6
"""Measurements to stay with what was found before another number is tried."""


class Pace:
    """The number of requests that may be in flight now."""

    def __init__(self, most: int | None = None) -> None:
        """`most` is the most there may ever be; 8 where nobody says."""
        self.most = most or _MOST
        self.limit = min(_BEGIN, self.most)
        self.rate = 0.0
        """Items a second, as last measured."""
        self._before: tuple[int, float] | None = None
        """The number before the one that is being tried, and what it gave."""
        self._doubling = True
        self._rest = 0
        self._began: float | None = None
        self._answers = self._items = 0

    def answered(self, items: int, now: float) -> None:
        """A page came, with so many items, at this time in seconds."""
        if self._began is None:
            self._began = now
            return
        self._answers += 1
        self._items += items
        passed = now - self._began
        if self._answers >= self.limit * _ANSWERS and passed >= _SHORTEST:
            self._measured(self._items / passed)
            self._restart(now)

    def suffers(self, now: float) -> None:
        """The store said that it is too much (429), or broke (5xx)."""
        self._doubling = False
        self._before = None
        self._rest = _REST * 2
        self.limit = max(1, self.limit // 2)
        self._restart(now)

    def _restart(self, now: float) -> None:
        self._began, self._answers, self._items = now, 0, 0

    def _measured(self, rate: float) -> None:
        before, self.rate = self.rate, rate
        if self._before is not None:
            number, gave = self._before
            self._before = None
            if rate < gave * (1 + _GAIN * (self.limit / number - 1)):  # too little: back, and stay a while
                self.limit, self.rate = number, gave
                self._doubling, self._rest = False, _REST
                return
        elif before and rate < before * _WORSE and self.limit > 1:  # slower than it was, with the same number
            self.limit -= 1
            self._doubling, self._rest = False, _REST
            return
        if self._rest > 0:
            self._rest -= 1
        elif self.limit < self.most:
            self._before = (self.limit, rate)
            self.limit = min(self.most, self.limit * 2 if self._doubling else self.limit + 1)
