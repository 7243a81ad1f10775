"""Sends one attempt over the network and records it, with every secret masked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import InvalidValue
from ..machine import Machine
from ..secrets.mask import Mask
from ..secrets.source import SecretSource
from ..secrets.token_shape import TokenShape, token_shape
from ..text import HTTP_TOKEN
from .body import BodyTooLarge, BodyUnreadable, Inflater
from .body_refusal import BodyRefusal, may_refuse, refusal, takes_long
from .connection import ProxyRoute, first_bytes, proxy_from_environment, tls_context
from .exchange import LONGEST_RESENT, Exchange, ExchangeLog, InFlight, RecordedBody, Timings
from .message import Failure, Headers, InvalidRequest, NoResponse, Request, Response
from .model import DIRECT, HttpClient, Tls
from .responding_origins import RespondingOrigins
from .route import PLAIN_ROUTE, ClientRoute
from .spans import seconds
from .uri import canonical, origin_of
from .whole_bodies import LONGEST, WholeBody

if TYPE_CHECKING:
    from ._httpx import Transport
    from .network_failure import Phase


@dataclass(slots=True)
class AttemptRecord:
    """What is known about one attempt while it runs."""

    number: int
    client: str
    request: Request
    sent_headers: Headers
    began_at: datetime
    began: float = 0.0
    """Monotonic seconds, as are `ended` and the marks; both are 0 if nothing was sent."""
    ended: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)
    status: int | None = None
    reason: str = ""
    headers: Headers = ()
    failure: Failure | None = None
    failure_text: str = ""
    notes: list[str] = field(default_factory=list)
    refusal: BodyRefusal | None = None

    @property
    def is_refused(self) -> bool:
        return self.status is not None and 400 <= self.status < 500

    @property
    def refused_token(self) -> TokenShape | None:
        """The form of the bearer token that the response refuses; None if there was none."""
        scheme, _, token = (self.request.header("Authorization") or "").partition(" ")
        return token_shape(token, self.began_at) if self.is_refused and scheme.lower() == "bearer" else None


def to_exchange(
    attempt: AttemptRecord, body: bytes, wire_size: int, *, mask: Mask, kept: int, kept_of_request: int | None = None
) -> Exchange:
    """The masked exchange, with at most `kept` bytes of each body, or so many of the request's."""
    request, about = attempt.request, attempt.request.about
    sent_type = next((value for name, value in attempt.sent_headers if name.lower() == "content-type"), "")
    received_type = next((value for name, value in attempt.headers if name.lower() == "content-type"), "")

    def keep(data: bytes, size: int, content_type: str, secret: bool, most: int = kept) -> RecordedBody:
        media_type = mask.text(content_type).partition(";")[0].strip().lower()
        start = mask.truncate(data, most)
        shown = mask.body(start, media_type, secret_response=secret)
        note = "a token, not kept" if secret and data else ""
        return RecordedBody(shown, len(data), size, media_type, note, cut=len(start) < len(data) and not note)

    return Exchange(
        number=attempt.number,
        attempt=about.attempt,
        call=about.call,
        client=attempt.client,
        purpose=about.purpose,
        formatter=about.formatter,
        at=attempt.began_at,
        original=about.original,
        method=request.method,
        uri=mask.uri(request.uri),
        request_headers=mask.headers(attempt.sent_headers),
        request_body=keep(
            request.body, len(request.body), sent_type, False, kept if kept_of_request is None else kept_of_request
        ),
        status=attempt.status,
        reason=mask.text(attempt.reason),
        headers=mask.headers(attempt.headers),
        # what refuses is an error message, not a token
        body=keep(body, wire_size, received_type, about.secret_response and not attempt.is_refused),
        failure=attempt.failure,
        failure_text=mask.text(attempt.failure_text),
        timings=_timings(attempt.marks, attempt.ended, attempt.ended - attempt.began),
        note=mask.text(" · ".join(filter(None, [about.note, *attempt.notes]))),
        refusal=attempt.refusal and replace(attempt.refusal, message=mask.text(attempt.refusal.message)),
        login=about.login,
        by_hand=about.by_hand,
        typed_uri=mask.uri(about.typed_uri) if about.typed_uri else "",
        token=attempt.refused_token,
    )


def _timings(marks: Mapping[str, float], end: float, total: float) -> Timings:
    def span(first: str, last: str) -> float | None:
        if first not in marks:
            return None
        return marks.get(last, end) - marks[first]

    return Timings(
        connect=span("connect_tcp.started", "connect_tcp.complete"),
        tls=span("start_tls.started", "start_tls.complete"),
        send=span("send_request_headers.started", "send_request_body.complete"),
        wait=span("receive_response_headers.started", "receive_response_headers.complete"),
        receive=span("receive_response_body.started", "receive_response_body.complete"),
        total=total,
    )


