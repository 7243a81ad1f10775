"""A new profile does not take over what an earlier one of its name has left: its runs, its log, its trust."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from imported_profiles import planned

from tui_connector.guide.profiles.duplicate import duplicate
from tui_connector.guide.profiles.importing import carry_out
from tui_connector.guide.profiles.leftovers import state_folders
from tui_connector.guide.profiles.rename import rename_profile
from tui_connector.guide.profiles.save import save
from tui_connector.guide.steps.setup import Setup
from tui_connector.machine import Machine
from tui_connector.profile.library import Library
from tui_connector.profile.trust_records import TrustRecords
from tui_connector.secrets.capability import Capability
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.vault import Vault

NAME = "imported"
Way = Callable[[Machine, Path], Awaitable[object]]


def acme(machine: Machine) -> Path:
    path = machine.directories.profiles / "acme.toml"
    path.write_text('format = 1\nname = "Acme"\n')
    return path


async def saved(machine: Machine, path: Path) -> object:
    return (await save(Setup(NAME), path, Vault(machine, Mask()), state=machine.directories.state)).notes


async def imported(machine: Machine, path: Path) -> object:
    plan = planned("curl https://acme.example/rest/V1/products", machine, path.parent)
    return (await carry_out(plan, Vault(machine, Mask()), state=machine.directories.state)).notes


async def duplicated(machine: Machine, path: Path) -> object:
    return duplicate(acme(machine), NAME, Library(path.parent), state=machine.directories.state).notes


async def renamed(machine: Machine, path: Path) -> object:
    return (await rename_profile(machine, Vault(machine, Mask()), acme(machine), NAME)).notes


@pytest.mark.parametrize("way", [saved, imported, duplicated, renamed])
async def test_what_an_earlier_profile_left_is_kept_aside_and_named(machine: Machine, way: Way) -> None:
    state, path = machine.directories.state, machine.directories.profiles / f"{NAME}.toml"
    path.parent.mkdir(parents=True)
    folders = [*state_folders(state, path, [""])]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "products.sqlite").write_text("earlier")
    sends = Capability.of("secret", "sends", secret="keyring:acme/token", to="https://acme.example")
    TrustRecords(state).grant(path, [sends], machine.now())
    notes = str(await way(machine, path))
    assert path.exists()
    assert not any((folder / "products.sqlite").exists() for folder in folders)
    assert f"An earlier profile was named {NAME}" in notes
    for folder in folders:
        kept = folder.with_name(f"{folder.name}.1")
        assert (kept / "products.sqlite").read_text() == "earlier"
        assert str(kept) in notes
    assert TrustRecords(state).find(path) is None


async def test_secrets_of_a_deleted_profile_are_kept_where_a_new_one_gets_its_names(machine: Machine) -> None:
    path, store = machine.directories.profiles / f"{NAME}.toml", "https://acme.example"
    path.parent.mkdir(parents=True)
    vault, entry = Vault(machine, Mask()), f"{NAME}/integration/token"
    await vault.store(entry, "the-earlier-CANARY-token", store)

    def new() -> Setup:
        setup = Setup(NAME)
        setup.document.set(("authentications", "integration"), {"kind": "bearer", "token": {"keyring": entry}})
        return setup

    vault.hold(entry, "a-new-CANARY-token", store)
    notes = (await save(new(), path, vault)).notes
    assert f"The keyring has another secret as {entry}" in str(notes)
    assert f'{{ keyring = "{entry}-2" }}' in path.read_text()
    for name, token in ((entry, "the-earlier-CANARY-token"), (f"{entry}-2", "a-new-CANARY-token")):
        vault.hold(name, token, store)
        assert await vault.origins_of(name) == (store,)
        assert not await vault.would_replace(name)  # it is there

    path.unlink()
    vault.hold(entry, "the-earlier-CANARY-token", store)  # the same secret again
    assert (await save(new(), path, vault)).notes == ()
    assert f'{{ keyring = "{entry}" }}' in path.read_text()
