"""What a comparison finds in the store, and the requests that it needs for that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from compared_store import ComparedStore, preset
from profiles import profile

from tui_connector.client.exchange import Exchange
from tui_connector.client.message import Failure, Request, Response
from tui_connector.outgoing.changes import EntityChange, FieldChange
from tui_connector.outgoing.current_values import CurrentValues
from tui_connector.outgoing.equality import ABSENT
from tui_connector.outgoing.undo import NotUndone, undo_plan
from tui_connector.runs.errors import Action, RunFailed
from tui_connector.templates import Json


def stock(sku: str, quantity: float | str = 5, source: str = "default") -> dict[str, object]:
    return {"sku": sku, "source_code": source, "quantity": quantity, "status": 1}


async def test_stock_is_created_changed_or_left_as_it_is(store: ComparedStore) -> None:
    rows = [stock("SYNC-0001", 7), stock("SYNC-0002", "7.00005")]
    await store.send(preset("stock"), rows)
    found = await store.plan(preset("stock"), [*rows, stock("SYNC-0001", 8), stock("SYNC-0003", 1, "elsewhere")])
    assert [each.action for each in found] == ["unchanged", "unchanged", "change", "create"]
    assert found[2].changes == (FieldChange("quantity", 7, 8),)
    assert found[3].changes[2] == FieldChange("quantity", ABSENT, 1)
    assert [each.identifier for each in found] == ["SYNC-0001", "SYNC-0002", "SYNC-0001", "SYNC-0003"]
    assert found[0].former is None


async def test_many_are_read_at_once_and_every_page_is_complete(store: ComparedStore) -> None:
    rows = [stock(f"SKU-{number:06d}") for number in range(1, 38)]
    found = await store.plan(preset("stock"), rows)
    assert len(found) == 37
    assert len(store.requests) == 1
    assert "pageSize%5D=300" in store.requests[0].uri


async def test_a_long_list_of_skus_is_divided_before_the_server_refuses_the_address(store: ComparedStore) -> None:
    rows = [stock(f"A-long-sku-that-no-product-has-{number:05d}/é") for number in range(400)]
    found = await store.plan(preset("stock"), rows)
    assert {each.action for each in found} == {"create"}
    assert max(len(each.uri) for each in store.requests) < 4_900
    assert len(store.requests) > 2


async def test_input_limits_of_the_store_divide_a_request(store: ComparedStore) -> None:
    store.sandbox.change(
        {
            "webapi/validation/input_limit_enabled": "1",
            "webapi/validation/complex_array_limit": "5",
            "webapi/validation/maximum_page_size": "10",
            "webapi/validation/default_page_size": "3",
        }
    )
    rows = [stock(f"SKU-{number:06d}") for number in range(1, 31)] + [stock("a,b"), stock("A/B")]
    found = await store.plan(preset("stock"), rows)
    assert {each.action for each in found} == {"change"}
    assert all("pageSize" in each.uri for each in store.requests)


async def test_skus_that_in_cannot_find_are_found(store: ComparedStore) -> None:
    rows = [
        stock(sku) for sku in ("a,b", "A/B", "A B", "A&B", 'A"B', "café", "A%B", "A+B", "A#B", "A?B", "123", "00123")
    ]
    await store.send(preset("stock"), rows)
    assert await store.actions(preset("stock"), rows) == ["unchanged"] * len(rows)


async def test_a_sku_in_another_case_is_the_same_product(store: ComparedStore) -> None:
    await store.send(preset("stock"), [stock("sync-0001", 3)])
    assert await store.actions(preset("stock"), [stock("SYNC-0001", 3), stock("sync-0001", 3)]) == ["unchanged"] * 2
    prices = [{"sku": "sync-0001", "store_id": 0, "price": 12}]
    await store.send(preset("base-prices"), prices)
    assert await store.actions(preset("base-prices"), prices) == ["unchanged"]


@pytest.mark.parametrize("name", ["stock", "special-prices", "costs", "tier-prices", "base-prices"])
async def test_a_mistyped_sku_is_distinguished_from_a_new_value(store: ComparedStore, name: str) -> None:
    sample = {
        "stock": stock("?", 1, "west"),
        "special-prices": {"store_id": 0, "price": 3},
        "costs": {"store_id": 0, "cost": 3},
        "base-prices": {"store_id": 0, "price": 3},
        "tier-prices": {"price": 3, "price_type": "fixed", "customer_group": "ALL GROUPS", "quantity": 2},
    }[name]
    if name == "stock":
        west = {"source_code": "west", "name": "West", "country_id": "US", "postcode": "1"}
        await store.call("POST", "inventory/sources", {"source": west})
    found = await store.plan(preset(name), [sample | {"sku": "SYNC-0001"}, sample | {"sku": "NO-SUCH"}])
    assert [each.note for each in found] == ["", "the store has no product with this sku"]
    assert found[1].action == "create"
    assert [each.refused for each in found] == [False, name != "stock"]  # stock is stored for any sku


async def test_a_price_of_an_unknown_product_is_refused_as_the_plan_says(store: ComparedStore) -> None:
    prices = [{"sku": "NO-SUCH", "store_id": 0, "price": price} for price in (3, 4)]
    found = await store.plan(preset("base-prices"), prices)
    assert [each.as_json().get("refused") for each in found] == [True, True]
    summary = await store.run(preset("base-prices"), prices)
    assert summary.tasks["failed"] == 2


async def test_a_text_and_a_negative_number_in_a_field_of_quantities_have_a_warning(
    store: ComparedStore,
) -> None:
    await store.send(preset("stock"), [stock("SYNC-0001", 5)])
    sent = [stock("SYNC-0001", "x"), stock("SYNC-0002", "7"), stock("SYNC-0003", -1)]
    found = await store.plan(preset("stock"), sent)
    assert [each.note for each in found] == ["quantity: not a number", "", "quantity: below 0"]
    assert not found[2].refused
    [unknown] = await store.plan(preset("stock"), [stock("NO-SUCH", -1)])
    assert unknown.note == "the store has no product with this sku; quantity: below 0"


async def test_two_entities_of_one_product_are_compared_one_after_the_other(store: ComparedStore) -> None:
    await store.send(preset("stock"), [stock("SYNC-0001", 5)])
    found = await store.plan(preset("stock"), [stock("SYNC-0001", 7), stock("SYNC-0001", 5), stock("SYNC-0001", 5)])
    assert [each.changes for each in found] == [
        (FieldChange("quantity", 5, 7),),
        (FieldChange("quantity", 7, 5),),
        (),
    ]


async def test_what_only_a_uri_names_tells_entities_apart(store: ComparedStore) -> None:
    """Magento's links of a product to categories do not contain its sku."""
    links = preset("category-products")
    rows: list[Json] = [{"sku": f"SYNC-000{number}", "category_id": "7"} for number in (1, 2, 3, 1)]
    assert await store.actions(links, rows) == ["create", "create", "create", "unchanged"]
    summary = await store.run(links, [{"sku": "NO-SUCH", "category_id": "7"}, *rows])
    assert (summary.tasks["failed"], summary.tasks["finished"], summary.tasks["unchanged"]) == (1, 3, 1)
    assert await store.actions(links, rows) == ["unchanged"] * 4
    await store.undo(links)
    assert await store.actions(links, rows[:3]) == ["create"] * 3

    kinds = preset(
        "products",
        request={"method": "put", "uri": "products/&{sku}", "parameters": {"product": {"type_id": "&{type_id}"}}},
        compare={"request": {"uri": "products/&{sku}"}, "items": "@", "identifier": "type_id", "rules": {}},
    )
    new: list[Json] = [{"sku": f"NEW-{number}", "type_id": "simple"} for number in (1, 2, 3)]
    assert await store.actions(kinds, new) == ["create"] * 3

    options = preset("attribute-options")
    labels: list[Json] = [
        {"attribute_code": code, "label": label}
        for code, label in (("color", "Ecru"), ("size", "Ecru"), ("color", "ecru"))
    ]
    assert [each.refused for each in await store.plan(options, labels)] == [False, False, False]


