"""Texts or data that were both changed from a third: where they differ, and what they are together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

from .matching import same
from .positions import KeyPath

Side = Literal["mine", "theirs", "both"]


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines with their line ends, in each of the texts; they are alike in all of them, or differ."""

    line: int
    """The number of its first line in the text that is mine, from 1."""
    base: tuple[str, ...]
    mine: tuple[str, ...]
    theirs: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether there is something to choose."""
        return self.mine != self.theirs

    @property
    def is_conflict(self) -> bool:
        """Whether both sides changed these lines, in different ways."""
        return self.differs and self.base not in (self.mine, self.theirs)

    @property
    def usual(self) -> Side:
        """The side that changed the lines; where both did, mine."""
        return "theirs" if self.mine == self.base else "mine"

    def lines(self, side: Side) -> tuple[str, ...]:
        """The lines of one side, or of both one after the other."""
        return {"mine": self.mine, "theirs": self.theirs, "both": (*_ended(self.mine), *self.theirs)}[side]


def _ended(lines: tuple[str, ...]) -> tuple[str, ...]:
    return (*lines[:-1], lines[-1] if lines[-1].endswith("\n") else f"{lines[-1]}\n") if lines else ()


def hunks(base: str, mine: str, theirs: str) -> list[Hunk]:
    """The texts in parts. Blocks for long texts: call it in a thread."""
    one, two, three = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (base, mine, theirs))
    found: list[Hunk] = []
    at = [0, 0, 0]
    for start, size, of_mine, of_theirs in [*_common(one, two, three), (len(one), 0, len(two), len(three))]:
        parts = tuple(one[at[0] : start]), tuple(two[at[1] : of_mine]), tuple(three[at[2] : of_theirs])
        if any(parts):
            found += _by_line(Hunk(at[1] + 1, *parts))
        if size:
            same = tuple(one[start : start + size])
            found.append(Hunk(of_mine + 1, same, same, same))
        at = [start + size, of_mine + size, of_theirs + size]
    return found


def _by_line(hunk: Hunk) -> list[Hunk]:
    """The hunk; where all texts have as many lines, in parts: what only one side changed is no conflict."""
    if not hunk.is_conflict or not len(hunk.base) == len(hunk.mine) == len(hunk.theirs):
        return [hunk]
    lines = [
        Hunk(hunk.line + index, (base,), (mine,), (theirs,))
        for index, (base, mine, theirs) in enumerate(zip(hunk.base, hunk.mine, hunk.theirs, strict=True))
    ]
    parts = [list(part) for _, part in groupby(lines, lambda line: (line.differs, line.is_conflict, line.usual))]
    return [
        Hunk(
            part[0].line,
            tuple(line for each in part for line in each.base),
            tuple(line for each in part for line in each.mine),
            tuple(line for each in part for line in each.theirs),
        )
        for part in parts
    ]


def common_base(mine: str, theirs: str) -> str:
    """A base for texts whose own is not known: what one of them lacks is kept, and what differs is a conflict."""
    return "".join(line for hunk in hunks(mine, mine, theirs) if not hunk.differs for line in hunk.mine)


def merged(found: Sequence[Hunk], chosen: Sequence[Side]) -> str:
    """The text with the chosen side of each hunk that differs, in their order."""
    sides = iter(chosen)
    return "".join(line for hunk in found for line in hunk.lines(next(sides) if hunk.differs else "mine"))


def merged_data(
    base: Mapping[str, object], mine: Mapping[str, object], theirs: Mapping[str, object]
) -> tuple[dict[str, object], list[KeyPath]]:
    """The data with the changes of both sides, and the keys that both changed, in different ways: they have mine.

    A list is one value.
    """
    conflicts: list[KeyPath] = []
    return _merged_tables(base, mine, theirs, (), conflicts), conflicts


def _merged_tables(
    base: Mapping[str, object],
    mine: Mapping[str, object],
    theirs: Mapping[str, object],
    path: KeyPath,
    conflicts: list[KeyPath],
) -> dict[str, object]:
    found: dict[str, object] = {}
    for key in {**theirs, **mine}:
        values = [each.get(key) for each in (base, mine, theirs)]
        if same(values[1], values[0]):
            value = values[2]
        elif same(values[2], values[0]) or same(values[1], values[2]):
            value = values[1]
        elif isinstance(values[1], dict) and isinstance(values[2], dict):
            before = values[0] if isinstance(values[0], dict) else {}
            value = _merged_tables(before, values[1], values[2], (*path, key), conflicts)
        else:
            conflicts.append((*path, key))
            value = values[1]
        if value is not None:  # TOML has no null: the key is gone
            found[key] = value
    return found


def _common(base: list[str], mine: list[str], theirs: list[str]) -> list[tuple[int, int, int, int]]:
    """The parts of `base` that both others have: start, length, and where they are in either of them."""
    ours, others = _matches(base, mine), _matches(base, theirs)
    found, first, second = [], 0, 0
    while first < len(ours) and second < len(others):
        (a, in_mine, size), (b, in_theirs, other_size) = ours[first], others[second]
        start, end = max(a, b), min(a + size, b + other_size)
        if start < end:
            found.append((start, end - start, in_mine + start - a, in_theirs + start - b))
        if a + size < b + other_size:
            first += 1
        else:
            second += 1
    return found


def _matches(base: list[str], other: list[str]) -> list[tuple[int, int, int]]:
    """The equal parts of two lists of lines. What is equal at both ends needs no search, which is slow."""
    head = 0
    while head < min(len(base), len(other)) and base[head] == other[head]:
        head += 1
    tail = 0
    while tail < min(len(base), len(other)) - head and base[-1 - tail] == other[-1 - tail]:
        tail += 1
    inner = SequenceMatcher(None, base[head : len(base) - tail], other[head : len(other) - tail], autojunk=False)
    middle = [(head + a, head + b, size) for a, b, size in inner.get_matching_blocks() if size]
    ends = [(len(base) - tail, len(other) - tail, tail)]
    return [each for each in [(0, 0, head), *middle, *ends] if each[2]]
