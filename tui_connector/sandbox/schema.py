"""The store's schema: Swagger 2.0, with only the routes that the caller may use."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from .callers import Caller
from .magento_routes import ROUTES
from .records import Item
from .response import Json, internal
from .route import Route
from .store import Store

_TYPES: list[Json] = ["application/json", "application/xml"]


def schema(store: Store, caller: Caller, host: str, base_path: str, services: str) -> Item:
    """The document of `/schema`; without a token, the anonymous routes.

    `services` is `all` or names separated by commas. Raises `Refusal` 500 for an unknown name.
    """
    allowed = [route for route in store.active_routes() if caller.has_access(store.resource(route))]
    if services != "all":
        wanted = services.split(",")
        if not set(wanted) <= {route.service for route in ROUTES.values()}:
            raise internal(services)
        allowed = [route for route in allowed if route.service in wanted]
    tags: list[Json] = [{"name": name, "description": ""} for name in sorted({route.service for route in allowed})]
    examples = {route.name: example for route in allowed if (example := store.example(route)) is not None}
    definitions: Item = {_definition(name): _object(example) for name, example in examples.items()}
    error: Item = {"type": "object", "properties": {"message": {"type": "string"}}}
    return {
        "securityDefinitions": {"api_key": {"type": "apiKey", "name": "api_key", "in": "header"}},
        "swagger": "2.0",
        "info": {"version": "2.4", "title": "Magento Community"},
        "host": host,
        "basePath": base_path,
        "schemes": ["http"],
        "tags": tags,
        "paths": _paths(allowed, set(examples)),
        "definitions": {"error-response": error, **definitions},
    }


def _paths(routes: Iterable[Route], searched: Container[str]) -> Item:
    """The paths; `searched` are the names of the routes that accept search criteria."""
    paths: dict[str, Item] = {}
    for route in routes:
        parts = [f"{{{part[1:]}}}" if part.startswith(":") else part for part in route.path.split("/")]
        paths.setdefault("/".join(parts), {})[route.method.lower()] = _operation(
            route, is_searched=route.name in searched
        )
    return dict(paths)


def _definition(name: str) -> str:
    return name.removeprefix("GET /V1/").replace("/", "-")


def _object(example: Item) -> Item:
    """The description of objects like this one."""
    properties: Item = {name: {"type": _type(value)} for name, value in example.items()}
    return {"type": "object", "properties": properties}


def _type(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = (((dict,), "object"), ((list,), "array"), ((int,), "integer"), ((float,), "number"))
    return next((name for types, name in kinds if isinstance(value, types)), "string")


_CRITERIA = (
    *(f"filterGroups][0][filters][0][{name}" for name in ("field", "value", "conditionType")),
    *("sortOrders][0][field", "sortOrders][0][direction", "pageSize", "currentPage"),
)
"""The names of search criteria in a schema, between `searchCriteria[` and `]`."""


_BODIES: Mapping[str, Item] = {
    "POST /V1/products": {"product": {"sku": ""}},
    "PUT /V1/products/:sku": {"product": {"sku": ""}},
    "POST /V1/categories": {"category": {"name": ""}},
    "POST /V1/inventory/source-items": {
        "sourceItems": [{"sku": "", "source_code": "", "quantity": 0.0, "status": 0}],
    },
    "POST /V1/products/base-prices": {"prices": [{"price": 0.0, "store_id": 0, "sku": ""}]},
}
"""What the bodies of some routes must have."""


def _body(example: Json) -> Item:
    """The description of a value like this one, all of whose fields are required."""
    if isinstance(example, list):
        return {"type": "array", "items": _body(example[0])}
    if isinstance(example, dict):
        properties: Item = {name: _body(value) for name, value in example.items()}
        return {"type": "object", "required": list(example), "properties": properties}
    return {"type": _type(example)}


def _operation(route: Route, *, is_searched: bool) -> Item:
    words = (part.lstrip(":").replace("-", "") for part in route.path.split("/") if part)
    name = route.method.capitalize() + "".join(word[:1].upper() + word[1:] for word in words)
    variables = [part[1:] for part in route.path.split("/") if part.startswith(":")]
    parameters: list[Json] = [{"name": each, "in": "path", "type": "string", "required": True} for each in variables]
    if (body := _BODIES.get(route.name)) is not None:
        parameters.append({"name": f"{name}Body", "in": "body", "schema": _body(body)})
    success: Item = {"description": "200 Success."}
    if is_searched:
        parameters += [{"name": f"searchCriteria[{each}]", "in": "query", "type": "string"} for each in _CRITERIA]
        items: Item = {"type": "array", "items": {"$ref": f"#/definitions/{_definition(route.name)}"}}
        success["schema"] = {"type": "object", "properties": {"items": items, "total_count": {"type": "integer"}}}
    problem: Item = {"$ref": "#/definitions/error-response"}
    return {
        "tags": [route.service],
        "operationId": name,
        "consumes": _TYPES,
        "produces": _TYPES,
        "parameters": parameters,
        "responses": {
            "200": success,
            "401": {"description": "401 Unauthorized", "schema": problem},
            "default": {"description": "Unexpected error", "schema": problem},
        },
    }
