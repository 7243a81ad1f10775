"""Kills one of two Celery workers in mid-slice, again and again, and measures when its slice runs again.

python tests/benchmarks/killed_workers.py [--smoke] [--rounds N]

Each round is a run of 200 items in 4 slices on a RabbitMQ of its own. It fails if an id is missing or twice in the
destination, or if a run has moved the mark more than once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from celery_workers import Workers
from http_server import Hold
from listing import Listing, SearchRequest, is_mark_of, listing, product, products
from rabbitmq import rabbitmq


class Killing:
    """Holds a page of the second slice until the worker that requested it is killed."""

    def __init__(self, store: Listing) -> None:
        self.hold, self.again = Hold(), asyncio.Event()
        store.before = self._holds

    async def _holds(self, asked: SearchRequest) -> None:
        if 70 <= asked.after < 100 and asked.size == 10:
            if self.hold.released:
                self.again.set()
            await self.hold.wait()


async def one_round(number: int, workers: Workers, store: Listing) -> tuple[float, float]:
    """Seconds from the kill until the slice is requested again, and until the run is committed."""
    store.items[200] = product(200, f"2026-11-01 00:{number:02d}:00")
    killing = Killing(store)
    workers.call(f"tasks.plan.delay({str(workers.profile)!r}, 'items', 4, 'r{number}', full=True)")
    await killing.hold.reached()
    workers.kill_the_one_with("--slice", "1", f"r{number}")
    killed = time.monotonic()
    killing.hold.release()
    await asyncio.wait_for(killing.again.wait(), 120)
    again = time.monotonic() - killed
    await workers.until((workers.folder / "shared" / f"r{number}" / "committed.json").exists)
    whole = time.monotonic() - killed
    workers.start(1)
    ids = [json.loads(line)["id"] for line in (workers.folder / "items.jsonl").read_bytes().splitlines()]
    assert ids == list(range(1, 201)), f"round {number}: {len(ids)} items, {len(set(ids))} different"
    [ledger] = (workers.state / "incoming").rglob("items.sqlite")
    with closing(sqlite3.connect(ledger)) as database:
        assert database.execute("select count(*), min(state), max(state) from run").fetchone() == (
            number,
            "complete",
            "complete",
        )
        (mark,) = database.execute("select value from mark").fetchone()
    assert is_mark_of(mark, f"2026-11-01 00:{number:02d}:00")
    return again, whole


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "PYTHONPATH": ":".join(sys.path)}
        environment["XDG_STATE_HOME"] = str(folder / "state")
        with rabbitmq(folder / "rabbitmq") as broker:
            async with listing(products(*range(1, 201))) as store:
                workers = Workers(folder, environment, broker, store.url)
                try:
                    workers.start(2)
                    found = [await one_round(number, workers, store) for number in range(1, rounds + 1)]
                finally:
                    workers.close()
    again, whole = ([each[index] for each in found] for index in (0, 1))
    print(f"{rounds} kills: every id exactly once, the mark moved once in each run")
    print(f"until the slice runs again: median {statistics.median(again):.2f} s, at most {max(again):.2f} s")
    print(f"until the run is committed: median {statistics.median(whole):.2f} s, at most {max(whole):.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    asyncio.run(main(1 if options.smoke else options.rounds))
