"""Puts names instead of the secrets in what is written to disk and needed again, and the secrets back in.

A store's link to its next page may repeat a secret of the request. It is stored with the secret's name in its place.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus

from ..templates import Json
from .mask import Mask

_LOST = "\0secret:lost\0"
_REFERENCE = re.compile("\0secret:([a-z0-9-]+):([^\0]*)\0")
_WRITINGS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent-lower": lambda text: re.sub("%..", lambda match: match[0].lower(), quote(text, safe="")),
    "percent-path": lambda text: quote(text, safe="/:@!$&'()*+,;=-._~"),
    "form": quote_plus,
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": lambda text: json.dumps(text)[1:-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
}


class SecretGone(Exception):
    """A secret that is named is not known now; its label."""


def with_references(data: Json, mask: Mask) -> Json:
    """`data` with a reference instead of each secret that is known."""

    def replaced(text: str) -> str:
        for secret, label in sorted(mask.values().items(), key=lambda pair: -len(pair[0])):
            for writing, write in _WRITINGS.items():
                text = text.replace(write(secret), f"\0secret:{writing}:{label}\0")
        # a writing that cannot be repeated, such as base64 of a larger text
        return text if mask.without_known(text) == text else _LOST

    return _mapped(data, replaced)


def with_secrets(data: Json, mask: Mask) -> Json:
    """`data` with the secrets instead of their references. Raises `SecretGone`."""
    values = {label: secret for secret, label in mask.values().items()}  # the last one of a label is in force

    def secret(match: re.Match[str]) -> str:
        if match[2] not in values:
            raise SecretGone(match[2])
        return _WRITINGS[match[1]](values[match[2]])

    return _mapped(data, lambda text: _REFERENCE.sub(secret, text))


def without_references(data: Json, mark: str) -> Json:
    """`data` with a mark instead of each reference: to be shown."""
    return _mapped(data, lambda text: _REFERENCE.sub(mark, text))


def has_references(data: Json) -> bool:
    return _REFERENCE.search(_text(data)) is not None


def is_lost(data: Json) -> bool:
    """Whether a secret in it could not be replaced by a reference, so that it was not stored."""
    return _LOST in _text(data)


def _text(data: Json) -> str:
    found: list[str] = []

    def noted(text: str) -> str:
        found.append(text)
        return text

    _mapped(data, noted)
    return "\n".join(found)


def _mapped(data: Json, change: Callable[[str], str]) -> Json:
    if isinstance(data, str):
        return change(data)
    if isinstance(data, list):
        return [_mapped(each, change) for each in data]
    return {key: _mapped(each, change) for key, each in data.items()} if isinstance(data, dict) else data
