"""A problem at a path of a profile's data, before it has a place in the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..runs.inconsistency import Setting
from ..templates import Json
from .model import ModelPath


class Found(NamedTuple):
    """A problem at a path of the data."""

    path: ModelPath
    message: str
    code: str
    suggestion: str = ""
    """The key or the value that was probably meant; of a key of another table, only if it has another name there."""
    is_of_key: bool = False
    """Whether the key is wrong, rather than its value."""
    value: Json = None
    """What the key that was meant has as its value, if not what is written."""
    owner: ModelPath | None = None
    """The table that may have a key which is in another one."""
    is_set: bool = False
    """Whether the key that was meant has a value already: only one of the two can stay."""
    expected: str = ""
    """pydantic's name of the error, such as "string_type"; empty for others."""
    at: int | None = None
    """The character of the value at which it is wrong, from 0; None for the value as a whole."""
    correction: tuple[str, str] | None = None
    """A part of the value that is wrong, and what was probably meant."""
    setting: Setting | None = None
    """A key that is to be set, and its value."""


def elements_of(data: object, path: ModelPath) -> str:
    """Which elements of lists a path leads through, counted from 1: "item 2 of 3".

    Empty if there is no choice: no list, or one element.
    """
    found = []
    for step in path:
        if isinstance(data, list) and isinstance(step, int) and step < len(data):
            found += [f"item {step + 1} of {len(data)}"] if len(data) > 1 else []
            data = data[step]
        else:
            data = data.get(step) if isinstance(data, Mapping) else None
    return ", ".join(found)
