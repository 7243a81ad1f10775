"""The list of the request log: one row per exchange, rendered only where visible."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...client.error_message import error_message
from ...client.exchange import Exchange, Exchanges, InFlight, Ring
from ...client.printer import path_of
from ...log.filter import Filter
from ...log.view import View, position_of
from ...text import shown_line
from ...units import milliseconds, size
from ..widgets.painted import Painted

Paint = Callable[[str], Style]
"""Returns the theme's style of this name."""
_MESSAGE_BYTES = 4_000  # bytes of a body that are read for the store's message
_MIN_MESSAGE_WIDTH = 24
"""Columns that a message needs; narrower ones are omitted."""
_MIN_PATH_WIDTH = 44
"""Columns that the path gets before the message gets any."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns fit; `path` and `text` are widths."""

    time: bool
    size: bool
    purpose: bool
    path: int
    message: int


def columns_for(width: int) -> Columns:
    """The columns for a list this wide."""
    has_time, has_size, has_purpose = width >= 78, width >= 72, width >= 60
    fixed = 2 + 7 + 7 + 7 + 8 + (9 if has_time else 0) + (8 if has_size else 0) + (6 if has_purpose else 0)
    room = width - fixed
    message = room - _MIN_PATH_WIDTH if room - _MIN_PATH_WIDTH >= _MIN_MESSAGE_WIDTH else 0
    return Columns(has_time, has_size, has_purpose, max(10, room - message), message)


def row(exchange: Exchange, columns: Columns, paint: Paint, *, selected: bool, marked: bool) -> list[Segment]:
    """Number, time, method, path, status and attempt, duration, size, purpose, and the store's message."""
    status = str(exchange.status) if exchange.status is not None else "✘"
    attempt = f"×{exchange.attempt}" if exchange.attempt > 1 else ""
    seconds = exchange.timings.total
    took = milliseconds(seconds)
    muted = paint("muted")
    segments = [Segment("▸" if selected else " "), Segment("●", paint("warning")) if marked else Segment(" ")]
    segments.append(Segment(f"{f'#{exchange.number}':<6} "))
    if columns.time:
        segments.append(Segment(f"{exchange.at:%H:%M:%S} ", muted))
    segments += [
        Segment(f"{shown_line(exchange.method, 6):<6} "),
        Segment(f"{_path(exchange.uri, columns.path):<{columns.path}} "),
        Segment(f"{status:>3}{attempt:<3}", paint(status_paint(exchange))),
        Segment(f"{took:>7} ", muted),
    ]
    if columns.size:
        segments.append(Segment(f"{size(exchange.body.size):>7} ", muted))
    if columns.purpose:
        segments.append(Segment(f"{exchange.purpose:<5} ", muted))
    if columns.message or not columns.purpose:
        segments.append(Segment(shown_line(_message(exchange), 200)))
    return segments


def in_flight_row(request: InFlight, columns: Columns, style: Style) -> list[Segment]:
    """The row of a request without a response yet."""
    number = f"#{request.number}"
    at = " " * 9 if columns.time else ""
    text = f"  {number:<6} {at}{shown_line(request.method, 6):<6} {_path(request.uri, columns.path)}  …"
    return [Segment(text, style)]


def status_paint(exchange: Exchange) -> str:
    """The paint of a status: never that of success for what the store refused."""
    if exchange.status is None or exchange.status >= 500:
        return "error"
    if exchange.status >= 400:
        return "warning"
    return "error" if exchange.failed else "success"


def _message(exchange: Exchange) -> str:
    if exchange.failed:
        return exchange.failure_text or error_message(exchange.body.data[:_MESSAGE_BYTES])
    return exchange.note


def _path(uri: str, room: int) -> str:
    path = shown_line(path_of(uri))
    if len(path) <= room:
        return path
    before, _, query = path.partition("?")
    if len(before) > room:
        return "…" + before[1 - room :]  # the end of a path is the more specific part
    return path[: room - 1] + "…" if query else path


REPAINTS = 20
"""At most so many per second, and only after a change."""
_FILTER_SECONDS = 0.006  # seconds of filtering before keys are handled
_SEARCH_BATCH = 100  # exchanges searched before keys are handled


