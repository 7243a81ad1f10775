"""How the program ends when nobody asks for it: a signal, or a terminal that is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from textual.app import App

_GRACE = 5.0
"""Seconds after a signal within which the program ends by itself."""

_LOOK = 2.0
"""Seconds between two looks whether the terminal is still there."""


@runtime_checkable
class HasUnsavedWork(Protocol):
    """A screen that may hold something that quitting would end or lose."""

    def unfinished(self) -> str:
        """What that is, as a sentence; empty where there is nothing."""
        ...

    def keep(self) -> None:
        """Keeps what can be kept. It must be quick: the terminal may be gone already."""
        ...


class ProgramExit:
    """Ends the program by its own way out, and without it where that takes too long."""

    def __init__(self, leave: Callable[[int], None]) -> None:
        """`leave` keeps what can be kept, and ends the program with this exit code."""
        self._leave = leave
        self._last_resort: threading.Timer | None = None

    def watch(self, app: App[None]) -> None:
        """From now on; only where there is a terminal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopped, number)
        app.set_interval(_LOOK, self._look_at_terminal)

    def _look_at_terminal(self) -> None:
        """A terminal can go without a word: its driver would read nothing, again and again, for ever."""
        if not os.isatty(sys.__stdin__.fileno() if sys.__stdin__ else 0):
            self._stopped(signal.SIGHUP)

    def _stopped(self, number: signal.Signals) -> None:
        if self._last_resort is None:
            # the driver may wait for a terminal that is gone, and hold the loop: a thread does not wait for it
            self._last_resort = threading.Timer(_GRACE, os._exit, [128 + number])
            self._last_resort.daemon = True
            self._last_resort.start()
            self._leave(128 + number)
