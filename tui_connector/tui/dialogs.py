"""Questions over the screen: yes or no, one of a few, one line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ..text import shown
from .widgets.fields import SafeInput


class ConfirmScreen(ModalScreen[bool]):
    """y: yes; n, Enter or Esc: no. An Enter may be the second half of a double press, or the end of a paste."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="confirm.yes"),
        Binding("n,enter,escape", "dismiss(False)", "No", id="confirm.no"),
    ]
    KEYS: ClassVar[str] = "y  yes     n, Enter  no"

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="question"):
            yield Static(Content(shown(f"{self._question}\n\n{self.KEYS}")))


class AllowScreen(ConfirmScreen, inherit_bindings=False):
    """A question that comes up by itself: Enter says nothing, for it may be meant for what was there before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="allow.yes"),
        Binding("n,escape", "dismiss(False)", "No", id="allow.no"),
    ]
    KEYS: ClassVar[str] = "y  yes     n  no"


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


class _Line(SafeInput):
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


# Questions that come up while a request is made, asked over the screen.


T = TypeVar("T")


class ScreenPrompt:
    """Asks the user of this program."""

    def __init__(self, app: App[None]) -> None:
        self._app = app

    async def secret(self, label: str) -> str:
        return await self._answer(LineScreen(f"{label}:", secret=True)) or ""

    async def allow(self, question: str) -> bool:
        response: bool | None = await self._answer(AllowScreen(question))
        return bool(response)

    async def _answer(self, screen: Screen[T]) -> T | None:
        """What was answered; None where the screen was left."""
        answered: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def take(response: T | None) -> None:
            if not answered.done():
                answered.set_result(response)

        self._app.push_screen(screen, take)
        return await answered