async def test_what_an_earlier_row_creates_or_removes_is_known_to_a_later_one(store: ComparedStore) -> None:
    names: Json = {"firstname": "Ann", "lastname": "Lee", "website_id": 1}
    rows: list[Json] = [names | {"email": email} for email in ("ann@example.com", "Ann@Example.com")]
    again: Json = names | {"email": "ANN@example.com", "firstname": "Anna"}
    found = await store.plan(preset("new-customers"), [*rows, again])
    assert [(each.action, each.refused) for each in found] == [
        ("create", False),
        ("unchanged", False),
        ("change", True),
    ]
    assert found[2].note == "an earlier entity of the source creates it"
    summary = await store.run(preset("new-customers"), [*rows, again])
    assert {name: number for name, number in summary.tasks.items() if number} == {
        "finished": 1,
        "unchanged": 1,
        "failed": 1,
    }
    labels: list[Json] = [{"attribute_code": "color", "label": label} for label in ("Ecru", "ecru ")]
    assert await store.actions(preset("attribute-options"), labels) == ["create", "unchanged"]
    gone: list[Json] = [{"sku": sku, "source_code": "default"} for sku in ("SYNC-0001", "sync-0001")]
    assert await store.actions(preset("stock-removed"), gone) == ["change", "unchanged"]


