"""A list whose cursor stops at its ends."""

from __future__ import annotations

from textual.widgets import OptionList


class BoundedList(OptionList):
    """Textual's own list starts over at the other end, where one more press than needed is easily made."""

    def action_cursor_down(self) -> None:
        self._move(1)

    def action_cursor_up(self) -> None:
        self._move(-1)

    def at_end(self, by: int) -> bool:
        """Whether no option follows (1) or precedes (-1) the one under the cursor."""
        return self._next(by) is None

    def _move(self, by: int) -> None:
        found = self._next(by)
        if found is not None:
            self.highlighted = found
        else:  # the titles beyond the last option
            self.scroll_end(animate=False) if by > 0 else self.scroll_home(animate=False)

    def _next(self, by: int) -> int | None:
        start = self.highlighted
        if start is None:
            start = -1 if by > 0 else self.option_count
        rest = range(start + by, self.option_count if by > 0 else -1, by)
        return next((index for index in rest if not self.get_option_at_index(index).disabled), None)
