"""One attempt on the network, and its recording. The only module that imports httpx."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

from ..machine import Machine
from ..secrets.mask import Mask
from .body import Inflater, TooLarge, Unreadable
from .exchange import Exchange, Exchanges, InFlight, KeptBody, Timings
from .http_client import HttpClient, seconds
from .message import Answer, Failure, Headers, NotSent, Request, Unanswered
from .uri import BadUri, canonical

if TYPE_CHECKING:
    import httpx

_CONNECT_TIMEOUT = 10.0
_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes: how much of a body is kept in the log, and how large an answer may be once it is inflated."""

    kept: int = 2_000_000
    answer: int = 64_000_000


@cache
def _tls() -> ssl.SSLContext:
    """The system's authorities and those httpx brings: a Python from python.org has none of the system's."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _sender(timeout: float) -> httpx.AsyncClient:
    """httpx as a plain sender: no redirects, no cookies, no authentication of its own; proxies from the environment."""
    import httpx

    no_cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    return httpx.AsyncClient(
        verify=_tls(),
        cookies=no_cookies,
        follow_redirects=False,
        timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT)),
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
    )


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
    ) -> None:
        self._name = name
        self._timeout = seconds(client.timeout)
        self._exchanges, self._mask, self._machine, self._bounds = exchanges, mask, machine, bounds
        self._attempt = attempt
        self._opening: asyncio.Future[httpx.AsyncClient] | None = None

    async def send(self, request: Request) -> Answer:
        """The store's answer. Raises `Unanswered` where none came whole, `NotSent` where the request cannot be sent."""
        attempt = _Attempt(self, request, self._exchanges.next_number(), self._attempt(request.about.call))
        try:
            _check(request)
            sender = await self._sender()
            attempt.start()
            async with asyncio.timeout(self._timeout):
                await attempt.run(sender)
        except NotSent as error:
            attempt.failed(Failure.NOT_SENT, error.message)
            error.exchange = attempt.number
            raise
        except asyncio.CancelledError:
            attempt.failed(Failure.CANCELLED, "given up before the answer was there")
            raise
        except _network_errors() as error:
            failure, message, hint = attempt.explain(error)
            attempt.failed(failure, message)
            raise Unanswered(
                failure, message, may_have_arrived=attempt.left, hint=hint, exchange=attempt.number
            ) from error
        finally:
            self._exchanges.record(attempt.exchange())
        return attempt.answer()

    async def _sender(self) -> httpx.AsyncClient:
        # importing httpx and reading the authorities takes 100 ms, which the screen must not wait for
        if self._opening is None:
            self._opening = asyncio.ensure_future(asyncio.to_thread(_sender, self._timeout))
        return await asyncio.shield(self._opening)

    async def close(self) -> None:
        if self._opening is not None:
            await (await self._opening).aclose()


