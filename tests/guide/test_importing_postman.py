"""A Postman collection of a Magento API with its environment becomes a profile that the store accepts."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from imported_profiles import imported, planned, refusal
from profiles import admin, full
from runs import BEARER

from tui_connector.machine import Machine
from tui_connector.profile.importers.detection import read
from tui_connector.profile.importers.model import ImportOptions
from tui_connector.sandbox.server import Sandbox, SandboxOptions

JSON = {"key": "Content-Type", "value": "application/json"}
FILTER = "searchCriteria[filter_groups][0][filters][0]"
COLLECTION: dict[str, Any] = {
    "info": {
        "name": "Magento of Acme",
        "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
    },
    "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{admin_token}}", "type": "string"}]},
    "variable": [{"key": "store", "value": "default"}, {"key": "base", "value": "{{host}}/rest/{{store}}/V1"}],
    "event": [{"listen": "prerequest", "script": {"exec": ["console.log('hello')"]}}],
    "item": [
        {
            "name": "Get a token",
            "request": {
                "method": "POST",
                "auth": {"type": "noauth"},
                "header": [JSON],
                "body": {"mode": "raw", "raw": '{"username": "{{user}}", "password": "{{password}}"}'},
                "url": {"raw": "{{host}}/rest/V1/integration/admin/token", "host": ["{{host}}"]},
            },
            "event": [{"listen": "test", "script": {"exec": ["pm.environment.set('admin_token', 'x')"]}}],
        },
        {
            "name": "Catalog",
            "item": [
                {
                    "name": "All products",
                    "request": {
                        "method": "GET",
                        "header": [
                            {"key": "X-Trace", "value": "{{store}}"},
                            {"key": "X-Old", "value": "1", "disabled": True},
                        ],
                        "url": {
                            "raw": "{{base}}/products?searchCriteria[pageSize]=10&fields=items[sku]",
                            "host": ["{{base}}"],
                            "path": ["products"],
                            "query": [
                                {"key": "searchCriteria[pageSize]", "value": "10"},
                                {"key": f"{FILTER}[field]", "value": "name"},
                                {"key": f"{FILTER}[value]", "value": "%Product%"},
                                {"key": f"{FILTER}[condition_type]", "value": "like"},
                                {"key": "fields", "value": "items[sku]", "disabled": True},
                            ],
                        },
                        "description": "Everything that has a name.",
                    },
                    "response": [{"name": "an example"}],
                },
                {
                    "name": "One product",
                    "request": {
                        "method": "GET",
                        "url": {
                            "raw": "{{base}}/products/:sku",
                            "host": ["{{base}}"],
                            "path": ["products", ":sku"],
                            "variable": [{"key": "sku", "value": "24-MB01"}],
                        },
                    },
                },
                {
                    "name": "Change a product",
                    "request": {
                        "method": "PUT",
                        "header": [JSON],
                        "body": {
                            "mode": "raw",
                            "raw": '{"product": {"sku": "24-MB01", "name": "Joust", "price": {{price}}}}',
                            "options": {"raw": {"language": "json"}},
                        },
                        "url": {
                            "raw": "{{base}}/products/:sku",
                            "variable": [{"key": "sku", "value": "24-MB01"}],
                        },
                    },
                },
            ],
        },
        {
            "name": "Integration",
            "auth": {
                "type": "oauth1",
                "oauth1": [
                    {"key": "consumerKey", "value": "{{consumer_key}}"},
                    {"key": "consumerSecret", "value": "{{consumer_secret}}"},
                    {"key": "token", "value": "{{access_token}}"},
                    {"key": "tokenSecret", "value": "{{access_token_secret}}"},
                    {"key": "signatureMethod", "value": "HMAC-SHA256"},
                ],
            },
            "item": [
                {"name": "Orders", "request": {"method": "GET", "url": "{{base}}/orders?searchCriteria[pageSize]=5"}},
                {
                    "name": "Comment on an order",
                    "request": {
                        "method": "POST",
                        "body": {
                            "mode": "raw",
                            "raw": '{"statusHistory": {"comment": "packed", "is_customer_notified": 0,'
                            ' "is_visible_on_front": 0, "parent_id": 1}}',
                        },
                        "url": "{{base}}/orders/{{order_id}}/comments",
                    },
                },
            ],
        },
        {
            "name": "Not possible",
            "item": [
                {
                    "name": "A form",
                    "request": {
                        "method": "POST",
                        "body": {"mode": "urlencoded", "urlencoded": [{"key": "a", "value": "b"}]},
                        "url": "{{base}}/modules",
                    },
                },
                {"name": "Elsewhere", "request": {"method": "GET", "url": "{{other_host}}/x"}},
            ],
        },
    ],
}  # fmt: skip


def environment(store: Sandbox) -> str:
    values = {
        "host": store.url, "user": admin(store)["username"], "password": admin(store)["password"], "price": "34",
        "order_id": "1", **{name.replace("-", "_"): value for name, value in full(store).items()},
    }  # fmt: skip
    entries = [{"key": key, "value": value, "enabled": True, "type": "default"} for key, value in values.items()]
    return json.dumps(
        {"name": "staging", "values": [*entries, {"key": "host", "value": "http://no", "enabled": False}]}
    )


@pytest.fixture
async def store(machine: Machine) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(products=50, settings=BEARER), machine.now) as started:
        yield started


async def test_a_collection_becomes_a_profile_that_the_store_accepts(
    store: Sandbox, machine: Machine, tmp_path: Path
) -> None:
    found = await imported(json.dumps(COLLECTION), machine, tmp_path, environment=environment(store))
    assert found.failed == []
    assert sorted(found.succeeded) == [
        "all-products", "change-a-product", "comment-on-an-order", "one-product", "orders",
    ]  # fmt: skip
    assert found.result.to_set == ()
    assert 'title = "All products"' in found.text
    assert admin(store)["password"] not in found.text
    told = "\n".join(map(str, found.plan.not_imported))
    for line in (
        "collection: the pre-request script: scripts are not run",
        "Get a token: the test script: scripts are not run",
        "Catalog / All products: 1 saved response: examples are not kept",
        "Catalog / All products: disabled: fields, X-Old: it is switched off",
        "Not possible / A form: POST /rest/default/V1/modules: bodies are sent as JSON, and this one is a form",
        "Not possible / Elsewhere: GET {{other_host}}/x: {{other_host}} has no value",
    ):
        assert line in told


def test_without_its_environment_nothing_can_be_imported(machine: Machine, tmp_path: Path) -> None:
    error = refusal(json.dumps(COLLECTION))
    assert error.code == "import-empty"
    assert "{{host}} has no value" in error.message
    assert "--environment" in error.hint


def test_a_variable_without_a_value_in_a_path_becomes_a_placeholder(machine: Machine, tmp_path: Path) -> None:
    environment = json.dumps({"values": [{"key": "host", "value": "https://acme.example"}]})
    plan = planned(json.dumps(COLLECTION), machine, tmp_path, environment=environment)
    outgoing = plan.document.draft["outgoing"]["comment-on-an-order"]
    assert outgoing["request"]["uri"] == "orders/&{order_id}/comments"
    assert outgoing["request"]["parameters"]["statusHistory"]["parent_id"] == "&{order_id}"
    assert plan.missing_secrets() == [
        "imported/admin/username", "imported/admin/password", "imported/integration/consumer-key",
        "imported/integration/consumer-secret", "imported/integration/access-token",
        "imported/integration/access-token-secret",
    ]  # fmt: skip


def test_a_secret_variable_never_becomes_plain_text(machine: Machine, tmp_path: Path) -> None:
    collection = {
        "info": {"name": "x"},
        "item": [
            {
                "name": "in a header",
                "request": {
                    "method": "GET",
                    "header": [{"key": "X-Shop", "value": "{{key}}"}],
                    "url": "https://acme.example/rest/V1/store/websites",
                },
            },
            {
                "name": "in a path",
                "request": {"method": "GET", "url": "https://acme.example/rest/V1/x/{{key}}"},
            },
            {
                "name": "in a body",
                "request": {
                    "method": "POST",
                    "body": {"mode": "raw", "raw": '{"note": "{{key}}", "a": 1}'},
                    "url": "https://acme.example/rest/V1/modules",
                },
            },
        ],
    }
    environment = json.dumps({"values": [{"key": "key", "value": "aCANARYkey", "type": "secret"}]})
    plan = planned(json.dumps(collection), machine, tmp_path, environment=environment)
    assert "CANARY" not in plan.document.text() + str(plan.not_imported) + str(plan.samples) + repr(plan)
    assert plan.document.draft["authentications"]["x-shop"]["header"] == "X-Shop"
    assert [*plan.secrets.values()] == ["aCANARYkey"]


def test_kinds_of_authentication(machine: Machine, tmp_path: Path) -> None:
    def auth(kind: str, **values: str) -> dict[str, Any]:
        return {"type": kind, kind: [{"key": key, "value": value} for key, value in values.items()]}

    item = {"name": "Websites", "request": {"method": "GET", "url": "https://acme.example/rest/V1/store/websites"}}
    made: dict[str, Any] = {}
    for each in (
        auth("basic", username="web", password="CANARY-1"),
        auth("apikey", key="X-Key", value="CANARY-2", **{"in": "header"}),
        auth("apikey", key="api_key", value="CANARY-3", **{"in": "query"}),
        auth(
            "oauth2", grant_type="client_credentials", accessTokenUrl="https://login.example/token", clientId="id",
            clientSecret="CANARY-4", scope="all",
        ),
        auth("hawk", key="x"),
    ):  # fmt: skip
        collection = {"info": {"name": "x"}, "item": [item], "auth": each}
        found = read(json.dumps(collection), ImportOptions())
        made[each["type"]] = [found.parts["authentications"], [*found.secrets.values()], found.not_imported]
    [basic], [key], [oauth2], [hawk] = (list(made[kind][:1]) for kind in ("basic", "apikey", "oauth2", "hawk"))
    assert basic == {"web-server": {"kind": "basic", "username": "web", "password": {"keyring": "web-server/password"}}}
    assert key == {"query": {"kind": "query", "parameter": "api_key", "value": {"keyring": "query/value"}}}
    assert oauth2["oauth2"]["token-uri"] == "https://login.example/token"
    assert oauth2["oauth2"]["client-secret"] == {"keyring": "oauth2/client-secret"}
    assert hawk == {}
    assert "it is not supported" in str(made["hawk"][2][0])


def test_cyclic_variables_and_nested_folders_end(machine: Machine, tmp_path: Path) -> None:
    deep: dict[str, Any] = {"name": "x", "item": [copy.deepcopy(COLLECTION["item"][2]["item"][0])]}
    for _ in range(300):
        deep = {"name": "x", "item": [deep]}
    variables = [{"key": "host", "value": "{{base}}"}, {"key": "base", "value": "{{host}}{{host}}"}]
    error = refusal(json.dumps({"info": {"name": "x"}, "item": [deep], "variable": variables}))
    assert error.code == "import-empty"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"info": {}, "item": [', "import-syntax"),
        ('{"info": {}, "item": []}', "import-empty"),
        ('{"id": "x", "order": [], "requests": []}', "import-format"),
        ('{"info": 1, "item": [1, null, "x", {"request": 5}, {"item": "x"}, {"request": {"url": 7}}]}', "import-empty"),
        ("[" * 100_000, "import-syntax"),
        ('{"a": NaN}', "import-syntax"),
        ('{"a": 1}', "import-format"),
    ],
)
def test_broken_collections_are_refused(text: str, code: str) -> None:
    assert refusal(text).code == code
