"""Forms of an environment, and forms of parts that an environment overrides."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

from environment_page import open_in_staging, open_page
from environment_profile import PROFILE, WITH_SECRET, write
from guide_steps import no_demo
from memory_keyring import NoKeyring
from screens import shown, until, until_shown

from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.environments import EnvironmentScreen
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.profile.part_forms import SaveScreen
from tui_connector.tui.profile.part_list import PartList
from tui_connector.tui.setup.form_screen import FormScreen
from tui_connector.tui.toml_editor.screen import EditorScreen
from tui_connector.tui.widgets.fields import TextField


async def test_plus_adds_an_environment_and_a_keyring_entry_is_stored_for_its_store(
    machine: Machine, memory_keyring: Any
) -> None:
    text = WITH_SECRET.replace('{ env = "SHOP_TOKEN" }', '{ keyring = "shop/a/access-token" }')
    path = write(machine.directories.profiles, "https://live.example", "", text)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_page(pilot)
        await pilot.press("plus", "end", "enter")
        await until_shown(pilot, "Name of the new environment")
        await pilot.press(*"Test!", "enter")
        await until_shown(pilot, "→ Enter uses test.")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "Environment test" in shown(app))
        await until_shown(pilot, "Keyring entry shop/a/access-token@test")
        await pilot.press(*"test.example")
        await until_shown(pilot, "Saved as https://test.example")
        await pilot.press("down", *"CANARY-of-test", "enter", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SaveScreen))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen) and "test.example" in path.read_text())
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        entry = memory_keyring.entries["tui-connector/shop/a/access-token@test", "tui-connector"]
        assert "CANARY-of-test" in entry
        assert "https://test.example" in entry
        await until_shown(pilot, "u Undo edit")
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == text.replace("LIVE", "https://live.example"))


async def test_the_form_of_an_environment_says_where_each_secret_is_read_from(machine: Machine) -> None:
    text = WITH_SECRET.replace('{ env = "SHOP_TOKEN" }', '{ command = ["cat", "token"] }')
    text += '[environments.old]\nproduction = true\nauthentications.a.token = { keyring = "old/token" }\n'
    text += "[environments.same]\nproduction = true\n"
    write(machine.directories.profiles, "https://live.example", "", text)
    app = ConnectorApp(replace(machine, keyring=NoKeyring), no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_page(pilot)
        for name, words in (
            ("old", "! Keyring entry old/token: The keyring does not work"),
            ("same", 'As in the base values: { command = ["cat", "token"] }'),
        ):
            await pilot.press("E", "end", *(["up"] if name == "old" else []), "e")
            await until_shown(pilot, f"Environment {name}")
            await until_shown(pilot, words)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("plus", "end", "enter")
        await until_shown(pilot, "Name of the new environment")
        await pilot.press(*"new", "enter")
        await until_shown(pilot, "Environment new")
        await until_shown(pilot, "variable ▾ ")
        await until_shown(pilot, "_NEW")


async def test_an_invalid_environment_is_corrected_in_its_form(machine: Machine) -> None:
    invalid = f"""{WITH_SECRET}[environments.staging]
production = false
clients.shop.plugins.base-uri.uri = "STAGING/rest/V1"
"""
    path = write(machine.directories.profiles, "https://live.example", "https://staging.example", invalid)
    app = ConnectorApp(machine, no_demo, start_at="editor", profile=path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "✘ 1 problem")
        await pilot.press("f8")
        await until(pilot, lambda: app.screen.check_action("form", ()) is True)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))  # where it was opened from
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("E")
        await until_shown(pilot, "Edit staging")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))
        await until_shown(pilot, "✘ the environment variable SHOP_TOKEN would be sent to")
        await until(pilot, lambda: isinstance(app.focused, TextField) and "keyring ▾" in shown(app))
        await pilot.press("right", "enter", *"variable", "enter")
        await until_shown(pilot, "SHOP_TOKEN_STAGING")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SaveScreen))
        await pilot.press("y")
        await until(pilot, lambda: 'authentications.a.token = { env = "SHOP_TOKEN_STAGING" }' in path.read_text())
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "problem" not in shown(app))


async def test_a_form_says_which_values_the_environment_has_instead(machine: Machine) -> None:
    path = write(machine.directories.profiles, "http://127.0.0.1:9", "http://127.0.0.1:8")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 45)) as pilot:
        await open_in_staging(pilot)
        app.screen.query_one(PartList).select("incoming", "items")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))
        await until_shown(pilot, 'staging has its own: "staging.jsonl" (E, then e on it, changes that).')
        assert "live.jsonl" in str([each.value for each in app.screen.query(TextField)])
        app.screen.query_one("#row-request-uri Input").focus()
        await pilot.press("end", *"/x", "ctrl+s")
        await until_shown(pilot, "This changes the base values, not staging, in shop.toml:")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "products/x" in path.read_text())


async def test_a_sink_that_is_added_later_has_a_file_for_each_environment_if_its_user_agrees(machine: Machine) -> None:
    no_sinks = "".join(line for line in PROFILE.splitlines(keepends=True) if "sink" not in line)
    path = write(machine.directories.profiles, "http://127.0.0.1:9", "http://127.0.0.1:8", no_sinks)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 45)) as pilot:
        await open_page(pilot)
        app.screen.query_one(PartList).select("incoming", "items")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))
        app.screen.query_one("#row-sink Choice").focus()
        await pilot.press("enter")
        await until_shown(pilot, "JSON Lines")
        await pilot.press(*"json", "enter")
        await until(pilot, lambda: app.screen.query("#row-sink-path Input"))
        app.screen.query_one("#row-sink-path Input").focus()
        await pilot.press("ctrl+u", *"a.jsonl", "ctrl+s")
        await until_shown(pilot, "Give each environment a file of its own?")
        await pilot.press("y")
        await until_shown(pilot, "This changes in shop.toml:")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
    saved = tomllib.loads(path.read_text())
    assert saved["incoming"]["items"]["sink"]["path"] == "a.jsonl"
    assert saved["environments"]["staging"]["incoming"]["items"]["sink"]["path"] == "staging/a.jsonl"
