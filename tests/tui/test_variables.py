"""Secrets that come from environment variables, in the guide: a token that is entered there is no name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from guide_steps import at_step, profile
from profiles import FOUR
from screens import shown, until, until_shown
from textual import events

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.secrets.backends import override_name
from tui_connector.tui.dialogs import ConfirmScreen

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
    async with at_step(machine, "2") as (pilot, setup):
        await pilot.press("e")
        await until_shown(pilot, "Name of an environment variable")
        if how == "pasted":
            pilot.app.post_message(events.Paste(TOKEN))
        else:
            await pilot.press(*TOKEN, "tab")
        await until_shown(pilot, "session")
        assert TOKEN not in shown(pilot.app)
        await until(
            pilot,
            lambda: setup.at("authentications", "integration", "consumer-key") == {"env": VARIABLES["consumer-key"]},
        )
        await pilot.press("escape", "5", "s", "s")
        await until_shown(pilot, "Saved")
    assert path.read_text() == before
    written = [file.read_text() for file in machine.directories.state.rglob("*") if file.is_file()]
    assert not any(TOKEN[:20] in text for text in written)


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
