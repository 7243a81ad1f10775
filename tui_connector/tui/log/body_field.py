"""The body of a request that is edited, as far as a field can show it without changing it."""

from __future__ import annotations

import re

from textual.widgets.text_area import Selection

from ...text import shown
from ..widgets.text_areas import JsonArea
from .request_text import MAX_SHOWN, editable, edited_body, is_lossy

_STRING = r'"(?:[^"\\]|\\.)+"'
_FIRST_VALUE = re.compile(rf'{_STRING}|(?P<empty>""|\{{\}}|\[\])|(?P<literal>\b(?:0|false)\b)')
"""A value to write in a body with the fields that it needs; names have at least one character."""


def first_value(text: str) -> tuple[int, int]:
    """What to select of a JSON text so that typing writes its first value; the end of the text where it has none."""
    for found in _FIRST_VALUE.finditer(text):
        if found["literal"]:
            return found.span()
        if found["empty"]:
            return found.start() + 1, found.start() + 1
    return len(text), len(text)


def _location(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n"), len(before.rpartition("\n")[2])


class BodyField(JsonArea):
    """The text of a body, hidden for one that it would change or that is too long: that one is sent as it is."""

    def __init__(self) -> None:
        super().__init__(id="resend-body")
        self._original = b""
        self.is_editable = False

    def fill(self, body: bytes) -> None:
        """Shows this body."""
        self._original, text = body, editable(body)
        self.is_editable = len(text) <= MAX_SHOWN and shown(text) == text and not is_lossy(body)
        self.text, self.display = text if self.is_editable else "", self.is_editable

    @property
    def is_blank(self) -> bool:
        return self.is_editable and not self.text.strip()

    def edited(self) -> bytes:
        """The body as it is sent."""
        return edited_body(self.text, self._original) if self.is_editable else self._original

    def begin(self, body: str) -> None:
        """Replaces the text by this JSON, with its first value to write selected; ^Z takes that back."""
        text = editable(body.encode())
        self.history.checkpoint()
        self.replace(text, self.document.start, self.document.end)
        start, end = (_location(text, each) for each in first_value(text))
        self.selection = Selection(start, end)
        self.focus()
        self.call_after_refresh(self._show_start)

    def _show_start(self) -> None:
        """Scrolls to the start, and on to the cursor where that is below what is in sight."""
        self.scroll_to(0, 0, animate=False, immediate=True)
        self.scroll_cursor_visible()
