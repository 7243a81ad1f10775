"""Text that wraps between words: a long path breaks after a slash, and a sign or a key stays with its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from rich.cells import cell_len
from textual.content import Content
from textual.css.styles import RulesMap
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widgets import Static

_KEY = r"(?:\^\S|F\d{1,2}|(?:Shift\+)?Tab|Esc|Enter|Space|Del(?:ete)?|Home|End|PgUp|PgDn|[↑↓←→]+)"
_SIGN = rf"(?:[^\s\w/] +)*(?:[(,]?(?:{_KEY}[,:]?|[A-Za-z]:?) +)?"
_NUMBER = r"[(“]?\d[\d.,:]* "
_WORD = re.compile(rf"{_SIGN}(?:{_NUMBER}(?:%|[KMG]?B\b|[a-z]+)\S*|\S+)\s*|\s+")
"""A word with the blanks after it. A sign, such as ✘, a key and a single letter belong to the word that follows, and a
unit, or what was counted, to its number."""
_CHUNK = re.compile(
    rf"(?:[^\s\w/] +)*[(]?(?:{_KEY}|[^\s(]): \S+(?: [^\s·:]+){{0,3}}?(?=\)| ·|$)(?:\)\S*)?\s*|{_WORD.pattern}"
)
"""A word, or a key and what it does, as in `Enter: add to the list · Esc: close`."""
_NARROW = re.compile(rf"{_SIGN}{_NUMBER}|.+", re.DOTALL)
"""A part of a word that is too long: its number, or all of it."""
_PIECE = re.compile(r"[^/]*/+|[^/]+")


def line_starts(text: str, width: int) -> list[int]:
    """Where the lines of a text without line breaks begin after the first, in characters. `width` in columns."""
    starts, used, at = list[int](), 0, 0
    for chunk in _chunks(text, max(1, width)):
        room = cell_len(chunk.rstrip())
        if used and used + room > width:
            starts.append(at)
            used = 0
        used += cell_len(chunk)
        at += len(chunk)
    return starts


def _chunks(text: str, width: int) -> Iterator[str]:
    """The text in parts that fit into the width."""
    for chunk in _CHUNK.findall(text):
        if cell_len(chunk.rstrip()) <= width:
            yield chunk
            continue
        for word in _WORD.findall(chunk):
            for part in [word] if cell_len(word.rstrip()) <= width else _NARROW.findall(word):
                for piece in [part] if cell_len(part.rstrip()) <= width else _PIECE.findall(part):
                    yield from [piece] if cell_len(piece.rstrip()) <= width else _pieces(piece, width)


def _pieces(text: str, width: int) -> Iterator[str]:
    """The text in parts that are as long as the width."""
    part, used = "", 0
    for character in text:
        columns = cell_len(character)
        if part and used + columns > width:
            yield part
            part, used = "", 0
        part, used = part + character, used + columns
    yield part


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, which may have line breaks, without the blanks at their ends."""
    found = []
    for line in text.split("\n"):
        starts = [0, *line_starts(line, width), len(line)]
        found += [line[start:end].rstrip() for start, end in pairwise(starts)]
    return found


class Prose(Visual):
    """A `Content` that wraps in this way, for a `Static`."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._wrapped = lru_cache(maxsize=2)(self._wrap)

    def __str__(self) -> str:
        return self._content.plain

    def is_same(self, other: Prose) -> bool:
        """Whether the texts and their styles are the same."""
        return self._content.is_same(other._content)

    def _wrap(self, width: int) -> Content:
        lines = list[Content]()
        for line in self._content.split(allow_blank=True):
            lines += [each.rstrip() for each in line.divide(line_starts(line.plain, width))]
        return Content("\n").join(lines)

    def render_strips(self, width: int, height: int | None, style: Style, options: RenderOptions) -> list[Strip]:
        return self._wrapped(width).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return self._content.get_optimal_width(rules, container_width)

    def get_minimal_width(self, rules: RulesMap) -> int:
        return self._content.get_minimal_width(rules)

    def get_height(self, rules: RulesMap, width: int) -> int:
        return self._wrapped(width).get_height(rules, width)


def show_text(line: Static, text: Content | Prose) -> None:
    """Shows a text where it is not shown already. Lays out the screen again only if it needs another size."""
    now = line.content
    if isinstance(text, Prose):
        is_shown = isinstance(now, Prose) and now.is_same(text)
    else:
        is_shown = isinstance(now, Content) and now.is_same(text)
    if not is_shown:
        line.update(text, layout=not _fits(line, text))


def _fits(line: Static, text: Content | Prose) -> bool:
    """Whether the text takes as many lines as the one that is shown, and as many cells where it decides about them."""
    width, height = line.content_size
    if not (line.display and width and height):
        return False
    rules = line.styles.get_rules()
    if line.styles.is_auto_width and text.get_optimal_width(rules, width) != width:
        return False
    return text.get_height(rules, width) == height
