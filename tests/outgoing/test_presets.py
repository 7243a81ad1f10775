"""Every preset: a plan that was applied leaves nothing to do, and an undo leaves the store as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from compared_store import ComparedStore, preset

from tui_connector.magento.entities import WRITABLE
from tui_connector.magento.entities.comparisons import COMPARISONS
from tui_connector.outgoing.comparison import Comparison

VOLATILE = {"updated_at", "update_time", "created_at", "creation_time", "low_stock_date"}
"""Dates that a store sets by itself."""
SKUS = {"skus": ["SYNC-0001", "SYNC-0002", "SYNC-0003"]}


def searched(uri: str) -> str:
    return f"{uri}?searchCriteria[pageSize]=300"


def sample(name: str) -> dict[str, Any]:
    """The entity that a preset is shown with."""
    found = WRITABLE[name].sample
    assert isinstance(found, dict)
    return found


@dataclass
class Case:
    """What is sent for a preset; `reads` are the URIs (with a body: POST) whose responses must be as before."""

    sent: Sequence[dict[str, Any]]
    reads: Sequence[str | tuple[str, Any]]
    before: Sequence[dict[str, Any]] = ()
    """Sent first, so that there are values to change."""
    setup: Sequence[tuple[str, str, Any]] = ()
    """Requests before everything else."""
    stays: bool = False
    """The store offers no way back."""


def attributes(**values: Any) -> list[dict[str, Any]]:
    return [{"attribute_code": code, "value": value} for code, value in values.items()]


WEST = (
    "POST",
    "inventory/sources",
    {"source": {"source_code": "west", "name": "West", "country_id": "US", "postcode": "1"}},
)
SHOP_WEST = ("POST", "inventory/stocks", {"stock": {"name": "Shop west"}})

CASES = {
    "stock": Case(
        [
            {"sku": "SYNC-0001", "source_code": "default", "quantity": "7.00005", "status": 1},
            {"sku": "SYNC-0002", "source_code": "default", "quantity": 0, "status": 0},
            {"sku": "SYNC-0002", "source_code": "west", "quantity": 3, "status": 1},
            {"sku": "a,b", "source_code": "west", "quantity": 3, "status": 1},
        ],
        [searched("inventory/source-items")],
        setup=[WEST],
    ),
    "products": Case(
        [
            {"sku": "SYNC-0001", "name": "Changed", "price": "12.5", "weight": 3, "status": 2},
            {
                "sku": "SYNC-0002",
                "custom_attributes": attributes(
                    special_price=9.5, cost="4", meta_title="Title", special_from_date="2026-01-01", description="New"
                ),
            },
            {
                "sku": "SYNC-0003",
                "extension_attributes": {
                    "category_links": [{"category_id": "5", "position": 2}, {"category_id": "3", "position": 1}],
                    "website_ids": [],
                    "stock_item": {"qty": 77, "is_in_stock": True},
                },
            },
            {"sku": "BRAND-NEW", "name": "New", "price": 1, "attribute_set_id": 4},
        ],
        ["products/SYNC-0001", "products/SYNC-0002", "products/SYNC-0003", searched("products")],
        before=[
            {"sku": "SYNC-0002", "custom_attributes": attributes(meta_title="Before")},
        ],
    ),
    "base-prices": Case(
        [{"sku": "SYNC-0001", "store_id": 0, "price": "34.1234567"}, {"sku": "SYNC-0002", "store_id": 1, "price": 3}],
        [("products/base-prices-information", SKUS)],
    ),
    "special-prices": Case(
        [
            {"sku": "SYNC-0001", "store_id": 0, "price": 5, "price_from": "2026-02-01 00:00:00", "price_to": None},
            {"sku": "SYNC-0002", "store_id": 0, "price": 0},
        ],
        [("products/special-price-information", SKUS), "products/SYNC-0002"],
        before=[{"sku": "SYNC-0001", "store_id": 0, "price": 4, "price_from": "2026-01-01 00:00:00"}],
    ),
    "tier-prices": Case(
        [
            {"sku": "SYNC-0001", "price": 3, "price_type": "fixed", "customer_group": "ALL GROUPS", "quantity": 2},
            {"sku": "SYNC-0001", "price": 9, "price_type": "discount", "customer_group": "ALL GROUPS", "quantity": "5"},
        ],
        [("products/tier-prices-information", SKUS)],
        before=[{"sku": "SYNC-0001", "price": 4, "price_type": "fixed", "website_id": 0,
                 "customer_group": "ALL GROUPS", "quantity": 2}],
    ),
    "costs": Case(
        [{"sku": "SYNC-0001", "store_id": 0, "cost": "1.23456789"}, {"sku": "SYNC-0002", "store_id": 0, "cost": 3}],
        [("products/cost-information", SKUS), "products/SYNC-0002"],
        before=[{"sku": "SYNC-0001", "store_id": 0, "cost": 9}],
    ),
    "product-images": Case(
        [{**sample("product-images"), "sku": "SYNC-0001"}],
        ["products/SYNC-0001"],
    ),
    "stock-item": Case(
        [{"sku": "SYNC-0001", "item_id": 1, "qty": 3, "is_in_stock": False}], ["stockItems/SYNC-0001"]
    ),
    "stock-removed": Case(
        [{"sku": "SYNC-0001", "source_code": "default"}, {"sku": "NO-SUCH", "source_code": "default"}],
        [searched("inventory/source-items")],
    ),
    "sources": Case(
        [{"source_code": "west", "name": "Two", "country_id": "NL", "postcode": "2", "phone": "1", "enabled": False}],
        [searched("inventory/sources")],
        setup=[WEST],
    ),
    "stocks": Case([{"name": "Shop west"}], [searched("inventory/stocks")]),
    "stock-sources": Case(
        [{"stock_id": 1, "source_code": "default", "priority": 7}, {"stock_id": 2, "source_code": "west"}],
        [searched("inventory/stock-source-links")],
        setup=[WEST, SHOP_WEST],
    ),
    "categories": Case(
        [
            {"id": 3, "name": "Changed", "is_active": False, "custom_attributes": attributes(meta_title="Title")},
            {"id": 4, "custom_attributes": attributes(description="Changed")},
        ],
        ["categories/3", "categories/4"],
        before=[{"id": 4, "custom_attributes": attributes(description="Before")}],
    ),
    "new-categories": Case([{"parent_id": 2, "name": "Brand new", "is_active": True}], [searched("categories/list")]),
    "category-products": Case(
        [{"category_id": "5", "sku": "SYNC-0001"}, {"category_id": "3", "sku": "SYNC-0001"}],
        ["categories/5/products", "products/SYNC-0001"],
    ),
    "customers": Case(
        [
            {"id": 1, "email": "c001@example.com", "firstname": "Changed", "lastname": "Name", "website_id": 1,
             "middlename": "M", "taxvat": "NL1", "dob": "1980-01-01"},
        ],
        ["customers/1"],
    ),
    "new-customers": Case(
        [{"email": "New@example.com", "firstname": "New", "lastname": "Customer", "website_id": 1}],
        [searched("customers/search")],
    ),
    "order-comments": Case(
        [{"order_id": 1, "comment": "Packed"}], ["orders/1/comments"], stays=True
    ),
    "orders": Case([sample("orders")], ["orders/1"], stays=True),
    "tracking-numbers": Case(
        [sample("tracking-numbers")],
        [searched("shipments")],
    ),
    "attributes": Case([sample("attributes")], ["products/attributes?searchCriteria[pageSize]=300"]),
    "attribute-options": Case(
        [{"attribute_code": "color", "label": "Petrol"}], ["products/attributes/color/options"]
    ),
    "attribute-sets": Case([sample("attribute-sets")], [searched("products/attribute-sets/sets/list")]),
    "cms-pages": Case([sample("cms-pages")], [searched("cmsPage/search")]),
    "cms-blocks": Case([sample("cms-blocks")], [searched("cmsBlock/search")]),
    "coupons": Case([sample("coupons")], [searched("coupons/search")]),
    "cart-price-rules": Case([sample("cart-price-rules")], [searched("salesRules/search")]),
    "customer-groups": Case([sample("customer-groups")], [searched("customerGroups/search")]),
    "tax-rates": Case([sample("tax-rates")], [searched("taxRates/search")]),
    "tax-rules": Case([sample("tax-rules")], [searched("taxRules/search")]),
}  # fmt: skip

UNREADABLE = {"order-invoices", "order-shipments", "order-refunds", "generated-coupons"}
"""Each request makes another document; no list says whether it was this one."""


async def snapshot(store: ComparedStore, case: Case) -> Any:
    found = []
    for read in case.reads:
        if isinstance(read, str):
            found.append(await store.get(read))
        else:
            found.append(await store.call("POST", *read))
    return [steady(each) for each in found]


def differences(one: Any, two: Any, place: str = "") -> list[str]:
    """The places at which two responses differ."""
    if isinstance(one, dict) and isinstance(two, dict):
        names = sorted({*one, *two})
        return [each for name in names for each in differences(one.get(name), two.get(name), f"{place}.{name}")]
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        return [
            each for n, (a, b) in enumerate(zip(one, two, strict=True)) for each in differences(a, b, f"{place}[{n}]")
        ]
    return [] if one == two else [f"{place}: {one!r} instead of {two!r}"]


def steady(value: Any) -> Any:
    """A response without what a store sets by itself, and without the order of lists."""
    if isinstance(value, dict):
        return {name: steady(each) for name, each in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return sorted((steady(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


async def prepared(store: ComparedStore, name: str) -> Case:
    case = CASES[name]
    for method, uri, body in case.setup:
        await store.call(method, uri, body)
    await store.send(preset(name), case.before)
    return case


def test_every_entity_has_a_comparison_that_could_be_written_in_a_profile() -> None:
    assert set(COMPARISONS) == set(WRITABLE) == set(CASES) | UNREADABLE
    for name, table in COMPARISONS.items():
        written = Comparison.model_validate(dict(table), strict=True, by_alias=True, by_name=False)
        assert written.resolved == preset(name).compare.resolved  # type: ignore[union-attr]
        assert written.is_readable == (name not in UNREADABLE)
        assert written.can_undo or written.undo, "it says why"


@pytest.mark.parametrize("name", CASES)
async def test_a_plan_that_was_applied_leaves_nothing_to_do(store: ComparedStore, name: str) -> None:
    case = await prepared(store, name)
    first = await store.plan(preset(name), case.sent)
    assert {each.action for each in first} != {"unchanged"}
    summary = await store.run(preset(name), case.sent)
    assert summary.failed == 0, summary
    again = await store.plan(preset(name), case.sent)
    assert [(each.action, each.changes) for each in again] == [("unchanged", ())] * len(case.sent)


@pytest.mark.parametrize("name", CASES)
async def test_an_undo_leaves_the_store_as_it_was(store: ComparedStore, name: str) -> None:
    case = await prepared(store, name)
    before = await snapshot(store, case)
    await store.run(preset(name), case.sent)
    assert await snapshot(store, case) != before or case.stays
    plan = await store.undo(preset(name))
    if case.stays:
        assert {each.code for each in plan.not_undone} == {"impossible"}
        return
    assert plan.not_undone == []
    after = await snapshot(store, case)
    assert differences(after, before) == []


@pytest.mark.parametrize("name", [each for each in CASES if preset(each).compare.resolved.required])  # type: ignore[union-attr]
async def test_an_entity_without_a_required_field_is_refused_as_the_plan_says(store: ComparedStore, name: str) -> None:
    case = await prepared(store, name)
    outgoing, whole = preset(name), case.sent[0]
    assert outgoing.compare is not None
    required = outgoing.compare.resolved.required
    assert set(required) <= whole.keys()
    partial = [{key: value for key, value in whole.items() if key != each} for each in required]
    for field, entity, found in zip(required, partial, await store.plan(outgoing, partial), strict=True):
        if found.action != "unchanged":  # nothing is sent for it
            assert (found.refused, found.note) == (True, f"{field} is missing")
        response = await store.session.client("shop")(outgoing.request_for(entity, {}))
        assert response.status in (400, 404) or b'"message"' in response.body, (field, response.body)
    [complete] = await store.plan(outgoing, [whole])
    assert "is missing" not in complete.note


async def test_a_new_product_needs_more_than_one_that_exists(store: ComparedStore) -> None:
    new = {"sku": "FIRST-1", "name": "First", "price": 0, "attribute_set_id": 4}
    sent: list[dict[str, Any]] = [
        {"sku": "SYNC-0001", "price": 7},
        {"sku": "FIRST-1", "name": "", "price": 7},
        new,
    ]
    found = await store.plan(preset("products"), sent)
    missing = "name, attribute_set_id are missing"
    assert [(each.action, each.refused, each.note) for each in found] == [
        ("change", False, ""),
        ("create", True, missing),
        ("create", False, ""),
    ]
    for entity, status in zip(sent[1:], (400, 200), strict=True):
        response = await store.session.client("shop")(preset("products").request_for(entity, {}))
        assert response.status == status, response.body
