"""Keys act in the order in which they are pressed, on what had the focus then, however busy the program is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from guide_steps import no_demo
from screens import until
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp


class Busy(Static, can_focus=True):
    """Takes its time for a key."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.note('enter')")]

    async def on_key(self) -> None:
        screen = self.screen
        assert isinstance(screen, BusyScreen)
        screen.came.set()
        await screen.may_go_on.wait()


class BusyScreen(Screen[None]):
    """Esc leads from the busy widget to a button, at once."""

    AUTO_FOCUS = "Busy"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", priority=True)]

    def __init__(self) -> None:
        super().__init__()
        self.came, self.may_go_on, self.left = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.done: list[str] = []

    def compose(self) -> ComposeResult:
        yield Busy("busy")
        yield Button("Apply")
        yield Input()

    def action_note(self, what: str) -> None:
        self.done.append(what)

    def action_leave(self) -> None:
        self.done.append("escape")
        self.left.set()
        self.set_focus(self.query_one(Input) if self.focused is self.query_one(Button) else self.query_one(Button))

    def on_button_pressed(self) -> None:
        self.done.append("button")


@asynccontextmanager
async def on_busy_screen(machine: Machine) -> AsyncIterator[tuple[Any, ConnectorApp, BusyScreen]]:
    """The program, with the focus on the busy widget."""
    app, screen = ConnectorApp(machine, no_demo), BusyScreen()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: isinstance(app.focused, Busy))
        yield pilot, app, screen


async def test_key_acts_on_the_widget_focused_when_it_was_pressed(machine: Machine) -> None:
    async with on_busy_screen(machine) as (pilot, app, screen):
        for key in (events.Key("enter", "\r"), events.Key("escape", "\x1b")):
            app.post_message(key)
        await screen.came.wait()
        screen.may_go_on.set()
        await until(pilot, lambda: len(screen.done) == 2)
        assert screen.done == ["enter", "escape"]
        assert isinstance(app.focused, Button)


async def test_paste_after_keys_goes_to_the_widget_they_focus(machine: Machine) -> None:
    async with on_busy_screen(machine) as (pilot, app, screen):
        keys = [*(events.Key("escape", "\x1b") for _ in range(2)), *(events.Key(letter, letter) for letter in "abc")]
        more = [events.Key(letter, letter) for letter in "def"]
        for event in (events.Key("enter", "\r"), *keys, events.Paste("pasted"), *more):
            app.post_message(event)
        await screen.came.wait()
        screen.may_go_on.set()
        await until(pilot, lambda: screen.query_one(Input).value == "abcpasteddef")


async def test_widget_that_never_finishes_a_key_does_not_block_others(machine: Machine) -> None:
    async with on_busy_screen(machine) as (_, app, screen):
        for key in (events.Key("enter", "\r"), events.Key("escape", "\x1b")):
            app.post_message(key)
        await screen.left.wait()
        assert screen.done == ["escape"]
        screen.may_go_on.set()


async def test_key_during_exit_is_discarded(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: bool(app.screen_stack))
    assert not app.screen_stack
    await app.on_event(events.Key("q", "q"))
