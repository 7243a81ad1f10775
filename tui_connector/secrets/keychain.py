"""All keyring traffic: one daemon thread, one call at a time, every call with a deadline.

Calls at the same time bring gnome-keyring down, and a keyring may wait for ever for a prompt that nobody sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from ..machine import Keyring

T = TypeVar("T")
READ_DEADLINE = 5.0
WRITE_DEADLINE = 60.0


class KeychainTimeout(Exception):
    """The keyring has not answered in time."""


class Keychain:
    """Asks the keyring that `open_keyring` makes; it is made in the thread, on first use."""

    def __init__(self, open_keyring: Callable[[], Keyring]) -> None:
        self._open = open_keyring
        self._calls: queue.SimpleQueue[Callable[[Keyring], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stuck = False

    async def call(self, ask: Callable[[Keyring], T], deadline: float) -> T:
        """What `ask` returns or raises. Raises `KeychainTimeout`; a call given up before it began is never made."""
        if self._stuck:
            raise KeychainTimeout("the keyring has not answered an earlier call")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work(keyring: Keyring) -> None:
            if answer.cancelled():
                return
            result: T | None = None
            failure: Exception | None = None
            try:
                result = ask(keyring)
            except Exception as error:  # noqa: BLE001 - backends raise whatever their bus raises
                failure = error
            self._stuck = False
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_settle, answer, result, failure)

        self._start()
        self._calls.put(work)
        try:
            return await asyncio.wait_for(answer, deadline)
        except TimeoutError:
            self._stuck = True
            raise KeychainTimeout(f"the keyring has not answered within {deadline:g} s") from None

    def close(self) -> None:
        self._calls.put(None)

    def _start(self) -> None:
        if self._thread is None:
            # a daemon: a prompt that nobody answers must not keep the program from ending
            self._thread = threading.Thread(target=self._run, name="keyring", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        keyring: Keyring | None = None
        while (work := self._calls.get()) is not None:
            keyring = keyring or _Opened(self._open)
            work(keyring)


class _Opened:
    """Opens the keyring inside the call, so that a failure to open it is that call's failure."""

    def __init__(self, open_keyring: Callable[[], Keyring]) -> None:
        self._open = open_keyring
        self._keyring: Keyring | None = None

    def _it(self) -> Keyring:
        if self._keyring is None:
            self._keyring = self._open()
        return self._keyring

    def get_password(self, service: str, username: str) -> str | None:
        return self._it().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._it().set_password(service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        self._it().delete_password(service, username)


def _settle(answer: asyncio.Future[T], result: T | None, failure: Exception | None) -> None:
    if answer.done():
        return
    if failure is not None:
        answer.set_exception(failure)
    else:
        answer.set_result(result)  # type: ignore[arg-type]  # None only where T is
