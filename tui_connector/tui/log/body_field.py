"""The body of a request that is edited, as far as a field can show it without changing it."""

from __future__ import annotations

import re

from ...text import shown
from ..widgets.text_areas import JsonArea
from .request_text import MAX_SHOWN, editable, edited_body, is_lossy

_FIRST_VALUE = re.compile(r'""|\b0\b')
"""A value to write in a body with the fields that it needs."""


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
        """Replaces the text by this JSON, with the cursor at its first value to write; ^Z takes that back."""
        text = editable(body.encode())
        self.history.checkpoint()
        self.replace(text, self.document.start, self.document.end)
        first = _FIRST_VALUE.search(text)
        before = text[: first.start() + (first[0] == '""')] if first else text
        self.move_cursor((before.count("\n"), len(before.rpartition("\n")[2])))
        self.focus()
        self.call_after_refresh(self._show_start)

    def _show_start(self) -> None:
        """Scrolls to the start, and on to the cursor where that is below what is in sight."""
        self.scroll_to(0, 0, animate=False, immediate=True)
        self.scroll_cursor_visible()
