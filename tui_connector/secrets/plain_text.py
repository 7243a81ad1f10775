"""Finds secrets in text that is about to be written to a file: known ones by value, others by their shape."""

from __future__ import annotations

import re

from ..text import known_secrets

_LONG_ENOUGH = 16
"""Characters. A shorter secret may be a word that is part of other texts: such as the password "magento"."""
_SHORT, _KINDS = 8, (str.islower, str.isupper, str.isdigit, lambda each: not each.isalnum())
"""A secret of at least `_SHORT` characters, of three kinds, cannot be such a word: for example "Tr0ub4dor"."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""The name of an environment variable."""
_CONVENTIONAL = re.compile(r"[A-Z][A-Z0-9_]*|[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
_RANDOM = re.compile(r"(?=(?:.*[0-9]){3})(?=(?:.*[a-z]){3})[A-Za-z0-9]{20,}")
_MISTYPED = re.compile(r"[\w\s.,${}%-]*")
"""What a mistyped name of a variable consists of: $NAME, MY-NAME."""


def known_secrets_in(text: str) -> dict[str, str]:
    """The secrets in this text that the process has read or received, with their labels, unless they may be words."""
    return {each: label for each, label in known_secrets().items() if _is_distinct(each) and each in text}


def _is_distinct(secret: str) -> bool:
    if len(secret) >= _LONG_ENOUGH:
        return True
    return len(secret) >= _SHORT and sum(any(map(kind, secret)) for kind in _KINDS) >= 3


def is_random(name: str) -> bool:
    """Whether the name contains what is generated: 20 letters and digits or more, some lower-case, in a row."""
    return any(map(_RANDOM.fullmatch, re.split(r"[^A-Za-z0-9]", name)))


def is_secret_as_variable(name: str) -> bool:
    """Whether this can hardly be the name of an environment variable, and was probably meant as its value."""
    return is_random(name) or not _MISTYPED.fullmatch(name)


def is_conventional_variable(name: str) -> bool:
    """Whether environment variables usually have such names: ACME_TOKEN, https_proxy; a password is hardly one."""
    return _CONVENTIONAL.fullmatch(name) is not None and not is_secret_as_variable(name)
