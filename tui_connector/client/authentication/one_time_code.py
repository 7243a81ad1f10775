"""One-time codes for two-factor authentication: generated from the TOTP secret, or typed by the user."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pyotp

from ...kinds import Model
from ...machine import Machine
from ...secrets.source import SecretSource, secret_field
from ..layer import LayerContext
from ..message import InvalidRequest

_NAMES = ("otp", "passcode")
"""How Magento's endpoints call it (Magento_TwoFactorAuth, etc/webapi.xml: google and authy, duo_security)."""


class OneTimeCode(Model):
    """One-time code from a TOTP secret."""

    totp: SecretSource = secret_field(
        "TOTP secret",
        "The key the authenticator app was set up with: the letters under the QR code, or its otpauth:// address. "
        "Without it, a code is typed at every login.",
    )


NO_CODE = "one-time-code"
"""The error's code if no one-time code is available, so that no login was sent."""


@dataclass
class UsedCodes:
    """The codes that were sent and accepted: a code is valid once (RFC 6238 §5.2)."""

    windows: dict[str, int] = field(default_factory=dict)
    """By parameter: the number of the time step of its last code."""


def is_code(name: str, value: object) -> bool:
    """Whether this login parameter is a one-time code; a typed one is prompted for at every login."""
    if isinstance(value, OneTimeCode):
        return True
    return isinstance(value, SecretSource) and bool(value.ask) and name.lower() in _NAMES


async def prompted_code(machine: Machine, name: str, login: str) -> str:
    """A code typed by the user now; it is not stored. Raises `InvalidRequest` if none is typed."""
    response = await machine.prompt.secret(f"One-time code ({name}) for {login}")
    if response is None:
        raise InvalidRequest(
            f"The login of {login} needs a one-time code ({name}), but there is no terminal to type it",
            hint=f'Run it in a terminal, or have it generated: {name} = {{ totp = {{ keyring = "…" }} }}.',
            code=NO_CODE,
        )
    code = re.sub(r"\s", "", response)
    if not code:
        raise InvalidRequest(
            f"No code was typed; nothing was sent. The login of {login} needs a one-time code ({name})",
            hint="Try again, and type the code when prompted.",
            code=NO_CODE,
        )
    return code


async def generated_code(
    context: LayerContext, name: str, source: SecretSource, origin: str, client: str, sent: UsedCodes
) -> tuple[str, tuple[str, int]]:
    """A code of the current time step, or of the next one if the current one's was already sent.

    Also returns what to store in `sent` once the store has accepted it. Raises `InvalidRequest`.
    """
    totp = _generator(await context.secret(source, origin, client), source.label)
    context.received(totp.secret, source.label)
    machine = context.machine
    window = _window(machine.now(), totp.interval)
    while window <= sent.windows.get(name, -1):
        next_one = (sent.windows[name] + 1) * totp.interval
        await machine.sleep(max(0.01, next_one - machine.now().timestamp()))
        window = _window(machine.now(), totp.interval)
    return totp.at(machine.now()), (name, window)


def _window(now: datetime, interval: int) -> int:
    return int(now.timestamp() // interval)


class _Totp(pyotp.TOTP):
    """Accepts the short secrets (80 bits) that many stores and apps still use; the library requires 112."""

    min_secret_length_bits = 8


def _generator(secret: str, label: str) -> _Totp:
    """Parses the secret as people have it: in groups, in lower case, or as the address in the QR code."""
    try:
        if secret.lower().startswith("otpauth:"):
            address = urlsplit(secret)
            if address.netloc.lower() != "totp":
                raise ValueError(f"its kind is {address.netloc!r}, not totp")
            parameters = {name: values[0] for name, values in parse_qs(address.query).items()}
            digest = _DIGESTS[parameters.get("algorithm", "SHA1").upper()]
            digits, interval = int(parameters.get("digits", 6)), int(parameters.get("period", 30))
            return _Totp(_letters(parameters["secret"]), digits=digits, digest=digest, interval=interval)
        return _Totp(_letters(secret))
    except (ValueError, KeyError) as error:
        is_code = "".join(secret.split()).isdecimal()
        what = "is a one-time code, not the secret that makes the codes" if is_code else "is not valid"
        raise InvalidRequest(
            f"The TOTP secret ({label}) {what}",
            hint="Enter the letters under the QR code (A to Z, 2 to 7), or its whole otpauth://totp/ address.",
            code=NO_CODE,
            field="totp",
        ) from error


def _letters(secret: str) -> str:
    return re.sub(r"[\s=-]", "", secret).upper()


_DIGESTS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
