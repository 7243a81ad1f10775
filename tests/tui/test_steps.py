"""Steps 1 and 2 by keyboard, against the sandbox: what the screens make of the profile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from guide_steps import INCOMING, at_step, no_demo, profile
from http_server import Hold, Received, reply, serving
from screens import TYPING_GAP, shown, until, until_shown
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from tui_connector.cli.screen import full_integration
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.secrets.errors import SecretError
from tui_connector.tui import typed_words
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.help import HelpScreen
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.log.list import LogView
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.authentication import AuthenticationPane
from tui_connector.tui.setup.context import DemoStore, GuideContext
from tui_connector.tui.setup.save import SavePane
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.setup.step import Continue
from tui_connector.tui.widgets.choice import Choice, Toggle
from tui_connector.tui.widgets.ordered_list import OrderedList
from tui_connector.tui.widgets.secret import SecretInput

Data = dict[str, Any]


@asynccontextmanager
async def guide(
    machine: Machine, sandbox: Sandbox, size: tuple[int, int] = (100, 50), *, tokens: bool = False
) -> AsyncIterator[Pilot[None]]:
    """The guide at its first step, the store's address filled in. `tokens`: the demo has those of an integration."""
    admin = sandbox.description()["admin"]
    assert isinstance(admin, dict)
    values = {"username": str(admin["username"]), "password": str(admin["password"])}
    if tokens:
        values |= full_integration(sandbox)

    async def demo() -> DemoStore:
        return DemoStore(sandbox.url, "acme", "Acme", "", values)

    app = ConnectorApp(machine, demo, start_at="demo")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and app.screen.focused is not None)
        yield pilot


def work_of(pilot: Pilot[None]) -> GuideContext:
    return next(each for each in pilot.app.screen_stack if isinstance(each, SetupScreen)).work


def draft(pilot: Pilot[None]) -> Data:
    return work_of(pilot).setup.draft


def plugins(pilot: Pilot[None]) -> list[str]:
    return [each["kind"] for each in draft(pilot)["clients"]["magento"]["plugins"]]


async def choose(pilot: Pilot[None], selector: str, words: str) -> None:
    """Opens a choice, and takes the option that begins like this."""
    pilot.app.screen.query_one(selector, Choice).focus()
    await pilot.press("enter")
    await until_shown(pilot, words)
    options = pilot.app.screen.query_one("#choices OptionList")
    index = next(n for n in range(options.option_count) if str(options.get_option_at_index(n).prompt).startswith(words))
    options.highlighted = index
    await pilot.press("enter")
    await pilot.pause()


async def test_the_name_of_the_profile_is_also_its_title(machine: Machine, sandbox: Sandbox) -> None:
    app = ConnectorApp(machine, no_demo, start_at="setup")
    async with app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "Store address")
        await pilot.press(*sandbox.url, "enter")
        await until_shown(pilot, "Magento 2.4")
        await pilot.press("escape", "5")
        await until_shown(pilot, "Not written yet")
        await until_shown(pilot, "! The name 127-0-0-1 says little")
        await pilot.press("s")  # the first letter of a name, typed where it is asked for
        await until(
            pilot, lambda: any("press s again to save it as 127-0-0-1" in each.message for each in app._notifications)
        )
        assert not list(machine.directories.profiles.glob("*.toml"))
        await pilot.press("e", "end", "!")
        await until_shown(pilot, "cannot be named")
        await until(pilot, lambda: work_of(pilot).setup.name == "127-0-0-1")
        await pilot.press("ctrl+u", *"127-0-0-1", "escape")
        await until_shown(pilot, "! The name 127-0-0-1 says little")
        await pilot.press("e", *"acme", "escape")  # what is typed replaces a name that was proposed
        await until(pilot, lambda: shown(app).splitlines()[0].strip().startswith("acme"))
        assert draft(pilot)["name"] == "acme"
        assert "says little" not in shown(app)
        await pilot.press("e", *"-2", "escape")  # and continues one that was typed
        await until(pilot, lambda: work_of(pilot).setup.name == "acme-2")


