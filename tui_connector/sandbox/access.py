"""Authenticates requests like a Magento 2.4.7 store: bearer tokens and OAuth 1.0a.

An implementation of its own, that shares nothing with the program's client side: two that were written apart check each
other. Sources: module-webapi/Model/Authorization/TokenUserContext.php, framework/Oauth/Oauth.php,
module-integration/Model/Oauth/Token/Provider.php and Nonce/Generator.php.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from .admin_tokens import AdminTokens
from .callers import CATALOGUE, EVERYTHING, GUEST, Caller, Integration
from .noise import token
from .oauth_signature import UnsignableRequest, encode, sign
from .response import Refusal, internal, required
from .settings import Settings

_LENGTH = 32
_MAX_AHEAD = 600
"""Seconds that a timestamp may be in the future; in the past it may be any age."""
_INVALID = "The signature is invalid. Verify and try again."
_REQUIRED = (
    "oauth_consumer_key",
    "oauth_signature",
    "oauth_signature_method",
    "oauth_nonce",
    "oauth_timestamp",
    "oauth_token",
)


@dataclass(frozen=True)
class SignedRequest:
    """The parts of a request that authenticate it: `url` as the server rebuilds it, the raw `authorization` header."""

    method: str
    url: str
    authorization: str


class Access:
    """The integrations and admin users of the store."""

    def __init__(self, seed: int, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._nonces: set[tuple[int, str]] = set()
        self.sign_in = AdminTokens(seed, settings, now)
        everything = frozenset({EVERYTHING})
        rights = {"full": everything, "catalog": CATALOGUE, "inactive": everything, "none": frozenset[str]()}
        self.integrations = {
            name: _integration(seed, number, name, resources)
            for number, (name, resources) in enumerate(rights.items(), start=1)
        }

    def caller(self, asked: SignedRequest) -> Caller:
        """The sender: a guest for an invalid bearer token. Raises `Refusal` for invalid OAuth parameters."""
        if "oauth " in asked.authorization.lower():
            return self._by_signature(asked)
        pieces = asked.authorization.split(" ")
        if len(pieces) != 2 or pieces[0].lower() != "bearer":
            return GUEST
        return self._by_token(pieces[1])

    def _by_token(self, text: str) -> Caller:
        if "." in text:
            return self.sign_in.caller(text) or GUEST
        if not self._settings.flag("oauth/consumer/enable_integration_as_bearer"):
            return GUEST
        found = self._find("access_token", text)
        # An inactive integration's token still works here: module-integration checks the status for OAuth only.
        return found.caller() if found and not self._revoked(found) else GUEST

    def _by_signature(self, asked: SignedRequest) -> Caller:
        values = _header(asked.authorization)
        _check_parameters(values)
        consumer = self._consumer(values["oauth_consumer_key"])
        self._use_nonce(consumer, values["oauth_nonce"], values["oauth_timestamp"])
        self._check_token(consumer, values["oauth_token"])
        key = f"{encode(consumer.consumer_secret)}&{encode(consumer.access_token_secret)}"
        dialect = self._settings.text("sandbox/signing_dialect")
        try:
            expected = sign(dialect, asked.method, asked.url, values, key)
        except UnsignableRequest as error:
            raise (internal(asked.url) if error.status == 500 else Refusal(401, _INVALID)) from error
        if not hmac.compare_digest(expected.encode(), values["oauth_signature"].encode()):
            raise Refusal(401, _INVALID)
        return consumer.caller() if consumer.active else GUEST

    def _consumer(self, key: str) -> Integration:
        if len(key) != _LENGTH:
            raise Refusal(401, "Consumer key is not the correct length")
        found = self._find("consumer_key", key)
        if not found:
            raise Refusal(401, "A consumer having the specified key does not exist")
        return found

    def _use_nonce(self, consumer: Integration, nonce: str, timestamp: str) -> None:
        seconds = int(timestamp) if timestamp.isdecimal() else 0
        late = seconds > self._now().timestamp() + _MAX_AHEAD
        if seconds <= 0 or late or len(nonce) > _LENGTH:
            raise Refusal(401, "An error occurred validating the nonce")
        if (consumer.number, nonce) in self._nonces:
            text = "The nonce is already being used by the consumer with ID %1"
            raise Refusal(401, text, [str(consumer.number)])
        self._nonces.add((consumer.number, nonce))

    def _check_token(self, consumer: Integration, text: str) -> None:
        found = self._find("access_token", text)
        if not found:
            raise Refusal(401, "Specified token does not exist")
        if found is not consumer:
            raise Refusal(401, "Token is not associated with the specified consumer")
        if self._revoked(found):
            raise Refusal(401, "Access token has been revoked")

    def _find(self, kind: str, text: str) -> Integration | None:
        return next((each for each in self.integrations.values() if each.values()[kind] == text), None)

    def _revoked(self, integration: Integration) -> bool:
        return integration.name in self._settings.names("sandbox/revoked")


def _integration(seed: int, number: int, name: str, resources: frozenset[str]) -> Integration:
    return Integration(
        number,
        name,
        consumer_key=token(seed, f"{name} key"),
        consumer_secret=token(seed, f"{name} secret"),
        access_token=token(seed, f"{name} token"),
        access_token_secret=token(seed, f"{name} token secret"),
        resources=resources,
        active=name != "inactive",
    )


def _header(authorization: str) -> dict[str, str]:
    """The parameters after `OAuth `, at any position in the header (pull request 8158 to magento2)."""
    place = authorization.lower().index("oauth ") + len("oauth ")
    values = {}
    for part in authorization[place:].split(","):
        name, equals, value = part.strip().partition("=")
        if equals:
            values[unquote(name)] = unquote(value.strip('"'))
    return values


def _check_parameters(values: dict[str, str]) -> None:
    if values.get("oauth_version", "1.0") != "1.0":
        raise Refusal(400, 'The "%1" Oauth version isn\'t supported.', [values["oauth_version"]])
    for name in _REQUIRED:
        if not values.get(name):
            raise required([name])
    if len(values["oauth_token"]) != _LENGTH:
        raise Refusal(400, "The token length is invalid. Check the length and try again.")
    if values["oauth_signature_method"] != "HMAC-SHA256":
        raise Refusal(400, "Signature method %1 is not supported", [values["oauth_signature_method"]])
