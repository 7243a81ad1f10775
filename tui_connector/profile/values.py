"""The text of a value: written anew, or changed entry by entry where it is an array or an inline table."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeAlias

from .comments import Cell, cells
from .positions import Path, Written

Plain: TypeAlias = "bool | int | float | str | datetime | date | time | Sequence[Plain] | Mapping[str, Plain]"
"""What a TOML document can hold."""

Piece: TypeAlias = tuple[int | None, str]
"""Which of the entries as read, if any, and its new text."""

WIDTH = 100
"""An array whose line would be longer is written with one element a line."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def frozen(value: object) -> Hashable:
    """`value` as TOML means it: 1, 1.0 and true differ, a NaN equals itself, the order of keys says nothing."""
    if isinstance(value, dict):
        return "{}", frozenset((key, frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return "[]", tuple(frozen(item) for item in value)
    if isinstance(value, (date, time)):  # a datetime is a date
        return type(value).__name__, value.isoformat()
    return type(value).__name__, value if isinstance(value, (int, str)) else repr(value)


def same(one: object, other: object) -> bool:
    """Whether both mean the same TOML."""
    return frozen(one) == frozen(other)


def matched(old: list[object], new: list[object]) -> list[int | None]:
    """For each element of `new` the element of `old` that it was, or None where it was added."""
    before, after = [frozen(item) for item in old], [frozen(item) for item in new]
    out: list[int | None] = [None] * len(new)
    head = 0
    while head < min(len(old), len(new)) and before[head] == after[head]:
        out[head] = head
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
        out[-tail] = len(old) - tail
    unmoved: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for index in range(head, len(old) - tail):
        unmoved[before[index]].append(index)
    for index in range(head, len(new) - tail):
        if unmoved[after[index]]:
            out[index] = unmoved[after[index]].popleft()
    free = sorted(index for indices in unmoved.values() for index in indices)
    _match_changed(old, new, free, out)
    return out


def _match_changed(old: list[object], new: list[object], free: list[int], out: list[int | None]) -> None:
    """Match what changed: tables of the same kind that are most alike, other values where none came or went."""
    left = [index for index, was in enumerate(out) if was is None]
    if len(free) * len(left) > 10_000 or not all(isinstance(old[i], dict) for i in free):
        if len(free) == len(left):
            for index, was in zip(left, free, strict=True):
                out[index] = was
        return
    alike = sorted((-_likeness(old[was], new[index]), abs(was - index), index, was) for index in left for was in free)
    taken: set[int] = set()
    for likeness, _, index, was in alike:
        if likeness < 0 and out[index] is None and was not in taken:
            out[index] = was
            taken.add(was)


def _likeness(old: object, new: object) -> int:
    """How much two tables have in common; that they are of one kind says most."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return 0
    equal = sum(key in new and same(value, new[key]) for key, value in old.items())
    return equal + 2 * (old.get("kind") == new.get("kind"))


class Followed:
    """Where each path of the data as read is in the new data."""

    def __init__(self, old: object, new: object) -> None:
        self._pairs: dict[Path, tuple[object, object]] = {(): (old, new)}
        self._matched: dict[Path, dict[int, int]] = {}

    def __call__(self, path: Path) -> Path | None:
        """The new path; None where what stood there is gone."""
        out: Path = ()
        for depth, step in enumerate(path):
            old, new = self._pairs[path[:depth]]
            if isinstance(old, dict) and isinstance(new, dict) and step in new:
                out = (*out, step)
                self._pairs[path[: depth + 1]] = old[step], new[step]
            elif isinstance(old, list) and isinstance(new, list) and isinstance(step, int):
                there = self._elements(path[:depth], old, new).get(step)
                if there is None:
                    return None
                out = (*out, there)
                self._pairs[path[: depth + 1]] = old[step], new[there]
            else:
                return None
        return out

    def _elements(self, path: Path, old: list[object], new: list[object]) -> dict[int, int]:
        if path not in self._matched:
            self._matched[path] = {was: now for now, was in enumerate(matched(old, new)) if was is not None}
        return self._matched[path]

    def list_kept(self, path: Path) -> bool:
        """Whether an array is still one."""
        return self(path) is not None and all(isinstance(value, list) for value in self._pairs[path])


@dataclass(frozen=True, slots=True)
class Values:
    """Writes values for one text."""

    text: str
    write: Callable[[object], str]
    """The text of a value that is no array or table."""
    newline: str

    def key(self, key: str | int) -> str:
        """A part of a dotted key, quoted where it must be."""
        return str(key) if _BARE_KEY.fullmatch(str(key)) else self.write(str(key))

    def keys(self, path: Path) -> str:
        return ".".join(self.key(key) for key in path if isinstance(key, str))

    def value(self, value: object) -> str:
        """`value` on one line."""
        if isinstance(value, dict):
            entries = ", ".join(f"{self.key(key)} = {self.value(item)}" for key, item in value.items())
            return f"{{ {entries} }}" if entries else "{}"
        if isinstance(value, list):
            return "[" + ", ".join(self.value(item) for item in value) + "]"
        return self.write(value)

    def pair(self, keys: Path, value: object, indent: str = "") -> str:
        """The line, or with a long array the lines, of a key and its value."""
        line = f"{indent}{self.keys(keys)} = {self.value(value)}{self.newline}"
        if len(line) <= WIDTH or not isinstance(value, list) or len(value) < 2:
            return line
        elements = "".join(f"{indent}    {self.value(item)},{self.newline}" for item in value)
        return f"{indent}{self.keys(keys)} = [{self.newline}{elements}{indent}]{self.newline}"

    def changed(self, written: Written, old: object, new: object) -> str:
        """The text of `new` where `old` is written, as it is written wherever both agree."""
        if same(old, new):
            return self.text[written.value : written.end]
        if isinstance(old, dict) and isinstance(new, dict):
            if all(len(entry.path) == len(written.path) + 1 for entry in written.inside):
                return self._table(written, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            pieces = [
                (None, self.value(item)) if was is None else (was, self.changed(written.inside[was], old[was], item))
                for was, item in zip(matched(old, new), new, strict=True)
            ]
            if "\n" in self._between(written):
                return self._lines(written, pieces)
            return self._joined(written, pieces)
        return self.value(new)

    def _table(self, written: Written, old: dict[str, object], new: dict[str, object]) -> str:
        pieces: list[Piece] = []
        for number, entry in enumerate(written.inside):
            key = str(entry.path[-1])
            if key in new:
                text = self.text[entry.start : entry.value] + self.changed(entry, old[key], new[key])
                pieces.append((number, text))
        pieces += [(None, f"{self.key(key)} = {self.value(item)}") for key, item in new.items() if key not in old]
        return self._joined(written, pieces) if pieces else "{}"

    def _between(self, written: Written) -> str:
        """What stands between the elements."""
        ends = [written.value, *(entry.end for entry in written.inside)]
        starts = [*(entry.start for entry in written.inside), written.end]
        return "".join(self.text[end:start] for end, start in zip(ends, starts, strict=True))

    def _joined(self, written: Written, pieces: Sequence[Piece]) -> str:
        inside = written.inside
        bracket = self.text[written.value], self.text[written.end - 1]
        if not pieces:
            return "".join(bracket)
        space = " " if bracket[0] == "{" else ""
        opening = self.text[written.value + 1 : inside[0].start] if inside else space
        closing = self.text[inside[-1].end : written.end - 1] if inside else space
        out = [bracket[0], opening]
        for number, (was, text) in enumerate(pieces):
            if number:
                out.append(self.text[inside[was - 1].end : inside[was].start] if was else ", ")
            out.append(text)
        return "".join([*out, closing, bracket[1]])

    def _lines(self, written: Written, pieces: Sequence[Piece]) -> str:
        head, found, closing = cells(self.text, written)
        indent = re.split("\n", found[0].lead if found else closing[:-1])[-1] + ("" if found else "    ")
        comma_at_end = not found or found[-1].comma
        out: list[Cell] = []
        for was, text in pieces:
            cell = Cell(self.newline + indent, text) if was is None else found[was]
            cell.body = text
            out.append(cell)
        kept, carried = {was for was, _ in pieces}, ""
        for number, cell in enumerate(found):
            if number in kept:
                cell.lead, carried = carried + cell.lead, ""
            elif "#" in (apart := cell.split_lead()[0]):
                carried += apart
        closing = carried + closing
        parts = [head]
        for number, cell in enumerate(out, 1):
            if "#" in parts[-1] and not re.match(r"[ \t]*\r?\n", cell.lead):
                cell.lead = self.newline + indent
            comma = "," if number < len(out) or (cell.comma and comma_at_end) else ""
            parts += [cell.lead, cell.body, cell.pad, comma, cell.beside]
        return "".join([*parts, closing])
