"""The settings of the sandbox store: Magento's configuration paths where they exist, `sandbox/` for others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import UserError
from ..misspelling import most_similar
from .response import Refusal

DEFAULTS: dict[str, str] = {
    "oauth/consumer/enable_integration_as_bearer": "0",
    "oauth/authentication_lock/max_failures_count": "6",
    "oauth/authentication_lock/timeout": "1800",
    "webapi/jwtauth/admin_expiration": "60",
    "webapi/webapisecurity/allow_insecure": "0",
    "webapi/validation/input_limit_enabled": "0",
    "webapi/validation/complex_array_limit": "999999",
    "webapi/validation/maximum_page_size": "300",
    "webapi/validation/default_page_size": "999999",
    "twofactorauth/general/enable": "0",
    "twofactorauth/general/force_providers": "google",
    "sandbox/signing_dialect": "laminas",
    "sandbox/maintenance": "0",
    "sandbox/basic_auth": "",
    "sandbox/latency_ms": "0",
    "sandbox/fail_next": "",
    "sandbox/lose_next": "0",
    "sandbox/revoked": "",
    "sandbox/queue_seconds": "0",
    "sandbox/repeated_emails": "0",
    "sandbox/repeated_identifiers": "0",
    "sandbox/varying_order": "0",
    "sandbox/hide_port": "0",
    "sandbox/magento": "2.4.7",
}
"""Every path with the default of Magento 2.4.7 (module-*/etc/config.xml), except that two-factor sign-in is off."""

_ALLOWED_VALUES = {
    "webapi/jwtauth/admin_expiration": "minutes, a fraction is allowed",
    "sandbox/signing_dialect": "rfc5849 (2.4.5 and older), laminas (2.4.6 and 2.4.7) or m248 (2.4.8)",
    "sandbox/basic_auth": "user:password required by the web server, or empty",
    "sandbox/fail_next": "status:count, such as 503:3",
    "sandbox/magento": "2.4.6, 2.4.7 or 2.4.8",
    "sandbox/queue_seconds": "seconds per operation of the queue, or off for no consumer",
    "sandbox/revoked": "names of integrations with a revoked access token, separated by commas",
    "twofactorauth/general/force_providers": "google, or empty",
}
VERSIONS = ("2.4.6", "2.4.7", "2.4.8")
_DIALECTS = ("rfc5849", "laminas", "m248")
_TEXTS = ("sandbox/basic_auth", "sandbox/revoked", "twofactorauth/general/force_providers")


def _unknown(path: str) -> UserError:
    near = most_similar(path, DEFAULTS, 0.4)
    hint = f"Did you mean {near}?" if near else "The settings are: " + ", ".join(DEFAULTS) + "."
    return UserError("setting-unknown", f"The sandbox has no setting {path}", hint)


def _invalid(path: str, value: str) -> UserError:
    hint = f"Allowed: {_ALLOWED_VALUES.get(path, 'an integer, 0 or more')}."
    return UserError("setting-invalid", f"{value!r} is not a valid value for the sandbox's setting {path}", hint)


@dataclass
class Faults:
    """Failures to inject, counted down as they are used."""

    status: int = 0
    failing: int = 0
    losing: int = 0

    def next_failure(self) -> int:
        """The status with which this request fails, or 0."""
        if not self.failing:
            return 0
        self.failing -= 1
        return self.status

    def next_loss(self) -> bool:
        """Whether to cut the connection of this request."""
        if not self.losing:
            return False
        self.losing -= 1
        return True


class Settings:
    """The current settings, which can change while the sandbox runs.

    Raises `UserError`; an invalid entry rejects the whole change.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._values = dict(DEFAULTS)
        self.faults = Faults()
        self._watchers: list[Callable[[], None]] = []
        self.change(given)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each change."""
        self._watchers.append(changed)

    def change(self, given: Mapping[str, str]) -> None:
        """Change settings."""
        for path, value in given.items():
            if path not in DEFAULTS:
                raise _unknown(path)
            _check(path, value)
        self._values.update(given)
        if "sandbox/fail_next" in given:
            status, _, count = given["sandbox/fail_next"].partition(":")
            self.faults.status, self.faults.failing = int(status or 0), int(count or bool(status))
        if "sandbox/lose_next" in given:
            self.faults.losing = self.integer("sandbox/lose_next")
        for changed in self._watchers:
            changed()

    def current(self) -> dict[str, str]:
        """Every path with its value; for counters, the remaining count."""
        left = f"{self.faults.status}:{self.faults.failing}" if self.faults.failing else ""
        return self._values | {"sandbox/fail_next": left, "sandbox/lose_next": str(self.faults.losing)}

    def text(self, path: str) -> str:
        return self._values[path]

    def flag(self, path: str) -> bool:
        return self._values[path] not in ("", "0")

    def since(self, version: str) -> bool:
        """Whether the store has this version or a later one."""
        return VERSIONS.index(self._values["sandbox/magento"]) >= VERSIONS.index(version)

    def check_length(self, count: int, kind: str) -> None:
        """Raises `Refusal` 400 if a list exceeds the input limits (framework/Webapi/Validator)."""
        most = self.integer("webapi/validation/complex_array_limit")
        if self.flag("webapi/validation/input_limit_enabled") and count > most:
            raise Refusal(400, 'Maximum items of type "%type" is %max', {"type": kind, "max": most})

    def integer(self, path: str) -> int:
        return int(self._values[path] or 0)

    def number(self, path: str) -> float:
        return float(self._values[path] or 0)

    def names(self, path: str) -> list[str]:
        return [name.strip() for name in self._values[path].split(",") if name.strip()]


def _check(path: str, value: str) -> None:
    if path in _TEXTS:
        good = path != "sandbox/basic_auth" or not value or ":" in value
    elif path == "sandbox/magento":
        good = value in VERSIONS
    elif path == "sandbox/signing_dialect":
        good = value in _DIALECTS
    elif path == "sandbox/fail_next":
        status, _, count = value.partition(":")
        good = not value or (status.isdecimal() and 400 <= int(status) <= 599 and (count or "1").isdecimal())
    elif path in ("webapi/jwtauth/admin_expiration", "sandbox/queue_seconds"):
        good = value.replace(".", "", 1).isdecimal() or (value == "off" and path == "sandbox/queue_seconds")
    else:
        good = value.isdecimal()
    if not good:
        raise _invalid(path, value)
