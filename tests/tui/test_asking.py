"""Questions that come up over the screen while something is tested."""

from __future__ import annotations

import json
from typing import Any

import pytest
from guided import at_step, profile
from profiles import PASSWORD, admin, login
from screens import shown, until, until_shown

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions

ENDPOINT = "/rest/V1/tfa/provider/google/authenticate"
TWO_FACTOR = {"twofactorauth/general/enable": "1"}


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_who_types_no_one_time_code_is_asked_again_at_the_next_test(
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
            await until_shown(pilot, "One-time code (otp) for admin")
            await pilot.press(key)
            said = await until_shown(pilot, "✘ No code was typed; nothing was sent")
            assert "→ Test again" in said
            assert "nobody is there" not in said
            await pilot.press("escape", "t")
            await until_shown(pilot, "One-time code (otp) for admin")
            await pilot.press("escape")
            await until(pilot, lambda: "✘ No code was typed" in shown(pilot.app))
        assert not [each for each in sandbox.journal() if "/tfa/" in str(each["path"])]
