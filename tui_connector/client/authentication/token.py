"""A token that a login gave, and how long it is good."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field

MARGIN = 60.0
"""Seconds before its end at which a token is renewed."""


@dataclass(slots=True)
class Token:
    """What is put into the header, and until when, in seconds of the machine's monotonic clock."""

    header: str = field(repr=False)
    until: float | None
    made_at: float
    after_refusal: bool = False
    """It was asked for because the one before was refused."""


def lifetime(token: object) -> float | None:
    """Seconds a JWT is good from its issue (RFC 7519 `exp` less `iat`), less a margin; None where it does not say.

    The difference of the store's own two times, so that clocks that disagree do no harm.
    """
    if not isinstance(token, str) or token.count(".") != 2:
        return None
    payload = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        life = float(claims["exp"]) - float(claims["iat"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        return None
    return with_margin(life)


def with_margin(life: float) -> float:
    """Seconds after which a token of this lifetime is renewed, before it expires."""
    return max(0.0, life - min(MARGIN, life / 10))
