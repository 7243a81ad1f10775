"""A text area for long texts, whose lines end with `\\n` alone: a key draws only the lines that it changes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.cells import cell_len
from textual import events
from textual.document._document import Document, EditResult
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset, Region, Size
from textual.reactive import Reactive, reactive
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, Selection


class LineDocument(Document):
    """A text whose lines end with `\\n` alone: Textual's own would split at other characters and lose them."""

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._lines = text.split("\n")
        self._joined: str | None = text
        self.least_width = 0
        """Columns that are drawn however short the lines are."""

    @property
    def text(self) -> str:
        if self._joined is None:
            self._joined = "\n".join(self._lines)
        return self._joined

    def get_size(self, tab_width: int) -> Size:
        return Size(max(self.least_width, *map(line_columns, self._lines)), len(self._lines))

    def replace_range(self, start: tuple[int, int], end: tuple[int, int], text: str) -> EditResult:
        self._joined = None
        (top, left), (bottom, right) = sorted((start, end))
        replaced = self.get_text_range((top, left), (bottom, right))
        before, after = self._lines[top][:left], self._lines[bottom][right:]
        new = text.split("\n")
        new[0] = before + new[0]
        column = len(new[-1])
        new[-1] += after
        self._lines[top : bottom + 1] = new
        return EditResult((top + len(new) - 1, column), replaced)


@lru_cache(50_000)
def line_columns(line: str) -> int:
    """The columns that a line needs."""
    return len(line) if line.isascii() and "\t" not in line else cell_len(line.expandtabs(4))


class LineWrapping(WrappedDocument):
    """Knows its height: Textual's own adds it up for each row that it draws."""

    @property
    def height(self) -> int:
        return len(self._offset_to_line_info)

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        """Where no line is wrapped, a new width of the widget changes nothing."""
        same = tab_width in (None, self._tab_width) and self.height == self.document.line_count
        if width or self._width or not same:
            super().wrap(width, tab_width)


class LineTextArea(TextArea):
    """A text area for a `LineDocument`, whose lines can be drawn again. A key draws only the lines that it changes.

    Only the line of the cursor is scrolled sideways, as in nano: all others keep their beginning in view. Where lines
    are wrapped, none is scrolled, and a key draws all that are visible.
    """

    selection: Reactive[Selection] = reactive(Selection(), init=False, always_update=True, repaint=False)
    """As Textual's own, which draws the whole text again for each key."""
    _row = -1
    """The row of the text that is drawn or clicked now; -1 otherwise."""
    _bracket: tuple[int, int] | None = None
    """The bracket that was last drawn as that which belongs to the one at the cursor."""

    @property
    def scroll_offset(self) -> Offset:
        x, y = super().scroll_offset
        if self.soft_wrap:
            return Offset(0, y)
        return Offset(0 if self._row not in (-1, self.selection.end[0]) else x, y)

    def render_line(self, y: int) -> Strip:
        self._row = y + super().scroll_offset.y
        try:
            return super().render_line(y)
        finally:
            self._row = -1

    def get_target_document_location(self, event: events.MouseEvent) -> tuple[int, int]:
        self._row = event.y + super().scroll_offset.y - self.gutter.top
        try:
            return super().get_target_document_location(event)
        finally:
            self._row = -1

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # F6 and F7 are keys of the screens: with the whole text selected, the next letter would replace it
        return action not in ("select_all", "select_line") and super().check_action(action, parameters)

    def _set_document(self, text: str, language: str | None) -> None:
        self._highlight_query = None
        self.document = LineDocument(text)
        self.wrapped_document = LineWrapping(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def edit(self, edit: Edit) -> EditResult:
        result = super().edit(edit)  # where the number of lines changes, the whole text is laid out and drawn
        first, last = edit.top[0], result.end_location[0]
        self._draw_again(first, last)
        return result

    def watch_selection(self, before: Selection, now: Selection) -> None:
        """Draws the lines on which the cursor or the selection has changed."""
        for selection in {before, now}:
            (top, _), (bottom, _) = sorted(selection)
            self._draw_again(top, bottom)
        bracket = self.matching_bracket_location
        for place in (self._bracket, bracket):
            if place is not None:
                self._draw_again(place[0], place[0])
        self._bracket = bracket

    def _draw_again(self, first: int, last: int) -> None:
        """Draws the lines from one to another, by their index; they may be on more rows than they are lines."""
        if self.soft_wrap:
            self.refresh()
        else:
            self.refresh_lines(first, last - first + 1)

    def on_resize(self) -> None:
        if isinstance(self.document, LineDocument):
            self.document.least_width = self.content_size.width - self.gutter_width - 1
            self._refresh_size()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """As Textual's own, but a line that fits is shown from its beginning, wherever the cursor is in it."""
        if self.soft_wrap:
            return super().scroll_cursor_visible(center, animate)
        line = self.document.lines[self.selection.end[0]]
        window = self.scrollable_content_region.width - self.gutter_width
        if cell_len(line.expandtabs(self.indent_width)) >= window:  # with the cursor behind its end
            return super().scroll_cursor_visible(center, animate)
        self._recompute_cursor_offset()  # type: ignore[no-untyped-call]
        region = Region(0, self._cursor_offset[1], 1, 1)
        return self.scroll_to_region(region, animate=animate, force=True, center=center)

    def redraw(self) -> None:
        """Draws all lines again: what they look like has changed, not their text."""
        self._line_cache.clear()
        self.refresh()

    def redraw_lines(self, lines: Iterable[int]) -> None:
        """Draws these lines again, by their index."""
        self._line_cache.clear()
        for line in lines:
            self._draw_again(line, line)
