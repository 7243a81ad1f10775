"""A field that passes on a pasted curl command instead of inserting it."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from ...profile.importers.command_text import looks_like_command
from ..widgets.safe_input import SafeInput


class CommandInput(SafeInput):
    """`on_command` is called with a pasted command, which may contain secrets and so is not in a message."""

    def __init__(
        self,
        on_command: Callable[[str], None],
        *,
        id: str | None = None,  # noqa: A002
        placeholder: str = "",
    ) -> None:
        super().__init__(compact=True, id=id, placeholder=placeholder)
        self._on_command = on_command

    def on_paste(self, event: events.Paste) -> None:
        if looks_like_command(event.text):
            event.prevent_default()
            event.stop()
            self._on_command(event.text)
