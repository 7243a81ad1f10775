"""Dialogs: a confirmation, and a line of input."""

from __future__ import annotations

import asyncio
from typing import ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from ..text import shown
from .widgets.fields import SafeInput


class ConfirmScreen(ModalScreen[bool]):
    """y: yes; n, Enter or Esc: no. Enter may come from a double press or the end of a paste, so it is harmless."""

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
    """A confirmation that opens by itself: Enter is ignored, because it may be meant for the screen before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="allow.yes"),
        Binding("n,escape", "dismiss(False)", "No", id="allow.no"),
    ]
    KEYS: ClassVar[str] = "y  yes     n  no"


class InputScreen(ModalScreen[str | None]):
    """A line of text, or a secret that is not shown. Enter returns it, Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="line.back")]

    def __init__(self, question: str, value: str = "", *, secret: bool = False) -> None:
        super().__init__()
        self._question, self._value, self._secret = question, value, secret

    def compose(self) -> ComposeResult:
        with Vertical(classes="question"):
            yield Static(Content(shown(self._question)))
            yield _DialogInput(self._value, compact=True, password=self._secret)
            yield Static(Content("Enter: OK · Esc: cancel"), classes="heading")

    def on_mount(self) -> None:
        self.query_one(_DialogInput).focus()


class _DialogInput(SafeInput):
    """The input of the dialog. A secret stays out of messages, which Textual's console prints."""

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


T = TypeVar("T")


class ScreenPrompt:
    """Asks the user, by dialogs, for what a request needs (the `Prompt` of the machine)."""

    def __init__(self, app: App[None]) -> None:
        self._app = app

    async def secret(self, label: str) -> str:
        return await self._ask(InputScreen(f"{label}:", secret=True)) or ""

    async def allow(self, question: str) -> bool:
        response: bool | None = await self._ask(AllowScreen(question))
        return bool(response)

    async def _ask(self, screen: Screen[T]) -> T | None:
        """What the dialog returned; None where it was closed."""
        response_future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def answered(response: T | None) -> None:
            if not response_future.done():
                response_future.set_result(response)

        self._app.push_screen(screen, answered)
        return await response_future
