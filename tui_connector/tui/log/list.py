"""The list of the live log: one row an exchange, made only for what is visible."""

from __future__ import annotations

import asyncio
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

# One exchange as one row of the list: more columns where there is more room.


_GOOD, _BAD, _DIM, _MARK = Style(color="green"), Style(color="red"), Style(dim=True), Style(color="yellow", bold=True)
_SAID = 4_000  # bytes of a body that are read for the store's words
_WORDS = 24
"""Columns that the store's words need to be worth their place."""
_PATH = 44
"""Columns a path has before the words get any."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns fit; `path` and `words` are widths."""

    at: bool
    size: bool
    who: bool
    path: int
    words: int


def columns(width: int) -> Columns:
    """The columns for a list this wide."""
    has_at, has_size, has_who = width >= 78, width >= 72, width >= 60
    fixed = 2 + 7 + 7 + 7 + 8 + (9 if has_at else 0) + (8 if has_size else 0) + (6 if has_who else 0)
    room = width - fixed
    words = room - _PATH if room - _PATH >= _WORDS else 0
    return Columns(has_at, has_size, has_who, max(10, room - words), words)


def row(exchange: Exchange, of: Columns, *, selected: bool, marked: bool) -> list[Segment]:
    """Number, time, method, path, status with the attempt, time taken, size, who asked, and the store's words."""
    status = str(exchange.status) if exchange.status is not None else "✘"
    attempt = f"×{exchange.attempt}" if exchange.attempt > 1 else ""
    seconds = exchange.timings.total
    took = milliseconds(seconds)
    segments = [Segment("▸" if selected else " "), Segment("●", _MARK) if marked else Segment(" ")]
    segments.append(Segment(f"{f'#{exchange.number}':<6} "))
    if of.at:
        segments.append(Segment(f"{exchange.at:%H:%M:%S} ", _DIM))
    segments += [
        Segment(f"{shown_line(exchange.method, 6):<6} "),
        Segment(f"{_path(exchange.uri, of.path):<{of.path}} "),
        Segment(f"{status:>3}{attempt:<3}", _BAD if exchange.failed else _GOOD),
        Segment(f"{took:>7} ", _DIM),
    ]
    if of.size:
        segments.append(Segment(f"{size(exchange.body.size):>7} ", _DIM))
    if of.who:
        segments.append(Segment(f"{exchange.purpose:<5} ", _DIM))
    if of.words or not of.who:
        segments.append(Segment(shown_line(_words(exchange), 200)))
    return segments


def under_way(request: InFlight, of: Columns) -> list[Segment]:
    """A request that has no response yet."""
    number = f"#{request.number}"
    at = " " * 9 if of.at else ""
    text = f"  {number:<6} {at}{shown_line(request.method, 6):<6} {_path(request.uri, of.path)}  …"
    return [Segment(text, _DIM)]


def _words(exchange: Exchange) -> str:
    if exchange.failed:
        return exchange.failure_text or error_message(exchange.body.data[:_SAID])
    return exchange.note


def _path(uri: str, room: int) -> str:
    path = shown_line(path_of(uri))
    if len(path) <= room:
        return path
    before, _, query = path.partition("?")
    if len(before) > room:
        return "…" + before[1 - room :]  # its end tells more than its beginning
    return path[: room - 1] + "…" if query else path


REPAINTS = 20
"""A second, at most; only when something came."""
_SLICE = 0.006  # seconds of filtering between two looks at the keys
_FOUND_BETWEEN_KEYS = 100  # exchanges searched between two looks at the keys


