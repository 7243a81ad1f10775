"""The requests that put entities into the queue of a store, and the configurations that cannot be queued."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from queueing_store import QueueingStore, queueing, sku
from sending import Outbox, rows
from user_errors import user_error

from tui_connector.machine import Machine
from tui_connector.outgoing.bulk import Delivery
from tui_connector.outgoing.bulk_routes import variables
from tui_connector.outgoing.model import Outgoing
from tui_connector.sandbox.magento_routes import ROUTES

ASYNC, BULK = "/rest/all/async/V1/rows", "/rest/all/async/bulk/V1/rows"


def delivery(
    method: str, uri: str, parameters: Any, base: str = "https://shop.example/rest/de/V1", **more: Any
) -> Delivery:
    written = {"method": method, "uri": uri, "parameters": parameters}
    outgoing = Outgoing.model_validate({"client": "shop", "request": written, "delivery": "bulk", **more})
    return Delivery(outgoing, lambda request: f"{base}/{request.uri}")


PRODUCT = {"product": "&{@}"}


@pytest.mark.parametrize(
    ("method", "uri", "parameters", "entity", "path", "item"),
    [
        ("post", "products", PRODUCT, {"sku": "A"}, "products", {"product": {"sku": "A"}}),
        ("put", "products/&{sku}", PRODUCT, {"sku": "A"}, "products/bySku", {"sku": "A", "product": {"sku": "A"}}),
        ("delete", "products/&{sku}", None, {"sku": "A/B"}, "products/bySku", {"sku": "A/B"}),
        (
            *("put", "customers/&{id}", {"customer": "&{@}"}, {"id": 7}),
            *("customers/byCustomerId", {"customerId": 7, "customer": {"id": 7}}),
        ),
        (
            *("post", "orders/&{order}/comments", {"statusHistory": {"comment": "&{text}"}}, {"order": 1, "text": "x"}),
            *("orders/byId/comments", {"id": 1, "statusHistory": {"comment": "x"}}),
        ),
        (
            *("post", "order/&{order}/invoice", {"capture": True}, {"order": 41}),
            *("order/byOrderId/invoice", {"orderId": 41, "capture": True}),
        ),
        ("put", "products/tier-prices", {"prices": []}, {}, "products/tier-prices", {"prices": []}),
        (
            "post",
            "acme/things/&{data.code}",
            {"x": 1},
            {"data": {"code": "c"}},
            "acme/things/byCode",
            {"code": "c", "x": 1},
        ),
        (
            "put",
            "customers/7",
            {"customer": "&{@}"},
            {"id": 7},
            "customers/byCustomerId",
            {"customerId": "7", "customer": {"id": 7}},
        ),
    ],
)
def test_variables_of_the_path_become_keys_of_the_item(
    method: str, uri: str, parameters: Any, entity: Any, path: str, item: Any
) -> None:
    request = delivery(method, uri, parameters).request([entity], {})
    assert (request.method, request.uri) == (method.upper(), f"https://shop.example/rest/de/async/bulk/V1/{path}")
    assert json.loads(request.body) == [item]


@pytest.mark.parametrize(
    ("uri", "parameters", "entity", "message"),
    [
        ("customers/&{id}", {"customer": {"email": "&{email}"}}, {"id": 7, "email": "a@b.c"}, "customer has no 'id'"),
        (
            "customers/&{nr}",
            {"customer": "&{@}"},
            {"nr": 7, "id": 8},
            "customerId is 7 in the path and 8 inside customer",
        ),
        ("products/&{sku}", {"product": {"name": "x"}}, {"sku": "A"}, "product has no 'sku'"),
        ("products/&{sku}", {"sku": "B", "product": PRODUCT}, {"sku": "A"}, 'sku is "A" in the path and "B" beside it'),
        ("products/&{sku}", "&{rows}", {"sku": "A", "rows": [1]}, "needs an object"),
    ],
)
@pytest.mark.parametrize("mode", ["async", "bulk"])
def test_an_entity_that_the_queue_would_take_for_another_is_refused(
    uri: str, parameters: Any, entity: Any, message: str, mode: str
) -> None:
    with user_error("bulk-item", message):
        delivery("put", uri, parameters, delivery=mode).request([entity], {})


@pytest.mark.parametrize(
    ("base", "uri", "message"),
    [
        ("https://shop.example/V1", "products", "must contain /rest"),
        ("https://shop.example/rest/all/async/V1", "products", "already that of an asynchronous route"),
        ("https://shop.example/rest", "&{store}/V1/products", "cannot depend on the entity"),
    ],
)
def test_a_base_uri_without_such_routes_is_explained(base: str, uri: str, message: str) -> None:
    with user_error("delivery-route", match=message):
        delivery("post", uri, PRODUCT, base)


@pytest.mark.parametrize(
    ("outgoing", "message"),
    [
        ({"request": {"uri": "products"}}, "needs a POST, PUT or DELETE that writes"),
        ({"request": {"method": "post", "uri": "search", "reads": True}}, "needs a POST, PUT or DELETE that writes"),
        ({"request": None, "steps": [{"name": "a", "request": {"method": "post", "uri": "a"}}]}, "combined with steps"),
        ({"request": {"method": "post", "uri": "rows?x=&{x}"}}, "only the path and the parameters"),
        (
            {"request": {"method": "post", "uri": "rows", "headers": {"Store": "&{x}"}}},
            "only the path and the parameters",
        ),
    ],
)
def test_a_configuration_that_cannot_be_queued_is_invalid(
    tmp_path: Path, machine: Machine, outgoing: dict[str, Any], message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        Outbox(tmp_path, machine, "https://shop.example", {"delivery": "bulk"}).profile(outgoing)


async def test_a_base_uri_without_rest_is_refused_before_anything_is_sent(tmp_path: Path, machine: Machine) -> None:
    async with queueing(tmp_path, machine, QueueingStore()) as (store, outbox):
        outbox.write(*rows("A"))
        outbox.outgoing["request"] = {"method": "post", "uri": f"{store.server.url}/rows", "parameters": "&{@}"}
        with user_error("delivery-route", "must contain /rest"):
            await outbox.run()
        assert store.sent == []


async def test_the_dry_run_shows_the_bulk(tmp_path: Path, machine: Machine) -> None:
    async with queueing(tmp_path, machine, QueueingStore()) as (store, outbox), outbox.opened() as run:
        outbox.write(*rows("A", "B"))
        preview = await run.preview()
    [shown] = preview.requests
    head, body = shown.split("\n")
    assert head.endswith(BULK)
    assert [sku(item) for item in json.loads(body)] == ["A", "B"]
    assert store.sent == []


def test_the_variables_of_magentos_routes_are_those_of_the_sandbox() -> None:
    for route in ROUTES.values():
        if route.method == "GET":
            continue
        path = route.path.removeprefix("/V1/").split("/")
        found = variables(route.method, [None if part.startswith(":") else part for part in path])
        assert (found or {}) == {at: part[1:] for at, part in enumerate(path) if part.startswith(":")}, route
