"""What a saved profile holds stays as it is through the guide, but for what its user changes there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tui_connector.errors import UserError
from tui_connector.guide.checks.first_call import commands
from tui_connector.guide.part_families import FAMILIES
from tui_connector.guide.profiles.save import save
from tui_connector.guide.secret_sources import SecretPlace
from tui_connector.guide.steps.methods import ADMIN, BEARER, INTEGRATION, METHODS, GuideStep, in_magento
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.steps.store_address import FoundStore, RestAddress, candidate_addresses
from tui_connector.guide.workbench import profile_of
from tui_connector.machine import Machine
from tui_connector.profile.document import Document
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.vault import Vault

TWO_OF_EACH = """\
format = 1
name = "Acme"  # the shop in the Netherlands

[authentications.staging]
kind = "bearer"
token = { env = "STAGING" }

# what everything uses
[authentications.shop]
kind = "oauth1"
consumer-key = { keyring = "old/key" }
consumer-secret = { keyring = "old/secret" }
access-token = { keyring = "old/token" }
access-token-secret = { command = ["pass", "show", "acme"] }
dialect = "laminas"

[clients.staging]
authentications = ["staging", "shop"]

[[clients.staging.plugins]]
kind = "base-uri"
uri = "https://staging.acme.example/rest/nl/V1"

[clients.magento]
authentications = ["shop"]
timeout = "10s"

[[clients.magento.plugins]]
kind = "retry"  # their host is slow

