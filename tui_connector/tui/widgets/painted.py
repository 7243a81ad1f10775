"""Colours of the theme for widgets that draw their rows themselves."""

from __future__ import annotations

from typing import Any

from rich.style import Style
from textual.widget import Widget

_NAMES = (
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

PAINTS = {f"paint--{name}" for name in _NAMES}
"""The component classes of the app. Each widget could have its own, but all of them are styled whenever it is."""


class Painted(Widget):
    """A widget with styles by name; `app.tcss` says what each looks like in a theme."""

    def __init__(self, **common: Any) -> None:
        self._paints: dict[str, Style] = {}
        super().__init__(**common)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._paints.clear()

    def paint(self, name: str) -> Style:
        """The style of this name, to be laid over that of the widget."""
        if name not in self._paints:
            self._paints[name] = self.app.get_component_styles(f"paint--{name}").partial_rich_style
        return self._paints[name]

    @property
    def cursor_style(self) -> Style:
        """Of the row under the cursor."""
        return self.paint("cursor" if self.has_focus else "cursor-blurred")
