"""One attempt on the network, and its recording. The only module that imports httpx."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..machine import Machine
from ..secrets.mask import Mask
from ..secrets.source import SecretSource
from .body import Inflater, TooLarge, Unreadable
from .connection import DIRECT
from .exchange import Exchange, Exchanges, InFlight
from .http_client import HttpClient, seconds
from .message import Answer, Failure, NotSent, Request, Unanswered
from .proxy import Route, from_environment
from .recorder import Seen, record
from .sendable import check, sent_headers
from .tls import context_of
from .uri import origin_of

if TYPE_CHECKING:
    import httpx

    from .network_failure import Phase

TO_PROXY = " to the proxy"
"""In place of a client's name: what goes to a proxy itself goes there by the plain route."""
_CONNECTIONS = 16
_FIRST = 20
_OF_A_PROBE = 64_000
"""Bytes kept of what the program asked for itself: a store's schema has 626 KB, and masking it takes 100 ms."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes: how much of a body is kept in the log, and how large an answer may be once it is inflated."""

    kept: int = 2_000_000
    answer: int = 64_000_000
    kept_of_good: int | None = None
    """Of good answers, from the twenty-first exchange on; where it is None, as much as of all others."""

    def keeps(self, exchange: Seen) -> int:
        """How much is kept of the bodies of this exchange."""
        if exchange.request.about.purpose == "probe":
            return min(self.kept, _OF_A_PROBE)
        good = exchange.status is not None and exchange.status < 400 and exchange.failure is None
        if self.kept_of_good is None or not good or exchange.number <= _FIRST:
            return self.kept
        return self.kept_of_good


OF_A_RUN = Bounds(kept=64_000, kept_of_good=4_000)
"""A run's thousands of pages are alike; its failures and its beginning are what one looks at."""


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
        self._exchanges, self._mask, self._machine, self._bounds = exchanges, mask, machine, bounds
        self._attempt, self._secret, self._directory, self._ca = attempt, secret, directory, ca
        self._opening: dict[Route | None, asyncio.Future[httpx.AsyncHTTPTransport]] = {}

    async def send(self, request: Request) -> Answer:
        """The store's answer. Raises `Unanswered` where none came whole, `NotSent` where the request cannot be sent."""
        attempt = _Attempt(self, request, self._exchanges.next_number(), self._attempt(request.about.call))
        try:
            check(request)
            attempt.route = await self._route(request.uri)
            sender = await self._sender(attempt.route, request.uri)
            with attempt.under_way():
                async with asyncio.timeout(self._timeout):
                    await attempt.run(sender)
        except NotSent as error:
            attempt.failed(Failure.NOT_SENT, error.message)
            error.exchange = attempt.seen.number
            raise
        except asyncio.CancelledError:
            attempt.failed(Failure.CANCELLED, "given up before the answer was there")
            raise
        except _network_errors() as error:
            raise attempt.unanswered(error) from error
        finally:
            self._exchanges.record(attempt.exchange())
        return attempt.answer()

    async def _route(self, uri: str) -> Route | None:
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
        return Route(address, proxy.username or "", password)

    async def _sender(self, route: Route | None, uri: str) -> httpx.AsyncHTTPTransport:
        # importing httpx and reading the authorities takes 100 ms, which the screen must not wait for
        opening = self._opening.get(route)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
            opening = self._opening[route] = asyncio.ensure_future(self._opened(route, uri))
        return await asyncio.shield(opening)

    async def _opened(self, route: Route | None, uri: str) -> httpx.AsyncHTTPTransport:
        wanted = self._client.tls.client_key_password
        password = None if wanted is None else await self._secret(wanted, origin_of(uri), self._name)
        return await asyncio.to_thread(
            _plain_sender, self._client, route, self._directory, self._name, password, self._ca
        )

    def timeouts(self) -> dict[str, float]:
        """Seconds for each part of an attempt, as httpx names them."""
        whole = self._timeout
        connect = min(whole, seconds(self._client.connect_timeout))
        return {"connect": connect, "read": whole, "write": whole, "pool": whole}

    async def close(self) -> None:
        for opening in self._opening.values():
            opened = await asyncio.gather(opening, return_exceptions=True)
            for sender in opened:
                if not isinstance(sender, BaseException):
                    await sender.aclose()


