"""Secrets in the environment, which holds whatever bytes it was given."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import Any

import pytest
from grants import read
from memory_keyring import MemoryKeyring
from profiles import profile
from user_errors import user_error

from tui_connector.machine import Machine, NoPrompt
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.source import SecretSource
from tui_connector.secrets.vault import Vault

ORIGIN = "https://shop.example"


class Typing(NoPrompt):
    """A user who types this, and says yes."""

    def __init__(self, response: str) -> None:
        self._answer = response

    async def secret(self, label: str) -> str | None:
        return self._answer

    async def allow(self, question: str) -> bool:
        return True


@pytest.mark.parametrize("secret", [b"caf\xe9-CANARY", b"CAN\nCANARY", b"CANARY\x7f"])
@pytest.mark.parametrize("source", [{"env": "TOKEN"}, {"keyring": "shop/token"}])
async def test_a_secret_that_cannot_be_sent_is_named_but_not_shown(
    machine: Machine, secret: bytes, source: dict[str, str]
) -> None:
    environ = dict.fromkeys(("TOKEN", "TUI_CONNECTOR_SHOP_TOKEN"), os.fsdecode(secret))
    vault = Vault(replace(machine, environ=environ), Mask())
    with user_error("secret-missing", match="a control character or a character that is not UTF-8") as refused:
        await read(vault, SecretSource.model_validate(source), "https://shop.example")
    assert "CANARY" not in str(refused.value)
    vault.close()


@pytest.mark.parametrize(
    "copied", ["\ufeff{}", "{}\u200b\n", '"{}"', "Bearer {}", "export TOKEN={}", "ACCESS_TOKEN: {}"]
)
@pytest.mark.parametrize("way", ["env", "keyring", "override", "ask", "command"])
async def test_a_token_is_cleaned_the_same_way_wherever_it_comes_from(
    machine: Machine, memory_keyring: MemoryKeyring, copied: str, way: str
) -> None:
    token, given = "canary" * 5 + "00", copied.format("canary" * 5 + "00")
    sources: dict[str, Any] = {
        "env": {"env": "TOKEN"},
        "ask": {"ask": True},
        "command": {
            "command": [sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.argv[1].encode())", given]
        },
    }
    saved = profile(ORIGIN, {"kind": "bearer", "token": sources.get(way, {"keyring": "shop/token"})})
    environ = {"env": {"TOKEN": given}, "override": {"TUI_CONNECTOR_SHOP_TOKEN": given}}.get(way, {})
    memory_keyring.set_password(
        "tui-connector/shop/token", "tui-connector", json.dumps({"v": 1, "origins": [ORIGIN], "secret": given})
    )
    vault = Vault(replace(machine, environ={**machine.environ, **environ}, prompt=Typing(given)), Mask())
    (secret,) = saved.secrets()
    assert await read(vault, secret.source, ORIGIN) == token
    vault.close()


@pytest.mark.parametrize("way", ["env", "ask"])
async def test_a_secret_of_nothing_but_what_came_along_is_none(machine: Machine, way: str) -> None:
    source: dict[str, Any] = {"env": "TOKEN"} if way == "env" else {"ask": True}
    saved = profile(ORIGIN, {"kind": "bearer", "token": source})
    vault = Vault(replace(machine, environ={"TOKEN": "\u200b\n"}, prompt=Typing(" \ufeff")), Mask())
    (secret,) = saved.secrets()
    with user_error("secret-missing", match="is empty"):
        await read(vault, secret.source, ORIGIN)
    vault.close()
