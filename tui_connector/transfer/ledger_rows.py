"""What a ledger holds: runs, what each step adds to one, failed records, and the mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..placeholder import Json

State = Literal["running", "complete", "incomplete", "stopped", "refused", "failed"]
"""`incomplete`: read to the end, but the store counts more items than it sent, or nothing shows that it was the end."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the ledger has it. `asked` is the request, in words.

    `position` and `sink` are where to resume: a position of None is the beginning of the list, unless `at_end`.
    """

    id: int
    began: str
    ended: str | None
    state: State
    fingerprint: str
    asked: str
    since: str | None
    moves_mark: bool
    store_began: str | None
    newest: str | None
    position: Json
    sink: Json
    read: int
    items: int
    failed: int
    dropped: int
    requests: int
    retries: int
    seconds: float
    expected: int | None
    reason: str
    at_end: bool
    """The whole list has been read and written, whether the run's end could be recorded or not."""
    closed: Json
    """What the sink held when it was closed, as a position; None while the run writes, and after it was killed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A record that could not be read or written, and why."""

    record: str
    message: str
    exchange: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the last complete run ended: up to when everything was read (None without dates), and how it was asked."""

    value: str | None
    fingerprint: str
    sink: Json


@dataclass(slots=True)
class Step:
    """What one durable step adds to a run. Counts are those since the run began; `read` are items as the store sent."""

    position: Json
    at_end: bool
    sink: Json
    read: int
    items: int
    failed: int
    dropped: int
    requests: int
    retries: int
    seconds: float
    expected: int | None
    store_began: str | None
    newest: str | None
