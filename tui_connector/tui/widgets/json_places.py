"""Finds where in a JSON text something is that a problem is about."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ...invalid_json import invalid_json_place

_BLANK = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


def place_in_json(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """The row and column, from 0, of the name or element at a path, or of what it is in; of invalid JSON, the mistake.

    The start of the text where no place is known, such as of too many levels.
    """
    try:
        json.loads(text)
        offset = _offset(text, path)
    except json.JSONDecodeError as error:
        line, column = invalid_json_place(error)
        return line - 1, column - 1
    except (ValueError, RecursionError):  # also a number of too many digits
        offset = 0
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1


def _offset(text: str, path: Sequence[str | int]) -> int:
    """The place in valid JSON."""
    at = found = _after_blank(text, 0)
    for step in path:
        opened, index = text[at], 0
        at = _after_blank(text, at + 1)
        while opened in "{[" and text[at] not in "}]":
            start, name = at, index if opened == "[" else None
            if name is None:
                name, at = _DECODER.raw_decode(text, at)
                at = _after_blank(text, _after_blank(text, at) + 1)
            if name == step:
                found = start
                break
            _, at = _DECODER.raw_decode(text, at)
            at = _after_blank(text, at)
            if text[at] == ",":
                at = _after_blank(text, at + 1)
            index += 1
        else:
            return found
    return found


def _after_blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank is not None else at
