"""OAuth 1.0a with the four values of a Magento integration, in the dialect that the store's version speaks."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ..client.layer import Authentication, Layer, LayerContext, Send
from ..client.message import ClientVariant, InvalidRequest, Request, Response
from ..client.uri import origin_of
from ..errors import InvalidValue
from ..files import write_private
from ..machine import Machine
from ..secrets.source import SecretSource, secret_field
from .dialects import DIALECTS, Dialect, base_string, encoded, signature


class KnownDialects:
    """Remembers the signing dialect of each store between runs, in one private file for each origin.

    It is only a first guess, so a file that cannot be read or written is not an error: it costs one refused request.
    The methods read and write files: call them in a thread.
    """

    def __init__(self, cache: Path) -> None:
        self._directory = cache / "signing-dialects"

    def find(self, origin: str) -> Dialect | None:
        """The dialect in which this store has accepted a signature."""
        try:
            known = json.loads(self._path(origin).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        dialect = known.get("dialect") if isinstance(known, dict) and known.get("origin") == origin else None
        return cast(Dialect, dialect) if dialect in DIALECTS else None

    def keep(self, origin: str, dialect: Dialect) -> None:
        if self.find(origin) == dialect:
            return
        with contextlib.suppress(OSError):
            write_private(self._path(origin), json.dumps({"origin": origin, "dialect": dialect}).encode())

    def _path(self, origin: str) -> Path:
        return self._directory / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.json"


LIKELIEST_FIRST: tuple[Dialect, ...] = ("laminas", "m248", "rfc5849")


def _origin(text: str) -> str:
    try:
        return origin_of(text)
    except InvalidValue as error:
        raise ValueError(f"this is not an origin such as http://acme.example: {error}") from error


class OAuth1(Authentication):
    """Integration, 4 tokens (signed, OAuth 1.0a)."""

    search_words = ("consumer", "key", "secret", "signature")
    kind: Literal["oauth1"] = "oauth1"
    consumer_key: SecretSource = secret_field(
        "Consumer key",
        "The first of the four values that Magento shows when the integration is activated, and later under Edit › "
        "Integration Details.",
    )
    consumer_secret: SecretSource = secret_field(
        "Consumer secret", "The second of the four values. It signs requests and is never sent."
    )
    access_token: SecretSource = secret_field(
        "Access token", "The third of the four values. It changes when the integration is reauthorized."
    )
    access_token_secret: SecretSource = secret_field(
        "Access token secret", "The fourth of the four values. It signs requests and is never sent."
    )
    dialect: Literal["auto", "rfc5849", "laminas", "m248"] = Field(
        default="auto",
        title="Signing dialect",
        description=(
            "Magento versions build the signed text differently: rfc5849 up to 2.4.5, laminas for 2.4.6 and "
            "2.4.7, m248 for 2.4.8. auto finds out, from the first request for which it matters, and remembers it; "
            "check and the guide find out at once."
        ),
    )
    signed_origin: Annotated[str, AfterValidator(_origin)] | None = Field(
        None,
        title="Signed as",
        description=(
            "The origin that the store sees if a proxy in front of it hides https or the port; it is part of what is "
            "signed. Requests still go to the client's address."
        ),
        examples=["http://acme.example"],
    )

    def header_written(self) -> str:
        return "Authorization"

    def variant(self, variant: ClientVariant) -> Authentication:
        changes = {"signed_origin": variant.signed_origin, "dialect": variant.dialect}
        changes = {name: value for name, value in changes.items() if value is not None}
        return self.model_copy(update=changes) if changes else self

    def start(self, context: LayerContext) -> Layer:
        """A layer that signs each attempt again: Magento refuses a nonce that it has seen."""
        possible: dict[str, tuple[Dialect, ...]] = {}
        """By origin, the likeliest first: that of an earlier run."""
        known = KnownDialects(context.machine.directories.cache)

        async def layer(request: Request, forward: Send) -> Response:
            origin = origin_of(request.uri)
            if origin not in possible:
                possible[origin] = await self._possible(known, origin)
            tokens = Tokens(
                await context.secret(self.consumer_key, origin),
                await context.secret(self.consumer_secret, origin),
                await context.secret(self.access_token, origin),
                await context.secret(self.access_token_secret, origin),
            )
            first, *others = group_by_signed_text(request, possible[origin])
            response = await forward(tokens.signed(request, first[0], context.machine, self.signed_origin))
            for dialects in others:
                if not refuses_signature(response):
                    break
                response = await forward(tokens.signed(request, dialects[0], context.machine, self.signed_origin))
                if accepts_signature(response):  # one refused and one accepted: this proves the dialect
                    possible[origin] = dialects
                    if len(dialects) == 1:
                        await asyncio.to_thread(known.keep, origin, dialects[0])
            return response

        return layer

    async def _possible(self, known: KnownDialects, origin: str) -> tuple[Dialect, ...]:
        if self.dialect != "auto":
            return (self.dialect,)
        first = await asyncio.to_thread(known.find, origin)
        return tuple(sorted(LIKELIEST_FIRST, key=lambda each: each != first))


def other_origins(origin: str) -> list[str]:
    """The origins that a store may see as its own, behind a proxy that hides TLS or the port from it."""
    parts = urlsplit(origin)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port is not None else parts.netloc
    found = []
    if parts.scheme == "https":
        found.append(f"http://{parts.netloc}")
    if parts.port is not None:
        found += [f"{parts.scheme}://{host}"] + ([f"http://{host}"] if parts.scheme == "https" else [])
    return found


def group_by_signed_text(request: Request, dialects: Sequence[Dialect]) -> list[tuple[Dialect, ...]]:
    """`dialects` in their order, grouped if they sign the same text for this request.

    Dialects that cannot sign it are left out. Raises `InvalidRequest` if none can.
    """
    groups: dict[str, tuple[Dialect, ...]] = {}
    for dialect in dialects:
        try:
            text = base_string(request.method, request.uri, {}, dialect)
        except InvalidValue as error:
            reason = str(error)
            continue
        groups[text] = (*groups.get(text, ()), dialect)
    if not groups:
        raise InvalidRequest(f"Magento 2.4.8 refuses this request however it is signed: {reason}")
    return list(groups.values())


@dataclass(frozen=True, slots=True)
class Tokens:
    """The four values of an integration."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_token_secret: str = field(repr=False)

    def signed(self, request: Request, dialect: Dialect, machine: Machine, origin: str | None = None) -> Request:
        """The request with its Authorization header; a Basic one for the web server stays before it (#8149).

        `origin` is signed instead of that of the address.
        """
        uri = origin + request.uri.removeprefix(origin_of(request.uri)) if origin else request.uri
        parameters = {
            "oauth_consumer_key": self.consumer_key,
            "oauth_nonce": machine.nonce(),
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_timestamp": str(int(machine.now().timestamp())),
            "oauth_token": self.access_token,
        }
        parameters["oauth_signature"] = signature(
            request.method, uri, parameters, self.consumer_secret, self.access_token_secret, dialect
        )
        header = "OAuth " + ", ".join(f'{name}="{encoded(value)}"' for name, value in parameters.items())
        before = request.header("Authorization") or ""
        return request.with_header(
            "Authorization", f"{before}, {header}" if before.lower().startswith("basic ") else header
        )


def accepts_signature(response: Response) -> bool:
    """Whether this response proves that the signature was valid.

    Magento verifies it before it looks at permissions (401 that names the resource) and for the entity (404).
    """
    if 200 <= response.status < 300:
        return True
    error = _error_envelope(response)
    if error is None:
        return False
    parameters = error.get("parameters")
    names_resource = isinstance(parameters, dict) and "resources" in parameters
    return response.status in (400, 403, 404) or (response.status == 401 and names_resource)


def refuses_signature(response: Response) -> bool:
    """A 401 in JSON that names no parameters: the one for a missing permission names its resources.

    Magento translates its messages, so an unknown message counts, too.
    """
    error = _error_envelope(response) if response.status == 401 else None
    if error is None or error.get("parameters"):
        return False
    # about the permission, the key, the token or the nonce: another signature would not help
    return not any(
        word in str(error["message"]).lower() for word in ("%resources", "consumer", "token", "nonce", "timestamp")
    )


def _error_envelope(response: Response) -> dict[str, object] | None:
    """Magento's error envelope, if the response is one."""
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and isinstance(data.get("message"), str) else None
