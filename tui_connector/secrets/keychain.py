"""Calls the keyring in a thread of its own, one call at a time, each with a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from ..machine import Keyring

T = TypeVar("T")


class KeychainTimeout(Exception):
    """The keyring did not respond in time."""


class Keychain:
    """Calls the keyring in one daemon thread: one call at a time, each with a deadline.

    Concurrent calls crash gnome-keyring, and a keyring may wait forever for a prompt that nobody sees. `open_keyring`
    is called in the thread, on first use.
    """

    def __init__(self, open_keyring: Callable[[], Keyring]) -> None:
        self._open = open_keyring
        self._calls: queue.SimpleQueue[Callable[[Keyring], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stuck = False

    async def call(self, work: Callable[[Keyring], T], deadline: float) -> T:
        """What `work` returns or raises. Raises `KeychainTimeout`; a call cancelled before it started is never made."""
        if self._stuck:
            raise KeychainTimeout("the keyring has not responded to an earlier call")
        loop = asyncio.get_running_loop()
        response: asyncio.Future[T] = loop.create_future()

        def run(keyring: Keyring) -> None:
            if response.cancelled():
                return
            result: T | None = None
            failure: Exception | None = None
            try:
                result = work(keyring)
            except Exception as error:  # noqa: BLE001 - backends raise whatever their bus raises
                failure = error
            self._stuck = False
            with contextlib.suppress(RuntimeError):  # the event loop is closed
                loop.call_soon_threadsafe(_settle, response, result, failure)

        self._start()
        self._calls.put(run)
        try:
            return await asyncio.wait_for(response, deadline)
        except TimeoutError:
            self._stuck = True
            raise KeychainTimeout(f"the keyring has not responded within {deadline:g} s") from None

    def close(self) -> None:
        self._calls.put(None)

    def _start(self) -> None:
        if self._thread is None:
            # a daemon: an unanswered prompt must not keep the program from exiting
            self._thread = threading.Thread(target=self._run, name="keyring", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        keyring: Keyring | None = None
        while (work := self._calls.get()) is not None:
            keyring = keyring or _LazyKeyring(self._open)
            work(keyring)


class _LazyKeyring:
    """Opens the keyring inside the first call, so that a failure to open it fails that call."""

    def __init__(self, open_keyring: Callable[[], Keyring]) -> None:
        self._open = open_keyring
        self._keyring: Keyring | None = None

    def _opened(self) -> Keyring:
        if self._keyring is None:
            self._keyring = self._open()
        return self._keyring

    def get_password(self, service: str, username: str) -> str | None:
        return self._opened().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._opened().set_password(service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        self._opened().delete_password(service, username)


def _settle(response: asyncio.Future[T], result: T | None, failure: Exception | None) -> None:
    if response.done():
        return
    if failure is not None:
        response.set_exception(failure)
    else:
        response.set_result(result)  # type: ignore[arg-type]  # None only where T is
