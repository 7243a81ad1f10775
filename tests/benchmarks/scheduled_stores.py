"""Runs many stores on schedules, two of which fail, and counts the requests that each has in flight.

python tests/benchmarks/scheduled_stores.py [--smoke] [--stores N] [--every SECONDS] [--seconds N]

Each store is a sandbox with a profile, and each run a process, as cron or a systemd timer starts it: not while the run
before is still going. The stores are due one after another. After half of the time, the first store goes down: its runs
fail at once, or wait if they have begun to read. The second one goes into maintenance: its runs wait. It fails if a
store had more requests in flight than `--in-flight` allows, or if a run of another store failed or missed an item. The
delay of a start is the time from when a run was due until its first request arrived; the program's own start is part
of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from simulation import PROFILE

from tui_connector.sandbox.server import Sandbox, SandboxOptions

LIMIT, PRODUCTS, LATENCY = 4, 2_500, 100


@dataclass
class Started:
    """One run: when it was due, when its first request arrived and when it ended, and its exit code."""

    due: float
    arrived: float | None = None
    ended: float = 0
    code: int | None = None


class Store(Sandbox):
    """A sandbox that counts its requests in flight."""

    def __init__(self, number: int) -> None:
        settings = {"oauth/consumer/enable_integration_as_bearer": "1"}
        super().__init__(SandboxOptions(0, PRODUCTS, number, LATENCY, settings), lambda: datetime.now(UTC))
        self.number = number
        self.in_flight = self.most_in_flight = self.requests = self.skipped = 0
        self.runs: list[Started] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.runs and self.runs[-1].arrived is None:
            self.runs[-1].arrived = asyncio.get_running_loop().time()
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await super().handle(request)
        finally:
            self.in_flight -= 1


class Schedules:
    """The stores, and the processes that read them."""

    def __init__(self, folder: Path, stores: list[Store], every: float, seconds: float) -> None:
        self._folder, self._stores, self._every, self._seconds = folder, stores, every, seconds
        self._began = self.down_at = self._until = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._until = loop.time() + 300
        await self._one_run(self._stores[-1], "--dry-run")  # compiles the modules
        self._began = loop.time()
        self.down_at, self._until = self._began + self._seconds / 2, self._began + self._seconds
        offsets = [self._every * place / len(self._stores) for place in range(len(self._stores))]
        tasks = [self._on_schedule(*each) for each in zip(self._stores, offsets, strict=True)]
        await asyncio.gather(self._go_down(), *tasks)

    async def _go_down(self) -> None:
        await _sleep_until(self.down_at)
        self._stores[1].change({"sandbox/maintenance": "1"})
        await self._stores[0].close()

    async def _on_schedule(self, store: Store, offset: float) -> None:
        loop = asyncio.get_running_loop()
        due = self._began + offset
        while due < self._until:
            await _sleep_until(due)
            run = Started(due)
            store.runs.append(run)
            run.code = await self._one_run(store)
            run.ended = loop.time()
            if run.code == 0:
                self._check_items(store)
            due += self._every
            while due < loop.time():
                due += self._every
                store.skipped += 1

    async def _one_run(self, store: Store, *more: str) -> int:
        folder = self._folder / f"{store.number}"
        folder.mkdir(exist_ok=True)
        profile = folder / f"shop{store.number}.toml"
        if not profile.exists():
            profile.write_text(PROFILE.format(url=store.url))
        integrations: Any = store.description()["integrations"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"BENCHMARK_TOKEN": integrations["full"]["access_token"]}
        environment |= {"XDG_STATE_HOME": str(self._folder / "state")}
        options = ["--trust", "--full", "--quiet", "--in-flight", str(LIMIT), *more]
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tui_connector", "run", str(profile), *options),
                env=environment,
                stdout=log,
                stderr=log,
            )
            fails = store in self._stores[:2]
            seconds = self._until - asyncio.get_running_loop().time() if fails else 300
            try:
                return await asyncio.wait_for(process.wait(), seconds)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)  # asyncio's own way takes the exit code from its watcher
                return await process.wait()

    def _check_items(self, store: Store) -> None:
        lines = (self._folder / f"{store.number}" / "products.jsonl").read_bytes().count(b"\n")
        if lines != PRODUCTS:
            raise SystemExit(f"store {store.number}: {lines} items of {PRODUCTS}")


async def _sleep_until(time: float) -> None:
    await asyncio.sleep(max(0.0, time - asyncio.get_running_loop().time()))


def _delays(runs: Iterable[Started]) -> list[float]:
    return [each.arrived - each.due for each in runs if each.arrived is not None]


def _shown(found: list[float]) -> str:
    return f"{statistics.median(found):.2f}, {max(found):.2f}" if found else "-"


def report(stores: list[Store], down_at: float) -> None:
    """Prints what each store received. Raises `SystemExit` if a limit was exceeded, or another store's run failed."""
    print("  store  runs  skipped  exit codes  requests  in flight, limit  delay of starts: median, longest [s]")
    for place, store in enumerate(stores):
        codes = ", ".join(str(each) for each in sorted({each.code for each in store.runs if each.code is not None}))
        state = {0: "  down after half of the time", 1: "  in maintenance after half of the time"}.get(place, "")
        print(
            f"  {store.number:>5}  {len(store.runs):>4}  {store.skipped:>7}  {codes:>10}  {store.requests:>8}"
            f"  {store.most_in_flight:>9}, {LIMIT:>5}  {_shown(_delays(store.runs))}{state}"
        )
    others = [run for store in stores[2:] for run in store.runs]
    for name, runs in (
        ("while all stores are up", [each for each in others if each.due < down_at]),
        ("while two stores fail", [each for each in others if each.due >= down_at]),
    ):
        seconds = [each.ended - each.due for each in runs]
        print(
            f"  the others, {name}: {len(runs)} runs, delay of starts {_shown(_delays(runs))} s,"
            f" until done {_shown(seconds)} s"
        )
    if exceeded := [each.number for each in stores if each.most_in_flight > LIMIT]:
        raise SystemExit(f"more than {LIMIT} requests in flight: stores {exceeded}")
    if any(each.code for each in others):
        raise SystemExit("a run of a store that was up failed")


async def main(number: int, every: float, seconds: float) -> None:
    print(f"{number} stores, a run of each every {every:g} s, for {seconds:g} s; load {os.getloadavg()[0]:.1f}")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stores = [await stack.enter_async_context(Store(each)) for each in range(1, number + 1)]
        schedules = Schedules(folder, stores, every, seconds)
        await schedules.run()
        report(stores, schedules.down_at)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="three stores, for a few seconds")
    parser.add_argument("--stores", type=int, default=20)
    parser.add_argument("--every", type=float, default=60)
    parser.add_argument("--seconds", type=float, default=600)
    given = parser.parse_args()
    asyncio.run(main(3, 3, 9) if given.smoke else main(given.stores, given.every, given.seconds))
