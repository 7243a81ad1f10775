"""What is said of a key that does nothing where the focus is: why it does nothing now, or which part has it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol, runtime_checkable

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from ..text import shown_line
from ._textual import current_bindings, is_text_field
from .keys import is_available, key_label, key_titles

_MAX_NAME = 40
"""Columns of the name of a part in a message."""


NAMELESS = "another part of this screen"
"""What a part is called that has no name."""


@runtime_checkable
class SaysWhyNot(Protocol):
    """A screen or widget that knows why its actions are not available."""

    def why_not(self, action: str) -> str:
        """Why this action, without its parameters, does nothing now; "" where there is no reason to name."""
        ...


@runtime_checkable
class LeadsToParts(Protocol):
    """A screen with keys that lead to a part of it, from wherever the focus is."""

    def key_to(self, part: Widget) -> str:
        """The label of the key that leads to this part, or into it; "" where none does."""
        ...


def why_unused(screen: Screen[object], key: str) -> str:
    """What to say of a key that does nothing on this screen; "" if it acts, is text, or is no key of the screen."""
    active = screen.active_bindings.get(key)
    if (active is not None and active.enabled) or (is_text_field(screen.focused) and "+" not in key):
        return ""
    reached: list[DOMNode] = [*(screen.focused.ancestors_with_self if screen.focused else ()), screen, screen.app]
    for node in dict.fromkeys(reached):
        if isinstance(node, SaysWhyNot):
            reasons = (node.why_not(each.action.partition("(")[0]) for each in _bound(node, key))
            if reason := next(filter(None, reasons), ""):
                return reason
    for part in parts_beside_focus(screen):
        for binding in _bound(part, key):
            if not is_available(part, binding.action, screen):
                reason = part.why_not(binding.action.partition("(")[0]) if isinstance(part, SaysWhyNot) else ""
                if reason:
                    return reason
            else:
                title = key_titles(part).get(binding.id or "") or binding.description
                name, way = name_of(part, reached), _way_to(part, screen)
                return f"{key_label(key)} ({title}) is a key of {name}: {way} goes there."
    bound = next((each for node in dict.fromkeys(reached) for each in _bound(node, key)), None)
    return f"{key_label(key)} ({bound.description}) does nothing here." if bound is not None else ""


def parts_beside_focus(screen: Screen[object]) -> Iterator[Widget]:
    """The parts of a screen that keys do not reach now, and would if the focus were there."""
    reached = screen.focused.ancestors_with_self if screen.focused else ()
    parts = dict[Widget, None]()
    for widget in screen.focus_chain:
        for each in widget.ancestors_with_self:
            if isinstance(each, Widget) and not isinstance(each, Screen | App) and each not in reached:
                parts[each] = None
    return iter(parts)


def _way_to(part: Widget, screen: Screen[object]) -> str:
    """The shortest way to move the focus to this part: a key of its own, or "Tab", or "pressing Shift+Tab 2 times"."""
    if isinstance(screen, LeadsToParts) and (key := screen.key_to(part)):
        return key
    chain = screen.focus_chain
    begin = chain.index(screen.focused) if screen.focused in chain else -1
    following = [*chain[begin + 1 :], *chain[: max(0, begin)]]
    inside = [number for number, each in enumerate(following, 1) if part in each.ancestors_with_self]
    forward, back = inside[0], len(following) + 1 - inside[-1]
    key, presses = ("Tab", forward) if forward <= back or begin < 0 else ("Shift+Tab", back)
    return key if presses == 1 else f"pressing {key} {presses} times"


def _bound(node: DOMNode, key: str) -> list[Binding]:
    """The titled bindings of this key."""
    bound = current_bindings(node, node.app).key_to_bindings.get(key, ())
    return [each for each in bound if each.id and each.description]


def name_of(part: Widget, reached: Collection[DOMNode] = ()) -> str:
    """What a part is called: by itself, by what it is in, or by the title that its border shows.

    `reached`: what the focus is in, which the part would not be told from by its name.
    """
    around = [each for each in part.ancestors_with_self if isinstance(each, Widget) and each not in reached]
    name = next((name for each in around if (name := getattr(each, "part_name", ""))), "")
    title = next((str(each.border_title) for each in around if each.border_title), "")
    return name or (shown_line(title, _MAX_NAME) if title else NAMELESS)
