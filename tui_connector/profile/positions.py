"""Where each key, value, table and element stands in a text that `tomllib` accepted.

The text is known to be valid TOML 1.0 (https://toml.io/en/v1.0.0), so values are skipped here, never judged.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Where a value is in the data: keys of tables, and indices (from 0) of arrays."""

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'')
_LONG_STRING_END = {'"""': re.compile(r'\\.|("{3,5})', re.DOTALL), "'''": re.compile(r"('{3,5})")}
_OTHER = re.compile(r"[^\s,\]}#]+(?: (?=\d\d:)[^\s,\]}#]+)?")


class Place(NamedTuple):
    """A place in a text; both counted from 1, columns in characters."""

    line: int
    column: int


@dataclass(slots=True)
class Written:
    """A key with its value, an element of an array, or the header of a table; offsets into the text."""

    path: Path
    start: int
    """The first character of the key, of the element or of the header's bracket."""
    value: int
    """The first character of the value; of a header, its end."""
    end: int
    header: bool = False
    inside: list[Written] = field(default_factory=list)
    """The entries of an inline table, or the elements of an array, as written."""


@dataclass(slots=True)
class Layout:
    """What stands in a text, in its order."""

    text: str
    statements: list[Written]
    """Headers, and the keys with their values below each."""
    offsets: dict[Path, int]
    """Where each path is first named."""


def layout(text: str) -> Layout:
    """Everything that stands in `text`, in time that grows with its length only."""
    return _Walk(text).walked()


def positions(text: str) -> dict[Path, Place]:
    """Where each table, key and element of `text` is first named; the root is at the beginning."""
    place = places(text)
    return {path: place(offset) for path, offset in layout(text).offsets.items()}


def places(text: str) -> Callable[[int], Place]:
    """A function from an offset in `text` to its place."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(offset: int) -> Place:
        line = bisect_right(starts, offset)
        return Place(line, offset - starts[line - 1] + 1)

    return place


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.statements: list[Written] = []
        self.offsets: dict[Path, int] = {(): 0}
        self.last: dict[Path, int] = {}  # of each array of tables, the index of its last element so far

    def walked(self) -> Layout:
        base: Path = ()
        at = self.space(0)
        while at < len(self.text):
            if self.text[at] == "[":
                written = self.header(at)
                base = written.path
            else:
                written = self.pair(base, at)
            self.statements.append(written)
            at = self.space(written.end)
        return Layout(self.text, self.statements, self.offsets)

    def space(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def keys(self, at: int) -> tuple[list[tuple[str, int]], int]:
        """The parts of a dotted key, each with its offset, and where what follows them begins."""
        parts = []
        while True:
            at = self.space(at)
            quoted = self.text[at] in "\"'"
            match = (_STRING if quoted else _BARE_KEY).match(self.text, at)
            if match is None:
                raise ValueError(f"no key at offset {at}: this text is not TOML")
            parts.append((next(iter(tomllib.loads(f"{match.group()}=0"))) if quoted else match.group(), at))
            at = self.space(match.end())
            if self.text[at] != ".":
                return parts, at
            at += 1

    def header(self, start: int) -> Written:
        brackets = 2 if self.text.startswith("[[", start) else 1
        parts, at = self.keys(start + brackets)
        path: Path = ()
        for number, (key, _) in enumerate(parts, 1):
            path = (*path, key)
            self.offsets.setdefault(path, start)
            if brackets == 2 and number == len(parts):
                self.last[path] = self.last.get(path, -1) + 1
            if path in self.last:
                path = (*path, self.last[path])
                self.offsets.setdefault(path, start)
        return Written(path, start, at + brackets, at + brackets, header=True)

    def pair(self, base: Path, start: int) -> Written:
        parts, at = self.keys(start)
        path = base
        for key, offset in parts:
            path = (*path, key)
            self.offsets.setdefault(path, offset)
        return self.valued(path, start, self.space(at + 1))

    def valued(self, path: Path, start: int, value: int) -> Written:
        written = Written(path, start, value, value)
        first = self.text[value]
        if first in "[{":
            self.collect(written, "]" if first == "[" else "}")
        elif first in "\"'":
            written.end = self.string_end(value)
        elif match := _OTHER.match(self.text, value):
            written.end = match.end()
        return written

    def collect(self, written: Written, closing: str) -> None:
        at = self.space(written.value + 1)
        while self.text[at] != closing:
            if closing == "}":
                entry = self.pair(written.path, at)
            else:
                path = (*written.path, len(written.inside))
                self.offsets[path] = at
                entry = self.valued(path, at, at)
            written.inside.append(entry)
            at = self.space(entry.end)
            if self.text[at] == ",":
                at = self.space(at + 1)
        written.end = at + 1

    def string_end(self, start: int) -> int:
        ending = _LONG_STRING_END.get(self.text[start : start + 3])
        if ending is None:
            match = _STRING.match(self.text, start)
        else:
            match = next((m for m in ending.finditer(self.text, start + 3) if m.group(1)), None)
        if match is None:
            raise ValueError(f"no string at offset {start}: this text is not TOML")
        return match.end()
