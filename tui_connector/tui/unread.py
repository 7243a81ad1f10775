"""A dialog that opens by itself ignores keys until its user can have read it.

Its user may be typing or giving commands meanwhile: a key meant for the screen before would answer a question that
nobody has read.
"""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from textual import events
from textual.screen import Screen
from textual.timer import Timer

_REST = 0.5
"""Seconds without a key, after it was painted, until a dialog accepts keys. Whoever types presses one sooner."""
_IGNORED = "Keys pressed before this could be read were ignored."


class Unread:
    """Whether a dialog that opened by itself can have been read."""

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen = screen
        self._accepts_from, self._last_ignored = inf, -inf
        """Seconds of the monotonic clock, as the times of events."""
        self._timer: Timer | None = None
        self._is_told = False

    @property
    def is_over(self) -> bool:
        """Whether it accepts keys."""
        return self._accepts_from < inf

    def begin(self) -> None:
        """The dialog is shown, for the first time or again: it accepts keys once it was painted and no key came."""
        self._accepts_from, self._is_told = inf, False
        self._screen.call_after_refresh(self._wait, _REST)

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._screen.set_timer(seconds, self._end)

    def _end(self) -> None:
        now = monotonic()
        if (left := self._last_ignored + _REST - now) > 0:
            self._wait(left)
        else:
            self._accepts_from = now
            self._screen.refresh_bindings()

    def ignores(self, event: events.Event) -> bool:
        """Whether this key or paste came too early. Of the first one, its user is told."""
        if event.time >= self._accepts_from:
            return False
        self._last_ignored = event.time
        if not self._is_told:
            self._is_told = True
            self._screen.notify(_IGNORED)
        return True


@runtime_checkable
class MayOpenByItself(Protocol):
    """A screen that ignores keys while it is unread."""

    unread: Unread | None
    """None where a key of its user has opened it."""
