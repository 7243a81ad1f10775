"""Retry requests that failed temporarily."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Literal

from pydantic import Field

from ..layer import Layer, LayerContext, Plugin, Send, Stage
from ..message import PERMANENT_FAILURES, Failure, NoResponse, Request, Response
from ..spans import Span, seconds

_BUSY = (429, 503)
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


class Retry(Plugin):
    """Retry failed requests."""

    stage: ClassVar[Stage] = Stage.REPEAT
    if_repeated: ClassVar[str] = "their attempts multiply"

    kind: Literal["retry"] = "retry"
    attempts: int = Field(
        3,
        ge=1,
        le=20,
        title="Attempts",
        description="Maximum attempts per request. Replacing a connection that the server had closed is not one.",
    )
    wait: Span = Field(
        "500ms", title="First wait", description="Before the second attempt; doubled for each further one."
    )
    longest_wait: Span = Field(
        "30s", title="Longest wait", description="Also the upper limit for waits requested by the store."
    )
    repeat_posts: bool = Field(
        False,
        title="Repeat POST",
        description="Also repeat a POST that may have arrived; the store may then execute it twice.",
    )

    def start(self, context: LayerContext) -> Layer:
        async def layer(request: Request, forward: Send) -> Response:
            for attempt in range(1, self.attempts + 1):
                last = attempt == self.attempts or request.about.purpose == "login"
                requested = None
                try:
                    response = await forward(replace(request, about=replace(request.about, attempt=attempt)))
                except NoResponse as failure:
                    can_repeat = self._can_repeat(request, arrived=failure.may_have_arrived)
                    if last or not can_repeat or failure.failure in (*PERMANENT_FAILURES, Failure.TOO_LARGE):
                        raise
                    reason = failure.message
                else:
                    if last or not self._is_temporary(request, response):
                        return response
                    requested = retry_after(response, context.machine.now())
                    reason = f"The store responded with status {response.status}"
                pause = self._pause(attempt, requested)
                await context.pause_before_retry(
                    request,
                    pause,
                    attempt=attempt + 1,
                    attempts=self.attempts,
                    reason=reason,
                    is_requested=requested is not None,
                )
            raise AssertionError("the last attempt returns or raises")

        return layer

    def _can_repeat(self, request: Request, *, arrived: bool) -> bool:
        return not arrived or request.method != "POST" or self.repeat_posts

    def _is_temporary(self, request: Request, response: Response) -> bool:
        if response.status in _BUSY:  # the store did not process it
            return True
        return response.status >= 500 and self._can_repeat(request, arrived=True)

    def _pause(self, attempt: int, requested: float | None) -> float:
        """The store can request a longer pause, but not a shorter one such as "Retry-After: 0"."""
        max_wait = seconds(self.longest_wait)
        pause = float(min(max_wait, seconds(self.wait) * 2 ** (attempt - 1)) * random.uniform(0.8, 1.2))
        return pause if requested is None else max(pause, min(max_wait, requested))


def retry_after(response: Response, now: datetime) -> float | None:
    """The seconds in Retry-After (RFC 9110 §10.2.3), or None without a valid one.

    A date is compared with the response's Date, if it has one, as clocks may differ.
    """
    value = (response.header("Retry-After") or "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    then = _date(value)
    if then is None:
        return None
    return max(0.0, (then - (_date(response.header("Date") or "") or now)).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)  # "-0000" is UTC, too, but parsed without a zone
