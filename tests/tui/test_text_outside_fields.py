"""Text that is typed or pasted where a list has the focus: nothing is chosen by it, and the user is told."""

from __future__ import annotations

from typing import Any

import pytest
from guide_steps import draft, guide, to_authentication
from screens import shown, until, until_shown
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input

from tui_connector.guide.drafts import Draft
from tui_connector.guide.misplaced_secrets import without_secrets
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.widgets.choice import Choice, ChoiceScreen

TOKEN = "b3canarya7x0q9w8r2k5m1z4c6v8d0g2"


def notes(pilot: Pilot[None]) -> str:
    return " ".join(each.message for each in pilot.app._notifications)


async def at_list(pilot: Pilot[None]) -> Choice:
    """The guide at step 2, with the focus on the ways to authenticate."""
    await to_authentication(pilot)
    way = pilot.app.screen.query_one("#way", Choice)
    pilot.app.screen.set_focus(way)
    await until(pilot, lambda: way.has_focus)
    return way


async def test_a_token_typed_into_a_list_chooses_nothing(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        way = await at_list(pilot)
        before = way.chosen
        await pilot.press(*TOKEN, "enter")
        await until(pilot, lambda: "Nothing chosen: what you entered names no option." in notes(pilot))
        assert way.chosen == before
        assert isinstance(pilot.app.screen, ChoiceScreen)
        assert TOKEN[:8] not in await until_shown(pilot, "No option matches what you entered")
        await pilot.press("home", "down", "down", "enter")  # the list itself works as ever
        await until(pilot, lambda: way.chosen == "way request")


async def test_letters_that_select_nothing_in_a_list_are_reported(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        way = await at_list(pilot)
        before = way.chosen
        await pilot.press("7")
        await until(pilot, lambda: "No option starts with that letter." in notes(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        assert "letters: select" in shown(pilot.app)
        await pilot.press("[", "7", "enter")
        assert "[7" not in await until_shown(pilot, "No option matches what you entered")
        await until(pilot, lambda: "Nothing chosen: what you entered names no option." in notes(pilot))
        assert isinstance(pilot.app.screen, ChoiceScreen)
        await pilot.press("ctrl+u", "b", "e", "x", "enter")
        assert isinstance(pilot.app.screen, ChoiceScreen)
        assert way.chosen == before
        await pilot.press("backspace", "enter")  # what is left names one
        await until(pilot, lambda: way.chosen == "way bearer")


@pytest.mark.parametrize("opens", [False, True])
async def test_a_paste_into_a_list_is_reported(machine: Machine, sandbox: Sandbox, opens: bool) -> None:
    async with guide(machine, sandbox) as pilot:
        way = await at_list(pilot)
        before = way.chosen
        if opens:
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        pilot.app.post_message(events.Paste(f"{TOKEN}\n"))
        if opens:
            await until(pilot, lambda: "How is a list" in notes(pilot))
            await pilot.press("enter")  # which most who paste press next
            await until(pilot, lambda: "Nothing chosen" in notes(pilot))
            assert isinstance(pilot.app.screen, ChoiceScreen)
        else:  # which is not one for text, but a token is wanted below it
            await until_shown(pilot, "32 of 32")
        assert way.chosen == before


def at_once(pilot: Pilot[None], text: str, after: float = 0) -> None:
    """Types it as fast as a terminal without bracketed paste delivers a paste, `after` so many seconds."""
    for character in text:
        event = events.Key({"\n": "enter", " ": "space", ":": "colon"}.get(character, character), character)
        event.time += after
        pilot.app.post_message(event)
        pilot.app.call_later(lambda: None)  # the program has messages of its own between them


async def test_a_word_that_arrives_at_once_outside_a_field_does_nothing(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        pilot.app.screen.query_one("#test-1", Button).focus()
        for text in ("hello world\n", "8424\n", "qts5\n"):
            said = f"{len(text) - 1} characters pasted outside a field: nothing was done. e goes to the field"
            at_once(pilot, text)
            await until(pilot, lambda said=said: said in notes(pilot))  # type: ignore[misc]
        work: Any = pilot.app.screen
        assert "● 1" in shown(pilot.app) or "●1" in shown(pilot.app)
        assert len(work.work.workbench.exchanges) == 0  # Enter, at their end, has pressed no button
        at_once(pilot, "15", after=1)  # a few commands are no text
        await until(pilot, lambda: work._step == 5)
        await pilot.press("escape")  # the name of a new profile is being typed
        await pilot.pause()  # no key is in progress, so that the next one is on its way while those after it are read
        at_once(pilot, ":skip", after=2)  # a key that opens a field, and what is meant for that
        await until_shown(pilot, "Commands")
        await until(pilot, lambda: any(each.value == "skip" for each in pilot.app.screen.query(Input)))


async def test_a_word_that_is_typed_ahead_selects_an_option(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        way = await at_list(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        before = way.chosen
        at_once(pilot, "qwerty")  # the name of none
        await until_shown(pilot, "No option matches")
        await pilot.press("enter")
        await until(pilot, lambda: "Nothing chosen" in notes(pilot))
        assert isinstance(pilot.app.screen, ChoiceScreen)
        assert way.chosen == before
        await pilot.press("ctrl+u")
        at_once(pilot, "login\n")
        await until(pilot, lambda: way.chosen == "way request")


async def test_a_letter_selects_the_title_it_begins_before_words_within_others(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox) as pilot:
        way = await at_list(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("l", "backspace", "b", "enter")  # Login, Bearer token; "basic" is a word of the title Other
        await until(pilot, lambda: way.chosen == "way bearer")
        pilot.app.screen.set_focus(way)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("b", "a", "enter")  # only Other has a word that begins like this
        await until_shown(pilot, "Header")
        await pilot.press("escape")  # nothing is chosen, and the focus stays
        await until(pilot, lambda: pilot.app.focused is way and way.chosen == "way bearer")


async def test_a_user_name_that_looks_like_a_token_is_sent_only_after_a_warning(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        work: Any = pilot.app.screen
        work.work.setup.choose_kind("request")
        await pilot.press("escape", "1")
        await until_shown(pilot, "● 1")
        await pilot.press("2")
        await until(pilot, lambda: "User name" in shown(pilot.app) and isinstance(pilot.app.focused, Button))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press(*TOKEN, "enter", *"CANARY-password", "enter")
        await until_shown(pilot, "The user name looks like a token. It was not sent")
        assert not [each for each in work.work.workbench.exchanges if each.purpose == "login"]
        await pilot.press("f5")
        await until(pilot, lambda: [each for each in work.work.workbench.exchanges if each.purpose == "login"] != [])


def test_a_user_name_that_looks_like_a_token_is_not_kept_in_a_draft() -> None:
    def kept(name: str) -> Any:
        data: Any = {"authentications": {"admin": {"kind": "request", "parameters": {"username": name}}}}
        return without_secrets(Draft("0" * 16, "acme", "", 2, 0.0, data)).data["authentications"]

    assert kept(TOKEN) == {"admin": {"kind": "request", "parameters": {}}}
    assert kept("api")["admin"]["parameters"] == {"username": "api"}


async def test_the_hint_follows_the_focus_to_lists(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await until_shown(pilot, "Any address of the store")
        pilot.app.screen.query_one("#plugins").focus()
        await until_shown(pilot, "What is done with each request, from top to bottom.")
        assert "Any address of the store" not in shown(pilot.app)
        assert draft(pilot)["format"] == 1
