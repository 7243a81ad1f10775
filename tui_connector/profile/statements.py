"""The statements of a TOML text, each with the comments that belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from .positions import KeyPath, TextSpan, layout

_COMMA = re.compile(r"((?:[ \t\r\n]+|#[^\n]*+)*+),")  # possessive: a comma in a comment is none
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SAME_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=\r?\n)")


Where: TypeAlias = Literal["above", "same-line", "inside", "detached"]


class Comment(NamedTuple):
    """A comment, and the key, header or element that it belongs to.

    `above` it or on its `same-line`; `inside` an array but at none of its elements; `detached` from everything.
    """

    where: Where
    path: KeyPath
    text: str


@dataclass(slots=True, eq=False)
class Statement:
    """A table header, or a key with its value: whole lines of the text, and the lines around them."""

    path: KeyPath
    base: KeyPath
    """The table under whose header a key is; for a header, its own path."""
    body: str
    before: str = ""
    """Blank lines, and comments followed by one: detached from the statement."""
    comments: str = ""
    """The comments directly above: moved and removed with the statement."""
    after: str = ""
    """Comments directly below, with a blank line after them: detached as well."""
    span: TextSpan | None = None
    """None for a new statement."""
    start: int = 0
    """The offset of the body in the text as read."""

    @property
    def is_header(self) -> bool:
        return self.path == self.base

    def text(self) -> str:
        return self.before + self.comments + self.body + self.after


def statements(text: str) -> tuple[list[Statement], str]:
    """The statements of `text`, which ends with a line break, and the text after the last of them."""
    out: list[Statement] = []
    base: KeyPath = ()
    end = 0
    for span in layout(text).statements:
        start = text.rfind("\n", 0, span.start) + 1
        between = text[end:start]
        end = text.find("\n", span.end) + 1 or len(text)
        base = span.path if span.is_header else base
        if out:
            directives, lines = "", _attach_below(out[-1], between, at_end=False)
        else:
            directives, lines = _split_directives(between)
        attached = len(lines)
        while attached and lines[attached - 1].strip():
            attached -= 1
        before, comments_above = directives + "".join(lines[:attached]), "".join(lines[attached:])
        body = text[start:end]
        statement = Statement(span.path, base, body, before, comments_above, span=span, start=start)
        out.append(statement)
    if not out:
        return [], text
    return out, "".join(_attach_below(out[-1], text[end:], at_end=True))


def _split_directives(between: str) -> tuple[str, list[str]]:
    """The `#:schema …` lines, which belong to the file and not to its first key, and the other lines."""
    match = re.match(r"(?:#:[^\n]*\n)*", between)
    end = match.end() if match else 0
    return between[:end], _LINE.findall(between[end:])


def _attach_below(statement: Statement, between: str, *, at_end: bool) -> list[str]:
    """Gives a statement the comments that are directly below it and detached from the next; returns the other lines."""
    lines = _LINE.findall(between)
    count = next((number for number, line in enumerate(lines) if not line.strip()), len(lines) if at_end else 0)
    statement.after = "".join(lines[:count])
    return lines[count:]


@dataclass(slots=True, eq=False)
class Cell:
    """An element of an array that spans several lines, with the text around it."""

    lead: str
    """The text before it: line break, comments above, indentation."""
    body: str
    before_comma: str = ""
    """The text between the element and its comma; nearly always empty."""
    comma: bool = True
    same_line: str = ""
    """The comment on the same line."""

    def split_lead(self) -> tuple[str, str]:
        """The detached comments, and those directly above the element."""
        match = re.match(r"(.*\n[ \t]*(?=\r?\n))?(.*)", self.lead, re.DOTALL)
        return (match[1] or "", match[2]) if match else ("", self.lead)


def cells(text: str, array: TextSpan) -> tuple[str, list[Cell], str]:
    """An array of `text` in pieces: its opening bracket, its elements, and the text after the last of them."""
    match = _SAME_LINE.match(text, array.value_start + 1)
    at = match.end() if match else array.value_start + 1
    opening, out = text[array.value_start : at], []
    for element in array.children:
        cell = Cell(text[at : element.start], text[element.value_start : element.end], comma=False)
        at = element.end
        if comma := _COMMA.match(text, at):
            cell.before_comma, cell.comma, at = comma[1], True, comma.end()
        if comment := _SAME_LINE.match(text, at):
            cell.same_line, at = comment.group(), comment.end()
        out.append(cell)
    return opening, out, text[at : array.end]


def comments(text: str) -> list[Comment]:
    """Every comment of `text`, with what it belongs to."""
    found, tail = statements(text if text.endswith("\n") else text + "\n")
    out = []
    for statement in found:
        out += _comments_at("detached", (), statement.before + statement.after)
        out += _comments_at("above", statement.path, statement.comments)
        if (span := statement.span) is not None:
            line_end = text.find("\n", span.end)
            out += _comments_at("same-line", statement.path, text[span.end : len(text) if line_end < 0 else line_end])
            out += _comments_inside(text, span)
    return out + _comments_at("detached", (), tail)


def _comments_inside(text: str, span: TextSpan) -> list[Comment]:
    """The comments in an array and in the arrays inside it."""
    out = []
    if text.startswith("[", span.value_start) and not span.is_header:
        opening, found, closing = cells(text, span)
        for element, cell in zip(span.children, found, strict=True):
            detached, above = cell.split_lead()
            out += _comments_at("inside", span.path, detached)
            out += _comments_at("above", element.path, above)
            out += _comments_at("same-line", element.path, cell.before_comma + cell.same_line)
        out += _comments_at("inside", span.path, opening[1:]) + _comments_at("inside", span.path, closing[:-1])
    for child in span.children:
        out += _comments_inside(text, child)
    return out


def _comments_at(where: Where, path: KeyPath, trivia: str) -> list[Comment]:
    """The comments in a text that consists of blanks, line breaks and comments."""
    return [Comment(where, path, line.strip()) for line in trivia.split("\n") if line.strip()]
