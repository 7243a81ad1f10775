"""The widgets that draw a run: tiles, the progress bar, charts over time, and the list of messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from math import ceil, floor, log10

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from ...text import shown, shown_line
from ...units import elapsed
from ..widgets.painted import Painted
from ..widgets.prose import wrapped
from .job import RunMessage
from .metrics import Series, Tone

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_ROWS_PER_TICK = 4
"""At least, where a chart has more than one."""


class Tile(Static):
    """A figure: its label and its value, below each other where there is room."""

    def __init__(self, label_width: int) -> None:
        """`label_width`: of the label in one line with the value."""
        super().__init__("", classes="tile")
        self._label_width = label_width
        self._figure: tuple[str, str, bool] = ("", "", False)

    def show(self, label: str, value: str, *, stacked: bool) -> None:
        if self._figure != (label, value, stacked):
            self._figure = (label, value, stacked)
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        label, value, stacked = self._figure
        if not stacked and cell_len(f"{label} {value}") > self.size.width > 0:
            label = label.partition(" (")[0]  # the value is worth more than the remark
        room = self.size.width - (0 if stacked else cell_len(label) + 1)
        value = fitted(value, room) if self.size.width else value
        gap = "\n" if stacked else " " * max(1, min(self._label_width - cell_len(label), room + 1 - cell_len(value)))
        self.update(Content.assemble((label, "$text-muted"), gap, (value, "bold")), layout=False)


def fitted(text: str, room: int) -> str:
    """Numbers from a million on are abbreviated, the last one first, until the text fits."""
    for match in reversed(list(re.finditer(r"[0-9]{1,3}(?:,[0-9]{3}){2,}", text))):
        if cell_len(text) <= room:
            break
        text = text[: match.start()] + _short(float(match[0].replace(",", ""))) + text[match.end() :]
    return text


class ProgressLine(Painted):
    """A bar of one row, with the share at its end."""

    def __init__(self) -> None:
        super().__init__(id="run-bar")
        self._share: float | None = None
        self._words = ""

    def show(self, share: float | None, words: str) -> None:
        if (share, words) != (self._share, self._words):
            self._share, self._words = share, words
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        share = "" if self._share is None else f"{int(self._share * 100)} %"
        end = shown_line("  ".join(filter(None, [share, self._words])), width // 2)
        room = max(0, width - cell_len(end) - (2 if end else 0))
        done = round((self._share or 0.0) * room)
        base = self.rich_style
        return Strip(
            [
                Segment("━" * done, base + self.paint("accent")),
                Segment("━" * (room - done), base + self.paint("track")),
                Segment(f"  {end}" if end else "", base),
            ]
        ).adjust_cell_length(width, base)


class Chart(Painted):
    """Values over time as columns of blocks, with round values and the times at the axes."""

    def __init__(self, paint: str, units: Sequence[Unit], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="chart panel")
        self._paint, self._units = paint, units
        self._series = Series()
        self._seconds = 0.0
        self._columns: tuple[float, ...] = ()
        self._highest = 0.0
        self._labels: dict[int, str] = {}
        """At the left axis, by row from the top."""
        self._measured = (-1, -1)
        """The width that the columns are for, and the rows that the labels are for."""

    def show(self, series: Series, seconds: float) -> None:
        """Shows these values, the last of them `seconds` after the first."""
        self._series, self._seconds, self._measured = series, seconds, (-1, -1)
        self.refresh()

    def _measure(self, width: int, rows: int) -> None:
        """Computes columns and labels for a size: what is drawn may have another one than when it was shown."""
        if (width, rows) != self._measured:
            self._columns = tuple(self._series.columns(max(0, width - self._axis)))
            ticks = axis_ticks(max(self._columns, default=0.0), max(1, rows // _ROWS_PER_TICK))
            self._highest = ticks[-1]
            self._labels = {
                round((1 - each / self._highest) * (rows - 1)): axis_label(each, self._units)
                for each in ticks
                if self._highest
            }
            self._measured = (width, rows)

    _axis = 9
    """Columns of the values at the left, with a blank and the line."""

    def render_line(self, y: int) -> Strip:
        width, rows, base = self.size.width, self.size.height - 1, self.rich_style
        self._measure(width, rows)
        muted = base + self.paint("muted")
        if y == rows:
            end = elapsed(self._seconds) if self._columns else ""
            room = max(0, width - self._axis - len(end))
            return Strip(
                [Segment(f"{'':{self._axis - 1}}└", muted), Segment(f"{'0 s':<{room}}{end}"[: room + len(end)], muted)]
            )
        label = self._labels.get(y, "")
        line = f"{label:>{self._axis - 2}} {'┤' if label else '│'}"
        text = "".join(_block(value, self._highest, rows - 1 - y, rows) for value in self._columns)
        return Strip([Segment(line, muted), Segment(text, base + self.paint(self._paint))])


def _block(value: float, highest: float, row: int, rows: int) -> str:
    """The part of a column in a row, counted from below; a value above zero is always visible."""
    filled = value / highest * rows * 8 - row * 8 if highest else 0.0
    if row == 0 and value > 0:
        filled = max(1.0, filled)
    return _EIGHTHS[max(0, min(8, int(filled)))]


def axis_ticks(value: float, most: int) -> list[float]:
    """Round values at equal intervals from 0, at most this many after it, the last not lower than `value`."""
    if value <= 0:
        return [0.0]
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8) if most == 1 else (1, 2, 2.5, 5)  # no half of the chart may stay empty
    size = 10.0 ** floor(log10(value / most))
    step = next(each * size * scale for scale in (1, 10) for each in steps if each * size * scale * most >= value)
    return [number * step for number in range(ceil(value / step) + 1)]


Unit = tuple[float, str]
"""What a unit is a multiple of, and what is written after a value in it."""
PER_SECOND: Sequence[Unit] = ((1_000_000, "M/s"), (1_000, "k/s"), (0, "/s"))
MILLISECONDS: Sequence[Unit] = ((1_000, " s"), (0, " ms"))


def axis_label(value: float, units: Sequence[Unit]) -> str:
    """The value in the largest of these units that is not larger, such as "1.5k/s"; at most seven characters."""
    if not value:
        return "0"
    size, unit = next(each for each in units if value >= each[0])
    return f"{value / (size or 1):.3g}{unit}"


def _short(value: float) -> str:
    """A number from a million on, such as "1.23M"."""
    return f"{value / 1_000_000:.3g}M"


_SIGNS: dict[Tone, str] = {"error": "✘", "warning": "!", "success": "✔"}
_TIME = 10
"""Columns of the time and a sign."""


class MessageList(Painted, ScrollView, can_focus=True):
    """The messages of the run, the newest last, wrapped to the width. It follows the newest until it is scrolled up."""

    class Rewrapped(Message):
        """The messages take another number of lines."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")
        self._messages: Sequence[RunMessage] = ()
        self._lines: list[tuple[str, str, Tone]] = []
        self._wrapped: tuple[int, int, RunMessage | None] = (0, 0, None)
        """For which width, and how many messages up to which, the lines are."""
        self.local: Callable[[datetime], datetime] = datetime.astimezone
        self._follows = True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value >= self.max_scroll_y:
            self._follows = True
        elif new_value < old_value:
            self._follows = False

    def show(self, messages: Iterable[RunMessage], failures: int) -> None:
        self._messages = tuple(messages)
        failed = f" · {failures:,} failed" if failures else ""
        self.border_title = f"Messages {len(self._messages):,}{failed}"
        self._wrap()

    def on_resize(self) -> None:
        self._wrap()
        if self._follows:
            self.scroll_end(animate=False, force=True)

    @property
    def text(self) -> str:
        """All messages, one per line."""
        return "\n".join(each.text for each in self._messages)

    @property
    def line_count(self) -> int:
        """The lines of all messages at the present width."""
        return len(self._lines)

    def _wrap(self) -> None:
        width = max(20, self.scrollable_content_region.width - _TIME - 2)
        state = (width, len(self._messages), self._messages[-1] if self._messages else None)
        if state == self._wrapped:
            return
        self._wrapped, before = state, len(self._lines)
        self._lines = []
        for each in self._messages:
            for index, line in enumerate(wrapped(shown(each.text).removeprefix("✘ "), width)):
                at = f"{self.local(each.at):%H:%M:%S}" if index == 0 else ""
                sign = _SIGNS.get(each.tone, "") if index == 0 else ""
                self._lines.append((f"{at:<8} {sign:<2}", line, each.tone))
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        if len(self._lines) != before:
            self.post_message(self.Rewrapped())
        if self._follows:
            self.scroll_end(animate=False, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        index, width, base = y + self.scroll_offset.y, self.size.width, self.rich_style
        if index >= len(self._lines):
            return Strip.blank(width, base)
        start, text, tone = self._lines[index]
        style: Style = base + self.paint(tone) if tone in ("error", "warning") else base
        time = base + self.paint("muted")
        return Strip([Segment(start[:8], time), Segment(start[8:], style), Segment(text, style)]).adjust_cell_length(
            width, base
        )
