"""What an undo restores, and what it leaves alone: each way in which it could do damage."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from compared_store import ComparedStore, preset

from tui_connector.errors import UserError
from tui_connector.magento.entities import WRITABLE
from tui_connector.outgoing.model import Outgoing
from tui_connector.outgoing.task_ledger import ALL_TASKS, TaskLedger

PRODUCTS, SPECIAL, STOCK = preset("products"), preset("special-prices"), preset("stock")


def attributes(**values: Any) -> list[dict[str, Any]]:
    return [{"attribute_code": code, "value": value} for code, value in values.items()]


async def attribute(store: ComparedStore, sku: str, code: str, view: str = "all") -> Any:
    product = await store.get(f"products/{sku}", store=view)
    return {each["attribute_code"]: each["value"] for each in product["custom_attributes"]}.get(code)


def through_view(store: ComparedStore, code: str) -> Outgoing:
    """Products sent to one store view."""
    uri = f"{store.sandbox.url}/rest/{code}/V1/products/&{{sku}}"
    return preset("products", request={"method": "put", "uri": uri, "parameters": {"product": "&{@}"}})


async def test_a_price_that_was_not_there_is_removed_and_does_not_become_zero(store: ComparedStore) -> None:
    await store.run(PRODUCTS, [{"sku": "SYNC-0001", "custom_attributes": attributes(special_price=9, cost=3)}])
    plan = await store.undo_plan(PRODUCTS)
    [entry] = plan.restore
    assert entry.entity == {"sku": "SYNC-0001", "custom_attributes": attributes(special_price=None, cost=None)}
    await store.undo(PRODUCTS)
    assert await attribute(store, "SYNC-0001", "special_price") is None
    await store.send(PRODUCTS, [{"sku": "SYNC-0002", "custom_attributes": attributes(special_price="")}])
    assert await attribute(store, "SYNC-0002", "special_price") == "0.000000", "what an empty text would have done"


async def test_only_fields_that_were_sent_are_restored(store: ComparedStore) -> None:
    await store.run(PRODUCTS, [{"sku": "SYNC-0001", "name": "Changed"}])
    await store.send(STOCK, [{"sku": "SYNC-0001", "source_code": "default", "quantity": 77, "status": 1}])
    await store.send(PRODUCTS, [{"sku": "SYNC-0001", "price": 55}])
    plan = await store.undo(PRODUCTS)
    assert [entry.entity for entry in plan.restore] == [{"sku": "SYNC-0001", "name": "Sync product 1"}]
    product = await store.get("products/SYNC-0001")
    stock = product["extension_attributes"]["stock_item"]["qty"]
    assert (product["name"], product["price"], stock) == ("Sync product 1", 55, 77)


async def test_a_value_that_someone_else_changed_is_left_unchanged(store: ComparedStore) -> None:
    await store.run(PRODUCTS, [{"sku": "SYNC-0001", "price": 1}, {"sku": "SYNC-0002", "price": 1}])
    await store.send(PRODUCTS, [{"sku": "SYNC-0001", "price": 2}])
    plan = await store.undo(PRODUCTS)
    assert [(left.identifier, left.code) for left in plan.not_undone] == [("SYNC-0001", "changed")]
    assert [entry.change.identifier for entry in plan.restore] == ["SYNC-0002"]
    assert (await store.get("products/SYNC-0001"))["price"] == 2


@pytest.mark.parametrize("name", ["special-prices", "tier-prices", "costs"])
async def test_a_deletion_by_key_does_not_take_the_value_of_somebody_else(store: ComparedStore, name: str) -> None:
    row = {
        "special-prices": {"sku": "SYNC-0001", "store_id": 0, "price": 5},
        "costs": {"sku": "SYNC-0001", "store_id": 0, "cost": 5},
        "tier-prices": {
            "sku": "SYNC-0001",
            "price": 5,
            "price_type": "fixed",
            "website_id": 0,
            "customer_group": "ALL GROUPS",
            "quantity": 2,
        },
    }[name]
    await store.run(preset(name), [row])
    theirs = row | ({"cost": 6} if name == "costs" else {"price": 6})
    await store.send(preset(name), [theirs])
    plan = await store.undo(preset(name))
    assert (plan.created, [left.code for left in plan.not_undone]) == ([], ["changed"])
    assert await store.actions(preset(name), [theirs]) == ["unchanged"]


async def test_a_created_entity_that_was_already_deleted_needs_no_undo(store: ComparedStore) -> None:
    await store.run(PRODUCTS, [{"sku": "NEW", "name": "New", "price": 1, "attribute_set_id": 4}])
    await store.call("DELETE", "products/NEW")
    plan = await store.undo_plan(PRODUCTS)
    assert (plan.created, plan.restore, plan.not_undone, plan.done_already) == ([], [], [], 1)


async def test_an_entity_that_was_deleted_since_is_not_created_again(store: ComparedStore) -> None:
    await store.run(PRODUCTS, [{"sku": "SYNC-0001", "price": 1}])
    await store.call("DELETE", "products/SYNC-0001")
    plan = await store.undo_plan(PRODUCTS)
    assert [(left.code, left.message) for left in plan.not_undone] == [("gone", "deleted since the run")]


async def test_created_entities_are_kept_unless_deletion_is_requested(store: ComparedStore) -> None:
    await store.run(PRODUCTS, [{"sku": "NEW", "name": "New", "price": 1, "attribute_set_id": 4}])
    plan = await store.undo(PRODUCTS, delete_created=False)
    assert [created.identifier for created in plan.created] == ["NEW"]
    assert (await store.get("products/NEW"))["name"] == "New"


async def test_deletions_of_an_undo_are_not_repeated_as_changes(store: ComparedStore) -> None:
    products, new = preset("products", keep="all"), {"sku": "NEW", "name": "New", "price": 1, "attribute_set_id": 4}
    await store.run(products, [new])
    await store.undo(products)
    with TaskLedger(store.ledger) as ledger:
        deletion = ledger.last()
        assert deletion is not None
        assert ledger.retry(deletion, ALL_TASKS, "2026-11-29 00:00:00") == (1, 0)
    with pytest.raises(UserError, match="undo an earlier run"):
        await store.run(products, [new], full=False)


async def test_a_category_that_was_added_is_removed_again(store: ComparedStore) -> None:
    links = [{"category_id": "3", "position": 4}, {"category_id": "5", "position": 1}]
    await store.send(PRODUCTS, [{"sku": "SYNC-0001", "extension_attributes": {"category_links": links[:1]}}])
    await store.run(PRODUCTS, [{"sku": "SYNC-0001", "extension_attributes": {"category_links": links}}])
    await store.undo(PRODUCTS)
    found = (await store.get("products/SYNC-0001"))["extension_attributes"]["category_links"]
    assert found == [{"position": 4, "category_id": "3"}]


async def test_two_tasks_of_one_entity_are_undone_to_the_values_before_the_first(store: ComparedStore) -> None:
    before = (await store.get("products/SYNC-0001"))["price"]
    await store.run(PRODUCTS, [{"sku": "SYNC-0001", "price": 1}, {"sku": "SYNC-0001", "price": 2}])
    plan = await store.undo(PRODUCTS)
    assert len(plan.restore) == 1
    assert (await store.get("products/SYNC-0001"))["price"] == before


async def test_names_that_differ_in_case_are_one_entity(store: ComparedStore) -> None:
    rows = [{"sku": sku, "source_code": "default", "status": 1} for sku in ("SYNC-0001", "sync-0001", "Sync-0001")]
    before = await store.get("inventory/source-items?searchCriteria[pageSize]=1")
    await store.run(STOCK, [row | {"quantity": number} for number, row in enumerate(rows, start=71)])
    plan = await store.undo(STOCK)
    assert (len(plan.restore), plan.not_undone) == (1, [])
    assert await store.get("inventory/source-items?searchCriteria[pageSize]=1") == before

    price = (await store.get("products/SYNC-0001"))["price"]
    await store.run(PRODUCTS, [{"sku": sku, "price": number} for number, sku in enumerate(("SYNC-0001", "sync-0001"))])
    plan = await store.undo(PRODUCTS)
    assert (len(plan.restore), plan.not_undone) == (1, [])
    assert (await store.get("products/SYNC-0001"))["price"] == price


async def test_tasks_of_one_entity_that_two_processes_sent_are_undone_together(store: ComparedStore) -> None:
    """Each process may have recorded the identifying fields in another order."""
    rows = [{"sku": "SYNC-0001", "source_code": "default", "quantity": number, "status": 1} for number in (71, 72, 73)]
    before = await store.get("inventory/source-items?searchCriteria[pageSize]=1")
    await store.run(STOCK, rows)
    with closing(sqlite3.connect(store.ledger)) as database, database:
        [(task, text)] = database.execute("select max(id), former from task").fetchall()
        former = json.loads(text)
        former["entity"] = dict(reversed(former["entity"].items()))
        assert list(former["entity"]) != list(json.loads(text)["entity"])
        database.execute("update task set former = ? where id = ?", (json.dumps(former), task))
    plan = await store.undo(STOCK)
    assert (len(plan.restore), plan.not_undone) == (1, [])
    assert await store.get("inventory/source-items?searchCriteria[pageSize]=1") == before


async def test_a_store_view_that_followed_the_global_value_follows_it_again(store: ComparedStore) -> None:
    view = through_view(store, "default")
    await store.send(through_view(store, "default"), [{"sku": "SYNC-0002", "name": "Own name"}])
    await store.run(view, [{"sku": "SYNC-0001", "name": "View"}, {"sku": "SYNC-0002", "name": "View"}])
    plan = await store.undo(view)
    assert [entry.entity for entry in plan.restore] == [
        {"sku": "SYNC-0001", "name": None},
        {"sku": "SYNC-0002", "name": "Own name"},
    ]
    await store.send(PRODUCTS, [{"sku": "SYNC-0001", "name": "Renamed"}, {"sku": "SYNC-0002", "name": "Renamed"}])
    names = [(await store.get(f"products/SYNC-000{number}", store="default"))["name"] for number in (1, 2)]
    assert names == ["Renamed", "Own name"]


async def test_addresses_of_a_customer_are_not_restored_under_other_ids(store: ComparedStore) -> None:
    customers, before = preset("customers"), await store.get("customers/1")
    await store.run(customers, [{"id": 1, "firstname": "Changed", "addresses": []}])
    plan = await store.undo_plan(customers)
    [left] = plan.not_undone
    assert (left.identifier, left.code) == ("1", "field")
    assert left.message.startswith("addresses: removed addresses would get new ids")
    [entry] = plan.restore
    assert entry.entity == {"id": 1, "firstname": before["firstname"]}


async def test_a_gender_that_was_not_set_is_restored_as_zero_as_the_undo_says(store: ComparedStore) -> None:
    """Magento ignores null for gender, middle name and tax number, and accepts an empty text."""
    customers = preset("customers")
    assert {"gender", "middlename"} & set(await store.get("customers/1")) == set()
    await store.run(customers, [{"id": 1, "gender": 2, "middlename": "M"}])
    plan = await store.undo(customers)
    [entry] = plan.restore
    assert entry.entity == {"id": 1, "gender": 0, "middlename": ""}
    assert "gender that was not set is restored as 0" in plan.remark
    assert (await store.get("customers/1")).get("gender", 0) == 0


async def test_a_product_that_is_in_the_category_keeps_its_position(store: ComparedStore) -> None:
    """Adding it again would put it at position 0."""
    links = preset("category-products")
    link = {"category_id": "5", "sku": "SYNC-0001", "position": 7}
    await store.call("PUT", "categories/5/products", {"productLink": link})
    summary = await store.run(links, [{"category_id": "5", "sku": "SYNC-0001"}])
    assert summary.tasks["unchanged"] == 1
    [found] = [each for each in await store.get("categories/5/products") if each["sku"] == "SYNC-0001"]
    assert found["position"] == 7


async def test_an_undo_says_that_roles_of_images_are_not_returned(store: ComparedStore) -> None:
    images, sample = preset("product-images"), WRITABLE["product-images"].sample
    assert isinstance(sample, dict)
    assert isinstance(sample["entry"], dict)
    await store.run(images, [sample | {"entry": sample["entry"] | {"label": "Side"}}])
    plan = await store.undo(images)
    assert len(plan.created) == 1
    assert "does not return the roles" in plan.remark
    [old] = (await store.get("products/24-MB01"))["media_gallery_entries"]
    assert (old["label"], old["types"]) == ("Front", [])


@pytest.mark.parametrize("name", ["order-invoices", "order-comments", "orders", "generated-coupons"])
async def test_what_cannot_be_undone_is_reported_before_anything_is_sent(store: ComparedStore, name: str) -> None:
    sample = WRITABLE[name].sample
    assert isinstance(sample, dict)
    changes = {"order_id": 13, "items": [{"order_item_id": 25, "qty": 1}]} if name == "order-invoices" else {}
    outgoing = preset(name)
    assert (await store.run(outgoing, [sample | changes])).failed == 0
    plan = await store.undo_plan(outgoing)
    assert [left.code for left in plan.not_undone] == ["impossible"]
    assert plan.not_undone[0].message == plan.remark
    assert plan.restore == plan.created == []


async def test_a_request_that_computes_what_it_sends_cannot_be_undone(store: ComparedStore) -> None:
    request = {
        "method": "put",
        "uri": "products/&{sku}",
        "parameters": {"product": {"name": "&{name} (new)", "price": "&{cost}"}},
    }
    outgoing = preset("products", request=request)
    assert (await store.run(outgoing, [{"sku": "SYNC-0001", "name": "Bag", "cost": 3}])).failed == 0
    [left] = (await store.undo_plan(outgoing)).not_undone
    assert (left.code, left.identifier) == ("impossible", "SYNC-0001")
    renamed = preset("products", request={**request, "parameters": {"product": {"price": "&{cost}"}}})
    await store.run(renamed, [{"sku": "SYNC-0002", "cost": 3}])
    [entry] = (await store.undo_plan(renamed)).restore
    assert isinstance(entry.entity, dict)
    assert set(entry.entity) == {"sku", "cost"}, "the field by which this configuration sends the price"


async def test_e_mail_addresses_are_compared_without_case(store: ComparedStore) -> None:
    customers = preset("new-customers")
    person = {"email": "New@Example.com", "firstname": "New", "lastname": "Customer", "website_id": 1}
    await store.send(customers, [person])
    again = [person | {"email": "new@example.COM"}, person | {"email": "new@example.com", "firstname": "Other"}]
    found = await store.plan(customers, again)
    assert [each.action for each in found] == ["unchanged", "change"]
    assert (found[1].note, found[1].refused) == ("it already exists in the store", True)


async def test_dates_that_a_store_sets_by_itself_are_not_a_change(store: ComparedStore) -> None:
    entity = {"sku": "SYNC-0001", "name": "Sync product 1", "updated_at": "2020-01-01 00:00:00"}
    assert await store.actions(PRODUCTS, [entity]) == ["unchanged"]
