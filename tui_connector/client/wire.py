"""One attempt on the network, and its recording."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValue
from ..machine import Machine
from ..secrets.mask import Mask
from ..secrets.source import SecretSource
from ..text import HTTP_TOKEN
from .body import BodyTooLarge, BodyUnreadable, Inflater
from .connection import ProxyRoute, context_of, from_environment, received
from .exchange import Exchange, Exchanges, InFlight, KeptBody, Timings
from .message import Failure, Headers, InvalidRequest, NoResponse, Request, Response
from .model import DIRECT, HttpClient, seconds
from .uri import canonical, origin_of

if TYPE_CHECKING:
    from ._httpx import Transport
    from .network_failure import Phase


# Makes the record of one attempt, in which every secret is masked.


@dataclass(slots=True)
class AttemptRecord:
    """What became known of one attempt while it ran."""

    number: int
    attempt: int
    client: str
    request: Request
    sent_headers: Headers
    began_at: datetime
    began: float = 0.0
    """By the machine's monotonic clock, in seconds, as are `ended` and the marks; both are 0 where nothing was sent."""
    ended: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)
    status: int | None = None
    reason: str = ""
    headers: Headers = ()
    failure: Failure | None = None
    failure_text: str = ""
    notes: list[str] = field(default_factory=list)


