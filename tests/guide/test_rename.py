"""A profile gets another name: its secrets, states, history and trust come with it, or nothing changes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tui_connector.errors import UserError
from tui_connector.guide.profiles.rename import Renamed, rename_profile
from tui_connector.guide.text_drafts import TextDrafts
from tui_connector.log.history import History
from tui_connector.machine import Machine
from tui_connector.profile.trust_records import TrustRecords
from tui_connector.runs.ledger import ledger_file
from tui_connector.secrets.capability import Capability
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.vault import Vault

PROFILE = """# our customer's shop
format = 1
name = "Acme"
[authentications.integration]
kind = "bearer"
token = { keyring = "acme/integration/token" }  # from the admin
[environments.staging]
authentications.integration.token = { keyring = "acme/integration/token" }
"""


class Kept:
    """A profile with all that belongs to it."""

    def __init__(self, machine: Machine, keyring: Any) -> None:
        self.machine, self.keyring = machine, keyring
        self.path = machine.directories.profiles / "acme.toml"
        self.path.parent.mkdir(parents=True)
        self.path.write_text(PROFILE)
        self.entry = json.dumps({"v": 1, "origins": ["https://acme.example"], "secret": "CANARY-token"})
        keyring.set_password("tui-connector/acme/integration/token", "tui-connector", self.entry)
        for directory in self.directories(self.path):
            directory.mkdir(parents=True)
            (directory / "there").write_text("x")
        to = Capability.of("secret", "sends", secret="keyring:acme/integration/token", to="https://acme.example")
        TrustRecords(machine.directories.state).grant(self.path, [to], machine.now())

    def directories(self, path: Path) -> list[Path]:
        state = self.machine.directories.state
        return [
            ledger_file(state, path, "any").parent,
            ledger_file(state, path, "any", environment="staging").parent,
            History(state, path).directory,
        ]

    def secret(self, name: str) -> str | None:
        found: str | None = self.keyring.get_password(f"tui-connector/{name}/integration/token", "tui-connector")
        return found

    def assert_is(self, name: str, other: str) -> None:
        """All of it has this name, and nothing has the other one."""
        path, gone = self.path.with_name(f"{name}.toml"), self.path.with_name(f"{other}.toml")
        text = path.read_text()
        assert not gone.exists()
        assert tomllib.loads(text)["authentications"]["integration"]["token"] == {
            "keyring": f"{name}/integration/token"
        }
        assert text.count("#") == 2
        assert (self.secret(name), self.secret(other)) == (self.entry, None)
        assert all((each / "there").exists() for each in self.directories(path))
        assert not any(each.exists() for each in self.directories(gone))
        records = TrustRecords(self.machine.directories.state)
        record = records.find(path)
        assert record is not None
        assert [each.facts["secret"] for each in record.capabilities] == [f"keyring:{name}/integration/token"]
        assert records.find(gone) is None


@pytest.fixture
def kept(machine: Machine, memory_keyring: Any) -> Kept:
    return Kept(machine, memory_keyring)


async def rename(kept: Kept, name: str) -> Renamed:
    vault = Vault(kept.machine, Mask())
    try:
        renamed = await rename_profile(kept.machine, vault, kept.path, name)
    finally:
        vault.close()
    assert not renamed.notes
    return renamed


async def test_everything_gets_the_new_name(kept: Kept) -> None:
    assert await rename(kept, "shop") == Renamed(kept.path.with_name("shop.toml"))
    kept.assert_is("shop", "acme")


@pytest.mark.parametrize(
    ("title", "renamed"),
    [("Acme (acme)", "Acme (shop)"), ("acme", "shop"), ("Acme outside", "Acme outside"), ("Acme (old)", "Acme (old)")],
)
async def test_a_title_that_was_made_from_the_name_follows_it(kept: Kept, title: str, renamed: str) -> None:
    kept.path.write_text(PROFILE.replace('"Acme"', f'"{title}"'))
    path = (await rename(kept, "shop")).path
    assert tomllib.loads(path.read_text())["name"] == renamed


async def test_variables_and_files_that_keep_the_old_name_are_told(kept: Kept) -> None:
    kept.path.write_text(
        """format = 1
