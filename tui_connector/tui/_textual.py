"""Private parts of Textual that the screens use. No other module uses a private name of Textual.

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
    """An app that keeps its crash for the caller: Textual would print the local variables of every frame."""

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


class PasteHandler(Widget):
    """A widget that handles a paste during dispatch, not from its queue: the next paste must reach the next field."""

    def handle_paste(self, text: str) -> None:
        """Handles the pasted text."""
        raise NotImplementedError

    def _forward_event(self, event: events.Event) -> None:
        if isinstance(event, events.Paste):
            event._set_forwarded()
            self.handle_paste(event.text)
        else:
            super()._forward_event(event)


def current_bindings(node: DOMNode, app: App[Any]) -> BindingsMap:
    """The bindings of this node with the user's keys; Textual's public API has only those of the focused node."""
    bindings = node._bindings.copy()
    bindings.apply_keymap(app._keymap)
    return bindings


def declared_bindings(kind: type[DOMNode]) -> Iterable[Binding]:
    """The bindings that a class declares or inherits."""
    return [binding for _, binding in kind._merge_bindings()]
