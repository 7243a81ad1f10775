"""Environments of a saved profile that get another name, with their secrets and runs, or a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tui_connector.errors import UserError
from tui_connector.guide.profiles.environment_changes import (
    copied_environment,
    copy_entries,
    environment_removal,
    environment_renaming,
    named_after,
    values_with_name,
)
from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger, ledger_file
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.vault import Vault

PROFILE = """format = 1
name = "Shop"
[authentications.a]
kind = "bearer"
token = { keyring = "shop/a/access-token" }
[clients.shop]
authentications = ["a"]
[environments.test]  # of the team
clients.shop.timeout = "5s"
[environments."uat".clients.shop]
timeout = "6s"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "shop.toml"
    file.write_text(PROFILE)
    return file


def test_an_environment_is_renamed_wherever_it_is_written_and_deleted_with_its_table(
    tmp_path: Path, path: Path
) -> None:
    for name in ("test", "uat"):
        edit = environment_renaming(tmp_path, path, name, "live", {})
        changed = PROFILE.replace(f"environments.{name}]", "environments.live]").replace(f'."{name}".', ".live.")
        assert edit.setup.document.text() == changed
    for name, why in (("uat", "already"), ("default", "already"), ("a b", "not a valid name")):
        with pytest.raises(UserError, match=why):
            environment_renaming(tmp_path, path, "test", name, {})
    edit = environment_removal(path, "test")
    assert [*edit.setup.document.draft["environments"]] == ["uat"]
    path.write_text(edit.setup.document.text())
    assert "environments" not in environment_removal(path, "uat").setup.document.draft


def test_the_states_of_a_renamed_environment_move_and_come_back(tmp_path: Path, path: Path) -> None:
    states = environment_renaming(tmp_path, path, "test", "live", {}).states
    assert states is not None
    old, new = (ledger_file(tmp_path, path, "items", environment=each) for each in ("test", "live"))
    old.parent.mkdir(parents=True)
    with Ledger(old), pytest.raises(UserError, match="already being read"), states.moved():
        pass
    with states.moved():
        pass
    assert new.exists()
    assert not old.exists()
    with pytest.raises(ZeroDivisionError), states.reversed.moved():
        raise ZeroDivisionError
    assert new.exists()
    with states.reversed.moved():
        pass
    assert old.exists()
    new.parent.mkdir()
    with pytest.raises(UserError, match="earlier environment was called live"), states.moved():
        pass


async def test_a_renamed_environment_has_its_keyring_entries(machine: Machine, path: Path, memory_keyring: Any) -> None:
    vault = Vault(machine, Mask())
    await vault.store("shop/a/access-token@test", "CANARY-of-test", "https://test.example")
    draft = environment_renaming(machine.directories.state, path, "test", "live", {}).setup.draft
    copied = await copy_entries(vault, draft, "test", "live", {})
    assert copied == {"shop/a/access-token@test": "shop/a/access-token@live"}
    assert "CANARY-of-test" in memory_keyring.entries["tui-connector/shop/a/access-token@live", "tui-connector"]


def test_a_copy_shares_no_secret() -> None:
    own = {
        "a": {"token": {"keyring": "shop/a/access-token@test"}},
        "b": {"token": {"env": "SHOP_TOKEN_TEST"}},
        "c": {"token": {"env": "OTHER"}},
    }
    draft: dict[str, Any] = {"environments": {"test": {"authentications": own, "production": False}}}
    assert copied_environment(draft, "test", "uat-2") == {
        "production": False,
        "authentications": {
            "a": {"token": {"keyring": "shop/a/access-token@uat-2"}},
            "b": {"token": {"env": "SHOP_TOKEN_UAT_2"}},
            "c": {"token": {"env": "OTHER"}},
        },
    }
    assert own["a"] == {"token": {"keyring": "shop/a/access-token@test"}}


@pytest.mark.parametrize(
    ("file", "copied"),
    [
        ("test/a.jsonl", "uat/a.jsonl"),
        ("a-test.csv", "a-uat.csv"),
        ("tests.jsonl", "shop/uat/a.jsonl"),
        ("", "shop/uat/a.jsonl"),
    ],
)
def test_a_copy_shares_no_file(file: str, copied: str) -> None:
    values: dict[str, Any] = {"incoming": {"a": {"sink": {"path": file}}}} if file else {}
    draft: dict[str, Any] = {"incoming": {"a": {"sink": {"path": "shop/a.jsonl"}}}, "environments": {"test": values}}
    assert copied_environment(draft, "test", "uat") == {"incoming": {"a": {"sink": {"path": copied}}}}


def test_what_is_named_after_an_environment_is_found() -> None:
    values = {
        "authentications": {"a": {"token": {"env": "SHOP_TOKEN_STAGIN"}}},
        "incoming": {
            "items": {"sink": {"path": "shop/stagin/items.jsonl"}},
            "all": {"sink": {"path": "staging.jsonl"}},
        },
        "production": False,
    }
    found = values_with_name({"environments": {"staging": values}}, "staging", "stagin")
    assert found == ["authentications.a.token.env", "incoming.items.sink.path"]


def test_files_entries_and_variables_are_renamed_with_their_environment_and_addresses_are_not() -> None:
    values = {
        "authentications": {
            "a": {"token": {"env": "SHOP_TOKEN_UAT_1"}},
            "b": {"token": {"keyring": "shop/b/token@uat-1"}, "title": "uat-1"},
            "c": {"token": {"keyring": "quat-1/c"}},
        },
        "clients": {"shop": {"plugins": {"base-uri": {"uri": "https://uat-1.example/rest"}}}},
        "incoming": {"items": {"sink": {"path": "shop/uat-1/items-UAT-1.jsonl"}}},
        "outgoing": {"stock": {"source": {"path": "uat-1.csv"}, "request": {"uri": "uat-1/stock"}}},
    }
    assert named_after({"environments": {"live-2": values}}, "live-2", "uat-1", "live-2") == {
        ("authentications", "a", "token", "env"): "SHOP_TOKEN_LIVE_2",
        ("authentications", "b", "token", "keyring"): "shop/b/token@live-2",
        ("incoming", "items", "sink", "path"): "shop/live-2/items-live-2.jsonl",
        ("outgoing", "stock", "source", "path"): "live-2.csv",
    }
