"""A list that is read in slices, inside the program: commits that are interrupted, and ranges of dates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from listing import Listing, SearchRequest, listing, products
from runs import BEARER, NUMBERS, RunNotes, Shop, in_sandbox, shop

from tui_connector.client.wire import OF_A_RUN
from tui_connector.incoming import slice_items
from tui_connector.incoming.run import Run
from tui_connector.incoming.slice_items import AlreadyCommitted
from tui_connector.incoming.slices import SliceOptions, SlicePlanner, SliceRun, commit_run
from tui_connector.incoming.start import RunEnvironment, RunLocation
from tui_connector.machine import Machine
from tui_connector.runs import postgres_slices
from tui_connector.runs.postgres_ledger import LedgerServer, LedgerSettings
from tui_connector.runs.postgres_slices import PostgresRuns
from tui_connector.runs.progress import Summary
from tui_connector.runs.slice_directory import SliceDirectory
from tui_connector.runs.slices import SlicePlan, SliceStore, ranges
from tui_connector.sandbox.server import Sandbox, SandboxOptions


class Slices:
    """The slices of one run of a shop."""

    def __init__(self, of: Shop, environment: RunEnvironment, shared: LedgerServer | None, **changes: Any) -> None:
        self.incoming = of.profile(changes).incoming[of.name]
        self.environment = environment
        self.directory: SliceStore = (
            SliceDirectory(of.directory / "shared", "r1") if shared is None else PostgresRuns(shared).store("r1")
        )

    async def planned(self, number: int, **options: Any) -> SlicePlan:
        planner = SlicePlanner(self.incoming, SliceOptions(number, **options), self.environment, lambda why: None)
        return self.directory.create(await planner.plan("r1", "shop", ""))

    async def read(self, index: int) -> Summary:
        plan = self.directory.plan()
        run = SliceRun(self.incoming, self.directory, plan, plan.slices[index], self.environment, RunNotes())
        return await run.execute()

    async def commit(self, told: RunNotes | None = None) -> Summary:
        return await self.commit_run(told or RunNotes()).execute()

    def commit_run(self, told: RunNotes) -> Run:
        plan = self.directory.plan()
        return commit_run(self.incoming, self.directory, plan, self.directory.reports(plan), self.environment, told)


@asynccontextmanager
async def slices(of: Shop, shared: LedgerServer | None = None, **changes: Any) -> AsyncIterator[Slices]:
    saved = of.profile(changes)
    async with of.bench.session(saved, OF_A_RUN) as session:
        ledger = of.ledger if shared is None else shared.place("incoming", of.name)
        place = RunLocation(of.name, of.file, ledger)
        environment = RunEnvironment(session, of.bench.exchanges, of.machine, place, incomings=saved.incoming)
        found = Slices(of, environment, shared, **changes)
        try:
            yield found
        finally:
            found.directory.close()


@pytest.fixture(params=["files", "postgres"])
def shared(request: pytest.FixtureRequest) -> LedgerServer | None:
    """The server with the ledgers; None: they are files."""
    if request.param == "files":
        return None
    settings = LedgerSettings.model_validate(request.getfixturevalue("postgres").saved)
    return LedgerServer(settings, lambda: settings.parameters({}, Path("/")), "shop", "")


@pytest.fixture
async def store() -> AsyncIterator[Listing]:
    async with listing(products(*range(1, 101))) as found:
        yield found


async def _stopped_in_the_middle(run: Slices, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that is stopped after its first chunk."""
    with monkeypatch.context() as patched:
        patched.setattr(slice_items, "_CHUNK", 1_000)
        told = RunNotes()
        commit = run.commit_run(told)
        told.at = lambda progress: commit.stop("enough")
        ended = await commit.execute()
    assert ended.state == "stopped"
    assert 0 < ended.items < 100


