"""What the guide has set up runs at once: a second store with Enter alone, and a profile without a keyring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guide_steps import choose
from memory_keyring import NoKeyring
from screens import shown, until, until_shown

from tui_connector.cli.screen import DESCRIPTION, full_integration, is_demo_data, is_demo_profile, start_sandbox
from tui_connector.client.exchange import Exchange
from tui_connector.guide.drafts import Drafts
from tui_connector.log.files import read_history
from tui_connector.machine import Machine, TypedSecrets
from tui_connector.profile.problems import read_profile
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.setup.context import DemoStore, keep_demo_values
from tui_connector.tui.setup.entity_chooser import EntityFilter
from tui_connector.tui.widgets.choice import Choice


@asynccontextmanager
async def _demo(machine: Machine, name: str) -> AsyncIterator[Any]:
    """The demo in the guide, with a sandbox store and a profile of this name."""
    async with Sandbox(SandboxOptions(products=30), machine.now) as store:
        values = full_integration(store)

        async def demo() -> DemoStore:
            return DemoStore(store.url, name, f"Store {name}", DESCRIPTION, values)

        app = ConnectorApp(machine, demo, start_at="demo", is_demo_profile=is_demo_profile, is_demo_data=is_demo_data)
        async with app.run_test(size=(120, 60)) as pilot:
            yield pilot


async def _walk(pilot: Any) -> None:
    """Goes through the guide to its last step."""
    await until_shown(pilot, "Store address")
    await pilot.press("enter")
    await until_shown(pilot, "Magento 2.4")
    await pilot.press("enter")
    await until_shown(pilot, "Consumer secret")
    await pilot.press("alt+u", "enter")
    await until_shown(pilot, "accepts it")
    await pilot.press("enter")
    await until_shown(pilot, "Categories")
    await pilot.press("enter")
    await until_shown(pilot, "First items")
    await pilot.press("n")
    await until_shown(pilot, "PUT products")
    await pilot.press("f8")
    await until_shown(pilot, "File: ")


async def _save_and_run(pilot: Any, title: str) -> None:
    await pilot.press("enter")
    await until_shown(pilot, "Now you can")
    await pilot.press("q")
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))
    await until_shown(pilot, title)
    await pilot.press("enter")
    await until_shown(pilot, "GET products")
    await pilot.press("end", "up", "r")
    await until_shown(pilot, "complete: 30 items")


async def test_a_second_store_runs_with_enter_alone(machine: Machine, tmp_path: Path) -> None:
    data = tmp_path / "data"
    machine = replace(machine, directories=replace(machine.directories, data=data))
    for name in ("acme", "acme-2"):
        async with _demo(machine, name) as pilot:
            await _walk(pilot)
            await _save_and_run(pilot, f"Store {name}")
    assert [len((data / name / "products.jsonl").read_bytes().splitlines()) for name in ("acme", "acme-2")] == [30, 30]


async def test_what_was_typed_is_used_for_the_session_where_there_is_no_keyring(machine: Machine) -> None:
    """Also of a profile that is renamed after its tokens."""
    machine = replace(machine, keyring=NoKeyring)
    path = machine.directories.profiles / "piper.toml"
    async with _demo(machine, "acme") as pilot:
        await _walk(pilot)
        await until_shown(pilot, "From environment variables")
        await pilot.press(*"piper")  # it replaces the proposed name
        await until_shown(pilot, "piper.toml")
        assert "piper" in shown(pilot.app).splitlines()[0]
        await pilot.press("enter")
        await until_shown(pilot, "Now you can")
        await until_shown(pilot, "fills in the demo store's secrets")
        _assert_known_later(machine, path, await pilot.app._open_demo_store())
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))
        assert "piper" in await until_shown(pilot, "4, filled in by the demo")
        await until_shown(pilot, "fresh data each time")
        await pilot.press("enter")
        await until_shown(pilot, "GET products")
        await pilot.press("down")
        await until_shown(pilot, "✔ access-token  filled in by the demo")
        await pilot.press("end", "up", "r")
        await until_shown(pilot, "complete: 30 items")
        await pilot.press("q")
        await until_shown(pilot, "GET products")
        await pilot.press("home", "g")
        await until_shown(pilot, "Store address")
        await pilot.press("escape", "2")
        await until_shown(pilot, "variable ▾ session")
        await until_shown(pilot, "Demo values")
        requests = pilot.app.records.log_of(path).end
        await pilot.press("escape", "l")
        await until(pilot, lambda: pilot.app.screen.is_in_log)
        await pilot.press("y")
        await until(pilot, lambda: (machine.directories.state / "last-copy").exists())
        await until(pilot, lambda: any("4 variables first" in each.message for each in pilot.app._notifications))
        copied = (machine.directories.state / "last-copy").read_text()
        names = [f"TUI_CONNECTOR_PIPER_INTEGRATION_{name}" for name in ("CONSUMER_KEY", "ACCESS_TOKEN_SECRET")]
        assert all(name in copied.splitlines()[0] for name in names)
    assert "{ env = " in path.read_text()
    assert "acme" not in path.read_text().lower()
    kept = [each.number for each in read_history(machine.directories.state, path) if isinstance(each, Exchange)]
    assert kept == list(range(1, requests + 1))  # from before the profile was saved on, and each of them once


def _assert_known_later(machine: Machine, path: Path, demo: DemoStore) -> None:
    """Asserts that a later session knows the secrets of the demo's profile, for their store only."""
    later = replace(machine, typed=TypedSecrets())
    keep_demo_values(later, path, demo)
    _, profile = read_profile(path)
    origins = {secret.source.key: secret.origins[0] for secret in profile.secrets()}
    assert len(origins) == 4
    assert all(later.typed.find(path, key, origin) for key, origin in origins.items())
    assert not any(later.typed.find(path, key, "https://elsewhere.example") for key in origins)


