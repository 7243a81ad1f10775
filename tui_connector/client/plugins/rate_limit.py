"""Limit the rate of requests, and respect the limits that the store reports."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from ...machine import Machine
from ..layer import Layer, LayerContext, Plugin, Send, Stage
from ..message import Request, Response
from ..spans import Span, seconds
from .retry import retry_after

_REMAINING = ("X-RateLimit-Remaining", "RateLimit-Remaining", "X-Rate-Limit-Remaining")
_RESET = ("X-RateLimit-Reset", "RateLimit-Reset", "X-Rate-Limit-Reset")
_MIN_EPOCH = 1_000_000_000
"""From here on, a reset is a time in seconds since 1970; a smaller one is a number of seconds from now."""
_MIN_EPOCH_MILLISECONDS = 100_000_000_000
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?", re.ASCII)


class RateLimit(Plugin):
    """Limit the rate of requests."""

    stage: ClassVar[Stage] = Stage.LIMIT

    kind: Literal["rate-limit"] = "rate-limit"
    requests: int | None = Field(
        None,
        ge=1,
        le=100_000,
        title="Requests",
        description="Maximum requests per time span, retries included. Empty: limited only by the store's responses.",
        examples=[10],
    )
    span: Span = Field("1s", title="Span", description="The time span in which that many requests may start.")
    heed_answers: bool = Field(
        True,
        title="Respect the store's limits",
        description="Waits if a response says that no requests are remaining (X-RateLimit-Remaining: 0, with "
        "X-RateLimit-Reset) or when to come back (429 or 503 with Retry-After).",
    )
    longest_wait: Span = Field("1m", title="Longest wait", description="Upper limit for waits requested by the store.")

    def start(self, context: LayerContext) -> Layer:
        gate = _Gate(self, context.machine)

        async def layer(request: Request, forward: Send) -> Response:
            waited = await gate.enter()
            if waited:
                note = f"{request.about.note} · held back {waited:.1f} s by the rate limit".removeprefix(" · ")
                request = replace(request, about=replace(request.about, note=note))
            response = await forward(request)
            if self.heed_answers:
                gate.hold(requested_wait(response, context.machine.now()))
            return response

        return layer


class _Gate:
    """Lets requests pass in the order of their arrival; a cancelled one leaves no gap."""

    def __init__(self, saved: RateLimit, machine: Machine) -> None:
        self._limit, self._span = saved.requests, seconds(saved.span)
        self._max_wait = seconds(saved.longest_wait)
        self._machine = machine
        self._turn = asyncio.Lock()  # first in, first out
        self._starts: deque[float] = deque(maxlen=saved.requests)
        self._held_until = 0.0

    async def enter(self) -> float:
        """Waits until the request may be sent; returns the seconds waited, 0 if there was no need to."""
        arrived = self._machine.monotonic()
        async with self._turn:
            waited = False
            while (pause := self._pause()) > 0:
                waited = True
                await self._machine.sleep(pause)
            now = self._machine.monotonic()
            if self._limit is not None:
                self._starts.append(now)
            return now - arrived if waited else 0.0

    def hold(self, pause: float | None) -> None:
        """Lets no request pass for `pause` seconds."""
        if pause is not None:
            self._held_until = max(self._held_until, self._machine.monotonic() + min(pause, self._max_wait))

    def _pause(self) -> float:
        now = self._machine.monotonic()
        pauses = [self._held_until - now]
        if self._limit is not None and len(self._starts) == self._limit:
            pauses.append(self._starts[0] + self._span - now)
        return max(pauses)


def requested_wait(response: Response, now: datetime) -> float | None:
    """The seconds for which the store wants no request, or None.

    RFC 9110 §10.2.3 (Retry-After), RFC 6585 §4 (429), and the X-RateLimit headers, which are not standardised: Reset is
    a number of seconds or a time.
    """
    if response.status in (429, 503) and (pause := retry_after(response, now)) is not None:
        return pause
    remaining, reset = _number(response, _REMAINING), _number(response, _RESET)
    if remaining is None or remaining > 0 or reset is None:
        return None
    if reset >= _MIN_EPOCH_MILLISECONDS:
        reset /= 1_000
    return max(0.0, reset - now.timestamp() if reset >= _MIN_EPOCH else reset)


def _number(response: Response, names: tuple[str, ...]) -> float | None:
    for name in names:
        text = (response.header(name) or "").partition(",")[0].partition(";")[0].strip()
        if _NUMBER.fullmatch(text):
            return float(text)
    return None
