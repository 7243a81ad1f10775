"""The sample of each way to send entities, sent as it stands to a store that checks what Magento checks."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tui_connector.magento.entities import WRITABLE, Writable
from tui_connector.sandbox.server import Sandbox, SandboxOptions

SETTINGS = {"oauth/consumer/enable_integration_as_bearer": "1"}
BEFORE = {
    "orders of the samples": {"order_id": 13, "items": [{"order_item_id": 25, "qty": 1}], "parent_id": 1},
    "stock-sources": {"stock_id": 1},
    "customers": {"email": "c001@example.com"},
    "tracking-numbers": {"order_id": 1, "parent_id": 1},
    "order-refunds": {"order_id": 7, "items": [{"order_item_id": 13, "qty": 1}]},
}
"""Numbers of this store in place of those in the samples."""
ORDERS = ("order-invoices", "order-shipments", "order-comments")
REFUSED_AGAIN = {
    "stocks": 400,
    "new-categories": 400,
    "new-customers": 400,
    "order-invoices": 400,
    "order-shipments": 400,
    "order-refunds": 400,
    "attributes": 400,
    "attribute-options": 400,
    "attribute-sets": 400,
    "cms-pages": 400,
    "cms-blocks": 400,
    "coupons": 400,
    "customer-groups": 400,
    "tax-rates": 400,
    "tax-rules": 400,
}
"""What is refused when it is sent a second time; all else is 200 once more."""


def filled(value: Any, data: Mapping[str, Any]) -> Any:
    """A template with an entity's values in it; only what the samples need."""
    if isinstance(value, dict):
        return {name: filled(each, data) for name, each in value.items()}
    if isinstance(value, str) and value.startswith("&{"):
        name = value[2:-1]
        return data if name == "@" else data[name]
    return value


def request_of(writable: Writable) -> tuple[str, Any]:
    changes = BEFORE["orders of the samples"] if writable.name in ORDERS else BEFORE.get(writable.name, {})
    assert isinstance(writable.sample, dict)
    sample = writable.sample | {name: value for name, value in changes.items() if name in writable.sample}
    uri = writable.uri
    for name, value in sample.items():
        uri = uri.replace(f"&{{{name}}}", quote(str(value), safe=""))
    given = [sample] if writable.batch > 1 else sample
    return uri, filled(writable.parameters, given if writable.batch > 1 else sample)


def send(url: str, token: str, method: str, uri: str, body: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request(method.upper(), f"/rest/all/V1/{uri}", json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


@pytest.mark.parametrize("name", sorted(WRITABLE))
async def test_a_sample_is_accepted_and_its_note_says_what_a_second_one_does(name: str) -> None:
    writable = WRITABLE[name]
    async with Sandbox(
        SandboxOptions(products=50, settings=SETTINGS), lambda: datetime(2026, 11, 29, tzinfo=UTC)
    ) as store:
        full: Any = store.description()["integrations"]
        token = full["full"]["access_token"]
        west = {"source": {"source_code": "west", "name": "West", "country_id": "US", "postcode": "1"}}
        if name == "stock-sources":
            await asyncio.to_thread(send, store.url, token, "post", "inventory/sources", west)
        uri, body = request_of(writable)
        first = await asyncio.to_thread(send, store.url, token, writable.method, uri, body)
        second = await asyncio.to_thread(send, store.url, token, writable.method, uri, body)
    assert first[0] == 200, first
    if isinstance(first[1], list) and writable.batch > 1:
        assert first[1] == [], "a row was refused inside"
    assert second[0] == REFUSED_AGAIN.get(name, 200), second
    refused = second[0] != 200
    assert not refused or "refused" in writable.note
    assert not refused or "each time" not in writable.note
