"""Recorded exchanges: one request and its response, and the bounded store of the latest ones."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from sys import intern
from typing import Any, Protocol

from ..secrets.token_shape import TokenShape
from .body_refusal import BodyRefusal
from .failed_attempts import FailedAttempts
from .message import Failure, Headers, Purpose, Request
from .whole_bodies import WholeBodies, WholeBody

LONGEST_RESENT = 65_536
"""Bytes of a request's body up to which runs and histories keep it whole, so that it can be sent again."""
_OVERHEAD = 1_000
"""Approximate bytes of an exchange besides its texts, in CPython 3.11."""
_KEY_BYTES = 6
"""Of the key of a request: as a number, JSON keeps it exactly."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. `connect` (with DNS) and `tls` are None if the connection was reused."""

    connect: float | None = None
    tls: float | None = None
    send: float | None = None
    wait: float | None = None
    receive: float | None = None
    total: float = 0.0
    connection_known: bool = True
    """False if the file of another tool does not say whether the connection was new."""

    @property
    def reused(self) -> bool:
        return self.connection_known and self.connect is None and self.send is not None


@dataclass(frozen=True, slots=True)
class RecordedBody:
    """The recorded part of a body: decompressed, masked, and truncated at the recorder's limit."""

    data: bytes = b""
    size: int = 0
    """Bytes of the whole decompressed body, as far as it was read."""
    wire_size: int | None = 0
    """Bytes transferred; None if the file of another tool does not say."""
    media_type: str = ""
    note: str = ""
    """Why the body is missing or incomplete, such as "a token, not kept"."""
    cut: bool = False
    """Whether `data` is only the beginning; its length does not tell, as a mask can be shorter than its secret."""
    whole: WholeBody | None = field(default=None, repr=False, compare=False)
    """All of it, where this is the beginning and memory has room for the rest."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "media_type", intern(self.media_type))

    @property
    def is_missing(self) -> bool:
        """Whether there was one, which was not kept, for no reason of its own: a history keeps no bodies."""
        return bool(self.size) and not self.data and not self.note and not self.has_whole

    @property
    def has_whole(self) -> bool:
        """Whether all of it is still in memory, although `data` is only the beginning."""
        return self.whole is not None and self.whole.is_kept

    @property
    def is_partial(self) -> bool:
        """Whether it was kept only in part, or not at all, so that a search may miss something."""
        return (self.cut or self.is_missing) and not self.has_whole

    def contains(self, found: Callable[[bytes], bool]) -> bool:
        """Whether a search finds something in it, as far as it is in memory."""
        return found(self.data) or (self.whole is not None and self.whole.contains(found))


_NO_BODY = RecordedBody()


_shared: Callable[[Any], Any] = lru_cache(maxsize=1_000)(lambda value: value)
"""Returns an equal value that another exchange has already."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt to send a request. It contains no secret, as its parts were masked beforehand."""

    number: int
    attempt: int
    """1 for the first attempt of its call, 2 for the first retry, …; what was sent again within one shares it."""
    call: int
    client: str
    purpose: Purpose
    formatter: str | None
    at: datetime
    original: Request | None
    method: str
    uri: str
    request_headers: Headers
    request_body: RecordedBody
    status: int | None
    reason: str
    headers: Headers
    body: RecordedBody
    failure: Failure | None
    failure_text: str
    timings: Timings
    note: str = ""
    """A remark of the program, such as "login renewed (60 min)"."""
    refusal: BodyRefusal | None = None
    """What the response refuses although its status is one of success."""
    login: int = 0
    """The number of the login whose token the request had; 0 for none, or where it is unknown."""
    by_hand: bool = False
    """Whether its user wrote it in the program, or wrote what it repeats."""
    token: TokenShape | None = None
    """The form of the bearer token that the response refuses, as nothing else of it is kept; None where unknown."""
    entity: str = field(default="", compare=False)
    """What identifies the first entity in the request, where a file has kept that and perhaps not the body."""
    kept_key: int | None = field(default=None, compare=False, repr=False)
    """Its `request_key` as a file has kept it; None where it is derived from the request."""
    typed_uri: str = ""
    """Of a request that looks for a store: its URI at the address that was typed."""

    def __post_init__(self) -> None:
        """Shares what many exchanges have: a log holds 100,000 of them, most with the same headers."""
        shared: dict[str, Any] = {
            "headers": tuple(map(_shared, self.headers)),
            "request_headers": _shared(self.request_headers),
        }
        for name in ("client", "method", "reason"):
            shared[name] = intern(getattr(self, name))
        if not self.request_body.size and self.request_body == _NO_BODY and self.request_body.whole is None:
            shared["request_body"] = _NO_BODY
        for name, value in shared.items():
            object.__setattr__(self, name, value)

    @property
    def failed(self) -> bool:
        """No response, unless it was cancelled, or one that refuses, mostly by a status of 400 or above."""
        return self._is_bad and not self.expected

    @property
    def is_guess(self) -> bool:
        """Whether it looks for a store elsewhere than at the address that was typed."""
        return self.typed_uri not in ("", self.uri)

    @property
    def cancelled(self) -> bool:
        """Whether the program stopped waiting for the response: a run had reached its limit, or was stopped."""
        return self.failure is Failure.CANCELLED

    @property
    def expected(self) -> bool:
        """What does not count as a failure: a probe finds out which of several responses the store sends.

        It is sent to learn what the store refuses (4xx), but not that it is broken (5xx). A guess at its address may
        fail in any way; at the address that was typed, any refusal is a failure.
        """
        if self.typed_uri:
            return self._is_bad and self.is_guess
        return self._refused and self.purpose == "probe" and self.status is not None and self.status < 500

    @property
    def _refused(self) -> bool:
        return self.refusal is not None or (self.status is not None and self.status >= 400)

    @property
    def _is_bad(self) -> bool:
        return self._refused or (self.status is None and not self.cancelled)

    @property
    def identity(self) -> tuple[int, datetime]:
        """What tells it from all others, also in a log of several sessions, each of which counts from 1."""
        return self.number, self.at

    @property
    def request_keys(self) -> tuple[int | None, int | None]:
        """Hashes that are the same for all attempts: of a call, and of a request that is sent again with another call.

        None where it cannot be told from another one.
        """
        call = hash((self.call, self.client, self.method, self.uri)) if self.call else None
        return call, self.request_key or None

    @property
    def request_key(self) -> int:
        """The same for a request that is sent again with another call, also by another process; 0 where unknown.

        That is so of runs, of logins and probes while the store cannot be reached, and of a store that was found at
        another address than the one that was typed. It is not so of a login that was refused: it may be repeated with
        another password, which is masked.
        """
        if self.kept_key is not None:
            return self.kept_key
        sent = self.request_body
        is_answered = self.status is not None and self.status < 500 and self.failed and not self.typed_uri
        may_differ = self.purpose in ("test", "user") or (self.purpose != "run" and is_answered)
        is_wrong_guess = self.is_guess and self.expected
        if may_differ or is_wrong_guess or self.by_hand or sent.cut or (self.method == "POST" and not sent.data):
            return 0
        run = self.original.about.run.get("run") if self.original is not None else None
        text = repr((self.purpose, str(run), self.client, self.method, self.typed_uri or self.uri))
        digest = blake2b(text.encode("utf-8", "surrogatepass") + sent.data, digest_size=_KEY_BYTES)
        return int.from_bytes(digest.digest(), "big")

    @property
    def is_partial(self) -> bool:
        """Whether a body was kept only in part, or not at all, so that a search may miss something."""
        return self.body.is_partial or self.request_body.is_partial

    @property
    def lacks_bodies(self) -> bool:
        """Whether a body was not kept at all, and none in part."""
        return self.is_partial and not (self.body.cut or self.request_body.cut)

    def with_whole_body(self) -> Exchange:
        """With all of the response's body, where it is still in memory. Masks it, which takes a moment."""
        data = self.body.whole.masked() if self.body.whole is not None else None
        return self if data is None else replace(self, body=replace(self.body, data=data, cut=False, whole=None))

    @property
    def size(self) -> int:
        """Approximate bytes in memory."""
        texts = len(self.uri) + len(self.failure_text) + len(self.note)
        headers = sum(len(name) + len(value) for name, value in (*self.request_headers, *self.headers))
        original = len(self.original.body) if self.original is not None else 0  # never truncated
        return _OVERHEAD + texts + headers + original + len(self.request_body.data) + len(self.body.data)


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request without a response so far."""

    number: int
    method: str
    uri: str
    since: float
    """Seconds of the machine's monotonic clock."""
    call: int = 0
    resends: bool = False
    """Whether this call was sent before."""