@pytest.mark.parametrize(
    ("name", "entity", "why"),
    [
        ("order-comments", {"order_id": 99_999, "comment": "Packed"}, "the store has no such order"),
        ("attribute-options", {"attribute_code": "nope", "label": "x"}, "the store has no such attribute"),
        (
            "stock-item",
            {"sku": "NO-SUCH", "item_id": 1, "qty": 1, "is_in_stock": True},
            "the store has no product with this sku",
        ),
        (
            "tracking-numbers",
            {"order_id": 1, "parent_id": 99_999, "track_number": "1Z9", "title": "UPS", "carrier_code": "ups"},
            "the store has no such shipment",
        ),
        ("category-products", {"sku": "NO-SUCH", "category_id": 3}, "the store has no product with this sku"),
        ("product-images", {"sku": "NO-SUCH", "entry": {"label": "x"}}, "the store has no product with this sku"),
    ],
)
async def test_an_entity_of_something_that_is_missing_is_refused(
    store: ComparedStore, name: str, entity: Json, why: str
) -> None:
    [found] = await store.plan(preset(name), [entity])
    assert (found.action, found.refused, found.note) == ("create", True, why)
    summary = await store.run(preset(name), [entity])
    assert summary.tasks["failed"] == 1


async def test_a_product_is_read_through_the_store_view_it_is_written_to(store: ComparedStore) -> None:
    uri = f"{store.sandbox.url}/rest/default/V1/products/&{{sku}}"
    german = preset("products", request={"method": "put", "uri": uri, "parameters": {"product": "&{@}"}})
    await store.call("PUT", "products/SYNC-0001", {"product": {"sku": "SYNC-0001", "name": "Tasche"}}, store="default")
    entity = {"sku": "SYNC-0001", "name": "Tasche"}
    assert await store.actions(german, [entity]) == ["unchanged"]
    [change] = await store.plan(preset("products"), [entity])
    assert change.changes == (FieldChange("name", "Sync product 1", "Tasche"),)


async def test_the_forms_of_a_product_are_compared_by_meaning(store: ComparedStore) -> None:
    entity = {
        "sku": "sync-0001",
        "price": "34.10",
        "status": "1",
        "weight": "1.5",
        "custom_attributes": [
            {"attribute_code": "special_price", "value": 9.5},
            {"attribute_code": "news_from_date", "value": "2026-01-01"},
            {"attribute_code": "meta_title", "value": ""},
            {"attribute_code": "url_key", "value": "Sync product 1"},
        ],
        "extension_attributes": {"category_links": [{"category_id": 3, "position": 0}], "website_ids": ["1"]},
    }
    await store.send(preset("products"), [entity])
    [found] = await store.plan(preset("products"), [entity])
    assert found.changes == ()
    changed = entity | {"custom_attributes": [{"attribute_code": "special_price", "value": ""}]}
    [found] = await store.plan(preset("products"), [changed])
    assert [each.field for each in found.changes] == ["custom_attributes.special_price"]


async def test_stock_in_a_product_is_compared_although_the_list_lacks_it(store: ComparedStore) -> None:
    entity = {"sku": "SYNC-0001", "extension_attributes": {"stock_item": {"qty": 41, "is_in_stock": True}}}
    [found] = await store.plan(preset("products"), [entity])
    assert found.changes[0].field == "extension_attributes.stock_item.qty"
    await store.send(preset("products"), [entity])
    assert await store.actions(preset("products"), [entity]) == ["unchanged"]


async def test_former_values_are_kept_of_sent_fields_only(store: ComparedStore) -> None:
    [found] = await store.plan(
        preset("products"),
        [{"sku": "SYNC-0001", "price": 1, "custom_attributes": [{"attribute_code": "special_price", "value": 1}]}],
    )
    assert isinstance(found.former, dict)
    present = found.former["present"]
    assert isinstance(present, dict)
    assert set(present) == {"sku", "price", "custom_attributes"}
    assert present["custom_attributes"] == []


