"""Failed attempts that were sent again: of a request, the last attempt tells how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

Identity = tuple[int, datetime]


class Attempt(Protocol):
    """What is read of an exchange."""

    @property
    def number(self) -> int: ...

    @property
    def identity(self) -> Identity: ...

    @property
    def failed(self) -> bool: ...

    @property
    def is_guess(self) -> bool: ...

    @property
    def request_keys(self) -> tuple[int | None, int | None]:
        """Hashes that are the same for all attempts: of a call, and of a request of a run; None where unknown."""


class FailedAttempts:
    """Pairs each failed attempt with the one that repeats it: the next of its call, or of its run.

    A run that waits for a store sends the request again once the store is back, which is another call.
    """

    def __init__(self, most: int) -> None:
        """`most`: how many attempts of either kind are kept."""
        self._most = most
        self._open: dict[Identity, tuple[int, ...]] = {}
        """The failed attempts that nothing repeats, with the hashes of what would repeat them."""
        self._by_key: dict[int, Identity] = {}
        self._next: dict[Identity, int] = {}
        self._dropped = 0
        """How many of those that nothing repeats are not kept."""
        self.retried = 0
        """How many failed attempts were sent again."""
        self.found_elsewhere = 0
        """How many requests failed at the address that was typed, before a guess at it has found the store."""

    @property
    def failed(self) -> int:
        """How many requests failed for good: their last attempt did."""
        return len(self._open) + self._dropped

    def next_of(self, exchange: Attempt) -> int | None:
        """The number of the exchange that repeats this failed attempt; None if none does."""
        return self._next.get(exchange.identity)

    def record(self, exchange: Attempt) -> None:
        if not exchange.failed and not self._by_key:
            return
        call, run = exchange.request_keys
        keys = tuple(key for key in (call, run) if key is not None)
        before = self._by_key.get(call) if call is not None else None
        if before is None and run is not None:
            before = self._by_key.get(run)
        if before is not None and before in self._open:
            self._close(before)
            self._next[before] = exchange.number
            self.retried += not exchange.is_guess
            self.found_elsewhere += exchange.is_guess
            if len(self._next) > self._most:
                del self._next[next(iter(self._next))]
        if exchange.failed:
            self._open[exchange.identity] = keys
            self._by_key.update(dict.fromkeys(keys, exchange.identity))
            if len(self._open) > self._most:
                self._close(next(iter(self._open)))
                self._dropped += 1

    def begin_session(self) -> None:
        """What is recorded from now on is of another session, and repeats nothing of those before."""
        self._by_key.clear()

    def clear(self) -> None:
        self._open.clear()
        self._by_key.clear()
        self._next.clear()
        self._dropped = self.retried = self.found_elsewhere = 0

    def _close(self, identity: Identity) -> None:
        for key in self._open.pop(identity):
            if self._by_key.get(key) == identity:
                del self._by_key[key]
