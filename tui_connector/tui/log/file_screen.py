"""Asks for a file to write, which only its user will be able to read."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...text import shown_line
from ..line import Line


class FileScreen(ModalScreen[Path | None]):
    """Enter takes the path, Esc goes back. A relative one begins where the program was started."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="file.back")]

    def __init__(self, title: str, name: str) -> None:
        super().__init__()
        self._title, self._name = title, name

    def compose(self) -> ComposeResult:
        with Vertical(id="file"):
            yield Static(Content(shown_line(self._title)))
            yield Line(self._name, compact=True, select_on_focus=False)
            yield Static(Content("Enter saves, Esc goes back. Nobody but you can read the file."), classes="quiet")

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(Path(event.value.strip()).expanduser().absolute())
