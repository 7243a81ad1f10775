"""Secrets that come from environment variables, in the guide: a token that is entered there is no name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guide_steps import at_step, no_demo, profile
from memory_keyring import NoKeyring
from profiles import FOUR, full
from screens import said_by, shown, until, until_shown
from textual import events
from textual.widgets import Button, OptionList

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.secrets.backends import override_name
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.widgets.questions import AllowScreen, ConfirmScreen


async def to_authentication(pilot: Any) -> None:
    """From the page of a profile into step 2 of the guide."""
    await pilot.press("g")
    await until_shown(pilot, "● 1")
    await pilot.press("escape", "2")
    await until_shown(pilot, "● 2")


VARIABLES = {field: override_name(entry) for field, entry in FOUR.items()}
TOKEN = "CANARY0x" + "1canary1" * 3


def with_variables(machine: Machine, memory_keyring: Any, sandbox: Sandbox) -> Path:
    """A profile of the sandbox that was saved without a keyring."""
    signed = {"kind": "oauth1", **{field: {"env": name} for field, name in VARIABLES.items()}}
    return profile(machine, memory_keyring, sandbox, authentications={"integration": signed})


@pytest.mark.parametrize("how", ["pasted", "typed"])
async def test_a_token_entered_over_the_name_of_a_variable_is_never_written(
    how: str, machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = with_variables(machine, memory_keyring, sandbox)
    before = path.read_text()
    async with at_step(machine, "2", (80, 24)) as (pilot, setup):
        await pilot.press("e")
        await until_shown(pilot, f"Type or paste the value of {VARIABLES['consumer-key']} for")
        await until_shown(pilot, "GRATION_CONSUMER_KEY  → variable")  # the cursor is at its end
        if how == "pasted":
            pilot.app.post_message(events.Paste(TOKEN))
        else:
            await pilot.press(*TOKEN[:20])
            await until_shown(pilot, "value, 20")
            assert "CANARY" not in shown(pilot.app)
            await pilot.press(*TOKEN[20:], "tab")
        await until_shown(pilot, "session")
        assert TOKEN not in shown(pilot.app)
        await until(
            pilot,
            lambda: setup.at("authentications", "integration", "consumer-key") == {"env": VARIABLES["consumer-key"]},
        )
        await pilot.press("escape", "5", "s")
        await until(pilot, lambda: any("Nothing to save" in each.message for each in pilot.app._notifications))
    assert path.read_text() == before
    written = [file.read_text() for file in machine.directories.state.rglob("*") if file.is_file()]
    assert not any(TOKEN[:20] in text for text in written)


async def test_unset_variables_are_named_before_anything_is_sent(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    with_variables(machine, memory_keyring, sandbox)
    async with at_step(machine, "2", (160, 60)) as (pilot, _):
        assert "Nothing is missing" not in shown(pilot.app)
        assert f"Type or paste the value of {VARIABLES['consumer-key']}" in shown(pilot.app)
        assert shown(pilot.app).count("not set: paste value") == 4
        assert isinstance(pilot.app.focused, Button)  # letters change no name
        await pilot.press("e", "x")
        await until_shown(pilot, "value, 1")
        assert shown(pilot.app).count(VARIABLES["consumer-key"]) == 1  # in the hint
        await pilot.press("backspace")
        await until(pilot, lambda: shown(pilot.app).count("not set: paste value") == 4)
        await pilot.press("backspace")
        await until_shown(pilot, "new name")
        await pilot.press("Y")
        await until(pilot, lambda: shown(pilot.app).count("not set: paste value") == 4)
        await pilot.press("escape", "t")
        screen = await until_shown(pilot, "these variables are not set")
        assert all(f"export {name}=…" in screen for name in VARIABLES.values())


async def test_one_choice_moves_all_secrets_and_none_counts_as_saved(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    with_variables(machine, memory_keyring, sandbox)
    async with at_step(machine, "2", (120, 40)) as (pilot, setup):
        pilot.app.screen.query_one("#row-consumer-key Choice").focus()
        await pilot.press("enter")
        await until_shown(pilot, "All secrets here: typed")
        options = pilot.app.screen.query_one(OptionList)
        options.highlighted = next(
            at for at in range(options.option_count) if "here: typed" in str(options.get_option_at_index(at).prompt)
        )
        await pilot.press("enter")
        await until(
            pilot, lambda: all(setup.at("authentications", "integration", field, "keyring") for field in VARIABLES)
        )
        await until(pilot, lambda: shown(pilot.app).count("keyring ▾") == 4)
        assert "saved" not in [line.split()[-1] for line in shown(pilot.app).splitlines() if "keyring ▾" in line]
        await pilot.press("escape", "t")
        await until_shown(pilot, "Consumer key is missing")


@pytest.mark.untrusted
async def test_a_profile_whose_variables_are_set_is_tested_in_a_new_process(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    """The new process has the variables; it says that this profile is not trusted, as its state directory differs."""
    values = {VARIABLES[field]: value for field, value in full(sandbox).items()}
    machine = replace(machine, environ={**machine.environ, **values})
    with_variables(machine, memory_keyring, sandbox)
    async with at_step(machine, "2", (120, 40)) as (pilot, setup):
        await pilot.press("escape", "t")
        await until(pilot, lambda: isinstance(pilot.app.screen, AllowScreen))
        await pilot.press("y")
        await until_shown(pilot, "accepts it")
        setup.edit(("description",), "edited")
        await pilot.press("escape", "5", "s")
        screen = await until_shown(pilot, "tui-connector request shop GET modules: failed")
        assert "once the variables" not in screen
        assert "Not tested" not in screen


async def test_a_keyring_that_cannot_be_used_is_reported_before_anything_is_typed(
    machine: Machine, sandbox: Sandbox
) -> None:
    machine = replace(machine, keyring=NoKeyring)
    app = ConnectorApp(machine, no_demo, start_at="setup")
    async with app.run_test(size=(100, 40)) as pilot:
        await until_shown(pilot, "Store address")
        await pilot.press(*sandbox.url, "enter")
        await until_shown(pilot, "Magento 2.4")
        await pilot.press("enter")
        await until_shown(pilot, "! The keyring does not work; program.log has its error.")


async def test_what_was_entered_is_used_until_the_program_exits_however_its_test_ended(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    """Also without saving: on the page, which shows its last test. Each paste goes on to the next field."""
    with_variables(machine, memory_keyring, sandbox)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "shop")
        await pilot.press("enter")
        await until_shown(pilot, "HTTP clients")
        await pilot.press("t")
        await until_shown(pilot, "The environment variable")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        await to_authentication(pilot)
        await pilot.press("e")
        app.post_message(events.Paste("\n".join(f"{digit}canary0" * 4 for digit in range(4))))
        await until(pilot, lambda: shown(app).count("session ••••ary0 32 of 32") == 4)
        await pilot.press("f5")
        await until_shown(pilot, "401")
        await pilot.press("f10")
        await until_shown(pilot, "✘ integration")
        await pilot.press("t")
        await until_shown(pilot, "✘ magento")
        await to_authentication(pilot)
        await until(pilot, lambda: shown(app).count("session ••••ary0 32") == 4)
        assert "32 of 32" not in shown(app)  # they were refused
        await pilot.press("e")
        for field, value in full(sandbox).items():
            entry = app.screen.query_one(f"#row-{field} Input")
            await until(pilot, lambda entry=entry: app.focused is entry)
            app.post_message(events.Paste(value))
            row = app.screen.query_one(f"#row-{field}")
            mark = f"session ••••{value[-4:]} 32 of 32"
            await until(pilot, lambda row=row, mark=mark: said_by(row, ".mark") == mark)
        await pilot.press("enter")
        await until_shown(pilot, "accepts it")
        await pilot.press("escape", "q")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        await until_shown(pilot, "✔ integration")
        assert "✘" not in shown(app)
        await pilot.press("t")
        await until_shown(pilot, "✔ ")
        await pilot.press("ctrl+q")
        await until_shown(pilot, "4 secrets of shop")


@pytest.mark.parametrize("answer", ["y", "enter"])
async def test_a_word_that_is_no_usual_name_is_used_only_after_a_yes(
    answer: str, machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    with_variables(machine, memory_keyring, sandbox)
    async with at_step(machine, "2") as (pilot, setup):
        await pilot.press("e", "ctrl+u", *"AcmeShopKey", "tab")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert "AcmeShopKey" not in shown(pilot.app)
        await pilot.press(answer)
        name = "AcmeShopKey" if answer == "y" else VARIABLES["consumer-key"]
        await until(pilot, lambda: setup.at("authentications", "integration", "consumer-key") == {"env": name})
