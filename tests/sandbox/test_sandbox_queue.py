"""Asynchronous and bulk requests: accepted at once or not at all, then done one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_client import Clock, Reply, Store

BULK = "/rest/all/async/bulk/V1"


async def sent(store: Store, path: str, body: object, method: str = "POST") -> Reply:
    return await store.ask(path, method, json_body=body, Authorization=store.bearer())


async def operations(store: Store, bulk: str) -> list[Any]:
    reply = await store.ask(f"/rest/V1/bulk/{bulk}/detailed-status", Authorization=store.bearer())
    assert reply.status == 200
    found: list[Any] = sorted(reply.data["operations_list"], key=lambda each: each["id"])
    return found


async def test_a_bulk_is_accepted_and_executed_row_by_row(store: Store) -> None:
    rows = [
        {"sku": "SYNC-0001", "product": {"sku": "SYNC-0001", "price": 52}},
        {"sku": "NO-SUCH", "product": {"sku": "NO-SUCH", "price": 5}},
        {"product": {"sku": "SYNC-0001", "price": 53}},
        "dropped",
    ]
    accepted = await sent(store, f"{BULK}/products/bySku", rows, "PUT")
    assert (accepted.status, accepted.data["errors"]) == (202, False)
    assert [each["status"] for each in accepted.data["request_items"]] == ["accepted"] * 3
    done = await operations(store, accepted.data["bulk_uuid"])
    assert [each["status"] for each in done] == [1, 3, 1]
    assert done[1]["result_message"] == "Invalid product data: Invalid attribute set entity type"
    assert "ProductRepository" in done[0]["result_message"]
    product = await store.ask("/rest/V1/products/SYNC-0001", Authorization=store.bearer())
    assert product.data["price"] == 53


async def test_operations_wait_for_the_consumer(store: Store, clock: Clock) -> None:
    await store.set(sandbox__queue_seconds="off")
    stuck = await sent(store, "/rest/async/V1/products/SYNC-0001", {"product": {"price": 9}}, "PUT")
    path = f"/rest/V1/bulk/{stuck.data['bulk_uuid']}"
    clock.forward(3600)
    status = await store.ask(f"{path}/status", Authorization=store.bearer())
    assert status.data["operations_list"] == [{"id": 0, "status": 4, "result_message": None, "error_code": None}]
    await store.set(sandbox__queue_seconds="2")
    assert (await store.ask(f"{path}/operation-status/4", Authorization=store.bearer())).data == 1
    clock.forward(2)
    assert (await store.ask(f"{path}/operation-status/4", Authorization=store.bearer())).data == 0


async def test_the_operation_of_a_killed_consumer_stays_open(store: Store, clock: Clock) -> None:
    await store.set(sandbox__queue_seconds="2")
    rows = [{"prices": [{"sku": "SYNC-0001", "store_id": 0, "price": price}]} for price in (1, 2, 3)]
    accepted = await sent(store, f"{BULK}/products/base-prices", rows)
    clock.forward(3)
    assert [each["status"] for each in await operations(store, accepted.data["bulk_uuid"])] == [1, 4, 4]
    await store.set(sandbox__queue_seconds="off")
    await store.set(sandbox__queue_seconds="0")
    assert [each["status"] for each in await operations(store, accepted.data["bulk_uuid"])] == [1, 4, 1]


async def test_the_consumer_needs_time_per_operation(store: Store, clock: Clock) -> None:
    await store.set(sandbox__queue_seconds="2")
    rows = [{"prices": [{"sku": "SYNC-0001", "store_id": 0, "price": price}]} for price in (1, 2, 3)]
    accepted = await sent(store, f"{BULK}/products/base-prices", rows)
    seen = []
    for _ in range(4):
        seen.append([each["status"] for each in await operations(store, accepted.data["bulk_uuid"])])
        clock.forward(2)
    assert seen == [[4, 4, 4], [1, 4, 4], [1, 1, 4], [1, 1, 1]]


async def test_operations_with_invalid_rows_count_as_complete(store: Store) -> None:
    bad = [{"prices": [{"sku": "NO-SUCH", "store_id": 0, "price": 1}]}]
    accepted = await sent(store, f"{BULK}/products/base-prices", bad)
    (only,) = await operations(store, accepted.data["bulk_uuid"])
    assert only["status"] == 1
    assert "NO-SUCH" in only["result_serialized_data"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("PUT", "products/bySku", [{"sku": "A", "product": {"sku": "A", "price": "abc"}}], 400, '"abc" value'),
        ("PUT", "products/bySku", [{"sku": "A", "product": {"sku": "A", "colour": "x"}}], 400, "not supported"),
        ("PUT", "products/bySku", [{"sku": "A"}], 400, "is required"),
        ("POST", "products", {"product": {"sku": "A"}}, 400, "is required"),
        ("PUT", "products/SYNC-0001", [{}], 404, "any route"),
        ("DELETE", "products/bySku", [{"SKU": "A"}], 400, "is required"),
        ("POST", "nosuch", [], 404, "any route"),
        ("PUT", "carts/byCartId", [{}], 501, "stand-in"),
        ("POST", "products", b'[{"product":', 400, "Decoding error."),
    ],
)
async def test_the_structure_is_checked_before_anything_is_accepted(
    store: Store, method: str, path: str, body: object, status: int, message: str
) -> None:
    reply = await sent(store, f"{BULK}/{path}", body, method)
    assert reply.status == status, reply.body
    assert message in reply.data["message"]
    found = await store.ask("/rest/V1/bulk?searchCriteria=&fields=total_count", Authorization=store.bearer())
    assert found.data == {"total_count": 0}


async def test_the_id_in_the_body_is_used_and_without_one_a_customer_is_created(store: Store) -> None:
    new = {"email": "async@example.com", "firstname": "A", "lastname": "B", "website_id": 1}
    rows = [
        {"customerId": 2, "customer": {"id": 3, "email": "c003@example.com", "firstname": "Three", "lastname": "B"}},
        {"customerId": 4, "customer": new},
    ]
    accepted = await sent(store, f"{BULK}/customers/byCustomerId", rows, "PUT")
    assert [each["status"] for each in await operations(store, accepted.data["bulk_uuid"])] == [1, 1]
    names = [(await store.ask(f"/rest/V1/customers/{row}", Authorization=store.bearer())).data for row in (2, 3, 132)]
    assert [each["firstname"] for each in names] == ["F2", "Three", "A"]


async def test_the_queue_refuses_reads_and_unauthorized_callers(store: Store) -> None:
    read = await store.ask("/rest/all/async/V1/products/SYNC-0001", Authorization=store.bearer())
    assert read.status == 400
    other = await store.ask("/rest/V1/bulk/nope/status", Authorization=store.bearer("catalog"))
    assert other.status == 401
    unknown = await store.ask("/rest/V1/bulk/nope/status", Authorization=store.bearer())
    assert (unknown.status, unknown.data["parameters"]) == (404, {"bulkUuid": "nope"})
