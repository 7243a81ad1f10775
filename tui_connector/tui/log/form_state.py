"""Where the user was in the form of a request, which is kept while it is closed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from textual.screen import Screen
from textual.widgets import Input, TextArea

from ...client.message import Request

_WORD = re.compile(r"\w+|[^\w\s]")
_MAX_COMPARED = 60
"""Words before and after the cursor that are compared: the time grows with the cube of it."""


class FormPlace(NamedTuple):
    """Where in the form its user was."""

    field: str
    """The id of the widget."""
    text: str = ""
    """Of the widget: what it shows of the same request later may be indented, quoted or divided otherwise."""
    at: int = 0
    """The index of the character in the text that is after the cursor."""

    @classmethod
    def of(cls, field: Input | TextArea) -> FormPlace:
        """Where the cursor of this field is."""
        if isinstance(field, TextArea):
            row, column = field.cursor_location
            lines = field.document.lines
            return cls(field.id or "", "\n".join(lines), sum(len(line) + 1 for line in lines[:row]) + column)
        return cls(field.id or "", field.value, field.cursor_position)

    def focus_in(self, form: Screen[Request | None]) -> bool:
        """Focuses the place; False where the form does not show its field."""
        field = form.query_one(f"#{self.field}")
        if not field.display:
            return False
        self.restore(field)
        form.set_focus(field)
        field.call_later(self.restore, field)  # an input that gets the focus goes to its end
        return True

    def restore(self, field: object) -> None:
        """Moves the cursor of the field, which may have another text by now, to the same character."""
        if isinstance(field, TextArea):
            text = "\n".join(field.document.lines)
            before = text[: same_character(self.text, self.at, text)]
            field.move_cursor((before.count("\n"), len(before.rpartition("\n")[2])))
        elif isinstance(field, Input):
            field.cursor_position = same_character(self.text, self.at, field.value)


def same_character(before: str, index: int, after: str) -> int:
    """The index in `after` of the character that `index` is in `before`, a text that says the same.

    Spaces, line breaks, quotes and signs may differ, and lines may have another order. Where the character is gone, it
    is the index of what is in its place.
    """
    if before == after:
        return index
    start = before.rfind("\n", 0, index) + 1
    line = before[start:].partition("\n")[0]
    lines = after.split("\n")
    if line.strip() and lines.count(line) == 1:
        return sum(len(each) + 1 for each in lines[: lines.index(line)]) + index - start
    words, others = [*_WORD.finditer(before)], [*_WORD.finditer(after)]
    at = next((number for number, word in enumerate(words) if word.end() >= index), len(words))
    behind = words[at + 1].start() if at + 1 < len(words) else -1
    if at < len(words) and words[at].end() == index == behind and not words[at][0][-1].isalnum():
        at += 1  # behind a word, more of it may be typed; elsewhere the next character is meant
    if at == len(words):
        return len(after)
    found = _matching([word[0] for word in words], at, [word[0] for word in others])
    if found is None or found >= len(others):
        return len(after)
    inside = index - words[at].start()
    other = others[found]
    return other.start() + max(0, min(inside, len(other[0])))


def _matching(words: Sequence[str], at: int, others: Sequence[str]) -> int | None:
    """The number of the word of `others` that is word number `at` of `words`, or is in its place; None for the end."""
    least = min(len(words), len(others))
    first = next((number for number in range(least) if words[number] != others[number]), least)
    if at < first:
        return at
    rest = least - first
    last = next((number for number in range(rest) if words[-1 - number] != others[-1 - number]), rest)
    if at >= len(words) - last:
        return at - len(words) + len(others)
    start, end = max(first, at - _MAX_COMPARED), min(len(words) - last, at + _MAX_COMPARED)
    compared = others[start : min(len(others) - last, end + _MAX_COMPARED)]
    for kind, low, high, other_low, other_high in SequenceMatcher(
        None, words[start:end], compared, autojunk=False
    ).get_opcodes():
        if low <= at - start < high:
            place = other_low + (at - start - low if kind in ("equal", "replace") else 0)
            return start + min(place, max(other_low, other_high - 1))
    return None
