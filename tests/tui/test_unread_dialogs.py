"""A dialog that opens by itself ignores keys that its user pressed before it could be read, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from guide_steps import no_demo
from screens import accepts_keys, shown, until, until_shown
from textual import events

from tui_connector.machine import Machine
from tui_connector.tui import unread
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.dialogs import SecretEntryScreen
from tui_connector.tui.screen_prompt import ScreenPrompt
from tui_connector.tui.widgets.frame import by_itself
from tui_connector.tui.widgets.questions import AllowScreen, ConfirmScreen

IGNORED = "Keys pressed before this could be read were ignored."


@asynccontextmanager
async def asked(machine: Machine) -> AsyncIterator[tuple[Any, ConnectorApp, ScreenPrompt]]:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "New store")
        yield pilot, app, ScreenPrompt(app)


def started(work: Awaitable[Any]) -> asyncio.Future[Any]:
    return asyncio.ensure_future(work)


def told(app: ConnectorApp) -> list[str]:
    return [each.message for each in app._notifications]


async def test_a_key_pressed_before_a_question_was_painted_is_no_answer(machine: Machine) -> None:
    async with asked(machine) as (pilot, app, prompt):
        early = [events.Key("y", "y"), events.Key("escape", None), events.Key("n", "n")]
        answer = started(prompt.allow("Trust it?"))
        await until(pilot, lambda: isinstance(app.screen, AllowScreen))
        for key in early:
            app.post_message(key)
        await until(pilot, lambda: told(app) == [IGNORED])
        assert not answer.done()
        await pilot.press("y")
        assert await answer is True


async def test_what_is_typed_before_a_secret_is_asked_for_is_not_part_of_it(machine: Machine) -> None:
    async with asked(machine) as (pilot, app, prompt):
        early = [events.Key("1", "1"), events.Paste("CANARY"), events.Key("2", "2"), events.Key("enter", "\r")]
        answer = started(prompt.secret("One-time code"))
        await until(pilot, lambda: isinstance(app.screen, SecretEntryScreen))
        for each in early:
            app.post_message(each)
        await until(pilot, lambda: told(app) == [IGNORED])
        await pilot.press("3", "4", "enter")
        assert await answer == "34"


async def test_a_key_pressed_right_after_a_question_was_painted_is_no_answer(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "_REST", 1_000.0)
    async with asked(machine) as (pilot, app, prompt):
        answer = started(prompt.allow("Trust it?"))
        await until(pilot, lambda: "Trust it?" in shown(app), unread=True)
        assert "y Yes" not in shown(app)  # the footer has the keys that work
        await pilot.press("y")
        await until(pilot, lambda: told(app) == [IGNORED], unread=True)
        assert not answer.done()
        await pilot.press("ctrl+q")  # quits whatever is asked
        answer.cancel()
    assert not app.is_running


async def test_the_question_below_another_one_has_to_be_read_again(machine: Machine) -> None:
    async with asked(machine) as (pilot, app, prompt):
        first = started(prompt.allow("First?"))
        await until_shown(pilot, "First?")
        second = started(prompt.allow("Second?"))
        await until_shown(pilot, "Second?")
        doubled = events.Key("y", "y")
        await pilot.press("y")
        assert await second is True
        await until(pilot, lambda: "Second?" not in shown(app), unread=True)
        app.post_message(doubled)
        await until(pilot, lambda: IGNORED in told(app))
        assert not first.done()
        await pilot.press("n")
        assert await first is False


async def test_a_dialog_that_a_key_opens_takes_the_next_key_at_once(machine: Machine) -> None:
    async with asked(machine) as (pilot, app, _):
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen.is_modal)
        assert accepts_keys(app)
        await pilot.press("escape")
        await until(pilot, lambda: not app.screen.is_modal)
        app.push_screen(by_itself(ConfirmScreen("A background task has something to ask.")))
        assert not accepts_keys(app)
        await until_shown(pilot, "y Yes")