@dataclass(frozen=True, slots=True)
class PendingRetry:
    """A request that is sent again after a pause. `attempt` is the next one, `attempts` how many there may be."""

    reason: str
    attempt: int
    attempts: int
    at: float
    """When it is sent, in seconds of the machine's monotonic clock."""
    end: Callable[[], None] | None = None
    """Ends the pause; None where the store has requested it."""


class Ring:
    """The latest exchanges in the order of their responses, bounded by count and by bytes.

    The *position* of an exchange is the number of exchanges before it; `first` is that of the oldest one in the ring.
    Lists are in another order, that of `place`.
    """

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size = count, size
        self._kept: list[Exchange] = []
        self._session_starts = [0]
        """The position at which each session begins."""
        self.newest: Exchange | None = None
        """The last one by session and number; it may have been dropped."""
        self.newest_place = -1, 0
        """Its session and number."""
        self.first = 0
        self.cleared = 0
        """The number of exchanges before the ring was last cleared."""
        self.bytes = 0
        """Approximate bytes of the exchanges in memory."""
        self.without_response = 0
        """How many of them have no response."""
        self._partial = 0
        self.without_bodies = 0
        """How many of them have a body that was not kept at all."""
        self._wholes: deque[RecordedBody] = deque()
        """The bodies of which all was in memory when they were recorded."""

    def append(self, exchange: Exchange) -> None:
        self._kept.append(exchange)
        place = self.session_number, exchange.number
        if place >= self.newest_place:
            self.newest, self.newest_place = exchange, place
        self.bytes += exchange.size
        self.without_response += exchange.status is None
        if exchange.body.whole is not None:
            self._wholes.append(exchange.body)
        else:
            self._partial += exchange.is_partial
            self.without_bodies += exchange.lacks_bodies
        dropped = 0
        while (left := len(self._kept) - dropped) > self._count or (self.bytes > self._size and left > 1):
            oldest = self._kept[dropped]
            self.bytes -= oldest.size
            self.without_response -= oldest.status is None
            if oldest.body.whole is not None:
                self._wholes.popleft()
            else:
                self._partial -= oldest.is_partial
                self.without_bodies -= oldest.lacks_bodies
            dropped += 1
        del self._kept[:dropped]
        self.first += dropped

    @property
    def partial(self) -> int:
        """How many of them have a body that was kept only in part, or not at all."""
        return self._partial + sum(body.is_partial for body in self._wholes)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._kept))

    def __reversed__(self) -> Iterator[Exchange]:
        """From the newest to the oldest; nothing must be appended meanwhile."""
        return reversed(self._kept)

    def __getitem__(self, position: int) -> Exchange:
        """The exchange at this position. Raises IndexError if it was dropped or does not exist yet."""
        if not self.first <= position < self.end:
            raise IndexError(position)
        return self._kept[position - self.first]

    def between(self, start: int, end: int) -> list[Exchange]:
        """The exchanges from position `start` up to `end`, as far as they are kept."""
        return self._kept[max(0, start - self.first) : max(0, end - self.first)]

    @property
    def end(self) -> int:
        """The position of the next exchange: the total number so far."""
        return self.first + len(self._kept)

    @property
    def session_number(self) -> int:
        """The current session, counted from 0."""
        return len(self._session_starts) - 1

    def begin_session(self) -> None:
        """What is recorded from now on is of another session, whose numbers start over."""
        self._session_starts.append(self.end)

    def session_at(self, position: int) -> int:
        return bisect_right(self._session_starts, position) - 1

    def session_start(self, session: int) -> int:
        """The position at which this session begins."""
        return self._session_starts[session]

    def place(self, position: int) -> tuple[int, int, int]:
        """Sorts positions by session and number, as requests were sent. Those that were dropped come first."""
        index = position - self.first
        if index < 0:
            return -1, 0, position
        return self.session_at(position), self._kept[index].number, position

    def clear(self) -> None:
        self.first = self.cleared = self.end
        self._kept.clear()
        self.bytes = self._partial = self.without_bodies = self.without_response = 0
        self._wholes.clear()