async def test_a_task_that_may_have_arrived_is_decided_by_the_comparison(store: ComparedStore) -> None:
    comments = preset("order-comments")

    def lose_next(exchange: Exchange) -> None:
        """Loses the connection of the request after the comparison."""
        store.bench.exchanges.on_recorded.remove(lose_next)
        store.sandbox.change({"sandbox/lose_next": "1"})

    store.bench.exchanges.on_recorded.append(lose_next)
    summary = await store.run(comments, [{"order_id": 1, "comment": f"Packed {number}"} for number in range(3)])
    assert {name: number for name, number in summary.tasks.items() if number} == {"finished": 3}
    found = await store.get("orders/1/comments")
    assert sorted(each["comment"] for each in found["items"] if each["comment"].startswith("Packed")) == [
        "Packed 0",
        "Packed 1",
        "Packed 2",
    ]


async def test_any_store_can_be_compared_one_entity_at_a_time(store: ComparedStore) -> None:
    names = preset(
        "products",
        request={"method": "put", "uri": "products/&{code}", "parameters": {"product": {"name": "&{title}"}}},
        compare={"request": {"uri": "products/&{code}"}, "items": "@"},
        identifier="code",
    )
    entities = [{"code": "SYNC-0001", "title": "Sync product 1"}, {"code": "A/B", "title": "New"}]
    unknown = {"code": "NO-SUCH", "title": "New"}
    found = await store.plan(names, [*entities, unknown, entities[0]])
    assert [(each.identifier, each.action) for each in found] == [
        ("SYNC-0001", "unchanged"),
        ("A/B", "change"),
        ("NO-SUCH", "create"),
        ("SYNC-0001", "unchanged"),
    ]
    assert found[1].changes == (FieldChange("name", "Product 4", "New"),)
    assert len(store.requests) == 3, "the same request is sent once"


async def test_an_entity_whose_request_cannot_be_created_fails_when_it_is_sent(store: ComparedStore) -> None:
    names = preset("products", request={"method": "put", "uri": "products/&{sku}", "parameters": {"product": "&{x}"}})
    [found] = await store.plan(names, [{"sku": "SYNC-0001"}])
    assert (found.action, found.note) == ("change", "its request cannot be created")
    assert store.requests == []


async def test_an_entity_that_no_uri_can_name_does_not_stop_the_others(store: ComparedStore) -> None:
    long = "x" * 100_000
    rows: list[Any] = [{"sku": sku, "source_code": "default", "quantity": 5, "status": 1} for sku in (long, "A/B")]
    rows.append({**rows[1], "source_code": long})
    assert await store.actions(preset("stock"), rows) == ["create", "change", "create"]
    stocked: list[Any] = [
        {"sku": sku, "extension_attributes": {"stock_item": {"qty": 41}}} for sku in ("..", "A/B", long, "SYNC-0001")
    ]
    assert await store.actions(preset("products"), stocked) == ["create", "change", "create", "change"]
    values = store.current(preset("products"))
    assert [each.action for each in await values.read(stocked[1:2])] == ["change"]
    assert [each.action for each in await values.read(stocked[:1])] == ["create"], "alone, after others"


@pytest.mark.parametrize("quantity", ["1e999999999", "NaN", "many", True, {"a": 1}, [2], None])
async def test_a_number_that_identifies_an_entity_may_be_nonsense(store: ComparedStore, quantity: Any) -> None:
    price = {"sku": "SYNC-0001", "price": 3, "price_type": "fixed", "website_id": 0, "customer_group": "ALL GROUPS"}
    assert await store.actions(preset("tier-prices"), [{**price, "quantity": quantity}]) == ["create"]


async def test_a_comparison_that_no_entity_fits_is_reported(store: ComparedStore) -> None:
    names = preset("products", compare={"request": {"uri": "products/&{code}"}, "items": "@"})
    with pytest.raises(RunFailed, match="cannot be requested"):
        await store.plan(names, [{"sku": "SYNC-0001"}, {"sku": "A/B"}])


