"""The server as its users meet it: what it says of itself, writes down, keeps, and can be made to do wrong."""

from __future__ import annotations

import gzip
import http.client
import json

import pytest
from sandbox_client import BEARER, Clock, Starter, Store
from user_errors import user_error

from tui_connector.guide.rest_api import fields_in_schema
from tui_connector.sandbox.server import Sandbox, SandboxOptions

CURRENCY = "/rest/V1/directory/currency"


async def test_the_same_seed_gives_the_same_store(start: Starter) -> None:
    one, same, other = [await start(seed=seed, settings={BEARER: "1"}) for seed in (7, 7, 8)]
    for place in ("admin", "integrations"):
        assert one.described[place] == same.described[place]
        assert one.described[place] != other.described[place]
    targets = ("products?searchCriteria=", "orders?searchCriteria=", "customers/search?searchCriteria=")
    for target in targets:
        pages = [await store.ask(f"/rest/V1/{target}", Authorization=store.bearer()) for store in (one, same, other)]
        assert pages[0].body == pages[1].body
        assert pages[0].body != pages[2].body


async def test_the_description_has_url_and_credentials(store: Store) -> None:
    described = store.described
    assert described["url"] == store.url
    assert set(described["admin"]) == {"username", "password", "totp_secret"}
    assert set(described["integrations"]) == {"full", "catalog", "inactive", "none"}
    for values in described["integrations"].values():
        assert set(values) == {"consumer_key", "consumer_secret", "access_token", "access_token_secret"}
        assert all(len(value) == 32 and value.isalnum() and value == value.lower() for value in values.values())


async def test_a_port_in_use_is_reported(store: Store, clock: Clock) -> None:
    port = int(store.url.rpartition(":")[2])
    with user_error("port-taken", match=rf"127\.0\.0\.1:{port}.*taken"):
        await Sandbox(SandboxOptions(port=port), clock.now).start()


def test_an_unknown_setting_suggests_the_nearest(clock: Clock) -> None:
    with user_error("setting-unknown", match="Did you mean webapi/jwtauth/admin_expiration"):
        Sandbox(SandboxOptions(settings={"webapi/jwtauth/admin_expire": "1"}), clock.now)
    with user_error("setting-invalid", match="rfc5849"):
        Sandbox(SandboxOptions(settings={"sandbox/signing_dialect": "zend"}), clock.now)


async def test_the_journal_names_the_sender_and_contains_no_secret(store: Store) -> None:
    token = (await store.token()).data
    signed = "/rest/V1/modules"
    await store.ask(signed, Authorization=store.oauth(signed))
    await store.ask("/rest/V1/modules", Authorization=f"Bearer {token}")
    await store.ask("/rest/V1/modules")
    journal = (await store.ask("/__sandbox__/requests")).data
    assert [(entry["number"], entry["method"], entry["who"], entry["status"]) for entry in journal] == [
        (1, "POST", "anonymous", 200),
        (2, "GET", "integration full", 200),
        (3, "GET", "admin admin", 200),
        (4, "GET", "anonymous", 401),
    ]
    assert journal == store.sandbox.journal()
    text = json.dumps(journal)
    full = store.described["integrations"]["full"]
    assert not any(secret in text for secret in (token, store.described["admin"]["password"], *full.values()))
    await store.ask("/__sandbox__/requests", "DELETE")
    assert store.sandbox.journal() == []


async def test_settings_change_while_it_runs(store: Store) -> None:
    reply = await store.ask("/__sandbox__/settings", "POST", json_body={"sandbox/maintenance": True})
    assert reply.data["sandbox/maintenance"] == "1"
    for target in (CURRENCY, "/", "/magento_version", "/rest/V1/nosuch"):
        down = await store.ask(target)
        assert (down.status, "html" in down.content_type, "retry-after" in down.headers) == (503, True, False)
    wrong = await store.ask("/__sandbox__/settings", "POST", json_body={"sandbox/maintenance": "0", "sandbox/x": 1})
    assert (wrong.status, "sandbox/x" in wrong.data["message"]) == (400, True)
    assert (await store.ask(CURRENCY)).status == 503
    assert (await store.ask("/__sandbox__/settings", "POST", json_body=b"{")).status == 400
    assert (await store.ask("/__sandbox__/settings", "POST", json_body={})).data["sandbox/maintenance"] == "1"
    assert (await store.ask("/__sandbox__/settings")).data["sandbox/maintenance"] == "1"


