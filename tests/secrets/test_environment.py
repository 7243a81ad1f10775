"""Secrets in the environment, which holds whatever bytes it was given."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from granted import read

from tui_connector.machine import Machine
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.secret_error import SecretMissing
from tui_connector.secrets.source import SecretSource
from tui_connector.secrets.vault import Vault


@pytest.mark.parametrize("secret", [b"caf\xe9-CANARY", b"CANARY\n", b"CANARY\x7f"])
@pytest.mark.parametrize("source", [{"env": "TOKEN"}, {"keyring": "shop/token"}])
async def test_a_secret_that_cannot_be_sent_is_named_and_not_told(
    machine: Machine, secret: bytes, source: dict[str, str]
) -> None:
    environ = dict.fromkeys(("TOKEN", "TUI_CONNECTOR_SHOP_TOKEN"), os.fsdecode(secret))
    vault = Vault(replace(machine, environ=environ), Mask())
    with pytest.raises(SecretMissing, match="a control character, or a character that is not UTF-8") as refused:
        await read(vault, SecretSource.model_validate(source), "https://shop.example")
    assert "CANARY" not in str(refused.value)
    vault.close()
