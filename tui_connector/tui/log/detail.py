"""The detail of an exchange, with a cursor and a search. Rows are wrapped and rendered only where visible."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import ClassVar, get_args

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...client.exchange import Exchange
from ...client.json_text import path_at, value_at
from ...client.printer import Formatter, Role
from ...log.needle import Needle, needle_for
from ..widgets.painted import Painted
from .exchange_text import (
    BAR,
    LONGEST_BODY,
    ExchangeText,
    Extra,
    LineStyle,
    RelatedExchanges,
    exchange_text,
    probes_text,
)

_PAINTS: dict[LineStyle, str] = {
    Role.SUMMARY: "title",
    Role.REQUEST: "title",
    Role.SUCCESS: "good",
    Role.REFUSED: "refused",
    Role.ERROR: "bad",
    Role.TIMINGS: "muted",
    Role.NOTE: "muted",
    Role.TRUNCATED: "muted",
    Role.PARTIAL: "warning",
    Role.HTML: "muted",
    Extra.FINDING: "warning",
    Extra.EVIDENCE: "muted",
    Extra.WATERFALL: "muted",
    Extra.RELATED: "warning",
    Extra.CRITERIA: "accent",
    Extra.HINT: "muted",
}
"""Paint of each kind of line; the others are plain."""
_JSON = re.compile(r'("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b')
_MAX_COLOURED = 4_000
"""Characters of a line up to which it is coloured as JSON."""

Paint = Callable[[str], Style]
"""Returns the theme's style of this name."""
Span = tuple[int, int, str]
"""Start, end and paint of a part of a line."""


def segments(line: str, style_of: LineStyle, needle: str, start: int, end: int, paint: Paint) -> list[Segment]:
    """The part of a line from `start` to `end`, coloured by its style, with the search hits marked."""
    base = paint(_PAINTS[style_of]) if style_of in _PAINTS else Style()
    spans = list(_spans(line, style_of))
    if needle:
        spans += _hits(line, needle, start, end)
    # later spans override earlier ones
    edges = sorted({start, end, *(edge for first, last, _ in spans for edge in (first, last) if start < edge < end)})
    out = []
    for left, right in pairwise(edges):
        style = base
        for first, last, over in spans:
            if first <= left and right <= last:
                style += paint(over)
        out.append(Segment(line[left:right], style))
    return out


def _spans(line: str, style_of: LineStyle) -> Iterator[Span]:
    if style_of is Role.HEADER:
        yield 0, line.find(":") + 1, "muted"
    elif style_of is Role.PARAMETER:
        name, equals, _ = line.partition(" = ")
        yield 0, len(name), "key"
        yield len(name), len(name) + len(equals), "muted"
    elif style_of is Extra.WATERFALL:
        for match in re.finditer(f"{BAR}+", line):
            yield match.start(), match.end(), "accent"
    elif style_of is Role.JSON and len(line) <= _MAX_COLOURED:
        for match in _JSON.finditer(line):
            if match[1]:
                yield match.start(1), match.end(1), "key" if match[2] else "string"
            else:
                yield match.start(), match.end(), "number" if match[3] else "accent"


def _hits(line: str, text: str, start: int, end: int) -> Iterator[Span]:
    wanted = needle_for(text)
    margin = len(text) + _ALIGNMENT
    for first, last in wanted.spans(line, max(0, start - margin), end + margin):
        yield first, last, "hit"


_ALIGNMENT = 64
"""Blanks that a condition may have more than the text that finds it, where values are below each other."""

_MAX_HANG = 24
"""Maximum indent of a continuation row, in columns."""


@dataclass(frozen=True, slots=True)
class WrappedRow:
    """One row: part of a line, and its indent in columns."""

    line: int
    start: int
    end: int
    indent: int


