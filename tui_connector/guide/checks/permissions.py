"""Permissions of a token, read from the store's schema, and the resources to tick for the entities in use.

The schema lists the routes that a caller may use (Magento_Webapi, AbstractSchemaGenerator). It responds with 200
without any token too, so only a path that is there for the token and not for everybody says something about the token.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ...client.layer import Send
from ...client.message import RequestFailed, Response, probe_request
from ...client.uri import origin_of
from ...magento.diagnosis import AuthKind, Finding
from ...magento.diagnosis.menus import ROLE_MENU, permissions_menu
from ...magento.diagnosis.rules import explain
from ...magento.entities import PERMISSION_PATHS, READABLE, WRITABLE, Readable, Writable, permission_path
from ...misspelling import similar_names
from ...templates import Json
from ..rest_api import ApiPaths, paths_in_schema
from ..steps.chain import requests_in
from ..steps.methods import ADMIN
from ..steps.store_address import is_without_rest

_PLACEHOLDER = re.compile(r"[&?@]\{[^}]*\}")
_MODULES = {"Magento_Cart": "Magento_Quote"}
"""Modules by the prefix of their resources, where the two differ."""
Paths = Mapping[str, Mapping[str, object]]


class RouteAccess(StrEnum):
    """Whether a token may use a route."""

    YES = "yes"
    NO = "no"
    NO_MODULE = "no module"
    """The module of this route is disabled or missing in the store."""

    @property
    def mark(self) -> str:
        return "✔" if self is RouteAccess.YES else "✘"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a token may read and send, by entity. Empty if the store's schema cannot be read."""

    read: Mapping[str, RouteAccess]
    send: Mapping[str, RouteAccess]
    routes: int = 0
    """Number of routes that this token may use and anonymous requests may not."""
    paths: Paths = field(default_factory=dict, repr=False)
    exchange: int = 0
    """The number of the request for the schema."""
    api: ApiPaths = field(default_factory=dict, repr=False)
    """The same paths, with what each accepts, to complete what is typed."""

    def has_path(self, method: str, uri: str) -> bool:
        """Whether the token may use this path, or nothing is known."""
        return not self.paths or _has_route(self.paths, method, uri)

    def similar_paths(self, method: str, uri: str) -> list[str]:
        """Paths for this method like one that there is not: those that contain it, then those with similar letters."""
        wanted = uri.partition("?")[0].strip("/").lower()
        known = [path.removeprefix("/V1/") for path, methods in self.paths.items() if method in methods]
        containing = sorted((path for path in known if wanted in path.lower()), key=len)
        return list(dict.fromkeys([*containing, *similar_names(wanted, known, 3)]))[:3]

    def missing(self, method: str, uri: str, kind: AuthKind = "", resource: str = "") -> Finding | None:
        """The finding for a request without permission; None if it is permitted or nothing is known.

        `resource`: the permission that the route requires, if it is not one of a known entity.
        """
        if not self.paths or _has_route(self.paths, method, uri):
            return None
        known = _known(method, uri)
        evidence = (f"#{self.exchange} GET schema: {method.upper()} {uri} is not a route that this token may use",)
        if resource:
            return explain(
                "permission-missing", evidence, auth=kind, resource=resource, permission_path=permission_path(resource)
            )
        if known is None:
            where = permissions_menu(kind)
            compare = "Compare the path and method with Magento's documentation."
            remedy = f"{compare} If they are right, tick the resource: {where}."
            summary = "The token may not do this, or the route does not exist"
            return Finding("not-permitted", summary, evidence, remedy, "permission")
        if (self.send if isinstance(known, Writable) else self.read)[known.name] is RouteAccess.NO_MODULE:
            remedy = f"Enable it: bin/magento module:enable {_module(known.resource)}"
            return Finding("no-module", "The module of this route is not enabled in the store", evidence, remedy, "uri")
        resource, path = known.resource, permission_path(known.resource)
        return explain("permission-missing", evidence, auth=kind, resource=resource, permission_path=path)


UNKNOWN_PERMISSIONS = Permissions({}, {})


async def permissions(send: Send, anonymous: Send, base_uri: str, modules: frozenset[str]) -> Permissions:
    """Permissions of this token, from two requests: its schema, and the anonymous one.

    `modules` are those that the store has, as `modules_of` reads them from the response that proved the token; empty if
    unknown.
    """
    schema, number = await schema_of(send, base_uri)
    mine = _paths(schema)
    if not mine:
        return UNKNOWN_PERMISSIONS
    routes = _routes(mine) - _routes(_paths((await schema_of(anonymous, base_uri))[0]))
    if not routes:
        return UNKNOWN_PERMISSIONS
    return Permissions(
        {name: _access(mine, "get", each.path, each, modules) for name, each in READABLE.items()},
        {name: _access(mine, each.method, each.uri, each, modules) for name, each in WRITABLE.items()},
        len(routes),
        mine,
        number,
        await asyncio.to_thread(paths_in_schema, schema),
    )