async def test_fail_next_fails_that_many_responses(store: Store) -> None:
    await store.set(sandbox__fail_next="503:2")
    assert (await store.ask("/magento_version")).status == 200
    assert [(await store.ask(CURRENCY)).status for _ in range(3)] == [503, 503, 200]
    await store.set(sandbox__fail_next="429:1")
    assert (await store.ask(CURRENCY)).data == {"message": "Too Many Requests"}


async def test_lose_next_cuts_that_many_connections(store: Store) -> None:
    await store.set(sandbox__lose_next="1")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        await store.ask(CURRENCY)
    assert (await store.ask(CURRENCY)).status == 200
    assert [entry["status"] for entry in store.sandbox.journal()] == [None, 200]


@pytest.mark.parametrize(
    ("target", "status", "content_type"),
    [
        ("/", 200, "text/html"),
        ("/directory/currency", 404, "text/html"),
        ("/restful", 404, "text/html"),
        ("/magento_version", 200, "text/html"),
        ("/rest", 400, "application/json"),
        ("/rest/v1/modules", 400, "application/json"),
        ("/rest/1/V1/modules", 400, "application/json"),
        ("/rest/admin/V1/modules", 400, "application/json"),
        ("/rest/V1", 404, "application/json"),
        ("/rest/V1/nosuch", 404, "application/json"),
        ("/rest/all/V1/directory/currency", 200, "application/json"),
        ("/rest/nl/V1/directory/currency", 200, "application/json"),
        ("/index.php/rest/V1/directory/currency", 200, "application/json"),
        ("/rest/V1/products/A%B", 400, "text/html"),
        ("/rest/V1/products?x=" + "y" * 8200, 414, "text/html"),
    ],
)
async def test_addresses(store: Store, target: str, status: int, content_type: str) -> None:
    reply = await store.ask(target)
    assert (reply.status, reply.content_type.partition(";")[0]) == (status, content_type)


async def test_the_clock_of_the_machine_is_used(store: Store) -> None:
    assert (await store.ask(CURRENCY)).headers["date"] == "Mon, 23 Nov 2026 22:00:00 GMT"


async def test_a_gzip_response_has_the_same_content(store: Store) -> None:
    plain, small = await store.ask(CURRENCY), await store.ask(CURRENCY, Accept_Encoding="gzip")
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body


async def test_the_schema_shows_what_the_caller_may_use(store: Store) -> None:
    async def paths(**headers: str) -> set[str]:
        reply = await store.ask("/rest/all/schema?services=all", **headers)
        assert (reply.status, reply.data["swagger"]) == (200, "2.0")
        return set(reply.data["paths"])

    everything = await paths(Authorization=store.bearer())
    catalogue = await paths(Authorization=store.bearer("catalog"))
    nobody = await paths()
    assert {"/V1/directory/currency", "/V1/directory/countries", "/V1/integration/admin/token"} < nobody
    assert nobody == await paths(Authorization="Bearer wrong CANARY")
    assert nobody < catalogue < everything
    assert "/V1/products/{sku}" in catalogue
    assert "/V1/orders" not in catalogue


async def test_the_schema_describes_what_a_list_accepts_and_returns(store: Store) -> None:
    reply = await store.ask("/rest/all/schema?services=all", Authorization=store.bearer())
    names = {each["name"] for each in reply.data["paths"]["/V1/orders"]["get"]["parameters"]}
    assert {"searchCriteria[filterGroups][0][filters][0][field]", "searchCriteria[pageSize]"} < names
    assert {"status", "grand_total"} < set(fields_in_schema(reply.data, "orders"))
    assert {"sku", "price"} < set(fields_in_schema(reply.data, "products"))
    assert not fields_in_schema(reply.data, "products/{sku}")


async def test_a_product_is_written_and_read_back(store: Store) -> None:
    new = {"sku": "NEW-1", "name": "New one", "attribute_set_id": 4, "price": 1.5, "weight": 2}
    rights = {"Authorization": store.bearer()}
    made = await store.ask("/rest/V1/products", "POST", json_body={"product": new}, **rights)
    assert (made.status, made.data["id"], made.data["price"]) == (200, 51, 1.5)
    assert made.data["created_at"] == "2026-11-23 22:00:00"
    changed = await store.ask("/rest/V1/products/new-1", "PUT", json_body={"product": {"price": 2}}, **rights)
    assert (changed.data["id"], changed.data["price"], changed.data["name"]) == (51, 2, "New one")
    found = await store.ask("/rest/V1/products?searchCriteria=&fields=total_count", **rights)
    assert found.data == {"total_count": 51}


