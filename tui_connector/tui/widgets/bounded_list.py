"""A list whose cursor stops at its ends, and is visible without colours."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import OptionList

from .focus_marks import cursor_mark


class BoundedList(OptionList):
    """Textual's own list starts over at the other end, where one more press than needed is easily made.

    It shows its cursor by colours alone; this one also by a mark, in the blank before the option. A list that cannot
    have the focus is moved from the field beside it.
    """

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        line = self.scroll_offset.y + y
        is_marked = line < len(self._lines) and self._lines[line] == (self.highlighted, 0) and self.shows_cursor
        if not is_marked or not strip.text.startswith(" "):
            return strip
        blank = next(iter(strip.crop(0, 1)))
        mark = cursor_mark(has_keys=self.has_focus or not self.can_focus)
        return Strip([Segment(mark, blank.style), *strip.crop(1)], strip.cell_length)

    @property
    def shows_cursor(self) -> bool:
        """Whether the option under the cursor differs from the others."""
        return True

    def action_cursor_down(self) -> None:
        self._move(1)

    def action_cursor_up(self) -> None:
        self._move(-1)

    def action_page_down(self) -> None:
        if (outer := self._outer) is not None:
            outer.scroll_page_down(animate=False)
        else:
            super().action_page_down()  # type: ignore[no-untyped-call]
            self._stay_in_view(1)

    def action_page_up(self) -> None:
        if (outer := self._outer) is not None:
            outer.scroll_page_up(animate=False)
        else:
            super().action_page_up()  # type: ignore[no-untyped-call]
            self._stay_in_view(-1)

    def action_first(self) -> None:
        super().action_first()
        self._stay_in_view(-1)

    def action_last(self) -> None:
        super().action_last()
        self._stay_in_view(1)

    def _stay_in_view(self, by: int) -> None:
        """After a jump down (1) or up (-1): where it ends at a title, Textual has no option under the cursor."""
        if self.highlighted is None and self.option_count:
            self.highlighted = self._next_from(self.option_count if by > 0 else -1, -by)
        if self.at_end(by):
            self._scroll_to_end(by)

    @property
    def _outer(self) -> Widget | None:
        """What the page keys scroll instead of a list that is wholly visible."""
        if self.max_scroll_y:
            return None
        outer = (each for each in self.ancestors if isinstance(each, Widget))
        return next((each for each in outer if each.allow_vertical_scroll and each.max_scroll_y), None)

    def moved_by(self, key: str) -> bool:
        """Moves the cursor by a key that the field of the list has received; whether it is one that moves it."""
        moves = {
            "down": self.action_cursor_down,
            "up": self.action_cursor_up,
            "pagedown": self.action_page_down,
            "pageup": self.action_page_up,
        }
        if key not in moves:
            return False
        moves[key]()
        return True

    def may_leave(self, key: str) -> bool:
        """Whether ↓ or ↑ leaves the list: from its last option, or its first one."""
        return self.at_end(1 if key == "down" else -1)

    def at_end(self, by: int) -> bool:
        """Whether no option follows (1) or precedes (-1) the one under the cursor."""
        return self._next(by) is None

    def _move(self, by: int) -> None:
        found = self._next(by)
        if found is not None:
            self.highlighted = found
        else:
            self._scroll_to_end(by)

    def _scroll_to_end(self, by: int) -> None:
        """Shows the titles beyond the last option, or the first one."""
        self.scroll_end(animate=False) if by > 0 else self.scroll_home(animate=False)

    def _next(self, by: int) -> int | None:
        start = self.highlighted
        if start is None:
            start = -1 if by > 0 else self.option_count
        return self._next_from(start, by)

    def _next_from(self, start: int, by: int) -> int | None:
        rest = range(start + by, self.option_count if by > 0 else -1, by)
        return next((index for index in rest if not self.get_option_at_index(index).disabled), None)
