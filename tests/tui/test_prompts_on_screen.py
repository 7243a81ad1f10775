"""Prompts over the screen while something is tested."""

from __future__ import annotations

import json
from typing import Any

import pytest
from guide_steps import at_step, profile
from profiles import PASSWORD, admin, login
from screens import said_by, shown, until, until_shown

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.widgets.form_field import FormField
from tui_connector.tui.widgets.secret import Secret

ENDPOINT = "/rest/V1/tfa/provider/google/authenticate"
TWO_FACTOR = {"twofactorauth/general/enable": "1"}


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_missing_one_time_code_is_asked_for_again_at_the_next_test(
    machine: Machine, memory_keyring: Any, key: str
) -> None:
    async with Sandbox(SandboxOptions(products=5, settings=TWO_FACTOR), machine.now) as sandbox:
        asked = login()
        asked["parameters"]["otp"] = {"ask": True}
        profile(machine, memory_keyring, sandbox, authentications={"integration": {**asked, "uri": ENDPOINT}})
        password = {"v": 1, "origins": [sandbox.url], "secret": admin(sandbox)["password"]}
        memory_keyring.set_password(f"tui-connector/{PASSWORD}", "tui-connector", json.dumps(password))
        async with at_step(machine, "2") as (pilot, _):
            await pilot.press("escape", "t")
            asking = await until_shown(pilot, "One-time code (otp) for admin")
            assert "Enter: OK · Esc: cancel" in asking
            await pilot.press(key)
            said = await until_shown(pilot, "✘ No code was typed; nothing was sent")
            assert "→ Try again" in said
            assert "there is no terminal" not in said
            await pilot.press("escape", "t")
            await until_shown(pilot, "One-time code (otp) for admin")
            await pilot.press("escape")
            await until(pilot, lambda: "✘ No code was typed" in shown(pilot.app))
        assert not [each for each in sandbox.journal() if "/tfa/" in str(each["path"])]


def hold_password(keyring: Any, sandbox: Sandbox) -> None:
    password = {"v": 1, "origins": [sandbox.url], "secret": admin(sandbox)["password"]}
    keyring.set_password(f"tui-connector/{PASSWORD}", "tui-connector", json.dumps(password))


async def test_one_time_code_without_a_source_is_not_shown_as_saved(machine: Machine, memory_keyring: Any) -> None:
    options = SandboxOptions(products=5, settings={**TWO_FACTOR, "twofactorauth/general/force_providers": "google"})
    async with Sandbox(options, machine.now) as sandbox:
        profile(machine, memory_keyring, sandbox, authentications={"integration": login()})
        hold_password(memory_keyring, sandbox)
        async with at_step(machine, "2") as (pilot, _):
            await pilot.press("escape", "t")
            await until_shown(pilot, "a  Log in with a one-time code")
            await pilot.press("escape", "a")
            await until_shown(pilot, "The key the authenticator app")
            rows = [row for row in pilot.app.screen.query(FormField) if isinstance(row.editor, Secret)]
            marks = {row.spec.title: said_by(row, ".mark") for row in rows}
    assert marks == {"Password": marks["Password"], "TOTP secret": ""}
    assert marks["Password"]


async def test_login_sends_no_code_once_the_store_requires_none(machine: Machine, memory_keyring: Any) -> None:
    async with Sandbox(SandboxOptions(products=5), machine.now) as sandbox:
        asked = login()
        asked["parameters"]["otp"] = {"ask": True}
        profile(machine, memory_keyring, sandbox, authentications={"integration": {**asked, "uri": ENDPOINT}})
        hold_password(memory_keyring, sandbox)
        async with at_step(machine, "2") as (pilot, setup):
            await pilot.press("escape", "t")
            await until_shown(pilot, "One-time code (otp) for admin")
            await pilot.press(*"123456", "enter")
            await until_shown(pilot, "This store uses no one-time codes")
            await pilot.press("escape", "a")
            await until(pilot, lambda: setup.at("authentications", "integration", "parameters", "otp") is None)
            await until(pilot, lambda: not pilot.app.workers or all(each.is_finished for each in pilot.app.workers))
            await pilot.press("escape", "t")
            await until_shown(pilot, "✔ The store accepts it.")
            assert setup.at("authentications", "integration", "uri") == "/rest/V1/integration/admin/token"
