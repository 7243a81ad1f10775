"""The usual values of an environment: what a new one has, and what is made of what is typed."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tui_connector.errors import InvalidValue
from tui_connector.guide.environment_values import (
    addresses,
    check_new_name,
    new_environment,
    own_source,
    without_own_output,
)
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.steps.store_address import candidate_addresses, whole_address
from tui_connector.profile.document import Document

DRAFT: dict[str, Any] = {
    "authentications": {
        "a": {"kind": "bearer", "token": {"env": "SHOP_TOKEN"}},
        "b": {"kind": "bearer", "token": {"keyring": "shop/b/access-token"}},
        "c": {"kind": "bearer", "token": {"command": ["pass", "show", "shop"]}},
        "d": {"kind": "bearer", "token": {"ask": True}},
    },
    "clients": {
        "shop": {
            "production": True,
            "plugins": [{"kind": "content-type"}, {"kind": "base-uri", "uri": "https://a.example"}],
        },
        "other": {},
    },
}


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("staging.example", "https://staging.example/rest/all/V1"),
        ("staging.example/", "https://staging.example/rest/all/V1"),
        ("localhost:8425", "http://localhost:8425/rest/all/V1"),  # this computer
        ("127.1", "http://127.0.0.1/rest/all/V1"),
        ("https:/staging.example", "https://staging.example/rest/all/V1"),
        ("http://staging.example", "http://staging.example/rest/all/V1"),
        ("https://staging.example/shop/rest/V1", "https://staging.example/shop/rest/V1"),
        ("staging.example/rest/V1", "https://staging.example/rest/V1"),
        ("http://localhost:8425/rest", "http://localhost:8425/rest/all/V1"),
        ("http://localhost:8425/rest/", "http://localhost:8425/rest/all/V1"),
        ("staging.example/rest/all", "https://staging.example/rest/all/V1"),
        ("staging.example/rest/nl", "https://staging.example/rest/nl/V1"),
        ("staging.example/shop", "https://staging.example/shop/rest/V1"),
        ("staging.example/index.php/rest", "https://staging.example/index.php/rest/V1"),
        ("staging.example/rest/async/V1", "https://staging.example/rest/async/V1"),
        ("na1.api.commerce.adobe.com/tenant", "https://na1.api.commerce.adobe.com/tenant/V1"),
    ],
)
def test_what_an_address_lacks_is_completed_as_in_the_base_value(typed: str, whole: str) -> None:
    for base in ("https://acme.example/rest/all/V1", "http://127.0.0.1:8482/rest/all/V1"):
        assert whole_address(typed, base) == whole  # https, whatever the base value has


def test_a_path_is_not_completed_where_the_base_value_is_not_magento() -> None:
    assert whole_address("staging.example", "https://api.example/v2/shop") == "https://staging.example/v2/shop"
    assert whole_address("staging.example/v2", "https://api.example/v2/shop") == "https://staging.example/v2"


@pytest.mark.parametrize("typed", ["", "https://[", "htp:/localhost:8482", "ftp://staging.example", "a b", "http://"])
def test_what_is_not_an_address_is_refused_in_the_words_of_the_first_step(typed: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        candidate_addresses(typed)
    with pytest.raises(InvalidValue, match=re.escape(str(refused.value))):
        whole_address(typed, "http://127.0.0.1:8482/rest/all/V1")


def test_a_new_environment_is_no_production_and_shares_no_secret() -> None:
    assert new_environment(DRAFT, "shop", "uat-2") == {
        "production": False,
        "authentications": {
            "a": {"token": {"env": "SHOP_TOKEN_UAT_2"}},
            "c": {"token": {"keyring": "shop/c/access-token@uat-2"}},
        },
    }
    without: Any = new_environment(DRAFT, "shop", "uat-2", has_keyring=False)
    assert without["authentications"]["c"] == {"token": {"env": "TUI_CONNECTOR_SHOP_C_ACCESS_TOKEN_UAT_2"}}


@pytest.mark.parametrize(
    ("base", "own"),
    [
        ("products.jsonl", "uat/products.jsonl"),
        ("acme/products.csv", "acme/uat/products.csv"),
        ("/data/acme/products.jsonl.gz", "/data/acme/uat/products.jsonl.gz"),
        ("/elsewhere/products.jsonl.gz", "/elsewhere/products-uat.jsonl.gz"),  # a run creates no folder there
        ("../products.jsonl", "../products-uat.jsonl"),
    ],
)
def test_each_environment_has_files_of_its_own(base: str, own: str) -> None:
    incoming = {
        "products": {"sink": {"kind": "jsonl", "path": base}},
        "to-stdout": {"sink": {"kind": "stdout"}},
        "without": {},
    }
    made = new_environment({"incoming": incoming}, "shop", "uat", Path("/data"))
    assert made == {"incoming": {"products": {"sink": {"path": own}}}}


def test_a_new_incoming_has_a_file_in_each_environment_which_goes_with_it() -> None:
    environments = {"uat": {"clients": {"magento": {"production": False}}}, "test": {}}
    setup = Setup.from_document("acme", Document.new({"format": 1, "name": "A", "environments": environments}))
    before = deepcopy(setup.draft)
    name = setup.add_incoming("products")
    places = [("environments", each, "incoming", name, "sink", "path") for each in environments]
    assert [setup.at(*each) for each in places] == ["acme/uat/products.jsonl", "acme/test/products.jsonl"]
    assert without_own_output(setup.draft, name) == []
    own = setup.at(*places[0])
    setup.edit(places[0], None)
    assert without_own_output(setup.draft, name) == ["uat"]
    setup.edit(places[0], own)
    assert [*setup.remove("incoming", name)] == ["uat", "test"]
    assert setup.draft == before


def test_a_secret_has_a_place_of_its_own_for_each_environment() -> None:
    path = ("authentications", "b", "token")
    found = {place: own_source(DRAFT, "shop", path, "uat", place) for place in ("keyring", "env", "ask")}
    assert found == {
        "keyring": {"keyring": "shop/b/access-token@uat"},
        "env": {"env": "TUI_CONNECTOR_SHOP_B_ACCESS_TOKEN_UAT"},
        "ask": {"ask": True},
    }


def test_an_address_is_edited_as_it_is_written() -> None:
    (found,) = addresses(DRAFT, "uat")
    assert found.path == ("clients", "shop", "plugins", "base-uri", "uri")
    assert found.base == ("clients", "shop", "plugins", 1, "uri")
    by_index = {"clients": {"shop": {"plugins": {"1": {"uri": "https://uat.example"}}}}}
    (found,) = addresses({**DRAFT, "environments": {"uat": by_index}}, "uat")
    assert found.path == ("clients", "shop", "plugins", "1", "uri")


@pytest.mark.parametrize("name", ["", "a b", "default", "uat", "-x", "x" * 65])
def test_a_name_is_valid_and_free(name: str) -> None:
    with pytest.raises(InvalidValue):
        check_new_name({**DRAFT, "environments": {"uat": {}}}, name)
