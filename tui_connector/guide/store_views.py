"""The store views of a store: listed where the token may, and a typed code checked where it may not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ..client.layer import Send
from ..client.message import Request, RequestFailed, RequestInfo
from ..magento.diagnosis import AuthKind, Finding, diagnose, diagnose_failure
from ..magento.diagnosis.probes import CURRENCY
from .store_address import RestAddress

ALWAYS = ("all", "default")
"""What every store has: all (default values, for reading and writing), and the default store view."""


@dataclass(frozen=True, slots=True)
class StoreView:
    """A store view; `code` is in the address."""

    code: str
    name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class StoreViews:
    """Those the store tells of; `finding` says why it does not."""

    views: tuple[StoreView, ...] = ()
    finding: Finding | None = None


async def store_views(send: Send, address: RestAddress, way: AuthKind) -> StoreViews:
    """The store views, by one request that needs Magento_Backend::store, which few integrations have."""
    request = Request("GET", f"{address.base_uri()}/store/storeViews", about=RequestInfo(purpose="probe"))
    try:
        response = await send(request)
    except RequestFailed as failure:
        return StoreViews(finding=diagnose_failure(failure, "GET store/storeViews"))
    finding = diagnose(request, response, way)
    if finding is not None:
        return StoreViews(finding=finding)
    found = json.loads(response.body)
    rows = [row for row in found if isinstance(row, dict) and row.get("code") != "admin"]
    return StoreViews(
        tuple(StoreView(str(row.get("code")), str(row.get("name")), bool(row.get("is_active", 1))) for row in rows)
    )


async def unknown_view(code: str, send: Send, address: RestAddress) -> Finding | None:
    """What is wrong with a typed code, by one request without a secret; None where the store has such a view."""
    if address.without_rest:
        return None  # the header names it, and nobody without a token is told
    view = "" if code == "default" else code
    request = Request("GET", f"{address.base_uri(view)}/{CURRENCY}", about=RequestInfo(purpose="probe"))
    try:
        response = await send(request)
    except RequestFailed as failure:
        return diagnose_failure(failure, f"GET {request.uri}")
    finding = diagnose(request, response)
    if finding is None or finding.id != "store-code":
        return finding
    return replace(finding, summary=f"The store has no store view with the code {code!r}")