async def test_a_refusal_whose_cause_is_known_is_reported_at_the_first_request(store: ComparedStore) -> None:
    sent = []

    async def send(request: Request) -> Response:
        sent.append(request)
        return Response(400, (), b'{"message": "The token length is invalid."}', 1)

    why = ("The access token is too short.", "Copy it again.")
    current = CurrentValues(preset("stock"), send, explain=lambda *_: why, now=store.bench.machine.now)
    with pytest.raises(RunFailed, match=r"cannot be read: The access token is too short \(400\)\. Copy it again\."):
        await current.read([stock(f"SYNC-000{number}") for number in range(1, 9)])
    assert len(sent) == 1


@pytest.mark.parametrize("name", ["stock", "base-prices", "category-products"])
async def test_a_list_from_which_a_plugin_has_removed_rows_is_still_a_list(store: ComparedStore, name: str) -> None:
    """PHP's json_encode makes an object of it, whose names are the numbers of the rows."""
    rows: dict[str, list[Json]] = {
        "stock": [stock(f"SYNC-000{number}") for number in (1, 2)],
        "base-prices": [{"sku": f"SYNC-000{number}", "store_id": 0, "price": 3} for number in (1, 2)],
        "category-products": [{"sku": "SYNC-0001", "category_id": category} for category in ("3", "4")],
    }
    await store.send(preset(name), rows[name])

    async def send(request: Request) -> Response:
        response = await store.session.client("shop")(request)
        return replace(response, body=json.dumps(_with_gaps(json.loads(response.body))).encode())

    found = await CurrentValues(preset(name), send, now=store.bench.machine.now).read(rows[name])
    assert [each.action for each in found] == ["unchanged", "unchanged"]


def _with_gaps(data: Any) -> Any:
    """The same with the lists of objects in it as objects, from row 1 on."""
    if isinstance(data, dict):
        return {name: _with_gaps(each) for name, each in data.items()}
    if not isinstance(data, list) or not data or not isinstance(data[0], dict):
        return data
    return {str(number): _with_gaps(each) for number, each in enumerate(data, start=1)}


@pytest.mark.parametrize(
    ("body", "action", "why"),
    [
        (b'{"message": "Internal Error. Report ID: webapi-1"}', Action.WRONG, "an error: Internal Error. Report ID"),
        (b"<!doctype html><title>Sorry</title>", Action.WAIT, "a web page, not JSON: Sorry"),
        (b'{"items": [{"sku": "SYN', Action.WAIT, "truncated after 23 bytes"),
        (b'{"rows": []}', Action.WRONG, "no list at 'items'"),
    ],
)
async def test_a_response_without_current_values_is_not_taken_as_an_empty_list(
    store: ComparedStore, body: bytes, action: Action, why: str
) -> None:
    async def send(request: Request) -> Response:
        return Response(200, (), body, 1)

    with pytest.raises(RunFailed, match=f"The current values cannot be read: .*{why}") as failed:
        await CurrentValues(preset("stock"), send, now=store.bench.machine.now).read([stock("SYNC-0001")])
    assert failed.value.error.action is action


@pytest.mark.parametrize("status", [400, 413, 414, 431])
async def test_a_request_that_a_server_finds_too_long_is_divided(store: ComparedStore, status: int) -> None:
    rows: list[Json] = [stock(f"SKU-{number:06d}", 5) for number in range(1, 38)]
    longest = 0

    async def send(request: Request) -> Response:
        nonlocal longest
        if len(request.uri) > 700:
            return Response(status, (), b"<html><title>Request-URI Too Large</title></html>", 1)
        longest = max(longest, len(request.uri))
        return await store.session.client("shop")(request)

    why = ("The web server does not accept such a long address.", "Send less.")
    current = CurrentValues(preset("stock"), send, explain=lambda *_: why, now=store.bench.machine.now)
    assert len(await current.read(rows)) == 37
    assert longest > 300
    [too_long] = await current.read([stock("x" * 700)])
    assert too_long.unread
    assert "does not accept such a long address" in too_long.note


