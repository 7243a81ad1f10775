"""The detail of an exchange: rows drawn only where they are visible, with a cursor and a search."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar, get_args

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...client.exchange import Exchange
from ...client.formatter import Formatter
from .detail_style import segments
from .exchange_text import LONGEST_BODY, Around, ExchangeText, Look, exchange_text
from .json_text import path_at, value_at
from .wrapping import Rows

_AT_ONCE = 16_000
"""Bytes of a body that are made into lines before the next key is read; the whole of a larger one follows."""
_HITS = 10_000
_SLICE = 2_000  # lines searched between two looks at the keys
_VIEWS: tuple[Formatter, ...] = get_args(Formatter)


class ExchangeDetail(ScrollView, can_focus=True):
    """One exchange from top to bottom: first as its client logs it, and all of it once it has the focus."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"detail--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="detail.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="detail.up"),
        Binding("pagedown,space", "page(1)", "Page down", show=False, id="detail.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="detail.page-up"),
        Binding("g,home", "go(0)", "Top", show=False, id="detail.top"),
        Binding("G,end", "go(-1)", "End", show=False, id="detail.end"),
    ]

    @dataclass
    class Built(Message):
        """The whole text of an exchange is there."""

        exchange: Exchange
        text: ExchangeText
        rows: Rows

    @dataclass
    class Searched(Message):
        """The search was done, or went on to another hit: which one of how many."""

        current: int
        count: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.exchange: Exchange | None = None
        self.raw = False
        self.chosen: Formatter | None = None
        """The view that somebody chose, for all exchanges."""
        self._opened = False
        self._around = Around()
        self._text = ExchangeText()
        self._rows = Rows([], 8)
        self._cursor = 0
        self._width = 0
        self._style = Style()
        self._building = self._outdated = False
        self.needle = ""
        self._hits: list[tuple[int, int]] = []
        self._hit = 0

    def show(self, exchange: Exchange | None, around: Around = Around()) -> None:  # noqa: B008 - immutable
        """Shows this exchange; the same one again changes nothing."""
        if exchange is self.exchange and around == self._around:
            return
        if exchange is not self.exchange:
            self._cursor = 0
            self._opened = self.has_focus
            self.scroll_to(y=0, animate=False, force=True)
        self.exchange, self._around = exchange, around
        self._build()

    def on_resize(self) -> None:
        if self.size.width != self._width:
            self._build()

    def on_focus(self) -> None:
        if not self._opened:
            self._opened = True
            self._build()

    @property
    def view(self) -> Formatter:
        """How much of the exchange is shown."""
        if self.chosen is not None or self._opened:
            return self.chosen or "full"
        tagged = self.exchange.formatter if self.exchange is not None else None
        return next((view for view in _VIEWS if view == tagged), "long")

    def next_view(self) -> None:
        """Another view, of this exchange and of all others from now on."""
        self.chosen = _VIEWS[(_VIEWS.index(self.view) + 1) % len(_VIEWS)]
        self._build()

    def toggle_raw(self) -> None:
        """Bodies as they came, or indented."""
        self.raw = not self.raw
        self._build()

    def _build(self) -> None:
        """The text as far as it can be made at once; what is longer follows from a thread, one at a time."""
        self._width = self.size.width
        exchange = self.exchange
        if exchange is None:
            self._take(ExchangeText(), Rows([], 8))
            return
        self._take(*self._made(exchange, _AT_ONCE))
        if self.view != "full" or max(len(exchange.body.data), len(exchange.request_body.data)) <= _AT_ONCE:
            return
        if self._building:
            self._outdated = True
        else:
            self._building = True
            self.call_after_refresh(self._begin_whole, exchange)  # its thread would hold up what can be seen already

    def _begin_whole(self, exchange: Exchange) -> None:
        self.run_worker(self._build_whole(exchange))

    async def _build_whole(self, exchange: Exchange) -> None:
        self.post_message(self.Built(exchange, *await asyncio.to_thread(self._made, exchange, LONGEST_BODY)))

    def on_exchange_detail_built(self, message: Built) -> None:
        self._building = False
        if self._outdated or message.exchange is not self.exchange:
            self._outdated = False
            self._build()
        else:
            self._take(message.text, message.rows)

    def _made(self, exchange: Exchange, longest: int) -> tuple[ExchangeText, Rows]:
        width = max(20, self.scrollable_content_region.width)
        more = "v shows more" if self.chosen else "Enter shows all of it"
        text = exchange_text(
            exchange, self._around, width=width, view=self.view, more=more, raw=self.raw, longest=longest
        )

        def hang(line: int) -> int:
            if text.look(line) is Look.HEADER:
                return text.name_column
            return len(text.lines[line]) - len(text.lines[line].lstrip(" ")) + 2

        return text, Rows(text.lines, width, hang)

    def _take(self, text: ExchangeText, rows: Rows) -> None:
        self._text, self._rows = text, rows
        self._cursor = min(self._cursor, max(0, len(rows) - 1))
        self.virtual_size = Size(self.size.width, len(rows))
        self.refresh()
        if self.needle:
            self.search(self.needle)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # Textual adds it up anew at each look
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        index = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if index >= len(self._rows):
            return Strip.blank(width, self._style)
        row = self._rows[index]
        line, text = self._text.lines[row.line], self._text
        parts = segments(line, text.look(row.line), text.name_column, self.needle, row.start, row.end)
        strip = Strip([Segment(" " * row.indent), *parts]).crop_extend(0, width, None)
        style = self._style
        if self.has_focus and index == self._cursor:
            style += self.get_component_rich_style("detail--cursor", partial=True)
        return strip.apply_style(style)

    def action_move(self, step: int) -> None:
        self._go(self._cursor + step)

    def action_page(self, direction: int) -> None:
        self._go(self._cursor + direction * max(1, self.size.height - 1))

    def action_go(self, row: int) -> None:
        self._go(row if row >= 0 else len(self._rows) - 1)

    def _go(self, row: int) -> None:
        self._cursor = max(0, min(row, len(self._rows) - 1))
        self.scroll_to_region(Region(0, self._cursor, 1, 1), animate=False, force=True)
        self.refresh()

    def value_at_cursor(self) -> tuple[str, str] | None:
        """The JMESPath of the answer's value under the cursor, and the value; None where there is none."""
        answer = self._text.answer
        line = self._rows[self._cursor].line if len(self._rows) else -1
        if answer is None or line not in answer:
            return None
        lines = self._text.lines[answer.start : answer.stop]
        path = path_at(lines, line - answer.start)
        return None if path is None else (path, value_at(lines, line - answer.start))

    def search(self, needle: str) -> None:
        """Looks for this in all lines, and goes to the first hit at or below the cursor."""
        self.needle = needle
        self._hits = []
        self.run_worker(self._search(needle, self._text), group="search", exclusive=True)
        self.refresh()

    async def _search(self, needle: str, text: ExchangeText) -> None:
        wanted, hits = needle.casefold(), list[tuple[int, int]]()
        if wanted:
            for start in range(0, len(text.lines), _SLICE):
                for line in range(start, min(start + _SLICE, len(text.lines))):
                    column = text.lines[line].casefold().find(wanted)
                    if column >= 0:
                        hits.append((line, column))
                if len(hits) >= _HITS:
                    break
                await asyncio.sleep(0)
        self.post_message(self.Found(needle, text, hits))

    @dataclass
    class Found(Message):
        """The places where the text was found."""

        needle: str
        text: ExchangeText
        hits: list[tuple[int, int]]

    def on_exchange_detail_found(self, message: Found) -> None:
        if message.text is not self._text or message.needle != self.needle:
            return
        self._hits = message.hits
        here = self._rows[self._cursor].line if len(self._rows) else 0
        self._hit = next((i for i, (line, _) in enumerate(self._hits) if line >= here), 0)
        self._show_hit()

    def next_hit(self, step: int) -> None:
        """On to the next hit, or back to the one before; round at the ends."""
        if self._hits:
            self._hit = (self._hit + step) % len(self._hits)
            self._show_hit()

    def _show_hit(self) -> None:
        if self._hits:
            row = self._rows.row_at(*self._hits[self._hit])
            self._go(row)
            self.scroll_to(y=row - self.size.height // 3, animate=False, force=True)
        self.post_message(self.Searched(self._hit + 1 if self._hits else 0, len(self._hits)))
