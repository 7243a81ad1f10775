"""A screen with the live log below, which the log can have all of."""

from __future__ import annotations

from textual import events, on
from textual.screen import Screen
from textual.widget import Widget

from .panel import LogPanel, ZoomWanted

WIDE = (100, 32)
"""Columns and rows from which on everything is side by side."""


class LogBelow(Screen[None]):
    """While the log has the whole screen, what lies behind it waits for the focus."""

    _behind: Widget | None = None
    """What gets the focus when the log gives the screen back."""

    @property
    def log_panel(self) -> LogPanel:
        return self.query_one(LogPanel)

    @property
    def zoomed(self) -> bool:
        """Whether the log has the whole screen."""
        return self.has_class("zoomed")

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE[0] and event.size.height >= WIDE[1], "wide")
        self.resized()

    def resized(self) -> None:
        """The screen has another size."""

    def begin(self) -> None:
        """Puts the focus where the work is, when the log gives the screen back and nothing is known to have had it."""
        self.set_focus(None)

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        if self.zoomed and widget is not None and self.log_panel not in widget.ancestors:
            self._behind = widget
        else:
            super().set_focus(widget, scroll_visible, from_app_focus)

    @on(ZoomWanted)
    def _zoom_in(self) -> None:
        if not self.zoomed:
            self.action_zoom()

    def action_zoom(self) -> None:
        """The log on the whole screen, and back."""
        if not self.zoomed:
            self._behind = self.focused
            self.add_class("zoomed")
            self.log_panel.zoom_in()
            return
        self.remove_class("zoomed")
        if self._behind is not None and self._behind.is_attached:
            self.set_focus(self._behind)
        else:
            self.begin()

    def leave_log(self) -> bool:
        """Esc: closes what is open in the log, then gives the screen back. False where neither was so."""
        if self.log_panel.leave():
            return True
        if self.zoomed:
            self.action_zoom()
            return True
        return False
