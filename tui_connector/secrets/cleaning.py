"""Removes what is copied together with a secret: quotes, labels, line ends, invisible characters."""

from __future__ import annotations

import json
import re
import unicodedata
from enum import StrEnum
from functools import lru_cache


class SecretKind(StrEnum):
    """Determines what `clean` removes from a secret."""

    TOKEN = "token"
    """Generated, and sent in a header: quotes, blanks and labels are never part of it."""
    KEY = "key"
    """The value of a header or query parameter: blanks around it are never part of it, quotes and words may be."""
    TEXT = "text"
    """Anything else, such as a password: only line ends and invisible characters are removed, from its ends."""


_TOKEN_FIELDS = frozenset(
    {"consumer-key", "consumer-secret", "access-token", "access-token-secret", "token", "totp", "otp", "client-secret"}
)
_KEY_FIELDS = frozenset({"value"})
_WHOLE = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""A b64token (RFC 6750 §2.1), which is never changed."""
_INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_BLANKS = " \t\r\n\u00a0"
_QUOTES = "\"'`´\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
_HEADER_OPTION = re.compile(r"(-H|--header)([\s=]+|(?=[\"']))", re.IGNORECASE)
_SCHEME = re.compile(r"bearer[\s:]+", re.IGNORECASE)
_BEFORE_NAME = re.compile(r"(export|set|setx)\s+|\$env:\s*", re.IGNORECASE)
_NAME = re.compile(rf"[{_QUOTES}]?[A-Za-z_][\w.-]{{0,60}}[{_QUOTES}]?=(?!=)(?!\S*[&;]\S)\s*")
_LABEL = re.compile(r"[^:\uff1a=\n]{1,60}?(\s*[:\uff1a]\s+|\s*[:\uff1a](?=[\"'])|\s+=>?\s+|\s+=(?=[\"']))")


@lru_cache(maxsize=256)
def secret_kind(path: str) -> SecretKind:
    """The kind of a secret by its path in a profile, such as "integration/access-token"."""
    field = path.rpartition("/")[2].replace("_", "-").lower()
    if field in _KEY_FIELDS:
        return SecretKind.KEY
    return SecretKind.TOKEN if field in _TOKEN_FIELDS else SecretKind.TEXT


def clean(text: str, kind: SecretKind) -> str:
    """The secret in `text`. A plausible token is returned unchanged; blanks and quotes may be part of a password."""
    if kind is SecretKind.TEXT:
        return text.lstrip(_INVISIBLE).rstrip("\r\n" + _INVISIBLE)
    if kind is SecretKind.KEY:
        return text.strip(_BLANKS + _INVISIBLE)
    before = None
    while text != before and not _WHOLE.fullmatch(text):
        before = text
        text = _without_label(_unquoted(remove_invisible(text).strip()).strip())
    return text


def what_surrounds(password: str) -> str:
    """What is around a password that may have been copied with it, such as "ends with a space"; "" if nothing is."""
    if len(password) > 2 and password[0] in _QUOTES and password[-1] in _QUOTES:
        return "is in quotes"
    ends = [
        verb for verb, end in (("begins", password[:1]), ("ends", password[-1:])) if end.isspace() and end != password
    ]
    return f"{' and '.join(ends)} with a space" if ends else ""


def remove_invisible(text: str) -> str:
    """The text without format characters (Unicode category Cf): zero-width and bidirectional ones, byte order marks."""
    if text.isascii():
        return text
    return "".join(each for each in text if unicodedata.category(each) != "Cf")


def _unquoted(text: str) -> str:
    """The text without quotes around it, and without the comma or bracket of the JSON that it was copied from."""
    text = text.removeprefix("{").strip().rstrip(",;}").rstrip()
    if text.startswith('"'):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, str):
            return found
    return text.strip(_QUOTES)


def _without_label(text: str) -> str:
    """The text without a label such as `Authorization:`, `Bearer`, `NAME=`, `export NAME=` or `Access token:`."""
    for label in (_HEADER_OPTION, _SCHEME, _BEFORE_NAME, _NAME, _LABEL):
        found = label.match(text)
        if found and found.end() < len(text):
            return text[found.end() :]
    return text
