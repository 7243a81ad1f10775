"""The colours of the detail's lines: only of the stretch that is visible, never from what a text says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style

from .exchange_text import Look

_STYLES = {
    Look.HEAD: Style(bold=True, color="cyan"),
    Look.REQUEST: Style(bold=True),
    Look.GOOD: Style(bold=True, color="green"),
    Look.BAD: Style(bold=True, color="red"),
    Look.WORDS: Style(color="yellow"),
    Look.HEADER: Style(),
    Look.BODY: Style(),
    Look.JSON: Style(),
    Look.NOTE: Style(italic=True, dim=True),
    Look.BAR: Style(),
    Look.LEGEND: Style(dim=True),
}
HIT = Style(reverse=True, bold=True)
_NAME = Style(dim=True)
_PHASES = {"░": "cyan", "▒": "magenta", "▓": "blue", "█": "yellow", "▂": "green"}
_JSON = re.compile(r'("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b')
_KEY, _STRING, _NUMBER, _WORD = Style(color="cyan"), Style(color="green"), Style(color="magenta"), Style(color="yellow")
_LONGEST = 4_000
"""Characters of a line up to which it is coloured as JSON."""

Span = tuple[int, int, Style]


def segments(line: str, look: Look, name_column: int, needle: str, start: int, end: int) -> list[Segment]:
    """The stretch of a line from `start` to `end`, coloured, with what is searched for marked."""
    base = _STYLES[look]
    spans = list(_spans(line, look, name_column))
    if needle:
        spans += _hits(line, needle, start, end)
    # a span that comes later lies over those before it
    edges = sorted({start, end, *(edge for first, last, _ in spans for edge in (first, last) if start < edge < end)})
    out = []
    for left, right in pairwise(edges):
        style = base
        for first, last, over in spans:
            if first <= left and right <= last:
                style += over
        out.append(Segment(line[left:right], style))
    return out


def _spans(line: str, look: Look, name_column: int) -> Iterator[Span]:
    if look is Look.HEADER:
        yield 0, name_column, _NAME
    elif look in (Look.BAR, Look.LEGEND):
        for match in re.finditer(r"([░▒▓█▂])\1*", line):
            yield match.start(), match.end(), Style(color=_PHASES[match[1]], dim=False)
    elif look is Look.JSON and len(line) <= _LONGEST:
        for match in _JSON.finditer(line):
            if match[1]:
                yield match.start(1), match.end(1), _KEY if match[2] else _STRING
            else:
                yield match.start(), match.end(), _NUMBER if match[3] else _WORD


def _hits(line: str, needle: str, start: int, end: int) -> Iterator[Span]:
    wanted = needle.casefold()
    first = max(0, start - len(needle))
    visible = line[first : end + len(needle)].casefold()
    if len(visible) != len(line[first : end + len(needle)]):
        return  # folding has moved the places
    place = visible.find(wanted)
    while place >= 0:
        yield first + place, first + place + len(wanted), HIT
        place = visible.find(wanted, place + len(wanted))
