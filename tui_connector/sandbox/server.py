"""The sandbox server on loopback: checks of the web server, control routes, and the journal of requests."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web

from ..errors import UserError
from .access import Access
from .listening import LoopbackServer
from .response import (
    JSON_TYPE,
    Refusal,
    StoreResponse,
    internal,
    maintenance_page,
    php_json,
    store_page,
    web_server_page,
)
from .rest import JournalEntry, Rest, StoreRequest
from .settings import Settings
from .store import Store

__all__ = ["Sandbox", "SandboxOptions"]

_CONTROL = "/__sandbox__/"
_MAX_REQUEST_LINE = 8192
_MAX_BODY = 1024 * 1024
"""nginx's defaults: large_client_header_buffers and client_max_body_size."""
_JOURNAL_SIZE = 100_000
"""Requests kept in the journal."""
_RAW_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_REASONS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Temporarily Unavailable"}
_REASONS |= {504: "Gateway Time-out", 403: "Forbidden", 404: "Not Found"}


@dataclass(frozen=True)
class SandboxOptions:
    """Options of the sandbox. Port 0: any free port. The same seed generates the same data. Latency in milliseconds."""

    port: int = 0
    products: int = 1000
    seed: int = 1
    latency_ms: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


class Sandbox(LoopbackServer):
    """A small Magento-like store; an async context manager.

    The constructor raises `UserError` for invalid settings.
    """

    def __init__(self, options: SandboxOptions, now: Callable[[], datetime]) -> None:
        super().__init__(options.port)
        self._now = now
        latency = {"sandbox/latency_ms": str(options.latency_ms)} if options.latency_ms else {}
        self._settings = Settings(latency | dict(options.settings))
        self._access = Access(options.seed, self._settings, now)
        self._store = Store(options.products, options.seed, self._settings, self._access, now)
        self._rest = Rest(self._store, self._access)
        self._journal: deque[dict[str, object]] = deque(maxlen=_JOURNAL_SIZE)
        self._received = 0

    async def start(self) -> None:
        await super().start()
        self._store.url = self.url

    def description(self) -> dict[str, object]:
        """The URL and the credentials: an admin user, and the four values of each integration."""
        sign_in = self._access.sign_in
        return {
            "url": self.url,
            "admin": {
                "username": sign_in.admin.name,
                "password": sign_in.admin.password,
                "totp_secret": sign_in.totp_secret,
            },
            "integrations": {name: dict(each.values()) for name, each in self._access.integrations.items()},
        }

    def locked(self) -> list[str]:
        """The admin users locked after too many failures."""
        return self._access.sign_in.locked

    def change(self, given: Mapping[str, str]) -> None:
        """Change settings while running. Raises `UserError`."""
        self._settings.change(given)

    def journal(self) -> list[dict[str, object]]:
        """The requests received: number, method, path, who, status (None if the connection was cut)."""
        return [dict(entry) for entry in self._journal]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if path.startswith(_CONTROL):
            return self._response(request, await self._control(request, path))
        self._received += 1
        entry: dict[str, object] = {"number": self._received, "method": request.method, "path": request.raw_path}
        entry |= {"who": "anonymous", "status": None}
        self._journal.append(entry)
        latency = self._settings.integer("sandbox/latency_ms")
        if latency:
            await asyncio.sleep(latency / 1000)
        if self._settings.faults.next_loss():
            if request.transport:
                request.transport.abort()
            return web.Response()
        sender = JournalEntry()
        response = await self._respond(request, path, query, sender)
        entry |= {"who": sender.who, "status": response.status}
        return self._response(request, response)

    async def _respond(self, request: web.BaseRequest, path: str, query: str, sender: JournalEntry) -> StoreResponse:
        refused = self._web_server(request, path)
        if refused:
            return refused
        if self._settings.flag("sandbox/maintenance"):
            return maintenance_page()
        trimmed = path.removeprefix("/index.php")
        if trimmed != "/rest" and not trimmed.startswith("/rest/"):
            return _page(trimmed)
        status = self._settings.faults.next_failure()
        if status:
            return _failure(status, self._received)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if self._settings.flag("sandbox/hide_port"):
            headers["host"] = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        received = StoreRequest(request.method, path, query, headers, await request.read())
        return self._rest.response(received, sender)

    def _web_server(self, request: web.BaseRequest, path: str) -> StoreResponse | None:
        """The response of the web server, if the request never reaches Magento."""
        if len(request.method) + len(request.raw_path) + len("  HTTP/1.1") > _MAX_REQUEST_LINE:
            return web_server_page(414, "Request-URI Too Large", {"Connection": "close"})
        if _RAW_PERCENT.search(path):
            return web_server_page(400, "Bad Request", {"Connection": "close"})
        wanted = self._settings.text("sandbox/basic_auth")
        if wanted and not _has_basic_auth(request.headers.get("Authorization", ""), wanted):
            challenge = {"WWW-Authenticate": 'Basic realm="Restricted"'}
            return web_server_page(401, "Authorization Required", challenge)
        if (request.content_length or 0) > _MAX_BODY:
            return web_server_page(413, "Request Entity Too Large", {"Connection": "close"})
        return None

    async def _control(self, request: web.BaseRequest, path: str) -> StoreResponse:
        name = path.removeprefix(_CONTROL)
        if (request.method, name) == ("GET", "requests"):
            return StoreResponse(200, JSON_TYPE, json.dumps(list(self._journal)))
        if (request.method, name) == ("DELETE", "requests"):
            self._journal.clear()
            self._received = 0
            return StoreResponse(200, JSON_TYPE, "[]")
        if (request.method, name) == ("GET", "settings"):
            return StoreResponse(200, JSON_TYPE, json.dumps(self._settings.current()))
        if (request.method, name) == ("POST", "settings"):
            return self._change(await request.read())
        return _control_message(404, "Unknown control route. Use GET or DELETE requests, or GET or POST settings.")

    def _change(self, body: bytes) -> StoreResponse:
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            return _control_message(400, "The settings are not valid JSON.")
        if not isinstance(given, dict) or any(isinstance(value, dict | list) for value in given.values()):
            return _control_message(400, "The settings must be a JSON object of paths and values.")
        try:
            self._settings.change({path: _setting(value) for path, value in given.items()})
        except UserError as error:
            return _control_message(400, str(error))
        return StoreResponse(200, JSON_TYPE, json.dumps(self._settings.current()))

    def _response(self, request: web.BaseRequest, response: StoreResponse) -> web.Response:
        headers = {"Server": "nginx", "Date": format_datetime(self._now().astimezone(UTC), usegmt=True)}
        headers |= {"Content-Type": response.content_type, **response.headers}
        body = b"" if request.method == "HEAD" else response.body.encode()
        if response.content_type.startswith("application/"):
            headers |= {"Cache-Control": "no-store", "X-Frame-Options": "SAMEORIGIN", "Vary": "Accept-Encoding"}
            if len(body) > 20 and "gzip" in request.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body, compresslevel=1, mtime=0)
                headers["Content-Encoding"] = "gzip"
        http_response = web.Response(status=response.status, body=body, headers=headers)
        if response.headers.get("Connection") == "close":
            http_response.force_close()
        return http_response


