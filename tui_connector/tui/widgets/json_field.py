"""A field for JSON on several lines, highlighted; a key opens it in the user's editor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message

from .fields import SeveralLines
from .highlight import json_spans


class JsonField(SeveralLines):
    """Several lines of JSON. Enter starts a new line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open_editor", "Open in $EDITOR", id="json.editor", priority=True)
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"paint--key", "paint--string", "paint--number"}

    @dataclass
    class EditorRequested(Message):
        """Open the text in the user's editor."""

        json_field: JsonField

        @property
        def control(self) -> JsonField:
            return self.json_field

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end, kind in json_spans(line.plain):
            line.stylize(self.get_component_rich_style(f"paint--{kind}", partial=True), start, end)
        return line

    def action_open_editor(self) -> None:
        self.post_message(self.EditorRequested(self))
