"""The request log on the whole screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from ...client.exchange import Exchanges
from ...text import shown_line
from .acts import LogContext
from .panel import LogPanel


class RequestsScreen(Screen[None]):
    """List and detail of every request, live or from a file; `title` says whose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "back", "Back", id="requests.back"),
    ]

    def __init__(self, exchanges: Exchanges, context: LogContext, title: str) -> None:
        super().__init__()
        self._panel, self._whose = LogPanel(exchanges, context), title

    def compose(self) -> ComposeResult:
        yield Static(Content(f" {shown_line(self._whose)}"), id="head")
        yield self._panel
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._panel.view.focus()

    def action_back(self) -> None:
        self.dismiss(None)
