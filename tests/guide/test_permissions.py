"""What a token may do, and the boxes to tick for what is wanted."""

from __future__ import annotations

import pytest
from profiles import FOUR, profile, signed

from tui_connector.client.message import ANONYMOUS, Request
from tui_connector.guide.checks.check import check_authentication
from tui_connector.guide.checks.permissions import Permissions, RouteAccess, boxes, boxes_text, chosen, permissions
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.entities import READABLE, WRITABLE
from tui_connector.outgoing.bulk import PERMISSION, PERMISSION_PATH
from tui_connector.sandbox.server import Sandbox


async def of(machine: Machine, sandbox: Sandbox, integration: str | None) -> tuple[Permissions, dict[str, int]]:
    """What this integration may do, and the status of a list that is really asked for, by entity."""
    bench = Workbench(machine)
    described = sandbox.description()["integrations"]
    assert isinstance(described, dict)
    if integration is not None:
        for name, entry in FOUR.items():
            bench.vault.hold(entry, described[integration][name.replace("-", "_")], sandbox.url)
    base_uri = f"{sandbox.url}/rest/all/V1"
    saved = profile(base_uri, signed() if integration else None)
    async with bench.session(saved) as session:
        send = session.client("shop")
        modules = (await check_authentication(saved, session, "shop")).modules
        found = await permissions(send, session.client("shop", ANONYMOUS), base_uri, modules)
        statuses = {}
        for name in ("products", "orders", "customers", "categories", "source-items", "store-views"):
            request = Request("GET", f"{READABLE[name].path}?searchCriteria%5BpageSize%5D=1")
            statuses[name] = (await send(request)).status
    bench.close()
    return found, statuses


@pytest.mark.parametrize("integration", ["full", "catalog"])
async def test_what_the_schema_says_is_what_the_store_does(
    machine: Machine, sandbox: Sandbox, integration: str
) -> None:
    found, statuses = await of(machine, sandbox, integration)
    assert {name: 200 if found.read[name] is RouteAccess.YES else 401 for name in statuses} == statuses
    assert found.send["products"] is RouteAccess.YES
    assert found.send["stock"] is (RouteAccess.YES if integration == "full" else RouteAccess.NO)


async def test_without_a_token_the_schema_proves_nothing(machine: Machine, sandbox: Sandbox) -> None:
    for integration in (None, "inactive", "none"):
        found, _ = await of(machine, sandbox, integration)
        assert not found.read
        assert found.missing("post", "inventory/source-items") is None


async def test_what_is_missing_for_sending_is_named_with_its_box(machine: Machine, sandbox: Sandbox) -> None:
    found, _ = await of(machine, sandbox, "catalog")
    finding = found.missing("post", "inventory/source-items")
    assert finding is not None
    assert "Stores › Inventory › Stocks › Source Item Assigning" in finding.remedy
    assert finding.evidence[0].startswith("#2 GET schema")
    assert found.missing("put", "products/&{sku}") is None
    unknown = found.missing("post", "nowhere/&{id}")
    assert unknown is not None
    assert unknown.id == "not-permitted"
    assert "Integrations" in unknown.remedy
    results = found.missing("get", "bulk", resource=PERMISSION)
    assert results is not None
    assert PERMISSION in results.remedy + results.summary
    assert PERMISSION_PATH in results.remedy
    as_admin = found.missing("post", "nowhere/&{id}", "request")
    assert as_admin is not None
    assert "Role Resources" in as_admin.remedy


def test_the_boxes_for_what_is_wanted_stand_in_the_order_of_magentos_tree() -> None:
    assert boxes(["customers", "products", "orders"], ["stock"]) == [
        "Sales › Operations › Orders › Actions › View",
        "Catalog › Inventory › Products",
        "Customers",
        "Stores › Inventory › Stocks › Source Item Assigning",
    ]
    text = boxes_text(["orders"])
    assert text.startswith("System › Extensions › Integrations")
    assert text.endswith("\n  Sales › Operations › Orders › Actions › View")
    role = boxes_text(["orders"], kind="request")
    assert role.startswith("System › Permissions › User Roles › the user's role › Role Resources")
    assert role.splitlines()[1:] == text.splitlines()[1:]
    assert boxes([], ["new-customers"]) == []
    incoming = {"night": READABLE["orders"].configuration("shop"), "own": {"request": {"uri": "nowhere"}}}
    outgoing = {"stock": WRITABLE["stock"].configuration("shop")}
    assert chosen(incoming, outgoing) == (["orders"], ["stock"])
    assert len(boxes(READABLE, WRITABLE)) == len(set(boxes(READABLE, WRITABLE)))
