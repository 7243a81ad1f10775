"""What is valid in a profile and probably not meant, and paths relative to the base URI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tui_connector.errors import UserError
from tui_connector.incoming.output_path import OutputPaths
from tui_connector.magento.entities import READABLE
from tui_connector.profile.remarks import relative_path, remarks

BASE = "https://shop.example/rest/all/V1"


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("orders", "orders"),
        ("/orders", "orders"),
        (" /V1/orders ", "orders"),
        ("/rest/V1/orders?searchCriteria=", "orders?searchCriteria="),
        ("rest/nl/V1/products/24-MB01", "products/24-MB01"),
        ("index.php/rest/default/V1/orders", "orders"),
        ("https://shop.example/rest/all/V1/orders/1", "orders/1"),
        ("https://shop.example/rest/V1/orders/1", "orders/1"),
        ("https://shop.example/rest/nl/V1/orders/1", "orders/1"),
        ("https://other.example/rest/V1/orders/1", "https://other.example/rest/V1/orders/1"),
        ("https://shop.example/rest/async/V1/orders", "https://shop.example/rest/async/V1/orders"),
        ("/rest/async/V1/orders", "rest/async/V1/orders"),
        ("custom/V1/orders", "custom/V1/orders"),
        ("", ""),
    ],
)
def test_a_path_is_relative_to_the_base_uri_however_it_was_typed(typed: str, path: str) -> None:
    assert relative_path(typed, BASE) == path
    assert relative_path(relative_path(typed, BASE), BASE) == path


def test_an_address_without_a_base_uri_stays_whole() -> None:
    assert relative_path("https://shop.example/rest/V1/orders", "") == "https://shop.example/rest/V1/orders"


def test_plain_http_to_another_computer_is_remarked_also_in_an_environment() -> None:
    def client(*addresses: str) -> dict[str, Any]:
        return {"plugins": [{"kind": "base-uri", "uri": each} for each in addresses]}

    by_kind = {"clients": {"b": {"plugins": {"base-uri": {"uri": "http://uat.example/rest/V1"}}}}}
    data = {
        "clients": {"a": client("http://shop.example/rest/V1"), "b": client("https://shop.example/rest/V1")},
        "environments": {
            "local": {"clients": {"b": client("http://127.0.0.1:8482", "HTTP://localhost")}},
            "uat": by_kind,
        },
    }
    assert [(each.path, each.code) for each in remarks(data) if each.code == "unencrypted"] == [
        (("clients", "a", "plugins", 0, "uri"), "unencrypted"),
        (("environments", "uat", "clients", "b", "plugins", "base-uri", "uri"), "unencrypted"),
    ]


@pytest.mark.parametrize(
    ("kind", "file", "other"),
    [
        ("csv", "products.jsonl", "products.csv"),
        ("csv", "out/Products.JSONL.gz", "out/Products.csv"),
        ("csv", "products.tsv", None),
        ("csv", "products", None),
        ("csv", "products.txt", None),
        ("jsonl", "products.csv", "products.jsonl"),
        ("jsonl", "products.ndjson", None),
        ("jsonl", "products.jsonl.gz", None),
        ("sqlite", "shop.csv", "shop.sqlite"),
        ("sqlite", "shop.db", None),
        ("none-of-that-name", "products.csv", None),
    ],
)
def test_a_file_named_like_one_of_another_kind_is_remarked(kind: str, file: str, other: str | None) -> None:
    data = {
        "incoming": {"a": {"sink": {"kind": kind, "path": file}}},
        "outgoing": {"b": {"source": {"kind": kind, "path": file}}},
        "environments": {"uat": {"incoming": {"a": {"sink": {"path": f"uat/{file}"}}}}},
    }
    places = [("incoming", "a", "sink", "path"), ("outgoing", "b", "source", "path")]
    in_environment = ("environments", "uat", "incoming", "a", "sink", "path")
    wanted = [(each, other) for each in places] + [(in_environment, f"uat/{other}")]
    found = [(each.path, each.value) for each in remarks(data)]
    assert found == (wanted if other else [])


def test_a_duckdb_file_may_be_named_as_any_database() -> None:
    assert not [*remarks({"incoming": {"a": {"sink": {"kind": "duckdb", "path": "shop.db"}}}})]
    [remark] = remarks({"incoming": {"a": {"sink": {"kind": "duckdb", "path": "shop.parquet"}}}})
    assert (remark.value, "duckdb" in remark.message, "parquet" in remark.message) == ("shop.duckdb", True, True)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("media.yaml", "other programs run or load files of this name"),
        ("/srv/data/Makefile", "other programs run or load files of this name"),
        ("../out/.items.jsonl", "hidden files"),
        ("out/.cache/items.jsonl", "hidden files"),
        ("./node_modules/items.jsonl", "node_modules"),
        ("items.jsonl", ""),
        ("./out/../items.jsonl", ""),
        ("../items.ndjson", ""),
        ("../node_modules/items.jsonl", ""),  # whether a run writes it depends on where the profile is
        (".", ""),
    ],
)
def test_a_file_that_no_run_writes_is_remarked_as_the_run_refuses_it(tmp_path: Path, file: str, words: str) -> None:
    sink = {"sink": {"kind": "jsonl", "path": file}}
    found = [*remarks({"incoming": {"a": sink}, "environments": {"uat": {"incoming": {"a": sink}}}})]
    places = [("incoming", "a", "sink", "path"), ("environments", "uat", "incoming", "a", "sink", "path")]
    assert [(each.path, words in each.message) for each in found] == (
        [(place, True) for place in places] if words else []
    )
    if words:
        with pytest.raises(UserError, match=words):
            OutputPaths(tmp_path).check_writable(file)


def magento(**incoming: Any) -> dict[str, Any]:
    client = {"plugins": [{"kind": "base-uri", "uri": BASE}]}
    return {"clients": {"magento": client}, "incoming": {"a": {"client": "magento", **incoming}}}


@pytest.mark.parametrize(
    ("incoming", "place", "value"),
    [
        ({"incremental": {"field": "updatd_at"}}, ("incremental", "field"), "updated_at"),
        ({"pagination": {"kind": "keyset", "filter": "entitty_id"}}, ("pagination", "filter"), "entity_id"),
        ({"pagination": {"kind": "search-criteria", "order": "entityid"}}, ("pagination", "order"), "entity_id"),
        ({"pagination": {"kind": "keyset", "field": "entity_di"}}, ("pagination", "field"), "entity_id"),
        ({"identifier": "incremnt_id"}, ("identifier",), "increment_id"),
        ({"where": ["state eq new", "statuss eq statuss"]}, ("request", "where", 1), "status eq statuss"),
        ({"parameters": {"searchCriteria[sortOrders][0][field]": "creatd_at"}}, ("request", "parameters"), None),
        ({"parameters": {"fields": "items[statuss,items[skuu]]"}}, ("request", "parameters"), None),
        ({"uri": "orders?searchCriteria[sortOrders][0][field]=creatd_at"}, ("request", "uri"), None),
        (
            {"uri": "/rest/V1/orders", "where": ["creatd_at gt 2026-01-01"]},
            ("request", "where", 0),
            "created_at gt 2026-01-01",
        ),
    ],
)
def test_a_misspelt_field_of_a_list_is_remarked_where_it_is_named(
    incoming: dict[str, Any], place: tuple[str | int, ...], value: str | None
) -> None:
    of_request = {key: each for key, each in incoming.items() if key in ("uri", "where", "parameters")}
    rest = {key: each for key, each in incoming.items() if key not in of_request}
    named = {"request": {"uri": "orders", **of_request}, **rest}
    [remark] = remarks(magento(**named))
    assert (remark.path[: len(place) + 2], remark.value) == (("incoming", "a", *place), value)
    assert "did you mean" in remark.message
    data = magento(request={"uri": "orders"})
    data["environments"] = {"uat": {"incoming": {"a": named}}}
    [remark] = remarks(data)
    assert remark.path[: len(place) + 4] == ("environments", "uat", "incoming", "a", *place)


def test_a_date_of_changes_that_the_list_does_not_have_is_remarked_with_the_one_that_it_has() -> None:
    for field in ("changed_on", "last_edit"):
        [remark] = remarks(magento(request={"uri": "orders"}, incremental={"field": field}))
        assert (remark.path, remark.value) == (("incoming", "a", "incremental", "field"), "updated_at")
        assert remark.message == f"no field {field} of this list is known; its date of the last change is updated_at"
    for field in ("created_at", "entity_id", "&{field}"):
        assert not [*remarks(magento(request={"uri": "orders"}, incremental={"field": field}))]


def test_other_fields_are_not_remarked() -> None:
    for name, each in READABLE.items():
        assert not [*remarks(magento(**each.configuration("magento")))], name
    where = ["colour eq 5", "items.sku eq A", "status eq '?{statuss}'"]
    fields = {"fields": "items[billing_address,statuses_,status_histories[status],customer_prefix],total_count"}
    assert not [*remarks(magento(request={"uri": "orders", "where": where, "parameters": fields}))]
    misspelt = {"incremental": {"field": "updatd_at"}}
    assert not [*remarks(magento(request={"uri": "orders/1"}, **misspelt))]
    assert not [*remarks(magento(request={"uri": "orders"}, parent={"incoming": "b"}, **misspelt))]
    data = magento(request={"uri": "orders"}, **misspelt)
    data["clients"]["magento"]["plugins"][0]["uri"] = "https://api.example/v2"
    assert not [*remarks(data)]


@pytest.mark.parametrize("setting", ["filter", "transform"])
def test_an_expression_that_compares_with_a_field_is_remarked_with_the_value(setting: str) -> None:
    wrong, meant = 'status == "complete"', "status == 'complete'"
    [remark] = remarks(magento(request={"uri": "orders"}, **{setting: wrong}))
    assert (remark.path, remark.value) == (("incoming", "a", setting), meant)
    assert remark.message == f'"complete" is a field here: did you mean {meant}?'
    data = magento(request={"uri": "orders"}, **{setting: meant}, title=wrong)  # a title is no expression
    data["environments"] = {"uat": {"incoming": {"a": {setting: wrong}}}}
    data["outgoing"] = {
        "b": {"steps": [{"name": "c", "when": "@.a == true"}], "source": {"kind": "csv", "path": wrong}}
    }
    places = {("outgoing", "b", "steps", 0, "when"), ("environments", "uat", "incoming", "a", setting)}
    assert {each.path for each in remarks(data)} == places
