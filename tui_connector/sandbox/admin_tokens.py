"""Admin users: passwords, one-time codes, lockout and tokens."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp

from .callers import EVERYTHING, Caller
from .noise import key as noise_key
from .noise import shared_secret, token
from .response import Json, Refusal, required
from .settings import Settings

_SIGN_IN = "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later."
_ADMIN_TYPE = 2
"""UserContextInterface::USER_TYPE_ADMIN, the token's `utypid`."""


@dataclass(frozen=True)
class AdminUser:
    """An admin user; `has_authenticator`: an authenticator app is set up."""

    number: int
    name: str
    password: str
    active: bool = True
    has_authenticator: bool = True


@dataclass
class _Failures:
    count: int = 0
    locked_until: datetime | None = None


class AdminTokens:
    """The admin token endpoints (module-integration, module-two-factor-auth, module-jwt-user-token)."""

    def __init__(self, seed: int, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._key = noise_key(seed, "crypt key")
        self._failures: dict[str, _Failures] = {}
        password = token(seed, "admin password")
        self.totp_secret = shared_secret(seed, "authenticator")
        self.admin = AdminUser(1, "admin", password)
        clerk = AdminUser(2, "clerk", password, has_authenticator=False)
        former = AdminUser(3, "former", password, active=False)
        self._users = {user.name: user for user in (self.admin, clerk, former)}

    def password_token(self, body: dict[str, Json]) -> str:
        """A token for name and password. With two-factor sign-in on, the refusal names the endpoints to use.

        Raises `Refusal`.
        """
        username, password = _required_values(body, "username", "password")
        user = self._verified_user(username, password)
        if not self._settings.flag("twofactorauth/general/enable"):
            return self._token(user)
        providers = self._settings.names("twofactorauth/general/force_providers")
        if not providers:
            raise Refusal(400, "Please ask an administrator with sufficient access to configure 2FA first")
        if not user.has_authenticator:
            raise Refusal(400, "Failed to send the message. Please contact the administrator")
        text = "Please use the 2fa provider-specific endpoints to obtain a token."
        raise Refusal(400, text, {"active_providers": list(providers)})

    def code_token(self, provider: str, body: dict[str, Json]) -> str:
        """A token for name, password and one-time code. Wrong codes do not lock the user. Raises `Refusal`."""
        username, password, code = _required_values(body, "username", "password", "otp")
        if provider not in self._settings.names("twofactorauth/general/force_providers"):
            raise Refusal(400, "Provider is not allowed.")
        user = self._verified_user(username, password)
        if not user.has_authenticator:
            raise Refusal(400, "Provider is not configured.")
        if not pyotp.TOTP(self.totp_secret).verify(code, for_time=self._now(), valid_window=1):
            raise Refusal(401, "Invalid code.")
        return self._token(user)

    @property
    def locked(self) -> list[str]:
        """The users locked after too many failures."""
        return [name for name, failures in self._failures.items() if failures.locked_until]

    def caller(self, text: str) -> Caller | None:
        """The owner of a token; None if it is altered, expired or unknown."""
        head, _, signature = text.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(head).encode()):
            return None
        try:
            claims = json.loads(_from_base64url(head.partition(".")[2]))
        except (ValueError, binascii.Error):
            return None
        if claims["exp"] <= self._now().timestamp():
            return None
        name = next(user.name for user in self._users.values() if user.number == claims["uid"])
        return Caller(f"admin {name}", frozenset({EVERYTHING}))

    def _verified_user(self, username: str, password: str) -> AdminUser:
        failures = self._failures.setdefault(username, _Failures())
        now = self._now()
        if failures.locked_until and failures.locked_until <= now:
            failures.count, failures.locked_until = 0, None
        if failures.locked_until:
            raise Refusal(401, _SIGN_IN)
        user = self._users.get(username)
        if user and user.active and hmac.compare_digest(user.password.encode(), password.encode()):
            del self._failures[username]
            return user
        failures.count += 1
        if failures.count >= self._settings.integer("oauth/authentication_lock/max_failures_count"):
            timeout = self._settings.number("oauth/authentication_lock/timeout")
            failures.locked_until = now + timedelta(seconds=timeout)
        raise Refusal(401, _SIGN_IN)

    def _token(self, user: AdminUser) -> str:
        issued = self._now().timestamp()
        minutes = self._settings.number("webapi/jwtauth/admin_expiration")
        header = {"kid": "1", "alg": "HS256"}
        expires = issued + 60 * minutes
        whole = int(expires) if expires.is_integer() or minutes >= 1 else expires
        claims = {"uid": user.number, "utypid": _ADMIN_TYPE, "iat": int(issued), "exp": whole}
        head = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return f"{head}.{self._signature(head)}"

    def _signature(self, head: str) -> str:
        return _base64url(hmac.digest(self._key, head.encode(), "sha256"))


def _required_values(body: dict[str, Json], *names: str) -> list[str]:
    values = [body.get(name) for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if value in (None, "")]
    if missing:
        raise required(missing)
    return [str(value) for value in values]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
