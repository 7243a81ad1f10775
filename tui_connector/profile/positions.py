"""Where each key, value, table and element is in a text that `tomllib` accepted.

The text is known to be valid TOML 1.0 (https://toml.io/en/v1.0.0), so values are skipped here, never judged."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

KeyPath = tuple[str | int, ...]
"""Where a value is in the data: keys of tables, and indices (from 0) of arrays."""

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'')
_LONG_STRING_END = {'"""': re.compile(r'\\.|("{3,5})', re.DOTALL), "'''": re.compile(r"('{3,5})")}
_OTHER = re.compile(r"[^\s,\]}#]+(?: (?=\d\d:)[^\s,\]}#]+)?")


class TextPosition(NamedTuple):
    """A place in a text; both counted from 1, columns in characters."""

    line: int
    column: int


@dataclass(slots=True)
class TextSpan:
    """A key with its value, an element of an array, or the header of a table; offsets into the text."""

    path: KeyPath
    start: int
    """The first character of the key, of the element or of the header's bracket."""
    value: int
    """The first character of the value; of a header, its end."""
    end: int
    header: bool = False
    inside: list[TextSpan] = field(default_factory=list)
    """The entries of an inline table, or the elements of an array, as written."""


@dataclass(slots=True)
class Layout:
    """What is in a text, in its order."""

    text: str
    statements: list[TextSpan]
    """Headers, and the keys with their values below each."""
    offsets: dict[KeyPath, int]
    """Where each path is first named."""


def layout(text: str) -> Layout:
    """Everything that is in `text`, in time that grows with its length only."""
    return _Walk(text).walked()


def positions(text: str) -> dict[KeyPath, TextPosition]:
    """Where each table, key and element of `text` is first named; the root is at the beginning."""
    place = places(text)
    return {path: place(offset) for path, offset in layout(text).offsets.items()}


def places(text: str) -> Callable[[int], TextPosition]:
    """A function from an offset in `text` to its place."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(offset: int) -> TextPosition:
        line = bisect_right(starts, offset)
        return TextPosition(line, offset - starts[line - 1] + 1)

    return place


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.statements: list[TextSpan] = []
        self.offsets: dict[KeyPath, int] = {(): 0}
        self.last: dict[KeyPath, int] = {}  # of each array of tables, the index of its last element so far

    def walked(self) -> Layout:
        base: KeyPath = ()
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
        """The parts of a dotted key, each with its offset, and where what follows them starts."""
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

    def header(self, start: int) -> TextSpan:
        brackets = 2 if self.text.startswith("[[", start) else 1
        parts, at = self.keys(start + brackets)
        path: KeyPath = ()
        for number, (key, _) in enumerate(parts, 1):
            path = (*path, key)
            self.offsets.setdefault(path, start)
            if brackets == 2 and number == len(parts):
                self.last[path] = self.last.get(path, -1) + 1
            if path in self.last:
                path = (*path, self.last[path])
                self.offsets.setdefault(path, start)
        return TextSpan(path, start, at + brackets, at + brackets, header=True)

    def pair(self, base: KeyPath, start: int) -> TextSpan:
        parts, at = self.keys(start)
        path = base
        for key, offset in parts:
            path = (*path, key)
            self.offsets.setdefault(path, offset)
        return self.valued(path, start, self.space(at + 1))

    def valued(self, path: KeyPath, start: int, value: int) -> TextSpan:
        written = TextSpan(path, start, value, value)
        first = self.text[value]
        if first in "[{":
            self.collect(written, "]" if first == "[" else "}")
        elif first in "\"'":
            written.end = self.string_end(value)
        elif match := _OTHER.match(self.text, value):
            written.end = match.end()
        return written

    def collect(self, written: TextSpan, closing: str) -> None:
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


# Each statement of a TOML text with the comments that belong to it.


_COMMA = re.compile(r"((?:[ \t\r\n]+|#[^\n]*+)*+),")  # possessive: a comma in a comment is none
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BESIDE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=\r?\n)")


class Comment(NamedTuple):
    """A comment, and the key, header or element it is above or beside; `apart` belongs to nothing."""

    where: Literal["above", "beside", "inside", "apart"]
    path: KeyPath
    text: str


@dataclass(slots=True, eq=False)
class Statement:
    """A header, or a key with its value: whole lines of the text, and the lines around them."""

    path: KeyPath
    base: KeyPath
    """The table in whose section a key is; of a header, its own path."""
    body: str
    before: str = ""
    """Blank lines, and comments followed by one: they belong to nothing."""
    comments: str = ""
    """The comments directly above: they come and go with the statement."""
    after: str = ""
    """Comments directly below that a blank line keeps from what follows."""
    written: TextSpan | None = None
    start: int = 0
    """Where the body starts in the text as read."""

    @property
    def header(self) -> bool:
        return self.path == self.base

    def text(self) -> str:
        return self.before + self.comments + self.body + self.after


def statements(text: str) -> tuple[list[Statement], str]:
    """The statements of `text`, whose last line must be whole, and what follows the last of them."""
    out: list[Statement] = []
    base: KeyPath = ()
    end = 0
    for written in layout(text).statements:
        start = text.rfind("\n", 0, written.start) + 1
        between = text[end:start]
        end = text.find("\n", written.end) + 1 or len(text)
        base = written.path if written.header else base
        statement = Statement(written.path, base, text[start:end], written=written, start=start)
        before = _directives(between) if not out else _below(out[-1], between, last=False)
        lines = _LINE.findall(before[1])
        own = len(lines)
        while own and lines[own - 1].strip():
            own -= 1
        statement.before, statement.comments = before[0] + "".join(lines[:own]), "".join(lines[own:])
        out.append(statement)
    if not out:
        return [], text
    return out, _below(out[-1], text[end:], last=True)[1]


def _directives(between: str) -> tuple[str, str]:
    """The `#:schema …` lines at the beginning belong to the file, not to its first key."""
    match = re.match(r"(?:#:[^\n]*\n)*", between)
    end = match.end() if match else 0
    return between[:end], between[end:]


def _below(statement: Statement, between: str, *, last: bool) -> tuple[str, str]:
    lines = _LINE.findall(between)
    count = next((number for number, line in enumerate(lines) if not line.strip()), len(lines) if last else 0)
    statement.after = "".join(lines[:count])
    return "", "".join(lines[count:])


@dataclass(slots=True, eq=False)
class Cell:
    """An element of an array that is written over several lines, with what belongs to it."""

    lead: str
    """From what precedes it: line break, comments above, indentation."""
    body: str
    pad: str = ""
    """What is between the element and its comma; nearly always nothing."""
    comma: bool = True
    beside: str = ""
    """The comment on the same line."""

    def split_lead(self) -> tuple[str, str]:
        """The comments that belong to nothing, and those directly above the element."""
        match = re.match(r"(.*\n[ \t]*(?=\r?\n))?(.*)", self.lead, re.DOTALL)
        return (match[1] or "", match[2]) if match else ("", self.lead)


def cells(text: str, array: TextSpan) -> tuple[str, list[Cell], str]:
    """The beginning of an array in `text`, its elements, and what follows the last of them, with the bracket."""
    match = _BESIDE.match(text, array.value + 1)
    at = match.end() if match else array.value + 1
    head, out = text[array.value : at], []
    for element in array.inside:
        cell = Cell(text[at : element.start], text[element.value : element.end], comma=False)
        at = element.end
        if comma := _COMMA.match(text, at):
            cell.pad, cell.comma, at = comma[1], True, comma.end()
        if beside := _BESIDE.match(text, at):
            cell.beside, at = beside.group(), beside.end()
        out.append(cell)
    return head, out, text[at : array.end]


def comments(text: str) -> list[Comment]:
    """Every comment of `text` that is in lines of its own, beside something, or in an array."""
    found, tail = statements(text if text.endswith("\n") else text + "\n")
    out = []
    for statement in found:
        written = statement.written
        out += [Comment("apart", (), line) for line in _lines(statement.before) + _lines(statement.after)]
        out += [Comment("above", statement.path, line) for line in _lines(statement.comments)]
        if written is not None:
            out += [
                Comment("beside", statement.path, c) for c in _lines(text[written.end : _line_end(text, written.end)])
            ]
            out += _inside(text, written)
    return out + [Comment("apart", (), line) for line in _lines(tail)]


def _inside(text: str, written: TextSpan) -> list[Comment]:
    out = []
    if text.startswith("[", written.value) and not written.header:
        head, found, closing = cells(text, written)
        for element, cell in zip(written.inside, found, strict=True):
            apart, above = cell.split_lead()
            out += [Comment("inside", written.path, line) for line in _lines(apart)]
            out += [Comment("above", element.path, line) for line in _lines(above)]
            out += [Comment("beside", element.path, line) for line in _lines(cell.pad + cell.beside)]
        out += [Comment("inside", written.path, line) for line in _lines(head[1:]) + _lines(closing[:-1])]
    for element in written.inside:
        out += _inside(text, element)
    return out


def _lines(trivia: str) -> list[str]:
    return [line.strip() for line in trivia.split("\n") if line.strip()]


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def value_at(data: Any, path: Sequence[str | int]) -> Any:
    """The value at this path of plain data; None where there is none."""
    for step in path:
        if isinstance(data, Mapping) and isinstance(step, str):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
            data = data[step]
        else:
            return None
    return data
