"""The screens with a log below, which can be zoomed to the whole screen."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.widget import Widget

from .._textual import BaseScreen, current_bindings
from ..keys import key_label
from .panel import LogPanel, ZoomWanted

WIDE = (100, 32)
"""Columns and rows from which all panes are side by side."""


def is_wide(size: Size) -> bool:
    """Whether all panes are side by side on a screen of this size."""
    return size.width >= WIDE[0] and size.height >= WIDE[1]


class LogDock(BaseScreen[None]):
    """A screen with the log below. While the log is zoomed, widgets behind it get the focus only afterwards."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("G", "follow_log", "Follow the log", show=False, id="log.follow-below"),
    ]
    AWAY_FROM_LOG: ClassVar[frozenset[str]] = frozenset()
    """Actions that do nothing while the log has the keys, as what they act on may be out of sight."""
    _focus_behind: Widget | None = None
    """The widget to focus when the zoom ends."""

    @property
    def log_panel(self) -> LogPanel:
        return self.query_one(LogPanel)

    @property
    def is_in_log(self) -> bool:
        """Whether the log has the focus; also before the log is composed."""
        return self.focused is not None and any(isinstance(each, LogPanel) for each in self.focused.ancestors)

    @property
    def zoomed(self) -> bool:
        """Whether the log is zoomed."""
        return self.has_class("zoomed")

    def why_not(self, action: str) -> str:
        """Why this action of the screen does nothing while the log has the keys."""
        if action not in self.AWAY_FROM_LOG or not self.is_in_log:
            return ""
        leave = f"{self.key_of('zoom')} ends its zoom" if self.zoomed else "Tab leaves it"
        return f"{self.titled_key_of(action)} does nothing while the log has the focus: {leave}."

    def titled_key_of(self, action: str) -> str:
        """The same as `key_of`, with what the key does: "E (Environment)"."""
        title = next(each.description for _, each in current_bindings(self, self.app) if each.action == action)
        return f"{self.key_of(action)} ({title})"

    def key_of(self, action: str) -> str:
        """The label of the first key of this action of the screen."""
        return next(key_label(each.key) for _, each in current_bindings(self, self.app) if each.action == action)

    def key_to(self, part: Widget) -> str:
        """The zoom leads to the list of the log."""
        return "" if self.zoomed or part not in self.log_panel.view.ancestors_with_self else self.key_of("zoom")

    def on_compose(self) -> None:
        self._adapt_to(self.app.size)  # now, and not once all is mounted: every widget would be styled twice

    def on_resize(self, event: events.Resize) -> None:
        self._adapt_to(event.size)
        self.resized()

    def _adapt_to(self, size: Size) -> None:
        self.set_class(is_wide(size), "wide")

    def resized(self) -> None:
        """Called after a resize."""

    def begin(self) -> None:
        """Sets the default focus, for when the zoom ends and no widget had it before."""
        self.set_focus(None)

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        if self.zoomed and widget is not None and self.log_panel not in widget.ancestors:
            self._focus_behind = widget
        else:
            super().set_focus(widget, scroll_visible, from_app_focus)

    @on(ZoomWanted)
    def _zoom_in(self) -> None:
        if not self.zoomed:
            self.action_zoom()

    def action_zoom(self) -> None:
        """Zooms the log, or ends the zoom."""
        if not self.zoomed:
            self._focus_behind = self.focused
            self.add_class("zoomed")
            self.log_panel.zoom_in()
            return
        self.remove_class("zoomed")
        if self._focus_behind is not None and self._focus_behind.is_attached:
            self.set_focus(self._focus_behind)
        else:
            self.begin()

    def action_follow_log(self) -> None:
        """Follows the newest request."""
        if not self.log_panel.view.following:
            self.log_panel.view.action_follow()

    def leave_log(self) -> bool:
        """Leaves the prompt or detail of the log, or ends the zoom. False where neither applies."""
        if self.log_panel.leave_detail():
            return True
        if self.zoomed:
            self.action_zoom()
            return True
        return False
