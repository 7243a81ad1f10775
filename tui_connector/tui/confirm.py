"""Questions over the screen: yes or no, one of a few, one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ..text import shown
from .line import Line


class ConfirmScreen(ModalScreen[bool]):
    """y or Enter: yes; n or Esc: no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "dismiss(True)", "Yes", id="confirm.yes"),
        Binding("n,escape", "dismiss(False)", "No", id="confirm.no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="question"):
            yield Static(Content(shown(f"{self._question}\n\ny  yes     n  no")))


class AllowScreen(ConfirmScreen, inherit_bindings=False):
    """A question that comes up by itself: only y says yes, for an Enter may be meant for what was there before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="allow.yes"),
        Binding("n,escape", "dismiss(False)", "No", id="allow.no"),
    ]


class ChooseScreen(ModalScreen[str | None]):
    """One of a few: ↑↓ and Enter; Esc chooses none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="choose.back")]

    def __init__(self, question: str, options: Mapping[str, str]) -> None:
        super().__init__()
        self._question, self._options = question, options

    def compose(self) -> ComposeResult:
        with Vertical(classes="question"):
            yield Static(Content(shown(self._question)))
            yield OptionList(*(Option(Content(shown(title)), id=key) for key, title in self._options.items()))

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_id)


class LineScreen(ModalScreen[str | None]):
    """One line of text, or a secret that is not shown; Enter gives it, Esc gives none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="line.back")]

    def __init__(self, question: str, value: str = "", *, secret: bool = False) -> None:
        super().__init__()
        self._question, self._value, self._secret = question, value, secret

    def compose(self) -> ComposeResult:
        with Vertical(classes="question"):
            yield Static(Content(shown(self._question)))
            yield _Line(self._value, compact=True, password=self._secret)
            yield Static(Content("Enter: OK · Esc: cancel"), classes="heading")

    def on_mount(self) -> None:
        self.query_one(_Line).focus()


class _Line(Line):
    """Gives its line to the screen. A secret stays out of the messages: Textual's console prints them."""

    async def action_submit(self) -> None:
        self.screen.dismiss(self.value.strip() or None)

    def post_message(self, message: Message) -> bool:
        hidden = self.password and isinstance(message, (Input.Changed, Input.Submitted))
        return False if hidden else super().post_message(message)

    def action_copy(self) -> None:
        if not self.password:
            super().action_copy()

    def action_cut(self) -> None:
        if not self.password:
            super().action_cut()
