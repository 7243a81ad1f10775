"""One-time codes for stores with two-factor sign-in: made from the app's secret, or typed by the user."""

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
"""The code of the error where there is no one-time code to be had, so no login is tried."""


@dataclass
class UsedCodes:
    """The codes that were sent and taken: a code is good once (RFC 6238 §5.2)."""

    windows: dict[str, int] = field(default_factory=dict)
    """By parameter: the number of the time step of its last code."""


def is_code(name: str, value: object) -> bool:
    """Whether this parameter of a login is a one-time code. One that is asked for is asked for at every login."""
    if isinstance(value, OneTimeCode):
        return True
    return isinstance(value, SecretSource) and bool(value.ask) and name.lower() in _NAMES


async def typed(machine: Machine, name: str, login: str) -> str:
    """A code that the user types now; it is not kept. Raises `InvalidRequest` where nobody does."""
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


async def made(
    context: LayerContext, name: str, source: SecretSource, origin: str, client: str, sent: UsedCodes
) -> tuple[str, tuple[str, int]]:
    """A code of the present time step, or of the next one where the present one's was sent already.

    With it, what to keep in `sent` once the store has taken it. Raises `InvalidRequest`.
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
    """Takes the short secrets (80 bits) that many stores and apps still use; the library wants 112."""

    min_secret_length_bits = 8


def _generator(secret: str, label: str) -> _Totp:
    """Reads the secret as people have it: in groups, in lower case, or as the address in the QR code."""
    try:
        if secret.lower().startswith("otpauth:"):
            address = urlsplit(secret)
            if address.netloc.lower() != "totp":
                raise ValueError(f"its kind is {address.netloc!r}, not totp")
            said = {name: values[0] for name, values in parse_qs(address.query).items()}
            digest = _DIGESTS[said.get("algorithm", "SHA1").upper()]
            digits, interval = int(said.get("digits", 6)), int(said.get("period", 30))
            return _Totp(_letters(said["secret"]), digits=digits, digest=digest, interval=interval)
        return _Totp(_letters(secret))
    except (ValueError, KeyError) as error:
        raise InvalidRequest(
            f"The TOTP secret from {label} cannot be read",
            hint="Enter the letters under the QR code (A to Z, 2 to 7), or its whole otpauth://totp/ address.",
            code=NO_CODE,
        ) from error


def _letters(secret: str) -> str:
    return re.sub(r"[\s=-]", "", secret).upper()


_DIGESTS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
