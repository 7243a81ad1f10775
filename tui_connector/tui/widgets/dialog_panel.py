"""The panel of a dialog: as large as its content needs, where the terminal has room."""

from __future__ import annotations

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.layout import ArrangeResult
from textual.layouts.vertical import VerticalLayout
from textual.scroll_view import ScrollView
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

NARROWEST, READABLE = 74, 100
"""Columns of the content of a dialog at least, and those at which its prose wraps."""
_LOWEST = 3
"""Rows that a list keeps where the terminal is low."""
_SCROLL_BAR = 2
"""Columns of a scroll bar, with a blank before it."""


class Fitting(Vertical):
    """Where it is too low for its content, its lists and what scrolls in it become lower, the last one first."""

    @property
    def layout(self) -> VerticalLayout:
        return _FITTING


class DialogPanel(Fitting):
    """As wide as its widest line, where the terminal has room; only prose wraps, unless it has the class `lines`.

    As high as its content, or as the terminal: what is below a list, such as the answers to a question, stays in view.
    What is typed into a filter makes it lower, but not narrower.
    """

    _widest = NARROWEST

    def get_content_width(self, container: Size, viewport: Size) -> int:
        parts = (_columns(each, self, container, viewport) for each in self.query(Widget))
        self._widest = max(self._widest, *parts)
        return self._widest


def _columns(part: Widget, panel: Widget, container: Size, viewport: Size) -> int:
    """The columns that the content of a panel needs for this part of it; 0 if it does not matter."""
    around = list(part.ancestors)[: list(part.ancestors).index(panel)]
    if not isinstance(part, Static | Input | OptionList) or not part.display:
        return 0
    if any(isinstance(each, Horizontal) for each in around):
        return 0  # a field takes what there is
    needed = part.get_content_width(container, viewport) + part.gutter.width
    if isinstance(part, Static) and not part.has_class("lines"):
        needed = min(needed, READABLE)
    scrolls = isinstance(part, OptionList) or any(isinstance(each, VerticalScroll) for each in around)
    return needed + (_SCROLL_BAR if scrolls else 0)


class _FittingLayout(VerticalLayout):
    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        placed = super().arrange(parent, children, size, greedy)
        bottom = max((each.region.bottom + each.margin.bottom for each in placed), default=0)
        excess = bottom - size.height if size.height else 0
        for index in reversed(range(len(placed))):
            each = placed[index]
            taken = min(excess, each.region.height - _LOWEST)
            if taken > 0 and isinstance(each.widget, ScrollView | VerticalScroll | Fitting):
                excess -= taken
                height = each.region.height - taken
                placed[index] = each._replace(region=each.region.crop_size((each.region.width, height)))
                below = placed[index + 1 :]
                placed[index + 1 :] = [one._replace(region=one.region.translate((0, -taken))) for one in below]
        return placed


_FITTING = _FittingLayout()