[authentications.integration]
kind = "oauth1"
consumer-key = { env = "TUI_CONNECTOR_ACME_INTEGRATION_CONSUMER_KEY" }
consumer-secret = { env = "SHARED" }
[incoming.products]
sink = { kind = "jsonl", path = "/data/acme/products.jsonl" }
[incoming.acmeists]
sink = { kind = "jsonl", path = "/data/acmeists/all.jsonl" }
[environments.staging]
authentications.integration.access-token = { env = "TUI_CONNECTOR_ACME_INTEGRATION_ACCESS_TOKEN" }
outgoing.stock.source = { kind = "csv", path = "in/acme-stock.csv" }
"""
    )
    renamed = await rename(kept, "shop")
    assert renamed.variables == tuple(
        f"TUI_CONNECTOR_ACME_INTEGRATION_{each}" for each in ("CONSUMER_KEY", "ACCESS_TOKEN")
    )
    assert renamed.files == ("/data/acme/products.jsonl", "in/acme-stock.csv")


async def test_a_profile_with_unsaved_text_is_not_renamed(kept: Kept) -> None:
    TextDrafts(kept.machine.directories.state, kept.path).keep(1, f"{PROFILE}# mine\n", "", "", 1.0)
    with pytest.raises(UserError, match="unsaved changes in the editor"):
        await rename(kept, "shop")
    kept.assert_is("acme", "shop")


async def test_nothing_changes_where_a_step_fails(kept: Kept) -> None:
    history = kept.directories(kept.path.with_name("shop.toml"))[2]
    history.write_text("not a folder")
    with pytest.raises(OSError, match="Not a directory"):
        await rename(kept, "shop")
    history.unlink()
    kept.assert_is("acme", "shop")


async def test_what_cannot_be_undone_is_named(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    history = kept.directories(kept.path.with_name("shop.toml"))[2]
    history.write_text("not a folder")

    def locked(service: str, username: str) -> None:
        raise RuntimeError("locked")

    monkeypatch.setattr(kept.keyring, "delete_password", locked)
    with pytest.raises(UserError, match=r"Not a directory.* the keyring entry shop/integration/token") as caught:
        await rename(kept, "shop")
    assert caught.value.code == "rename-incomplete"
    assert kept.path.read_text() == PROFILE
    assert not kept.path.with_name("shop.toml").exists()


async def test_what_was_typed_in_this_session_moves_with_the_name(kept: Kept) -> None:
    typed, origin = kept.machine.typed, "https://acme.example"
    typed.keep(kept.path, "env:ACME_TOKEN", origin, "CANARY-1")
    typed.keep(kept.path, "keyring:acme/integration/token", origin, "CANARY-2")
    other = kept.path.with_name("other.toml")
    typed.keep(other, "env:ACME_TOKEN", origin, "CANARY-3")
    path = (await rename(kept, "shop")).path
    assert typed.find(path, "env:ACME_TOKEN", origin) == "CANARY-1"
    assert typed.find(path, "keyring:shop/integration/token", origin) == "CANARY-2"
    assert typed.find(other, "env:ACME_TOKEN", origin) == "CANARY-3"
    assert not typed.has(kept.path, "env:ACME_TOKEN")


async def test_the_name_of_another_profile_is_refused(kept: Kept) -> None:
    kept.path.with_name("shop.toml").write_text("format = 1\n")
    with pytest.raises(UserError, match="shop exists"):
        await rename(kept, "shop")
    assert kept.path.with_name("shop.toml").read_text() == "format = 1\n"
    assert kept.secret("shop") is None


async def test_a_secret_that_another_profile_uses_keeps_its_name(kept: Kept) -> None:
    kept.path.with_name("copy.toml").write_text(PROFILE)
    path = (await rename(kept, "shop")).path
    assert '"acme/integration/token"' in path.read_text()
    assert (kept.secret("acme"), kept.secret("shop")) == (kept.entry, None)