class LogView(Painted, ScrollView, can_focus=True):
    """Follows the newest exchange until the user moves up; then the selection never moves by itself.

    The selection is the *position* of an exchange in its ring, which is stable while others come, go or are filtered.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Next", show=False, id="log.next"),
        Binding("up,k", "move(-1)", "Previous", show=False, id="log.previous"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="log.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="log.page-up"),
        Binding("g,home", "first", "First", show=False, id="log.first"),
        Binding("G,end", "follow", "Newest, and follow", show=False, id="log.follow"),
        Binding("space", "pause", "Pause", id="log.pause"),
        Binding("enter", "open", "Detail", id="log.open"),
    ]

    @dataclass
    class Selected(Message):
        """Another exchange is selected, or None."""

        exchange: Exchange | None

    @dataclass
    class Opened(Message):
        """Show the whole exchange."""

        exchange: Exchange

    class NotFound(Message):
        """The search found nothing."""

    class Changed(Message):
        """The list, following or the filter's progress has changed."""

    def __init__(self, exchanges: Exchanges, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")
        self.exchanges = exchanges
        self.following = True
        self.errors_only = False
        self.marks: set[int] = set()
        """Numbers of the marked exchanges."""
        self.view = View(exchanges, perf_counter)
        self._position = -1
        self._end_when_paused = 0
        self._drawn_state: tuple[int, ...] = ()
        self._filtering = False
        self._reported: Exchange | None = None
        self._style = Style()
        self._rows: LRUCache[tuple[object, ...], Strip] = LRUCache(500)

    def on_mount(self) -> None:
        self.set_interval(1 / REPAINTS, self.flush)
        self._start_filtering()

    @property
    def _ring(self) -> Ring:
        return self.exchanges.failures if self.errors_only else self.exchanges

    @property
    def _index(self) -> int:
        """The index of the selected exchange, or where it would be inserted; -1 in an empty list."""
        last = len(self.view) - 1
        return last if self.following else min(self.view.index(self._position), last)

    @property
    def selected(self) -> Exchange | None:
        """The exchange under the cursor: the newest one while following."""
        return self.exchange_at(self._index)

    def exchange_at(self, index: int) -> Exchange | None:
        if not 0 <= index < len(self.view):
            return None
        try:
            return self.view.exchange(index)
        except IndexError:  # discarded since the last flush
            return None

    @property
    def new_count(self) -> int:
        """Number of exchanges since following was paused."""
        return 0 if self.following else len(self.view) - self.view.index(self._end_when_paused)

    def filter(self, wanted: Filter) -> None:
        """Shows matching exchanges; the newest ones are found first."""
        self.view.set(wanted)
        self._start_filtering()

    def set_errors_only(self, errors_only: bool) -> None:
        """Shows the ring of failures, or all exchanges."""
        selected = self.selected
        self.errors_only = errors_only
        self.view = View(self._ring, perf_counter, self.view.filter)
        self._end_when_paused = self._ring.end
        if not self.following and selected is not None:
            self._position = position_of(self._ring, selected)
        self._start_filtering()

    def _start_filtering(self) -> None:
        """Filters in slices, between which keys are handled."""
        self._drawn_state = ()
        self.flush()
        if self.view.searching and not self._filtering:
            self._filtering = True
            self.set_timer(0.001, self._continue_filtering)

    def _continue_filtering(self) -> None:
        empty = not len(self.view)
        self.view.update(_FILTER_SECONDS)
        self._filtering = self.view.searching
        if empty and len(self.view):
            self.flush()  # show the first match immediately
        if self._filtering:
            self.set_timer(0.001, self._continue_filtering)

    def flush(self) -> None:
        """Draws what is new; the row at the top of the list stays there."""
        top = self.view[self.scroll_offset.y] if 0 <= self.scroll_offset.y < len(self.view) else None
        self.view.update(_FILTER_SECONDS)
        in_flight = 0 if self.errors_only else len(self.exchanges.in_flight)
        state = (len(self.view), self.view[0] if len(self.view) else -1, self._ring.end, in_flight)
        if state == self._drawn_state:
            return
        self._drawn_state = state
        self.virtual_size = Size(self.size.width, len(self.view) + in_flight)
        if self.following:
            self.scroll_to(y=self.virtual_size.height, animate=False, force=True)
        elif top is not None:
            self.scroll_to(y=self.view.index(top), animate=False, force=True)
        self._report_selection()
        self.post_message(self.Changed())
        self.refresh()

    def _report_selection(self) -> None:
        exchange = self.selected
        if exchange is not self._reported:
            self._reported = exchange
            self.post_message(self.Selected(exchange))

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # Textual computes it at each access, which is a third of the cost of a row
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = self.scroll_offset.y + y
        exchange = self.exchange_at(index)
        if exchange is None:
            return self._row_below(index - len(self.view), y, width)
        if index != self._index:
            return self._row(exchange, width, selected=False)
        return self._row(exchange, width, selected=True).apply_style(self.cursor_style)

    def _row(self, exchange: Exchange, width: int, *, selected: bool) -> Strip:
        marked = exchange.number in self.marks
        key = (id(exchange), exchange.number, width, selected, marked, self._style)
        strip = self._rows.get(key)
        if strip is None:
            segments = row(exchange, columns_for(width), self.paint, selected=selected, marked=marked)
            strip = Strip(segments).crop_extend(0, width, None).apply_style(self._style)
            self._rows[key] = strip
        return strip

    def _row_below(self, index: int, y: int, width: int) -> Strip:
        requests = list(self.exchanges.in_flight.values())
        if not self.errors_only and 0 <= index < len(requests):
            strip = Strip(in_flight_row(requests[index], columns_for(width), self.paint("muted")))
            return strip.crop_extend(0, width, None).apply_style(self._style)
        if y == 0 and not len(self.view):
            text = "searching …" if self.view.searching else self._why_empty()
            return self._notice(text, width)
        return Strip.blank(width, self._style)

    def _why_empty(self) -> str:
        if self.view.filter.expression is not None:
            return "Nothing matches. F: filter off · f: change"
        return "No failures. e: show all" if self.errors_only else "No requests yet."

    def _notice(self, text: str, width: int) -> Strip:
        return Strip([Segment(f" {text}", self.paint("muted"))]).crop_extend(0, width, None).apply_style(self._style)

    def select(self, index: int) -> None:
        """Selects this row and stops following."""
        if not len(self.view):
            return
        self.stop_following()
        index = min(max(index, 0), len(self.view) - 1)
        self._position = self.view[index]
        self.scroll_to_region(Region(0, index, 1, 1), animate=False, force=True)
        self.refresh()
        self._report_selection()

    def select_exchange(self, exchange: Exchange) -> bool:
        """Selects this exchange; False where the list does not show it."""
        self.view.update()
        index = self.view.index(position_of(self._ring, exchange))
        if self.exchange_at(index) is not exchange:
            return False
        self.select(index)
        return True

    def find(self, wanted: Filter, step: int) -> None:
        """Selects the next match, upwards where `step` is -1; wraps around at the ends."""
        self.run_worker(self._find(wanted, step), group="find", exclusive=True)

    async def _find(self, wanted: Filter, step: int) -> None:
        ring, positions, here = self._ring, list(self.view), max(0, self._index)
        first, held = ring.first, list(ring)  # a lookup by index takes 10 µs in the middle of the ring
        later, earlier = positions[here + 1 :], positions[:here]
        order = [*later, *earlier] if step > 0 else [*reversed(earlier), *reversed(later)]
        for count, position in enumerate([*order, *positions[here : here + 1]]):
            if ring.first <= position and wanted.matches(held[position - first]):
                self.select(self.view.index(position))
                return
            if count % _SEARCH_BATCH == 0:
                await asyncio.sleep(0)
        self.post_message(self.NotFound())

    def stop_following(self) -> None:
        """Stops following; the selection stays."""
        if self.following:
            self._position = self.view[-1] if len(self.view) else -1
            self.following, self._end_when_paused = False, self._ring.end
            self.post_message(self.Changed())
            self.refresh()

    def toggle_mark(self) -> None:
        """Marks or unmarks the selected exchange, and selects the next one."""
        if (exchange := self.selected) is not None:
            self.marks ^= {exchange.number}
            self.select(self._index + 1)

    def on_resize(self) -> None:
        if self.following:  # the newest may be below the end of a smaller window
            self.action_follow()

    def on_mouse_scroll_up(self, _: events.MouseScrollUp) -> None:
        self.stop_following()

    def on_click(self, event: events.Click) -> None:
        self.select(self.scroll_offset.y + event.y)

    def action_move(self, step: int) -> None:
        self.select(self._index + step)

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self.select(0)

    def action_follow(self) -> None:
        self.following = True
        self._drawn_state = ()
        self.flush()

    def action_pause(self) -> None:
        if self.following:
            self.stop_following()
        else:
            self.action_follow()

    def action_open(self) -> None:
        if self.selected is not None:
            self.post_message(self.Opened(self.selected))