async def test_the_demo_store_starts_at_the_address_of_its_saved_profile(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=1), machine.now) as store:
        url = store.url
        machine.directories.profiles.mkdir(parents=True)
        (machine.directories.profiles / "sandbox.toml").write_text(
            f'format = 1\ndescription = "{DESCRIPTION}"\n[[clients.magento.plugins]]\nkind = "base-uri"\n'
            f'uri = "{url}/rest/all/V1"\n'
        )
        other = await start_sandbox(machine)
        await other.close()
        assert other.url != url  # the port is in use
    again = await start_sandbox(machine)
    await again.close()
    assert again.url == url


@pytest.mark.parametrize("keyring", [True, False])
async def test_a_resumed_draft_asks_for_its_secrets_before_anything_else(machine: Machine, keyring: bool) -> None:
    machine = machine if keyring else replace(machine, keyring=NoKeyring)
    async with _demo(machine, "acme") as pilot:
        await _walk(pilot)
        marks = shown(pilot.app).splitlines()[1]
        assert all(each in marks for each in ("✔ 1", "✔ 2", "– 4")), marks
        await pilot.press("escape", "q")
        await until_shown(pilot, "Unfinished")
        await pilot.press("enter")
        assert marks in await until_shown(pilot, "● 5")
        assert "Test the authentication" not in shown(pilot.app)
        await pilot.press("escape", "q")
        await until_shown(pilot, "Unfinished")
        [draft] = Drafts(machine.directories.state).list()
        pilot.app.machine.typed.forget_draft(draft.key)  # as after the program has ended
        await pilot.press("end", "enter")
        await until_shown(pilot, "● 5")
        await pilot.press("escape", "3")
        await until_shown(pilot, "● 3")
        await pilot.press("t")
        screen = await until_shown(pilot, "Drafts contain no secrets")
        assert "Enter them again in step 2 (Esc 2)." in screen
        assert "trusted" not in screen
        await _add_incoming(pilot, "orders")
        await until_shown(pilot, "! First items not read: drafts contain no secrets.")
        await pilot.press("2")
        assert "✘ 3" not in await until_shown(pilot, "Demo values")  # nothing was refused
        await until_shown(pilot, "Drafts contain no secrets")
        await choose(pilot, "#way", "Login with user and password")
        await until_shown(pilot, "Password")
        assert "Drafts contain no secrets" not in shown(pilot.app)  # nothing was entered for a login
        await choose(pilot, "#way", "Integration")
        await until_shown(pilot, "Drafts contain no secrets")
        await pilot.press("alt+u")
        await until(pilot, lambda: shown(pilot.app).count("32 ✔") == 4)
        await pilot.press("3")
        assert "◐ 2" in await until_shown(pilot, "● 3")
        await _add_incoming(pilot, "customers")  # read at once, although step 2 was not tested again
        await until_shown(pilot, "Sent: #")
        await until_shown(pilot, "✔ 2")
        if keyring:
            await _choose_command(pilot)


async def _add_incoming(pilot: Any, entity: str) -> None:
    await pilot.press("plus")
    await until(pilot, lambda: isinstance(pilot.app.focused, EntityFilter))
    await pilot.press(*entity)
    await pilot.press("enter")


async def _choose_command(pilot: Any) -> None:
    """Takes the secrets from a password manager in place of the keyring."""
    await pilot.press("escape", "5")
    await until_shown(pilot, "File: ")
    pilot.app.screen.query_one("#secret-place", Choice).focus()
    await until(pilot, lambda: isinstance(pilot.app.focused, Choice))
    await pilot.press("enter")
    await until_shown(pilot, "password manager")
    await pilot.press("end", "enter")
    await until_shown(pilot, "The command that prints a secret")
    await pilot.press("ctrl+u", *"pass show shop/{name}", "enter")
    await until_shown(pilot, '"shop/acme/integration/consumer-key"')
