"""The store's schema: Swagger 2.0, with only the routes that the caller may use."""

from __future__ import annotations

from collections.abc import Iterable

from .callers import Caller
from .magento_routes import ROUTES, Route
from .records import Item
from .response import Json, internal
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
    return {
        "securityDefinitions": {"api_key": {"type": "apiKey", "name": "api_key", "in": "header"}},
        "swagger": "2.0",
        "info": {"version": "2.4", "title": "Magento Community"},
        "host": host,
        "basePath": base_path,
        "schemes": ["http"],
        "tags": tags,
        "paths": _paths(allowed),
        "definitions": {"error-response": {"type": "object", "properties": {"message": {"type": "string"}}}},
    }


def _paths(routes: Iterable[Route]) -> Item:
    paths: dict[str, Item] = {}
    for route in routes:
        parts = [f"{{{part[1:]}}}" if part.startswith(":") else part for part in route.path.split("/")]
        paths.setdefault("/".join(parts), {})[route.method.lower()] = _operation(route)
    return dict(paths)


def _operation(route: Route) -> Item:
    words = (part.lstrip(":").replace("-", "") for part in route.path.split("/") if part)
    name = route.method.capitalize() + "".join(word[:1].upper() + word[1:] for word in words)
    variables = [part[1:] for part in route.path.split("/") if part.startswith(":")]
    parameters: list[Json] = [{"name": each, "in": "path", "type": "string", "required": True} for each in variables]
    problem: Item = {"$ref": "#/definitions/error-response"}
    return {
        "tags": [route.service],
        "operationId": name,
        "consumes": _TYPES,
        "produces": _TYPES,
        "parameters": parameters,
        "responses": {
            "200": {"description": "200 Success."},
            "401": {"description": "401 Unauthorized", "schema": problem},
            "default": {"description": "Unexpected error", "schema": problem},
        },
    }
