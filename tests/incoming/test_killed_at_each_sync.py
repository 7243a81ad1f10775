"""Runs that are killed at each fsync, one after the other: in the end the output is that of a run left alone.

What a killed process leaves behind is what its files held at that moment. One run is therefore stopped at each of its
fsyncs, and its files are put aside; the next run is then tried on each of these states. Where the process stops is
decided by strace, so that SQLite's own calls count too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killed_runs import SINKS, FilesOfAMoment, RunFolder, stops_at_each_sync
from listing import SearchRequest, listing, products
from requirements import require

from tui_connector.machine import Machine

ITEMS = 30

RUNS: dict[str, tuple[dict[str, Any], str, Callable[[Path], object]]] = {
    **{name: (sink, "", read) for name, (sink, read) in SINKS.items()},
    "csv": ({"kind": "csv", "columns": ["sku", "name"]}, "", Path.read_bytes),
    "what has changed": ({"kind": "jsonl"}, 'incremental = { field = "updated_at" }', Path.read_bytes),
}
"""By name: the sink, what else the incoming has, and what of the file must be equal."""


@pytest.mark.parametrize("name", RUNS)
async def test_a_run_that_is_killed_at_any_fsync_is_completed_by_the_next_one(
    tmp_path: Path, machine: Machine, clean_environment: dict[str, str], name: str
) -> None:
    require("strace")
    sink, more, read = RUNS[name]
    async with listing(products(*range(1, ITEMS + 1))) as store:

        def folder(name: str) -> RunFolder:
            made = RunFolder(tmp_path / name, clean_environment, machine)
            made.write(store.url, sink, more)
            return made

        alone, killed = folder("alone"), folder("killed")
        assert await alone.run() == "complete"
        wanted = read(alone.out)

        async def hold_the_last_page(asked: SearchRequest) -> None:
            """Until a durable step has recorded the items of earlier pages."""
            async with asyncio.timeout(60):
                while asked.after == 20:
                    if await asyncio.to_thread(killed.recorded_items):
                        break
                    await asyncio.sleep(0.01)

        store.before = hold_the_last_page
        moments: list[FilesOfAMoment] = []
        syncs = 0
        async for _ in stops_at_each_sync(killed.start):
            syncs += 1
            found = FilesOfAMoment.of(killed.folder, tmp_path / f"sync {syncs}")
            if found not in moments[-1:]:  # of a file and then its folder, the second one changes nothing
                moments.append(found)
        assert read(killed.out) == wanted
        assert len(moments) > 8, syncs

        store.before = None
        requests = []
        for moment in moments:
            moment.restore()
            before = len(store.asked)
            assert await killed.run() == "complete", moment.kept
            assert read(killed.out) == wanted, moment.kept
            requests.append(len(store.asked) - before)
    assert 0 < min(filter(None, requests)) < requests[0], "none was killed in the middle"
