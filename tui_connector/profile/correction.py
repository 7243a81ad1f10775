"""A correction of a text: what it does, and the edits that do it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class TextEdit(NamedTuple):
    """The characters from `start` to `end` (offsets) become `text`."""

    start: int
    end: int
    text: str


class Correction(NamedTuple):
    """The likely correction of a problem."""

    title: str
    """In the imperative, such as "Put the text in quotes"."""
    edits: tuple[TextEdit, ...]

    def moved(self, by: int) -> Correction:
        """The same correction in a text that has `by` characters more in front."""
        return Correction(self.title, tuple(TextEdit(start + by, end + by, text) for start, end, text in self.edits))


def apply(text: str, edits: Iterable[TextEdit]) -> str:
    """The text with these edits, which do not overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def replace_line(text: str, number: int, line: str, title: str) -> Correction:
    """The correction that replaces a line (from 1) without its line break."""
    lines = text.split("\n")
    start = line_start(lines, number)
    return Correction(title, (TextEdit(start, start + len(lines[number - 1]), line),))


def line_start(lines: Sequence[str], number: int) -> int:
    """The offset of a line (from 1) in the text that has these lines."""
    return sum(len(line) + 1 for line in lines[: number - 1])
