"""Entities that the store queues, compared with its current values, and the permission to read its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compared_store import ComparedStore, connected, preset
from profiles import FOUR, full, profile, signed
from runs import BEARER
from sending import counted

from tui_connector.guide.checks.check import check
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions


def price(sku: str, value: Any, store_id: int = 0) -> dict[str, Any]:
    return {"sku": sku, "price": value, "store_id": store_id}


@pytest.mark.parametrize("mode", ["async", "bulk"])
async def test_rows_that_a_complete_operation_refuses_are_failed_tasks(store: ComparedStore, mode: str) -> None:
    outgoing = preset("base-prices", delivery=mode, batch=2, send="all", compare=None)
    sent = [price("SYNC-0001", 11), price("NO-SUCH", 1), price("SYNC-0002", 12), price("SYNC-0003", -1)]
    summary = await store.run(outgoing, sent)
    assert counted(summary) == {"finished": 2, "failed": 2}
    failed = [task for task in store.tasks() if task.state == "failed"]
    assert [(task.identifier, task.code) for task in failed] == [
        ("NO-SUCH", "row-refused"),
        ("SYNC-0003", "row-refused"),
    ]
    assert "Invalid attribute" in failed[0].reason
    assert [(await store.get(f"products/{sku}"))["price"] for sku in ("SYNC-0001", "SYNC-0002")] == [11, 12]


async def test_products_and_customers_are_changed_and_deleted_in_bulk(store: ComparedStore) -> None:
    products = preset("products", delivery="bulk")
    changed = [{"sku": "SYNC-0001", "name": "One"}, {"sku": "SYNC-0002", "name": "Two"}, {"sku": "NEW", "name": "?"}]
    summary = await store.run(products, changed)
    assert counted(summary) == {"finished": 2, "failed": 1}
    [failed] = [task for task in store.tasks() if task.state == "failed"]
    assert (failed.identifier, failed.code) == ("NEW", "operation-failed")
    assert "attribute set" in failed.reason
    assert (await store.get("products/SYNC-0002"))["name"] == "Two"
    assert counted(await store.run(products, changed[:2])) == {"unchanged": 2}

    deleting = preset("products", request={"method": "delete", "uri": "products/&{sku}"}, compare=None, delivery="bulk")
    twice = [{"sku": "SYNC-0001"}, {"sku": "SYNC-0002"}, {"sku": "sync-0002"}]
    assert counted(await store.run(deleting, twice)) == {"finished": 2, "failed": 1}

    customers = preset("customers", delivery="bulk", compare=None)
    before = await store.get("customers/search?searchCriteria[pageSize]=1&fields=total_count")
    partial = {"id": 2, "email": "c002@example.com", "firstname": "Second", "lastname": "C"}
    summary = await store.run(customers, [partial, {"email": "without@example.com"}])
    assert counted(summary) == {"finished": 1, "failed": 1}
    assert (await store.get("customers/2"))["firstname"] == "Second"
    assert before == await store.get("customers/search?searchCriteria[pageSize]=1&fields=total_count")


async def test_what_a_bulk_has_changed_is_not_sent_again(store: ComparedStore) -> None:
    stock = preset("stock", delivery="bulk", batch=2)
    sent = [
        {"sku": f"SYNC-000{number}", "source_code": "default", "quantity": 90 + number, "status": 1}
        for number in range(1, 6)
    ]
    bad = {**sent[0], "source_code": "nowhere"}
    assert counted(await store.run(stock, [bad, *sent[1:]])) == {"finished": 4, "failed": 1}
    assert counted(await store.run(stock, sent)) == {"unchanged": 4, "finished": 1}


async def test_a_run_in_bulk_is_undone_in_bulk(store: ComparedStore) -> None:
    prices = preset("base-prices", delivery="bulk", batch=2)
    before = await store.get("products?searchCriteria[pageSize]=100&fields=items[sku,price]")
    sent = [price(f"SYNC-000{number}", 500 + number) for number in (1, 2, 3)]
    assert counted(await store.run(prices, sent)) == {"finished": 3}
    await store.undo(prices)
    assert before == await store.get("products?searchCriteria[pageSize]=100&fields=items[sku,price]")
    requests = [str(each["path"]) for each in store.sandbox.journal() if each["method"] == "POST"]
    assert [path for path in requests if path.endswith("/base-prices")] == [
        "/rest/all/async/bulk/V1/products/base-prices",
        "/rest/all/async/bulk/V1/products/base-prices",
    ]


@pytest.mark.parametrize("integration", ["full", "catalog"])
async def test_a_check_looks_for_the_permission_to_read_results(
    machine: Machine, sandbox: Sandbox, integration: str
) -> None:
    bench = Workbench(machine)
    for name, entry in FOUR.items():
        bench.vault.hold(entry, full(sandbox, integration)[name], sandbox.url)
    saved = profile(f"{sandbox.url}/rest/all/V1", signed())
    saved = saved.model_copy(update={"outgoing": {"products": preset("products", delivery="bulk")}})
    async with bench.session(saved) as session:
        tried = {each.summary: each async for each in check(saved, session, bench.run())}
    bench.close()
    results = tried["outgoing products: results of bulk requests readable"]
    assert results.ok is (integration == "full")
    assert results.finding is None or "Bulk Actions" in results.finding.remedy


async def test_without_the_permission_to_read_results_nothing_is_sent(machine: Machine, tmp_path: Path) -> None:
    async with Sandbox(SandboxOptions(products=5, settings=BEARER), machine.now) as sandbox:
        async with connected(sandbox, machine, tmp_path, "catalog") as store:
            outgoing = preset("products", delivery="bulk", compare=None)
            summary = await store.run(outgoing, [{"sku": "SYNC-0001", "name": "One"}])
        assert (summary.state, summary.code) == ("refused", "bulk-permission")
        assert "System › Action Log › Bulk Actions" in summary.reason
        assert "Magento_Logging::system_magento_logging_bulk_operations" in summary.reason
        assert counted(summary) == {"new": 1}
        assert [each["method"] for each in sandbox.journal()] == ["GET"]
