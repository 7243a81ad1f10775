"""Two programs plan the same outgoing: each sends its own plan, and only one at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tui_connector.errors import UserError
from tui_connector.guide.sending.plans import Sender
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.outgoing.changes import EntityChange, FieldChange
from tui_connector.outgoing.plan import PlanEntry, PlanHead, SavedPlan
from tui_connector.outgoing.task_ledger import TaskLedger
from tui_connector.profile.problems import check
from tui_connector.secrets.mask import Mask

PROFILE = """
format = 1
name = "Acme store"
[outgoing.stock]
client = "default"
source = { kind = "csv", path = "stock.csv" }
request = { method = "post", uri = "https://acme.example/stock" }
"""


async def plan(sender: Sender, quantity: int) -> SavedPlan:
    change = EntityChange("A", "change", (FieldChange("quantity", 0, quantity),), None)

    async def entries() -> AsyncIterator[PlanEntry]:
        yield PlanEntry(1, {"sku": "A", "quantity": quantity}, change)

    await sender.prepare()
    head = PlanHead(**dict.fromkeys(PlanHead.__slots__, "x"))
    return await sender.new_plan(head, entries(), Mask(), lambda entry: None)


@pytest.fixture
def programs(machine: Machine, tmp_path: Path) -> tuple[Sender, Sender]:
    saved, problems = check(PROFILE)
    assert saved is not None, problems
    bench = Workbench(machine, directory=tmp_path)
    one, other = (Sender(bench, saved, tmp_path / "acme.toml", "stock") for _ in range(2))
    return one, other


async def test_each_program_sends_its_own_plan(programs: tuple[Sender, Sender]) -> None:
    one, other = programs
    with await plan(one, 1) as first, await plan(other, 2) as second:
        assert not [*one.plan_file.parent.glob("*new-plan*")]
        for sender, made, quantity in ((other, second, 2), (one, first, 1)):
            sender.keep_plan(made)
            with SavedPlan.open(sender.plan_file) as kept:
                assert kept.digest == made.digest
                assert [entry.entity for entry in kept.entries()] == [{"sku": "A", "quantity": quantity}]


async def test_no_plan_replaces_that_of_a_run_under_way(programs: tuple[Sender, Sender]) -> None:
    one, other = programs
    with await plan(one, 1) as first, await plan(other, 2) as second:
        one.keep_plan(first)
        assert isinstance(one.ledger, Path)
        with TaskLedger(one.ledger) as ledger:
            ledger.begin("2026-01-31T08:00:00+00:00", "f", first.digest)
            with pytest.raises(UserError, match="stock is being sent by another program") as refused:
                other.keep_plan(second)
        assert refused.value.code == "already-running"
        with SavedPlan.open(one.plan_file) as kept:
            assert kept.digest == first.digest