@pytest.mark.parametrize("name", ["stock", "category-products"])
async def test_an_entity_that_a_firewall_objects_to_is_named_and_the_others_are_compared(
    store: ComparedStore, name: str
) -> None:
    """One that it did not read is not sent: neither could an undo restore it."""
    sent: list[Request] = []
    blocked = ["select"]

    async def send(request: Request) -> Response:
        sent.append(request)
        await asyncio.sleep(0)
        if any(word in request.uri for word in blocked):
            return Response(403, (), b"<html><title>Forbidden</title></html>", 1)
        return await store.session.client("shop")(request)

    others = [f"SKU-{number:06d}" for number in range(1, 38)]
    more = (
        {"category_id": "7"} if name == "category-products" else {"source_code": "default", "quantity": 3, "status": 1}
    )
    rows: list[Json] = [{"sku": sku} | more for sku in ["select-7", *others, "select-8"]]
    current = CurrentValues(preset(name), send, now=store.bench.machine.now)
    changes = await current.read(rows)
    assert {each.identifier: each.note for each in changes if each.unread} == {
        sku: f"The current values of {sku} cannot be read: 403" for sku in ("select-7", "select-8")
    }
    assert {each.identifier for each in changes if not each.refused} == {*others}

    async def compare(entities: Sequence[Json]) -> Sequence[EntityChange]:
        return await current.read(entities)

    summary = await store.run(preset(name), rows, compare=compare)
    assert (summary.tasks["failed"], summary.tasks["finished"] + summary.tasks["unchanged"]) == (2, 37)
    assert {task.reason.partition(" cannot")[0] for task in store.tasks() if task.state == "failed"} == {
        f"The current values of {sku}" for sku in ("select-7", "select-8")
    }

    sku = next(task.identifier for task in store.tasks() if task.state == "finished")
    blocked.append(sku)
    undo = await undo_plan(store.tasks(), preset(name), current, lambda read: read())
    assert NotUndone(sku, "impossible", f"The current values of {sku} cannot be read: 403") in undo.not_undone
    assert len(undo.restore) + len(undo.created) == summary.tasks["finished"] - 1

    blocked.append("")
    sent.clear()
    with pytest.raises(RunFailed, match=r"The current values of SKU-0000.* cannot be read: 403"):
        await CurrentValues(preset(name), send, now=store.bench.machine.now).read(rows[1:-1])
    assert len(sent) <= 20, "a few, and those in flight"


async def test_a_store_in_maintenance_is_waited_for(store: ComparedStore) -> None:
    store.sandbox.change({"sandbox/fail_next": "503:1"})
    summary = await store.run(preset("stock"), [stock("SYNC-0001", 3)])
    assert (summary.state, summary.tasks["finished"]) == ("complete", 1)


async def test_https_to_a_server_without_it_is_reported_and_not_waited_for(store: ComparedStore) -> None:
    address = store.sandbox.url.replace("http://", "https://")
    async with store.bench.session(profile(f"{address}/rest/all/V1", None)) as session:
        current = CurrentValues(preset("stock"), session.client("shop"), now=store.bench.machine.now)
        with pytest.raises(RunFailed) as failed:
            await current.read([stock("SYNC-0001")])
    assert (failed.value.error.action, failed.value.error.code) == (Action.WRONG, Failure.TLS_TO_PLAIN.value)


async def test_a_stored_secret_is_not_kept_as_a_former_value(store: ComparedStore) -> None:
    await store.send(preset("products"), [{"sku": "SYNC-0001", "name": "CANARY-in-the-store-1"}])
    store.session.mask.learn("CANARY-in-the-store-1", "token")
    summary = await store.run(preset("products"), [{"sku": "SYNC-0001", "name": "Bag"}])
    assert summary.tasks["finished"] == 1
    assert b"CANARY" not in b"".join(file.read_bytes() for file in store.ledger.parent.iterdir())
    [left] = (await store.undo_plan(preset("products"))).not_undone
    assert left.message == "its former values were not read before it was sent"


@pytest.mark.parametrize(("keep", "are_kept"), [("failed", True), ("none", False)])
async def test_former_values_of_a_failed_task_are_kept_with_its_entity(
    store: ComparedStore, keep: str, are_kept: bool
) -> None:
    await store.send(preset("products"), [{"sku": "SYNC-0001", "name": "Formerly a bag"}])
    summary = await store.run(preset("products", keep=keep), [{"sku": "SYNC-0001", "name": "", "price": 1}])
    assert summary.tasks["failed"] == 1
    [task] = store.tasks()
    assert (task.entity is not None, task.former is not None) == (are_kept, are_kept)
    assert (b"Formerly a bag" in store.ledger.read_bytes()) is are_kept


async def test_a_product_without_a_price_of_its_own_is_reported(store: ComparedStore) -> None:
    [found] = await store.plan(preset("base-prices"), [{"sku": "MH01", "store_id": 0, "price": 3}])
    assert (found.action, found.note) == ("create", "the store has no such entity to change")
    assert found.refused