def record(seen: AttemptRecord, body: bytes, wire_size: int, *, mask: Mask, kept: int) -> Exchange:
    """The exchange; of a body, `kept` bytes at most."""
    request, about = seen.request, seen.request.about
    sent_type = next((value for name, value in seen.sent_headers if name.lower() == "content-type"), "")
    received_type = next((value for name, value in seen.headers if name.lower() == "content-type"), "")

    refused = seen.status is not None and 400 <= seen.status < 500  # then it says why, and holds no token

    def keep(data: bytes, size: int, content_type: str, secret: bool) -> KeptBody:
        media_type = mask.text(content_type).partition(";")[0].strip().lower()
        start = mask.start(data, kept)
        shown = mask.body(start, media_type, secret_answer=secret)
        note = "a token, not kept" if secret and data else ""
        return KeptBody(shown, len(data), size, media_type, note, cut=len(start) < len(data) and not note)

    return Exchange(
        number=seen.number,
        attempt=seen.attempt,
        call=about.call,
        client=seen.client,
        purpose=about.purpose,
        formatter=about.formatter,
        at=seen.began_at,
        asked=about.asked,
        method=request.method,
        uri=mask.uri(request.uri),
        request_headers=mask.headers(seen.sent_headers),
        request_body=keep(request.body, len(request.body), sent_type, False),
        status=seen.status,
        reason=mask.text(seen.reason),
        headers=mask.headers(seen.headers),
        body=keep(body, wire_size, received_type, about.secret_answer and not refused),
        failure=seen.failure,
        failure_text=mask.text(seen.failure_text),
        timings=_timings(seen.marks, seen.ended, seen.ended - seen.began),
        note=mask.text(" · ".join(filter(None, [about.note, *seen.notes]))),
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


# Whether a finished request can be sent, and the headers that every request carries.


_LONGEST_URI = 65_536
"""Characters that httpx takes; nginx takes 8 KB, Apache as many."""
"""A token (RFC 9110 §9.1)."""


def sent_headers(request: Request) -> Headers:
    """What every request carries, unless its profile says otherwise."""
    from .. import __version__

    # Magento answers in XML, or with a 500, to an Accept it does not know; others have a type of their own for JSON,
    # such as application/vnd.api+json, and answer 406 where they may not send it
    given = {name.lower() for name, _ in request.headers}
    ours = (
        ("Accept", "application/json, */*;q=0.5"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", f"tui-connector/{__version__}"),
    )
    return (*((name, value) for name, value in ours if name.lower() not in given), *request.headers)


def check(request: Request) -> None:
    """Raises `InvalidRequest`, which says why the request cannot be sent."""
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


TO_PROXY = " to the proxy"
"""Instead of a client's name: what goes to a proxy itself goes there by the plain route."""
_CONNECTIONS = 16
_FIRST = 20
_OF_A_PROBE = 64_000
"""Bytes kept of what the program asked for itself: a store's schema has 626 KB, and masking it takes 100 ms."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes: how much of a body is kept in the log, and how large a response may be once it is inflated."""

    kept: int = 2_000_000
    response: int = 64_000_000
    kept_of_good: int | None = None
    """Of good responses, from the twenty-first exchange on; where it is None, as much as of all others."""

    def keeps(self, exchange: AttemptRecord) -> int:
        """How much is kept of the bodies of this exchange."""
        if exchange.request.about.purpose == "probe":
            return min(self.kept, _OF_A_PROBE)
        good = exchange.status is not None and exchange.status < 400 and exchange.failure is None
        if self.kept_of_good is None or not good or exchange.number <= _FIRST:
            return self.kept
        return self.kept_of_good


OF_A_RUN = Bounds(kept=64_000, kept_of_good=4_000)
"""A run's thousands of pages are alike; its failures and its beginning are what one looks at."""
OF_A_RUN_UNSEEN = Bounds(kept=64_000, kept_of_good=0)
"""Where nobody prints or records the pages: to mask the beginning of one costs as much as to split it."""


class Wire:
    """Sends finished requests of one client, each recorded however it ends."""

    def __init__(
        self,
        name: str,
        client: HttpClient,
        *,
        exchanges: Exchanges,
        mask: Mask,
        machine: Machine,
        bounds: Bounds,
        attempt: Callable[[int], int],
        secret: Callable[[SecretSource, str, str], Awaitable[str]],
        directory: Path,
        ca: str = "",
    ) -> None:
        """`ca` is the SHA-256 of the file of authorities that the profile is trusted with."""
        self._name, self._client = name, client
        self._timeout = seconds(client.timeout)
        connect = min(self._timeout, seconds(client.connect_timeout))
        self.timeouts = {"connect": connect, "read": self._timeout, "write": self._timeout, "pool": self._timeout}
        """Seconds for each part of an attempt, as httpx names them."""
        self._exchanges, self._mask, self._machine, self._bounds = exchanges, mask, machine, bounds
        self._attempt, self._secret, self._directory, self._ca = attempt, secret, directory, ca
        self._opening: dict[ProxyRoute | None, asyncio.Future[Transport]] = {}

    async def send(self, request: Request) -> Response:
        """The store's response.

        Raises `NoResponse` if no complete response arrived, `InvalidRequest` if the request cannot be sent.
        """
        attempt = _Attempt(self, request, self._exchanges.next_number(), self._attempt(request.about.call))
        try:
            check(request)
            attempt.route = await self._route(request.uri)
            sender = await self._sender(attempt.route, request.uri)
            attempt.begin()
            try:
                async with asyncio.timeout(self._timeout):
                    await attempt.run(sender)
            finally:
                attempt.end()
        except InvalidRequest as error:
            attempt.failed(Failure.NOT_SENT, error.message)
            error.exchange = attempt.seen.number
            raise
        except asyncio.CancelledError:
            attempt.failed(Failure.CANCELLED, "cancelled before the response arrived")
            raise
        except _network_errors() as error:
            raise attempt.unanswered(error) from error
        finally:
            self._exchanges.record(attempt.exchange())
        return attempt.response()

    async def _route(self, uri: str) -> ProxyRoute | None:
        proxy = self._client.proxy
        if proxy is None:
            route = from_environment(uri, self._machine.environ)
            if route is not None and route.password:
                self._mask.learn(route.password, f"the password in {route.named_by}")
            return route
        if proxy.uri == DIRECT:
            return None
        address = origin_of(proxy.uri)
        password = "" if proxy.password is None else await self._secret(proxy.password, address, TO_PROXY)
        return ProxyRoute(address, proxy.username or "", password)

    async def _sender(self, route: ProxyRoute | None, uri: str) -> Transport:
        # importing httpx and reading the authorities takes 100 ms, which the screen must not wait for
        opening = self._opening.get(route)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
            opening = self._opening[route] = asyncio.ensure_future(self._opened(route, uri))
        return await asyncio.shield(opening)

    async def _opened(self, route: ProxyRoute | None, uri: str) -> Transport:
        wanted = self._client.tls.client_key_password
        password = None if wanted is None else await self._secret(wanted, origin_of(uri), self._name)
        return await asyncio.to_thread(_transport, self._client, route, self._directory, self._name, password, self._ca)

    async def close(self) -> None:
        for opening in self._opening.values():
            opened = await asyncio.gather(opening, return_exceptions=True)
            for sender in opened:
                if not isinstance(sender, BaseException):
                    await sender.aclose()


def _transport(
    client: HttpClient, route: ProxyRoute | None, directory: Path, name: str, password: str | None, ca: str
) -> Transport:
    from ._httpx import Transport

    return Transport(context_of(client.tls, directory, f"clients.{name}.tls", password, ca), _CONNECTIONS, route)


class _Attempt:
    """One attempt while it runs."""

    def __init__(self, wire: Wire, request: Request, number: int, attempt: int) -> None:
        self._wire, self._request = wire, request
        self.left = False
        self.route: ProxyRoute | None = None
        self.seen = AttemptRecord(number, attempt, wire._name, request, sent_headers(request), wire._machine.now())
        self._inflater = Inflater("", wire._bounds.response)
        self._received = bytearray()
        self._proxy_status: int | None = None

    def begin(self) -> None:
        """The time of the request starts: what had to be loaded, read or typed before it is no part of it."""
        wire, seen = self._wire, self.seen
        seen.began_at, seen.began = wire._machine.now(), wire._machine.monotonic()
        if self._request.uri.startswith("https:") and not wire._client.tls.verify:
            seen.notes.append("certificate not verified")
        if self.route is not None:
            seen.notes.append(f"through the proxy {self.route.uri} ({self.route.named_by})")
        uri = wire._mask.uri(self._request.uri)
        wire._exchanges.started(InFlight(seen.number, self._request.method, uri, seen.began))

    def end(self) -> None:
        """The time of the request ends: what is recorded of it comes after."""
        self.seen.ended = self._wire._machine.monotonic()

    async def run(self, sender: Transport) -> None:
        extensions = {"trace": self._trace, "timeout": self._wire.timeouts}
        request, body = self._request, self._request.body or None
        try:
            built = sender.request(request.method, request.uri, self.seen.sent_headers, body, extensions)
        except InvalidValue as error:
            raise InvalidRequest(f"The URI {self._wire._mask.uri(request.uri)} cannot be used: {error}") from error
        received.set(self._received)
        response = await sender.handle_async_request(built)
        try:
            self.seen.status, self.seen.reason = response.status_code, response.reason_phrase
            self.seen.headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw
            )
            self._inflater = Inflater(response.headers.get("content-encoding", ""), self._wire._bounds.response)
            async for chunk in response.aiter_raw():
                for step, _ in enumerate(self._inflater.feed(chunk)):
                    if step:
                        await asyncio.sleep(0)
            self._inflater.end()
        finally:
            await response.aclose()

    async def _trace(self, event: str, about: dict[str, Any]) -> None:
        marks, name = self.seen.marks, event.partition(".")[2]
        marks[name] = self._wire._machine.monotonic()
        if name == "send_request_headers.started":
            # what leaves on a new connection before TLS is only the question to a proxy
            ready = self._request.uri.startswith("http:") or "connect_tcp.started" not in marks
            self.left = self.left or ready or "start_tls.complete" in marks
        elif name == "receive_response_headers.complete" and self._tunnels():
            self._proxy_status = about["return_value"][1]

    def _tunnels(self) -> bool:
        """Whether a proxy is still being asked to connect to the store."""
        marks = self.seen.marks
        opening = "connect_tcp.started" in marks and "start_tls.complete" not in marks
        return self.route is not None and self._request.uri.startswith("https:") and opening

    def failed(self, failure: Failure, text: str) -> None:
        self.seen.failure, self.seen.failure_text = failure, text

    def unanswered(self, error: BaseException) -> NoResponse:
        from .network_failure import Circumstances, explain

        phase = self._phase()
        circumstances = Circumstances(
            self._request.uri,
            self._wire._timeout,
            phase,
            self.route.uri if self.route else None,
            self._proxy_status,
            bytes(self._received),
        )
        failure, message, hint = explain(error, circumstances)
        self.failed(failure, message)
        return NoResponse(
            failure,
            message,
            may_have_arrived=self.left,
            on_kept_connection=phase == "kept" and failure is Failure.CUT_OFF,
            hint=hint,
            exchange=self.seen.number,
        )

    def _phase(self) -> Phase:
        """How far it came."""
        if self.seen.status is not None:
            return "body"
        if self.left:
            return "answer" if "connect_tcp.started" in self.seen.marks else "kept"
        marks = self.seen.marks
        return "tls" if "start_tls.started" in marks and "start_tls.complete" not in marks else "connect"

    def response(self) -> Response:
        assert self.seen.status is not None
        return Response(self.seen.status, self.seen.headers, self._inflater.body, self.seen.number)

    def exchange(self) -> Exchange:
        wire, inflater = self._wire, self._inflater
        kept = wire._bounds.keeps(self.seen)
        return record(self.seen, inflater.body, inflater.wire_size, mask=wire._mask, kept=kept)


def _network_errors() -> tuple[type[Exception], ...]:
    from ._httpx import NETWORK_ERRORS

    return (*NETWORK_ERRORS, BodyTooLarge, BodyUnreadable, TimeoutError, OSError, ssl.SSLError)
