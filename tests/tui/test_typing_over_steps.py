"""What is typed or pasted over the buttons and lists of a step, and the keys inside its fields."""

from __future__ import annotations

from typing import Any

import pytest
from guide_steps import INCOMING, at_step, guide, no_demo, profile, to_authentication
from screens import TYPING_GAP, shown, until, until_shown
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input

from tui_connector.cli.screen import full_integration
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui import typed_words
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.help import HelpScreen
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.choice import Choice
from tui_connector.tui.widgets.secret import SecretInput


@pytest.mark.parametrize("focused", ["#use-sandbox", "#log-list"])
async def test_tokens_pasted_outside_fields_go_to_the_fields(machine: Machine, sandbox: Sandbox, focused: str) -> None:
    tokens = full_integration(sandbox)
    async with guide(machine, sandbox, tokens=True) as pilot:
        await to_authentication(pilot)
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "use-sandbox")
        pilot.app.screen.query_one(focused).focus()
        await pilot.pause()
        for name in ("consumer-key", "consumer-secret", "access-token", "access-token-secret"):
            pilot.app.post_message(events.Paste(tokens[name]))
        await until(pilot, lambda: all(value[-4:] in shown(pilot.app) for value in tokens.values()))
        await pilot.press("ctrl+r")
        await until_shown(pilot, "✔ The store accepts it.")


async def test_a_token_typed_at_once_over_the_buttons_is_a_paste(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    """As keys, its letters would test, go to other steps and save: a terminal without bracketed paste sends them."""
    path = profile(machine, memory_keyring, sandbox)
    before = path.read_text()
    async with at_step(machine, "2") as (pilot, setup):
        assert isinstance(pilot.app.focused, Button)
        token = "5sst1canary1canary1canary1n2wmt0"
        for each in token:
            pilot.app.post_message(events.Key(each, each))
        said = "32 characters pasted outside a field"  # every secret is set: none of them is replaced
        await until(pilot, lambda: any(said in each.message for each in pilot.app._notifications))
        assert isinstance(pilot.app.screen, SetupScreen)
        assert "● 2" in shown(pilot.app)
        assert setup.at("authentications", "integration", "consumer-key") == {
            "keyring": "shop/integration/consumer-key"
        }
    assert path.read_text() == before


async def test_letters_of_a_word_typed_slowly_over_a_step_are_no_keys(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_words, "PAUSE", 100.0)
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "1", (140, 45)) as (pilot, setup):
        address = setup.typed_address
        at = pilot.app.focused
        for letter in "home.example page at https://12.test":  # after the first two, each is a key somewhere
            await pilot.press("space" if letter == " " else letter)
        assert isinstance(pilot.app.screen, SetupScreen)
        assert (pilot.app.focused, setup.typed_address) == (at, address)
        assert "● 1" in shown(pilot.app)
        await until(pilot, lambda: any("t did nothing, as" in each.message for each in pilot.app._notifications))
        before = len(sandbox.journal())
        for button in (".test", ".continue"):
            pilot.app.screen.pane.query_one(button).focus()
            await pilot.press("x", "x", "enter")
            await until(pilot, lambda: any("Enter did nothing" in each.message for each in pilot.app._notifications))
            pilot.app.clear_notifications()
        assert "● 1" in shown(pilot.app)
        assert len(sandbox.journal()) == before
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await pilot.press("escape", "escape", "e")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        client = pilot.app.screen.query_one("#client", Choice)
        client.focus()
        await pilot.press("x", "e")
        assert client.has_focus
        type_keys(pilot, "e", begins_after=200)  # the word has ended: letters are keys
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press("escape")
        pilot.app.screen.pane.query_one(".test").focus()
        await pilot.press("x", "enter")  # one letter is no word
        await until(pilot, lambda: len(sandbox.journal()) > before)


async def type_over(pilot: Pilot[None], keys: str, seconds: float = 0.2) -> None:
    """Types these keys after Esc, with so many seconds between one and the next."""
    await pilot.press("escape")
    type_keys(pilot, keys, seconds)


def type_keys(pilot: Pilot[None], keys: str, seconds: float = 0.2, begins_after: float = 0.0) -> None:
    """Types these keys, with so many seconds between one and the next, as a terminal reports them."""
    typed = [events.Key({"\n": "enter", " ": "space"}.get(each, each), each) for each in keys]
    for index, key in enumerate(typed):
        key.time += begins_after + index * seconds
        pilot.app.post_message(key)


async def test_a_word_whose_letters_are_all_keys_runs_only_the_first(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_words, "GAP", TYPING_GAP)
    path = profile(machine, memory_keyring, sandbox)
    before = path.read_text()

    async def until_said(words: str) -> None:
        await until(pilot, lambda: any(words in each.message for each in pilot.app._notifications))
        pilot.app.clear_notifications()

    async with at_step(machine, "1", (140, 45)) as (pilot, setup):
        address, sent = setup.typed_address, len(sandbox.journal())
        await type_over(pilot, "edit\n")  # its first letter leads to a field
        await until_said("e was a key (Edit); the 3 letters typed right after it did nothing.")
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "field-address")
        assert (setup.typed_address, len(sandbox.journal())) == (address, sent)
        await type_over(pilot, "test\n")
        await until_said("Enter did nothing: it ended the word")
        await until(pilot, lambda: len(sandbox.journal()) > sent)
        await until_shown(pilot, "✔ Magento")
        assert "● 1" in shown(pilot.app)
        assert (isinstance(pilot.app.focused, Input), setup.typed_address) == (False, address)
        setup.edit(("clients", "magento", "timeout"), "5s")
        await type_over(pilot, "ss")  # too soon to have read what would be written
        await until_said("s was a key (Save); the letter typed right after it did nothing.")
        await until_shown(pilot, "● 5")
        assert path.read_text() == before
        await type_over(pilot, "21np", 0.1)  # from step to step
        await until_shown(pilot, "● 1")
        await type_over(pilot, "nested")
        await until_said("n was a key (Next); the 5 letters typed right after it did nothing. e goes to the field")
        await until_shown(pilot, "● 2")
        await type_over(pilot, "queen")  # also the letters that another screen would get
        await until_said("q was a key (Close); ")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))


