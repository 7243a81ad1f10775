"""How the list and the detail of the log share the room of their panel."""

from __future__ import annotations

from textual.geometry import Size

from .sending import LogHost

_MIN_WIDTH_BORDERED = 100
"""Columns from which list and detail have borders, and are side by side where they are too low to be stacked."""
_MIN_HEIGHT_BORDERED = 24
"""Rows from which they are stacked at such a width: a row needs the width to show what distinguishes it."""
_MIN_WIDTH_SIDE = 160
"""Columns from which they are side by side at any height."""
MIN_HEIGHT_WITH_DETAIL = 12
"""Rows from which there is room for the detail: below the list, or beside it."""


class PanelLayout:
    """The classes of the panel by its size, and the shares of its list and its detail."""

    def __init__(self, panel: LogHost) -> None:
        self._panel = panel
        self._list_share = {"side": 6, "below": 4}
        """Tenths of the room that the list has: beside the detail, and above it."""

    def adapt_to(self, size: Size) -> None:
        """Sets the classes for a size; where it is low, there is only room for the list."""
        panel = self._panel
        bordered, before = size.width >= _MIN_WIDTH_BORDERED, panel.classes
        is_beside = bordered and (size.width >= _MIN_WIDTH_SIDE or size.height < _MIN_HEIGHT_BORDERED)
        is_low = size.height < MIN_HEIGHT_WITH_DETAIL
        for name, is_set in {"wide": bordered, "side": is_beside, "low": is_low}.items():
            panel.set_class(is_set, name, update=False)
        if is_low:
            panel.remove_class("reading", update=False)
        if panel.classes != before:
            panel.update_node_styles()  # once: it styles all widgets of the panel

    def divide(self) -> None:
        """Gives list and detail their shares."""
        panel, share = self._panel, self._list_share[self._direction]
        if self._direction == "side":
            panel.styles.grid_columns = f"{share}fr {10 - share}fr"
            panel.view.styles.height = panel.detail.styles.height = "1fr"
        else:
            panel.view.styles.height, panel.detail.styles.height = f"{share}fr", f"{10 - share}fr"

    def move_divider(self, step: int) -> None:
        """Moves the divider by so many tenths."""
        self._list_share[self._direction] = max(2, min(8, self._list_share[self._direction] + step))
        self.divide()

    @property
    def _direction(self) -> str:
        return "side" if self._panel.has_class("side") else "below"
