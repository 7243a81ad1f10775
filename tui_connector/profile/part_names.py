"""Names of the parts of a profile: which are valid, and which a new part may have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, Literal

from ..errors import InvalidValue
from ..text import shown_line

NAME_RULE: Final = "use up to 64 letters, digits, - and _, starting with a letter or digit"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_LONGEST_MADE: Final = 56
"""Characters of a name that is made from a text: a number may follow."""


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """The text, if it is a valid name. Raises `InvalidValue` with the code "invalid-name"."""
    if not is_name(text):
        raise InvalidValue("invalid-name", f"{shown_line(text, 60)!r} is not a valid name: {NAME_RULE}")
    return text


def name_like(text: str) -> str:
    """A valid name like a text, in small letters: `staging-2` for "Staging 2"; "" where it has nothing for one."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_LONGEST_MADE].strip("-")


def free(name: str, taken: Iterable[str]) -> str:
    """`name`, with a number if it is taken."""
    known = set(taken)
    number, found = 2, name
    while found in known:
        found, number = f"{name}-{number}", number + 1
    return found


def usual_name(
    direction: Literal["incoming", "outgoing"], word: str, incoming: Iterable[str], outgoing: Iterable[str]
) -> str:
    """The name for this word: not that of a part of the other direction, because `run` runs both of one name."""
    others, end = (outgoing, "in") if direction == "incoming" else (incoming, "out")
    return f"{word}-{end}" if word in {*others} else word


def free_name(
    direction: Literal["incoming", "outgoing"], word: str, incoming: Iterable[str], outgoing: Iterable[str]
) -> str:
    """The same, with a number if it is taken in either direction."""
    return free(usual_name(direction, word, incoming, outgoing), [*incoming, *outgoing])
