"""The request log under load: keys, memory, jumps, filters and bodies, beside a bare Textual app in the same run.

python tests/benchmarks/log_screen.py [--smoke] [--seconds N] [--steady]: 1,000 exchanges a second come for N seconds
(10 unless told); with `--steady` that is all. `--smoke` runs all of it on little, and says nothing about speed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Footer, Header, Label

from tui_connector.client.exchange import Exchange, Exchanges, RecordedBody, Timings
from tui_connector.log.filter import parse
from tui_connector.machine import Directories, Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.log.panel import LogPanel
from tui_connector.tui.log.screens import RequestsScreen
from tui_connector.tui.log.sending import LogContext

SIZE = (140, 45)
RATE = 1_000
OLDEST = 5
"""The number of the exchange that the last filters look for."""
FILTERS = {
    "~s 404": "one in fifty",
    "products/24-MB09": "one in ten",
    '~b "24-MB99"': "one in a hundred",
    "~h 00000000000000ff": "273, old ones",
    f"24-MB{OLDEST:06}": "only the oldest",
    f"~h {OLDEST:032x}": "only the oldest",
    f"~b '\"24-MB{OLDEST}\"'": "only the oldest",
    "~s 599": "nothing",
    "~b nowhere": "nothing",
}
ROUNDS = 5
_AT = datetime(2026, 11, 24, tzinfo=UTC)


def exchange(number: int, body: bytes = b"") -> Exchange:
    """One as the recorder makes it: no two share a text."""
    data = body or b'{"id":%d,"sku":"24-MB%d","name":"Joust Duffle Bag","price":34.0,"status":1}' % (number, number)
    length = str(len(data))
    sent = (("Accept", "application/json"), ("User-Agent", "tui-connector/0.1.0"), ("Authorization", "Bearer •••(32)"))
    got = (
        ("Date", f"Tue, 24 Nov 2026 {number % 24:02}:{number % 60:02}:00 GMT"),
        ("Content-Type", "".join(("application/json", "; charset=utf-8"))),
        ("Content-Length", "".join(length)),
        ("X-Request-Id", f"{number:032x}"),
        ("Cache-Control", "".join(("max-age=0, ", "must-revalidate"))),
        ("Set-Cookie", f"PHPSESSID=•••; path=/{number % 7}"),
    )
    failed = number % 50 == 0
    return Exchange(
        number=number,
        attempt=1,
        call=number,
        client="magento",
        purpose="run",
        formatter=None,
        at=_AT + timedelta(milliseconds=number),
        original=None,
        method="GET",
        uri=f"https://acme.example/rest/V1/products/24-MB{number:06}",
        request_headers=sent,
        request_body=RecordedBody(),
        status=404 if failed else 200,
        reason="Not Found" if failed else "OK",
        headers=got,
        body=RecordedBody(data, len(data), len(data), "application/json"),
        failure=None,
        failure_text="",
        timings=Timings(None, None, 0.0004, 0.03 + number % 100 / 1_000, 0.002, 0.033 + number % 100 / 1_000),
    )


class Bare(App[None]):
    """Header, label and footer, and nothing else."""

    def compose(self) -> ComposeResult:
        yield Header()
        yield Label("bare")
        yield Footer()


class Probe:
    """Presses a key every so many seconds and notes how long its action took to begin, in milliseconds."""

    def __init__(self, app: App[None], every: float = 0.05) -> None:
        self._app, self._every = app, every
        self._sent = 0.0
        self.times: list[float] = []
        app.bind("f9", "probe")
        app.action_probe = self._action  # type: ignore[attr-defined]

    def _action(self) -> None:
        self.times.append((time.perf_counter() - self._sent) * 1_000)
        self._sent = 0.0

    async def during(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        while not task.done():
            if not self._sent:
                self._sent = time.perf_counter()
                self._app.post_message(events.Key("f9", None))
            await asyncio.sleep(self._every)
        await task
        await until(lambda: not self._sent)

    def __str__(self) -> str:
        ordered = sorted(self.times) or [0.0]
        return f"p50 {ordered[len(ordered) // 2]:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)]:.1f} ms"


def megabytes() -> float:
    """What the process takes now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def until(condition: Callable[[], bool]) -> float:
    """Milliseconds until it is so."""
    began = time.perf_counter()
    while not condition():  # noqa: ASYNC110 - a screen has no event to wait for
        await asyncio.sleep(0.001)
    return (time.perf_counter() - began) * 1_000


async def bare(seconds: float) -> None:
    app = Bare()
    async with app.run_test(size=SIZE):
        probe = Probe(app)
        await probe.during(asyncio.sleep(seconds))
    print(f"bare app, idle:                     key to action {probe}")


