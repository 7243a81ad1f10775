"""httpx below its client: the only module that imports it, with what is used of its private parts.

`tests/client/test_httpx_parts.py` names each private part, and fails when an update removes one. Importing this module
takes 60 ms, so do it in a thread.
"""

from __future__ import annotations

import ssl
import sys
from contextvars import Context
from functools import cache
from typing import Any

import anyio
import sniffio

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # its command line, with rich: half of its import

import httpcore  # noqa: E402
import httpx  # noqa: E402

from ..errors import InvalidValue  # noqa: E402
from .connection import ProxyRoute, Sockets  # noqa: E402
from .message import Headers  # noqa: E402
from .uri import origin_of  # noqa: E402

# anyio is a requirement of httpx; the first lock of a pool would import its asyncio part while a request waits.
# In a context of its own, as it refuses to run where the caller's says that it runs already.
Context().run(anyio.run, anyio.sleep, 0)

NETWORK_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
"""What sending a request and reading its response may raise."""


class _QuickAssignment(httpcore.AsyncConnectionPool):
    """Assigns requests to connections as httpcore does, in a time that grows with the connections and not their square.

    With 32 requests in flight, httpcore's own loops cost a quarter of the time of a request. What they also handle,
    more idle connections than may be kept alive, cannot occur here: as many may be kept as there may be.
    """

    def _assign_requests_to_connections(self) -> list[Any]:
        closing: list[Any] = []
        queued = [each for each in self._requests if each.is_queued()]
        if not queued:
            return closing  # after a response: whatever has closed or expired is removed before the next request
        for connection in list(self._connections):
            if connection.is_closed():
                self._connections.remove(connection)
            elif connection.has_expired():
                self._connections.remove(connection)
                closing.append(connection)
        for waiting in queued:
            origin = waiting.request.url.origin
            usable = (each for each in self._connections if each.can_handle_request(origin) and each.is_available())
            found = next(usable, None)
            if found is None and len(self._connections) >= self._max_connections:
                idle = next((each for each in self._connections if each.is_idle()), None)
                if idle is None:
                    continue
                self._connections.remove(idle)
                closing.append(idle)
            if found is None:
                found = self.create_connection(origin)
                self._connections.append(found)
            waiting.assign_to_connection(found)
        return closing

    async def _close_connections(self, closing: list[Any]) -> None:
        if closing:  # mostly none, and httpcore's own shields even that from being cancelled
            await super()._close_connections(closing)


class _Pool(_QuickAssignment):
    """Direct connections."""


class _ProxyPool(_QuickAssignment, httpcore.AsyncHTTPProxy):
    """Connections through a proxy."""


class Transport(httpx.AsyncHTTPTransport):
    """A pool of connections over `Sockets`, without redirects, cookies, authentication and proxies of its own.

    httpx's client would read each Location, and raise for one that is not an address.
    """

    def __init__(self, tls: ssl.SSLContext, connections: int, proxy: ProxyRoute | None) -> None:
        # httpx's own constructor makes a pool, and no more; it has no parameter for the sockets below
        self._proxied = proxy is not None
        limits: dict[str, Any] = {"max_connections": connections, "max_keepalive_connections": connections}
        shared: dict[str, Any] = {"ssl_context": tls, "keepalive_expiry": 5.0, "network_backend": Sockets(), **limits}
        if proxy is None:
            self._pool = _Pool(**shared)
            return
        auth = (proxy.username.encode(), proxy.password.encode()) if proxy.username else None
        over_tls = tls if "https:" in proxy.uri else None
        self._pool = _ProxyPool(proxy.uri, proxy_auth=auth, proxy_ssl_context=over_tls, **shared)

    def request(
        self, method: str, uri: str, headers: Headers, body: bytes | None, extensions: dict[str, Any]
    ) -> httpx.Request:
        """A request to send with it: with the URI letter by letter, unless httpx has to write it for a proxy.

        Raises `InvalidValue` where httpx would write it otherwise.
        """
        sniffio.current_async_library_cvar.set("asyncio")  # httpcore looks for it a dozen times per request
        if self._proxied:
            address = httpx.URL(uri)  # a proxy is asked for the whole address
            if str(address) != uri:
                raise InvalidValue("uri", "it is not in its canonical form")
        else:  # httpx reads an address letter by letter, search criteria in 0.2 ms
            origin = origin_of(uri)
            address = _root(origin)
            extensions = {**extensions, "target": uri.removeprefix(origin).encode()}
        return httpx.Request(method, address, headers=list(headers), content=body, extensions=extensions)


@cache
def _root(origin: str) -> httpx.URL:
    return httpx.URL(origin)
