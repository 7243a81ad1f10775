"""OpenAPI and Swagger documents: Magento's own, and those of other APIs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imported_profiles import Outcome, carried_out, planned, refusal, run_all
from profiles import full
from recordings import PLACE, needed

from tui_connector.machine import Machine
from tui_connector.magento.entities import WRITABLE
from tui_connector.profile.importers.detection import read
from tui_connector.profile.importers.model import Import, ImportOptions
from tui_connector.sandbox.server import Sandbox

SENT = ("stock", "products", "base-prices")


def schema() -> str:
    """Magento's own document, from `schema?services=all`."""
    needed()
    return (PLACE / "schema-all.json").read_text()


async def test_the_document_of_a_magento_becomes_a_profile_that_the_store_accepts(
    sandbox: Sandbox, machine: Machine, tmp_path: Path
) -> None:
    text = schema().replace("127.0.0.1:8181", sandbox.url.partition("://")[2])
    plan = planned(text, machine, tmp_path)
    result = await carried_out(plan, machine)
    entries = {name.replace("_", "-"): value for name, value in full(sandbox).items()}
    assert [*result.to_set] == [f"imported/integration/{name}" for name in entries]
    keyring = machine.keyring() if machine.keyring else None
    assert keyring is not None
    for name, value in entries.items():
        keyring.set_password(f"tui-connector/imported/integration/{name}", "tui-connector", value)
    for name in SENT:
        outgoing = plan.document.draft["outgoing"]
        part = outgoing[name if name in outgoing else f"{name}-out"]  # an incoming has the short name
        path = result.path.parent / part["source"]["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{json.dumps(WRITABLE[name].sample)}\n")
    outcome = Outcome(plan, result, result.path.read_text())
    await run_all(outcome, machine, empty=True)
    assert outcome.failed == []
    read_from = {each.removesuffix("-in") for each in outcome.succeeded}  # one that is also sent to may come first
    assert read_from >= {"products", "orders", "customers", "categories", "store-views", "stock"}
    assert len(plan.parts["incoming"]) >= 25
    assert len(plan.parts["outgoing"]) >= 30
    assert "other requests" in "\n".join(map(str, plan.not_imported))


def test_other_routes_of_a_magento_are_chosen_by_name() -> None:
    text = schema()
    found = read(text, ImportOptions(only=("products", "modules", "orders-hold")))
    assert {*found.parts["incoming"]} == {"products", "modules"}
    assert {*found.parts["outgoing"]} == {"products-out", "orders-hold"}
    assert found.parts["outgoing"]["orders-hold"]["request"] == {"method": "post", "uri": "orders/&{id}/hold"}  # type: ignore[index,call-overload]
    error = refusal(text, only=("prodcts",))
    assert (error.code, "did you mean 'products'?" in error.message) == ("import-only", True)


def document(**changes: Any) -> dict[str, Any]:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Pets"},
        "servers": [{"url": "https://{region}.pets.example/v2", "variables": {"region": {"default": "eu"}}}],
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                "odd": {"type": "mutualTLS"},
            },
            "schemas": {
                "Pet": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "parent": {"$ref": "#/components/schemas/Pet"}},
                },
                "Dog": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"properties": {"breed": {"type": "string"}}}]},
                "Circle": {"$ref": "#/components/schemas/Other"},
                "Other": {"$ref": "#/components/schemas/Circle"},
            },
        },
        "paths": {
            "/pets": {
                "get": {
                    "operationId": "listPets",
                    "parameters": [{"name": "limit", "in": "query", "required": True}],
                    "responses": {"200": {"content": {"application/json": {"schema": {
                        "type": "object",
                        "properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}},
                    }}}}},
                },
                "post": {
                    "operationId": "addDog",
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Dog"}}}},
                },
            },
            "/pets/{id}": {
                "get": {},
                "delete": {"operationId": "deletePet"},
                "put": {
                    "operationId": "changePet",
                    "requestBody": {"content": {"text/json": {"schema": {"$ref": "#/components/schemas/Circle"}}}},
                },
            },
        },
        **changes,
    }  # fmt: skip


def imported(**changes: Any) -> Import:
    return read(json.dumps(document(**changes)), ImportOptions())


def test_an_openapi_document() -> None:
    found = imported()
    assert found.title == "Pets"
    assert found.parts["authentications"] == {
        "header": {"kind": "header", "header": "X-Key", "value": {"keyring": "header/value"}}
    }
    [incoming] = found.parts["incoming"].values()
    assert incoming["items"] == "data"  # type: ignore[index,call-overload]
    outgoing: dict[str, Any] = dict(found.parts["outgoing"])
    assert outgoing["adddog"]["request"]["parameters"] == {
        "name": "&{name}", "parent": "?{parent}", "breed": "?{breed}",
    }  # fmt: skip
    assert outgoing["deletepet"]["request"] == {"method": "delete", "uri": "pets/&{id}"}
    assert outgoing["changepet"]["request"]["parameters"] == "&{@}"
    told = "\n".join(map(str, found.not_imported))
    assert "a $ref: it refers to itself" in told
    assert "odd: this authentication is not supported" in told
    assert "GET /pets: limit: required in the query" in told
    assert "1 GET such as /pets/{id}" in told


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"servers": []}, "import-address"),
        ({"servers": [{"url": "/v2"}]}, "import-address"),
        ({"paths": {}}, "import-empty"),
        ({"paths": 5}, "import-empty"),
        ({"paths": {"/x": 1, "/y": {"get": 2}, "/z": {"post": {"requestBody": {"$ref": "x.json"}}}}}, ""),
    ],
)
def test_broken_documents(changes: dict[str, Any], code: str) -> None:
    if code:
        assert refusal(json.dumps(document(**changes))).code == code
    else:
        assert "other files are not read" in str(imported(**changes).not_imported)
