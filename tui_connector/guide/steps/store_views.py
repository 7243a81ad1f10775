"""The store views of a store: lists them, or checks a typed code if the token may not list them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ...client.layer import Send
from ...client.message import RequestFailed, probe_request
from ...magento.diagnosis import AuthKind, Finding, diagnose, diagnose_failure
from ...magento.diagnosis.probes import CURRENCY
from .store_address import RestAddress

ALWAYS = ("all", "default")
"""The codes of every store: all (default values, for reading and writing), and the default store view."""


@dataclass(frozen=True, slots=True)
class StoreView:
    """A store view; `code` is in the address."""

    code: str
    name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class StoreViews:
    """The store views of a store, or the finding why they are unknown."""

    views: tuple[StoreView, ...] = ()
    finding: Finding | None = None


async def store_views(send: Send, address: RestAddress, way: AuthKind) -> StoreViews:
    """The store views, by one request that needs Magento_Backend::store, which few integrations have."""
    request = probe_request("GET", f"{address.base_uri()}/store/storeViews", "which store views?")
    try:
        response = await send(request)
    except RequestFailed as failure:
        return StoreViews(finding=diagnose_failure(failure, "GET store/storeViews"))
    finding = diagnose(request, response, way)
    if finding is not None:
        return StoreViews(finding=finding)
    found = json.loads(response.body)
    listed = found if isinstance(found, list) else []
    rows = [row for row in listed if isinstance(row, dict) and row.get("code") != "admin"]
    return StoreViews(
        tuple(StoreView(str(row.get("code")), str(row.get("name")), bool(row.get("is_active", 1))) for row in rows)
    )


async def unknown_view(code: str, send: Send, address: RestAddress) -> Finding | None:
    """The finding for a typed code, by one anonymous request; None if the store has this view."""
    if address.without_rest:
        return None  # selected by a header, and not disclosed without a token
    view = "" if code == "default" else code
    request = probe_request("GET", f"{address.base_uri(view)}/{CURRENCY}", "does this store view exist?")
    try:
        response = await send(request)
    except RequestFailed as failure:
        return diagnose_failure(failure, f"GET {request.uri}")
    finding = diagnose(request, response)
    if finding is None or finding.id != "store-code":
        return finding
    return replace(finding, summary=f"The store has no store view with the code {code!r}")