[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"

[incoming.orders]
client = "staging"
request = { uri = "orders" }
items = "items"
sink = { kind = "jsonl", path = "orders.jsonl" }
"""


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    path = tmp_path / "acme.toml"
    path.write_text(TWO_OF_EACH)
    return Setup.from_document("acme", Document.read(path))


async def test_a_profile_that_was_only_looked_at_is_saved_as_it_was(setup: Setup, machine: Machine) -> None:
    path = setup.document.path
    assert path is not None
    assert (setup.client, setup.authentication, setup.auth_kind) == ("magento", "shop", INTEGRATION)
    assert (setup.base_uri, setup.store_view, setup.authenticated) == ("https://acme.example/rest/all/V1", "all", True)
    await save(setup, path, Vault(machine, Mask()))
    assert path.read_text() == TWO_OF_EACH


async def test_one_change_leaves_everything_else_where_it_stood(setup: Setup, machine: Machine) -> None:
    path = setup.document.path
    assert path is not None
    setup.choose_store_view("nl")
    assert not setup.authenticated
    setup.edit(("clients", "magento", "timeout"), "20s")
    await save(setup, path, Vault(machine, Mask()))
    assert path.read_text() == TWO_OF_EACH.replace("/rest/all/V1", "/rest/nl/V1").replace('"10s"', '"20s"')


def test_a_detected_dialect_changes_a_profile_only_where_it_has_another_one(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(TWO_OF_EACH.replace('dialect = "laminas"\n', ""))
    setup = Setup.from_document("acme", Document.read(path))
    setup.set_dialect("m248")
    assert not setup.document.changed
    setup.edit(("clients", "magento", "timeout"), "5s")
    setup.set_dialect("m248")
    assert setup.at("authentications", "shop", "dialect") == "m248"
    path.write_text(TWO_OF_EACH)
    setup = Setup.from_document("acme", Document.read(path))
    setup.set_dialect("m248")
    assert setup.document.changed


@pytest.mark.parametrize("uri", [None, "", "https://", "shop", "http://127.0.0.1:99999/rest/V1"])
def test_a_client_without_a_valid_address_has_no_origin(uri: str | None) -> None:
    setup, plugins = Setup(), ("clients", "magento", "plugins")
    setup.edit(plugins, [{"kind": "base-uri", "uri": uri}] if uri is not None else [])
    setup.edit(("clients", "magento", "proxy"), {"uri": "10."})
    assert setup.origin == ""
    assert setup.origin_for(setup.path_of(setup.fields()[0])) == ""
    assert setup.origin_for(("clients", "magento", "proxy", "password")) == ""


def test_the_store_view_that_was_chosen_last_is_used() -> None:
    def tested(address: str) -> str:
        setup.typed_address = address
        setup.use_store(FoundStore(candidate_addresses(address)[0]))
        return setup.store_view

    setup = Setup()
    assert tested("https://acme.example/rest/nl/V1") == "nl"  # the one in a new address
    setup.choose_store_view("default")
    assert tested("https://acme.example/rest/nl/V1") == "default"  # chosen since, as by the fix of a refusal
    assert setup.base_uri == "https://acme.example/rest/V1"
    assert tested("https://acme.example") == "default"
    assert tested("https://acme.example/rest/nl/V1") == "nl"


def test_each_client_has_its_own_address_and_its_own_authentications(setup: Setup) -> None:
    setup.choose_client("staging")
    assert (setup.base_uri, setup.store_view) == ("https://staging.acme.example/rest/nl/V1", "nl")
    assert (setup.applied(), setup.authentication, setup.auth_kind) == (["staging", "shop"], "staging", BEARER)
    setup.apply(["shop", "staging"])
    assert setup.at("clients", "staging", "authentications") == ["shop", "staging"]
    assert setup.at("clients", "magento", "authentications") == ["shop"]
    setup.choose_client("new")
    assert [setup.at("clients", "new", "plugins", n, "kind") for n in range(3)] == [
        "base-uri",
        "log-requests",
        "content-type",
    ]
    assert not setup.base_uri
    assert (setup.authentication, setup.auth_kind, setup.has_authentication) == ("integration", INTEGRATION, False)
    setup.write_authentication()
    assert setup.at("clients", "new", "authentications") == ["integration"]
    assert set(setup.table("authentications")) == {"staging", "shop", "integration"}


def test_another_way_takes_the_place_of_the_one_shown_and_a_saved_one_stays(setup: Setup) -> None:
    setup.choose_client("staging")
    setup.choose_kind(ADMIN)
    assert setup.applied() == ["admin", "shop"]
    assert set(setup.table("authentications")) == {"staging", "shop", "admin"}
    assert setup.at("authentications", "admin", "parameters", "password") == {"keyring": "acme/admin/password"}
    setup.choose_kind(INTEGRATION)
    assert setup.applied() == ["integration", "shop"]
    assert set(setup.table("authentications")) == {"staging", "shop", "integration"}


def test_signing_in_place_of_a_bearer_token_keeps_the_token_there_is(setup: Setup) -> None:
    setup.choose_client("staging")
    setup.show_authentication("staging")
    setup.new_authentication(BEARER)
    setup.write_authentication()
    setup.edit(("authentications", "integration", "token"), {"env": "TOKEN"})
    setup.choose_kind(INTEGRATION)
    assert setup.applied() == ["staging", "shop", "integration"]
    assert setup.at("authentications", "integration", "kind") == "oauth1"
    assert setup.at("authentications", "integration", "access-token") == {"env": "TOKEN"}


def test_a_new_setup_is_a_profile_once_the_store_and_one_authentication_are_known() -> None:
    setup = Setup("acme")
    setup.use_store(FoundStore(RestAddress("https://acme.example/shop", has_index_php=True)))
    setup.choose_kind(ADMIN)
    assert not setup.has_authentication
    setup.write_authentication()
    setup.edit(("authentications", "admin", "parameters", "username"), "api")
    profile = profile_of(setup.draft)
    assert profile.base_uri("magento") == "https://acme.example/shop/index.php/rest/all/V1"
    assert setup.at("authentications", "admin", "uri") == "/shop/index.php/rest/V1/integration/admin/token"


def test_what_was_typed_is_tested_unless_its_source_has_a_value_of_its_own(setup: Setup) -> None:
    setup.move_secrets(SecretPlace.ENVIRONMENT)
    assert setup.at("authentications", "shop", "access-token") == {"env": "TUI_CONNECTOR_ACME_SHOP_ACCESS_TOKEN"}
    assert setup.at("authentications", "shop", "access-token-secret") == {"command": ["pass", "show", "acme"]}
    typed = {f"acme/shop/{name}" for name in ("consumer-key", "access-token", "access-token-secret")}
    tried: Any = setup.trial_data(typed.__contains__, {"TUI_CONNECTOR_ACME_SHOP_CONSUMER_KEY": "CANARY"})
    assert tried["authentications"]["shop"]["access-token"] == {"keyring": "acme/shop/access-token"}
    assert tried["authentications"]["shop"]["consumer-key"] == {"env": "TUI_CONNECTOR_ACME_SHOP_CONSUMER_KEY"}
    assert tried["authentications"]["shop"]["consumer-secret"] == {"env": "TUI_CONNECTOR_ACME_SHOP_CONSUMER_SECRET"}
    assert tried["authentications"]["shop"]["access-token-secret"] == {"command": ["pass", "show", "acme"]}


def test_what_a_new_profile_holds_comes_in_the_order_people_read(tmp_path: Path) -> None:
    setup = Setup("acme")
    setup.use_store(FoundStore(RestAddress("https://acme.example")))
    setup.write_authentication()
    from tui_connector.guide.profiles.save import ordered

    setup.document.draft = ordered(setup.draft)
    assert list(tomllib.loads(setup.document.text())) == ["format", "name", "authentications", "clients"]


def test_two_profiles_in_one_folder_do_not_write_into_one_file() -> None:
    files = set()
    for name in ("acme", "acme-2"):
        setup = Setup(name)
        for made in (setup.add_incoming("products"), setup.add_path("incoming", "products/attributes")):
            files.add(setup.at("incoming", made, "sink", "path"))
    assert files == {f"{name}/{each}.jsonl" for name in ("acme", "acme-2") for each in ("products", "attributes")}


def test_a_command_to_read_never_sends_because_of_an_outgoing_of_the_same_name() -> None:
    setup = Setup("acme")
    assert setup.add_incoming("products") == "products"
    assert setup.add_outgoing("products") == "products-out"
    assert setup.add_path("incoming", "custom/feed") == "feed"
    assert setup.add_path("outgoing", "custom/feed") == "feed-out"
    assert setup.add_path("incoming", "other/feed-out") == "feed-out-in"
    found = commands("acme", ["products", "orders"], ["products"], {"products"})
    assert "tui-connector run acme products --direction incoming" in found
    assert "tui-connector run acme orders" in found


async def test_saving_a_hard_link_says_once_that_the_other_names_keep_the_old_text(
    machine: Machine, tmp_path: Path
) -> None:
    path, others = tmp_path / "acme.toml", [tmp_path / "backup.toml", tmp_path / "other.toml"]
    path.write_text(TWO_OF_EACH)
    for other in others:
        other.hardlink_to(path)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    notes = []
    for title in ("Acme NL", "Acme BE"):
        setup = Setup.from_document("link", Document.read(link))
        setup.document.set(("name",), title)
        notes.append((await save(setup, link, Vault(machine, Mask()))).notes)
    assert notes == [
        (f"{link} was a hard link and is now a separate file. Its 2 other names still have the old text",),
        (),
    ]
    assert 'name = "Acme BE"' in path.read_text()
    assert [other.read_text() for other in others] == [TWO_OF_EACH] * 2


def test_the_last_step_speaks_of_the_values_of_its_method() -> None:
    said = {kind: "".join(in_magento(GuideStep.SAVE, kind)) for kind in (*METHODS, "basic")}
    assert [kind for kind, words in said.items() if "four values" in words] == [INTEGRATION]
    assert "token" in said[BEARER]
    assert said["basic"] == "Nothing more."


@pytest.mark.parametrize("family", FAMILIES)
def test_a_profile_whose_parts_are_not_tables_is_refused(family: str, tmp_path: Path) -> None:
    (path := tmp_path / "shop.toml").write_text(f'format = 1\nname = "Shop"\n{family} = -1\n')
    with pytest.raises(UserError, match=f"{family} is not a table"):
        Setup.from_document("shop", Document.read(path))


def test_a_problem_of_a_name_is_told_from_one_of_its_value() -> None:
    setup = Setup()
    headers = {"X-Source": "tui é", "a b": "1", "X-Fine": "1"}
    plugin = ("clients", "magento", "plugins", 0)
    setup.edit(("clients", "magento", "plugins"), [{"kind": "append-headers", "headers": headers}])
    found = {each.path: each.is_of_key for each in setup.found_problems()}
    assert found == {(*plugin, "headers", "X-Source"): False, (*plugin, "headers", "a b"): True}


def test_a_proposed_file_is_named_as_files_of_another_kind_are() -> None:
    setup = Setup("acme")
    setup.add_incoming("products")
    setup.add_outgoing("stock")
    proposed = setup.at("incoming", "products", "sink", "path")

    def of_kind(kind: str, former: str, file: str | None) -> str | None:
        return setup.file_of_kind("incoming", "products", kind, former, file)

    assert proposed == of_kind("jsonl", "csv", "acme/products.csv") == "acme/products.jsonl"
    assert of_kind("csv", "jsonl", "acme/products.jsonl.gz") == "acme/products.csv"
    assert of_kind("duckdb", "csv", "acme/products.tsv") == "acme/products.duckdb"
    assert of_kind("csv", "jsonl", "mine.jsonl") == "mine.jsonl"  # named by the user
    assert of_kind("csv", "jsonl", "acme/products.csv.txt") == "acme/products.csv.txt"
    assert of_kind("csv", "stdout", None) == "acme/products.csv"
    assert of_kind("unknown", "jsonl", proposed) == proposed
    there = setup.at("outgoing", "stock", "source", "path")
    assert setup.file_of_kind("outgoing", "stock", "csv", "jsonl", there) == "acme/outgoing/stock.csv"


def test_files_of_environments_follow_a_file_that_they_were_named_after() -> None:
    setup = Setup("acme")
    setup.add_incoming("products")
    for name, file in (("uat", "acme/uat/products.jsonl"), ("test", "elsewhere.jsonl")):
        setup.edit(("environments", name, "incoming", "products", "sink", "path"), file)
    setup.edit(("incoming", "products", "sink"), {"kind": "csv", "path": "acme/products.csv"})
    setup.rename_outputs("products", "acme/products.jsonl")
    files = [setup.at("environments", each, "incoming", "products", "sink", "path") for each in ("uat", "test")]
    assert files == ["acme/uat/products.csv", "elsewhere.jsonl"]
