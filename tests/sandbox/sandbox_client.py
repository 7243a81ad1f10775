"""A running sandbox store, and a client so plain that it sends exactly what a test writes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tui_connector.sandbox.server import Sandbox

BEARER = "oauth/consumer/enable_integration_as_bearer"


@dataclass
class Clock:
    """A clock that only the test moves."""

    at: datetime = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


def send(
    url: str, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, host: str = ""
) -> Reply:
    """One request, its target and headers as given."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host or urlsplit(url).netloc, **headers}.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


@dataclass
class Store:
    """A running sandbox with what a test does to it."""

    sandbox: Sandbox
    clock: Clock
    nonces: int = 0
    described: Any = field(init=False)

    def __post_init__(self) -> None:
        self.described = self.sandbox.description()

    @property
    def url(self) -> str:
        return self.sandbox.url

    async def ask(self, target: str, method: str = "GET", *, json_body: object = None, **headers: str) -> Reply:
        """A request; header names are written with `_`, a body is sent as JSON."""
        named = {"Accept": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        body = None
        if json_body is not None:
            named.setdefault("Content-Type", "application/json")
            body = json_body if isinstance(json_body, bytes) else json.dumps(json_body).encode()
        return await asyncio.to_thread(send, self.url, method, target, named, body)

    async def set(self, **settings: str) -> None:
        """Change settings as a user would, over the control route; `__` stands for `/`."""
        await self.change({name.replace("__", "/"): value for name, value in settings.items()})

    async def change(self, settings: Mapping[str, str]) -> None:
        reply = await self.ask("/__sandbox__/settings", "POST", json_body=settings)
        assert reply.status == 200, reply.body

    async def token(self, password: str | None = None, username: str = "admin") -> Reply:
        body = {"username": username, "password": password or self.described["admin"]["password"]}
        return await self.ask("/rest/V1/integration/admin/token", "POST", json_body=body)

    def bearer(self, name: str = "full") -> str:
        return f"Bearer {self.described['integrations'][name]['access_token']}"

    def oauth(self, target: str, method: str = "GET", name: str = "full", **changes: str) -> str:
        """An Authorization header signed by RFC 5849, written apart from both implementations of the package.

        `changes` replace header values; `signed_target` is what is signed in place of the target; `natural` sorts as
        Magento does.
        """
        values = self.described["integrations"][name]
        self.nonces += 1
        header = {
            "oauth_consumer_key": values["consumer_key"],
            "oauth_token": values["access_token"],
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_timestamp": str(int(self.clock.now().timestamp())),
            "oauth_nonce": f"nonce{self.nonces}",
            "oauth_version": "1.0",
        }
        natural = bool(changes.pop("natural", ""))
        signed = changes.pop("signed_target", target)
        secrets = (values["consumer_secret"], changes.pop("secret", values["access_token_secret"]))
        header |= changes
        header.setdefault("oauth_signature", signature(method, self.url + signed, header, secrets, natural=natural))
        return "OAuth " + ", ".join(f'{key}="{quote(value, safe="~")}"' for key, value in header.items())


def signature(
    method: str, url: str, header: Mapping[str, str], secrets: tuple[str, str], *, natural: bool = False
) -> str:
    """RFC 5849 with HMAC-SHA256."""
    address, _, query = url.partition("?")
    pairs = [(quote(key, safe="~"), quote(value, safe="~")) for key, value in header.items()]
    for part in query.split("&") if query else []:
        key, _, value = part.partition("=")
        pairs.append((quote(unquote(key), safe="~"), quote(unquote(value), safe="~")))
    pairs.sort(key=lambda pair: [_number(piece) for piece in pair[0].split("%5B")] if natural else pair)
    joined = "&".join(f"{key}={value}" for key, value in pairs)
    base = "&".join(quote(part, safe="~") for part in (method, address, joined))
    return base64.b64encode(hmac.new("&".join(secrets).encode(), base.encode(), hashlib.sha256).digest()).decode()


def _number(piece: str) -> tuple[int, str]:
    digits = piece.removesuffix("%5D")
    return (int(digits), "") if digits.isdecimal() else (-1, piece)


Starter = Callable[..., Awaitable[Store]]
