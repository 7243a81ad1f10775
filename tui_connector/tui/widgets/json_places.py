"""Finds what a problem is about in a JSON text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ...invalid_json import wrong_part

_BLANK = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


Place = tuple[int, int]
"""A row and a column, from 0."""


def part_to_correct(text: str, path: Sequence[str | int], *, of_key: bool = False) -> tuple[Place, Place]:
    """Where what is wrong starts and ends, both the same where it is corrected by typing there.

    Of invalid JSON, that is its mistake; else the end of the value at a path, or of its name, or the start of what is
    in a table or list. The start of the text where no place is known, such as of too many levels.
    """
    try:
        json.loads(text)
        start = end = _end_of_part(text, path, of_key=of_key)
    except json.JSONDecodeError as error:
        start, end = wrong_part(error)
    except (ValueError, RecursionError):  # also a number of too many digits
        start = end = 0
    return _place(text, start), _place(text, end)


def _place(text: str, offset: int) -> Place:
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1


def _end_of_part(text: str, path: Sequence[str | int], *, of_key: bool) -> int:
    """The offset in valid JSON; of a path that is not in it, that of the last part of it that is."""
    at = _after_blank(text, 0)
    for step in path:
        opened, index, name_end = text[at], 0, None
        inner = _after_blank(text, at + 1)
        while opened in "{[" and text[inner] not in "}]":
            name: str | int = index
            if opened == "{":
                name, name_end = _DECODER.raw_decode(text, inner)
                inner = _after_blank(text, _after_blank(text, name_end) + 1)
            if name == step:
                break
            _, inner = _DECODER.raw_decode(text, inner)
            inner = _after_blank(text, inner)
            if text[inner] == ",":
                inner = _after_blank(text, inner + 1)
            index += 1
        else:
            return _end_of_value(text, at)
        if of_key and step is path[-1] and name_end is not None:
            return name_end - 1
        at = inner
    return _end_of_value(text, at)


def _end_of_value(text: str, at: int) -> int:
    """The end of a value, within its quotes; of a table or list, the start of what is in it."""
    if text[at] in "{[":
        return at + 1
    _, end = _DECODER.raw_decode(text, at)
    return end - 1 if text[at] == '"' else end


def _after_blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank is not None else at
