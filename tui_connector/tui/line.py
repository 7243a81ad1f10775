"""What is typed and pasted, made safe to draw: a paste may hold whatever a web page put into it."""

from __future__ import annotations

from textual.widgets import Input, TextArea
from textual.widgets.text_area import Edit, EditResult

from ..text import shown, shown_line


class Line(Input):
    """A line of text in which what a terminal would obey is written out. Of a password only dots are drawn."""

    def validate_value(self, value: str) -> str:
        return value if self.password else shown_line(value)

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(self.validate_value(text), start, end)  # before, or the cursor would not be behind it


class Lines(TextArea):
    """Several lines of such text."""

    def edit(self, edit: Edit) -> EditResult:
        edit.text = shown(edit.text)
        return super().edit(edit)
