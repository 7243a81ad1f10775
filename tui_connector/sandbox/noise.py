"""Numbers that look random and are the same for the same seed: what makes the store's data and secrets repeatable."""

from __future__ import annotations

import base64
import hashlib
import string

_MASK = 0xFFFFFFFF
_LETTERS = string.ascii_lowercase + string.digits


def noise(seed: int, row: int, salt: int) -> int:
    """32 well mixed bits for a row."""
    mixed = (row * 0x9E3779B1 + seed * 0x85EBCA6B + salt * 0xC2B2AE35) & _MASK
    mixed = ((mixed ^ (mixed >> 16)) * 0x7FEB352D) & _MASK
    mixed = ((mixed ^ (mixed >> 15)) * 0x846CA68B) & _MASK
    return mixed ^ (mixed >> 16)


def token(seed: int, name: str) -> str:
    """32 characters of `[a-z0-9]`, as framework/Oauth/Helper/Oauth.php makes them."""
    number = int.from_bytes(_digest(seed, name))
    return "".join(_LETTERS[number // 36**place % 36] for place in range(32))


def shared_secret(seed: int, name: str) -> str:
    """A base32 secret for one-time codes."""
    return base64.b32encode(_digest(seed, name)[:20]).decode()


def key(seed: int, name: str) -> bytes:
    """32 bytes to sign with."""
    return _digest(seed, name)


def _digest(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"sandbox {seed} {name}".encode()).digest()
