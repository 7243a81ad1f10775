"""The progress of a run, and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Literal, Protocol, TypeAlias

from ..client.exchange import Exchange
from .ledger import FailedRecord, State

STOPPED = "stopped"
"""Code of the end of a run that its user stopped."""
LIMIT_REACHED = "limit"
"""Code of the end of a run at the limit that its user has set."""
OUTPUT_FULL = "output-full"
"""Code of the end of a run whose messages can no longer be written."""
OUTPUT_CLOSED = "output-closed"
"""Code of the end of a run whose output was closed by its reader, such as `head`."""


@dataclass(slots=True)
class RequestCosts:
    """Requests, retries and responses since the run began, counted as they are recorded."""

    requests: int = 0
    retries: int = 0
    responses: int = 0
    seconds: float = 0.0
    """How long the responses took, together."""

    def record(self, exchange: Exchange) -> None:
        self.requests += 1
        self.retries += exchange.attempt > 1
        if exchange.status is not None:
            self.responses += 1
            self.seconds += exchange.timings.total


@dataclass(frozen=True, slots=True)
class RunPause:
    """Why a run sends nothing, and the seconds until its next request."""

    seconds: float
    reason: str
    can_end: bool = False
    """Whether the run has chosen this pause, and its user can end it: the store has not requested it."""

    @property
    def state(self) -> str:
        """Such as "waiting for the store, up to 5:00 min, next in 1 s"."""
        return f"{self.reason}, next in {max(1, ceil(self.seconds))} s"


Reduced: TypeAlias = Literal["", "recovering", "overloaded"]
"""Why fewer requests are in flight than before: the store failed and responds again, or it failed with more of them."""


@dataclass(slots=True)
class Progress:
    """Counts of a run so far; `rate` in items per second, as the pace has measured it."""

    items: int = 0
    expected: int | None = None
    """How many are done when the run ends: those of the list, or up to the limit of its user; None if unknown."""
    failed: int = 0
    dropped: int = 0
    unwritten: int = 0
    """Those that are done and not among `items`: failed, or read and dropped."""
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    latency: float = 0.0
    """Seconds per response: the mean since the run started or was resumed, as no ledger keeps that of before."""
    responses: int = 0
    """Responses that `latency` is the mean of."""
    in_flight: int = 0
    """Requests that have been sent and have no response yet."""
    limit: int = 0
    """Requests that may be in flight."""
    reduced: Reduced = ""
    pause: RunPause | None = None
    """What the run waits for; None while it works."""
    parents: int | None = None
    """Parents whose child lists have been read, in a run that reads child lists."""
    parents_expected: int | None = None
    """Total parents according to the store; None if unknown."""
    resumed: bool = False
    """Whether this is the continuation of an interrupted run, of which the counts and seconds are included."""
    resumed_items: int = 0
    """Items that the interrupted run had written."""
    resumed_unwritten: int = 0
    resumed_parents: int = 0
    resumed_seconds: float = 0.0
    """Seconds that it had taken."""
    paced_from: tuple[float, int, int] | None = None
    """Seconds, `done` and parents at the end of the last pause: what is to be expected is known from what followed.

    None where there was no pause.
    """

    def set_pause(self, pause: RunPause | None) -> None:
        """Sets what the run waits for, after its other counts."""
        self.pause = pause
        if pause is not None:
            self.paced_from = self.seconds, self.done, self.parents or 0

    @property
    def mean_rate(self) -> float:
        """Items per second of the whole run, also before it was resumed."""
        return self.items / self.seconds if self.seconds > 0 else 0.0

    @property
    def current_rate(self) -> float:
        """Items per second since the run started or was resumed."""
        seconds = self.seconds - self.resumed_seconds
        return max(0, self.items - self.resumed_items) / seconds if seconds > 0 else 0.0

    @property
    def done(self) -> int:
        """How many of the expected items need nothing more, whatever became of them."""
        return self.items + self.unwritten

    @property
    def remaining(self) -> float | None:
        """Seconds until the end at the mean rate since the last pause, or resumption; None where that is unknown."""
        resumed = self.resumed_seconds, self.resumed_items + self.resumed_unwritten, self.resumed_parents
        began, done_before, parents_before = resumed if self.paced_from is None else self.paced_from
        if self.parents_expected and self.parents is not None:
            done, left = self.parents - parents_before, self.parents_expected - self.parents
        elif self.expected is not None:
            done, left = self.done - done_before, self.expected - self.done
        else:
            return None
        return max(0.0, left * (self.seconds - began) / done) if done > 0 else None

    def after(self, earlier: Progress) -> Progress:
        """The progress of two runs that are one for the user, of which this is the later one."""
        responses = earlier.responses + self.responses
        together = earlier.latency * earlier.responses + self.latency * self.responses
        expected = None if earlier.expected is None or self.expected is None else earlier.expected + self.expected
        paced_from = self.paced_from
        if paced_from is not None:
            seconds, done, parents = paced_from
            paced_from = earlier.seconds + seconds, earlier.done + done, parents
        return replace(
            self,
            paced_from=paced_from,
            items=earlier.items + self.items,
            expected=expected,
            failed=earlier.failed + self.failed,
            dropped=earlier.dropped + self.dropped,
            unwritten=earlier.unwritten + self.unwritten,
            requests=earlier.requests + self.requests,
            retries=earlier.retries + self.retries,
            seconds=earlier.seconds + self.seconds,
            responses=responses,
            latency=together / responses if responses else 0.0,
        )


@dataclass(frozen=True, slots=True)
class RunWarning:
    """What is probably a mistake in the profile, although the run continues or is complete; `code` says which kind."""

    code: str
    text: str


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
    parents: int | None = None
    """Parents whose child lists were read; None for other lists."""
    parents_expected: int | None = None
    warnings: tuple[RunWarning, ...] = ()
    """Those that the watcher was not told during the run, or told with smaller numbers."""
    tasks: Mapping[str, int] = field(default_factory=dict)
    """For an outgoing: its tasks by state."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do: its first request, where it starts, and where the items go."""

    request: str
    start: str
    sink: str


class Watcher(Protocol):
    """Receives events of a run, on the event loop. `code` identifies the kind of a warning."""

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None: ...

    def failed(self, record: FailedRecord) -> None: ...

    def progress(self, progress: Progress) -> None: ...
