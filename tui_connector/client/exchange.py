"""What is kept of one request and its response, and the bounded store that keeps the last of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from .message import Failure, Headers, Purpose, Request

_OVERHEAD = 1_000
"""Bytes one exchange costs besides its texts, roughly, in CPython 3.11."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. `connect` (with DNS) and `tls` are None where the connection was used before."""

    connect: float | None = None
    tls: float | None = None
    send: float | None = None
    wait: float | None = None
    receive: float | None = None
    total: float = 0.0
    knows_connection: bool = True
    """False where another tool's file does not say whether the connection was new."""

    @property
    def reused(self) -> bool:
        return self.knows_connection and self.connect is None and self.send is not None


@dataclass(frozen=True, slots=True)
class KeptBody:
    """The part of a body that is kept: inflated, masked, cut at the recorder's bound."""

    data: bytes = b""
    size: int = 0
    """Bytes of the whole body, inflated, as far as it was read."""
    wire_size: int | None = 0
    """Bytes as they crossed the network; None where another tool's file does not say."""
    media_type: str = ""
    note: str = ""
    """Why the body is not here as it was: "a token, not kept", "more than 8 MB: cut off" …"""
    cut: bool = False
    """Whether what is kept is only the beginning. Its length does not say: a mask can be shorter than its secret."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt on the network. Nothing in it holds a secret: it was masked before it was made."""

    number: int
    attempt: int
    """1 for the first attempt of its call, 2 for the first repetition, …"""
    call: int
    client: str
    purpose: Purpose
    formatter: str | None
    at: datetime
    asked: Request | None
    method: str
    uri: str
    request_headers: Headers
    request_body: KeptBody
    status: int | None
    reason: str
    headers: Headers
    body: KeptBody
    failure: Failure | None
    failure_text: str
    timings: Timings
    note: str = ""
    """What the program has to say of it, such as "login renewed (60 min)"."""

    @property
    def failed(self) -> bool:
        """No answer, or a refusal. A probe asks what is there: for it any answer is one."""
        return self.status is None or (self.status >= 400 and self.purpose != "probe")

    @property
    def size(self) -> int:
        """Bytes this record takes in memory, roughly."""
        texts = len(self.uri) + len(self.failure_text) + len(self.note)
        headers = sum(len(name) + len(value) for name, value in (*self.request_headers, *self.headers))
        asked = len(self.asked.body) if self.asked is not None else 0  # whole, however little of it is kept
        return _OVERHEAD + texts + headers + asked + len(self.request_body.data) + len(self.body.data)


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request that has been sent and not been answered yet."""

    number: int
    method: str
    uri: str
    since: float
    """By the machine's monotonic clock, in seconds."""


class Ring:
    """The last exchanges, bounded by count and by bytes.

    An exchange is addressed by its *position*: how many came before it. `first` is that of the oldest one still kept.
    """

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size = count, size
        self._kept: deque[Exchange] = deque()
        self.first = 0
        self.cleared = 0
        """How many came before the ring was last cleared."""
        self.bytes = 0
        """Bytes the kept exchanges take, roughly."""

    def append(self, exchange: Exchange) -> None:
        self._kept.append(exchange)
        self.bytes += exchange.size
        while len(self) > self._count or (self.bytes > self._size and len(self) > 1):
            self.bytes -= self._kept.popleft().size
            self.first += 1

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._kept))

    def __reversed__(self) -> Iterator[Exchange]:
        """From the newest back; only as long as nothing is appended."""
        return reversed(self._kept)

    def __getitem__(self, position: int) -> Exchange:
        """The exchange at this position. Raises IndexError where it is gone or not there yet."""
        if not self.first <= position < self.end:
            raise IndexError(position)
        return self._kept[position - self.first]  # a deque steps by blocks of 64: 10 µs in the middle of 100,000

    @property
    def end(self) -> int:
        """The position the next exchange will have: how many came in all."""
        return self.first + len(self)

    def clear(self) -> None:
        self.first = self.cleared = self.end
        self._kept.clear()
        self.bytes = 0


class Exchanges(Ring):
    """The live log without a screen: the last exchanges, what is under way, and whom to tell.

    Failures are kept in a ring of their own too, so that the night's one failure is still there in the morning.
    """

    def __init__(self, count: int = 10_000, size: int = 64_000_000, failures: int = 1_000) -> None:
        super().__init__(count, size)
        self._numbers = self._calls = 0
        self.failures = Ring(failures, size // 4)
        self.in_flight: dict[int, InFlight] = {}
        self.on_recorded: list[Callable[[Exchange], None]] = []

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def next_call(self) -> int:
        """Calls are numbered through all sessions that write here: what has one number belongs together."""
        self._calls += 1
        return self._calls

    def started(self, request: InFlight) -> None:
        self.in_flight[request.number] = request

    def record(self, exchange: Exchange) -> None:
        self.in_flight.pop(exchange.number, None)
        # what was read from a file has its numbers already; those given from now on come after them
        self._numbers, self._calls = max(self._numbers, exchange.number), max(self._calls, exchange.call)
        self.append(exchange)
        if exchange.failed:
            self.failures.append(exchange)
        for listener in self.on_recorded:
            listener(exchange)

    def clear(self) -> None:
        super().clear()
        self.failures.clear()

    def numbered(self, number: int) -> Exchange | None:
        """The exchange of this number, where it is still kept."""
        return next((exchange for exchange in reversed(self._kept) if exchange.number == number), None)