def _page(path: str) -> StoreResponse:
    if path in ("", "/"):
        return store_page(200, "Home Page", "This is the sandbox, a stand-in for a Magento store.")
    if path == "/magento_version":
        return StoreResponse(200, "text/html; charset=UTF-8", "Magento/2.4 (Community)")
    return store_page(404, "404 Not Found", "Whoops, our bad...")


def _failure(status: int, number: int) -> StoreResponse:
    """An injected failure, in the format that a store uses for this status."""
    if status == 503:
        return maintenance_page()
    if status in (403, 404, 502, 504):
        return web_server_page(status, _REASONS[status])
    refusal = (
        internal(f"request {number}")
        if status == 500
        else Refusal(status, "Too Many Requests" if status == 429 else "Failure")
    )
    return StoreResponse(status, JSON_TYPE, php_json(refusal.envelope))


def _has_basic_auth(authorization: str, wanted: str) -> bool:
    """Whether the header has the web server's user and password; credentials for Magento may follow a comma."""
    expected = base64.b64encode(wanted.encode()).decode()
    return authorization.partition(",")[0].strip() == f"Basic {expected}"


def _setting(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _control_message(status: int, message: str) -> StoreResponse:
    return StoreResponse(status, JSON_TYPE, json.dumps({"message": message}))
