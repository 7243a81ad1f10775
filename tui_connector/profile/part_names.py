"""Names for new parts of a profile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal


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