class WrappedLines:
    """Lines wrapped into rows, at spaces where possible. A line that fits needs no storage of its own."""

    def __init__(self, lines: Sequence[str], width: int, hang: Callable[[int], int] | None = None) -> None:
        """`hang` gives the indent of the continuation of a line; by default that of the line, plus 2."""
        self.width = max(8, width)
        self._lines = lines
        self._breaks: dict[int, list[int]] = {}
        self._indents: dict[int, int] = {}
        half = self.width // 2  # a line this short fits: no character is wider than two cells
        long = [n for n, line in enumerate(lines) if len(line) > half and not _fits(line, self.width)]
        for index in long:
            column = hang(index) if hang else _indent(lines[index])
            indent = self._indents[index] = min(column, _MAX_HANG, half)
            self._breaks[index] = break_points(lines[index], self.width, indent)
        self._ends = self._row_ends() if long else range(1, len(lines) + 1)

    def _row_ends(self) -> Sequence[int]:
        counts = [1] * len(self._lines)
        for index, starts in self._breaks.items():
            counts[index] = len(starts)
        return list(accumulate(counts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> WrappedRow:
        line = bisect_right(self._ends, index)
        starts = self._breaks.get(line)
        if starts is None:
            return WrappedRow(line, 0, len(self._lines[line]), 0)
        nth = index - self.first_of(line)
        end = starts[nth + 1] if nth + 1 < len(starts) else len(self._lines[line])
        return WrappedRow(line, starts[nth], end, self._indents[line] if nth else 0)

    def first_of(self, line: int) -> int:
        """The index of the first row of a line."""
        return self._ends[line - 1] if line else 0

    def row_at(self, line: int, column: int) -> int:
        """The index of the row that shows this character of a line."""
        starts = self._breaks.get(line)
        return self.first_of(line) + (bisect_right(starts, column) - 1 if starts else 0)


def break_points(line: str, width: int, indent: int) -> list[int]:
    """Where the rows of a line start: after a space, where the second half of the row has one."""
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
    """How many characters from `start` fit into `room` cells; at least one."""
    piece = line[start : start + room]
    if piece.isascii():
        return len(piece)
    while len(piece) > 1 and (excess := cell_len(piece) - room) > 0:
        piece = piece[: -max(1, excess // 2)]
    return len(piece)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" ")) + 2


_IMMEDIATE_BYTES = 16_000
"""Bytes of a body that are formatted at once; the rest of a larger one follows from a thread."""
_MAX_HITS = 10_000
_SEARCH_BATCH = 2_000  # lines searched before keys are handled
_VIEWS: tuple[Formatter, ...] = get_args(Formatter)


class ExchangeDetail(Painted, ScrollView, can_focus=True):
    """One exchange: in the format of its client at first, in full once it has the focus."""

    part_name = "the selected request"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"detail--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="detail.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="detail.up"),
        Binding("pagedown,space", "page(1)", "Page down", show=False, id="detail.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="detail.page-up"),
        Binding(
            "b", "section", "Body", id="detail.section", tooltip="To the response's body, then to the next section"
        ),
        Binding("g,home", "go(0)", "Top", show=False, id="detail.top"),
        Binding("G,end", "go(-1)", "End", show=False, id="detail.end"),
    ]

    @dataclass
    class Built(Message):
        """The full text of an exchange is formatted."""

        exchange: Exchange
        text: ExchangeText
        rows: WrappedLines

    @dataclass
    class Searched(Message):
        """The hit that the cursor is on, 0 if it is on none, and the number of hits."""

        current: int
        count: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")
        self.exchange: Exchange | None = None
        self.raw = False
        self.chosen_view: Formatter | None = None
        """The view that the user chose, for all exchanges."""
        self._expanded = False
        self._related = RelatedExchanges()
        self._text = ExchangeText()
        self._rows = WrappedLines([], 8)
        self._cursor = 0
        self._width = 0
        self._style = Style()
        self._building = self._outdated = False
        self._built = "", False
        """The view that was built last, and whether it was for a search, of which the whole body is shown."""
        self.needle = ""
        self._hits: list[tuple[int, int]] = []
        self._jumps = False
        """Whether to go to the first hit once it is found: not while something more important is at the top."""
        self._compared: set[int] = set()
        """Numbers of the resent exchanges whose comparison with the first response has been at the top."""

    def show(self, exchange: Exchange | None, related: RelatedExchanges = RelatedExchanges()) -> None:  # noqa: B008 - immutable
        """Shows this exchange; the same one again changes nothing."""
        if exchange is self.exchange and related == self._related:
            return
        explains = exchange is self.exchange and related.finding is not None and self._related.finding is None
        if exchange is not self.exchange:
            self._expanded = self.has_focus
            self._hits = []
        if exchange is not self.exchange or explains:
            is_compared = (
                exchange is not None and related.repeated is not None and exchange.number not in self._compared
            )
            if exchange is not None and is_compared:
                self._compared.add(exchange.number)
            self._cursor = 0
            self._jumps = not is_compared and not explains
            self.scroll_to(y=0, animate=False, force=True)
        self.exchange, self._related = exchange, related
        self._build()

    def on_resize(self) -> None:
        if self.size.width != self._width:
            self._build()

    def on_focus(self) -> None:
        if not self._expanded:
            self._expanded = True
            self._build()

    @property
    def view(self) -> Formatter:
        """The current view."""
        if self.chosen_view is not None or self._expanded or self.needle:  # a match may be anywhere in it
            return self.chosen_view or "full"
        tagged = self.exchange.formatter if self.exchange is not None else None
        # the row is what the simple format prints
        return next((view for view in _VIEWS if view == tagged and view != "simple"), "long")

    def next_view(self) -> None:
        """Chooses the next view, for all exchanges."""
        self.chosen_view = _VIEWS[(_VIEWS.index(self.view) + 1) % len(_VIEWS)]
        self._build()

    def toggle_raw(self) -> None:
        """Switches between bodies as received and indented ones; shows the section of the cursor from its start."""
        section = self._text.section_of(self._cursor_line)
        self.raw = not self.raw
        self._build()
        if section:
            self._show_from(self._text.start_of(section))

    def _build(self) -> None:
        """Formats what can be formatted at once; a thread formats longer bodies, one at a time."""
        self._width, self._built = self.size.width, (self.view, bool(self.needle))
        exchange = self.exchange
        if exchange is None:
            text = probes_text(self._related.probes) if self._related.probes else ExchangeText()
            self._set_text(text, WrappedLines(text.lines, max(20, self.scrollable_content_region.width)))
            return
        self._set_text(*self._layout(exchange, _IMMEDIATE_BYTES))
        longest = max(len(exchange.body.data), len(exchange.request_body.data))
        if self.view != "full" or (longest <= _IMMEDIATE_BYTES and not exchange.body.has_whole):
            return
        if self._building:
            self._outdated = True
        else:
            self._building = True
            self.call_after_refresh(self._start_full_build, exchange)  # after painting, which its thread would delay

    def _start_full_build(self, exchange: Exchange) -> None:
        self.run_worker(self._build_full(exchange))

    async def _build_full(self, exchange: Exchange) -> None:
        built = await asyncio.to_thread(lambda: self._layout(exchange.with_whole_body(), LONGEST_BODY))
        self.post_message(self.Built(exchange, *built))

    def on_exchange_detail_built(self, message: Built) -> None:
        self._building = False
        if self._outdated or message.exchange is not self.exchange:
            self._outdated = False
            self._build()
        else:
            self._set_text(message.text, message.rows)

    def _layout(self, exchange: Exchange, longest: int) -> tuple[ExchangeText, WrappedLines]:
        width = max(20, self.scrollable_content_region.width)
        other = "v shows more" if self.chosen_view else "Enter shows all of it"
        more = {"full": "w saves the body to a file", "curl": "y copies the whole command"}.get(self.view, other)
        text = exchange_text(
            exchange,
            self._related,
            width=width,
            view=self.view,
            more=more,
            raw=self.raw,
            longest=longest,
            whole=bool(self.needle),
        )

        def hang(line: int) -> int:
            if text.style(line) is Role.PARAMETER:
                return 4
            if text.style(line) is Role.HEADER:
                return text.lines[line].find(":") + 2
            return len(text.lines[line]) - len(text.lines[line].lstrip(" ")) + 2

        return text, WrappedLines(text.lines, width, hang)

    def _set_text(self, text: ExchangeText, rows: WrappedLines) -> None:
        if self._hit_at_cursor():
            self._jumps = True  # it stays in sight
        if len(self._rows) and rows.width != self._rows.width:
            line = self._rows[self._cursor].line
            self._cursor = rows.first_of(max(0, min(line, len(text.lines) - 1)))
        self._text, self._rows = text, rows
        self._cursor = min(self._cursor, max(0, len(rows) - 1))
        self.virtual_size = Size(self.size.width, len(rows))
        self.refresh()
        if self.needle:
            self._find()

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # Textual computes it at each access
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        index = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if index >= len(self._rows):
            return Strip.blank(width, self._style)
        row = self._rows[index]
        line, text = self._text.lines[row.line], self._text
        parts = segments(line, text.style(row.line), self.needle, row.start, row.end, self.paint)
        strip = Strip([Segment(" " * row.indent), *parts]).crop_extend(0, width, None)
        style = self._style
        if self.has_focus and index == self._cursor:
            style += self.get_component_rich_style("detail--cursor", partial=True)
        return strip.apply_style(style)

    def action_move(self, step: int) -> None:
        self._go(self._cursor + step)

    def action_page(self, direction: int) -> None:
        """Moves what is shown by a page, and the cursor with it."""
        step = direction * max(1, self.size.height - 1)
        self.scroll_to(y=self.scroll_offset.y + step, animate=False, force=True)
        self._go(self._cursor + step)

    def action_section(self) -> None:
        """Goes to the next section, which is then at the top."""
        if self.exchange is not None and not (self.exchange.body.data or self.exchange.request_body.data):
            self.notify("Neither the request nor the response has a body that was kept.", markup=False)
        if len(self._rows):
            self._show_from(self._text.next_section(self._rows[self._cursor].line))

    def show_body(self) -> None:
        """Goes to the body of the response, wherever the cursor was before."""
        self._go(0)
        self.action_section()

    def _show_from(self, line: int) -> None:
        """Goes to this line, which is then at the top."""
        row = self._rows.first_of(line)
        self._go(row)
        self.scroll_to(y=row, animate=False, force=True)

    def action_go(self, row: int) -> None:
        self._go(row if row >= 0 else len(self._rows) - 1)

    def _go(self, row: int) -> None:
        self._cursor, self._jumps = max(0, min(row, len(self._rows) - 1)), False
        if self._hits:
            self._report_hits()
        self.scroll_to_region(Region(0, self._cursor, 1, 1), animate=False, force=True)
        self.refresh()

    def value_at_cursor(self) -> tuple[str, str] | None:
        """The JMESPath of the response's value under the cursor, and the value; None where there is none."""
        response = self._text.response
        line = self._rows[self._cursor].line if len(self._rows) else -1
        if response is None or line not in response:
            return None
        lines = self._text.lines[response.start : response.stop]
        path = path_at(lines, line - response.start)
        return None if path is None else (path, value_at(lines, line - response.start))

    def search(self, needle: str) -> None:
        """Searches all lines of the full view, and goes to the first hit at or below the cursor."""
        self.needle, self._jumps = needle, True
        if (self.view, bool(needle)) != self._built:
            self._hits = []
            self._build()  # which searches the new text
        else:
            self._find()

    def _find(self) -> None:
        self._hits = []
        self.run_worker(self._search(self.needle, self._text), group="search", exclusive=True)
        self.refresh()

    async def _search(self, needle: str, text: ExchangeText) -> None:
        wanted, hits = Needle(needle), list[tuple[int, int]]()
        if needle:
            for start in range(0, len(text.lines), _SEARCH_BATCH):
                for line in range(start, min(start + _SEARCH_BATCH, len(text.lines))):
                    column = wanted.find(text.lines[line])
                    if column >= 0:
                        hits.append((line, column))
                if len(hits) >= _MAX_HITS:
                    break
                await asyncio.sleep(0)
        self.post_message(self.HitsFound(needle, text, hits))

    @dataclass
    class HitsFound(Message):
        """The hits of a search, as line and column."""

        needle: str
        text: ExchangeText
        hits: list[tuple[int, int]]

    def on_exchange_detail_hits_found(self, message: HitsFound) -> None:
        if message.text is not self._text or message.needle != self.needle:
            return
        self._hits = message.hits
        if self._jumps and self._hits:
            self._show_hit(bisect_left(self._hits, (self._cursor_line, 0)))
        else:
            self._report_hits()

    @property
    def _cursor_line(self) -> int:
        return self._rows[self._cursor].line if len(self._rows) else 0

    def next_hit(self, step: int) -> None:
        """Goes to the next hit below the cursor, or above it where `step` is -1; wraps around at the ends."""
        if self._hits and step > 0:
            self._show_hit(bisect_left(self._hits, (self._cursor_line + 1, 0)))
        elif self._hits:
            self._show_hit(bisect_left(self._hits, (self._cursor_line, 0)) - 1)

    def _show_hit(self, hit: int) -> None:
        row = self._rows.row_at(*self._hits[hit % len(self._hits)])
        self._go(row)
        self.scroll_to(y=row - self.size.height // 3, animate=False, force=True)

    def _hit_at_cursor(self) -> int:
        """Which of the hits the cursor is on, from 1; 0 if it is on none."""
        hit = bisect_left(self._hits, (self._cursor_line, 0))
        return hit + 1 if hit < len(self._hits) and self._hits[hit][0] == self._cursor_line else 0

    def _report_hits(self) -> None:
        self.post_message(self.Searched(self._hit_at_cursor(), len(self._hits)))
