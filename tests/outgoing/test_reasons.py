"""Reasons of tasks are grouped by the store's message, and not by the values in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui_connector.outgoing.reasons import without_values
from tui_connector.outgoing.task_ledger import TaskFilter, TaskLedger, TaskReader
from tui_connector.outgoing.tasks import NewTask, TaskUpdate
from tui_connector.templates import Json

AT = "2026-11-29 10:00:00"


@pytest.mark.parametrize(
    ("reason", "entity", "pattern"),
    [
        ("Invalid attribute SKU = A-1.", {"sku": "A-1"}, "Invalid attribute SKU = …."),
        ("Price -5 of a-1 is invalid", {"sku": "A-1", "price": -5}, "Price … of … is invalid"),
        ("The store responded with 400 (Row 7: bad)", {}, "The store responded with 400 (Row …: bad)"),
        ("A name is required", {"sku": "A-1", "type": "me"}, "A name is required"),
        ("No such attribute: colour", {"sku": "A-1", "more": [{"code": "colour"}]}, "No such attribute: …"),
    ],
)
def test_values_of_the_entity_are_replaced(reason: str, entity: Json, pattern: str) -> None:
    assert without_values(reason, "A-1", entity) == pattern


def test_tasks_refused_with_the_same_message_are_one_group(tmp_path: Path) -> None:
    """The group has the number of its tasks, and a filter that selects exactly these."""
    place = tmp_path / "stock.sqlite"
    names = [f"SKU-{number}" for number in range(4)]
    with TaskLedger(place) as ledger:
        run = ledger.begin(AT, "f", "d")
        ledger.load(run.id, [NewTask(n, name, json.dumps({"sku": name})) for n, name in enumerate(names, 2)], AT)
        ledger.loaded(run.id)
        tasks = ledger.window(run.id, "new", 0, 10)
        reasons = [*(f"Invalid attribute SKU = {name}." for name in names[:3]), "Invalid attribute Store = nl."]
        failed = [
            TaskUpdate(each.id, "failed", reason, "row-refused") for each, reason in zip(tasks, reasons, strict=True)
        ]
        ledger.step(run.id, failed, AT, 1, 0, 0.1)
    with TaskReader(place) as reader:
        first, second = reader.reasons(run.id)
        assert (first.count, first.reason) == (3, "Invalid attribute SKU = ….")
        assert (second.count, second.reason) == (1, "Invalid attribute Store = nl.")
        found = reader.tasks(run.id, TaskFilter(("failed",), code=first.code, reasons=first.reasons))
        assert [task.identifier for task in found] == names[:3]
