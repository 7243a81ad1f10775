"""Recognizes the kind of a Magento token by its shape alone; nothing is sent."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..text import count
from .cleaning import SecretKind, clean

TokenKind = Literal["integration", "admin", "customer", "jwt", "odd"]

_OPAQUE = re.compile(r"[a-z0-9]{32}")
_RANDOM = re.compile(r"(?=(?:[^0-9]*[0-9]){3})(?=(?:[^A-Za-z]*[A-Za-z]){3})[A-Za-z0-9_+=~]{20,}")
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w.-]+")
_USERS: dict[object, TokenKind] = {1: "integration", 2: "admin", 3: "customer"}
"""By the claim `utypid`: the user types of Magento's UserContextInterface."""


def looks_like_token(text: str) -> bool:
    """Whether this is very likely a token, and not, for example, a host name.

    A JWT, or at least 20 characters of which several are digits and several are letters, without a separator. One
    after "Bearer" or a name such as "access_token=" counts, too.
    """
    value = clean(text, SecretKind.TOKEN)
    return _JWT.fullmatch(value) is not None or _RANDOM.fullmatch(value) is not None


_LENGTH = 32
_FOUR = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
_SHORTEST_JWT = 100
"""Characters: the signature alone has 43, and the claims that Magento puts into it more than that."""


def unlikely_length(field: str, length: int) -> str:
    """A warning for a value of `length` characters in this field; empty if the length is plausible.

    The four values of an integration have 32 characters, and a bearer token that has another length is a JWT.
    """
    if field in _FOUR and length != _LENGTH:
        return f"It has {count(length, 'character')}; the values of an integration have {_LENGTH}. Copy it again."
    if field == "token" and length != _LENGTH and length < _SHORTEST_JWT:
        return f"It has {count(length, 'character')}; a Magento token has {_LENGTH}, or is a much longer JWT."
    return ""


@dataclass(frozen=True, slots=True)
class TokenShape:
    """What may be told of a token without revealing anything of it.

    `integration` may also be an admin's token of Magento 2.4.3 or older; `odd` is not a Magento token.
    """

    kind: TokenKind
    expired: bool = False
    length: int = 0
    """Characters of an odd token; 0 if they are unknown."""
    odd_at: int = 0
    """The first of its characters (from 1) that no integration's token has; 0 if there is none."""
    is_capital: bool = False
    """Whether that character is a capital letter."""

    @property
    def oddity(self) -> str:
        """How an odd token differs from an integration's; "" if that is unknown."""
        found = [f"it has {self.length} instead of {_LENGTH} characters"] if self.length not in (0, _LENGTH) else []
        if self.odd_at:
            what = "a capital letter" if self.is_capital else "neither a lower-case letter nor a digit"
            found.append(f"character {self.odd_at} is {what}")
        return " and ".join(found)


def token_shape(token: str, now: datetime) -> TokenShape:
    """32 lower-case letters and digits: an integration's access token; three parts with dots: a JWT (Magento 2.4.4)."""
    if _OPAQUE.fullmatch(token):
        return TokenShape("integration")
    parts = token.split(".")
    if len(parts) not in (3, 5) or not all(re.fullmatch(r"[\w-]*", part) for part in parts):
        odd = re.search(r"[^a-z0-9]", token)
        at = odd.start() + 1 if odd is not None else 0
        return TokenShape("odd", length=len(token), odd_at=at, is_capital=odd is not None and "A" <= odd[0] <= "Z")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return TokenShape(_USERS.get(claims.get("utypid"), "jwt"), float(claims["exp"]) <= now.timestamp())
    except (binascii.Error, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return TokenShape("jwt")  # encrypted, or from another program
