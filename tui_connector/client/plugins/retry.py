"""Retry requests that failed for a moment."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Literal

from pydantic import Field

from ..layer import Layer, LayerContext, Plugin, Send, Stage
from ..message import Failure, NoResponse, Request, Response
from ..model import Span, seconds

_BUSY = (429, 503)
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
LASTING = frozenset(
    {
        *(Failure.TLS_UNTRUSTED, Failure.TLS_SELF_SIGNED, Failure.TLS_NAME, Failure.TLS_EXPIRED),
        *(Failure.TLS_NOT_YET_VALID, Failure.TLS_CLIENT_CERTIFICATE, Failure.TLS_TO_PLAIN, Failure.PLAIN_TO_TLS),
    }
)
"""What is the same however often and whatever is asked."""


class Retry(Plugin):
    """Retry failed requests."""

    stage: ClassVar[Stage] = Stage.REPEAT

    kind: Literal["retry"] = "retry"
    attempts: int = Field(3, ge=1, le=20, title="Attempts", description="Maximum attempts per request.")
    wait: Span = Field(
        "500ms", title="First wait", description="Before the second attempt; doubled for each further one."
    )
    longest_wait: Span = Field(
        "30s", title="Longest wait", description="Also the upper limit for waits requested by the store."
    )
    repeat_posts: bool = Field(
        False,
        title="Repeat POST",
        description="Also if the first attempt may have arrived, so that it may be executed twice.",
    )

    def start(self, context: LayerContext) -> Layer:
        async def layer(request: Request, forward: Send) -> Response:
            for attempt in range(1, self.attempts + 1):
                last = attempt == self.attempts or request.about.purpose == "login"
                asked_to_wait = None
                try:
                    response = await forward(request)
                except NoResponse as failure:
                    may = self._may_repeat(request, arrived=failure.may_have_arrived)
                    if last or not may or failure.failure in (*LASTING, Failure.TOO_LARGE):
                        raise
                else:
                    if last or not self._is_passing(request, response):
                        return response
                    asked_to_wait = retry_after(response, context.machine.now())
                await context.machine.sleep(self._pause(attempt, asked_to_wait))
            raise AssertionError("the last attempt returns or raises")

        return layer

    def _may_repeat(self, request: Request, *, arrived: bool) -> bool:
        return not arrived or request.method != "POST" or self.repeat_posts

    def _is_passing(self, request: Request, response: Response) -> bool:
        if response.status in _BUSY:  # the store says that it did not work on it
            return True
        return response.status >= 500 and self._may_repeat(request, arrived=True)

    def _pause(self, attempt: int, asked_to_wait: float | None) -> float:
        """A store can ask for more time, and never for less: "Retry-After: 0" must not hurry what fails."""
        longest = seconds(self.longest_wait)
        pause = float(min(longest, seconds(self.wait) * 2 ** (attempt - 1)) * random.uniform(0.8, 1.2))
        return pause if asked_to_wait is None else max(pause, min(longest, asked_to_wait))


def retry_after(response: Response, now: datetime) -> float | None:
    """The seconds a store asks to wait (RFC 9110 §10.2.3), or None where it says nothing that can be used.

    A date is compared with the store's own clock, where the response has it: ours may be another.
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
    return date if date.tzinfo else date.replace(tzinfo=UTC)  # "-0000" comes without a zone, and means UTC all the same
