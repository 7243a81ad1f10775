"""What a run tells while it goes, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .ledger import FailedRecord, State


@dataclass(slots=True)
class Progress:
    """How far a run is. `items` of `expected`; `rate` in items a second, `latency` in seconds."""

    items: int = 0
    expected: int | None = None
    failed: int = 0
    dropped: int = 0
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    latency: float = 0.0
    in_flight: int = 0
    limit: int = 0
    resumed_items: int = 0
    """Items that an interrupted run had brought."""

    @property
    def remaining(self) -> float | None:
        """Seconds, where it can be said."""
        done = self.items - self.resumed_items
        if self.expected is None or done <= 0 or self.seconds <= 0:
            return None
        return max(0.0, (self.expected - self.items) * self.seconds / done)


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended. `reason` says why it is not complete, `code` names that; `remarks` what its user should know."""

    name: str
    state: State
    items: int
    failed: int
    dropped: int
    seconds: float
    requests: int
    retries: int
    reason: str = ""
    remarks: tuple[str, ...] = ()
    received: int = 0
    """Items that the store sent, before any was left out."""
    expected: int | None = None
    """Items that the store counted; None where it counted none."""
    as_requested: bool = False
    """Stopped where the user wanted: at the limit, or because nobody reads any more."""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do: its first request, where it starts, and where the items go."""

    request: str
    start: str
    sink: str


class Watcher(Protocol):
    """Is told how a run goes, on the loop."""

    def note(self, text: str) -> None: ...

    def failed(self, record: FailedRecord) -> None: ...

    def progress(self, progress: Progress) -> None: ...
