"""What common clients of Magento call, one after the other, as they send it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from sandbox_client import Starter, Store


class Client:
    """Calls one store with all rights and gives the data of what succeeded."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def call(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        target = path if path.startswith("/") else f"/rest/V1/{path}"
        reply = await self._store.ask(target, method, json_body=body, Authorization=self._store.bearer())
        assert reply.status == status, f"{method} {path}: {reply.status} {reply.body!r}"
        return reply.data

    async def search(self, path: str, /, **fields: object) -> list[Any]:
        parts = []
        for place, (field, value) in enumerate(fields.items()):
            name = f"searchCriteria[filter_groups][{place}][filters][0]"
            parts += [f"{name}[field]={field}", f"{name}[value]={quote(str(value))}"]
        found = await self.call("GET", f"{path}?searchCriteria[pageSize]=500&{'&'.join(parts)}")
        items: list[Any] = found["items"]
        return items


@pytest.fixture
def client(store: Store) -> Client:
    return Client(store)


LISTS = {
    "orders": "entity_id increment_id status customer_email customer_id coupon_code updated_at total_paid",
    "orders/items": "item_id order_id sku product_id product_type parent_item_id created_at qty_ordered",
    "invoices": "entity_id order_id increment_id state grand_total transaction_id created_at",
    "shipments": "entity_id order_id increment_id customer_id created_at",
    "creditmemos": "entity_id order_id increment_id invoice_id state",
    "transactions": "transaction_id order_id payment_id txn_id txn_type parent_txn_id",
    "customers/search": "entity_id email firstname group_id website_id gender taxvat dob updated_at",
    "categories/list": "entity_id name parent_id is_active url_key level path",
    "customerGroups/search": "id customer_group_id customer_group_code code",
    "products/attributes": "attribute_id attribute_code frontend_input is_user_defined is_filterable",
    "products/attribute-sets/sets/list": "attribute_set_id attribute_set_name sort_order",
    "eav/attribute-sets/list": "attribute_set_id attribute_set_name entity_type_id",
    "inventory/sources": "source_code name enabled country_id postcode email",
    "inventory/stocks": "stock_id name",
    "inventory/stock-source-links": "stock_id source_code priority",
    "inventory/source-items": "source_item_id sku source_code quantity status",
    "cmsPage/search": "page_id identifier title is_active store_id update_time",
    "cmsBlock/search": "block_id identifier title is_active store_id update_time",
    "coupons/search": "coupon_id code rule_id times_used expiration_date",
    "salesRules/search": "rule_id name is_active from_date coupon_type",
    "carts/search": "id entity_id store_id customer_id is_active reserved_order_id",
    "taxRates/search": "tax_calculation_rate_id code tax_country_id rate zip_from",
    "taxRules/search": "tax_calculation_rule_id code priority",
    "taxClasses/search": "class_id class_name class_type",
    "bulk": "bulk_uuid status operation_key topic_name",
}
"""Lists, and fields that clients filter them by."""


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_can_be_searched_by_each_of_its_columns(client: Client, path: str) -> None:
    for field in LISTS[path].split():
        await client.search(path, **{field: "x"})
        await client.call("GET", f"{path}?searchCriteria[sortOrders][0][field]={field}&searchCriteria[pageSize]=1")


async def test_orders_are_found_by_their_items_and_documents(client: Client) -> None:
    order = await client.call("GET", "orders/1")
    sku, product = order["items"][0]["sku"], order["items"][0]["product_id"]
    for found in (
        await client.search("orders/items", sku=sku),
        await client.search("orders/items", product_id=product),
    ):
        assert 1 in {item["order_id"] for item in found}
    of_order = await client.search("orders/items", order_id=1)
    assert [item["item_id"] for item in of_order] == [item["item_id"] for item in order["items"]]
    (invoice,) = await client.search("invoices", order_id=1)
    assert await client.search("invoices", increment_id=invoice["increment_id"]) == [invoice]
    assert invoice["grand_total"] == order["grand_total"]
    assert (await client.call("GET", f"invoices/{invoice['entity_id']}")) == invoice
    (shipment,) = await client.search("shipments", order_id=1)
    (memo,) = await client.search("creditmemos", order_id=1)
    assert shipment["total_qty"] == 2
    assert memo["order_id"] == 1
    assert (await client.call("GET", "orders/1/comments"))["total_count"] == 1
    assert await client.call("GET", "orders/1/statuses") == "closed"
    assert (await client.call("GET", "orders/items/1"))["order_id"] == 1


