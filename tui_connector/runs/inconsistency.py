"""What is wrong between the parts of a profile, which each are valid by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

Place: TypeAlias = tuple[str | int, ...]
"""A path in the profile, or relative to a part of it."""


class Setting(NamedTuple):
    """A correction: the value to write at a place, a list as a tuple, and what that does, in the imperative."""

    place: Place
    value: object
    title: str = ""


class Inconsistency(NamedTuple):
    """What is wrong at a place; for an unknown name, that name in `wanted`, and the existing ones in `known`."""

    place: Place
    message: str
    wanted: str = ""
    known: Sequence[str] = ()
    setting: Setting | None = None
    """Its correction, if there is one that keeps every part."""
