"""Exits the program on a signal, or when its terminal is gone; and what exiting would lose."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from textual.app import App

from ..machine import Machine
from ..text import count, shown
from .unsent_requests import UnsentRequests

_EXIT_TIMEOUT = 5.0
"""Seconds after a signal before the process is ended without cleanup."""

_TERMINAL_CHECK_INTERVAL = 2.0
"""Seconds between two checks whether the terminal still exists."""


@runtime_checkable
class HasUnsavedWork(Protocol):
    """A screen with work that quitting would stop or lose."""

    def unsaved_work(self) -> str:
        """The unsaved work, as a sentence; empty where there is none."""
        ...

    def before_exit(self) -> None:
        """Saves what can be saved. Must be quick: the terminal may be gone already."""
        ...


def lost_secrets(number: int, of: str, names: Iterable[str] = ()) -> str:
    """That so many secrets of something are lost when the program exits."""
    which = f" ({', '.join(names)})" if names else ""
    return f"{count(number, 'secret')} of {of}{which} will be lost: only this session has what you entered."


def lost_with_session(machine: Machine, unsent: UnsentRequests, is_of_demo: Callable[[Path, str], bool]) -> list[str]:
    """What quitting forgets: requests that were not sent, and secrets that neither the keyring nor the environment has.

    `is_of_demo` tells whether a profile gets a secret again from the demo store.
    """
    profiles = [
        lost_secrets(len(names), profile.stem, names)
        for profile, names in machine.typed.only_here(machine.environ, is_of_demo).items()
    ]
    drafts = [lost_secrets(len(each.entries), f"the draft {each.title}") for each in machine.typed.of_drafts()]
    requests = [each] if (each := unsent.unsaved_work()) else []
    return [shown(each) for each in (*requests, *profiles, *drafts)]


class ProgramExit:
    """Exits in an orderly way, or ends the process where that takes too long."""

    def __init__(
        self, end_foreground: Callable[[signal.Signals, Callable[[], None]], None], leave: Callable[[int], None]
    ) -> None:
        """`end_foreground` ends what has the terminal, if that is another program, and calls what it is given.

        `leave` saves what can be saved, and exits with this code.
        """
        self._end_foreground, self._leave = end_foreground, leave
        self._kill_timer: threading.Timer | None = None
        self._in_browser = False
        """Whether keys come from a web server, by a pipe."""

    def watch(self, app: App[None]) -> None:
        """Starts to watch for signals and the terminal; call it only where there is a terminal."""
        loop = asyncio.get_running_loop()
        self._in_browser = app.is_web
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._exit, number)
        app.set_interval(_TERMINAL_CHECK_INTERVAL, self._check_terminal)

    def _check_terminal(self) -> None:
        """A terminal can disappear without a signal; its driver would then read nothing in an endless loop."""
        stdin = sys.__stdin__.fileno() if sys.__stdin__ else 0
        if _is_closed_pipe(stdin) if self._in_browser else not os.isatty(stdin):
            self._exit(signal.SIGHUP)

    def _exit(self, number: signal.Signals) -> None:
        if self._kill_timer is None:
            # the driver may block the event loop while it waits for a terminal that is gone; a thread is not blocked
            self._kill_timer = threading.Timer(_EXIT_TIMEOUT, os._exit, [128 + number])
            self._kill_timer.daemon = True
            self._kill_timer.start()
            self._end_foreground(number, partial(self._leave, 128 + number))


def _is_closed_pipe(descriptor: int) -> bool:
    """Whether the writing end of a pipe is closed, as the server that held it has ended."""
    poll = select.poll()
    poll.register(descriptor, 0)  # POLLHUP and POLLERR are always reported
    return bool(poll.poll(0))
