"""How many requests are in flight, and how long a run waits for a store that is down.

It starts with two requests: more while that is faster, fewer when the store is overloaded. A real Magento on two cores
gave 279 products/s with 2 in flight, 253 with 4 and 152 with 8: more can be slower. So the throughput in items per
second is measured over a window of responses, never the latency of one. The limit first doubles as long as that clearly
pays. Then it stays, and from time to time one more or one less is tried: the new limit is kept only if it was faster
than the old one both before and after the trial, so that a slow response, or a store that slows down by itself, changes
nothing.

Each failure of the store halves the limit. Once it responds again, the limit doubles with each round of responses, up
to what was found to be fastest before; where it failed because of too many requests, up to three quarters of that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ..client.exchange import ExchangeLog
from ..client.layer import Send
from ..client.message import Request, Response
from ..machine import Machine
from ..units import duration
from .errors import Action, RunError, RunFailed
from .progress import Reduced, RunPause

_START = 2
_DEFAULT_MAXIMUM = 8
_SHORTEST_WINDOW = 0.1
"""Seconds; shorter measurements are noise."""
_FIRST_WINDOW = 3
"""Responses per request in flight in a window while the limit doubles: short, because there may be few pages."""
_WINDOW, _SMALLEST_WINDOW = 6, 24
"""Responses per request in flight, and the minimum, in a later window."""
_DOUBLING_GAIN = 0.25
"""Share of the possible gain that doubling must bring: 1.25 times the items."""
_GAIN = 0.3
"""Share of the possible gain that one more must bring: 4 % with eight instead of seven."""
_FEWER_GAIN = 0.02
_TRIAL_INTERVAL = 2
"""Windows between trials; doubled after one more and one less have both failed."""
_LONGEST_TRIAL_INTERVAL = 32
_SHIFT = 1.3
"""Factor by which the throughput at the same limit must change for a trial to start soon."""
_SLOWER = 2
"""Times as long a round may take as a response before the failure; if it takes longer, more must prove to be faster."""
_TOO_MANY, _BUSY = 429, (429, 502, 503, 504)
"""The status of a store that limits rates, and those of one that may be overloaded; 500 may be about one record."""


class Pace:
    """Adapts the number of requests that may be in flight to the throughput."""

    def __init__(self, maximum: int | None = None, *, by_response: bool = False) -> None:
        """`maximum`: upper bound of the limit, 8 by default.

        `by_response`: counts responses instead of items, for lists of very different length.
        """
        self._by_response = by_response
        self.maximum = maximum or _DEFAULT_MAXIMUM
        self.limit = min(_START, self.maximum)
        self.rate = 0.0
        """Items per second, as last measured."""
        self._doubling = self._in_short_windows = True
        self._baseline: float | None = None
        """Items per second at the current limit, averaged over its windows."""
        self._trial: _PaceTrial | None = None
        self._trial_interval = _TRIAL_INTERVAL
        self._windows_until_trial = 0
        self._try_more = True
        self._failed_trials = 0
        self._ceiling: int | None = None
        """After an overload: the limit doubles again up to this number."""
        self._recovery: _Recovery | None = None
        self._latency: float | None = None
        """Seconds per response, as last measured."""
        self._responses_to_skip = 0
        """Pending responses to requests sent under another limit."""
        self._window_start: float | None = None
        self._responses = self._items = 0

    @property
    def reduced(self) -> Reduced:
        """Why the limit is lower than before; empty if it is not."""
        if self._recovery is not None:
            return "recovering"
        return "overloaded" if self._ceiling is not None and self.limit <= self._ceiling else ""

    def page_received(self, items: int, now: float) -> None:
        """Counts a page of `items` items, received at `now` seconds."""
        if self._recovery is not None:
            self._recover(self._recovery, now)
            return
        if self._responses_to_skip > 0:
            self._responses_to_skip -= 1
            self._window_start = None
        if self._window_start is None:
            self._window_start, self._responses, self._items = now, 0, 0
            return
        self._responses += 1
        self._items += 1 if self._by_response else items
        passed = now - self._window_start
        if self._responses >= self._window() and passed >= _SHORTEST_WINDOW:
            rate = self._items / passed
            self._latency = passed * self.limit / self._responses
            self._window_start, self._responses, self._items = now, 0, 0
            self._on_rate(rate)

    def back_off(self, status: int | None = None) -> None:
        """Halves the limit: the store refused the rate (429), failed (5xx) or, with `status` None, did not respond."""
        if self._recovery is None:
            self._recovery = _Recovery(self.limit, self._ceiling, self._latency)
            self._lower_ceiling(status)
        elif self._recovery.earlier_requests > 0:
            self._recovery.earlier_requests -= 1
        elif self.limit == 1 and status != _TOO_MANY:  # it fails with a single request, so it is down
            self._ceiling = self._recovery.ceiling_before
        else:
            self._recovery.earlier_requests = self.limit - 1
            self._lower_ceiling(status)
        self._recovery.start_round(None)
        self._trial = None
        self.limit = max(1, self.limit // 2)

    def _lower_ceiling(self, status: int | None) -> None:
        """The store responds that it cannot handle as many requests as there were."""
        if status is None:
            return
        is_proven = self._baseline is not None and self._trial is None and self._recovery is None
        if self._ceiling is None or self.limit > self._ceiling or (status in _BUSY and not is_proven):
            lowest = 1 if status == _TOO_MANY else min(_START, self.limit)
            self._ceiling = max(lowest, self.limit * 3 // 4)
            self._trial_interval = min(_LONGEST_TRIAL_INTERVAL, self._trial_interval * 2)

    def _recover(self, recovery: _Recovery, now: float) -> None:
        """Doubles the limit after a round of responses to requests sent since the failure."""
        if recovery.earlier_requests > 0:
            recovery.earlier_requests -= 1
            return
        recovery.responses += 1
        if recovery.responses < self.limit:
            return
        target = min(recovery.limit_before, self._ceiling or self.maximum)
        if self.limit < target and not recovery.is_slow(now):
            self.limit = min(self.limit * 2, target)
            recovery.start_round(now)
            return
        self._recovery = None
        self._doubling = self._in_short_windows = True
        self._baseline = None
        self._windows_until_trial = 1
        self._responses_to_skip, self._window_start = self.limit, None

    def _window(self) -> int:
        if self._in_short_windows:
            return self.limit * _FIRST_WINDOW
        return max(_SMALLEST_WINDOW, self.limit * _WINDOW)

    def _set_limit(self, limit: int) -> None:
        self._responses_to_skip = max(self.limit, limit) if limit != self.limit else 0
        self.limit = limit

    def _on_rate(self, rate: float) -> None:
        self.rate = rate
        if self._trial is not None:
            self._evaluate(self._trial, rate)
            return
        if self._baseline is not None and not rate / _SHIFT < self._baseline < rate * _SHIFT:
            self._baseline = rate  # the store has changed, and so may have its best limit
            self._doubling = True
            self._windows_until_trial = min(self._windows_until_trial, 1)
            self._trial_interval, self._failed_trials = _TRIAL_INTERVAL, 0
        self._baseline = rate if self._baseline is None else self._baseline + (rate - self._baseline) / 2
        if self._windows_until_trial > 0:
            self._windows_until_trial -= 1
        else:
            self._start_trial()

    def _start_trial(self) -> None:
        """Tries another limit for one window."""
        assert self._baseline is not None
        if self._doubling:
            limit = min(self.limit * 2, self.maximum, self._ceiling or self.maximum)
            if limit <= self.limit:
                self._end_doubling()
                return
        else:
            limit = self.limit + (1 if self._try_more else -1)
            if not 1 <= limit <= self.maximum:
                self._trial_failed()
                return
        self._trial = _PaceTrial(self.limit, self._baseline, limit)
        self._set_limit(limit)

    def _evaluate(self, trial: _PaceTrial, rate: float) -> None:
        """Compares a window of the trial, or of the old limit after it."""
        if trial.rate is None:
            trial.rate = rate
        else:
            trial.rate_before = (trial.rate_before + rate) / 2
        faster = trial.rate >= trial.rate_before * trial.required_gain(doubled=self._doubling)
        if self._doubling or not faster or self.limit == trial.limit_before:
            self._end_trial(trial, trial.rate, faster=faster)
        else:  # measure the old limit again: the store may have become faster meanwhile
            self._set_limit(trial.limit_before)

    def _end_trial(self, trial: _PaceTrial, rate: float, *, faster: bool) -> None:
        self._trial = None
        if faster:
            self._set_limit(trial.limit)
            self._baseline = rate
            self._failed_trials = 0
            if not self._doubling:
                self._trial_interval = self._windows_until_trial = _TRIAL_INTERVAL
                self._try_more = trial.limit > trial.limit_before
                self._ceiling = None
            return
        self._set_limit(trial.limit_before)
        self._baseline = trial.rate_before
        if self._doubling:
            self._end_doubling()
        else:
            self._trial_failed()

    def _end_doubling(self) -> None:
        """Keeps the limit for a while."""
        self._doubling = self._in_short_windows = False
        self._windows_until_trial = self._trial_interval

    def _trial_failed(self) -> None:
        """Tries the other direction next, and later."""
        self._try_more = not self._try_more
        self._failed_trials += 1
        if self._failed_trials % 2 == 0:
            self._trial_interval = min(_LONGEST_TRIAL_INTERVAL, self._trial_interval * 2)
        self._windows_until_trial = self._trial_interval


class _Recovery:
    """How the limit was before the store failed, and the current round of responses since it responds again."""

    def __init__(self, limit_before: int, ceiling_before: int | None, latency_before: float | None) -> None:
        self.limit_before, self.ceiling_before, self._latency_before = limit_before, ceiling_before, latency_before
        self.earlier_requests = limit_before - 1
        """Requests sent before the limit was halved, which are still to respond or to fail."""
        self.responses = 0
        self._began: float | None = None

    def start_round(self, now: float | None) -> None:
        """`now`: None where nobody knows when the next request is sent."""
        self.responses, self._began = 0, now

    def is_slow(self, now: float) -> bool:
        """Whether the round took much longer than a response before the failure."""
        if self._began is None or self._latency_before is None:
            return False
        return now - self._began > _SLOWER * max(self._latency_before, _SHORTEST_WINDOW)


class Gate:
    """Lets as many requests pass at a time as the pace allows, the first ones first; none while the store is down."""

    def __init__(self, pace: Pace, patience: Patience) -> None:
        self._pace, self._patience, self._in_flight = pace, patience, 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def guard(self, send: Send) -> Send:
        """The same, behind the gate."""

        async def guarded(request: Request) -> Response:
            await self._enter()
            while not self._patience.has_turn:  # the store went down while the request was queued
                self._left()
                await self._patience.wait_for_turn()
                await self._enter()
            try:
                return await send(request)
            finally:
                self._left()

        return guarded

    async def _enter(self) -> None:
        if self._in_flight < self._pace.limit and not self._waiting:
            self._in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._left()
            else:
                self._waiting.remove(turn)
            raise

    def _left(self) -> None:
        self._in_flight -= 1
        while self._waiting and self._in_flight < self._pace.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)


class _PaceTrial:
    """A trial of another limit: the throughput of the old one and of this one."""

    def __init__(self, limit_before: int, rate_before: float, limit: int) -> None:
        self.limit_before, self.rate_before, self.limit = limit_before, rate_before, limit
        self.rate: float | None = None

    def required_gain(self, *, doubled: bool) -> float:
        """The factor by which the throughput must exceed that of the old limit."""
        if self.limit < self.limit_before:
            return 1 + _FEWER_GAIN
        return 1 + (_DOUBLING_GAIN if doubled else _GAIN) * (self.limit / self.limit_before - 1)


_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
"""Seconds between two probes, doubled from the first; a store that asks for a longer pause gets it."""


class Patience:
    """Waits for a store that is unreachable, in maintenance or overloaded, up to the configuration's `patience`.

    Shared by all requests of a run: one request probes whether the store is back, and all others wait for their turn.
    """

    def __init__(
        self, machine: Machine, limit: float, on_wait: Callable[[RunError, float], None], owner: str = "incoming"
    ) -> None:
        """`limit`: total seconds to wait for one outage; `on_wait` is called with the seconds of each pause.

        `owner` is what has the setting `patience`: incoming or outgoing.
        """
        self._machine, self._limit, self._on_wait, self._owner = machine, limit, on_wait, owner
        self._open = asyncio.Event()
        self._open.set()
        self._prober: asyncio.Task[object] | None = None
        self._down_since: float | None = None
        self._pause = _FIRST_PAUSE
        self._next_try: float | None = None
        self._ended = asyncio.Event()
        """Set to end the pause before the next probe."""
        self._is_requested = False
        """Whether the store has requested this pause."""
        self.has_reached = False
        """Whether this address is known to have responded, so that it is right although nothing responds now."""

    def pause(self, log: ExchangeLog) -> RunPause | None:
        """What the run waits for: the store, or the next attempt of its requests, of which none is in flight."""
        now = self._machine.monotonic()
        outage = f"waiting for the store, up to {duration(self._limit)}" if self._down_since is not None else ""
        if self._next_try is not None:
            return RunPause(max(0.0, self._next_try - now), outage, can_end=not self._is_requested)
        if log.in_flight or not log.pending_retries:
            return None
        retry = min(log.pending_retries.values(), key=lambda each: each.at)
        reason = outage or f"{retry.reason}, attempt {retry.attempt} of {retry.attempts}"
        can_end = any(each.end is not None for each in log.pending_retries.values())
        return RunPause(max(0.0, retry.at - now), reason, can_end=can_end)

    @property
    def has_turn(self) -> bool:
        """Whether the current task may send a request."""
        return self._prober in (None, asyncio.current_task())

    async def wait_for_turn(self) -> None:
        """Returns when the current task may send a request."""
        while not self.has_turn:
            await self._open.wait()

    async def wait(self, error: RunError, *, has_read: bool) -> None:
        """Pauses before the next probe. Raises `RunFailed` when the patience is exhausted.

        Without any response, in this run (`has_read`) or before it, the address may be wrong, which is reported
        immediately; so is every error where the limit is 0.
        """
        now = self._machine.monotonic()
        if not self._limit:
            raise RunFailed(error)
        if error.status is None and not has_read and not self.has_reached:
            message = f"{error.message}; the run does not wait, because this address has not responded before"
            raise RunFailed(replace(error, message=message))
        if not self.has_turn:
            return
        self._prober = asyncio.current_task()
        self._open.clear()
        self._down_since = now if self._down_since is None else self._down_since
        pause = max(self._pause, error.retry_after or 0.0)
        if now + pause - self._down_since > self._limit:
            message = f"{error.message}; {self._limit_reason(error, now - self._down_since)}"
            # not divided: a store that sends nothing usable for so long is down
            raise RunFailed(replace(error, action=Action.WAIT, message=message))
        self._pause = min(_LONGEST_PAUSE, self._pause * 2)
        self._on_wait(error, pause)
        self._next_try, self._is_requested = now + pause, error.retry_after is not None
        self._ended.clear()
        try:
            await self._machine.sleep_unless(pause, self._ended)
        finally:
            self._next_try = None

    def retry_now(self, log: ExchangeLog) -> None:
        """Ends the pause before the next probe, or before the next attempts, unless the store has requested it."""
        if not self._is_requested:
            self._ended.set()
        for retry in tuple(log.pending_retries.values()):
            if retry.end is not None:
                retry.end()

    def end_pause(self) -> None:
        """Ends the pause, as nothing more is sent."""
        self._ended.set()

    def _limit_reason(self, error: RunError, waited: float) -> str:
        patience = f"the {self._owner}'s patience is {duration(self._limit)}"
        so_far = f"{duration(waited)} have passed, and " if waited >= 1 else ""
        if error.retry_after is not None and error.retry_after > self._pause:
            return f"the store requests a wait of {duration(error.retry_after)}; {so_far}{patience}"
        return so_far + patience

    def reset(self) -> None:
        """A page has arrived: the store is up."""
        self._down_since, self._pause = None, _FIRST_PAUSE

    def release(self) -> None:
        """The current task is done; if it was the prober, another task may probe."""
        if self._prober is asyncio.current_task():
            self._prober = None
            self._open.set()