async def test_a_changed_address_or_store_view_must_be_tested_again(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        assert "✔ 1" in shown(pilot.app)
        await pilot.press("escape", "1")
        await until_shown(pilot, "● 1")
        address = pilot.app.screen.query_one("#field-address", Input)
        address.value = "other.example.org"
        await pilot.press("escape", "n")
        await until_shown(pilot, "○ 1")
        await pilot.press("escape", "s")
        await until_shown(pilot, "✘ Step 1: Test the store again")
        assert not list(machine.directories.profiles.glob("*.toml"))
        address.value = sandbox.url
        await until_shown(pilot, "✔ 1")
        await pilot.press("escape", "1")
        await until_shown(pilot, "● 1")
        view = pilot.app.screen.query_one("#field-store-view", Input)
        view.value = "all\x1b[31m/x"
        await until_shown(pilot, "A store view code consists of letters")
        assert draft(pilot)["clients"]["magento"]["plugins"][0]["uri"] == f"{sandbox.url}/rest/all/V1"
        for key in ("enter", "f5"):
            await pilot.press(key)
            assert pilot.app.focused is view
        for key, step in (("f8", "● 2"), ("ctrl+s", "● 5")):  # every other way goes on, and says so
            await pilot.press("escape", "1")
            await until_shown(pilot, "● 1")
            assert view.value.endswith("/x")
            await until_shown(pilot, "A store view code consists of letters")
            await pilot.press(key)
            assert "✘ 1" in await until_shown(pilot, step)
        await until_shown(pilot, "✘ Step 1: Correct the")
        await pilot.press("enter")
        assert not list(machine.directories.profiles.glob("*.toml"))
        await pilot.press("1")
        await until_shown(pilot, "● 1")
        view.value = "all"
        await until(pilot, lambda: "A store view code" not in shown(pilot.app))
        view.value = "zzz"
        await until(pilot, lambda: "A store view code" not in shown(pilot.app))
        await pilot.press("escape", "t")
        await until_shown(pilot, "✘ The store has no store view with the code 'zzz'")
        assert "✔ found" not in shown(pilot.app)
        address.value = "127.0.0.1:99999"
        await until(pilot, lambda: "no store view" not in shown(pilot.app))  # it was about another address
        await pilot.press("escape", "t")
        await until_shown(pilot, "✘ The port in '127.0.0.1:99999' must be 1–65535")
        address.value = sandbox.url
        await until(pilot, lambda: "must be" not in shown(pilot.app))
        await pilot.press("escape", "n")
        await until_shown(pilot, "✘ 1")


async def to_authentication(pilot: Pilot[None]) -> None:
    await pilot.press("enter")
    await until_shown(pilot, "Magento 2.4")
    await pilot.press("enter")
    await until_shown(pilot, "Consumer secret")


async def sign_in_as_admin(pilot: Pilot[None]) -> None:
    await to_authentication(pilot)
    await choose(pilot, "#way", "Login with user and password")
    await until_shown(pilot, "Password")
    await pilot.press("alt+u", "enter")
    await until_shown(pilot, "accepts it")


async def test_plugins_are_added_moved_edited_and_removed(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        heading = pilot.app.screen.query_one("#plugins-heading", Static)
        assert "a add" not in str(heading.content)
        pilot.app.screen.query_one(OrderedList).focus()
        await until_shown(pilot, "a add  d remove")  # its keys, while they work
        assert "✘" not in shown(pilot.app)
        await pilot.press("down", "K")
        await until(pilot, lambda: plugins(pilot) == ["log-requests", "base-uri", "content-type"])
        await pilot.press("d")
        await until(pilot, lambda: plugins(pilot) == ["base-uri", "content-type"])
        await pilot.press("z")
        await until(pilot, lambda: plugins(pilot) == ["log-requests", "base-uri", "content-type"])
        await pilot.press("home", "d", "d", "d")
        await until_shown(pilot, "none: a adds one")
        await pilot.press("z", "z")
        await until(pilot, lambda: plugins(pilot) == ["base-uri", "content-type"])
        await pilot.press("a")
        await until_shown(pilot, "Retry failed requests")
        await pilot.press(*"xx")
        await until_shown(pilot, "none has these words")
        await pilot.press("enter", "ctrl+u", *"header")
        screen = await until_shown(pilot, "Set request headers")
        assert "Retry failed requests" not in screen
        await pilot.press("ctrl+u", *"failed", "enter")  # as it is typed
        await until_shown(pilot, "Attempts")
        await pilot.press(*"xyz", "ctrl+s")
        await until_shown(pilot, "1 problem. No request can be sent")
        await pilot.press("n")  # stays in the field
        await until(pilot, lambda: "No request can be sent" not in shown(pilot.app))
        assert pilot.app.screen.focused.value == "xyz"
        await pilot.press("ctrl+s")
        await until_shown(pilot, "✘ attempts: ")
        await pilot.press("y")
        await until_shown(pilot, "Retry failed requests: attempts xyz  ✘ attempts: ")
        await pilot.press("d")
        await until_shown(pilot, "Removed: Retry failed requests: attempts xyz. z undoes it.")
        await pilot.press("escape", "z")  # also from a button
        pilot.app.screen.query_one(OrderedList).focus()
        await until(pilot, lambda: "z undoes it" not in shown(pilot.app))
        assert plugins(pilot)[-1] == "retry"
        await pilot.press("end", "enter")
        await until_shown(pilot, "Attempts")
        await pilot.press("ctrl+u", *"99")
        await until_shown(pilot, "✘")  # too many: said where it was typed
        await pilot.press("backspace", "ctrl+s")
        await until_shown(pilot, "Retry failed requests: attempts 9")
        assert draft(pilot)["clients"]["magento"]["plugins"][-1] == {"kind": "retry", "attempts": 9}


async def test_arrows_go_through_the_fields_of_a_step_and_stop_at_its_buttons(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await pilot.press("escape", "1")
        await until(pilot, lambda: "● 1" in shown(pilot.app) and isinstance(pilot.app.focused, Button))
        await pilot.press("down")  # what is typed next would change the first field
        assert isinstance(pilot.app.focused, Continue)
        await pilot.press("e")
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "field-address")
        for key, field in (
            *(("down", field) for field in ("field-store-view", "client")),
            *(("up", field) for field in ("field-store-view", "field-address")),
        ):
            await pilot.press(key)
            await until(pilot, lambda field=field: getattr(pilot.app.focused, "id", "") == field)
        for key, field in (  # Tab goes from field to field, → to the list beside one
            *(("tab", "field-store-view"), ("right", "views"), ("left", "field-store-view"), ("right", "views")),
            *(("tab", "client"), ("shift+tab", "field-store-view"), ("tab", "client")),
            *(("shift+tab", "field-store-view"), ("shift+tab", "field-address")),
        ):
            await pilot.press(key)
            await until(pilot, lambda field=field: getattr(pilot.app.focused, "id", "") == field)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.focused, Button))
        await pilot.press("up")
        await until(pilot, lambda: not isinstance(pilot.app.focused, Button) and pilot.app.focused is not None)
        await pilot.press("escape", "2")
        await until_shown(pilot, "✔ 1")
        for way in ("Login with user", "Bearer"):
            await choose(pilot, "#way", way)
            await until_shown(pilot, way)
            way_field = pilot.app.screen.query_one("#way")
            button = next(each for each in pilot.app.screen.query("#step-2 .buttons Button") if each.display)
            assert await visited(pilot, "down", way_field, button) == await visited(pilot, "tab", way_field, button)
            assert await visited(pilot, "up", button, way_field) == await visited(pilot, "shift+tab", button, way_field)


