"""Replaces secrets with references in data that is stored, and the references with secrets when it is read.

A store's link to its next page may repeat a secret of the request. The secret's label is stored in its place.
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
_ENCODINGS: Mapping[str, Callable[[str], str]] = {
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


class UnknownSecret(Exception):
    """A reference to a secret that is not known in this process; the argument is its label."""


def with_references(data: Json, mask: Mask) -> Json:
    """`data` with references in place of known secrets."""

    def replaced(text: str) -> str:
        for secret, label in sorted(mask.values().items(), key=lambda pair: -len(pair[0])):
            for encoding, encode in _ENCODINGS.items():
                text = text.replace(encode(secret), f"\0secret:{encoding}:{label}\0")
        # an encoding that cannot be restored, such as base64 of a larger text
        return text if mask.mask_known(text) == text else _LOST

    return _mapped(data, replaced)


def with_secrets(data: Json, mask: Mask) -> Json:
    """`data` with secrets in place of their references. Raises `UnknownSecret`."""
    values = {label: secret for secret, label in mask.values().items()}  # the latest one of a label

    def secret(match: re.Match[str]) -> str:
        if match[2] not in values:
            raise UnknownSecret(match[2])
        return _ENCODINGS[match[1]](values[match[2]])

    return _mapped(data, lambda text: _REFERENCE.sub(secret, text))


def without_references(data: Json, mark: str) -> Json:
    """`data` with `mark` in place of each reference, for display."""
    return _mapped(data, lambda text: _REFERENCE.sub(mark, text))


def has_references(data: Json) -> bool:
    return _REFERENCE.search(_text(data)) is not None


def has_lost_secret(data: Json) -> bool:
    """Whether a text was not stored because a secret in it could not be replaced with a reference."""
    return _LOST in _text(data)


def _text(data: Json) -> str:
    texts: list[str] = []

    def collect(text: str) -> str:
        texts.append(text)
        return text

    _mapped(data, collect)
    return "\n".join(texts)


def _mapped(data: Json, change: Callable[[str], str]) -> Json:
    if isinstance(data, str):
        return change(data)
    if isinstance(data, list):
        return [_mapped(each, change) for each in data]
    return {key: _mapped(each, change) for key, each in data.items()} if isinstance(data, dict) else data
