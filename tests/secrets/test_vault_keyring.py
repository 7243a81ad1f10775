"""Secrets in a real keyring: stored, read back by a new vault, sent only where that is granted."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from grants import granted, read
from keyring_service import KeyringService
from user_errors import user_error

from tui_connector.machine import Machine
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.source import SecretSource
from tui_connector.secrets.vault import Vault

SHOP = "https://shop.example"
TOKEN = "CANARY-token-of-the-shop"
NAME = "shop/integration/access-token"


@pytest.fixture
def real(machine: Machine, keyring_service: KeyringService) -> Machine:
    return replace(machine, keyring=None, environ=dict(os.environ))


async def test_a_stored_secret_is_read_by_another_run_and_sent_only_to_granted_origins(real: Machine) -> None:
    first = Vault(real, Mask())
    await first.store(NAME, TOKEN, SHOP)
    first.close()
    second = Vault(real, Mask())
    source, elsewhere = SecretSource(keyring=NAME), "https://elsewhere.example"
    assert await read(second, source, SHOP) == TOKEN
    with user_error("secret-untrusted") as refused:
        await read(second, source, elsewhere, granted(source, SHOP))
    assert TOKEN not in str(refused.value)
    assert await read(second, source, elsewhere, granted(source, SHOP, elsewhere)) == TOKEN
    second.close()


async def test_a_deleted_secret_is_missing(real: Machine) -> None:
    vault = Vault(real, Mask())
    await vault.store(NAME, TOKEN, SHOP)
    await vault.delete(NAME)
    with user_error("secret-missing", match="no entry"):
        await read(vault, SecretSource(keyring=NAME), SHOP)
    vault.close()


async def test_a_locked_keyring_is_named_as_the_reason(real: Machine, keyring_service: KeyringService) -> None:
    vault = Vault(real, Mask())
    await vault.store(NAME, TOKEN, SHOP)
    keyring_service.lock()
    other = Vault(real, Mask())
    with user_error("keyring-unusable", match=r"is locked.*Unlock it"):
        await read(other, SecretSource(keyring=NAME), SHOP)
    vault.close()
    other.close()


async def test_a_keyring_that_was_killed_is_an_error_with_a_hint(
    real: Machine, keyring_service: KeyringService
) -> None:
    keyring_service.kill()
    vault = Vault(real, Mask())
    state = await vault.state()
    assert not state.usable
    assert state.reason
    vault.close()
