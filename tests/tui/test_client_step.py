"""Step 1 by keyboard, against the sandbox: the name, the address and the plugins of a client."""

from __future__ import annotations

import asyncio
from copy import deepcopy

from guide_steps import choose, draft, guide, no_demo, to_authentication, work_of
from http_server import Hold, Received, reply, serving
from screens import said_by, shown, until, until_shown
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.choice import Choice, Toggle
from tui_connector.tui.widgets.fields import FieldRow, TextField
from tui_connector.tui.widgets.ordered_list import OrderedList
from tui_connector.tui.widgets.secret import SecretInput


def plugins(pilot: Pilot[None]) -> list[str]:
    return [each["kind"] for each in draft(pilot)["clients"]["magento"]["plugins"]]


async def test_the_name_of_the_profile_is_also_its_title(machine: Machine, sandbox: Sandbox) -> None:
    app = ConnectorApp(machine, no_demo, start_at="setup")
    async with app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "Store address")
        await pilot.press(*sandbox.url, "enter")
        await until_shown(pilot, "Magento 2.4")
        await pilot.press("escape", "5")
        await until_shown(pilot, "Not written yet")
        assert "Typing" in (await until_shown(pilot, "! The name local-store says little")).splitlines()[-1]
        assert isinstance(app.focused, Input)
        assert app.focused.selected_text == "local-store"  # what is typed replaces it
        place = draft(pilot)["name"]
        assert place.startswith("127.0.0.1")
        await pilot.press("end", "!")
        await until_shown(pilot, "cannot be named")
        await until(pilot, lambda: work_of(pilot).setup.name == "local-store")
        await pilot.press("ctrl+u", *"my shop")  # of which the beginning was a name
        await until_shown(pilot, "cannot be named 'my shop'")
        await until(pilot, lambda: (work_of(pilot).setup.name, draft(pilot)["name"]) == ("local-store", place))
        await pilot.press("ctrl+u", *"local-store", "escape")
        await until_shown(pilot, "! The name local-store says little")
        await pilot.press("e", *"acme", "escape")  # what is typed replaces a name that was proposed
        await until(pilot, lambda: shown(app).splitlines()[0].strip().startswith("acme"))
        assert draft(pilot)["name"] == "acme"
        assert "says little" not in shown(app)
        await pilot.press("e", *"-2", "escape")  # and continues one that was typed
        await until(pilot, lambda: work_of(pilot).setup.name == "acme-2")
        await pilot.press("e", "enter")
        await until_shown(pilot, "Saved:")
        assert [each.name for each in machine.directories.profiles.glob("*.toml")] == ["acme-2.toml"]


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
            await until_shown(pilot, "e  Edit Store view")
            await pilot.press("e")
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
        await pilot.press("enter", "ctrl+u", *"timeouts")
        await until(pilot, lambda: "Retry failed requests" not in shown(pilot.app))
        await pilot.press("enter")  # no plugin has them
        await until_shown(pilot, "Connection settings of this client")
        await pilot.press("escape", "a")
        await until_shown(pilot, "Retry failed requests")
        await pilot.press(*"header")
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


async def test_disabled_certificate_verification_shows_a_warning(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        pilot.app.screen.query_one("#connection", Choice).focus()
        await pilot.press("enter")
        await until_shown(pilot, "Verify the certificate")
        authorities = pilot.app.screen.query_one("#row-tls-ca-file TextField", TextField)
        authorities.value = "nowhere/ca.pem"
        missing = machine.directories.profiles / "nowhere" / "ca.pem"
        row = pilot.app.screen.query_one("#row-tls-ca-file")
        await until(pilot, lambda: said_by(row, ".note") == f"! File not found: {missing}")
        missing.parent.mkdir(parents=True)
        missing.write_text("certificates")
        authorities.value = "./nowhere/ca.pem"
        await until(pilot, lambda: not said_by(row, ".note"))
        authorities.value = ""
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


async def test_a_password_that_is_being_typed_is_discarded_with_the_form(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await pilot.press("escape", "1")
        before, vault = deepcopy(draft(pilot)), work_of(pilot).workbench.vault
        held = vault.held_secrets()
        for other in ("", "x"):
            pilot.app.screen.query_one("#connection", Choice).focus()
            await pilot.press("enter")
            await until_shown(pilot, "Verify the certificate")
            pilot.app.screen.query_one("#row-title TextField", TextField).value = other
            pilot.app.screen.query_one("#row-proxy-password SecretInput", SecretInput).focus()
            await pilot.press(*"CANARY", "escape")
            await until_shown(pilot, "Discard what you changed")
            await pilot.press("ctrl+d")
            await until(pilot, lambda: isinstance(pilot.app.screen, SetupScreen))
            assert draft(pilot) == before
            assert vault.held_secrets() == held


async def test_a_second_client_has_plugins_and_an_address_of_its_own(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        pilot.app.screen.query_one("#client", Choice).focus()
        await pilot.press("enter")
        await until_shown(pilot, "+ add a client")
        await pilot.press("plus", "enter")
        await until_shown(pilot, "Name of the new client")
        await pilot.press(*"staging?", "enter")
        await until_shown(pilot, "→ Enter uses staging.")
        await pilot.press("enter")
        await until_shown(pilot, "from the test")
        assert list(draft(pilot)["clients"]) == ["magento", "staging"]
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "field-address")
        assert "✔ found" not in shown(pilot.app)
        await choose(pilot, "#client", "- remove")
        await until(pilot, lambda: list(draft(pilot)["clients"]) == ["magento"])
        assert sandbox.url in shown(pilot.app)


async def test_a_refused_address_is_marked_and_one_key_leads_to_it(machine: Machine, sandbox: Sandbox) -> None:
    right = sandbox.url
    async with guide(machine, sandbox) as pilot:
        await pilot.press("e", "backspace", "backspace", "enter")
        await until_shown(pilot, "e  Edit Store address")
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "test-1")
        assert pilot.app.screen.query_one("#row-address", FieldRow).is_wrong

        def said(words: str) -> bool:
            return any(words in each.message for each in pilot.app._notifications)

        await pilot.press("ctrl+u")  # no field has the focus, so that letters are keys
        await until(pilot, lambda: said("^U (Delete the value) is a key of the field Store address: e goes there."))
        await pilot.press("g")
        await until(pilot, lambda: said("? lists them. e goes to the field Store address."))
        await pilot.press("escape")
        pilot.app.screen.query_one("#connection").focus()
        await pilot.press("a")
        await until(pilot, lambda: said("a (Add) is a key of the list of plugins: "))
        await pilot.press("escape", "e")
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "field-address")
        await pilot.press("end", *right[-2:])
        assert not pilot.app.screen.query_one("#row-address", FieldRow).is_wrong
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")


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