def _plain_sender(
    client: HttpClient, route: Route | None, directory: Path, name: str, password: str | None, ca: str
) -> httpx.AsyncHTTPTransport:
    """httpx below its client: a connection pool, without redirects, cookies, authentication and proxies of its own.

    Its client would read each Location, and raise for one that is no address.
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # its command line, with rich: half of it
    import anyio
    import httpx

    # anyio is a requirement of httpx; the first lock of a pool would import its asyncio part while a request waits.
    # In a context of its own, as it refuses to run where the caller's says that it runs already.
    Context().run(anyio.run, anyio.sleep, 0)
    from .sockets import Sockets

    context = context_of(client.tls, directory, f"clients.{name}.tls", password, ca)
    proxy = None
    if route is not None:
        credentials = (route.username, route.password) if route.username else None
        proxy = httpx.Proxy(route.uri, auth=credentials, ssl_context=context if "https:" in route.uri else None)
    sender = httpx.AsyncHTTPTransport(
        verify=context,
        trust_env=False,
        proxy=proxy,
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
    )
    sender._pool._network_backend = Sockets()  # httpcore takes one, httpx has no parameter for it
    return sender


class _Attempt:
    """One attempt while it runs."""

    def __init__(self, wire: Wire, request: Request, number: int, attempt: int) -> None:
        self._wire, self._request = wire, request
        self.left = False
        self.route: Route | None = None
        self.seen = Seen(number, attempt, wire._name, request, sent_headers(request), wire._machine.now())
        self._inflater = Inflater("", wire._bounds.answer)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """The time of the request: what had to be loaded, read or typed before it, and what is said of it, is not."""
        wire, seen = self._wire, self.seen
        seen.began_at, seen.began = wire._machine.now(), wire._machine.monotonic()
        if self._request.uri.startswith("https:") and not wire._client.tls.verify:
            seen.notes.append("certificate not verified")
        if self.route is not None:
            seen.notes.append(f"through the proxy {self.route.uri} ({self.route.named_by})")
        uri = wire._mask.uri(self._request.uri)
        wire._exchanges.started(InFlight(seen.number, self._request.method, uri, seen.began))
        try:
            yield
        finally:
            seen.ended = wire._machine.monotonic()

    async def run(self, sender: httpx.AsyncHTTPTransport) -> None:
        answer = await sender.handle_async_request(self._httpx_request())
        try:
            self.seen.status, self.seen.reason = answer.status_code, answer.reason_phrase
            self.seen.headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw
            )
            self._inflater = Inflater(answer.headers.get("content-encoding", ""), self._wire._bounds.answer)
            async for chunk in answer.aiter_raw():
                for step, _ in enumerate(self._inflater.feed(chunk)):
                    if step:
                        await asyncio.sleep(0)
            self._inflater.end()
        finally:
            await answer.aclose()

    def _httpx_request(self) -> httpx.Request:
        import httpx

        uri, origin = self._request.uri, origin_of(self._request.uri)
        extensions: dict[str, Any] = {"trace": self._trace, "timeout": self._wire.timeouts()}
        if self.route is None:  # httpx reads an address letter by letter, search criteria in 0.2 ms
            extensions["target"] = uri.removeprefix(origin).encode()
        address = httpx.URL(uri) if self.route else _root(origin)  # a proxy is asked for the whole address
        if self.route is not None and str(address) != uri:
            raise NotSent(f"The URI is not in its canonical form: {self._wire._mask.uri(uri)}")
        headers, body = list(self.seen.sent_headers), self._request.body or None
        return httpx.Request(self._request.method, address, headers=headers, content=body, extensions=extensions)

    async def _trace(self, event: str, _: object) -> None:
        marks, name = self.seen.marks, event.partition(".")[2]
        marks[name] = self._wire._machine.monotonic()
        if name == "send_request_headers.started":
            # what leaves on a new connection before TLS is only the question to a proxy
            ready = self._request.uri.startswith("http:") or "connect_tcp.started" not in marks
            self.left = self.left or ready or "start_tls.complete" in marks

    def failed(self, failure: Failure, text: str) -> None:
        self.seen.failure, self.seen.failure_text = failure, text

    def unanswered(self, error: BaseException) -> Unanswered:
        from .network_failure import explain

        phase = self._phase()
        failure, message, hint = explain(
            error, self._request.uri, self._wire._timeout, phase, self.route.uri if self.route else None
        )
        self.failed(failure, message)
        return Unanswered(
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

    def answer(self) -> Answer:
        assert self.seen.status is not None
        return Answer(self.seen.status, self.seen.headers, self._inflater.body, self.seen.number)

    def exchange(self) -> Exchange:
        wire, inflater = self._wire, self._inflater
        kept = wire._bounds.keeps(self.seen)
        return record(self.seen, inflater.body, inflater.wire_size, mask=wire._mask, kept=kept)


@cache
def _root(origin: str) -> httpx.URL:
    import httpx

    return httpx.URL(origin)


def _network_errors() -> tuple[type[Exception], ...]:
    import httpx

    ours = (TooLarge, Unreadable, TimeoutError, OSError, ssl.SSLError)
    return (*ours, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
