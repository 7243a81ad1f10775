"""Each statement of a TOML text with the comments that belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .positions import Path, Written, layout

_COMMA = re.compile(r"((?:[ \t\r\n]+|#[^\n]*+)*+),")  # possessive: a comma in a comment is none
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BESIDE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=\r?\n)")


class Comment(NamedTuple):
    """A comment, and the key, header or element it stands above or beside; `apart` belongs to nothing."""

    where: Literal["above", "beside", "inside", "apart"]
    path: Path
    text: str


@dataclass(slots=True, eq=False)
class Statement:
    """A header, or a key with its value: whole lines of the text, and the lines around them."""

    path: Path
    base: Path
    """The table in whose section a key stands; of a header, its own path."""
    body: str
    before: str = ""
    """Blank lines, and comments followed by one: they belong to nothing."""
    comments: str = ""
    """The comments directly above: they come and go with the statement."""
    after: str = ""
    """Comments directly below that a blank line keeps from what follows."""
    written: Written | None = None
    start: int = 0
    """Where the body begins in the text as read."""

    @property
    def header(self) -> bool:
        return self.path == self.base

    def text(self) -> str:
        return self.before + self.comments + self.body + self.after


def statements(text: str) -> tuple[list[Statement], str]:
    """The statements of `text`, whose last line must be whole, and what follows the last of them."""
    out: list[Statement] = []
    base: Path = ()
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
    """What stands between the element and its comma; nearly always nothing."""
    comma: bool = True
    beside: str = ""
    """The comment on the same line."""

    def split_lead(self) -> tuple[str, str]:
        """The comments that belong to nothing, and those directly above the element."""
        match = re.match(r"(.*\n[ \t]*(?=\r?\n))?(.*)", self.lead, re.DOTALL)
        return (match[1] or "", match[2]) if match else ("", self.lead)


def cells(text: str, array: Written) -> tuple[str, list[Cell], str]:
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
    """Every comment of `text` that stands in lines of its own, beside something, or in an array."""
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


def _inside(text: str, written: Written) -> list[Comment]:
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