@dataclass(slots=True)
class Numbers:
    """The last numbers of exchanges and calls, which several logs may share so that theirs differ."""

    exchange: int = 0
    call: int = 0

    def follow(self, exchange: Exchange) -> None:
        """The next ones follow those of this exchange, which has its own."""
        self.exchange, self.call = max(self.exchange, exchange.number), max(self.call, exchange.call)


class Exchanges(Ring):
    """The data of the live log: the latest exchanges, the requests in flight, and the listeners.

    A separate ring of failures keeps the one of the night until the morning.
    """

    def __init__(
        self,
        count: int = 10_000,
        size: int = 64_000_000,
        failures: int = 1_000,
        *,
        session: Exchanges | None = None,
    ) -> None:
        """`session`: the log of the session, which also has what is recorded here, and whose numbers continue here."""
        super().__init__(count, size)
        self.session = session if session is not None else self
        self.numbers: Numbers = Numbers() if session is None else session.numbers
        self.failures = Ring(failures, size // 4)
        self.attempts = FailedAttempts(count + failures)
        self.whole_bodies = WholeBodies()
        self.probes = 0
        """How many probes were sent since the log was last cleared."""
        self.in_flight: dict[int, InFlight] = {}
        self.pending_retries: dict[int, PendingRetry] = {}
        """By the number of their call."""
        self.on_recorded: list[Callable[[Exchange], None]] = []

    def next_number(self) -> int:
        self.numbers.exchange += 1
        return self.numbers.exchange

    def next_call(self) -> int:
        """The number of the next call, unique across all sessions that write to this log."""
        self.numbers.call += 1
        return self.numbers.call

    def started(self, request: InFlight) -> None:
        self.in_flight[request.number] = request

    def set_retry(self, call: int, retry: PendingRetry | None) -> None:
        """A request of this call is sent again after a pause, or None once that is over."""
        _set_retry(self.pending_retries, call, retry)
        if self.session is not self:
            self.session.set_retry(call, retry)

    @property
    def retries(self) -> frozenset[int]:
        """The calls that are sent again, or are about to be."""
        return frozenset((*self.pending_retries, *(each.call for each in self.in_flight.values() if each.resends)))

    def record(self, exchange: Exchange) -> None:
        self.in_flight.pop(exchange.number, None)
        self.numbers.follow(exchange)  # one from a file has its numbers already
        self.add(exchange)
        if self.session is not self:
            self.session.add(exchange)

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange, also one of an earlier session, which has numbers of its own."""
        self.append(exchange)
        if exchange.failed:
            self.failures.append(exchange)
        self.attempts.record(exchange)
        self.probes += exchange.purpose == "probe"
        for listener in self.on_recorded:
            listener(exchange)

    def begin_session(self) -> None:
        super().begin_session()
        self.failures.begin_session()
        self.attempts.begin_session()

    def clear(self) -> None:
        super().clear()
        self.failures.clear()
        self.attempts.clear()
        self.whole_bodies.clear()
        self.probes = 0

    def by_number(self, number: int) -> Exchange | None:
        """The exchange with this number, or None if it was dropped."""
        return next((exchange for exchange in reversed(self._kept) if exchange.number == number), None)


def _set_retry(pending: dict[int, PendingRetry], call: int, retry: PendingRetry | None) -> None:
    if retry is None:
        pending.pop(call, None)
    else:
        pending[call] = retry


class ExchangeLog(Protocol):
    """What a session writes its exchanges to."""

    in_flight: dict[int, InFlight]
    pending_retries: dict[int, PendingRetry]
    on_recorded: list[Callable[[Exchange], None]]

    @property
    def whole_bodies(self) -> WholeBodies: ...

    def next_number(self) -> int: ...

    def next_call(self) -> int: ...

    def started(self, request: InFlight) -> None: ...

    def set_retry(self, call: int, retry: PendingRetry | None) -> None: ...

    def record(self, exchange: Exchange) -> None: ...

    def by_number(self, number: int) -> Exchange | None: ...


class OwnExchanges:
    """Writes to a log that others write to as well, and tells its own exchanges from theirs."""

    def __init__(self, log: Exchanges) -> None:
        self._log = log
        self.in_flight: dict[int, InFlight] = {}
        self.pending_retries: dict[int, PendingRetry] = {}
        self.on_recorded: list[Callable[[Exchange], None]] = []

    @property
    def whole_bodies(self) -> WholeBodies:
        return self._log.whole_bodies

    def next_number(self) -> int:
        return self._log.next_number()

    def next_call(self) -> int:
        return self._log.next_call()

    def started(self, request: InFlight) -> None:
        self.in_flight[request.number] = request
        self._log.started(request)

    def set_retry(self, call: int, retry: PendingRetry | None) -> None:
        _set_retry(self.pending_retries, call, retry)
        self._log.set_retry(call, retry)

    def record(self, exchange: Exchange) -> None:
        self.in_flight.pop(exchange.number, None)
        self._log.record(exchange)
        for listener in self.on_recorded:
            listener(exchange)

    def by_number(self, number: int) -> Exchange | None:
        return self._log.by_number(number)
