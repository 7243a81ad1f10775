"""A secret that is typed into a field for plain text reaches neither a draft nor a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from user_errors import user_error

from tui_connector.guide.misplaced_secrets import is_secret_as_path, plan_move
from tui_connector.guide.profiles.save import save
from tui_connector.guide.steps.methods import GuideStep
from tui_connector.machine import Machine
from tui_connector.profile.correction import apply
from tui_connector.profile.text_checker import Checker
from tui_connector.tui.setup.context import GuideContext, open_context
from tui_connector.tui.setup.draft_writer import DraftWriter

TOKEN = "aCANARYtokenaCANARYtoken0a1b2c3d"
LITERAL = {
    "a header of a plugin": (("clients", "magento", "plugins", 3), {"kind": "set-headers"}, "headers", "Authorization"),
    "a header for what lacks it": (
        ("clients", "magento", "plugins", 3),
        {"kind": "default-headers"},
        "headers",
        "X-Api-Key",
    ),
    "a parameter of each query": (
        ("clients", "magento", "plugins", 3),
        {"kind": "query-defaults"},
        "parameters",
        "access_token",
    ),
    "a parameter of a login": (("authentications", "admin"), {"kind": "request"}, "parameters", "password"),
    "a parameter of a request": (("incoming", "i", "request"), {"uri": "items"}, "parameters", "token"),
    "a header of a request": (("outgoing", "o", "request"), {"uri": "items"}, "headers", "Cookie"),
}
PLAIN = [
    ("clients", "magento", "description"),
    ("clients", "magento", "title"),
    ("incoming", "i", "description"),
    ("incoming", "i", "request", "uri"),
    ("incoming", "i", "sink", "path"),
    ("description",),
]


@pytest.fixture
def work(machine: Machine) -> GuideContext:
    found = open_context(machine, None)
    plugins = found.setup.at("clients", "magento", "plugins")
    assert isinstance(plugins, list)
    found.setup.edit(
        ("clients", "magento", "plugins"),
        [{"kind": "base-uri", "uri": "https://shop.example/rest/V1"}, *plugins[-2:]],
    )
    found.setup.edit(("incoming", "i"), {"client": "magento", "request": {"uri": "items"}})
    return found


def kept(machine: Machine, work: GuideContext) -> str:
    """The file of the draft."""
    assert DraftWriter(work).save(GuideStep.BASICS) == ""
    [file] = (machine.directories.state / "drafts").iterdir()
    return file.read_text()


@pytest.mark.parametrize("place", LITERAL)
def test_a_draft_leaves_out_a_secret_that_is_written_out(place: str, machine: Machine, work: GuideContext) -> None:
    path, table, field, name = LITERAL[place]
    before: Any = work.setup.at(*path[:-1])
    if isinstance(path[-1], int):
        work.setup.edit(path[:-1], [*before, {**table, field: {name: "CANARY-short", "Other": "stays"}}])
    else:
        work.setup.edit(path, {**table, field: {name: "CANARY-short", "Other": "stays"}})
    text = kept(machine, work)
    assert "CANARY" not in text
    assert "stays" in text
    assert work.setup.at(*path, field, name) == "CANARY-short"  # on the screen it is as it was typed


def test_a_draft_leaves_out_an_address_with_a_secret(machine: Machine, work: GuideContext) -> None:
    work.setup.edit(("incoming", "i", "request", "uri"), f"items?access_token={TOKEN}")
    assert "CANARY" not in kept(machine, work)


@pytest.mark.parametrize("path", PLAIN, ids=".".join)
async def test_a_token_typed_twice_is_neither_drafted_nor_saved(
    path: tuple[str, ...], machine: Machine, work: GuideContext, tmp_path: Path
) -> None:
    work.workbench.vault.hold("acme/integration/access-token", TOKEN, "https://shop.example")
    work.setup.edit(path, f"see {TOKEN}")
    assert "CANARY" not in kept(machine, work)
    with user_error(
        "secret-in-profile", match=f"{path[-1]}: contains the secret acme/integration/access-token"
    ) as refused:
        await save(work.setup, tmp_path / "acme.toml", work.workbench.vault)
    assert "CANARY" not in str(refused.value)
    assert not (tmp_path / "acme.toml").exists()
    work.workbench.close()


async def test_a_token_as_profile_name_is_rejected(machine: Machine, work: GuideContext) -> None:
    work.workbench.vault.hold("store/integration/access-token", TOKEN, "https://shop.example")
    work.setup.name = TOKEN
    assert "CANARY" not in kept(machine, work)
    work.workbench.close()


async def test_saving_again_does_not_write_a_secret_out(work: GuideContext, tmp_path: Path) -> None:
    work.setup.edit(("incoming", "i", "request", "headers"), {"X-Api-Key": "CANARY-short"})
    for _ in range(2):
        with user_error("secret-in-profile", match="X-Api-Key"):
            await save(work.setup, tmp_path / "acme.toml", work.workbench.vault)
    work.workbench.close()


async def test_a_short_password_may_be_a_word_of_the_profile(machine: Machine, work: GuideContext) -> None:
    work.workbench.vault.hold("acme/admin/password", "magento", "https://shop.example")
    assert '"client": "magento"' in kept(machine, work)
    work.workbench.close()


VARIABLE = "TUI_CONNECTOR_ACME_INTEGRATION_CONSUMER_KEY"
UNKNOWN = "u4xlx2atafcanaryu4xlx2atafcanary"
NO_NAMES = {
    "a token after the name": ("env", f"{VARIABLE}{UNKNOWN}"),
    "a token": ("env", UNKNOWN),
    "a token as keyring entry": ("keyring", UNKNOWN),
    "a password": ("env", "CANARY:pass&word"),
    "a token of letters in both cases": ("env", f"{VARIABLE}_aZ3CANARYbY2cX1dW9eV8fU7"),
}


@pytest.mark.parametrize("place", NO_NAMES)
async def test_a_secret_in_place_of_a_name_is_neither_drafted_nor_saved(
    place: str, machine: Machine, work: GuideContext, tmp_path: Path
) -> None:
    """The program does not know it: it was pasted into the field of the variable's name."""
    kind, name = NO_NAMES[place]
    work.setup.edit(("authentications", "integration"), {"kind": "bearer", "token": {kind: name}})
    text = kept(machine, work)
    assert "canary" not in text.lower()
    with user_error("secret-in-profile", match="looks like the secret itself") as refused:
        await save(work.setup, tmp_path / "acme.toml", work.workbench.vault)
    assert "canary" not in str(refused.value).lower()
    assert not (tmp_path / "acme.toml").exists()
    work.workbench.close()


