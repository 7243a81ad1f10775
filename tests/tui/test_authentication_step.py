"""Step 2 by keyboard, against the sandbox: each kind of authentication, and where its secrets come from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from guide_steps import at_step, choose, draft, guide, no_demo, profile, sign_in_as_admin, to_authentication, work_of
from screens import shown, until, until_shown
from textual import events
from textual.widgets import Button, Input, OptionList, Static

from tui_connector.cli.screen import full_integration
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.secrets.errors import SecretError
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.help import HelpScreen
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.setup.authentication import AuthenticationPane
from tui_connector.tui.widgets.choice import Choice, Toggle
from tui_connector.tui.widgets.secret import SecretInput


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
        await until(pilot, lambda: secret.is_replacing)
        assert "•••••" in secret.placeholder, "what is there is selected"
        await pilot.press("backspace")
        assert secret.placeholder == "new value"
        assert all(each.purpose == "probe" for each in work_of(pilot).workbench.exchanges)
        await pilot.press(*"CANARY-1", "escape")
        assert secret.locked
        for each in "CANARY-2-CANARY":  # as from a terminal that pastes by typing
            pilot.app.post_message(events.Key(each, each))
        await until_shown(pilot, "secret    15")
        await pilot.press("enter")
        secret.focus()
        await pilot.press("delete", "space", *"CANARY", "tab")
        await until_shown(pilot, "The password begins with a space.")
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


async def test_e_leads_to_the_missing_or_refused_value_of_a_login_also_among_all_its_fields(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox, (80, 24)) as pilot:
        await to_authentication(pilot)
        app: Any = pilot.app
        app.screen.query_one("#whole", Toggle).focus()
        await pilot.press("space")
        await until_shown(pilot, "All fields")
        await choose(pilot, "#way", "Login with user and password")
        await until(pilot, lambda: list(app.screen.query("#row-parameters .key")))
        await until(pilot, lambda: not isinstance(app.focused, Input))
        pane = app.screen.query_one(AuthenticationPane)
        work = work_of(pilot)
        work.setup.write_authentication()
        work.setup.edit(("authentications", work.setup.authentication, "parameters", "username"), "nobody")
        await pane._show_way()
        password = pane.form.editor_of("password")
        await pilot.press("f5")
        await until_shown(pilot, "e  Edit Password")
        await until(pilot, lambda: "Password is missing" in shown(app) and "password  " in shown(app))
        await pilot.press("e")
        await until(pilot, lambda: app.focused is password)
        await pilot.press(*"CANARY", "tab")
        await pilot.press("f5")
        await until(pilot, lambda: pane._finding is not None)
        await until(pilot, lambda: "e  Edit Password" in shown(app) and "password  " in shown(app))
        await pilot.press("e")
        await until(pilot, lambda: app.focused is password)


async def test_other_kinds_and_several_authentications_in_order(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Other")
        options = pilot.app.screen.query_one("#choices OptionList")
        options.highlighted = options.get_option_index("basic")
        await pilot.press("enter")
        await until_shown(pilot, "staging")
        await pilot.press("e", *"me", "enter", *"CANARY-1", "enter")
        await until(pilot, lambda: "basic" in draft(pilot).get("authentications", {}))
        await until(pilot, lambda: "password" in draft(pilot)["authentications"]["basic"])
        assert draft(pilot)["authentications"]["basic"]["password"] == {"keyring": "acme/basic/password"}
        assert draft(pilot)["clients"]["magento"]["authentications"] == ["basic"]
        await choose(pilot, "#way", "+ Add another")
        assert "CANARY" not in shown(pilot.app)


async def test_a_field_of_any_way_gets_the_focus_by_a_key_only(machine: Machine, sandbox: Sandbox) -> None:
    """A paste finds the field anyway; e, meant as the key that leads there, would be typed into it."""
    app: Any = ConnectorApp(machine, no_demo, start_at="setup")
    async with app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "Store address")
        await pilot.press(*sandbox.url, "enter", "enter")
        await until_shown(pilot, "A paste goes to Consumer key")
        pane = app.screen.query_one(AuthenticationPane)
        for way, field in (("Bearer", "token"), ("Login", "username"), ("Integration", "consumer-key")):
            for _ in range(2):  # also where it is chosen already
                await choose(pilot, "#way", way)
                await until_shown(pilot, "e goes there to type")
                await until(pilot, lambda: app.focused.id == "way")
                await pilot.press("e")
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
        await until_shown(pilot, "✘ Find the store")
        await until_shown(pilot, "1  Go to step 1")


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
        await pilot.press("e", "tab")
        assert (await until_shown(pilot, "is missing")).count("is missing") == 1
        await choose(pilot, "#way", "Other")
        await until_shown(pilot, "How: other")
        await pilot.press(*"query", "enter")
        assert "missing" not in await until_shown(pilot, "Name of the parameter")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        pilot.app.screen.query_one("#whole", Toggle).focus()
        await pilot.press("enter")  # the other fields, of which nothing is known either
        assert (await until_shown(pilot, "Disabled")).count("is missing") == 1
        await pilot.press("f5")
        await until_shown(pilot, "✘ Parameter: is missing")
        assert shown(pilot.app).count("✘ is missing") == 2
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
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
        await pilot.press("ctrl+u", *"123456", "f5")
        assert "e  Edit TOTP secret" in await until_shown(pilot, "is a one-time code, not")
        await pilot.press("e")
        await until(
            pilot, lambda: pilot.app.focused in pilot.app.screen.query_one("#row-parameters-otp-totp").query("*")
        )
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


async def test_after_a_refusal_the_field_that_it_names_takes_a_new_value(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    entry = "tui-connector/shop/integration/consumer-key"
    text = json.dumps({"v": 1, "origins": [sandbox.url], "secret": "1canary1" * 4})
    memory_keyring.set_password(entry, "tui-connector", text)
    async with at_step(machine, "2") as (pilot, _):
        await pilot.press("escape", "t")
        await until_shown(pilot, "e  Edit Consumer key")
        assert not isinstance(pilot.app.focused, SecretInput)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.focused, SecretInput))
        await pilot.press(*"5sst2wmt0")
        assert "● 2" in shown(pilot.app)
        await pilot.press("tab")
        await until(pilot, lambda: "✘ Magento" not in shown(pilot.app))


WRONG = "1canary1" * 4
REFUSED = {
    "oauth1": (dict.fromkeys(("consumer-key", "consumer-secret", "access-token", "access-token-secret"), WRONG), {}),
    "bearer": ({"token": "CANARY-no-token"}, {}),
    "request": ({"parameters.password": "CANARY-wrong"}, {"parameters.username": "nobody"}),
    "oauth2": ({"client-secret": "CANARY-wrong"}, {"token-uri": "URL/rest/V1/token", "client-id": "nobody"}),
    "basic": ({"password": "CANARY-wrong"}, {"username": "nobody"}),
    "header": ({"value": "CANARY-wrong"}, {"header": "X-Key"}),
    "query": ({"value": "CANARY-wrong"}, {"parameter": "key"}),
}
"""By kind of authentication, secrets that the store refuses, and the other fields."""


async def test_after_a_refusal_letters_are_keys_and_one_leads_to_the_field(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (100, 50)) as pilot:
        await to_authentication(pilot)
        pane, work = pilot.app.screen.query_one(AuthenticationPane), work_of(pilot)
        for kind, (secrets, others) in REFUSED.items():
            work.setup.choose_kind(kind)
            place = ("authentications", work.setup.authentication)
            work.setup.write_authentication()
            for path, value in others.items():
                work.setup.edit((*place, *path.split(".")), value.replace("URL", sandbox.url))
            for path, value in secrets.items():
                work.hold((*place, *path.split(".")), value)
            await pane._show_way()
            for key in ("f5", "enter"):  # outside fields, and in the last one
                pane.forget()
                if key == "enter":
                    list(pane.form.query(Input))[-1].focus()
                await pilot.press(key)
                await until(pilot, lambda: pane._finding is not None)
                await until(pilot, lambda: isinstance(pilot.app.focused, Button))
                named = pane.form.field(pane._finding.field) if pane._finding else None
                assert named is None or named.is_wrong, kind
                await until_shown(pilot, f"e  Edit {named.label}" if named is not None else "e  Edit ")
                await pilot.press("e")
                await until(pilot, lambda: isinstance(pilot.app.focused, Input))
                assert named is None or named in pilot.app.focused.ancestors, kind
                await pilot.press("escape", "escape")
            await pane._switched()  # another way was chosen, and this one again
            assert not isinstance(pilot.app.focused, Input), kind
        assert "CANARY" not in shown(pilot.app)


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


async def test_one_key_applies_the_new_authentication_instead_of_the_former(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await sign_in_as_admin(pilot)
        await choose(pilot, "#way", "+ Add another")
        await until_shown(pilot, "applied after admin")
        await choose(pilot, "#way", "Bearer")
        await until_shown(pilot, "A paste goes to Access token")
        pilot.app.post_message(events.Paste(full_integration(sandbox)["access-token"]))
        await until_shown(pilot, "32 of 32")
        await pilot.press("f5")
        await until_shown(pilot, "both set the header Authorization")
        way = pilot.app.screen.query_one("#way", Choice)
        for name in ("admin", "integration"):
            await choose(pilot, "#way", f"Applied: {name}")
            await until(pilot, lambda: pilot.app.focused is way)  # more of them may follow
        await pilot.press("f5")
        await until_shown(pilot, "Use integration instead of admin")
        setup = work_of(pilot).setup
        setup.add_incoming("products")
        setup.add_outgoing("products")
        for step in "34":  # the same fix as in step 2
            await pilot.press("escape", step)
            await until_shown(pilot, f"● {step}")
            await pilot.press("escape", "t")
            assert "Enter/a Apply the fix" in await until_shown(pilot, "a  Use integration instead of admin")
        await pilot.press("a")
        await until_shown(pilot, "does not accept this token alone")  # sent by itself now
        assert draft(pilot)["clients"]["magento"]["authentications"] == ["integration"]
        assert {*draft(pilot)["authentications"]} == {"admin", "integration"}


async def test_a_way_to_authenticate_is_found_by_the_words_that_people_know(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        assert "or all at once" in " ".join(shown(pilot.app).split())
        pilot.app.screen.query_one("#way", Choice).focus()
        await pilot.press("enter")
        await until_shown(pilot, "Other ▸")
        options = pilot.app.screen.query_one("#choices OptionList", OptionList)
        for words, option in {
            **dict.fromkeys(("admin", "customer", "2fa", "password"), "way request"),
            **dict.fromkeys(("jwt", "bearer"), "way bearer"),
            **dict.fromkeys(("oauth", "integration", "consumer", "signature"), "way oauth1"),
            **dict.fromkeys(("htaccess", "ims", "header"), "other"),
        }.items():
            await pilot.press("home", *words)
            assert options.highlighted_option is not None
            assert (words, options.highlighted_option.id) == (words, option)
            await pilot.press("ctrl+u")
        await pilot.press(*"htacc", "enter")
        await until_shown(pilot, "How: other")
        await pilot.press(*"htacc", "enter")
        await until(pilot, lambda: work_of(pilot).setup.auth_kind == "basic")


async def test_without_a_keyring_the_file_is_shown_as_it_is_written(machine: Machine, sandbox: Sandbox) -> None:
    def no_keyring() -> Any:
        raise SecretError("keyring-unusable", "No keyring is running: to use one, start GNOME Keyring")

    async with guide(replace(machine, keyring=no_keyring), sandbox) as pilot:
        await sign_in_as_admin(pilot)
        await pilot.press("5")
        await until_shown(pilot, "TUI_CONNECTOR_ACME_ADMIN_PASSWORD")
        await pilot.press("escape", "2")
        await choose(pilot, "#way", "+ Add another")
        await until_shown(pilot, "e goes to User name.")
        await pilot.press("e", *"me", "enter", *"CANARY-1", "enter")
        await until(pilot, lambda: "password" in draft(pilot).get("authentications", {}).get("basic", {}))
        assert draft(pilot)["authentications"]["basic"]["password"] == {"keyring": "acme/basic/password"}
        await pilot.press("escape", "5")  # beside a secret that is in the environment already
        await until(pilot, lambda: "env" in draft(pilot)["authentications"]["basic"]["password"])
        await until_shown(pilot, "No keyring is running")
        assert "{ keyring" not in shown(pilot.app)
