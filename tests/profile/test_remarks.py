"""Addresses where a path relative to the base URI is meant."""

from __future__ import annotations

import pytest

from tui_connector.profile.remarks import relative_path

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
