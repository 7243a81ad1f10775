"""Reads many things from a disk in threads: one that does not respond holds up neither the others nor the program."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

BATCH = 0.05
"""Seconds in which the results of one batch are collected."""
_FEW = 10
"""Fewer results in a batch mean that the disk is waited for: one more thread. Otherwise one thread is the fastest."""
_MOST_THREADS = 64


def in_thread(work: Callable[[], None]) -> None:
    """Starts `work` in a thread that the end of the program does not wait for."""
    threading.Thread(target=work, daemon=True).start()


class Reading(Generic[Key, Value]):
    """Calls `read` for each key in threads of its own, in order. `read` reports failures in what it returns."""

    def __init__(self, keys: Iterable[Key], read: Callable[[Key], Value]) -> None:
        self._keys = deque(keys)
        self._read = read
        self._changed = threading.Condition()
        self._results: dict[Key, Value] = {}
        self._threads = 0
        self.left = len(self._keys)
        """How many results have not been taken yet."""
        self._start_thread()

    def take(self) -> dict[Key, Value]:
        """The results since the last call, after `BATCH` seconds or once all are there; empty where none came."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._results) == self.left, BATCH)
            found, self._results = self._results, {}
            self.left -= len(found)
            if len(found) < _FEW:
                self._start_thread()
        return found

    def stop(self) -> None:
        """Begins to read nothing more."""
        with self._changed:
            self._keys.clear()

    def _start_thread(self) -> None:
        if self._keys and self._threads < _MOST_THREADS:
            self._threads += 1
            in_thread(self._work)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._keys:
                    self._threads -= 1
                    return
                key = self._keys.popleft()
            value = self._read(key)
            with self._changed:
                self._results[key] = value
                if len(self._results) == self.left:
                    self._changed.notify()