class _Attempt:
    """What is found out about one attempt while it runs."""

    def __init__(self, wire: Wire, request: Request, number: int, attempt: int) -> None:
        self.number = number
        self.left = False
        self._wire, self._request, self._attempt = wire, request, attempt
        self._began_at = wire._machine.now()
        self._began = wire._machine.monotonic()
        self._marks: dict[str, float] = {}
        self._status: int | None = None
        self._reason = ""
        self._headers: Headers = ()
        self._inflater = Inflater("", wire._bounds.answer)
        self._failure: Failure | None = None
        self._failure_text = ""

    def start(self) -> None:
        wire = self._wire
        uri = wire._mask.uri(self._request.uri)
        wire._exchanges.started(InFlight(self.number, self._request.method, uri, self._began))

    async def run(self, sender: httpx.AsyncClient) -> None:
        import httpx

        request = httpx.Request(
            self._request.method,
            self._request.uri,
            headers=list(_sent_headers(self._request)),
            content=self._request.body or None,
            extensions={"trace": self._trace, "timeout": sender.timeout.as_dict()},
        )
        if str(request.url) != self._request.uri:
            raise NotSent(f"The URI is not in its canonical form: {self._request.uri}")
        answer = await sender.send(request, stream=True, auth=None)
        try:
            self._status, self._reason = answer.status_code, answer.reason_phrase
            self._headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw
            )
            self._inflater = Inflater(answer.headers.get("content-encoding", ""), self._wire._bounds.answer)
            async for chunk in answer.aiter_raw():
                self._inflater.feed(chunk)
            self._inflater.end()
        finally:
            await answer.aclose()

    async def _trace(self, event: str, _: object) -> None:
        self._marks[event.partition(".")[2]] = self._wire._machine.monotonic()
        self.left = self.left or event.endswith("send_request_headers.started")

    def failed(self, failure: Failure, text: str) -> None:
        self._failure, self._failure_text = failure, text

    def explain(self, error: BaseException) -> tuple[Failure, str, str]:
        from .network_failure import explain

        return explain(error, self._request.uri, self._wire._timeout, got_status=self._status is not None)

    def answer(self) -> Answer:
        assert self._status is not None
        return Answer(self._status, self._headers, bytes(self._inflater.body), self.number)

    def exchange(self) -> Exchange:
        """The record, in which every secret is masked."""
        request, mask, about = self._request, self._wire._mask, self._request.about
        return Exchange(
            number=self.number,
            attempt=self._attempt,
            call=about.call,
            client=self._wire._name,
            purpose=about.purpose,
            formatter=about.formatter,
            at=self._began_at,
            asked=about.asked,
            method=request.method,
            uri=mask.uri(request.uri),
            request_headers=self._masked(_sent_headers(request)),
            request_body=self._kept(request.body, len(request.body), request.header("Content-Type") or "", False),
            status=self._status,
            reason=mask.text(self._reason),
            headers=self._masked(self._headers),
            body=self._kept(
                bytes(self._inflater.body), self._inflater.wire_size, self._content_type(), about.secret_answer
            ),
            failure=self._failure,
            failure_text=mask.text(self._failure_text),
            timings=self._timings(),
            note=about.note,
        )

    def _content_type(self) -> str:
        return next((value for name, value in self._headers if name.lower() == "content-type"), "")

    def _masked(self, headers: Headers) -> Headers:
        return tuple((name, self._wire._mask.header(name, value)) for name, value in headers)

    def _kept(self, body: bytes, wire_size: int, content_type: str, secret: bool) -> KeptBody:
        media_type = content_type.partition(";")[0].strip().lower()
        whole = len(body)
        kept = self._wire._mask.body(body[: self._wire._bounds.kept], media_type, secret_answer=secret)
        return KeptBody(kept, whole, wire_size, media_type, "a token, not kept" if secret and whole else "")

    def _timings(self) -> Timings:
        marks, end = self._marks, self._wire._machine.monotonic()

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
            total=end - self._began,
        )


def _sent_headers(request: Request) -> Headers:
    """What every request carries, unless its profile says otherwise."""
    from .. import __version__

    # Magento answers in XML, or with a 500, to an Accept it does not know
    ours = (
        ("Accept", "application/json"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", f"tui-connector/{__version__}"),
    )
    return (*((name, value) for name, value in ours if request.header(name) is None), *request.headers)


def _check(request: Request) -> None:
    try:
        if canonical(request.uri) != request.uri:
            raise NotSent(f"The URI is not in its canonical form: {request.uri}")
    except BadUri as error:
        raise NotSent(f"The URI cannot be used: {error}") from error
    for name, value in request.headers:
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise NotSent(
                f"The header {name} cannot be sent: it has a line break, a control character, a letter outside ASCII, "
                "or a space at its end"
            )


def _network_errors() -> tuple[type[Exception], ...]:
    import httpx

    ours = (TooLarge, Unreadable, TimeoutError, OSError, ssl.SSLError)
    return (*ours, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
