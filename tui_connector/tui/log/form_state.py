"""What is kept of the form of a request while it is closed: what was not sent, and where its user was."""

from __future__ import annotations

from typing import NamedTuple

from textual.screen import Screen
from textual.widgets import Input, TextArea

from ...client.message import Request


class UnsentRequest(NamedTuple):
    """A request that was edited and could not be sent, and why."""

    request: Request
    reason: str


class FormPlace(NamedTuple):
    """Where in the form its user was."""

    field: str
    """The id of the widget."""
    line: int
    column: int

    @classmethod
    def of(cls, field: Input | TextArea) -> FormPlace:
        """Where the cursor of this field is."""
        line, column = field.cursor_location if isinstance(field, TextArea) else (0, field.cursor_position)
        return cls(field.id or "", line, column)

    def focus_in(self, form: Screen[Request | None]) -> bool:
        """Focuses the place; False where the form does not show its field."""
        field = form.query_one(f"#{self.field}")
        if not field.display:
            return False
        if isinstance(field, TextArea):
            field.move_cursor((self.line, self.column))
        elif isinstance(field, Input):
            field.cursor_position = self.column
        field.focus()
        return True
