"""Runs that are killed with SIGKILL at random moments: in the end the output is that of a run left alone."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fork_server
import pytest
from listing import Asked, Item, Listing, listing, products
from runs import KEYSET, Shop

from tui_connector.machine import Machine

KILLS = int(os.environ.get("TUI_CONNECTOR_KILLS", "2"))
"""How often the run into each sink is killed; 100 when it is measured."""
IDS = (*range(1, 700), *range(5_000, 7_000, 3), 90_000)

PROFILE = """
format = 1
name = "Shop"
[authentications.a]
kind = "bearer"
token = {{ env = "SHOP_TOKEN" }}
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "{url}/rest/all/V1"
[incoming.items]
client = "shop"
request = {{ uri = "products" }}
items = "items"
identifier = "sku"
pagination = {{ kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }}
sink = {{ {sink} }}
"""


def _rows(path: Path) -> object:
    with sqlite3.connect(path) as database:
        tables = [row[0] for row in database.execute("select name from sqlite_master where type = 'table' order by 1")]
        rows = [database.execute(f'select * from "{table}" order by rowid').fetchall() for table in tables]
        rows[tables.index("tui_connector_tables")] = database.execute(  # each table has an id of its own
            "select name, incoming, shape, row_count from tui_connector_tables"
        ).fetchall()
    database.close()
    assert len(rows[tables.index("items")]) == len(IDS)
    return tables, rows


def _records(path: Path) -> object:
    """The records and the last state: how many others there are depends on how the steps fell."""
    messages = [json.loads(line) for line in path.read_bytes().splitlines()]
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    return records, messages[-1]


SINKS: dict[str, tuple[dict[str, Any], Callable[[Path], object]]] = {
    "jsonl": ({"kind": "jsonl"}, Path.read_bytes),
    "gzip": ({"kind": "jsonl", "compress": "gzip"}, lambda path: gzip.decompress(path.read_bytes())),
    "csv": ({"kind": "csv"}, Path.read_bytes),
    "sqlite": ({"kind": "sqlite", "columns": ["name", "updated_at"]}, _rows),
    "singer": ({"kind": "singer"}, _records),
}
"""By name: the sink, and what of its file must be equal."""


@dataclass
class Moment:
    """When a run is killed: so many requests after its start, and then some seconds."""

    requests: int
    seconds: float
    came: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    asked_for_the_last: bool = False

    async def before(self, _: Asked) -> None:
        """Before each response: late enough for several durable steps, later still once the moment has come."""
        self.asked += 1
        if self.asked == self.requests:
            self.came.set()
        await asyncio.sleep(0.02 if self.asked > self.requests else 0.01)

    def bend(self, asked: Asked, items: list[Item]) -> None:
        self.asked_for_the_last |= not asked.descending and bool(items) and items[-1]["id"] == IDS[-1]


class Killer:
    """Runs of one profile in processes of their own, and what their deaths fell into."""

    def __init__(self, store: Listing, file: Path, environment: dict[str, str]) -> None:
        self._store, self._file = store, file
        self._environment = {**environment, "SHOP_TOKEN": "a-CANARY-token"}
        self.deaths = {"before the first request": 0, "while it read": 0, "after the last page was asked for": 0}

    async def run(self) -> int:
        return await (await self._start()).wait()

    async def _start(self) -> fork_server.AsyncProcess:
        return await fork_server.start("run", "--trust", self._file, env=self._environment)

    async def kill(self, moment: Moment) -> bool:
        """Whether the run was still there to be killed at this moment; if not, it is complete."""
        self._store.before, self._store.bend = moment.before, moment.bend
        process = await self._start()
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
        fell = "after the last page was asked for" if moment.asked_for_the_last else "while it read"
        self.deaths[fell if moment.asked else "before the first request"] += 1
        return True


@pytest.mark.parametrize("name", SINKS)
async def test_a_killed_run_ends_as_if_it_had_been_left_alone(
    tmp_path: Path, machine: Machine, clean_environment: dict[str, str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sink, read = SINKS[name]
    chance = random.Random(name)
    async with listing(products(*IDS)) as store:
        alone = Shop(tmp_path / "alone", machine, store.url, {"sink": {**sink, "path": "out"}, "pagination": KEYSET})
        alone.directory.mkdir()
        assert (await alone.run()).state == "complete"
        wanted = read(alone.directory / "out")
        pages = len(store.asked)

        (folder := tmp_path / "killed").mkdir()
        told = ", ".join(f"{key} = {json.dumps(value)}" for key, value in {**sink, "path": "out"}.items())
        (folder / "shop.toml").write_text(PROFILE.format(url=store.url, sink=told))
        killer = Killer(store, folder / "shop.toml", clean_environment)
        while sum(killer.deaths.values()) < KILLS:
            if chance.random() < 0.15:
                moment = Moment(0, chance.random())
            else:
                moment = Moment(chance.randint(1, pages // 3), chance.random() * 0.05)
            if not await killer.kill(moment):  # it came to its end; the next one begins anew
                assert read(folder / "out") == wanted
                if chance.random() < 0.5:
                    (folder / "out").unlink()
        store.before = None
        assert await killer.run() == 0
    assert read(folder / "out") == wanted
    with capsys.disabled():
        print(f"\n{name}: equal to a run left alone, after {KILLS} kills: {killer.deaths}")
