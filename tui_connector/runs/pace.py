"""How many requests are in flight: two to start with, more while that makes it faster, fewer when the store suffers.

A real Magento on two cores gave 279 products/s with 2 in flight, 253 with 4 and 152 with 8: more can be slower. So what
is measured is how many items come in a second, over a window of responses, and never how long one of them takes. At
first the number doubles as long as that pays clearly. Then it stays, and now and then its neighbours are tried: one of
them is taken only if it was faster than the number in use both before and after it, so that a store that gets slower
by itself, or a slow response, changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ..machine import Machine
from ..units import duration
from .errors import Action, RunError, RunFailed

_BEGIN = 2
_MOST = 8
_SHORTEST = 0.1
"""Seconds; what is measured in less is chance."""
_FIRST_WINDOW = 3
"""Responses for each request in flight, in a window while the number doubles: short, because pages may be few."""
_WINDOW, _AT_LEAST = 6, 24
"""Responses for each request in flight, and at least, in a later window."""
_DOUBLING_GAIN = 0.25
"""How much of what twice the number could bring it must bring: one and a quarter times the items."""
_GAIN = 0.3
"""How much of what one more could bring it must bring; with eight instead of seven, 4 %."""
_FEWER_GAIN = 0.02
_REST = 2
"""Windows before a neighbour is tried; doubled each time that both have been tried in vain."""
_LONGEST_REST = 32
_SHIFT = 1.3
"""How many times as fast or slow the same number must have become for its neighbours to be tried soon."""


class Pace:
    """The number of requests that may be in flight now."""

    def __init__(self, most: int | None = None) -> None:
        """`most` is the most there may ever be; 8 where nobody says."""
        self.most = most or _MOST
        self.limit = min(_BEGIN, self.most)
        self.rate = 0.0
        """Items a second, as last measured."""
        self._doubling = self._in_short_windows = True
        self._usual: float | None = None
        """What the number in use gives, as an average of its windows."""
        self._tried: _PaceTrial | None = None
        self._pause = _REST
        self._rest = 0
        self._up_next = True
        self._in_vain = 0
        self._ceiling: int | None = None
        """After the store suffered: up to here the number doubles again."""
        self._ignored = 0
        """Responses still to come that were requested with another number in flight."""
        self._began: float | None = None
        self._answers = self._items = 0

    def answered(self, items: int, now: float) -> None:
        """A page came, with N items, at this time in seconds."""
        if self._ignored > 0:
            self._ignored -= 1
            self._began = None
        if self._began is None:
            self._began, self._answers, self._items = now, 0, 0
            return
        self._answers += 1
        self._items += items
        passed = now - self._began
        if self._answers >= self._window() and passed >= _SHORTEST:
            rate = self._items / passed
            self._began, self._answers, self._items = now, 0, 0
            self._measured(rate)

    def suffers(self, now: float) -> None:
        """The store said that it is too much (429), or broke (5xx)."""
        if self._ceiling is None or self.limit > self._ceiling:
            self._ceiling = max(1, self.limit * 3 // 4)
            self._pause = min(_LONGEST_REST, self._pause * 2)
        self._doubling = self._in_short_windows = True
        self._usual = self._tried = None
        self._rest = 1
        self._use(max(1, self.limit // 2))
        self._began = now

    def _window(self) -> int:
        if self._in_short_windows:
            return self.limit * _FIRST_WINDOW
        return max(_AT_LEAST, self.limit * _WINDOW)

    def _use(self, number: int) -> None:
        self._ignored = max(self.limit, number) if number != self.limit else 0
        self.limit = number

    def _measured(self, rate: float) -> None:
        self.rate = rate
        if self._tried is not None:
            self._judge(self._tried, rate)
            return
        if self._usual is not None and not rate / _SHIFT < self._usual < rate * _SHIFT:
            self._usual = rate  # the store is another now, and so may be its best number
            self._doubling = True
            self._rest, self._pause, self._in_vain = min(self._rest, 1), _REST, 0
        self._usual = rate if self._usual is None else self._usual + (rate - self._usual) / 2
        if self._rest > 0:
            self._rest -= 1
        else:
            self._try()

    def _try(self) -> None:
        """Another number for one window."""
        assert self._usual is not None
        if self._doubling:
            number = min(self.limit * 2, self.most, self._ceiling or self.most)
            if number <= self.limit:
                self._settle()
                return
        else:
            number = self.limit + (1 if self._up_next else -1)
            if not 1 <= number <= self.most:
                self._failed()
                return
        self._tried = _PaceTrial(self.limit, self._usual, number)
        self._use(number)

    def _judge(self, trial: _PaceTrial, rate: float) -> None:
        """What a window says about the number that is tried, or, in a second one, about the number it was before."""
        if trial.gave is None:
            trial.gave = rate
        else:
            trial.before = (trial.before + rate) / 2
        faster = trial.gave >= trial.before * trial.must_give(doubled=self._doubling)
        if self._doubling or not faster or self.limit == trial.number_before:
            self._end_trial(trial, trial.gave, faster=faster)
        else:  # once more with the number before: the store may have got faster meanwhile
            self._use(trial.number_before)

    def _end_trial(self, trial: _PaceTrial, gave: float, *, faster: bool) -> None:
        self._tried = None
        if faster:
            self._use(trial.number)
            self._usual = gave
            self._in_vain = 0
            if not self._doubling:
                self._pause = self._rest = _REST
                self._up_next = trial.number > trial.number_before
                self._ceiling = None
            return
        self._use(trial.number_before)
        self._usual = trial.before
        if self._doubling:
            self._settle()
        else:
            self._failed()

    def _settle(self) -> None:
        """The number stays for a while."""
        self._doubling = self._in_short_windows = False
        self._rest = self._pause

    def _failed(self) -> None:
        """A neighbour is no better: the other one is tried next, and both later than now."""
        self._up_next = not self._up_next
        self._in_vain += 1
        if self._in_vain % 2 == 0:
            self._pause = min(_LONGEST_REST, self._pause * 2)
        self._rest = self._pause


class _PaceTrial:
    """Another number that is tried: what the number before gave, and what this one gives."""

    def __init__(self, number_before: int, before: float, number: int) -> None:
        self.number_before, self.before, self.number = number_before, before, number
        self.gave: float | None = None

    def must_give(self, *, doubled: bool) -> float:
        """How many times as much as the number before."""
        if self.number < self.number_before:
            return 1 + _FEWER_GAIN
        return 1 + (_DOUBLING_GAIN if doubled else _GAIN) * (self.number / self.number_before - 1)


# Waits for a store that is away, in maintenance or behind a lost network, as long as the run's patience lasts.
#
# One request looks whether the store is back; all others are at the gate meanwhile.


_FIRST = 1.0
_LONGEST = 30.0
"""Seconds between two looks, doubled from the first; a store that asks for more gets more."""


class Patience:
    """Shared by all requests of a run."""

    def __init__(self, machine: Machine, limit: float, on_wait: Callable[[RunError, float], None]) -> None:
        """`limit`: seconds to wait in all for one absence; `on_wait` is told of each wait and its seconds."""
        self._machine, self._limit, self._on_wait = machine, limit, on_wait
        self._open = asyncio.Event()
        self._open.set()
        self._looking: asyncio.Task[object] | None = None
        self._since: float | None = None
        self._pause = _FIRST

    async def gate(self) -> None:
        """Lets through whoever may send now."""
        while self._looking not in (None, asyncio.current_task()):
            await self._open.wait()

    async def wait(self, trouble: RunError, *, begun: bool) -> None:
        """Waits before the next look. Raises `RunFailed` at the end of the patience.

        A store that has not answered at all since the run began may have a wrong address: that is said at once. And
        one that gives no answer to be read, however long it is waited for, is not asked for less: it is away.
        """
        now = self._machine.monotonic()
        if trouble.status is None and not begun:
            raise RunFailed(trouble)
        if self._looking not in (None, asyncio.current_task()):
            return
        self._looking = asyncio.current_task()
        self._open.clear()
        self._since = now if self._since is None else self._since
        pause = max(self._pause, trouble.wait or 0.0)  # no store can ask for more requests than it gets anyway
        if now + pause - self._since > self._limit:
            message = f"{trouble.message}; {self._why_no_longer(trouble, now - self._since)}"
            raise RunFailed(replace(trouble, means=Action.WAIT, message=message))
        self._pause = min(_LONGEST, self._pause * 2)
        self._on_wait(trouble, pause)
        await self._machine.sleep(pause)

    def _why_no_longer(self, trouble: RunError, waited: float) -> str:
        patience = f"the incoming's patience is {duration(self._limit)}"
        so_far = f"{duration(waited)} have passed, and " if waited >= 1 else ""
        if trouble.wait is not None and trouble.wait > self._pause:
            return f"the store requests a wait of {duration(trouble.wait)}; {so_far}{patience}"
        return so_far + patience

    def over(self) -> None:
        """A page came: the store is there."""
        self._since, self._pause = None, _FIRST

    def leave(self) -> None:
        """This task is done, whether the store is back or not; if it was the one that looks, another may."""
        if self._looking is asyncio.current_task():
            self._looking = None
            self._open.set()
