"""Runs that are killed with SIGKILL at random moments: in the end the output is that of a run left alone."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from killed_runs import SINKS, RunFolder
from listing import Item, Listing, SearchRequest, listing, products
from postgres import Database

from tui_connector.machine import Machine

KILLS = int(os.environ.get("TUI_CONNECTOR_KILLS", "2"))
"""How often the run into each sink is killed; 100 when it is measured."""
IDS = (*range(1, 300), *range(5_000, 5_600, 3), 90_000)


@dataclass
class Moment:
    """When a run is killed: so many requests after its start, and then some seconds."""

    requests: int
    seconds: float
    came: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    asked_for_the_last: bool = False

    async def before(self, _: SearchRequest) -> None:
        """Before each response: late enough for several durable steps, later still once the moment has come."""
        self.asked += 1
        if self.asked == self.requests:
            self.came.set()
        await asyncio.sleep(0.04 if self.asked > self.requests else 0.02)

    def bend(self, asked: SearchRequest, items: list[Item]) -> None:
        self.asked_for_the_last |= not asked.descending and bool(items) and items[-1]["id"] == IDS[-1]


class Killer:
    """Starts runs of one profile and kills them; `deaths` counts the moments."""

    def __init__(self, store: Listing, folder: RunFolder) -> None:
        self._store, self._folder = store, folder
        self.deaths = {"before the first request": 0, "while it read": 0, "after the last page was requested": 0}

    async def kill(self, moment: Moment) -> bool:
        """Whether the run was still there to be killed at this moment; if not, it is complete."""
        self._store.before, self._store.bend = moment.before, moment.bend
        process = await self._folder.start()
        ended = asyncio.ensure_future(process.wait())
        if moment.requests:
            came = asyncio.ensure_future(moment.came.wait())
            await asyncio.wait({ended, came}, return_when=asyncio.FIRST_COMPLETED)
            came.cancel()
        await asyncio.wait({ended}, timeout=moment.seconds)
        if process.returncode is None:
            process.kill()
        code = await ended
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            return False
        fell = "after the last page was requested" if moment.asked_for_the_last else "while it read"
        self.deaths[fell if moment.asked else "before the first request"] += 1
        return True


async def kill_runs(killer: Killer, chance: random.Random, pages: int, on_complete: Callable[[], None]) -> None:
    """Kills runs at random moments; `on_complete` is called where one was complete first: the next one starts over."""
    while sum(killer.deaths.values()) < KILLS:
        if chance.random() < 0.15:
            moment = Moment(0, chance.random())
        else:
            moment = Moment(chance.randint(1, pages // 3), chance.random() * 0.05)
        if not await killer.kill(moment):
            on_complete()


@pytest.mark.parametrize("name", SINKS)
async def test_a_killed_run_ends_as_if_it_had_been_left_alone(
    tmp_path: Path, machine: Machine, clean_environment: dict[str, str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sink, read = SINKS[name]
    chance = random.Random(name)

    def folder(name: str) -> RunFolder:
        made = RunFolder(tmp_path / name, clean_environment, machine)
        made.write(store.url, sink, token="a-CANARY-token")
        return made

    def on_complete() -> None:
        assert read(killed.out) == wanted
        if chance.random() < 0.5:
            killed.out.unlink()

    async with listing(products(*IDS)) as store:
        alone, killed = folder("alone"), folder("killed")
        assert await (await alone.start()).wait() == 0
        wanted = read(alone.out)
        killer = Killer(store, killed)
        await kill_runs(killer, chance, len(store.asked), on_complete)
        store.before = None
        assert await (await killed.start()).wait() == 0
    assert read(killed.out) == wanted
    with capsys.disabled():
        print(f"\n{name}: equal to a run left alone, after {KILLS} kills: {killer.deaths}")


@pytest.mark.parametrize("identifier", ["sku", None])
async def test_a_killed_run_leaves_each_item_once_in_postgres(
    tmp_path: Path,
    machine: Machine,
    clean_environment: dict[str, str],
    postgres: Database,
    identifier: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance = random.Random(str(identifier))

    def check() -> None:
        found = postgres.rows("SELECT id, sku, name FROM items ORDER BY id")
        assert found == [(item["id"], item["sku"], item["name"]) for item in sent]

    def on_complete() -> None:
        check()
        if chance.random() < 0.5:
            postgres.rows("DROP TABLE items")

    async with listing(products(*IDS)) as store:
        sent = [store.items[id_] for id_ in IDS]
        killed = RunFolder(tmp_path / "killed", clean_environment, machine)
        killed.write(store.url, postgres.saved, token="a-CANARY-token")
        if identifier is None:
            killed.profile.write_text(killed.profile.read_text().replace('identifier = "sku"', ""))
        killer = Killer(store, killed)
        await kill_runs(killer, chance, len(IDS) // 10, on_complete)
        store.before = None
        assert await (await killed.start()).wait() == 0
    check()
    with capsys.disabled():
        print(f"\npostgres, identifier {identifier}: each item once after {KILLS} kills: {killer.deaths}")
