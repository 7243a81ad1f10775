"""The progress of a run, and its summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .ledger import FailedRecord, State


@dataclass(slots=True)
class Progress:
    """Counts of a run so far; `rate` in items per second, `latency` in seconds."""

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
    """Items of the interrupted run that this one resumes."""

    @property
    def remaining(self) -> float | None:
        """Estimated seconds, or None if unknown."""
        done = self.items - self.resumed_items
        if self.expected is None or done <= 0 or self.seconds <= 0:
            return None
        return max(0.0, (self.expected - self.items) * self.seconds / done)


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a run. `reason` says why it is incomplete, `code` identifies that; `remarks` are for the user."""

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
    """Items sent by the store, before filtering."""
    expected: int | None = None
    """Total items according to the store; None if unknown."""
    as_requested: bool = False
    """Stopped as the user wanted: at the limit, or because the reader of standard output has closed it."""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do: its first request, where it starts, and where the items go."""

    request: str
    start: str
    sink: str


class Watcher(Protocol):
    """Receives events of a run, on the event loop."""

    def note(self, text: str) -> None: ...

    def failed(self, record: FailedRecord) -> None: ...

    def progress(self, progress: Progress) -> None: ...