def how_to_permit(access: RouteAccess | None, entity: Readable | Writable) -> str:
    """What to do in Magento so that the token may use this entity; empty if nothing, or unknown."""
    if access is RouteAccess.NO_MODULE:
        return f"the store has no {_module(entity.resource)}"
    return f"tick {entity.permission_path}" if access is RouteAccess.NO else ""


def boxes(read: Iterable[str], send: Iterable[str] = ()) -> list[str]:
    """The boxes to tick for these entities, in the order of Magento's tree."""
    wanted = {READABLE[name].resource for name in read} | {WRITABLE[name].resource for name in send}
    return [place for resource, place in PERMISSION_PATHS.items() if resource in wanted]


def boxes_text(read: Iterable[str], send: Iterable[str] = (), kind: str = "") -> str:
    """The same as text to copy, for the person who creates the integration or the admin user's role."""
    lines = boxes(read, send)
    if not lines:
        return "Nothing needs to be ticked."
    where = ROLE_MENU if kind == ADMIN else "System › Extensions › Integrations › the integration › API"
    return "\n".join([f"{where} › Resource Access: Custom. Tick:", *(f"  {line}" for line in lines)])


def chosen(incoming: Mapping[str, Json], outgoing: Mapping[str, Json]) -> tuple[list[str], list[str]]:
    """The entities that these configurations read and send, as far as they are known by their paths.

    A chain that looks something up before it sends reads, too.
    """
    asked = [each for configuration in outgoing.values() for each in requests_in(configuration)]
    reads = {uri for configuration in incoming.values() for _, uri in requests_in(configuration)}
    reads |= {uri for method, uri in asked if method == "get"}
    sends = {uri for method, uri in asked if method != "get"}
    return (
        [name for name, each in READABLE.items() if any(map(each.is_read_by, reads))],
        [name for name, each in WRITABLE.items() if any(map(each.is_sent_by, sends))],
    )


def _known(method: str, uri: str) -> Readable | Writable | None:
    """The entity that this request sends or reads."""
    sent = (each for each in WRITABLE.values() if each.method == method and each.is_sent_by(uri))
    return next(sent, None) or next(
        (each for each in READABLE.values() if method == "get" and each.is_read_by(uri)), None
    )


def modules_of(response: Response) -> frozenset[str]:
    """The modules listed by a response to GET modules; empty if it is not such a list."""
    try:
        return frozenset(json.loads(response.body)) if response.status == 200 else frozenset()
    except (ValueError, TypeError, RecursionError):
        return frozenset()


def _paths(schema: Mapping[str, object]) -> Paths:
    paths = schema.get("paths")
    return paths if isinstance(paths, dict) else {}


async def schema_of(send: Send, base_uri: str) -> tuple[Mapping[str, object], int]:
    """The store's schema (Swagger 2.0), empty if it cannot be read, and the number of the request."""
    if is_without_rest(base_uri):
        return {}, 0  # where the Cloud Service has its schema is not known
    root = base_uri[: base_uri.rindex("/rest")] if "/rest" in base_uri else origin_of(base_uri)
    request = probe_request("GET", f"{root}/rest/all/schema?services=all", "what can be read and sent?")
    try:
        response = await send(request)
        schema = await asyncio.to_thread(json.loads, response.body)  # 626 KB take 30 ms
    except (RequestFailed, ValueError, RecursionError):
        return {}, 0
    return (schema if isinstance(schema, dict) else {}), response.exchange


def _routes(paths: Paths) -> set[tuple[str, str]]:
    return {(path, method) for path, methods in paths.items() for method in methods}


def _access(paths: Paths, method: str, uri: str, entity: Readable | Writable, modules: frozenset[str]) -> RouteAccess:
    if _has_route(paths, method, uri):
        return RouteAccess.YES
    gone = modules and "::" in entity.resource and _module(entity.resource) not in modules
    return RouteAccess.NO_MODULE if gone else RouteAccess.NO


def _module(resource: str) -> str:
    module = resource.partition("::")[0]
    return _MODULES.get(module, module)


def _has_route(paths: Paths, method: str, uri: str) -> bool:
    """Whether a path like this one, with values where the schema has names, is among them."""
    wanted = _PLACEHOLDER.sub("x", uri.partition("?")[0]).strip("/").split("/")
    return any(method in methods and _matches(path, wanted) for path, methods in paths.items())


def _matches(path: str, wanted: list[str]) -> bool:
    parts = path.removeprefix("/V1/").strip("/").split("/")
    return len(parts) == len(wanted) and all(
        part == value or part.startswith("{") for part, value in zip(parts, wanted, strict=True)
    )
