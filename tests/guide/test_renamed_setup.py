"""A setup that gets another name before it is saved: what was derived from the name follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from memory_keyring import NoKeyring

from tui_connector.guide.profiles.save import save
from tui_connector.guide.resume import draft_of, setup_of
from tui_connector.guide.secret_sources import SecretPlace
from tui_connector.guide.steps.methods import GuideStep
from tui_connector.guide.workbench import profile_of
from tui_connector.machine import Machine
from tui_connector.tui.setup.context import GuideContext, open_context

VALUES = {
    "consumer-key": "CANARYkey",
    "consumer-secret": "CANARYsecret",
    "access-token": "CANARYtoken",
    "access-token-secret": "CANARYlast",
}
STORE = "http://127.0.0.1:8424"


def begun(machine: Machine, place: SecretPlace = SecretPlace.KEYRING) -> GuideContext:
    """A setup named after its host, tested, with an incoming and an outgoing."""
    work = open_context(machine, None)
    setup = work.setup
    work.rename("127-0-0-1-2")
    setup.suggest_title("127.0.0.1 (2)")
    setup.edit(("clients", "magento", "plugins", 0, "uri"), f"{STORE}/rest/all/V1")
    setup.write_authentication()
    for name, value in VALUES.items():
        work.hold(("authentications", setup.authentication, name), value)
    setup.move_secrets(place, ["pass", "show", "{name}"] if place is SecretPlace.COMMAND else ())
    setup.add_incoming("products")
    setup.add_outgoing("products")
    setup.authenticated = True
    work.mark_tested("authentications", setup.authentication)
    return work


@pytest.mark.parametrize(
    ("place", "source"),
    [
        (SecretPlace.KEYRING, {"keyring": "piper/integration/consumer-key"}),
        (SecretPlace.ENVIRONMENT, {"env": "TUI_CONNECTOR_PIPER_INTEGRATION_CONSUMER_KEY"}),
        (SecretPlace.COMMAND, {"command": ["pass", "show", "piper/integration/consumer-key"]}),
        (SecretPlace.ASK, {"ask": True}),
    ],
)
def test_everything_named_after_the_profile_follows(machine: Machine, place: SecretPlace, source: object) -> None:
    work = begun(machine, place)
    setup = work.setup
    work.rename("piper")
    assert setup.at("authentications", "integration", "consumer-key") == source
    assert setup.title == "piper"
    assert Path(str(setup.at("incoming", "products", "sink", "path"))).parent.name == "piper"
    assert Path(str(setup.at("outgoing", "products-out", "source", "path"))).parent.parent.name == "piper"
    assert setup.authenticated
    assert work.is_tested("authentications", "integration")
    vault = work.workbench.vault
    assert vault.held_secret("piper/integration/consumer-key", STORE) == "CANARYkey"
    assert not vault.held("127-0-0-1-2/integration/consumer-key")
    profile_of(work.data_with_typed())


def test_what_the_user_has_chosen_stays(machine: Machine) -> None:
    work = begun(machine)
    setup = work.setup
    setup.edit(("name",), "Acme, production")
    setup.edit(("incoming", "products", "sink", "path"), "/srv/export/products.jsonl")
    setup.edit(("authentications", "integration", "consumer-key"), {"keyring": "shared/key"})
    setup.edit(("authentications", "integration", "access-token"), {"env": "MY_TOKEN"})
    work.rename("piper")
    assert setup.title == "Acme, production"
    assert setup.at("incoming", "products", "sink", "path") == "/srv/export/products.jsonl"
    assert setup.at("authentications", "integration", "consumer-key") == {"keyring": "shared/key"}
    assert setup.at("authentications", "integration", "access-token") == {"env": "MY_TOKEN"}
    assert setup.at("authentications", "integration", "consumer-secret") == {
        "keyring": "piper/integration/consumer-secret"
    }


async def test_the_saved_profile_uses_what_was_typed_before_the_new_name(machine: Machine) -> None:
    machine = replace(machine, keyring=NoKeyring)
    work = begun(machine, SecretPlace.ENVIRONMENT)
    work.rename("piper")
    path = machine.directories.profiles / "piper.toml"
    await save(work.setup, path, work.workbench.vault)
    assert "127" not in path.read_text().replace(STORE, "")
    key = "env:TUI_CONNECTOR_PIPER_INTEGRATION_CONSUMER_KEY"
    assert machine.typed.find(path, key, STORE) == "CANARYkey"


def test_a_resumed_draft_follows_too(machine: Machine) -> None:
    work = begun(machine)
    resumed, _ = setup_of(draft_of(work.setup, "0" * 16, GuideStep.AUTHENTICATION, 0.0))
    resumed.data = work.setup.data
    resumed.rename("piper")
    assert resumed.title == "piper"
    assert "127" not in str(resumed.draft).replace(STORE, "")