async def test_a_deleted_product_created_again_gets_another_id(store: Store) -> None:
    rights = {"Authorization": store.bearer()}
    product, ids = "/rest/V1/products/SKU-000003", "/rest/V1/products?searchCriteria=&fields=items[id],total_count"
    first = (await store.ask(product, **rights)).data
    assert (await store.ask(product, "DELETE", **rights)).data is True
    for method in ("GET", "DELETE"):
        assert (await store.ask(product, method, **rights)).status == 404
    left = (await store.ask(ids, **rights)).data
    assert left["total_count"] == len(left["items"]) == 49
    assert {"id": first["id"]} not in left["items"]
    new = {"sku": "SKU-000003", "name": first["name"], "attribute_set_id": 4, "price": 1}
    made = (await store.ask("/rest/V1/products", "POST", json_body={"product": new}, **rights)).data
    assert made["id"] == 51
    assert made["extension_attributes"]["stock_item"]["qty"] == first["extension_attributes"]["stock_item"]["qty"]
    assert (await store.ask(product, "DELETE", **rights)).data is True
    assert (await store.ask(product, **rights)).status == 404


async def test_a_store_view_keeps_its_own_name(store: Store) -> None:
    rights = {"Authorization": store.bearer()}
    await store.ask("/rest/nl/V1/products/A%2FB", "PUT", json_body={"product": {"name": "Eigen"}}, **rights)
    names = {}
    for code in ("nl", "all", "default"):
        reply = await store.ask(f"/rest/{code}/V1/products/A%2FB?fields=name", **rights)
        names[code] = reply.data["name"]
    assert names == {"nl": "Eigen", "all": "Product 4", "default": "Product 4"}


async def test_stock_is_written_for_any_sku_and_keeps_updated_at(store: Store) -> None:
    rights = {"Authorization": store.bearer()}
    fields = "fields=updated_at,extension_attributes[stock_item[qty]]"
    before = await store.ask(f"/rest/V1/products/A%2FB?{fields}", **rights)
    rows = [{"sku": sku, "source_code": "default", "quantity": 7, "status": 1} for sku in ("A/B", "NO-SUCH")]
    body = {"sourceItems": rows}
    saved = await store.ask("/rest/V1/inventory/source-items", "POST", json_body=body, **rights)
    assert (saved.status, saved.data) == (200, [])
    after = await store.ask(f"/rest/V1/products/A%2FB?{fields}", **rights)
    assert after.data["extension_attributes"] == {"stock_item": {"qty": 7}}
    assert after.data["updated_at"] == before.data["updated_at"]
    listed = "/rest/V1/inventory/source-items?searchCriteria[filter_groups][0][filters][0][field]=sku"
    found = await store.ask(f"{listed}&searchCriteria[filter_groups][0][filters][0][value]=no-such", **rights)
    assert found.data["items"] == [rows[1]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "Input data is empty"),
        (None, '"%fieldName" is required. Enter and try again.'),
        ([{"sku": "", "source_code": "default"}], "Validation Failed"),
        ([{"sku": "A/B", "source_code": "default", "quantity": 1}], "Validation Failed"),
        ([{"sku": "A/B", "source_code": "default", "quantity": 1, "status": 5}], "Validation Failed"),
        ([{"sku": "A/B", "source_code": "default", "quantity": None, "status": 1}], "Validation Failed"),
        ([{"sku": "A/B", "source_code": "nosuch", "quantity": 1, "status": 1}], "Could not save Source Item"),
        ([{"sku": "A/B", "source_code": "default", "quantity": "x"}], None),
        ([{"sku": "A/B", "source_code": "default", "qty": 1}], None),
    ],
)
async def test_invalid_stock(store: Store, rows: object, message: str | None) -> None:
    body = {} if rows is None else {"sourceItems": rows}
    reply = await store.ask("/rest/V1/inventory/source-items", "POST", json_body=body, Authorization=store.bearer())
    assert reply.status == 400
    assert message in (None, reply.data["message"])


@pytest.mark.parametrize("size", [0, 1, 18, 19])
async def test_small_stores(start: Starter, size: int) -> None:
    store = await start(products=size, settings={BEARER: "1"})
    for route in ("products", "orders", "customers/search", "inventory/source-items", "categories/list"):
        reply = await store.ask(f"/rest/V1/{route}?searchCriteria=", Authorization=store.bearer())
        assert reply.status == 200
        if route in ("products", "inventory/source-items"):
            assert reply.data["total_count"] == size