async def visited(pilot: Pilot[None], key: str, first: Widget, last: Widget) -> list[Widget]:
    """What this key goes through, from the one to the other."""
    pilot.app.screen.set_focus(first)
    found = [first]
    while found[-1] is not last and len(found) < 20:
        await pilot.press(key)
        await pilot.pause()
        found.append(pilot.app.focused or first)
    assert found[-1] is last, found
    return found


async def test_disabled_certificate_verification_shows_a_warning(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        pilot.app.screen.query_one("#connection", Choice).focus()
        await pilot.press("enter")
        await until_shown(pilot, "Verify the certificate")
        pilot.app.screen.query_one("#row-tls-verify Toggle", Toggle).focus()
        await pilot.press("space", "ctrl+s")
        await until_shown(pilot, "NOT verified")
        assert draft(pilot)["clients"]["magento"]["tls"] == {"verify": False}
        pilot.app.screen.query_one("#connection", Choice).focus()
        await pilot.press("enter")
        await until_shown(pilot, "Verify the certificate")
        pilot.app.screen.query_one("#row-tls-verify Toggle", Toggle).focus()
        await pilot.press("space", "ctrl+s")
        await until(pilot, lambda: "NOT verified" not in shown(pilot.app))
        assert "tls" not in draft(pilot)["clients"]["magento"]


async def test_a_second_client_has_plugins_and_an_address_of_its_own(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        pilot.app.screen.query_one("#client", Choice).focus()
        await pilot.press("enter")
        await until_shown(pilot, "+ add a client")
        await pilot.press("plus", "enter")
        await until_shown(pilot, "Name of the new client")
        await pilot.press(*"staging", "enter")
        await until_shown(pilot, "from the test")
        assert list(draft(pilot)["clients"]) == ["magento", "staging"]
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "field-address")
        assert "✔ found" not in shown(pilot.app)
        await choose(pilot, "#client", "- remove")
        await until(pilot, lambda: list(draft(pilot)["clients"]) == ["magento"])
        assert sandbox.url in shown(pilot.app)


async def test_a_set_password_is_kept_and_the_login_client_chosen_from_existing_ones(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Login with user and password")
        await until_shown(pilot, "Password")
        pilot.app.screen.query_one("#whole", Toggle).focus()
        await pilot.press("space")
        await until_shown(pilot, "HTTP client")
        await pilot.press("alt+u")
        secret = next(iter(pilot.app.screen.query("#step-2 SecretInput").results(SecretInput)))
        await until(pilot, lambda: secret.locked)
        secret.focus()
        await pilot.press(*"abc")
        await until(pilot, lambda: len(pilot.app._notifications) > 0)
        assert [each.message for each in pilot.app._notifications if "is set" in each.message] == [
            "This secret is set. Delete or Enter starts a new one; Esc leaves the field."
        ]  # once, however many letters there were
        pilot.app.clear_notifications()
        await pilot.press("x")
        await until(pilot, lambda: any("is set" in each.message for each in pilot.app._notifications))
        await pilot.press("enter")  # nor does it test the old one
        await until_shown(pilot, "new value")
        assert all(each.purpose == "probe" for each in work_of(pilot).workbench.exchanges)
        await pilot.press(*"CANARY-1", "escape")
        assert secret.locked
        for each in "CANARY-2-CANARY":  # as from a terminal that pastes by typing
            pilot.app.post_message(events.Key(each, each))
        await until_shown(pilot, "secret    15")
        client = "#row-client Choice"
        assert list(pilot.app.screen.query_one(f"#step-2 {client}", Choice).options) == ["magento", "default"]
        await pilot.press("escape", "1")
        await choose(pilot, "#client", "+ add")
        await pilot.press(*"login", "enter")
        await until(pilot, lambda: "login" in draft(pilot)["clients"])
        await choose(pilot, "#client", "magento")
        await pilot.press("escape", "2")
        await until(pilot, lambda: bool(pilot.app.screen.query(f"#step-2 {client}")))
        await until(pilot, lambda: "login" in pilot.app.screen.query_one(f"#step-2 {client}", Choice).options)
        await choose(pilot, f"#step-2 {client}", "login")
        await until(pilot, lambda: draft(pilot)["authentications"]["admin"].get("client") == "login")
        await choose(pilot, f"#step-2 {client}", "default")
        await until(pilot, lambda: draft(pilot)["authentications"]["admin"].get("client") == "default")


async def test_all_fields_of_the_request_authentication_and_the_store_views_after_it(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox) as pilot:
        await sign_in_as_admin(pilot)
        pilot.app.screen.query_one("#whole", Toggle).focus()
        await pilot.press("space")
        text = await until_shown(pilot, "Keep the token")
        await until(pilot, lambda: pilot.app.focused in pilot.app.screen.query("#row-uri *"))  # the first one of them
        for title in ("Request URI", "Request method", "Request parameters", "HTTP client", "Header", "Token is in"):
            assert title in text
        await until_shown(pilot, "Authorization: Bearer •••")
        saved = draft(pilot)["authentications"]["admin"]
        assert saved["parameters"]["password"] == {"keyring": "acme/admin/password"}
        screen = pilot.app.screen
        (mark,) = screen.query("#row-parameters .mark").results(Static)
        assert str(mark.content).endswith(" ✔")
        keys = list(screen.query("#row-parameters .key"))
        await until(pilot, lambda: mark.region.y == keys[1].region.y)  # beside the password that it counts
        assert [key.value for key in keys] == ["username", "password", ""]  # type: ignore[attr-defined]
        keys[-1].focus()
        await pilot.press(*"scope", "enter", *"all")
        await until(pilot, lambda: saved["parameters"].get("scope") == "all")
        screen.query_one("#row-template TextField").focus()
        await pilot.press("end", "backspace")
        await until_shown(pilot, "✘")
        await pilot.press("}")
        await until_shown(pilot, "Authorization: Bearer •••")
        await pilot.press("escape", "1")
        await until_shown(pilot, "● 1")
        screen.query_one("#views", Choice).focus()  # listed after authentication
        await pilot.press("enter")
        await until_shown(pilot, "the store's default view")
        options = pilot.app.screen.query_one("#choices OptionList")
        assert any(each["path"] == "/rest/V1/store/storeViews" for each in sandbox.journal())
        options.highlighted = 1
        await pilot.press("enter")
        base_uri = f"{sandbox.url}/rest/V1"
        await until(pilot, lambda: draft(pilot)["clients"]["magento"]["plugins"][0]["uri"] == base_uri)


async def test_other_kinds_and_several_authentications_in_order(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Other")
        options = pilot.app.screen.query_one("#choices OptionList")
        options.highlighted = options.get_option_index("basic")
        await pilot.press("enter")
        await until_shown(pilot, "staging")
        await pilot.press(*"me", "enter", *"CANARY-1", "enter")
        await until(pilot, lambda: "basic" in draft(pilot).get("authentications", {}))
        await until(pilot, lambda: "password" in draft(pilot)["authentications"]["basic"])
        assert draft(pilot)["authentications"]["basic"]["password"] == {"keyring": "acme/basic/password"}
        assert draft(pilot)["clients"]["magento"]["authentications"] == ["basic"]
        await choose(pilot, "#way", "+ Add another")
        assert "CANARY" not in shown(pilot.app)


async def test_the_first_missing_field_has_the_focus_once_the_way_is_chosen(machine: Machine, sandbox: Sandbox) -> None:
    """A paste finds its field anyway, but of a name that is typed letters would go to other steps."""
    app: Any = ConnectorApp(machine, no_demo, start_at="setup")
    async with app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "Store address")
        await pilot.press(*sandbox.url, "enter", "enter")
        await until_shown(pilot, "A paste goes to Consumer key")
        pane = app.screen.query_one(AuthenticationPane)
        for way, field in (("Bearer", "token"), ("Login", "username"), ("Integration", "consumer-key")):
            for _ in range(2):  # also where it is chosen already
                await choose(pilot, "#way", way)
                await until(pilot, lambda field=field: pane.form.field(field) in app.focused.ancestors)
        await pilot.press("n", "tab")
        await until(pilot, lambda: any("cannot be a token" in each.message for each in app._notifications))
        assert "● 2" in shown(app)


async def test_enter_in_the_last_field_of_another_kind_tests_it(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        work_of(pilot).setup.choose_kind("basic")
        pane = pilot.app.screen.query_one(AuthenticationPane)
        await pane._show_way()
        await until_shown(pilot, "□ More fields: Title, Description, Disabled")
        await pilot.press("e", *"user", "enter", *"CANARY", "enter")
        await until_shown(pilot, "✘ The store requires authentication")
        await pilot.press("1", "escape", "n")
        await until_shown(pilot, "✘ The store requires authentication")
        work_of(pilot).setup.edit(("clients", "magento", "plugins"), [])
        await pilot.press("t")
        await until_shown(pilot, "✘ Step 1 (Esc 1): Find the store")


async def test_an_empty_field_of_another_way_is_missing_once_it_was_visited_or_tested(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        pilot.app.post_message(events.Paste("1canary1" * 4))
        await until_shown(pilot, "32 of 32")
        await choose(pilot, "#way", "Other")
        await until_shown(pilot, "How: other")
        await pilot.press(*"header", "enter")
        assert "missing" not in await until_shown(pilot, "Name of the header")
        await pilot.press("tab")
        assert (await until_shown(pilot, "is missing")).count("is missing") == 1
        await choose(pilot, "#way", "Other")
        await until_shown(pilot, "How: other")
        await pilot.press(*"query", "enter")
        assert "missing" not in await until_shown(pilot, "Name of the parameter")
        pilot.app.screen.query_one("#whole", Toggle).focus()
        await pilot.press("enter")  # the other fields, of which nothing is known either
        assert (await until_shown(pilot, "Disabled")).count("is missing") == 1
        await pilot.press("f5")
        await until_shown(pilot, "✘ Parameter: is missing")
        assert shown(pilot.app).count("✘ is missing") == 2
        await pilot.press(*"key")
        await until(pilot, lambda: shown(pilot.app).count("is missing") == 1)


async def test_a_secret_can_come_from_an_environment_variable_or_a_prompt(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        for words, wanted in (
            ("From an env", {"env": "TUI_CONNECTOR_ACME_INTEGRATION_CONSUMER_KEY"}),
            ("Prompted for", {"ask": True}),
        ):
            await choose(pilot, "#row-consumer-key Secret Choice", words)
            await until(pilot, lambda: "integration" in draft(pilot).get("authentications", {}))
            saved = draft(pilot)["authentications"]["integration"]
            await until(pilot, lambda saved=saved, wanted=wanted: saved["consumer-key"] == wanted)


async def test_lists_of_places_say_that_no_keyring_is_running_until_one_is(
    machine: Machine, sandbox: Sandbox, memory_keyring: Any
) -> None:
    running: list[Any] = []

    def keyring() -> Any:
        if not running:
            raise SecretError("keyring-unusable", "No keyring is running: to use one, start GNOME Keyring")
        return running[0]

    async with guide(replace(machine, keyring=keyring), sandbox) as pilot:
        await to_authentication(pilot)
        await until(pilot, lambda: "→ session ▾" in shown(pilot.app) and "→ keyring ▾" not in shown(pilot.app))
        for step, selector, title in (
            ("2", "#row-consumer-key Secret Choice", "Typed here, kept for this session (no keyring)"),
            ("5", "#secret-place", "In this computer's keyring (not available)"),
        ):
            await pilot.press("escape", step)
            await until_shown(pilot, "No keyring is running")
            pilot.app.screen.query_one(selector, Choice).focus()
            await pilot.press("enter")
            assert "start GNOME Keyring" in await until_shown(pilot, title)
            await pilot.press("escape")
        running.append(memory_keyring)
        await pilot.press("2")
        await until(pilot, lambda: "No keyring is running" not in shown(pilot.app))
        await until(pilot, lambda: "→ keyring ▾" in shown(pilot.app) and "→ session ▾" not in shown(pilot.app))
        pilot.app.screen.query_one("#row-consumer-key Secret Choice", Choice).focus()
        await pilot.press("enter")
        await until_shown(pilot, "Typed here, kept in this computer's keyring")


async def test_one_time_code_field_appears_when_the_store_requires_it(machine: Machine) -> None:
    options = SandboxOptions(products=5, settings={"twofactorauth/general/force_providers": "google"})
    async with Sandbox(options, machine.now) as sandbox, guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Login with user and password")
        await until_shown(pilot, "Password")
        sandbox.change({"twofactorauth/general/enable": "1"})  # after the guide has looked
        await pilot.press("alt+u", "enter")
        await until_shown(pilot, "a  Log in with a one-time code")
        await pilot.press("enter")
        await until_shown(pilot, "The key the authenticator app")
        assert "a  Log in with" not in shown(pilot.app)
        await pilot.press(*"CANARYTOTP")
        assert "CANARY" not in shown(pilot.app)
        assert draft(pilot)["authentications"]["admin"]["parameters"]["username"] == "admin"


async def test_refused_login_is_repeated_only_on_request(machine: Machine, sandbox: Sandbox) -> None:
    """As behind a lock that has run out: the password was right all the time."""

    def logins() -> int:
        return sum("/admin/token" in str(each["path"]) for each in sandbox.journal())

    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Login with user and password")
        await until_shown(pilot, "Password")
        sandbox.change({"sandbox/fail_next": "401:1"})
        await pilot.press("alt+u", "enter")
        await until_shown(pilot, "✘ The store did not accept the user name")  # not the one of the log, which is first
        assert logins() == 1
        await pilot.press("escape", "t")
        await until_shown(pilot, "a  Log in once more")
        assert "✘ Not logged in: the store" in shown(pilot.app)
        assert "login-again" not in shown(pilot.app)  # the key of the button does the same
        assert logins() == 1
        await pilot.press("escape", "a")
        await until_shown(pilot, "✔ The store accepts it.")
        assert logins() == 2


async def test_steps_behind_the_zoomed_log_do_not_take_the_focus(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (80, 24)) as pilot:
        screen = pilot.app.screen
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        await pilot.press("l", "t")
        await until(pilot, lambda: sum(each["path"] == "/magento_version" for each in sandbox.journal()) == 2)
        await until_shown(pilot, "^L back")
        await pilot.pause()
        assert isinstance(screen.focused, LogView)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(screen.focused, Continue))
        await pilot.press("l", "n")
        text = await until_shown(pilot, "Consumer secret")
        assert "^L back" not in text


async def test_the_demo_needs_only_enter_from_step_2_to_the_page_of_the_profile(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox, (80, 24), tokens=True) as pilot:
        await to_authentication(pilot)
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "use-sandbox")
        assert "Enter fills them in" in shown(pilot.app)
        await pilot.press("enter")
        await until_shown(pilot, "Enter tests it")
        assert "Demo values  " not in shown(pilot.app).split("Requests")[0]
        await pilot.press("enter")
        await until_shown(pilot, "✔ The store accepts it.")
        await pilot.press("5")
        await until_shown(pilot, "Not written yet")
        await pilot.press("enter")
        await until_shown(pilot, "Open profile")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProfilePage))


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


async def test_digits_after_a_failed_address_test_correct_the_address(machine: Machine, sandbox: Sandbox) -> None:
    right = sandbox.url
    async with guide(machine, sandbox) as pilot:
        await pilot.press("e", "backspace", "backspace", "enter")
        await until_shown(pilot, "✘ ")
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "field-address")
        await pilot.press(*right[-2:], "enter")
        await until_shown(pilot, "Magento 2.4")