_LONGEST_URI = 65_536
"""Characters, the limit of httpx; nginx and Apache accept about 8 KB."""


def sent_headers(request: Request) -> Headers:
    """The request's headers, with defaults that its profile can override."""
    # Magento responds with XML or a 500 to an Accept it does not know; other servers have their own JSON type, such as
    # application/vnd.api+json, and respond with 406 if it is not accepted
    given = {name.lower() for name, _ in request.headers}
    ours = (
        ("Accept", "application/json, */*;q=0.5"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", f"tui-connector/{__version__}"),
    )
    return (*((name, value) for name, value in ours if name.lower() not in given), *request.headers)


def check(request: Request) -> None:
    """Raises `InvalidRequest` if the request cannot be sent."""
    if len(request.uri) > _LONGEST_URI:
        raise InvalidRequest(
            f"The URI has {len(request.uri):,} characters, more than any web server accepts",
            hint="Request less at a time, for example a long list of values in parts.",
        )
    if not HTTP_TOKEN.fullmatch(request.method):
        raise InvalidRequest(
            f"The method {request.method!r} cannot be sent", hint="Use a method such as GET, POST or PUT."
        )
    try:
        if canonical(request.uri) != request.uri:
            raise InvalidRequest("The URI is not in its canonical form")
    except InvalidValue as error:
        raise InvalidRequest(f"The URI cannot be used: {error}") from error
    for name, value in request.headers:
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise InvalidRequest(
                f"The header {name} cannot be sent: it contains a line break, a control character or a non-ASCII "
                "character, or ends with a space"
            )


_CONNECTIONS = 64
"""As many as a run may have requests in flight."""
_FIRST_EXCHANGES = 20
_KEPT_OF_PROBE = 64_000
"""Bytes kept of the response to a probe: a store's schema has 626 KB, and masking it takes 100 ms."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits: bytes of a body that the log keeps; bytes and JSON values of a decompressed response."""

    kept: int = 2_000_000
    response: int = 64_000_000
    values: int = 5_000_000
    """Products and orders of Magento have one value in 12 bytes or more."""
    kept_of_good: int | None = None
    """For successful responses from the 21st exchange on; None: the same as for all others."""
    kept_of_request: int | None = None
    """Of a request's body; None: the same as of its response's."""
    keeps_whole: bool = False
    """Whether the log also keeps whole bodies in memory, as far as there is room, to search and show them."""

    def keeps(self, exchange: AttemptRecord) -> int:
        """How many bytes of this exchange's bodies are kept."""
        if exchange.request.about.purpose == "probe":
            return min(self.kept, _KEPT_OF_PROBE)
        good = exchange.status is not None and exchange.status < 400 and exchange.failure is None
        if self.kept_of_good is None or not good or exchange.number <= _FIRST_EXCHANGES:
            return self.kept
        return self.kept_of_good


OF_A_RUN = Bounds(kept=64_000, kept_of_good=4_000, kept_of_request=LONGEST_RESENT)
"""The thousands of pages of a run are alike; its failures and its first pages are what people inspect.

What it writes is kept, so that each request can be edited and sent again."""
OF_A_RUN_ON_SCREEN = replace(OF_A_RUN, keeps_whole=True)
"""Finding out which page has an item is what people search for."""
OF_A_RUN_UNSEEN = Bounds(kept=64_000, kept_of_good=0)
"""If nothing prints or records the pages: masking the start of one costs as much as splitting it."""


class Wire:
    """Sends the finished requests of one client, and records each, however it ends."""

    def __init__(
        self,
        name: str,
        client: HttpClient,
        *,
        exchanges: ExchangeLog,
        mask: Mask,
        machine: Machine,
        bounds: Bounds,
        resends: Callable[[int], bool],
        secret: Callable[[SecretSource, str, ClientRoute], Awaitable[str]],
        directory: Path,
        route: ClientRoute = PLAIN_ROUTE,
    ) -> None:
        """`route` is the client's route as it was trusted.

        `resends` is told of each request of a call, and returns whether the call was sent before.
        """
        self._name, self._client = name, client
        self._timeout = seconds(client.timeout)
        connect = min(self._timeout, seconds(client.connect_timeout))
        self.timeouts = {"connect": connect, "read": self._timeout, "write": self._timeout, "pool": self._timeout}
        """Seconds for each part of an attempt, as httpx names them."""
        self._exchanges, self._mask, self._machine, self._bounds = exchanges, mask, machine, bounds
        self._resends, self._secret, self._directory, self._trusted_route = resends, secret, directory, route
        self._opening: dict[ProxyRoute | None, asyncio.Future[Transport]] = {}
        self._responding: set[str] = set()
        """Origins that are known to respond."""

    async def send(self, request: Request) -> Response:
        """The store's response.

        Raises `NoResponse` if no complete response arrived, `InvalidRequest` if the request cannot be sent.
        """
        resends = self._resends(request.about.call)
        attempt = _Attempt(self, request, self._exchanges.next_number())
        try:
            check(request)
            attempt.route = await self._route(request.uri)
            sender = await self._transport_for(attempt.route, request.uri)
            attempt.begin(resends=resends)
            try:
                async with asyncio.timeout(self._timeout):
                    await attempt.run(sender)
            finally:
                attempt.end()
            await self._responded(attempt.record)
            await attempt.judge()
        except InvalidRequest as error:
            attempt.failed(Failure.NOT_SENT, error.message)
            error.exchange = attempt.record.number
            raise
        except asyncio.CancelledError:
            attempt.failed(Failure.CANCELLED, "cancelled before the response arrived")
            raise
        except _network_errors() as error:
            raise attempt.no_response(error) from error
        finally:
            self._exchanges.record(attempt.exchange())
        return attempt.response()

    async def _responded(self, record: AttemptRecord) -> None:
        assert record.status is not None
        origin = origin_of(record.request.uri)
        if origin not in self._responding and record.status < 500:  # a proxy reports a store that is down with 5xx
            self._responding.add(origin)
            await asyncio.to_thread(RespondingOrigins(self._machine.directories.state).add, origin)

    async def _route(self, uri: str) -> ProxyRoute | None:
        proxy = self._client.proxy
        if proxy is None:
            route = proxy_from_environment(uri, self._machine.environ)
            if route is not None and route.password:
                self._mask.learn(route.password, f"the password in {route.named_in}")
            return route
        if proxy.uri == DIRECT:
            return None
        address = origin_of(proxy.uri)
        password = "" if proxy.password is None else await self._secret(proxy.password, address, PLAIN_ROUTE)
        return ProxyRoute(address, proxy.username or "", password)

    async def _transport_for(self, route: ProxyRoute | None, uri: str) -> Transport:
        # importing httpx and reading the authorities takes 100 ms, and must not block the event loop
        opening = self._opening.get(route)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
            opening = self._opening[route] = asyncio.ensure_future(self._open_transport(route, uri))
        return await asyncio.shield(opening)

    async def _open_transport(self, route: ProxyRoute | None, uri: str) -> Transport:
        key_password = self._client.tls.client_key_password
        password = (
            None if key_password is None else await self._secret(key_password, origin_of(uri), self._trusted_route)
        )
        tls, place, ca = self._client.tls, f"clients.{self._name}.tls", self._trusted_route.ca
        return await asyncio.to_thread(_transport, tls, self._directory, place, password, ca, route)

    async def close(self) -> None:
        for opening in self._opening.values():
            opened = await asyncio.gather(opening, return_exceptions=True)
            for sender in opened:
                if not isinstance(sender, BaseException):
                    await sender.aclose()


def _transport(
    tls: Tls, directory: Path, place: str, password: str | None, ca: str, route: ProxyRoute | None
) -> Transport:
    from ._httpx import Transport

    return Transport(tls_context(tls, directory, place, password, ca), _CONNECTIONS, route)


class _Attempt:
    """One running attempt."""

    def __init__(self, wire: Wire, request: Request, number: int) -> None:
        self._wire, self._request = wire, request
        self.has_left = False
        self.route: ProxyRoute | None = None
        self.record = AttemptRecord(number, wire._name, request, sent_headers(request), wire._machine.now())
        self._inflater = Inflater("", wire._bounds.response, wire._bounds.values)
        self._received = bytearray()
        self._proxy_status: int | None = None

    def begin(self, *, resends: bool) -> None:
        """Starts the clock of the request: time for loading, reading and typing before it does not count."""
        wire, request, record, machine = self._wire, self._request, self.record, self._wire._machine
        record.began_at, record.began = machine.now(), machine.monotonic()
        if request.uri.startswith("https:") and not wire._client.tls.verify:
            record.notes.append("certificate not verified")
        if self.route is not None:
            record.notes.append(f"through the proxy {self.route.uri} ({self.route.named_in})")
        uri = wire._mask.uri(request.uri)
        wire._exchanges.started(InFlight(record.number, request.method, uri, record.began, request.about.call, resends))

    def end(self) -> None:
        """Stops the clock of the request, before it is recorded."""
        self.record.ended = self._wire._machine.monotonic()

    async def run(self, sender: Transport) -> None:
        extensions = {"trace": self._trace, "timeout": self._wire.timeouts}
        request, body = self._request, self._request.body or None
        try:
            built = sender.request(request.method, request.uri, self.record.sent_headers, body, extensions)
        except InvalidValue as error:
            raise InvalidRequest(f"The URI {self._wire._mask.uri(request.uri)} cannot be used: {error}") from error
        first_bytes.set(self._received)
        response = await sender.handle_async_request(built)
        try:
            self.record.status, self.record.reason = response.status_code, response.reason_phrase
            self.record.headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw
            )
            encoding, bounds = response.headers.get("content-encoding", ""), self._wire._bounds
            self._inflater = Inflater(encoding, bounds.response, bounds.values)
            async for chunk in response.aiter_raw():
                for step, _ in enumerate(self._inflater.feed(chunk)):
                    if step:
                        await asyncio.sleep(0)
            self._inflater.end()
        finally:
            await response.aclose()

    async def judge(self) -> None:
        """Finds out whether the response refuses, whatever its status; off the event loop where that takes time."""
        request, response = replace(self._request, headers=self.record.sent_headers), self.response()
        if may_refuse(request, response):
            judged = asyncio.to_thread(refusal, request, response) if takes_long(response) else None
            self.record.refusal = await judged if judged is not None else refusal(request, response)

    async def _trace(self, event: str, about: dict[str, Any]) -> None:
        marks, name = self.record.marks, event.partition(".")[2]
        marks[name] = self._wire._machine.monotonic()
        if name == "send_request_headers.started":
            # before TLS, only the CONNECT request to a proxy leaves on a new connection
            ready = self._request.uri.startswith("http:") or "connect_tcp.started" not in marks
            self.has_left = self.has_left or ready or "start_tls.complete" in marks
        elif name == "receive_response_headers.complete" and self._tunnels():
            self._proxy_status = about["return_value"][1]

    def _tunnels(self) -> bool:
        """Whether the proxy has not connected to the store yet."""
        marks = self.record.marks
        opening = "connect_tcp.started" in marks and "start_tls.complete" not in marks
        return self.route is not None and self._request.uri.startswith("https:") and opening

    def failed(self, failure: Failure, text: str) -> None:
        self.record.failure, self.record.failure_text = failure, text

    def no_response(self, error: BaseException) -> NoResponse:
        from .network_failure import Circumstances, explain

        phase = self._phase()
        circumstances = Circumstances(
            self._request.uri,
            self._wire._timeout,
            phase,
            self.route.uri if self.route else None,
            self._proxy_status,
            bytes(self._received),
            self.route.variable if self.route else "",
        )
        failure, message, hint = explain(error, circumstances)
        self.failed(failure, message)
        return NoResponse(
            failure,
            message,
            may_have_arrived=self.has_left,
            on_reused_connection=phase == "reused" and failure is Failure.CUT_OFF,
            hint=hint,
            exchange=self.record.number,
        )

    def _phase(self) -> Phase:
        """How far the attempt got."""
        if self.record.status is not None:
            return "body"
        if self.has_left:
            return "response" if "connect_tcp.started" in self.record.marks else "reused"
        marks = self.record.marks
        return "tls" if "start_tls.started" in marks and "start_tls.complete" not in marks else "connect"

    def response(self) -> Response:
        record = self.record
        assert record.status is not None
        return Response(record.status, record.headers, self._inflater.body, record.number, record.refused_token)

    def exchange(self) -> Exchange:
        wire, inflater = self._wire, self._inflater
        kept = wire._bounds.keeps(self.record)
        exchange = to_exchange(
            self.record,
            inflater.body,
            inflater.wire_size,
            mask=wire._mask,
            kept=kept,
            kept_of_request=wire._bounds.kept_of_request,
        )
        if not (wire._bounds.keeps_whole and exchange.body.cut and len(inflater.body) <= LONGEST):
            return exchange
        whole, bodies = WholeBody(inflater.body, exchange.body.media_type, wire._mask), wire._exchanges.whole_bodies
        bodies.add(whole)
        asyncio.get_running_loop().run_in_executor(None, bodies.compress, whole)
        return replace(exchange, body=replace(exchange.body, whole=whole))


def _network_errors() -> tuple[type[Exception], ...]:
    from ._httpx import NETWORK_ERRORS

    return (*NETWORK_ERRORS, BodyTooLarge, BodyUnreadable, TimeoutError, OSError, ssl.SSLError)