async def test_an_order_goes_from_new_to_closed(client: Client) -> None:
    assert await client.call("POST", "orders/20/hold") is True
    assert (await client.call("GET", "orders/20"))["state"] == "holded"
    assert await client.call("POST", "orders/20/unhold") is True
    lines = (await client.call("GET", "orders/20"))["items"]
    some = {"items": [{"order_item_id": lines[0]["item_id"], "qty": 1}]}
    first = await client.call("POST", "order/20/invoice", some)
    assert first == str(int(first))
    await client.call("POST", "order/20/invoice", some, status=400)
    assert (await client.call("GET", "orders/20"))["status"] == "processing"
    await client.call("POST", "order/20/invoice", {"capture": True})
    shipment = await client.call("POST", "order/20/ship", {"tracks": [{"track_number": "1Z", "title": "UPS"}]})
    assert (await client.call("GET", f"shipment/{shipment}"))["tracks"][0]["track_number"] == "1Z"
    assert (await client.search("orders", entity_id=20))[0]["status"] == "complete"
    assert (await client.search("orders/items", order_id=20))[0]["qty_shipped"] == 1
    await client.call("POST", "order/20/refund", {"notify": False})
    assert await client.call("GET", "orders/20/statuses") == "closed"
    assert await client.call("POST", "orders/20/cancel") is False
    assert await client.call("POST", "orders/19/cancel") is True
    assert await client.call("POST", "orders/19/comments", {"statusHistory": {"comment": "Sorry"}}) is True
    assert (await client.call("GET", "orders/19/comments"))["items"][0]["comment"] == "Sorry"


async def test_a_customer_is_created_changed_and_deleted(client: Client) -> None:
    new = {"email": "new@example.com", "firstname": "Roni", "lastname": "Cost", "website_id": 1}
    made = await client.call("POST", "customers", {"customer": new})
    again = await client.call("POST", "customers", {"customer": new | {"email": "NEW@example.com"}}, status=400)
    assert "already exists" in again["message"]
    changed = await client.call("PUT", f"customers/{made['id']}", {"customer": {"id": made["id"], "firstname": "Toni"}})
    assert (changed["firstname"], changed["email"]) == ("Toni", "new@example.com")
    assert [each["id"] for each in await client.search("customers/search", email="new@example.com")] == [made["id"]]
    address = {"firstname": "A", "lastname": "B", "street": ["x"], "city": "Y", "postcode": "1", "country_id": "NL"}
    with_address = {"customer": {"id": made["id"], "addresses": [address | {"default_billing": True}]}}
    kept = await client.call("PUT", f"customers/{made['id']}", with_address)
    assert kept["default_billing"] == str(kept["addresses"][0]["id"])
    assert await client.call("DELETE", f"customers/{made['id']}") is True
    gone = await client.call("GET", f"customers/{made['id']}", status=404)
    assert gone["parameters"] == {"fieldName": "customerId", "fieldValue": made["id"]}


async def test_the_routes_of_the_catalogue_agree(client: Client) -> None:
    assert (await client.call("GET", "categories/2"))["name"] == "Default Category"
    tree = await client.call("GET", "categories")
    assert tree["product_count"] == len(await client.call("GET", "categories/2/products")) == 50
    color = await client.call("GET", "products/attributes/color")
    assert color["options"] == await client.call("GET", "products/attributes/color/options")
    children = await client.call("GET", "configurable-products/MH01/children")
    values = [
        each["value"] for child in children for each in child["custom_attributes"] if each["attribute_code"] == "color"
    ]
    option = (await client.call("GET", "products/MH01"))["extension_attributes"]["configurable_product_options"][0]
    assert [str(each["value_index"]) for each in option["values"]] == values
    assert {each["value"] for each in color["options"]} > set(values)
    image = (await client.call("GET", "products/24-MB01/media"))[0]
    assert image["content"]["type"] == "image/png"
    await client.call("PUT", "products/24-MB01/stockItems/1", {"stockItem": {"qty": ""}}, status=400)
    item = await client.call("GET", "stockItems/24-MB01")
    assert (await client.call("GET", "stockStatuses/24-MB01"))["qty"] == item["qty"]
    assert await client.call("GET", "inventory/get-product-salable-quantity/24-MB01/1") == item["qty"]
    assert (await client.call("GET", "directory/countries/NL"))["full_name_english"] == "Netherlands"
    assert (await client.call("GET", "products/attribute-sets/4"))["attribute_set_name"] == "Default"


async def test_stock_is_kept_by_source(client: Client) -> None:
    source = {"source_code": "west", "name": "West", "country_id": "US", "postcode": "1", "enabled": True}
    assert await client.call("POST", "inventory/sources", {"source": source}) == []
    stock = await client.call("POST", "inventory/stocks", {"stock": {"name": "Both"}})
    links = [{"stock_id": stock, "source_code": code, "priority": 1} for code in ("west", "default")]
    await client.call("POST", "inventory/stock-source-links", {"links": links})
    row = {"sku": "24-MB01", "source_code": "west", "quantity": 7.00005, "status": 1}
    await client.call("POST", "inventory/source-items", {"source_items": [row]})
    rows = await client.search("inventory/source-items", sku="24-MB01")
    assert {each["source_code"]: each["quantity"] for each in rows}["west"] == 7.0001
    total = sum(each["quantity"] for each in rows if each["status"])
    assert await client.call("GET", f"inventory/get-product-salable-quantity/24-MB01/{stock}") == total
    await client.call("POST", "inventory/source-items-delete", {"sourceItems": [row]})
    assert len(await client.search("inventory/source-items", sku="24-MB01")) == 1
    await client.call("POST", "inventory/stocks", {"stock": {"name": "Both"}}, status=400)


