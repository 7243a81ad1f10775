"""The table of the home screen, which draws only the rows that are visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...guide.drafts import Draft
from ...guide.profiles.overview import ProfileOverview
from ...text import shown_apart, shown_line, shown_middle
from ..widgets.painted import Painted
from .rows import GAP, Cell, HomeColumn, HomeRows, columns, draft_cells, profile_cells, recent_cells, uncut_width


def _key_of(line: Path | Draft | str) -> Path | str | None:
    """The identity of a line while others come and go; None where it is not selectable."""
    return line.key if isinstance(line, Draft) else line if isinstance(line, Path) else None


class HomeList(Painted, ScrollView, can_focus=True):
    """A table whose cursor stays on its row while others come and go.

    Until the user moves it, it is on what was used last, or on the first row.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="home.open", tooltip="Open the profile, or resume the draft"),
        Binding("down,j", "move(1)", "Next", show=False, id="home.next", tooltip="Next profile"),
        Binding("up,k", "move(-1)", "Previous", show=False, id="home.previous", tooltip="Previous profile"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="home.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="home.page-up"),
        Binding("home,g", "first", "First", show=False, id="home.first"),
        Binding("end,G", "last", "Last", show=False, id="home.last"),
    ]

    class Moved(Message):
        """Another row is under the cursor, or the same with other data."""

    @dataclass
    class Opened(Message):
        """Open this row."""

        row: ProfileOverview | Draft

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._rows = HomeRows()
        self._lines: list[Path | Draft | str] = []
        self._home = Path()
        self._now = 0.0
        self._needed: dict[str, int] = {}
        """The widths of the longest cells, by column."""
        self._apart: dict[tuple[str, int], Mapping[str, str]] = {}
        """How the cells of a column are shown in a width, so that no two look alike."""
        self._cursor = 0
        self._cursor_key: Path | str | None = None
        """The row that the user moved the cursor to; None until then."""
        self._wanted: Path | str | None = None
        """The row to go to as soon as it is there; None once the user has moved the cursor."""

    @property
    def selected(self) -> ProfileOverview | Draft | None:
        """The row under the cursor."""
        line = self._lines[self._cursor] if self._cursor < len(self._lines) else ""
        return self._rows.entry(line) if isinstance(line, Path) else line if isinstance(line, Draft) else None

    def show(self, rows: HomeRows, now: float, home: Path) -> None:
        """Shows these rows; `now` in seconds since 1970. `home`: the user's directory, which paths begin with."""
        before = self._lines
        self._rows, self._lines, self._now, self._needed, self._home = rows, rows.lines(), now, rows.needed(now), home
        self._apart.clear()
        self.virtual_size = Size(self.size.width, len(self._lines) + 1)  # and the heads
        if (wanted := self._find(self._wanted)) is not None:
            self._cursor_key, self._wanted = self._wanted, None
            self._cursor = wanted
            self._scroll_to_cursor()
        where = self._find(self._cursor_key)
        if where is None:
            where = self._neighbour(before) if self._cursor_key is not None else None
            self._move_cursor(where or 0, 1, pin=False)
        elif where != self._cursor:
            self._move_cursor(where, 1, pin=False)
        self.post_message(self.Moved())
        self.refresh()

    def want(self, key: Path | str | None) -> None:
        """Moves the cursor to this profile, or the draft with this key, once it is listed.

        Unless the user moves it before.
        """
        self._wanted = key

    def _find(self, key: Path | str | None) -> int | None:
        if key is None:
            return None
        if self._cursor < len(self._lines) and self._key(self._cursor) == key:
            return self._cursor
        return next((index for index in range(len(self._lines)) if self._key(index) == key), None)

    def _key(self, index: int) -> Path | str | None:
        return _key_of(self._lines[index])

    def _neighbour(self, before: Sequence[Path | Draft | str]) -> int | None:
        """The row nearest to the cursor of those that were listed before: the next of its section, else the previous.

        Where nothing is left of the section, of another one.
        """
        there = {key: index for index, key in enumerate(map(_key_of, self._lines)) if key is not None}
        after, ahead = before[self._cursor + 1 :], before[: self._cursor][::-1]
        sections = [list(takewhile(lambda line: not isinstance(line, str), lines)) for lines in (after, ahead)]
        keys = map(_key_of, chain(*sections, after, ahead))
        return next((there[key] for key in keys if key in there), None)

    def _move_cursor(self, index: int, step: int, *, pin: bool = True) -> None:
        """Moves the cursor to this row, or to the next selectable one in the direction of `step`.

        `pin`: the user moved it, so it stays on its row from now on.
        """
        last = len(self._lines) - 1
        index = max(0, min(index, last))
        for each in (*range(index, last + 1 if step > 0 else -1, step), *range(index, -1, -1), *range(last + 1)):
            if (key := self._key(each) if each <= last else None) is not None:
                if each != self._cursor or pin:
                    self._cursor = each
                    self._scroll_to_cursor()
                if pin or self._cursor_key is not None:
                    self._cursor_key = key
                break
        if pin:
            self._wanted = None
            self.post_message(self.Moved())
        self.refresh()

    def _scroll_to_cursor(self) -> None:
        self.scroll_to_region(Region(0, self._cursor, 1, 2), animate=False, force=True)

    def on_resize(self) -> None:  # the cursor may be below the end of a smaller window
        self._scroll_to_cursor()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            return self._strip([(column.title, "muted") for column in self._columns(width)], width)
        index = self.scroll_offset.y + y - 1
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        row = self._lines[index]
        if isinstance(row, str):
            return (
                Strip([Segment(f" {row}", self.paint("title"))])
                .crop_extend(0, width, Style())
                .apply_style(self.rich_style)
            )
        there = self._columns(width)
        if isinstance(row, Draft):
            cells = draft_cells(row)
        elif (entry := self._rows.entry(row)).path in self._rows.recent:
            room = width - 2 - there[0].width - GAP
            return self._strip(recent_cells(entry, self._home, room), width, index, whole=True)
        elif problem := entry.summary.problem:
            return self._strip([(f"✘ {entry.name}", "error"), (problem, "error")], width, index, whole=True)
        else:
            room = next((column.width for column in there if column.name == "run"), 0)
            cells = profile_cells(entry, self._rows.runs.get(row), self._now, room)
        return self._strip([cells.get(column.name, ("", "")) for column in there], width, index)

    def _columns(self, width: int) -> list[HomeColumn]:
        return columns(width - 2, self._needed)

    def uncut_width(self, most: int) -> int:
        """The width in which no cell is cut, of the columns of a list that is at most so wide."""
        return uncut_width(most - 2, self._needed) + 2

    def _strip(self, cells: Sequence[Cell], width: int, index: int = -1, *, whole: bool = False) -> Strip:
        """One line; `whole`: the last cell has all that remains of it."""
        there, segments = self._columns(width), [Segment(" ")]
        for number, (text, paint) in enumerate(cells):
            room = there[number].width
            if whole and number == len(cells) - 1:
                room = width - 2 - sum(each.width + GAP for each in there[:number])
            # the cursor's own colours are enough
            style = self.paint(paint) if paint and index != self._cursor else Style()
            is_rest = whole and number == len(cells) - 1
            line = shown_line(text, room) if is_rest else self._cell(there[number].name, text, room)
            segments += [Segment(set_cell_size(line, room), style), Segment(" " * GAP)]
        base = self.rich_style + self.cursor_style if index == self._cursor else self.rich_style
        return Strip(segments).crop_extend(0, width, base).apply_style(base)

    def _cell(self, column: str, text: str, room: int) -> str:
        """A cell in this room; the names, titles and stores of two rows never look alike there."""
        if (column, room) not in self._apart:
            self._apart[column, room] = shown_apart(self._rows.values(column), room)
        return self._apart[column, room].get(text) or shown_middle(text, room)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        index = self.scroll_offset.y + offset.y - 1 if offset is not None and offset.y > 0 else len(self._lines)
        if index < len(self._lines) and self._key(index) is not None:
            self._move_cursor(index, 1)
            self.action_open()

    def action_move(self, step: int) -> None:
        self._move_cursor(self._cursor + step, step)

    def action_page(self, direction: int) -> None:
        self._move_cursor(self._cursor + direction * max(1, self.size.height - 2), direction)

    def action_first(self) -> None:
        self._move_cursor(0, 1)

    def action_last(self) -> None:
        self._move_cursor(len(self._lines) - 1, -1)

    def action_open(self) -> None:
        if (row := self.selected) is not None:
            self._cursor_key = self._key(self._cursor)
            self.post_message(self.Opened(row))