class LogView(ScrollView, can_focus=True):
    """Follows the newest exchange until somebody moves up; the selection never moves by itself.

    What is selected is an exchange's *position* in its ring, which stays while others come, go and are filtered out.
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
        """Another exchange is the one to show; None: there is none."""

        exchange: Exchange | None

    @dataclass
    class Opened(Message):
        """The exchange is to be shown whole."""

        exchange: Exchange

    class NotFound(Message):
        """Nothing in the list matches what was searched for."""

    class Changed(Message):
        """Exchanges came, following changed, or the filter found more."""

    def __init__(self, exchanges: Exchanges, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.exchanges = exchanges
        self.following = True
        self.errors_only = False
        self.marks: set[int] = set()
        """Numbers of the exchanges that were marked."""
        self.view = View(exchanges, perf_counter)
        self._position = -1
        self._seen_end = 0
        self._drawn: tuple[int, ...] = ()
        self._searching = False
        self._told: Exchange | None = None
        self._style = Style()
        self._rows: LRUCache[tuple[object, ...], Strip] = LRUCache(500)

    def on_mount(self) -> None:
        self.set_interval(1 / REPAINTS, self.flush)
        self._search()

    @property
    def _ring(self) -> Ring:
        return self.exchanges.failures if self.errors_only else self.exchanges

    @property
    def _index(self) -> int:
        """Where the selected exchange is in the list, or would stand; -1 in an empty one."""
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
        except IndexError:  # gone since the last flush
            return None

    @property
    def waiting(self) -> int:
        """How many came since following was paused."""
        return 0 if self.following else len(self.view) - self.view.index(self._seen_end)

    def filter(self, wanted: Filter) -> None:
        """Shows what this matches. The rows that are found first are the newest ones."""
        self.view.set(wanted)
        self._search()

    def set_errors_only(self, errors_only: bool) -> None:
        """Shows the ring of the failures, or all exchanges."""
        selected = self.selected
        self.errors_only = errors_only
        self.view = View(self._ring, perf_counter, self.view.filter)
        self._seen_end = self._ring.end
        if not self.following and selected is not None:
            self._position = position_of(self._ring, selected)
        self._search()

    def _search(self) -> None:
        """Filters a slice, and the next one once the keys that came meanwhile have been read."""
        self._drawn = ()
        self.flush()
        if self.view.searching and not self._searching:
            self._searching = True
            self.set_timer(0.001, self._search_on)

    def _search_on(self) -> None:
        empty = not len(self.view)
        self.view.update(_SLICE)
        self._searching = self.view.searching
        if empty and len(self.view):
            self.flush()  # the first that was found is shown at once
        if self._searching:
            self.set_timer(0.001, self._search_on)

    def flush(self) -> None:
        """Draws what came since the last time; what was at the top of the list stays there."""
        top = self.view[self.scroll_offset.y] if 0 <= self.scroll_offset.y < len(self.view) else None
        self.view.update(_SLICE)
        in_flight = 0 if self.errors_only else len(self.exchanges.in_flight)
        state = (len(self.view), self.view[0] if len(self.view) else -1, self._ring.end, in_flight)
        if state == self._drawn:
            return
        self._drawn = state
        self.virtual_size = Size(self.size.width, len(self.view) + in_flight)
        if self.following:
            self.scroll_to(y=self.virtual_size.height, animate=False, force=True)
        elif top is not None:
            self.scroll_to(y=self.view.index(top), animate=False, force=True)
        self._tell()
        self.post_message(self.Changed())
        self.refresh()

    def _tell(self) -> None:
        exchange = self.selected
        if exchange is not self._told:
            self._told = exchange
            self.post_message(self.Selected(exchange))

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # Textual adds it up again at each look: a third of what a row costs
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = self.scroll_offset.y + y
        exchange = self.exchange_at(index)
        if exchange is None:
            return self._under_way(index - len(self.view), y, width)
        if index != self._index:
            return self._row(exchange, width, selected=False)
        return self._row(exchange, width, selected=True).apply_style(Style(reverse=self.has_focus, bold=True))

    def _row(self, exchange: Exchange, width: int, *, selected: bool) -> Strip:
        marked = exchange.number in self.marks
        key = (id(exchange), exchange.number, width, selected, marked, self._style)
        strip = self._rows.get(key)
        if strip is None:
            segments = row(exchange, columns(width), selected=selected, marked=marked)
            strip = Strip(segments).crop_extend(0, width, None).apply_style(self._style)
            self._rows[key] = strip
        return strip

    def _under_way(self, index: int, y: int, width: int) -> Strip:
        requests = list(self.exchanges.in_flight.values())
        if not self.errors_only and 0 <= index < len(requests):
            strip = Strip(under_way(requests[index], columns(width)))
            return strip.crop_extend(0, width, None).apply_style(self._style)
        if y == 0 and not len(self.view):
            words = "searching …" if self.view.searching else self._why_empty()
            return self._said(words, width)
        return Strip.blank(width, self._style)

    def _why_empty(self) -> str:
        if self.view.filter.expression is not None:
            return "Nothing matches the filter. F turns it off, f changes it."
        return "No failures. e shows all requests." if self.errors_only else ""

    def _said(self, words: str, width: int) -> Strip:
        return Strip([Segment(f" {words}", Style(dim=True))]).crop_extend(0, width, None).apply_style(self._style)

    def select(self, index: int) -> None:
        """Puts the cursor on this row, and stops following."""
        if not len(self.view):
            return
        self.hold()
        index = min(max(index, 0), len(self.view) - 1)
        self._position = self.view[index]
        self.scroll_to_region(Region(0, index, 1, 1), animate=False, force=True)
        self.refresh()
        self._tell()

    def select_exchange(self, exchange: Exchange) -> bool:
        """Puts the cursor on this exchange, where the list has it."""
        self.view.update()
        index = self.view.index(position_of(self._ring, exchange))
        if self.exchange_at(index) is not exchange:
            return False
        self.select(index)
        return True

    def find(self, wanted: Filter, step: int) -> None:
        """Goes to the next exchange that matches, upwards where `step` is -1; round at the ends."""
        self.run_worker(self._find(wanted, step), group="find", exclusive=True)

    async def _find(self, wanted: Filter, step: int) -> None:
        ring, positions, here = self._ring, list(self.view), max(0, self._index)
        first, kept = ring.first, list(ring)  # to look each one up in the ring takes 10 µs in its middle
        later, earlier = positions[here + 1 :], positions[:here]
        order = [*later, *earlier] if step > 0 else [*reversed(earlier), *reversed(later)]
        for count, position in enumerate([*order, *positions[here : here + 1]]):
            if ring.first <= position and wanted.matches(kept[position - first]):
                self.select(self.view.index(position))
                return
            if count % _FOUND_BETWEEN_KEYS == 0:
                await asyncio.sleep(0)
        self.post_message(self.NotFound())

    def hold(self) -> None:
        """Stops following, and stays with what is selected."""
        if self.following:
            self._position = self.view[-1] if len(self.view) else -1
            self.following, self._seen_end = False, self._ring.end
            self.post_message(self.Changed())
            self.refresh()

    def toggle_mark(self) -> None:
        """Marks the selected exchange, and continues to the next one."""
        if (exchange := self.selected) is not None:
            self.marks ^= {exchange.number}
            self.select(self._index + 1)

    def on_resize(self) -> None:
        if self.following:  # the newest may be below a smaller window's end
            self.action_follow()

    def on_mouse_scroll_up(self, _: events.MouseScrollUp) -> None:
        self.hold()

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
        self._drawn = ()
        self.flush()

    def action_pause(self) -> None:
        if self.following:
            self.hold()
        else:
            self.action_follow()

    def action_open(self) -> None:
        if self.selected is not None:
            self.post_message(self.Opened(self.selected))
