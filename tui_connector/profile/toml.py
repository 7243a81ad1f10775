"""Reads TOML as `tomllib` does, except for keys that would take more memory than there is."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

MAX_PARTS: Final = 50
"""Parts of a dotted key. `tomllib` takes time and memory that grow with their square: 22 s and 4 GB for 30,000."""

_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_LONG_KEY = rf"(?<![A-Za-z0-9_.-])(?:{_PART}[ \t]*+\.[ \t]*+){{{MAX_PARTS}}}"
_MAY_BE_LONG = re.compile(_LONG_KEY)
_IN_ORDER = re.compile(
    rf'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|#[^\n]*+|(?P<long>{_LONG_KEY})|"(?:[^"\\\n]|\\.)*+"|\'[^\'\n]*+\'',
    re.DOTALL,
)
"""A long key, or what may contain the text of one: strings and comments."""


class KeyTooLong(tomllib.TOMLDecodeError):
    """A dotted key has more than `MAX_PARTS` parts."""


def loads(text: str) -> dict[str, Any]:
    """The data of a TOML text.

    Raises `tomllib.TOMLDecodeError`, `KeyTooLong` before anything is parsed, and otherwise as `tomllib` does:
    `RecursionError`, and `ValueError` for a number that is too long for Python.
    """
    if _MAY_BE_LONG.search(text):
        for found in _IN_ORDER.finditer(text):
            if found["long"]:
                start = found.start()
                line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
                message = f"A key has more than {MAX_PARTS} parts (at line {line}, column {column})"
                raise KeyTooLong(message)
    return tomllib.loads(text)
