"""The list of entities, compared with the schema of a real Magento 2.4.7, and each of them as a configuration."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tui_connector.guide.steps.chain import LOOKUPS
from tui_connector.magento.entities import PERMISSION_PATHS, READABLE, WRITABLE, Readable, Writable
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data

PLACE = Path(os.environ.get("TUI_CONNECTOR_RECORDINGS", Path(__file__).parents[3] / "shared" / "magento-recordings"))

NOT_ANSWERED = {"source-items": "source_item_id"}
"""Lists whose id can be searched by, though no response holds it."""


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """What the routes of a real store take and answer."""
    file = PLACE / "schema-all.json"
    if not file.exists():
        pytest.skip(f"needs the recorded schema: TUI_CONNECTOR_RECORDINGS ({PLACE})")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def operation(schema: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The operation of a path with values or placeholders in it."""
    wanted = re.sub(r"&\{[^}]*\}", "x", path).strip("/").split("/")
    candidates = []
    for template, methods in schema["paths"].items():
        parts = template.removeprefix("/V1/").strip("/").split("/")
        if len(parts) == len(wanted) and method in methods:
            pairs = list(zip(parts, wanted, strict=True))
            if all(part.startswith("{") or part == value for part, value in pairs):
                candidates.append((sum(part.startswith("{") for part, _ in pairs), template))
    assert candidates, f"{method} {path} is no route of the store"
    found: dict[str, Any] = schema["paths"][min(candidates)[1]][method]
    return found


def resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema["definitions"][name] if name else part
    return found


def item_of(schema: dict[str, Any], entity: Readable) -> dict[str, Any]:
    """The properties of one item of what the route answers."""
    response = resolved(schema, operation(schema, "get", entity.path)["responses"]["200"]["schema"])
    if entity.items == "items":
        response = response["properties"]["items"]
    if response.get("type") == "array":
        response = resolved(schema, response["items"])
    properties: dict[str, Any] = response.get("properties", {})
    return properties


@pytest.mark.parametrize("entity", READABLE.values(), ids=list(READABLE))
def test_readable_entities_are_routes_of_the_store(schema: dict[str, Any], entity: Readable) -> None:
    properties = item_of(schema, entity)
    for name in (entity.identifier, entity.field, entity.cursor, entity.order):
        assert not name or name in properties, f"{name} is not in a response of {entity.path}"
    takes = {each["name"] for each in operation(schema, "get", entity.path).get("parameters", [])}
    searched = any(name.startswith("searchCriteria") for name in takes)
    assert searched == (entity.filter is not None or entity.order is not None)
    if entity.filter is not None and not entity.field:
        assert NOT_ANSWERED[entity.name] == entity.filter
        assert entity.filter not in properties


@pytest.fixture(scope="module")
def recorded_lists() -> dict[str, list[list[dict[str, Any]]]]:
    """The lists that recorded stores sent, by path."""
    found: dict[str, list[list[dict[str, Any]]]] = {}
    for file in sorted(PLACE.parent.glob("magento-recordings*/[0-9]*.json")):
        exchange = json.loads(file.read_text())
        body = exchange["response"]["body"]
        body = body.get("items") if isinstance(body, dict) else body
        if isinstance(body, list) and all(isinstance(each, dict) for each in body):
            path = exchange["request"]["path"].partition("?")[0].partition("/V1/")[2]
            found.setdefault(path, []).append(body)
    return found


@pytest.mark.parametrize(
    "entity", [pytest.param(each, id=name) for name, each in READABLE.items() if each.identifier is not None]
)
def test_no_two_items_of_a_real_store_have_the_same_identifier(
    entity: Readable, recorded_lists: dict[str, list[list[dict[str, Any]]]]
) -> None:
    if not PLACE.exists():
        pytest.skip(f"needs the recordings: TUI_CONNECTOR_RECORDINGS ({PLACE})")
    assert entity.identifier is not None
    for items in recorded_lists.get(entity.path, []):
        found = [each[entity.identifier] for each in items if entity.identifier in each]
        assert len(found) == len(set(map(str, found)))


@pytest.mark.parametrize("name", ["customers", "cms-blocks", "cms-pages", "orders", "invoices", "tax-rules"])
def test_values_shared_by_websites_or_store_views_are_no_identifiers(name: str) -> None:
    assert READABLE[name].identifier in ("id", "entity_id")


@pytest.mark.parametrize("entity", WRITABLE.values(), ids=list(WRITABLE))
def test_writable_entities_are_routes_of_the_store(schema: dict[str, Any], entity: Writable) -> None:
    parameters = operation(schema, entity.method, entity.uri)["parameters"]
    body = resolved(schema, next(each["schema"] for each in parameters if each["in"] == "body"))
    assert isinstance(entity.parameters, dict)
    assert set(entity.parameters) <= set(body["properties"])
    assert set(body.get("required", [])) <= set(entity.parameters)


def test_offered_lookups_are_routes_of_the_store(schema: dict[str, Any]) -> None:
    assert list(LOOKUPS) == ["products/&{sku}", "categories/&{id}", "customers/&{id}"]
    for uri in LOOKUPS:
        assert operation(schema, "get", uri)


def _profile(**parts: dict[str, Any]) -> Profile:
    uri = "https://shop.example/rest/all/V1"
    clients = {"shop": {"plugins": [{"kind": "base-uri", "uri": uri}, {"kind": "content-type"}]}}
    found, problems = check_data({"format": 1, "name": "Shop", "clients": clients, **parts})
    assert found is not None, problems
    return found


def test_every_entity_makes_a_valid_configuration() -> None:
    incoming = {name: entity.configuration("shop") for name, entity in READABLE.items()}
    outgoing = {name: entity.configuration("shop") for name, entity in WRITABLE.items()}
    assert set(_profile(incoming=incoming, outgoing=outgoing).incoming) == set(READABLE)


@pytest.mark.parametrize("entity", WRITABLE.values(), ids=list(WRITABLE))
def test_the_sample_makes_a_whole_request(entity: Writable) -> None:
    outgoing = _profile(outgoing={"sample": entity.configuration("shop")}).outgoing["sample"]
    request = outgoing.request_for(entity.sample, {"run": {}})
    assert request.method == entity.method.upper()
    assert "&{" not in request.uri + request.body.decode()
    assert isinstance(entity.sample, dict)
    assert entity.identifier in entity.sample


def _resources() -> Iterator[str]:
    yield from (entity.resource for entity in READABLE.values())
    yield from (entity.resource for entity in WRITABLE.values() if entity.resource != "anonymous")


def test_every_permission_has_a_path_in_the_tree() -> None:
    assert set(_resources()) <= set(PERMISSION_PATHS)
    assert len(set(PERMISSION_PATHS.values())) == len(PERMISSION_PATHS)
