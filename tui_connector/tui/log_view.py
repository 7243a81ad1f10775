"""The list of the live log: one line an exchange, made only for what is visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..client.error_message import error_message
from ..client.exchange import Exchange, Exchanges
from ..client.formatter import milliseconds, path_of
from ..text import shown_line

REPAINTS = 20
"""A second, at most; only when something came."""

_NARROW = 70
_GOOD, _BAD, _DIM = Style(color="green"), Style(color="red"), Style(dim=True)


class LogView(ScrollView, can_focus=True):
    """Follows the newest exchange until somebody moves up; the selection never moves by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Next", show=False, id="log.next"),
        Binding("up,k", "move(-1)", "Previous", show=False, id="log.previous"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="log.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="log.page-up"),
        Binding("g,home", "first", "First", show=False, id="log.first"),
        Binding("G,end", "follow", "Newest, and follow", show=False, id="log.follow"),
        Binding("space", "pause", "Pause or follow", id="log.pause"),
        Binding("e", "errors", "Errors only", id="log.errors"),
        Binding("enter", "open", "Detail", id="log.open"),
    ]

    @dataclass
    class Selected(Message):
        """Another exchange is the one to show."""

        exchange: Exchange

    @dataclass
    class Opened(Message):
        """The exchange is to be shown whole."""

        exchange: Exchange

    class Changed(Message):
        """Exchanges came, or following changed."""

    def __init__(self, exchanges: Exchanges, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.exchanges = exchanges
        self.following = True
        self.errors_only = False
        self.seen_end = 0
        self._position = -1
        self._drawn: tuple[int, int, int] = (-1, -1, -1)

    def on_mount(self) -> None:
        self.set_interval(1 / REPAINTS, self.flush)

    @property
    def _shown(self) -> list[Exchange] | None:
        return list(self.exchanges.failures) if self.errors_only else None

    @property
    def first(self) -> int:
        return 0 if self.errors_only else self.exchanges.first

    @property
    def end(self) -> int:
        return len(self.exchanges.failures) if self.errors_only else self.exchanges.end

    def exchange_at(self, position: int) -> Exchange | None:
        if not self.first <= position < self.end:
            return None
        ring = self.exchanges.failures if self.errors_only else self.exchanges
        return ring[position + (ring.first if self.errors_only else 0)]

    @property
    def selected(self) -> Exchange | None:
        """The exchange under the cursor: the newest one while following."""
        return self.exchange_at(self.end - 1 if self.following else self._position)

    @property
    def waiting(self) -> int:
        """How many came since following was paused."""
        return 0 if self.following else max(0, self.exchanges.end - self.seen_end)

    def flush(self) -> None:
        """Draws what came since the last time."""
        state = (self.first, self.end, len(self.exchanges.in_flight))
        if state == self._drawn:
            return
        gone = max(0, state[0] - self._drawn[0]) if self._drawn[0] >= 0 else 0
        self._drawn = state
        self.virtual_size = Size(self.size.width, self.end - self.first + state[2])
        if self.following:
            self.scroll_to(y=self.virtual_size.height, animate=False, force=True)
            self._tell()
        elif gone:
            self._position = max(self._position, self.first)
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, force=True)
        self.post_message(self.Changed())
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        position = self.first + self.scroll_offset.y + y
        exchange = self.exchange_at(position)
        if exchange is None:
            return self._under_way(position - self.end, width)
        is_selected = exchange is self.selected
        strip = Strip(_row(exchange, width, is_selected)).crop_extend(0, width, None)
        style = self.rich_style + Style(reverse=self.has_focus, bold=True) if is_selected else self.rich_style
        return strip.apply_style(style)

    def _under_way(self, index: int, width: int) -> Strip:
        under_way = list(self.exchanges.in_flight.values())
        if not 0 <= index < len(under_way):
            return Strip.blank(width, self.rich_style)
        request = under_way[index]
        text = shown_line(f" #{request.number:<4} {request.method:<6} {path_of(request.uri)}  …", width)
        return Strip([Segment(text, _DIM)]).crop_extend(0, width, None).apply_style(self.rich_style)

    def select(self, position: int) -> None:
        """Puts the cursor on an exchange, and stops following."""
        self._pause()
        self._position = min(max(position, self.first), self.end - 1)
        self.scroll_to_region(Region(0, self._position - self.first, 1, 1), animate=False, force=True)
        self.refresh()
        self._tell()

    def _pause(self) -> None:
        if self.following:
            self.following, self._position, self.seen_end = False, self.end - 1, self.exchanges.end
            self.post_message(self.Changed())

    def _tell(self) -> None:
        exchange = self.selected
        if exchange is not None:
            self.post_message(self.Selected(exchange))

    def action_move(self, step: int) -> None:
        if self.end > self.first:
            self._pause()
            self.select(self._position + step)

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self.select(self.first)

    def action_follow(self) -> None:
        self.following = True
        self._drawn = (-1, -1, -1)
        self.flush()

    def action_pause(self) -> None:
        if self.following:
            self._pause()
            self.refresh()
        else:
            self.action_follow()

    def action_errors(self) -> None:
        self.errors_only = not self.errors_only
        self.action_follow()

    def action_open(self) -> None:
        if self.selected is not None:
            self.post_message(self.Opened(self.selected))


def _row(exchange: Exchange, width: int, is_selected: bool) -> list[Segment]:
    status = str(exchange.status) if exchange.status is not None else "✘"
    said = exchange.failure_text or (error_message(exchange.body.data[:4_000]) if exchange.failed else exchange.note)
    time = milliseconds(exchange.timings.total)
    room = max(12, width - 29) if width < _NARROW else max(20, min(60, width - 50))
    path = path_of(exchange.uri)
    if width < _NARROW and len(path := path.partition("?")[0]) > room:
        path = "…" + path[1 - room :]  # its end tells more than its beginning
    path = shown_line(path, room)
    return [
        Segment("▸" if is_selected else " "),
        Segment(f"#{exchange.number:<4} {shown_line(exchange.method, 6):<6} "),
        Segment(f"{path:<{room}} "),
        Segment(f"{status:>3} ", _BAD if exchange.failed else _GOOD),
        Segment(f"{time:>8}  ", _DIM),
        Segment(shown_line(said, 200) if said else ""),
    ]