async def test_a_word_typed_slowly_over_a_list_saves_nothing(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox, **INCOMING)
    before = path.read_text()
    async with at_step(machine, "3", (140, 45)) as (pilot, setup):
        setup.edit(("clients", "magento", "timeout"), "5s")
        await pilot.press(*"xsss")
        assert "● 3" in shown(pilot.app)
        await pilot.press("escape", "s")
        await until_shown(pilot, "● 5")
        assert path.read_text() == before
        await pilot.press("s")
        await until_shown(pilot, "Saved:")


async def test_keys_pressed_quickly_one_by_one_are_keys(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "2") as (pilot, _):
        for each in "nnp":
            pilot.app.post_message(events.Key(each, each))
        await until_shown(pilot, "● 3")
        await type_over(pilot, "s1")  # two keys, however fast
        await until_shown(pilot, "● 1")
        await type_over(pilot, "sq")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))


async def test_letters_are_keys_where_a_token_is_to_be_pasted(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        await pilot.press("n")
        await until_shown(pilot, "A paste goes to Consumer key")
        await pilot.press("n")
        await until_shown(pilot, "● 3")
        await pilot.press("escape", "2")
        await until_shown(pilot, "● 2")
        for _ in range(2):
            pilot.app.post_message(events.Paste("1canary1" * 4))
        await until(pilot, lambda: shown(pilot.app).count("32 of 32") == 2)


async def test_a_stray_letter_is_not_taken_as_a_token(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, tokens=True) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        await until_shown(pilot, "You are typing here; Esc: keys.")
        await pilot.press("p", "tab")
        await until(pilot, lambda: any("cannot be a token" in each.message for each in pilot.app._notifications))
        first = pilot.app.screen.query(SecretInput).first()
        assert not first.has_value
        first.focus()
        pilot.app.post_message(events.Paste("1canary1" * 4))
        await until(pilot, lambda: first.has_value)


async def test_every_action_has_a_key_inside_a_field(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        assert isinstance(pilot.app.focused, SecretInput)
        for key, words in (
            ("f7", "● 1"),
            ("f8", "● 2"),
            ("f9", "● 2"),
            ("f3", "● 2"),
            ("f5", "Consumer key is missing"),
            ("ctrl+s", "● 5"),
        ):
            await pilot.press(key)
            await until_shown(pilot, words)
        await pilot.press("escape")  # the name has the focus
        await until_shown(pilot, "p Back")
        assert "n Next" not in shown(pilot.app), "the last step has none"
        await pilot.press("n")
        await until_shown(pilot, "● 5")
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))


async def test_a_word_typed_after_a_refused_address_is_no_name_for_the_profile(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_words, "GAP", TYPING_GAP)
    async with ConnectorApp(machine, no_demo, start_at="setup").run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "Store address")
        type_keys(pilot, "127.0.0.1:9\n")
        await until_shown(pilot, "refused the connection")
        await until(pilot, lambda: isinstance(pilot.app.focused, Button))
        name = pilot.app.screen.work.setup.name
        await type_over(pilot, "shop")
        said = "s was a key (Save); the 3 letters typed right after it did nothing."
        await until(pilot, lambda: any(said in each.message for each in pilot.app._notifications))
        assert pilot.app.screen.work.setup.name == name


@pytest.mark.parametrize("step", ["1", "2"])
async def test_a_letter_right_after_enter_changes_no_field(
    step: str, machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, step) as (pilot, _):
        await pilot.press("e")
        field = pilot.app.focused
        assert isinstance(field, Input)
        if step == "2":
            await pilot.press("delete", *"CANARY-1")
        pilot.app.screen.log_panel.view.stop_following()
        pilot.app.screen.pane.test()
        await until(pilot, lambda: pilot.app.focused is not field)
        assert pilot.app.screen.log_panel.view.following
        await pilot.press("x", "x")
        assert "xx" not in field.value


async def test_a_word_that_starts_with_no_key_runs_none_on_the_page_and_at_home(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_words, "GAP", TYPING_GAP)
    profile(machine, memory_keyring, sandbox)
    app = ConnectorApp(machine, no_demo)
    said = "s is no key; the 4 letters typed right after it did nothing."  # t is none at home, without a demo
    async with app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "n New store")
        for screen, word in ((HomeScreen, "status"), (ProfilePage, "stock")):
            await until(pilot, lambda screen=screen: isinstance(app.screen, screen))  # type: ignore[misc]
            sent = len(sandbox.journal())
            type_keys(pilot, word)
            await until(pilot, lambda: any(said in each.message for each in app._notifications))
            await pilot.press("enter")
            await until(pilot, lambda: any("Enter did nothing" in each.message for each in app._notifications))
            assert isinstance(app.screen, screen)
            assert len(sandbox.journal()) == sent
            await pilot.press("enter")  # which is a key again
        await until(pilot, lambda: not isinstance(app.screen, ProfilePage))
