"""A long list of rows with a cursor; only the rows that are visible are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...text import shown_line, shown_middle
from .focus_marks import cursor_mark
from .painted import Painted

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row as it is drawn: a sign with its paint, a word, a name in bold, and a text. They are made safe here."""

    sign: str
    paint: str
    word: str
    name: str
    text: str
    is_muted: bool = False
    shorter: Sequence[str] = ()
    """Texts for where `text` has no room, each shorter than the one before."""


class RowList(Painted, ScrollView, Generic[T], can_focus=True):
    """Rows of any kind; `row_of` says how each is drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Show", id="rows.show"),
        Binding("down,j", "move(1)", "Next", show=False, id="rows.next"),
        Binding("up,k", "move(-1)", "Previous", show=False, id="rows.previous"),
        Binding("pagedown", "move_page(1)", "Next page", show=False, id="rows.next-page"),
        Binding("pageup", "move_page(-1)", "Previous page", show=False, id="rows.previous-page"),
        Binding("home,g", "move_to(0)", "First", show=False, id="rows.first"),
        Binding("end,G", "move_to(-1)", "Last", show=False, id="rows.last"),
    ]

    @dataclass
    class Highlighted(Message):
        """The cursor is on another row."""

        row_list: RowList[object]

        @property
        def control(self) -> RowList[object]:
            return self.row_list

    @dataclass
    class Chosen(Message):
        """Enter was pressed on a row."""

        row_list: RowList[object]

        @property
        def control(self) -> RowList[object]:
            return self.row_list

    def __init__(
        self,
        row_of: Callable[[T], ListRow],
        *,
        word: int,
        name: int,
        fits: bool = False,
        id: str,  # noqa: A002 - Textual's name
    ) -> None:
        """`word` and `name`: widths of these columns; `fits`: at most, as its rows are few and all there at once."""
        super().__init__(id=id, classes="panel")
        self._row_of, self._word_width, self._name_width = row_of, word, name
        self._most = (word, name) if fits else None
        self._rows: Sequence[T] = ()
        self._cursor = 0

    @property
    def selected(self) -> T | None:
        """What the cursor is on."""
        return self._rows[self._cursor] if self._cursor < len(self._rows) else None

    def show(self, rows: Sequence[T], cursor: int | None = None) -> None:
        """Shows these rows; the cursor stays where it was unless `cursor` says where it goes."""
        self._rows = rows
        if self._most is not None and rows:
            texts = zip(*((each.word, each.name) for each in map(self._row_of, rows)), strict=True)
            widths = (max(cell_len(shown_line(text)) for text in column) for column in texts)
            self._word_width, self._name_width = map(min, self._most, widths)
        self._cursor = max(0, min(self._cursor if cursor is None else cursor, len(rows) - 1))
        self._measure()
        self._follow()

    def on_resize(self, event: events.Resize) -> None:
        self._measure()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def _measure(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._rows))
        self.refresh()

    def _follow(self) -> None:
        if self._rows:
            self.scroll_to_region(Region(0, self._cursor, 1, 1), animate=False, force=True)
        self.post_message(self.Highlighted(self))  # type: ignore[arg-type]  # rows of any kind
        self.refresh()

    def action_move(self, by: int) -> None:
        self._cursor = max(0, min(self._cursor + by, len(self._rows) - 1))
        self._follow()

    def action_move_page(self, by: int) -> None:
        self.action_move(by * max(1, self.scrollable_content_region.height - 1))

    def action_move_to(self, index: int) -> None:
        self._cursor = max(0, index if index >= 0 else len(self._rows) - 1)
        self._follow()

    def action_choose(self) -> None:
        if self.selected is not None:
            self.post_message(self.Chosen(self))  # type: ignore[arg-type]  # rows of any kind

    def on_click(self, event: events.Click) -> None:
        index = event.get_content_offset_capture(self).y + self.scroll_offset.y
        if 0 <= index < len(self._rows):
            self._cursor = index
            self._follow()

    def render_line(self, y: int) -> Strip:
        index, width, base = y + self.scroll_offset.y, self.size.width, self.rich_style
        if index >= len(self._rows):
            return Strip.blank(width, base)
        row = self._row_of(self._rows[index])
        at_cursor = index == self._cursor
        style = base + self.cursor_style if at_cursor else base
        muted = style if at_cursor else style + self.paint("muted")
        text = muted if row.is_muted else style
        word, name = shown_line(row.word, self._word_width), shown_middle(row.name, self._name_width)
        bold = text if row.is_muted or at_cursor else text + self.paint("title")
        segments = [
            Segment(cursor_mark(has_keys=self.has_focus) if at_cursor else " ", style),
            Segment(f"{row.sign} ", style if at_cursor or not row.paint else style + self.paint(row.paint)),
            Segment(f"{word:<{self._word_width}} ", muted),
            Segment(name + " " * (max(0, self._name_width - cell_len(name)) + 1), bold),
        ]
        used = sum(cell_len(each.text) for each in segments)
        room = max(1, width - used)
        texts = [shown_line(each) for each in (row.text, *row.shorter)]
        fitting = next((each for each in texts if cell_len(each) <= room), texts[-1])
        segments.append(Segment(shown_line(fitting, room), text))
        return Strip(segments).adjust_cell_length(width, style)
