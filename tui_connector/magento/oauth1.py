"""OAuth 1.0a with the four values of a Magento integration, in the dialect that the store's version speaks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from ..client.layer import Authentication, Layer, LayerContext, Send
from ..client.message import Answer, Request
from ..client.uri import origin_of
from ..machine import Machine
from ..secrets.source import SecretSource, secret_field
from .dialects import Dialect, encoded, signature

_LIKELIEST_FIRST: tuple[Dialect, ...] = ("laminas", "rfc5849", "m248")

_WHERE = "In Magento: System, Extensions, Integrations; activate the integration, or open it and unfold its details."


class OAuth1(Authentication):
    """Integration, 4 tokens (signed, OAuth 1.0a)."""

    kind: Literal["oauth1"] = "oauth1"
    consumer_key: SecretSource = secret_field("Consumer key", f"The first of the four values. {_WHERE}")
    consumer_secret: SecretSource = secret_field(
        "Consumer secret", "The second value. It signs requests and is never sent."
    )
    access_token: SecretSource = secret_field(
        "Access token", "The third value. A new one is made whenever the integration is authorised again."
    )
    access_token_secret: SecretSource = secret_field(
        "Access token secret", "The fourth value. It signs requests and is never sent."
    )
    dialect: Literal["auto", "rfc5849", "laminas", "m248"] = Field(
        default="auto",
        title="Signing dialect",
        description=(
            "Magento's versions put together differently what is signed: rfc5849 up to 2.4.5, laminas for 2.4.6 and "
            "2.4.7, m248 for 2.4.8. auto finds out, from the first request for which it matters."
        ),
    )

    def start(self, context: LayerContext) -> Layer:
        """A layer that signs each attempt anew: Magento refuses a nonce that it has seen."""
        settled: Dialect | None = None if self.dialect == "auto" else self.dialect

        async def layer(request: Request, forward: Send) -> Answer:
            nonlocal settled
            origin = origin_of(request.uri)
            tokens = Tokens(
                await context.secret(self.consumer_key, origin),
                await context.secret(self.consumer_secret, origin),
                await context.secret(self.access_token, origin),
                await context.secret(self.access_token_secret, origin),
            )
            dialects = [settled] if settled else tokens.differing(request)
            for dialect in dialects:
                answer = await forward(tokens.signed(request, dialect, context.machine))
                if not _refuses_signature(answer):
                    if len(dialects) > 1 and answer.status != 401:
                        settled = dialect
                        context.learned(self, "dialect", dialect)
                    break
            return answer

        return layer


@dataclass(frozen=True, slots=True)
class Tokens:
    """The four values of an integration."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_token_secret: str = field(repr=False)

    def signed(self, request: Request, dialect: Dialect, machine: Machine) -> Request:
        """The request with its Authorization header; a Basic one for the web server stays before it (#8149)."""
        parameters = {
            "oauth_consumer_key": self.consumer_key,
            "oauth_nonce": machine.nonce(),
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_timestamp": str(int(machine.now().timestamp())),
            "oauth_token": self.access_token,
        }
        parameters["oauth_signature"] = self._signature(request, parameters, dialect)
        header = "OAuth " + ", ".join(f'{name}="{encoded(value)}"' for name, value in parameters.items())
        before = request.header("Authorization") or ""
        return request.with_header(
            "Authorization", f"{before}, {header}" if before.lower().startswith("basic ") else header
        )

    def differing(self, request: Request) -> list[Dialect]:
        """The dialects to try, the most widespread first: one where all of them sign this request alike."""
        signatures: dict[str, Dialect] = {}
        for dialect in _LIKELIEST_FIRST:
            signatures.setdefault(self._signature(request, {}, dialect), dialect)
        return list(signatures.values())

    def _signature(self, request: Request, parameters: dict[str, str], dialect: Dialect) -> str:
        return signature(
            request.method, request.uri, parameters, self.consumer_secret, self.access_token_secret, dialect
        )


def _refuses_signature(answer: Answer) -> bool:
    """A 401 in JSON that names no parameters: the one for a missing permission names its resources."""
    if answer.status != 401:
        return False
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(data, dict) or data.get("parameters"):
        return False
    message = str(data.get("message", "")).lower()
    # these are right about the key, the token or the nonce, and another signature would not help
    return not any(word in message for word in ("consumer", "token", "nonce", "timestamp"))
