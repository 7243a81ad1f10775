"""Colours of the theme for widgets that draw their rows themselves."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.widget import Widget

_PAINTS = (
    "success",
    "warning",
    "error",
    "muted",
    "accent",
    "title",
    "good",
    "bad",
    "refused",
    "badge-warning",
    "badge-error",
    "key",
    "string",
    "number",
    "rate",
    "latency",
    "track",
    "cursor",
    "cursor-blurred",
    "hit",
)


class Painted(Widget):
    """A widget with styles by name; `app.tcss` says what each looks like in a theme."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"paint--{name}" for name in _PAINTS}

    def paint(self, name: str) -> Style:
        """The style of this name, to be laid over that of the widget."""
        return self.get_component_rich_style(f"paint--{name}", partial=True)

    @property
    def cursor_style(self) -> Style:
        """Of the row under the cursor."""
        return self.paint("cursor" if self.has_focus else "cursor-blurred")