async def steady(app: ConnectorApp, seconds: float) -> None:
    """1,000 exchanges a second; the log is full after five seconds, or half-way."""
    log = Exchanges(count=int(RATE * min(seconds / 2, 5)))
    await app.push_screen(RequestsScreen(log, LogContext(app.machine), "benchmark"))
    total = int(RATE * seconds)
    sizes = []

    async def feed() -> None:
        began = time.perf_counter()
        for number in range(1, total + 1):
            log.record(exchange(number, b"x" * 2_000))
            if number % 20 == 0:
                await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            if number % (total // 6) == 0:
                sizes.append(f"{megabytes():.0f} at {number / RATE:.0f} s")

    probe = Probe(app)
    began = time.perf_counter()
    await probe.during(feed())
    rate = total / (time.perf_counter() - began)
    view = app.screen.query_one(LogPanel).view
    await until(lambda: view.selected is not None and view.selected.number == total)
    print(f"{rate:.0f} exchanges/s for {seconds:.0f} s:        key to action {probe}")
    print(f"  came {total}, lost {total - log.end}, kept {len(log)}; MB: {', '.join(sizes)}")
    await app.pop_screen()


async def held(app: ConnectorApp, count: int) -> None:
    """As many as a file can have: they come while the list is looked at."""
    gc.collect()
    before = megabytes()
    log = Exchanges(count=count, size=10**9)
    await app.push_screen(RequestsScreen(log, LogContext(app.machine), "benchmark"))
    view = app.screen.query_one(LogPanel).view
    for number in range(1, count + 1):
        log.record(exchange(number))
        if number % 50 == 0:
            await asyncio.sleep(0)
    ready = await until(lambda: len(view.view) == count)
    gc.collect()
    after = megabytes()
    times = []
    for _ in range(200):
        began = time.perf_counter()
        view.select(random.randrange(count))
        for y in range(view.size.height):
            view.render_line(y)
        times.append((time.perf_counter() - began) * 1_000)
        await asyncio.sleep(0)
    times.sort()
    print(f"{count} exchanges held:             {after - before:.0f} MB; all in the list {ready:.0f} ms after the last")
    print(f"  jump anywhere, drawn:             p50 {times[100]:.1f} ms, p99 {times[198]:.1f} ms")


async def filtered(app: ConnectorApp, text: str, what: str) -> None:
    """From the filter until its first row is in the list, and until all have been searched; the slowest of rounds."""
    view = app.screen.query_one(LogPanel).view
    probe = Probe(app, 0.01)
    firsts, wholes = [], []

    async def work() -> None:
        for _ in range(ROUNDS):
            view.filter(parse("~s 100"))
            await until(lambda: not view.view.searching and view.virtual_size.height == 0)
            began = time.perf_counter()
            view.filter(parse(text))
            await until(lambda: view.virtual_size.height > 0 or not view.view.searching)
            firsts.append((time.perf_counter() - began) * 1_000)
            await until(lambda: not view.view.searching)
            wholes.append((time.perf_counter() - began) * 1_000)
            await asyncio.sleep(0.05)

    await probe.during(work())
    first = f"{sorted(firsts)[ROUNDS // 2]:.0f} ms, at most {max(firsts):.0f}" if len(view.view) else "none"
    label = f"filter {text[:20]} ({what}):"
    print(f"{label:<46} first {first}; all {max(wholes):.0f} ms ({len(view.view)} found); key to action {probe}")


async def body(app: ConnectorApp, pilot: Pilot[None], count: int) -> None:
    items = [
        {"id": n, "sku": f"SKU-{n:07}", "name": f"Product {n}", "price": 9.99, "custom_attributes": [{"value": "2"}]}
        for n in range(count)
    ]
    data = json.dumps({"items": items}).encode()
    log = Exchanges()
    await app.push_screen(RequestsScreen(log, LogContext(app.machine), "benchmark"))
    detail = app.screen.query_one(LogPanel).detail
    await pilot.pause()  # the screen itself is there
    began = time.perf_counter()
    log.record(replace(exchange(1, data), formatter="full"))

    def drawn() -> bool:
        return any("SKU-0000000" in "".join(part.text for part in detail.render_line(y)) for y in range(30))

    await until(lambda: detail.exchange is not None and drawn())
    first = (time.perf_counter() - began) * 1_000
    await until(lambda: len(detail._rows) > count * 5)
    whole = (time.perf_counter() - began) * 1_000
    print(f"JSON body of {len(data) / 1e6:.2f} MB:               on screen {first:.0f} ms, whole {whole:.0f} ms")
    await app.pop_screen()


async def no_demo() -> NoReturn:
    raise AssertionError("no demo here")


async def main(seconds: float, count: int, *, only_steady: bool) -> None:
    print("load", *(f"{each:.1f}" for each in os.getloadavg()), "on", os.cpu_count(), "processors")
    with tempfile.TemporaryDirectory() as home:
        directory = Path(home)
        machine = Machine(Directories(directory, directory, directory, directory / "profiles"), {})
        await bare(min(seconds, 3))
        app = ConnectorApp(machine, no_demo)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            await steady(app, seconds)
            if only_steady:
                return
            await body(app, pilot, 1_000)
            await body(app, pilot, 10_500)
            await held(app, count)
            for text, what in FILTERS.items():
                await filtered(app, text, what)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--smoke", action="store_true")
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--steady", action="store_true")
    given = arguments.parse_args()
    held_count = 2_000 if given.smoke else 100_000
    asyncio.run(main(1.0 if given.smoke else given.seconds, held_count, only_steady=given.steady))
