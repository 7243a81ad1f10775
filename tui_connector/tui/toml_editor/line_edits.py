"""Edits of whole lines: comments, indentation, copies, and moving them up and down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

INDENT = "  "


class LineEdit(NamedTuple):
    """The lines from `first` to `last` (from 0, both included) become `lines`."""

    first: int
    last: int
    lines: tuple[str, ...]
    down: int = 0
    """By how many lines the cursor and the selection move."""


def toggle_comment(lines: Sequence[str], first: int, last: int) -> LineEdit:
    """Makes the lines comments; where all of them are, except for empty ones, they are no comments any more."""
    chosen = lines[first : last + 1]
    written = [line for line in chosen if line.strip()]
    if written and all(line.lstrip().startswith("#") for line in written):
        return LineEdit(first, last, tuple(map(_without_mark, chosen)))
    column = min((_indentation(line) for line in written), default=0)
    marked = (f"{line[:column]}# {line[column:]}" if line.strip() or not written else line for line in chosen)
    return LineEdit(first, last, tuple(marked))


def _without_mark(line: str) -> str:
    before, mark, rest = line.partition("#")
    return before + rest.removeprefix(" ") if mark else line


def indent(lines: Sequence[str], first: int, last: int) -> LineEdit:
    return LineEdit(first, last, tuple(INDENT + line if line else line for line in lines[first : last + 1]))


def unindent(lines: Sequence[str], first: int, last: int) -> LineEdit:
    def without(line: str) -> str:
        return line[1:] if line.startswith("\t") else line[min(_indentation(line), len(INDENT)) :]

    return LineEdit(first, last, tuple(map(without, lines[first : last + 1])))


def duplicate(lines: Sequence[str], first: int, last: int) -> LineEdit:
    """Copies the lines below themselves, to which the cursor moves."""
    chosen = tuple(lines[first : last + 1])
    return LineEdit(first, last, (*chosen, *chosen), down=len(chosen))


def move(lines: Sequence[str], first: int, last: int, by: int) -> LineEdit | None:
    """Moves the lines one line up (-1) or down (1); None at the start or end of the text."""
    chosen = tuple(lines[first : last + 1])
    if by < 0:
        return LineEdit(first - 1, last, (*chosen, lines[first - 1]), down=-1) if first else None
    return LineEdit(first, last + 1, (lines[last + 1], *chosen), down=1) if last + 1 < len(lines) else None


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
