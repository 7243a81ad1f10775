"""A row of the log says what distinguishes the request from its neighbours."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui_connector.client.uri import canonical, parameters, readable
from tui_connector.errors import InvalidValue
from tui_connector.log.request_summary import request_path, request_summary

_KEYSET = (
    "searchCriteria%5BsortOrders%5D%5B0%5D%5Bfield%5D=entity_id"
    "&searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bfield%5D=entity_id"
    "&searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bvalue%5D=900"
    "&searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bcondition_type%5D=gt"
    "&searchCriteria%5BpageSize%5D=100"
)


def _filter(field: str, value: str) -> str:
    place = "searchCriteria[filter_groups][0][filters][0]"
    return f"{place}[field]={quote(field)}&{place}[value]={quote(value)}"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (f"/rest/all/V1/products?{_KEYSET}", "products · entity_id > 900 · 100 per page · ↑ entity_id"),
        ("/rest/V1/orders?searchCriteria[currentPage]=3", "orders · page 3"),
        ("/rest/V1/products?searchCriteria=", "products"),
        ("/rest/de/V1/products/24-MB01?fields=sku&storeId=2", "/rest/de/V1/products/24-MB01 · storeId=2 · fields=sku"),
        ("/rest/V1/", "/rest/V1/"),
        ("/magento_version", "/magento_version"),
        (
            "/rest/V1/customers/search?searchCriteria[filterGroups][0][filters][0][field]=email"
            "&searchCriteria[filterGroups][0][filters][0][value]=a%25"
            "&searchCriteria[filterGroups][0][filters][0][conditionType]=like"
            "&searchCriteria[filterGroups][0][filters][1][field]=dob"
            "&searchCriteria[filterGroups][0][filters][1][conditionType]=null"
            "&searchCriteria[sortOrders][0][field]=created_at&searchCriteria[sortOrders][0][direction]=DESC",
            "customers/search · email like a% or dob is null · ↓ created_at",
        ),
        # text that only looks like search criteria
        ("/rest/V1/products?where%20qty%20%3E%20100", "products · 'where qty > 100'"),
        ("/rest/V1/products?q=where+qty+%3E+100&x=a=b", "products · q='where qty > 100' · x=a=b"),
        ("/rest/V1/products?page+3&sort=name&e=", "products · 'page 3' · sort=name · e="),
        (f"/rest/V1/products?{_filter('name', 'red or qty > 5')}", "products · name = 'red or qty > 5'"),
        (f"/rest/V1/products?{_filter('name', '')}", "products · name = ''"),
        (f"/rest/V1/products?{_filter('a = 1 or b', 'x')}", "products · 'a = 1 or b' = x"),
        (f"/rest/V1/products?{_filter('seen', '2026-01-01 00:00:00')}", "products · seen = 2026-01-01 00:00:00"),
    ],
)
def test_a_request_in_a_few_words(target: str, expected: str) -> None:
    assert request_summary(f"https://acme.example{target}") == expected
    assert expected.startswith(request_path(f"https://acme.example{target}"))


@given(st.text(max_size=60))
def test_any_address_has_a_summary(text: str) -> None:
    assert isinstance(request_summary(text), str)
    assert isinstance(parameters(text), list)


_NEEDLESS = re.compile("%(?:2[1478-9ac-e]|3[0-9ab]|40|[46][1-9a-f]|[57][0-9a]|5f|7e)", re.IGNORECASE)
"""Escapes of characters that mean the same without one, and that are shown without it."""


@given(st.text("ab%20&=+[]/?#é \x1f", max_size=30))
@example("%0a")
@example("%2a")
@example("%2f%26")
def test_a_decoded_address_is_the_same_request(text: str) -> None:
    try:
        sent = canonical(f"https://acme.example/{text}")
    except InvalidValue:
        return
    if not readable(sent).endswith(" "):
        assert canonical(readable(sent)) == _NEEDLESS.sub(lambda match: unquote(match[0]), sent)
