"""Moves of the focus by keys: to the next widget, and from row to row of a form."""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button

from .._textual import reply

T = TypeVar("T")


def move_focus(screen: Screen[T], step: int) -> None:
    """Focuses the next widget, or the previous one where `step` is -1; unlike Tab, it stops at the ends."""
    chain, focused = screen.focus_chain, screen.focused
    index = chain.index(focused) + step if focused in chain else -1
    if 0 <= index < len(chain):
        screen.set_focus(chain[index])


@runtime_checkable
class UsesArrows(Protocol):
    """A widget in which ↓ and ↑ move, such as a list."""

    def may_leave(self, key: str) -> bool:
        """Whether `down` or `up` goes to the next or previous row, as there is nothing more in this widget."""
        ...


@runtime_checkable
class EnteredByArrows(Protocol):
    """A list whose cursor has no meaning of its own: it begins at the end that an arrow comes from."""

    def enter_by(self, key: str) -> None:
        """Moves the cursor to the first item for `down`, to the last one for `up`."""
        ...


@runtime_checkable
class PassedByEnter(Protocol):
    """A field at the beginning of a row, such as a name in a table: going on from a value, one may go past it."""

    @property
    def is_passed_by_enter(self) -> bool: ...


_ROWS = frozenset({"field", "pair", "buttons"})
"""The classes of what arrows go through as one: its first widget gets the focus."""


def field_rows(container: Widget) -> dict[Widget, Widget]:
    """The rows of what Tab visits, in its order, each with its first widget that can have the focus.

    A row is a field, a row of a table, a row of buttons, or whatever else is in none of them, such as a list.
    """
    found: dict[Widget, Widget] = {}
    for widget in container.screen.focus_chain:
        if container in widget.ancestors:
            found.setdefault(_row_of(widget), widget)
    return found


def _row_of(widget: Widget) -> Widget:
    around = (each for each in widget.ancestors_with_self if isinstance(each, Widget))
    return next((each for each in around if not _ROWS.isdisjoint(each.classes)), widget)


NOT_BY_ARROWS = "not-by-arrows"
"""The class of a row that ↓ and ↑ pass by: what is typed next would change a text in it that is only looked at."""


def move_to_row(container: Widget, key: str) -> bool:
    """↓ and ↑ go to the next and previous row; False where there is none, or where the key belongs to the widget."""
    focused, first = container.screen.focused, field_rows(container)
    row = _row_of(focused) if focused is not None else None
    if focused is None or row not in first or (isinstance(focused, UsesArrows) and not focused.may_leave(key)):
        return False
    rows = [each for each in first if each is row or not each.has_class(NOT_BY_ARROWS)]
    index = rows.index(row) + (1 if key == "down" else -1)
    target = first[rows[index]] if 0 <= index < len(rows) else None
    if isinstance(target, PassedByEnter) and target.is_passed_by_enter and focused is not first[row]:
        target = _same_column(focused, row, rows[index])
    if target is not None:
        container.screen.set_focus(target)
        if isinstance(target, EnteredByArrows):
            target.enter_by(key)
    return target is not None


def _same_column(focused: Widget, row: Widget, other: Widget) -> Widget:
    """The widget of the other row that is in it what the focused one is in its own, or its last one."""
    chain = focused.screen.focus_chain
    here, there = ([each for each in chain if _row_of(each) is one] for one in (row, other))
    return there[min(here.index(focused), len(there) - 1)]


def move_or_say(container: Widget, key: str) -> bool:
    """As `move_to_row`; below the buttons is nothing, which is said: they have the focus where nothing is missing.

    The first field does not follow, as what is typed next would change it.
    """
    if move_to_row(container, key):
        return True
    is_last = key == "down" and isinstance(container.screen.focused, Button)
    if is_last:
        reply(container.app, "↓: nothing is below the buttons; ↑ goes to what is above them.")
    return is_last
