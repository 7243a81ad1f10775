"""Keyrings that are missing, wrong, silent or tampered with: a reason, what to do, and the program stays alive."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import replace

import pytest
from grants import granted, read
from keyring_service import KeyringService
from memory_keyring import MemoryKeyring
from user_errors import user_error

from tui_connector.machine import Machine
from tui_connector.secrets import vault as vault_module
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.source import SecretSource
from tui_connector.secrets.vault import Vault

SHOP = "https://shop.example"
NAME = "shop/integration/access-token"
TOKEN = "CANARY-token-of-the-shop"


@pytest.mark.bad_input(54)
@pytest.mark.parametrize(
    "backend",
    [
        "keyring.backends.null.Keyring",
        "keyring.backends.fail.Keyring",
        "keyrings.alt.file.PlaintextKeyring",
        "keyring.backends.chainer.ChainerBackend",
        "",
        "nonsense",
        "os.path.Keyring",
    ],
)
async def test_a_backend_that_would_lose_or_show_secrets_is_never_used(backend: str, machine: Machine) -> None:
    vault = Vault(replace(machine, keyring=None, environ={"PYTHON_KEYRING_BACKEND": backend}), Mask())
    with user_error("keyring-unusable") as refused:
        await vault.store(NAME, TOKEN, SHOP)
    assert "env = " in refused.value.hint
    assert "set TUI_CONNECTOR_SHOP_INTEGRATION_ACCESS_TOKEN to the value" in refused.value.hint
    assert TOKEN not in str(refused.value)
    state = await vault.state()
    assert not state.usable
    assert state.reason
    vault.close()


@pytest.mark.bad_input(54, 59)
@pytest.mark.parametrize("address", ["", "unix:path=/nonexistent/bus", "unix:path=/run/user/99999/bus", "nonsense"])
async def test_no_bus_is_a_reason_not_a_traceback(
    address: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    vault = Vault(replace(machine, keyring=None, environ=dict(os.environ)), Mask())
    with user_error("keyring-unusable", match="No keyring is running") as refused:
        await read(vault, SecretSource(keyring=NAME), SHOP)
    assert "set TUI_CONNECTOR_SHOP_INTEGRATION_ACCESS_TOKEN to the value" in refused.value.hint
    assert "SecretService" not in str(refused.value), "the user's words, not those of a library"
    vault.close()


class Losing(MemoryKeyring):
    """Takes everything and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


@pytest.mark.bad_input(54)
async def test_a_keyring_that_keeps_nothing_is_found_out_at_once(machine: Machine) -> None:
    vault = Vault(replace(machine, keyring=Losing), Mask())
    with user_error("keyring-unusable", match="did not return it"):
        await vault.store(NAME, TOKEN, SHOP)
    vault.close()


class Silent(MemoryKeyring):
    """Waits for a window that nobody sees."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.answered.wait(60)
        return super().get_password(service, username)


@pytest.mark.bad_input(55)
async def test_a_hanging_keyring_blocks_nothing_else(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "READ_DEADLINE", 0.2)
    silent = Silent()
    vault = Vault(replace(machine, keyring=lambda: silent), Mask())
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    with user_error("keyring-unusable", match="not responded") as refused:
        await read(vault, SecretSource(keyring=NAME), SHOP)
    assert "window" in refused.value.hint
    assert "set TUI_CONNECTOR_SHOP_INTEGRATION_ACCESS_TOKEN to the value" in refused.value.hint
    assert turns > 10
    with user_error("keyring-unusable", match="earlier call"):
        await read(vault, SecretSource(keyring=NAME), SHOP)
    counting.cancel()
    silent.answered.set()
    vault.close()


class Stuck(MemoryKeyring):
    """It never responds."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.ended.wait(60)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.ended.wait(60)


async def test_a_keyring_that_hangs_while_it_is_written_is_said_at_once_and_later_what_helps(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value for this run would help neither to store an entry nor to delete it."""
    monkeypatch.setattr(vault_module, "NOTICE_AFTER", 0.01)
    stuck, waits = Stuck(), asyncio.Event()
    vault = Vault(replace(machine, keyring=lambda: stuck), Mask(), on_wait=waits.set)
    storing = asyncio.ensure_future(vault.store(NAME, TOKEN, SHOP, replace=True))
    await asyncio.wait_for(waits.wait(), 30)
    assert not storing.done()
    storing.cancel()
    monkeypatch.setattr(vault_module, "WRITE_DEADLINE", 0.05)
    hints = []
    for work in (vault.store(NAME, TOKEN, SHOP, replace=True), vault.delete(NAME)):
        with user_error("keyring-unusable") as refused:
            await work
        hints.append(refused.value.hint)
    assert [("For this run" in each, "restart the keyring" in each) for each in hints] == [(False, True)] * 2
    assert ["{ env = … }" in each for each in hints] == [True, False]
    stuck.ended.set()
    vault.close()


@pytest.mark.bad_input(55)
async def test_a_service_that_hangs_is_a_reason(
    machine: Machine, keyring_service: KeyringService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_module, "READ_DEADLINE", 0.5)
    real = replace(machine, keyring=None, environ=dict(os.environ))
    vault = Vault(real, Mask())
    await vault.store(NAME, TOKEN, SHOP)
    other = Vault(real, Mask())
    with keyring_service.hung(), user_error("keyring-unusable", match="not responded"):
        await read(other, SecretSource(keyring=NAME), SHOP)
    vault.close()
    other.close()


@pytest.mark.bad_input(56)
@pytest.mark.parametrize("entry", [None, "", '{"v": 1, "origins": ["https://shop.example"], "secret": "a\\nb"}'])
async def test_a_changed_entry_is_not_sent_to_this_store(
    entry: str | None, machine: Machine, memory_keyring: MemoryKeyring
) -> None:
    if entry is not None:
        memory_keyring.entries[f"tui-connector/{NAME}", "tui-connector"] = entry
    vault = Vault(machine, Mask())
    with user_error("secret-missing") as refused:
        await read(vault, SecretSource(keyring=NAME), SHOP)
    assert len(str(refused.value)) < 500
    vault.close()


@pytest.mark.bad_input(57)
async def test_a_secret_too_long_for_windows_is_rejected_before_it_is_truncated(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    vault = Vault(machine, Mask())
    with user_error("keyring-unusable", match="Windows Credential Manager"):
        await vault.store(NAME, "CANARY" * 250, SHOP)
    vault.close()


@pytest.mark.bad_input(58)
async def test_two_profiles_at_one_entry_share_it_only_where_each_is_trusted_to_send_it(machine: Machine) -> None:
    vault = Vault(machine, Mask())
    await vault.store(NAME, TOKEN, SHOP)
    source = SecretSource(keyring=NAME)
    assert await read(vault, source, SHOP) == TOKEN
    with user_error("secret-untrusted", match="tui-connector trust") as refused:
        await read(vault, source, "https://other.example", granted(source, SHOP))
    assert TOKEN not in str(refused.value)
    vault.close()


@pytest.mark.parametrize("entry", ["put-there-by-hand", '{"v": 1}', '{"v": 1, "origins": 3, "secret": "x"}'])
async def test_an_entry_that_was_put_there_by_hand_is_the_whole_of_it(
    entry: str, machine: Machine, memory_keyring: MemoryKeyring
) -> None:
    memory_keyring.entries[f"tui-connector/{NAME}", "tui-connector"] = entry
    vault = Vault(machine, Mask())
    assert await read(vault, SecretSource(keyring=NAME), SHOP) == entry
    assert await vault.stored_origins(NAME) == ()
    vault.close()
