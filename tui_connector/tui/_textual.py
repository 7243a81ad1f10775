"""What the screens use of Textual that is not its public API. No other module touches a private name of it.

`tests/tui/test_textual_parts.py` names each part, and fails when an update of Textual removes one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from textual import events
from textual.app import App
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.widget import Widget


class QuietApp(App[None]):
    """An app that keeps its crash for whoever ran it: Textual prints the local variables of every frame."""

    crash: BaseException | None = None
    """The exception that ended the program."""

    def is_harmless(self, error: Exception) -> bool:
        """Whether the program continues after this exception in a handler."""
        return False

    def _handle_exception(self, error: Exception) -> None:
        if not self.is_harmless(error):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self.crash = sys.exc_info()[1]
        self._close_messages_no_wait()


class TakesPastes(Widget):
    """A widget that takes a paste while it is handed out, not from its queue: the next one must find the next field."""

    def take_paste(self, text: str) -> None:
        """Acts on what was pasted into it."""
        raise NotImplementedError

    def _forward_event(self, event: events.Event) -> None:
        if isinstance(event, events.Paste):
            event._set_forwarded()
            self.take_paste(event.text)
        else:
            super()._forward_event(event)


def bindings_now(node: DOMNode, app: App[Any]) -> BindingsMap:
    """The bindings of this node with the user's keys: Textual gives them only for what has the focus."""
    bindings = node._bindings.copy()
    bindings.apply_keymap(app._keymap)
    return bindings


def bindings_of(kind: type[DOMNode]) -> Iterable[Binding]:
    """The bindings that a class declares or inherits."""
    return [binding for _, binding in kind._merge_bindings()]
