"""Divides a text into blocks, each a table header with its keys, also where the text has mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from .open_brackets import state_after

HEADER: Final = re.compile(r"[ \t]*\[")
"""How a line with a header begins; a line of a list may, too."""
_LONG_QUOTES = ('"""', "'''")
_SURELY_HEADER = re.compile(
    r"\[\[?(?!(?:true|false|inf|nan)\])[A-Za-z][\w-]*(?:\.(?:[\w-]+|\"[^\"]*\"))*\]\]?\s*(?:#.*)?$"
)
"""A header even where a list is open: the list was not closed."""
_COMMENT = re.compile(r"\s*#")


class TextBlock(NamedTuple):
    """A part of a text that can be parsed alone."""

    start: int
    """Its offset in the text."""
    line: int
    """The number of its first line, from 0."""
    text: str

    @property
    def end_line(self) -> int:
        """The number of the line after its last one, from 0."""
        return self.line + len(self.text.split("\n")) - self.text.endswith("\n")


def own_end(found: Sequence[TextBlock], number: int) -> int:
    """The line after the last one of a block that belongs to its table, from 0.

    Blank lines at its end do not, nor does a comment directly above the header that follows.
    """
    block, end = found[number], found[number].end_line
    lines = block.text.split("\n")
    while number < len(found) - 1 and end > block.line + 1 and _COMMENT.match(lines[end - block.line - 1]):
        end -= 1
    while end > block.line + 1 and not lines[end - block.line - 1].strip():
        end -= 1
    return end


def blocks(text: str) -> Iterator[TextBlock]:
    """The blocks of a text, in their order; together they are the text."""
    lines = text.split("\n")
    last = {quote: number for number, line in enumerate(lines) for quote in _LONG_QUOTES if quote in line}
    depth, quote, start, first, offset = 0, "", 0, 0, 0
    for number, line in enumerate(lines):
        if not quote and line[:1] in "[ \t" and HEADER.match(line) and (depth == 0 or _SURELY_HEADER.match(line)):
            if number:
                yield TextBlock(start, first, text[start:offset])
            start, first, depth = offset, number, 0
        opened = quote
        depth, quote = state_after(line, depth, quote)
        if quote and not opened and last.get(quote, 0) <= number:
            quote = ""  # it is never closed: a mistake on this line
        offset += len(line) + 1
    yield TextBlock(start, first, text[start:])
