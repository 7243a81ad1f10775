"""The paths of a store's REST API: which fit what is typed, and that they are kept for a store that is down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from profiles import PASSWORD, admin, login, logins, profile

from tui_connector.client.message import Request
from tui_connector.guide.requests.resend import NewRequests
from tui_connector.guide.rest_api import (
    ApiPath,
    KeptPaths,
    completed_path,
    fitting_paths,
    methods_of,
    paths_in_schema,
    similar_path,
    why_unknown,
)
from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.machine import Machine
from tui_connector.profile.model import Profile
from tui_connector.sandbox.server import Sandbox, SandboxOptions

PATHS = {
    path: ApiPath(("GET",))
    for path in (
        "products-render-info",
        "products",
        "products/{sku}",
        "products/{sku}/media",
        "products/attributes",
        "orders",
        "orders/{id}",
        "customers/search",
        "bulk/{bulkUuid}/status",
        "directory/countries",
        "addresses",
    )
}


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["products", "orders", "customers/search", "products/attributes", "addresses"]),
        ("prod", ["products", "products/attributes", "products-render-info", "products/{sku}"]),
        ("products", ["products", "products/attributes"]),
        ("Orders", ["orders", "orders/{id}"]),
        ("products/att", ["products/attributes", "products/{sku}", "products/{sku}/media"]),
        ("products/24-MB01", ["products/{sku}", "products/{sku}/media"]),
        ("products/24-MB01/m", ["products/{sku}/media"]),
        ("countr", ["directory/countries"]),
        ("products//media", []),
        ("nothing", []),
    ],
)
def test_the_paths_that_fit_best_come_first(typed: str, found: list[str]) -> None:
    assert fitting_paths(PATHS, typed)[: len(found) or None] == found


def test_the_paths_with_the_method_come_first() -> None:
    paths = {
        "customerGroups": ApiPath(("POST",)),
        "customerGroups/search": ApiPath(("GET",)),
        "customerGroups/{id}": ApiPath(("GET", "PUT", "DELETE")),
        "customerGroups/default": ApiPath(("GET",)),
    }
    assert fitting_paths(paths, "customerGr", "POST")[0] == "customerGroups"
    assert fitting_paths(paths, "customerGr", "PUT")[0] == "customerGroups/{id}"
    assert fitting_paths(paths, "customerGr", "PATCH") == fitting_paths(paths, "customerGr")
    assert methods_of(paths, "customerGroups/default") == ("GET", "PUT", "DELETE")  # Magento looks for all of them
    assert methods_of(paths, "customerGroups/7") == ("GET", "PUT", "DELETE")
    assert methods_of(paths, "customers") == ()


@pytest.mark.parametrize(
    ("typed", "path", "completed"),
    [
        ("prod", "products/{sku}", "products/{sku}"),
        ("products/24-MB01/m", "products/{sku}/media", "products/24-MB01/media"),
        ("products/24-MB01", "products/{sku}", "products/24-MB01"),
        ("products/", "products/{sku}", "products/{sku}"),
        ("media", "products/{sku}/media", "products/{sku}/media"),
    ],
)
def test_values_that_were_typed_stay_in_the_path(typed: str, path: str, completed: str) -> None:
    assert completed_path(typed, path) == completed


def _profile_for(url: str) -> Profile:
    plugins = [{"kind": "base-uri", "uri": f"{url}/rest/all/V1"}]
    return profile_of({"format": 1, "name": "Acme", "clients": {"magento": {"plugins": plugins}}})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("prodcts", "products"),
        ("prodcts/24-MB01", "products/24-MB01"),
        ("customers/serch", "customers/search"),
        ("orders/7/coments", "orders/7/comments"),
        ("order/7/coments", "orders/7/comments"),
        ("prodcts/1/2/3/4/5", ""),
        ("nothing-like-it", ""),
    ],
)
def test_a_misspelt_path_names_the_one_that_was_probably_meant(typed: str, meant: str) -> None:
    known = ("customers/search", "products", "products/{sku}", "orders/{id}", "orders/{id}/comments")
    paths = {each: ApiPath(("GET",)) for each in known}
    assert similar_path(paths, typed) == meant
    why = f"the store's schema has no path {typed}"
    assert why_unknown(paths, typed, "GET") == (f"{why}; did you mean {meant}?" if meant else why)
    assert why_unknown(paths, "orders/1", "PUT") == "the store's schema has orders/1 for GET only, not for PUT"
    assert why_unknown(paths, "orders/1", "GET") == why_unknown({}, typed, "GET") == ""


async def test_paths_are_kept_for_a_store_that_is_down(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=1), machine.now) as store:
        profile = _profile_for(store.url)
        new = NewRequests(Workbench(machine), lambda: profile)
        assert not (await new.kept_paths()).paths
        read = await new.paths()
        assert read.is_current
        assert "GET" in read.paths["directory/countries/{countryId}"].methods
    later = NewRequests(Workbench(machine), lambda: profile)  # the store is gone
    kept = await later.kept_paths()
    assert (kept.paths, kept.is_current) == (read.paths, False)
    assert kept.read_at is not None
    assert await later.paths() == kept


async def test_no_login_is_sent_to_complete_paths(machine: Machine) -> None:
    """A wrong password would count towards a lock-out."""
    async with Sandbox(SandboxOptions(products=1), machine.now) as store:
        saved, bench = profile(f"{store.url}/rest/V1", login()), Workbench(machine)
        bench.vault.hold(PASSWORD, admin(store)["password"], store.url)
        new = NewRequests(bench, lambda: saved)
        common = await new.paths()
        assert common.is_common
        assert common.paths["products/{sku}"].methods == ("PUT",)
        assert {"GET", "POST"} <= {*common.paths["orders"].methods}
        assert logins(store) == 0
        await new.send(Request("GET", f"{store.url}/rest/V1/products/24-MB01"))
        assert logins(store) == 1
        known = await new.paths()
        assert known.is_current
        assert "directory/countries" in known.paths
        assert logins(store) == 1
        bench.close()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1, "store": "https://acme.example", "paths": 3}'])
def test_a_file_that_is_something_else_has_no_paths(tmp_path: Path, machine: Machine, content: bytes) -> None:
    kept = KeptPaths(tmp_path)
    kept.keep("https://acme.example/rest/V1", PATHS, machine.now())
    assert kept.find("https://acme.example/rest/de/V1").paths == PATHS
    file = next(tmp_path.rglob("*.json"))
    assert json.loads(file.read_bytes())["format"] == 4
    file.write_bytes(content)
    assert not kept.find("https://acme.example/rest/V1").paths


def test_a_schema_says_what_each_path_accepts() -> None:
    def named(*names: str) -> list[dict[str, object]]:
        return [{"name": name, "in": "query"} for name in names]

    search = "searchCriteria[filterGroups][0][filters][0][field]"
    tree = {
        "type": "object",
        "required": ["name", "children"],
        "properties": {
            "name": {"type": "string"},
            "note": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#/definitions/tree"}},
        },
    }
    rule = {
        "type": "object",
        "properties": {"uses": {"type": "integer"}, "active": {"type": "boolean"}, "x": {"$ref": "?"}},
    }
    coupon = {
        "type": "object",
        "required": ["rule", "tree"],
        "properties": {"rule": rule, "tree": {"$ref": "#/definitions/tree"}, "save": {"type": "boolean"}},
    }
    listed = {"200": {"schema": {"properties": {"items": {"items": {"$ref": "#/definitions/order"}}}}}}
    schema = {
        "paths": {
            "/V1/orders": {"get": {"parameters": named(search), "responses": listed}, "post": {}},
            "/V1/categories": {"get": {"parameters": [*named("rootCategoryId"), {"name": "x", "in": "path"}]}},
            "/V1/odd": {"get": {"parameters": None}},
            "/V1/coupons": {
                "post": {"parameters": [{"in": "body", "schema": coupon}]},
                "put": {"parameters": [{"in": "body"}]},
            },
            "/async/V1/orders": {},
        },
        "definitions": {
            "tree": tree,
            "order": {
                "properties": {"status": {"type": "string"}, "qty": {"type": "number"}, "items": {"type": "array"}}
            },
        },
    }
    found = paths_in_schema(schema)
    assert found == {
        "orders": ApiPath(("GET", "POST"), (), True, ("status", "qty"), numbers=("qty",), nested=("items",)),
        "categories": ApiPath(("GET",), ("rootCategoryId",)),
        "coupons": ApiPath(("POST", "PUT"), bodies={"POST": found["coupons"].bodies["POST"], "PUT": "{}"}),
        "odd": ApiPath(("GET",)),
    }
    body = json.loads(found["coupons"].bodies["POST"])
    assert body["rule"] == {"uses": 0, "active": False}
    assert body["tree"]["name"] == body["tree"]["children"][0]["name"] == ""  # and no deeper than it is useful
    assert set(body) == {"rule", "tree"}
    assert paths_in_schema({"paths": []}) == {}


def test_a_body_has_what_the_store_requires_to_create_an_entity_though_its_schema_does_not_say_so() -> None:
    texts = {name: {"type": "string"} for name in ("sku", "name", "source_code", "note")}
    numbers = {name: {"type": "number"} for name in ("price", "attribute_set_id", "quantity", "status")}
    entity = {"type": "object", "required": ["sku"], "properties": texts | numbers}

    def body(key: str, kind: object) -> dict[str, object]:
        wrapped = {"type": "object", "required": [key], "properties": {key: kind}}
        return {"parameters": [{"in": "body", "schema": wrapped}]}

    schema = {
        "paths": {
            "/V1/products": {"post": body("product", entity)},
            "/V1/products/{sku}": {"put": body("product", entity)},
            "/V1/products/{sku}/media": {"post": body("product", entity)},
            "/V1/inventory/source-items": {"post": body("sourceItems", {"type": "array", "items": entity})},
        }
    }
    found = paths_in_schema(schema)
    product = {"product": {"sku": "", "name": "", "price": 0, "attribute_set_id": 0}}
    assert json.loads(found["products"].bodies["POST"]) == product
    assert json.loads(found["products/{sku}"].bodies["PUT"]) == product
    assert json.loads(found["products/{sku}/media"].bodies["POST"]) == {"product": {"sku": ""}}
    stock = {"sku": "", "source_code": "", "quantity": 0, "status": 0}
    assert json.loads(found["inventory/source-items"].bodies["POST"]) == {"sourceItems": [stock]}