async def test_demo_shows_its_fill_key_on_a_small_screen(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (80, 24), tokens=True) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        await until(pilot, lambda: "F9 fills in" in " ".join(shown(pilot.app).split()))
        assert isinstance(pilot.app.focused, SecretInput)
        await pilot.press("question_mark")  # no token begins with it
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


async def test_no_letter_changes_a_saved_secret_and_an_unsaved_one_is_forgotten(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "2") as (pilot, setup):
        app, vault = pilot.app, pilot.app.screen.work.workbench.vault
        await pilot.press("e", "question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape")
        assert "q Close" not in await until_shown(pilot, "Set: Del replaces")  # letters are no keys here
        await until(pilot, lambda: isinstance(app.focused, SecretInput))
        await pilot.press(*"tq5")
        assert app.focused.value == ""
        await pilot.press("delete", *"CANARY-1", "escape")
        assert isinstance(app.focused, SecretInput)
        assert app.focused.value == ""
        await pilot.press("enter", *"CANARY-2", "tab")
        name = setup.secret_name(("authentications", "integration", "consumer-key"))
        await until(pilot, lambda: vault.held(name))
        await pilot.press("escape", "q")
        await until_shown(pilot, "What you entered is not saved: consumer-key")
        await pilot.press("escape", "ctrl+q")
        await until_shown(pilot, "1 secret of Shop (consumer-key) will be lost")
        await pilot.press("escape", "q", "ctrl+d")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert not vault.held(name)


