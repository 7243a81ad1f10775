"""Addresses where a path relative to the base URI is meant."""

from __future__ import annotations

from typing import Any

import pytest

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
