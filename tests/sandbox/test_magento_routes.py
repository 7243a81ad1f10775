"""The sandbox knows every route of a real store: it offers it, or says honestly that it does not."""

from __future__ import annotations

import json
import re

import pytest
import recordings
from sandbox_client import Store

from tui_connector.sandbox.magento_routes import ROUTES

SERVED_BY_OTHERS = "/tfa/"
"""Routes of a module that the recorded store had switched off."""


def shape(path: str) -> str:
    """A path without the names of its variables."""
    return re.sub(r":\w+|\{\w+\}", ":", path).rstrip("/")


def in_schema(of: str) -> set[tuple[str, str]]:
    paths = json.loads(recordings.schema(of))["paths"]
    return {(method.upper(), shape(path)) for path, methods in paths.items() for method in methods}


def test_the_routes_match_a_real_store() -> None:
    ours = {(route.method, shape(route.path)) for route in ROUTES.values() if SERVED_BY_OTHERS not in route.path}
    assert ours == in_schema("all")


def test_the_public_routes_match_a_real_store() -> None:
    opened = {(route.method, shape(route.path)) for route in ROUTES.values() if route.resource == "anonymous"}
    assert {each for each in opened if SERVED_BY_OTHERS not in each[1]} == in_schema("anonymous")


async def test_a_route_that_is_not_offered_returns_501(store: Store) -> None:
    rights = {"Authorization": store.bearer()}
    statuses = {}
    for route in ROUTES.values():
        if SERVED_BY_OTHERS in route.path:
            continue
        target = "/rest/V1" + re.sub(r":\w+", "1", route.path).removeprefix("/V1")
        body = {} if route.method in ("POST", "PUT") else None
        reply = await store.ask(f"{target}?searchCriteria=", route.method, json_body=body, **rights)
        statuses[route.name] = reply.status
        if reply.status == 404:
            assert "route" not in reply.data["message"], route.name
        if reply.status == 501:
            assert reply.data["parameters"] == {"route": route.name}
    assert set(statuses.values()) <= {200, 400, 401, 404, 501}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/V1/noSuch"),
        ("GET", "/V1/customers"),
        ("DELETE", "/V1/orders/1"),
        ("POST", "/V1/products/24-MB01"),
        ("PUT", "/V1/invoices/1/comments"),
        ("GET", "/V1/products/a/b"),
        ("GET", "/V2/products/a"),
        ("DELETE", "/V1/inventory/sources/default"),
    ],
)
async def test_an_unknown_route_returns_404(store: Store, method: str, path: str) -> None:
    body = {} if method in ("POST", "PUT") else None
    reply = await store.ask(f"/rest{path}", method, json_body=body, Authorization=store.bearer())
    assert (reply.status, reply.data) == (404, {"message": "Request does not match any route."})


async def test_a_route_that_is_not_offered_requires_its_permission(store: Store) -> None:
    refused = await store.ask("/rest/V1/carts/1", Authorization=store.bearer("catalog"))
    assert (refused.status, refused.data["parameters"]) == (401, {"resources": "Magento_Cart::manage"})
    honest = await store.ask("/rest/V1/carts/1", Authorization=store.bearer())
    assert honest.status == 501
    assert "stand-in" in honest.data["message"]


def test_the_routes_are_unique_and_complete() -> None:
    names = [route.name for route in ROUTES.values()]
    assert len(names) == len(set(names)) == 410
    assert all(route.resource and route.service.endswith("V1") for route in ROUTES.values())