async def test_what_will_be_written_is_shown_before_it_is_written(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox)
    before = path.read_text()
    async with at_step(machine, "3") as (pilot, setup):
        setup.edit(("clients", "magento", "timeout"), "5s")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Not written yet")
        assert '+timeout = "5s"' in shown(pilot.app)
        await pilot.press("t", "p", "escape", "5")
        await until_shown(pilot, "Not written yet: Enter or s writes the changes below.")
        assert path.read_text() == before
        await pilot.press("s")
        await until_shown(pilot, "Saved:")
        await pilot.press("p", "escape", "5")
        await until_shown(pilot, "Nothing has changed since it was saved.")
        assert "Not written yet" not in shown(pilot.app)
        setup.edit(("clients", "magento", "timeout"), "6s")
        await pilot.press("p", "escape", "5")
        assert '+timeout = "6s"' in await until_shown(pilot, "Not written yet: Enter or s writes the changes below.")
        assert "Saved:" not in shown(pilot.app)
    assert 'timeout = "5s"' in path.read_text()


async def test_where_nothing_has_changed_enter_goes_to_the_page_and_nothing_is_saved(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "5") as (pilot, _):
        app = pilot.app
        assert "Nothing has changed since it was saved." in await until_shown(pilot, "Open profile")
        await pilot.press("s")
        await until(pilot, lambda: any("Nothing to save" in each.message for each in app._notifications))
        assert "Saved:" not in shown(app)
        text = path.read_text()
        path.unlink()
        await pilot.press("p", "escape", "5")
        await until_shown(pilot, "! shop.toml: file not found")  # which Enter would not change on the page
        await pilot.press("enter")
        await until_shown(pilot, "was deleted by another program. Write it again?")
        await pilot.press("y")
        await until_shown(pilot, "Saved:")
        assert path.read_text() == text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))


