"""The field for the method of a request."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.suggester import SuggestFromList

from ...client.message import METHODS
from ..widgets.safe_input import SafeInput


class MethodField(SafeInput):
    """The method of a request: Tab, → or Enter completes what was begun, such as "po".

    What is typed replaces a whole one.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(suggester=SuggestFromList(METHODS, case_sensitive=False), **options)

    def complete(self) -> bool:
        """Completes the method that was begun; False where none was."""
        typed = self.value.strip().upper()
        begun = next((each for each in METHODS if each.startswith(typed)), "") if typed else ""
        if not begun or self.value == begun:
            return False
        self.replace(begun, 0, len(self.value))
        return True

    def watch_value(self, value: str) -> None:
        super().watch_value(value)
        self.is_suggestion = value.strip().upper() in METHODS

    async def action_submit(self) -> None:
        self.complete()
        await super().action_submit()

    def on_key(self, event: events.Key) -> None:
        if event.key == "tab" and self.complete():
            event.stop()
            event.prevent_default()
