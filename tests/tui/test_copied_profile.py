"""A copy of a profile gets secrets of its own, and nothing is put into the keyring before a setup is saved."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest
from guide_steps import no_demo, profile
from profiles import full
from screens import shown, until, until_shown
from textual import events

from tui_connector.guide.drafts import Drafts
from tui_connector.guide.profiles.duplicate import duplicate
from tui_connector.machine import Machine, TypedSecrets
from tui_connector.profile.library import Library
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.questions import AllowScreen, ConfirmScreen
from tui_connector.tui.widgets.secret import SecretInput

NAMES = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")


@pytest.fixture
async def other(machine: Machine) -> Any:
    async with Sandbox(SandboxOptions(products=10), machine.now) as store:
        yield store


async def open_guide(pilot: Any, name: str) -> SetupScreen:
    """The guide on this profile, from home."""
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, HomeScreen) and name in shown(app))
    while app.screen.selected.name != name:
        await pilot.press("down")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "HTTP clients" in shown(app))
    await pilot.press("g")
    await until(pilot, lambda: isinstance(app.screen, SetupScreen) and app.screen.focused is not None)
    screen = app.screen
    assert isinstance(screen, SetupScreen)
    return screen


async def another_store(pilot: Any, store: Sandbox, values: dict[str, str]) -> None:
    """Another store's address and its four values, tested."""
    await pilot.press("escape", "1")
    await until_shown(pilot, "● 1")
    await pilot.press("tab")
    entry = pilot.app.screen.query("#step-1 Input").first()
    entry.focus()
    entry.value = ""
    entry.post_message(events.Paste(store.url))
    await pilot.press("enter")
    await until_shown(pilot, "Magento 2.4")
    await pilot.press("escape", "2")
    await until_shown(pilot, "● 2")
    await enter_four(pilot, values)


async def enter_four(pilot: Any, values: dict[str, str]) -> None:
    entry = pilot.app.screen.query(SecretInput).first()
    entry.focus()
    entry._forward_event(events.Paste("\n".join(values[each] for each in NAMES)))
    await pilot.press("ctrl+r")
    await until_shown(pilot, "✔ The store accepts it.")


async def test_a_copy_set_up_for_another_store_leaves_the_secrets_of_the_original(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, other: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox)
    duplicate(path, "shop-2", Library(machine.directories.profiles))
    before = dict(memory_keyring.entries)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 40)) as pilot:
        await open_guide(pilot, "shop-2")
        await another_store(pilot, other, full(other, "catalog"))
        assert memory_keyring.entries == before
        await pilot.press("escape", "5")
        await until_shown(pilot, "shop-2/integration/consumer-key")
        assert memory_keyring.entries == before
        await pilot.press("escape", "s", "s")
        await until_shown(pilot, "Saved:")
    assert {name: memory_keyring.entries[name] for name in before} == before
    saved = tomllib.loads((machine.directories.profiles / "shop-2.toml").read_text())
    assert saved["authentications"]["integration"]["access-token"] == {"keyring": "shop-2/integration/access-token"}
    entry = json.loads(memory_keyring.entries["tui-connector/shop-2/integration/access-token", "tui-connector"])
    assert entry["secret"] == full(other, "catalog")["access-token"]


@pytest.mark.parametrize("response", ["n", "y"])
async def test_an_entry_of_another_store_is_replaced_after_a_yes_only(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, other: Sandbox, response: str
) -> None:
    path = profile(machine, memory_keyring, sandbox)
    before, text = dict(memory_keyring.entries), path.read_text()
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 40)) as pilot:
        await open_guide(pilot, "shop")
        await another_store(pilot, other, full(other, "catalog"))
        await pilot.press("escape", "s", "s")
        await until(pilot, lambda: isinstance(app.screen, AllowScreen))
        text_shown = await until_shown(pilot, "Replace it")
        assert "stored for" in text_shown
        assert sandbox.url in text_shown
        assert memory_keyring.entries == before
        await pilot.press(response)
        await until_shown(pilot, "Saved:" if response == "y" else "It was not replaced")
    assert (memory_keyring.entries == before) is (response == "n")
    assert (path.read_text() == text) is (response == "n")


async def test_a_draft_has_no_secrets_and_says_so_when_it_is_resumed(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    """Until the program exits, what was entered is kept in memory; afterwards it must be entered again."""
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and app.screen.focused is not None)
        await another_store(pilot, sandbox, full(sandbox))
        await pilot.press("escape", "3")
        await until_shown(pilot, "● 3")
        await leave_as_draft(pilot)
        assert memory_keyring.entries == {}
        [kept] = Drafts(machine.directories.state).list()
        assert full(sandbox)["access-token"] not in repr(kept)
        await pilot.press("enter")
        await until_shown(pilot, "● 3")
        await pilot.press("escape", "2", "ctrl+r")
        await until_shown(pilot, "✔ The store accepts it.")
        await pilot.press("escape", "3")
        await leave_as_draft(pilot)
        await pilot.press("ctrl+q")
        await until_shown(pilot, "4 secrets of the draft")
    app = ConnectorApp(replace(machine, typed=TypedSecrets()), no_demo)
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and "Unfinished" in shown(app))
        await pilot.press("enter")
        await until_shown(pilot, "Drafts contain no secrets. Enter them again in step 2")
        assert "○ 2" in shown(app)
        await pilot.press("escape", "2", "ctrl+r")
        await until_shown(pilot, "Consumer key is missing")
        await enter_four(pilot, full(sandbox))
        await until_shown(pilot, "✔ 1")
        await pilot.press("escape", "3")
        await until_shown(pilot, "● 3")
        assert "Drafts contain no secrets" not in shown(app)
        await pilot.press("escape", "s", "enter")
        await until_shown(pilot, "Saved:")
    assert len(memory_keyring.entries) == 4


async def leave_as_draft(pilot: Any) -> None:
    await pilot.press("escape", "q")
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen) and "Unfinished" in shown(pilot.app))


async def test_quitting_says_that_typed_secrets_are_not_kept(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and app.screen.focused is not None)
        await another_store(pilot, sandbox, full(sandbox))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert "4 secrets of 127.0.0.1 (consumer-key" in shown(app)
        assert "lost:" in shown(app)
        await pilot.press("escape", "escape", "5")
        await until_shown(pilot, "● 5")
        app.screen.work.setup.edit(  # type: ignore[attr-defined]
            ("authentications", "integration", "access-token"), {"env": "SHOP_TOKEN"}
        )
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert "4 secrets of 127.0.0.1" in shown(app)  # also that of a variable that is not set
    assert memory_keyring.entries == {}