@pytest.mark.parametrize("name", [VARIABLE, "acme_token_2", "DB2_PASSWORD_9F86D081884C7D659A2FEAA0C55AD015", "$MY-KEY"])
async def test_names_of_variables_are_kept_in_a_draft(name: str, machine: Machine, work: GuideContext) -> None:
    work.setup.edit(("authentications", "integration"), {"kind": "bearer", "token": {"env": name}})
    assert name in kept(machine, work)
    work.workbench.close()


@pytest.mark.parametrize(
    "path",
    [
        ("description",),
        ("authentications", "integration", "token", "env"),
        ("authentications", "integration", "token", "command"),
    ],
    ids=".".join,
)
async def test_a_secret_typed_before_the_profile_was_opened_is_known(
    path: tuple[str, ...], machine: Machine, work: GuideContext, tmp_path: Path
) -> None:
    """Without a keyring, what was typed is kept for the session; a screen that is opened later knows it too."""
    work.workbench.close()
    machine.typed.keep(tmp_path / "acme.toml", f"env:{VARIABLE}", "https://shop.example", TOKEN)
    later = open_context(machine, None)
    base_uri = {"kind": "base-uri", "uri": "https://shop.example/rest/V1"}
    later.setup.edit(("clients", "magento", "plugins"), [base_uri])
    later.setup.edit(("authentications", "integration"), {"kind": "bearer", "token": {"env": VARIABLE}})
    text = f"{VARIABLE}{TOKEN}"
    later.setup.edit(path, [text] if path[-1] == "command" else text)
    assert "CANARY" not in kept(machine, later)
    with user_error("secret-in-profile"):
        await save(later.setup, tmp_path / "acme.toml", later.workbench.vault)
    assert not (tmp_path / "acme.toml").exists()
    later.workbench.close()


def test_a_secret_that_is_written_out_in_an_environment_gets_an_entry_of_its_own() -> None:
    text = (
        'format = 1\nname = "S"\n[authentications.a]\nkind = "bearer"\ntoken = { keyring = "shop/a/access-token" }\n'
        '[clients.m]\nauthentications = ["a"]\n'
        'plugins = [{ kind = "base-uri", uri = "https://shop.example/rest/V1" }]\n'
        '[environments.staging]\nauthentications.a.token = "CANARY-of-staging"\n'
        'clients.m.plugins.base-uri.uri = "https://staging.example/rest/V1"\n'
    )
    (problem,) = Checker().check(text).problems
    move = plan_move(text, problem, Path("shop.toml"))
    assert (move.source.keyring, move.origins, move.secret) == (
        "shop/a/access-token@staging",
        ("https://staging.example",),
        "CANARY-of-staging",
    )
    fixed = apply(text, [move.edit])
    assert 'authentications.a.token = { keyring = "shop/a/access-token@staging" }' in fixed
    assert Checker().check(fixed).problems == []


@pytest.mark.parametrize(
    ("path", "is_secret"),
    [
        ("k3xa9yrf4l0rxn7emx15canary00abcd", True),
        ("CanaryabcdefghijklmnopqrstuvwxyzAB", True),
        ("Canary-7pass", True),
        ("orders?token=k3xa9yrf4l0rxn7emx15canary00abcd", True),
        ("products", False),
        ("V1/products/&{sku}/media", False),
        ("inventory/get-product-salable-quantity/24-MB01/1", False),
        ("orders?searchCriteria[pageSize]=100&searchCriteria[currentPage]=2", False),
        ("negotiableCartTotals", False),
        ("cmsPage/search?x=1", False),
    ],
)
def test_a_secret_is_told_from_a_path(path: str, is_secret: bool) -> None:
    assert is_secret_as_path(path) is is_secret
