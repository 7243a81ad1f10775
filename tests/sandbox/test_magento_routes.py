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
    recordings.needed()
    paths = json.loads(recordings.schema(of))["paths"]
    return {(method.upper(), shape(path)) for path, methods in paths.items() for method in methods}


def test_the_list_of_routes_is_that_of_a_real_store() -> None:
    ours = {(route.method, shape(route.path)) for route in ROUTES.values() if SERVED_BY_OTHERS not in route.path}
    assert ours == in_schema("all")


def test_what_everybody_may_use_is_what_a_real_store_opens() -> None:
    opened = {(route.method, shape(route.path)) for route in ROUTES.values() if route.resource == "anonymous"}
    assert {each for each in opened if SERVED_BY_OTHERS not in each[1]} == in_schema("anonymous")


async def test_every_real_route_is_offered_or_is_said_not_to_be(store: Store) -> None:
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
async def test_what_no_real_store_has_is_no_route(store: Store, method: str, path: str) -> None:
    body = {} if method in ("POST", "PUT") else None
    reply = await store.ask(f"/rest{path}", method, json_body=body, Authorization=store.bearer())
    assert (reply.status, reply.data) == (404, {"message": "Request does not match any route."})


async def test_a_route_that_is_not_offered_still_wants_its_permission(store: Store) -> None:
    refused = await store.ask("/rest/V1/carts/1", Authorization=store.bearer("catalog"))
    assert (refused.status, refused.data["parameters"]) == (401, {"resources": "Magento_Cart::manage"})
    honest = await store.ask("/rest/V1/carts/1", Authorization=store.bearer())
    assert honest.status == 501
    assert "stand-in" in honest.data["message"]


def test_the_list_is_read_as_it_is_written() -> None:
    names = [route.name for route in ROUTES.values()]
    assert len(names) == len(set(names)) == 410
    assert all(route.resource and route.service.endswith("V1") for route in ROUTES.values())