async def test_a_commit_that_was_stopped_resumes(
    store: Listing,
    tmp_path: Path,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    shared: LedgerServer | None,
) -> None:
    monkeypatch.setattr(postgres_slices, "_ROW_BYTES", 1_000)
    reader = shop(store, tmp_path, machine)
    async with slices(reader, shared) as run:
        await run.planned(3)
        assert [(await run.read(index)).state for index in range(3)] == ["complete"] * 3
        await _stopped_in_the_middle(run, monkeypatch)
        assert len(reader.ids()) < 100
        told = RunNotes()
        ended = await run.commit(told)
        assert (ended.state, ended.items) == ("complete", 100)
        assert told.notes[0].startswith("Resuming the run of ")
        with pytest.raises(AlreadyCommitted):
            await run.commit()
    assert reader.ids() == list(range(1, 101))


async def test_an_ordinary_run_after_a_stopped_commit_starts_over(
    store: Listing, tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = shop(store, tmp_path, machine)
    async with slices(reader) as run:
        await run.planned(2)
        for index in range(2):
            await run.read(index)
        await _stopped_in_the_middle(run, monkeypatch)
    told = RunNotes()
    assert (await reader.run(told=told)).state == "complete"
    assert told.notes[0].startswith("Starting over: the run of ")
    assert reader.ids() == list(range(1, 101))


async def test_a_commit_after_a_stopped_run_writes_all_items_once(
    store: Listing, tmp_path: Path, machine: Machine
) -> None:
    reader = shop(store, tmp_path, machine)
    async with slices(reader) as run:
        await run.planned(2)
        for index in range(2):
            await run.read(index)
        running: list[Run] = []

        async def stop_at_first_request(asked: SearchRequest) -> None:
            running[0].stop("enough")

        store.before = stop_at_first_request
        assert (await reader.run(on_run=running.append)).state == "stopped"
        store.before = None
        assert (await run.commit()).items == 100
    assert reader.ids() == list(range(1, 101))


async def test_filter_and_transform_are_applied_by_the_commit(store: Listing, tmp_path: Path, machine: Machine) -> None:
    more = {"filter": "id > `90`", "transform": "{id: id, sku: sku}"}
    reader = shop(store, tmp_path, machine)
    async with slices(reader, **more) as run:
        await run.planned(2)
        assert [(await run.read(index)).items for index in range(2)] == [50, 50]
        assert (await run.commit()).items == 10
    assert reader.items()[0] == {"id": 91, "sku": "S91"}


async def test_ranges_of_dates_read_every_item_once(tmp_path: Path, machine: Machine) -> None:
    by_date: dict[str, Any] = {"pagination": NUMBERS | {"order": "updated_at"}, "incremental": {"field": "updated_at"}}
    (tmp_path / "whole").mkdir()
    (tmp_path / "sliced").mkdir()
    async with Sandbox(SandboxOptions(products=50, settings=BEARER), machine.now) as sandbox:
        whole = in_sandbox(sandbox, tmp_path / "whole", machine, **by_date)
        assert (await whole.run()).state == "complete"
        reader = in_sandbox(sandbox, tmp_path / "sliced", machine, **by_date)
        async with slices(reader) as run:
            plan = await run.planned(4)
            assert (plan.by, plan.expected) == ("time", len(whole.items()))
            for index in range(len(plan.slices)):
                assert (await run.read(index)).state == "complete"
            assert (await run.commit()).state == "complete"
    assert sorted(item["sku"] for item in reader.items()) == sorted(item["sku"] for item in whole.items())


@pytest.mark.parametrize(("low", "high", "number"), [(0, 10, 3), (0, 2, 5), (5, 5, 2), (-1, 1_000_003, 16)])
def test_ranges_meet_and_cover_everything(low: int, high: int, number: int) -> None:
    found = ranges(low, high, number)
    assert [each for a, b in found for each in range(a, b)] == list(range(low, high))
    assert len(found) <= number
    assert all(b > a for a, b in found)
