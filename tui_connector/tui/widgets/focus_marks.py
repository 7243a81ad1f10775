"""Marks where the focus is: the panel and the field that contain it with the class `-active`, and the row of a list.

Their styles could use `:focus-within`, but then Textual styles everything in a panel again at each change of focus.
What `-active` changes is the look of the marked widget itself and of the labels in it: only these are styled again.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from textual.dom import DOMNode
from textual.screen import Screen

ACTIVE = "-active"
_MARKED = ("panel", "field")
_LABEL = ".label"


def cursor_mark(*, has_keys: bool) -> str:
    """The mark of the row under the cursor of a list; `has_keys`: its keys move it now, not those of another list."""
    return "▸" if has_keys else "›"


class FocusMarks:
    """The widgets of each screen that are marked now."""

    def __init__(self) -> None:
        self._marked: WeakKeyDictionary[Screen[object], set[DOMNode]] = WeakKeyDictionary()

    def follow(self, screen: Screen[object]) -> None:
        """Moves the marks to where the focus of this screen is now."""
        around = screen.focused.ancestors if screen.focused is not None else []
        found = {node for node in around if any(node.has_class(name) for name in _MARKED)}
        marked = self._marked.get(screen, set())
        for node in marked - found:
            node.remove_class(ACTIVE, update=False)
        for node in found - marked:
            node.add_class(ACTIVE, update=False)
        styled = [each for node in marked ^ found for each in (node, *node.query(_LABEL))]
        screen.app.stylesheet.update_nodes(styled, animate=True)
        self._marked[screen] = found
