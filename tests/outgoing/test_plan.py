"""A plan is saved, applied exactly, and refused where it does not fit any more."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from compared_store import ComparedStore, preset

from tui_connector.outgoing.current_values import CurrentValues
from tui_connector.outgoing.equality import ABSENT
from tui_connector.outgoing.model import Outgoing
from tui_connector.outgoing.plan import PlanEntry, PlanError, SavedPlan, plan_head, planned, save_plan
from tui_connector.outgoing.source import BadEntity, EntitySource, SourceContext, SourceEntity
from tui_connector.outgoing.undo import UndoSource
from tui_connector.runs.errors import RunFailed
from tui_connector.secrets.mask import Mask
from tui_connector.templates import Json

STOCK = preset("stock")


def stock(sku: str, quantity: Json) -> dict[str, Json]:
    return {"sku": sku, "source_code": "default", "quantity": quantity, "status": 1}


def source(*entities: Json) -> EntitySource:
    return UndoSource([SourceEntity(line, each) for line, each in enumerate(entities, start=1)])


async def saved(
    store: ComparedStore, path: Path, *entities: Json, outgoing: Outgoing = STOCK, mask: Mask | None = None
) -> list[PlanEntry | BadEntity]:
    """Saves a plan for these entities; returns its entries as they were made."""
    seen: list[PlanEntry | BadEntity] = []
    current = CurrentValues(outgoing, store.session.client("shop"), remembers=True, now=store.bench.machine.now)
    mask = mask or store.session.mask
    entries = planned(
        source(*entities), SourceContext(store.directory, outgoing.identifier), outgoing, current.read, mask
    )
    head = plan_head(store.directory / "shop.toml", "sent", outgoing, store.session)
    await save_plan(path, head, entries, mask, seen.append)
    return seen


async def test_a_plan_is_applied_exactly(store: ComparedStore, tmp_path: Path) -> None:
    path = tmp_path / "stock.plan"
    await store.send(STOCK, [stock("SYNC-0001", 5)])
    made = await saved(store, path, stock("SYNC-0001", 5), stock("SYNC-0002", "8.5"), stock("a,b", 1))
    with SavedPlan.open(path) as plan:
        assert list(plan.entries()) == made
        assert plan.counts == {"unchanged": 1, "change": 2}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        await plan.refuse_changed_store(store.current(STOCK).read)
        summary = await store.run(STOCK, plan.source())
        assert summary.tasks["finished"] == 2
        assert sum(summary.tasks.values()) == 2, "what is unchanged is not sent"
        await plan.refuse_changed_store(store.current(STOCK).read)  # an interrupted run of it could continue
    await saved(store, path, stock("SYNC-0001", 5), stock("SYNC-0002", "8.5"))
    with SavedPlan.open(path) as plan:
        assert plan.counts == {"unchanged": 2}


async def test_a_plan_is_refused_when_the_store_has_changed(store: ComparedStore, tmp_path: Path) -> None:
    path = tmp_path / "stock.plan"
    await saved(store, path, *(stock(f"SYNC-000{number}", 600) for number in (1, 2, 3)))
    await store.send(STOCK, [stock("SYNC-0002", 601)])
    with SavedPlan.open(path) as plan:
        with pytest.raises(PlanError, match="SYNC-0002: quantity is 601 now") as refused:
            await plan.refuse_changed_store(store.current(STOCK).read)
        assert refused.value.code == "plan-outdated"
        assert "Nothing was sent" in refused.value.hint


async def test_an_entity_that_was_unchanged_counts_too(store: ComparedStore, tmp_path: Path) -> None:
    path = tmp_path / "stock.plan"
    await store.send(STOCK, [stock("SYNC-0001", 5)])
    await saved(store, path, stock("SYNC-0001", 5))
    await store.send(STOCK, [stock("SYNC-0001", 6)])
    with SavedPlan.open(path) as plan, pytest.raises(PlanError, match="SYNC-0001"):
        await plan.refuse_changed_store(store.current(STOCK).read)


async def test_a_plan_is_refused_for_another_store_profile_or_configuration(
    store: ComparedStore, tmp_path: Path
) -> None:
    path = tmp_path / "stock.plan"
    await saved(store, path, stock("SYNC-0001", 5))
    with SavedPlan.open(path) as plan:
        file = tmp_path / "shop.toml"
        plan.refuse_other(plan_head(file, "sent", STOCK, store.session))
        plan.refuse_other(plan_head(file, "sent", preset("stock", source=None, send="all"), store.session))
        others = [
            (plan_head(tmp_path / "two.toml", "sent", STOCK, store.session), "plan-profile"),
            (plan_head(file, "stock", STOCK, store.session), "plan-profile"),
            (plan_head(file, "sent", preset("stock", batch=7), store.session), "plan-configuration"),
            (replace(plan.head, store="https://other.example/rest/all/V1/"), "plan-store"),
        ]
        for head, code in others:
            with pytest.raises(PlanError) as refused:
                plan.refuse_other(head)
            assert refused.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace('"quantity": 5', '"quantity": 6'), "plan-altered"),
        (lambda text: text[: len(text) // 2], "plan-altered"),
        (lambda text: text + text, "plan-altered"),
        (lambda text: "", "plan-invalid"),
        (lambda text: "sku,quantity\n", "plan-invalid"),
        (lambda text: "[1]\n", "plan-invalid"),
        (lambda text: text.replace('"plan": 1', '"plan": 2'), "plan-version"),
    ],
)
async def test_an_incomplete_or_altered_plan_is_refused(
    store: ComparedStore, tmp_path: Path, change: Any, code: str
) -> None:
    path = tmp_path / "stock.plan"
    await saved(store, path, stock("SYNC-0001", 5))
    path.write_text(change(path.read_text()))
    with pytest.raises(PlanError) as refused:
        SavedPlan.open(path)
    assert refused.value.code == code
    with pytest.raises(PlanError) as refused:
        SavedPlan.open(tmp_path / "missing")
    assert refused.value.code == "plan-unreadable"


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1, 2]",
        b'{"line": "x", "identifier": "A"}',
        b'{"line": 99999999999999999999, "invalid": "x"}',
        b'{"line": 1, "identifier": "A", "action": "create", "changes": 5, "entity": {}, "former": null}',
        b'{"line": 1, "identifier": "A", "action": "delete", "changes": [], "entity": {}, "former": null}',
        b"[" * 100_000,
    ],
)
async def test_a_plan_that_was_edited_together_with_its_digest_is_refused(
    store: ComparedStore, tmp_path: Path, line: bytes
) -> None:
    path = tmp_path / "stock.plan"
    await saved(store, path, stock("SYNC-0001", 5))
    data = path.read_bytes().splitlines(keepends=True)[0] + line + b"\n"
    end = {"end": hashlib.sha256(data).hexdigest(), "counts": {}}
    path.write_bytes(data + json.dumps(end).encode() + b"\n")
    with SavedPlan.open(path) as plan, pytest.raises(PlanError) as refused:
        list(plan.entries())
    assert refused.value.code == "plan-altered"


async def test_an_end_without_counts_is_refused(store: ComparedStore, tmp_path: Path) -> None:
    path = tmp_path / "stock.plan"
    await saved(store, path, stock("SYNC-0001", 5))
    head = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(head + json.dumps({"end": hashlib.sha256(head).hexdigest()}).encode() + b"\n")
    with pytest.raises(PlanError) as refused:
        SavedPlan.open(path)
    assert refused.value.code == "plan-altered"


def test_a_plan_that_is_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stock.plan")
    with pytest.raises(PlanError, match="is a pipe, not a file"):
        SavedPlan.open(tmp_path / "stock.plan")


async def test_a_plan_replaces_only_a_plan(store: ComparedStore, tmp_path: Path) -> None:
    path = tmp_path / "stock.plan"
    path.write_text("My only copy\n")
    with pytest.raises(PlanError) as refused:
        await saved(store, path, stock("SYNC-0001", 5))
    assert refused.value.code == "plan-exists"
    assert path.read_text() == "My only copy\n"
    path.unlink()
    await saved(store, path, stock("SYNC-0001", 5))
    await saved(store, path, stock("SYNC-0001", 6))
    with pytest.raises(PlanError):
        await saved(store, tmp_path / "missing" / "stock.plan", stock("SYNC-0001", 5))


async def test_a_plan_contains_no_secret(store: ComparedStore, tmp_path: Path) -> None:
    path, mask = tmp_path / "stock.plan", Mask()
    mask.learn("CANARY-of-a-plan-1234", "token")
    entity = stock("SYNC-0001", 5)
    made = await saved(store, path, entity, entity | {"note": "CANARY-of-a-plan-1234"}, mask=mask)
    assert [type(each) for each in made] == [PlanEntry, BadEntity]
    assert "CANARY" not in path.read_text()
    with SavedPlan.open(path) as plan:
        assert plan.counts == {"change": 1}


async def test_entities_that_cannot_be_sent_are_reported_and_stay_failed(store: ComparedStore, tmp_path: Path) -> None:
    path = tmp_path / "stock.plan"
    made = await saved(store, path, {"quantity": 1}, stock("SYNC-0001\0", 5), stock("SYNC-0001", 5))
    bad = [
        "The entity has no 'sku', which identifies it",
        "The entity contains a NUL character, which no store accepts",
    ]
    assert [each.message for each in made if isinstance(each, BadEntity)] == bad
    with SavedPlan.open(path) as plan:
        assert [each.change.identifier for each in plan.entries()] == ["SYNC-0001"]
        tasks = list(plan.source().open(SourceContext(tmp_path, "sku")))
    assert [each.message for each in tasks if isinstance(each, BadEntity)] == bad


async def test_a_value_the_store_lacks_stays_absent_in_a_saved_plan(store: ComparedStore, tmp_path: Path) -> None:
    path = tmp_path / "costs.plan"
    costs = preset("costs")
    await saved(store, path, {"sku": "SYNC-0001", "store_id": 0, "cost": 3}, outgoing=costs)
    with SavedPlan.open(path) as plan:
        [entry] = plan.entries()
    assert entry.change.changes[-1].old is ABSENT
    assert entry.change.changes[-1].as_json() == {"field": "cost", "old": None, "new": 3}
    assert json.loads(path.read_text().splitlines()[1])["action"] == "create"


async def test_more_changes_than_allowed_are_refused_before_anything_is_sent(store: ComparedStore) -> None:
    rows = [stock(f"SYNC-000{number}", 600) for number in (1, 2, 3)]
    await store.send(STOCK, rows[:1])
    refused = await store.run(preset("stock", **{"max-changes": 1}), rows)
    assert (refused.state, refused.code) == ("failed", "max-changes")
    assert "would change 2 entities" in refused.reason
    assert await store.actions(STOCK, rows) == ["unchanged", "change", "change"]
    assert (await store.run(preset("stock", **{"max-changes": 2}), rows)).tasks["finished"] == 2
    assert (await store.run(preset("stock", **{"max-changes": 0}), rows)).tasks["unchanged"] == 3
    everything = await store.run(preset("stock", send="all", **{"max-changes": 2}), rows)
    assert everything.code == "max-changes"


async def test_a_store_that_refuses_to_be_read_stops_the_plan(store: ComparedStore, tmp_path: Path) -> None:
    store.sandbox.change({"oauth/consumer/enable_integration_as_bearer": "0"})
    with pytest.raises(RunFailed) as refused:
        await saved(store, tmp_path / "stock.plan", stock("SYNC-0001", 5))
    assert "needs the permission Magento_InventoryApi::source" in str(refused.value)
    assert not (tmp_path / "stock.plan").exists()