async def test_a_result_of_any_length_leaves_no_text_above_it_without_its_beginning(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "5") as (pilot, _):
        await pilot.resize_terminal(80, 24)
        pane = pilot.app.screen.query_one(SavePane)

        def is_whole(count: int) -> bool:
            screen = shown(pilot.app)
            return f"line 0 of {count}" in screen and ("more" in screen) == ("explained" in screen)

        for count in range(8, 20):
            pane.explain(f"explained: {'more ' * 40}")
            pane.say("\n".join(f"✔ line {number} of {count}" for number in range(count)))
            await pilot.pause()  # until it was scrolled to
            await until(pilot, lambda: is_whole(count))  # noqa: B023


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
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
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
            await pilot.press("x", "enter")
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


async def type_over(pilot: Pilot[None], keys: str, seconds: float = 0.2) -> None:
    """Types these keys after Esc, with so many seconds between one and the next, as a terminal reports them."""
    await pilot.press("escape")
    typed = [events.Key({"\n": "enter", " ": "space"}.get(each, each), each) for each in keys]
    for index, key in enumerate(typed):
        key.time += index * seconds
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


async def test_after_a_refusal_the_field_that_it_names_takes_a_new_value(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    entry = "tui-connector/shop/integration/consumer-key"
    text = json.dumps({"v": 1, "origins": [sandbox.url], "secret": "1canary1" * 4})
    memory_keyring.set_password(entry, "tui-connector", text)
    async with at_step(machine, "2") as (pilot, _):
        await pilot.press("escape", "t")
        await until_shown(pilot, "✘")
        await until(pilot, lambda: isinstance(pilot.app.focused, SecretInput))
        await pilot.press(*"5sst2wmt0")
        assert "● 2" in shown(pilot.app)
        await pilot.press("tab")
        await until(pilot, lambda: "✘ Magento" not in shown(pilot.app))


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
        await until_shown(pilot, "p Back")
        assert "n Next" not in shown(pilot.app), "the last step has none"
        await pilot.press("n")
        await until_shown(pilot, "● 5")
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))