async def test_price_routes_report_invalid_rows(client: Client) -> None:
    rows = [
        {"sku": sku, "store_id": 0, "price": price} for sku, price in (("24-MB01", 3), ("NO", 1), ("SYNC-0001", -1))
    ]
    refused = await client.call("POST", "products/base-prices", {"prices": rows})
    assert [each["parameters"] for each in refused] == [["SKU", "NO"], ["Price", "-1"]]
    asked = {"skus": ["24-mb01", "NO"]}
    assert await client.call("POST", "products/base-prices-information", asked) == [
        {"price": 3, "store_id": 0, "sku": "24-mb01"}
    ]
    tier = {"sku": "24-MB01", "price": 2, "price_type": "fixed", "website_id": 0, "customer_group": "ALL GROUPS"}
    await client.call("POST", "products/tier-prices", {"prices": [tier | {"quantity": 2}]})
    await client.call("POST", "products/tier-prices", {"prices": [tier | {"sku": "NO", "quantity": 2}]}, status=404)
    (kept,) = await client.call("POST", "products/tier-prices-information", {"skus": ["24-MB01"]})
    assert kept["customer_group"] == "all groups"
    assert await client.call("POST", "products/cost-delete", {"skus": ["24-MB01", "NO"]}) is True


async def test_duplicate_names_can_be_switched_on(start: Starter) -> None:
    store = await start(settings={"oauth/consumer/enable_integration_as_bearer": "1"})
    client = Client(store)
    emails = [each["email"] for each in await client.search("customers/search")]
    assert len(set(emails)) == len(emails) == 131
    await store.set(sandbox__repeated_emails="1", sandbox__repeated_identifiers="1")
    customers = await client.search("customers/search")
    assert len({each["email"] for each in customers}) == 131 - 13
    assert len({(each["email"], each["website_id"]) for each in customers}) == 131
    assert [each["website_id"] for each in await client.search("customers/search", email="c009@example.com")] == [1, 2]
    blocks = [each["identifier"] for each in await client.search("cmsBlock/search")]
    assert len(blocks) == 2 * len(set(blocks))


async def test_varying_order_can_be_switched_on(client: Client, store: Store) -> None:
    first = await client.call("GET", "products/MH01")
    assert first == await client.call("GET", "products/MH01")
    await store.set(sandbox__varying_order="1")
    seen = [await client.call("GET", "products/MH01") for _ in range(3)]
    links = [tuple(each["extension_attributes"]["configurable_product_links"]) for each in seen]
    assert len(set(links)) == 3
    assert len({tuple(sorted(each)) for each in links}) == 1
    listed = await client.call("GET", "products?searchCriteria[pageSize]=3&fields=items[id]")
    assert [each["id"] for each in listed["items"]] == [1, 2, 3]


async def test_a_proxy_can_hide_the_port_from_the_signature(store: Store) -> None:
    target = "/rest/V1/modules"
    assert (await store.ask(target, Authorization=store.oauth(target))).status == 200
    await store.set(sandbox__hide_port="1")
    assert (await store.ask(target, Authorization=store.oauth(target))).status == 401


@pytest.mark.parametrize("version", ["2.4.7", "2.4.8"])
async def test_messages_depend_on_the_version(store: Store, version: str) -> None:
    await store.set(sandbox__magento=version)
    row = {"sku": "24-MB01", "source_code": "default", "quantity": 1}
    refused = await Client(store).call("POST", "inventory/source-items", {"sourceItems": [row]}, status=400)
    said = "Validation Failed" + (': "status" should be numeric.' if version == "2.4.8" else "")
    assert refused["message"] == said


async def test_a_filter_without_a_value_is_echoed_as_null(client: Client) -> None:
    name = "searchCriteria[filter_groups][0][filters][0]"
    found = await client.call("GET", f"products?{name}[field]=sku&{name}[condition_type]=eq")
    echoed = found["search_criteria"]["filter_groups"][0]["filters"][0]
    assert echoed == {"field": "sku", "value": None, "condition_type": "eq"}


@pytest.mark.parametrize("kind", ["simple", "virtual", "downloadable", "configurable"])
async def test_only_some_product_types_need_a_price(client: Client, kind: str) -> None:
    product = {"sku": f"NEW-{kind}", "name": f"New {kind}", "attribute_set_id": 4, "type_id": kind}
    needed = kind != "configurable"
    said = await client.call("POST", "products", {"product": product}, status=400 if needed else 200)
    assert ('"Price" attribute value is empty' in said.get("message", "")) == needed


async def test_an_empty_body_needs_no_type(store: Store) -> None:
    reply = await store.ask("/rest/V1/orders/20/hold", "POST", Authorization=store.bearer())
    assert (reply.status, reply.data) == (200, True)
