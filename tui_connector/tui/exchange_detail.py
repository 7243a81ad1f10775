"""One exchange in long format: lines wrapped once, drawn only where they are visible."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..client.exchange import Exchange
from ..client.formatter import Line, Role, lines, pretty

_STYLES = {
    Role.HEAD: Style(bold=True, color="cyan"),
    Role.REQUEST: Style(bold=True),
    Role.GOOD: Style(bold=True, color="green"),
    Role.BAD: Style(bold=True, color="red"),
    Role.HEADER: Style(dim=True),
    Role.BODY: Style(),
    Role.NOTE: Style(italic=True, dim=True),
}
_IN_A_THREAD = 50_000  # bytes: more would hold up the keys while it is indented


class ExchangeDetail(ScrollView, can_focus=True):
    """The exchange as the long format has it; `z` shows the whole body, indented."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "toggle_whole", "Long or whole", id="detail.whole"),
        Binding("j", "scroll_down", "Down", show=False, id="detail.down"),
        Binding("k", "scroll_up", "Up", show=False, id="detail.up"),
        Binding("g", "scroll_home", "Top", show=False, id="detail.top"),
        Binding("G", "scroll_end", "End", show=False, id="detail.end"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.exchange: Exchange | None = None
        self.whole = False
        self._lines: list[tuple[Role, str]] = []
        self._width = 0

    def show(self, exchange: Exchange | None) -> None:
        """Shows this exchange; the same one again changes nothing."""
        if exchange is self.exchange:
            return
        self.exchange = exchange
        self.scroll_to(y=0, animate=False)
        self._build()

    def on_resize(self) -> None:
        if self.size.width != self._width:
            self._build()

    def action_toggle_whole(self) -> None:
        self.whole = not self.whole
        self._build()

    def _build(self) -> None:
        exchange, width = self.exchange, max(20, self.scrollable_content_region.width)
        self._width = self.size.width
        if exchange is None:
            self._take([])
        elif self.whole and exchange.body.size > _IN_A_THREAD:
            self.run_worker(self._build_whole(exchange, width), exclusive=True)
        else:
            self._take(_wrapped(exchange, width, self.whole))

    async def _build_whole(self, exchange: Exchange, width: int) -> None:
        self._take(await asyncio.to_thread(_wrapped, exchange, width, True))

    def _take(self, lines_to_show: list[tuple[Role, str]]) -> None:
        self._lines = lines_to_show
        self.virtual_size = Size(self.size.width, len(lines_to_show))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        index = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        role, text = self._lines[index]
        return Strip([Segment(text, _STYLES[role])]).crop_extend(0, width, None).apply_style(self.rich_style)


def _wrapped(exchange: Exchange, width: int, whole: bool) -> list[tuple[Role, str]]:
    out: list[tuple[Role, str]] = []
    for line in _whole(exchange) if whole else lines(exchange):
        text = line.text.expandtabs(4)
        out.extend((line.role, text[start : start + width]) for start in range(0, len(text) or 1, width))
    return out


def _whole(exchange: Exchange) -> list[Line]:
    """The long format with the answer's whole body, indented."""
    long = list(lines(exchange))
    if not exchange.body.data or "json" not in exchange.body.media_type:
        return list(lines(exchange, full=True))
    status = next(i for i, line in enumerate(long) if line.role in (Role.GOOD, Role.BAD))
    start = next(i for i, line in enumerate(long) if i > status and line.role is Role.BODY)
    return [*long[: start + 1], *(Line(Role.BODY, text) for text in pretty(exchange.body)), long[-1]]