async def test_immediate_test_waits_for_fields_and_uses_the_last_paste(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await sign_in_as_admin(pilot)
        pane = pilot.app.screen.query_one(AuthenticationPane)
        before = len(sandbox.journal())
        await pane.query_one("#fields").remove_children()
        pane.test()
        assert len(sandbox.journal()) == before
        await pane._show_way()
        await until(pilot, lambda: len(sandbox.journal()) > before)
        await until_shown(pilot, "accepts it")
        pane.form.focus_on("password")
        entry = pilot.app.focused
        assert isinstance(entry, SecretInput)
        entry._forward_event(events.Paste("CANARY-another-password"))
        pane.test()  # before any widget has had its turn
        await until_shown(pilot, "✘")
        assert "accepts it" not in shown(pilot.app)


async def test_what_was_typed_and_is_not_used_is_said_instead_of_tested(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await sign_in_as_admin(pilot)
        await until_shown(pilot, "Tested: admin, 32 characters.")
        form, before = pilot.app.screen.query_one(AuthenticationPane).form, len(sandbox.journal())
        form.focus_on("password")
        await pilot.press(*"abc", "f5")
        await until_shown(pilot, "! Not tested: what you typed was not entered")
        for key in ("t", "n"):  # not a key here, as its message says; so F5 tests
            await pilot.press(key)
            await pilot.press("f5")
            await until(pilot, lambda: len(sandbox.journal()) > before)  # noqa: B023
            await until_shown(pilot, "accepts it")
            form.focus_on("password")
            before = len(sandbox.journal())
        await pilot.press("delete", *sandbox.url)
        for key in ("f5", "enter"):
            await pilot.press(key)
            await until_shown(pilot, "! Not tested: this is an address")
            assert len(sandbox.journal()) == before
            form.focus_on("password")
            await pilot.press("delete", *sandbox.url)
        await pilot.press("escape", "escape", "t")  # what is set is kept
        await until_shown(pilot, "accepts it")
        await choose(pilot, "#way", "Bearer")
        await until_shown(pilot, "Access token")
        await pilot.press("e")
        pilot.app.post_message(events.Paste("1canary1" * 4))
        await until_shown(pilot, "32 of 32")
        pilot.app.screen.query_one(AuthenticationPane).form.focus_on("token")
        before = len(sandbox.journal())
        for key in ("f5", "enter"):
            await pilot.press("delete", *"abc", key)
            await until_shown(pilot, "! Not tested: discarded: 3 characters")
            assert len(sandbox.journal()) == before


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


async def test_enter_during_a_test_goes_on_once_the_store_has_accepted_it(machine: Machine) -> None:
    holds, found = [Hold(), Hold()], b'{"base_currency_code": "EUR"}'

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        if b"currency" not in request.head:
            await holds[0].wait()
        writer.write(reply("200 OK", found if b"currency" in request.head else b"[]"))

    async def search_while_held() -> None:
        await pilot.press("ctrl+u", *store.url, "enter")
        await holds[0].reached()
        await until_shown(pilot, f"✔ {store.url}")  # as far as the search has come
        await pilot.press("e", "enter", "enter")
        await until_shown(pilot, "… looking for the store, then step 2")

    app = ConnectorApp(machine, no_demo, start_at="setup")
    async with serving(answer) as store, app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "Store address")
        await search_while_held()
        assert len(store.received) == 2
        await pilot.press("e", "end", "/")  # this address was not tested yet
        await until(pilot, lambda: "looking for" not in shown(app))
        holds.pop(0).release()
        await pilot.press("enter")
        await holds[0].reached()
        holds[0].release()
        await until_shown(pilot, "✔ Magento")
        assert "● 1" in shown(app)
        await pilot.press("e", "enter")  # nothing has changed since
        await until_shown(pilot, "● 2")
        await pilot.press("escape", "1", "e")
        holds[0] = Hold()
        await search_while_held()
        holds[0].release()
        await until_shown(pilot, "● 2")
