"""Lines of text broken into rows: by words, hanging under their own indent, and never wider than the screen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.cells import cell_len

_LONGEST_HANG = 24
"""Columns a line's continuation is moved in, at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a stretch of one line, and the columns it is moved in."""

    line: int
    start: int
    end: int
    indent: int


class Rows:
    """The rows of some lines. A line that fits costs nothing but its place in the count."""

    def __init__(self, lines: Sequence[str], width: int, hang: Callable[[int], int] | None = None) -> None:
        """`hang` gives the column under which the continuation of a line hangs; its own indent where there is none."""
        self.width = max(8, width)
        self._lines = lines
        self._breaks: dict[int, list[int]] = {}
        self._indents: dict[int, int] = {}
        half = self.width // 2  # a line this short fits: no character is wider than two cells
        long = [n for n, line in enumerate(lines) if len(line) > half and not _fits(line, self.width)]
        for index in long:
            column = hang(index) if hang else _indent(lines[index])
            indent = self._indents[index] = min(column, _LONGEST_HANG, half)
            self._breaks[index] = breaks(lines[index], self.width, indent)
        self._ends = self._counted() if long else range(1, len(lines) + 1)

    def _counted(self) -> Sequence[int]:
        counts = [1] * len(self._lines)
        for index, starts in self._breaks.items():
            counts[index] = len(starts)
        return list(accumulate(counts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Row:
        line = bisect_right(self._ends, index)
        starts = self._breaks.get(line)
        if starts is None:
            return Row(line, 0, len(self._lines[line]), 0)
        nth = index - self.first_of(line)
        end = starts[nth + 1] if nth + 1 < len(starts) else len(self._lines[line])
        return Row(line, starts[nth], end, self._indents[line] if nth else 0)

    def first_of(self, line: int) -> int:
        """The index of the row with which a line begins."""
        return self._ends[line - 1] if line else 0

    def row_at(self, line: int, column: int) -> int:
        """The index of the row that shows this character of a line."""
        starts = self._breaks.get(line)
        return self.first_of(line) + (bisect_right(starts, column) - 1 if starts else 0)


def breaks(line: str, width: int, indent: int) -> list[int]:
    """Where the rows of a line begin: behind a space where there is one in the row's second half."""
    starts, start, room = [0], 0, width
    while (end := start + _fitting(line, start, room)) < len(line):
        space = line.rfind(" ", start + room // 2, end)
        start = space + 1 if space > 0 else end
        starts.append(start)
        room = width - indent
    return starts


def _fits(line: str, width: int) -> bool:
    return len(line) <= width if line.isascii() else cell_len(line) <= width


def _fitting(line: str, start: int, room: int) -> int:
    """How many characters from `start` on fit into `room` cells; at least one."""
    piece = line[start : start + room]
    if piece.isascii():
        return len(piece)
    while len(piece) > 1 and (excess := cell_len(piece) - room) > 0:
        piece = piece[: -max(1, excess // 2)]
    return len(piece)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" ")) + 2
