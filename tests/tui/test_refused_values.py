"""Step 2 after the store has refused it: what is shown of it ends with the values that it was about."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guide_steps import choose, guide, no_demo, to_authentication, work_of
from profiles import full
from runs import BEARER
from screens import said_by, shown, until, until_shown
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from tui_connector.guide.checks.authentication import AuthenticationTest
from tui_connector.guide.checks.check import CheckResult
from tui_connector.guide.drafts import Drafts
from tui_connector.guide.resume import setup_of
from tui_connector.guide.steps.setup import Setup
from tui_connector.machine import Machine
from tui_connector.magento.diagnosis import Finding
from tui_connector.magento.diagnosis.rules import EVERY_RULE
from tui_connector.sandbox.server import Sandbox
from tui_connector.secrets.errors import SecretError
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.setup.authentication import AuthenticationPane
from tui_connector.tui.setup.step import words_of
from tui_connector.tui.widgets.prose import wrapped
from tui_connector.tui.widgets.secret import SecretInput

WRONG = [f"canary0{digit}canary0{digit}canary0{digit}canary" for digit in "1234"]


async def test_a_refusal_is_shown_until_the_values_change(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, tokens=True) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        pilot.app.post_message(events.Paste("\n".join(each.ljust(32, "0") for each in WRONG)))
        await until_shown(pilot, "32 of 32")
        await until_shown(pilot, "Nothing is missing. Enter tests it.")
        await pilot.press("f5")
        await until(pilot, lambda: "✘" in shown(pilot.app) and "contacting" not in shown(pilot.app))
        await until_shown(pilot, "32 ✘")
        await pilot.press("escape", "1")
        await until_shown(pilot, "✘ 2 Authentication")
        await pilot.press("2")
        await until_shown(pilot, "● 2")
        pane = pilot.app.screen.query_one(AuthenticationPane)
        assert pane.query_one(".result").display
        pane.use_sandbox()
        await until(pilot, lambda: not pane._filling)
        assert not pane.query_one(".result").display
        assert "32 ✘" not in shown(pilot.app)


async def test_a_refused_token_is_marked_until_there_is_another_one(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (120, 40)) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Bearer")
        await until_shown(pilot, "Access token")
        await pilot.press("e")
        pilot.app.post_message(events.Paste(WRONG[0].ljust(32, "0")))
        await until_shown(pilot, "32 of 32")
        await pilot.press("f5")
        await until_shown(pilot, "✘ The store does not accept this token")
        await until(pilot, lambda: pilot.app.focused is pilot.app.screen.query_one("#step-2 .correct"))
        await pilot.press("enter")  # to type it again: the other way has a key of its own
        await until(pilot, lambda: isinstance(pilot.app.focused, SecretInput))
        await pilot.press("escape", "escape", "a")
        await until_shown(pilot, "Consumer key")
        await choose(pilot, "#way", "Bearer")
        assert "32 ✘" in await until_shown(pilot, "✘ The store does not accept this token")
        assert not isinstance(pilot.app.focused, Input), "letters are keys, and a paste goes to the field anyway"
        assert "Nothing is missing" not in shown(pilot.app)
        pilot.app.post_message(events.Paste(WRONG[1].ljust(32, "0")))
        await until_shown(pilot, "32 of 32")
        await until(pilot, lambda: "does not accept" not in shown(pilot.app))


async def test_the_mark_of_a_refused_token_goes_when_the_store_accepts_it(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (120, 40)) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Bearer")
        await until_shown(pilot, "Access token")
        await pilot.press("e")
        pilot.app.post_message(events.Paste(full(sandbox)["access-token"]))
        await until_shown(pilot, "32 of 32")
        await pilot.press("f5")
        await until_shown(pilot, "32 ✘")
        sandbox.change(BEARER)
        await pilot.press("escape", "t")
        await until_shown(pilot, "✔ The store accepts it")
        assert "32 ✘" not in shown(pilot.app)
        await pilot.press("1", "2")
        await until_shown(pilot, "● 2")
        assert "32 ✔" in shown(pilot.app)


async def test_a_test_uses_the_source_that_was_chosen_in_place_of_a_typed_token(
    machine: Machine, sandbox: Sandbox, tmp_path: Path
) -> None:
    token, secret = full(sandbox)["access-token"], tmp_path / "token"
    machine = replace(machine, environ={**machine.environ, "WRONG_TOKEN": WRONG[0].ljust(32, "0")})
    sandbox.change(BEARER)
    async with guide(machine, sandbox, (120, 40)) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Bearer")
        await until_shown(pilot, "Access token")
        await pilot.press("e")
        pilot.app.post_message(events.Paste(token))
        await until_shown(pilot, "32 of 32")
        await pilot.press("f5")
        await until_shown(pilot, f"✔ The store accepts it. Tested: …{token[-4:]}.")

        await choose(pilot, "#row-token Choice", "Printed by a command")
        await until(pilot, lambda: "32 ✔" not in shown(pilot.app))
        await pilot.press("f5")
        await until_shown(pilot, "! Not tested: type the command that prints this secret")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press(*"cat ", *str(secret), "enter")
        await until_shown(pilot, "The command cat (Access token of authentication")
        assert "accepts it" not in shown(pilot.app)
        row = pilot.app.screen.query_one("#row-token")
        assert "✔" not in said_by(row, ".mark")
        await until_shown(pilot, "e  Edit Access token")
        await pilot.press("e")
        await until(pilot, lambda: pilot.app.focused in row.query(Input))
        secret.write_text(token)
        await pilot.press("escape", "t")
        await until_shown(pilot, "✔ The store accepts it. Tested: the output of cat.")

        await choose(pilot, "#row-token Choice", "From an environment variable")
        await until_shown(pilot, f"session ••••{token[-4:]}")
        await pilot.press("f5")
        await until_shown(pilot, f"Tested: …{token[-4:]} (for this session:")
        pilot.app.screen.query_one("#row-token Input").focus()
        await pilot.press("ctrl+u", *"WRONG_TOKEN", "enter")
        await until_shown(pilot, "✘ The store does not accept this token")
        pilot.app.screen.query_one("#row-token Input").focus()
        await pilot.press("ctrl+u", *"OTHER_TOKEN", "enter")
        await until_shown(pilot, "not set: paste value")
        await until_shown(pilot, "Access token: this variable is not set")


def test_what_to_do_about_any_refusal_fits_on_a_small_screen() -> None:
    for rule in EVERY_RULE:
        finding = Finding(rule.id, rule.summary, ("#4 GET modules → 401",), rule.remedy, fix=rule.fix)
        assert len(wrapped(words_of(finding), 74)) <= 8, rule.id
    long = words_of(Finding("refused", "The store refused it: " + "a word " * 400, (), "Correct it."))
    assert len(wrapped(long, 74)) <= 4
    assert long.endswith("→ Correct it.")


async def test_the_same_value_twice_is_noticed(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, tokens=True) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        for _ in range(2):
            pilot.app.post_message(events.Paste(WRONG[0].ljust(32, "0")))
            await pilot.pause()
        await until_shown(pilot, "The same value as Consumer key")


async def test_an_invalid_name_is_neither_saved_nor_taken_in_part(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        setup = await at_save(pilot)
        named, result = setup.name, pilot.app.screen.query_one("#step-5 .result", Static)
        await pilot.press("e", "ctrl+u", "a")
        await until(pilot, lambda: setup.name == "a")
        await pilot.press(*" b")
        await until_shown(pilot, "✘ a profile cannot be named 'a b'")
        await until(pilot, lambda: setup.name == named)
        for key in ("ctrl+s", "s"):  # none of them saves it under another name
            await pilot.press(key)
            await until_shown(pilot, "e  Edit Profile name")
            assert "Not written: correct the name first (e)." in shown(pilot.app)
            await until(pilot, lambda: isinstance(pilot.app.focused, Button))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        assert not list(machine.directories.profiles.glob("*.toml"))
        await pilot.press("escape", "1")
        await until_shown(pilot, "✘ 5")
        [kept] = Drafts(machine.directories.state).list()
        assert setup_of(kept)[0].typed_name == "a b"
        await pilot.press("5")
        await until_shown(pilot, "✘ a profile cannot be named 'a b'")
        await pilot.press("e", "backspace", "backspace")
        await until(pilot, lambda: setup.name == "a" and "cannot be named" not in shown(pilot.app))
        await pilot.press("ctrl+u", *WRONG[0], "enter")
        await until_shown(pilot, "✘ This looks like a token, not a name")
        await pilot.press("escape", "s")
        await until_shown(pilot, "✘ Not saved: correct the name first.")
        await pilot.press("e", "ctrl+u", "b")
        await until(pilot, lambda: setup.name == "b" and not result.display)
        await pilot.press("ctrl+u", *"Acme Dev!")
        await until_shown(pilot, "→ Enter in the field uses acme-dev.")
        assert "(proposed)" in await until_shown(pilot, "acme-dev.toml")
        await pilot.press("enter")
        await until(pilot, lambda: setup.name == "acme-dev" and "acme-dev.toml" in shown(pilot.app))


@pytest.mark.parametrize("is_running", [True, False])
async def test_a_profile_is_saved_by_a_press_while_the_keyring_is_looked_up(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, is_running: bool
) -> None:
    """Or, where what is written becomes another place of the secrets, it is said that a further press is needed."""
    answers = threading.Event()

    def keyring() -> Any:
        answers.wait(30)
        if not is_running:
            raise SecretError("keyring-unusable", "No keyring is running")
        return memory_keyring

    async with guide(replace(machine, keyring=keyring), sandbox) as pilot:
        try:
            await at_save(pilot)
            await pilot.press("enter")
            await until_shown(pilot, "… Looking for a keyring, then saving.")
        finally:
            answers.set()
        if not is_running:
            await until_shown(pilot, "Not saved yet: Enter or s saves it like this.")
            assert not list(machine.directories.profiles.glob("*.toml"))
            await pilot.press("s")  # Enter in the field of the name has left it
        await until_shown(pilot, "✔ Saved:")


async def test_step_5_says_why_another_step_is_marked_before_and_after_saving(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox) as pilot:
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        setup = work_of(pilot).setup
        name = setup.add_outgoing("products")
        setup.samples[name] = "{"
        await pilot.press("5")
        why = f"! Step 4, {name}: The sample is not valid JSON"
        assert "✘ 4" in await until_shown(pilot, why)
        await pilot.press("enter")
        text = await until_shown(pilot, "✔ Saved:")
        assert why in text
        assert "✘ 4" in text
        await pilot.press("4")
        await until_shown(pilot, f"✘ {name}")
        await pilot.press("E", "ctrl+z")  # the sample that a request of this kind begins with
        await until_shown(pilot, f"✔ {name}")


async def at_save(pilot: Pilot[None]) -> Setup:
    """Goes to step 5 once the store is found."""
    await pilot.press("enter")
    await until_shown(pilot, "Magento 2.4")
    await pilot.press("5")
    await until_shown(pilot, "Not written yet")
    return work_of(pilot).setup


async def test_a_new_profile_never_replaces_another_one(machine: Machine, sandbox: Sandbox) -> None:
    taken, appeared = (machine.directories.profiles / f"{name}.toml" for name in ("shop", "acme"))
    taken.parent.mkdir(parents=True)
    taken.write_text("# shop\n")
    async with guide(machine, sandbox) as pilot:
        setup = await at_save(pilot)
        await pilot.press("e", "ctrl+u", *"shop")
        await until_shown(pilot, "shop exists: open it")
        await until(pilot, lambda: setup.name == "acme")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "e  Edit Profile name")
        await pilot.press("e", "end", *"-2")
        await until(pilot, lambda: setup.name == "shop-2")
        await pilot.press("ctrl+u", *"acme")
        await until(pilot, lambda: setup.name == "acme" and "exists" not in shown(pilot.app))

        appeared.write_text("# acme\n")  # as for a draft that is resumed later
        for _ in range(2):
            await pilot.press("ctrl+s")
            await until_shown(pilot, "✘ acme exists: open it")
            assert "(new)" not in shown(pilot.app)
        assert (taken.read_text(), appeared.read_text()) == ("# shop\n", "# acme\n")
        await pilot.press("escape", "1")
        await until_shown(pilot, "● 1")
        await pilot.press("5")
        await until_shown(pilot, "acme exists: open it")
        await pilot.press("end", *"-new")
        await until(pilot, lambda: setup.name == "acme-new")
        await until_shown(pilot, "acme-new.toml (new)")


async def test_a_refused_password_is_shown_wherever_its_user_comes_back(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (80, 24)) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Login with user")
        await until_shown(pilot, "Password")
        await pilot.press("f1")
        await until_shown(pilot, "/rest/V1/integration/customer/token")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.query("#row-parameters-password"))
        await pilot.press("e", *"adam", "enter")
        pilot.app.post_message(events.Paste("CANARY-password"))
        row = pilot.app.screen.query_one("#row-parameters-password")
        await until(pilot, lambda: said_by(row, ".mark") == "15")  # nothing is known of it before it is tested
        await pilot.press("enter")
        assert " How   " in await until_shown(pilot, "▌ admin?")  # the end of what to do
        await until_shown(pilot, "15 ✘")
        await pilot.press("escape", "up", "up")
        password = pilot.app.screen.query_one("#row-parameters-password SecretInput", SecretInput)
        await until(pilot, lambda: pilot.app.focused is password)
        await pilot.press("x")  # as right after the refusal
        assert password.value == "x"
        await pilot.press("escape", "escape")
        for way in ("Bearer", "Other", "Login with user"):
            await choose(pilot, "#way", way)
            if way == "Other":
                await until_shown(pilot, "Basic")
                await pilot.press("enter")
        await until_shown(pilot, "15 ✘")
        await until_shown(pilot, "✘ The store did not accept the user name or the password")
        await pilot.press("escape", "q")
        await until_shown(pilot, "Unfinished")
        await pilot.press("enter")
        await until_shown(pilot, "✘ The store did not accept the user name or the password")
        assert "▌ admin?" in shown(pilot.app)
    app = ConnectorApp(machine, no_demo, start_at="home")
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "Unfinished")
        await pilot.press("enter")
        await until_shown(pilot, "Drafts contain no secrets")
        await until_shown(pilot, "✘ The store did not accept the user name or the password")
        pilot.app.post_message(events.Paste("CANARY-another"))
        await until(pilot, lambda: "did not accept" not in shown(app))


async def test_a_result_is_not_that_of_a_value_that_was_entered_during_the_test(
    machine: Machine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()

    async def slow(*arguments: Any) -> AuthenticationTest:
        await answered.wait()
        return AuthenticationTest(CheckResult("", True))

    monkeypatch.setattr("tui_connector.tui.setup.authentication.try_authentication", slow)
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Bearer")
        await until_shown(pilot, "Access token")
        pane = pilot.app.screen.query_one(AuthenticationPane)
        for token, expected in (("1canary1", False), ("2canary2", True)):
            pane.form.focus_on("token")
            pilot.app.post_message(events.Paste(token * 4))
            await until_shown(pilot, "32 of 32")
            await pilot.press("f5")
            if not expected:
                await until_shown(pilot, "… contacting the store")
                pane.form.focus_on("token")
                pilot.app.post_message(events.Paste("3canary3" * 4))
                await until(pilot, lambda: "… contacting the store" not in shown(pilot.app))
            answered.set()
            if expected:
                await until_shown(pilot, "✔ The store accepts it. Tested: …ary2.")
            await pilot.pause()
            assert work_of(pilot).setup.authenticated is expected
