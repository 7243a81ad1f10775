"""Simulates 1,000 stores on schedules and 100 workers of Celery, and finds where they saturate.

python tests/benchmarks/simulation.py [--smoke] [--times FILE] [--plot FILE.svg] [--stores N] [--workers N] [--every N]

Each run of a store is a plan, its slices, and a commit. How long these commands take is measured first, against
sandboxes of several sizes, one command at a time; `--times` names a JSON file with these times, which is written if it
does not exist. The simulated workers behave as those of `tui_connector.celery`: each store has a queue, a message
leaves it only when a process is free (prefetch 1), the queues are served in random order, and the message of a lost
process is queued again in front. Four fleets are compared:

- own workers: groups of as many processes as a store bears (`-c`), each with the queues of its own stores;
- the same, with all schedules at the same minute;
- the same, with one store in a hundred in maintenance: each of its runs holds a process until the patience is
  exhausted. (One that no run has reached so far fails at once.) Only the other stores are counted;
- one pool: every process serves every store, within the limit of each store. Celery has no such thing; it is the ideal.

A fleet is saturated when more than 1 % of the runs are not committed when the next one is due. Two hours are measured,
after one hour to fill the queues: a fleet just above its capacity needs longer than that to fall behind.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from tui_connector.guide.schedules.cron import Cron

SECOND = 1_000_000
"""Times are whole microseconds, so that sums of them are exact."""
_MINUTE, _HOUR = 60 * SECOND, 3600 * SECOND
_LATE_SHARE = 0.01
Times = Mapping[str, Mapping[str, Sequence[float]]]
"""Seconds of each command, by the size of the store: {"1000": {"plan": […], "slice": […], "commit": […]}}."""
PROFILE = """format = 1
name = "Simulation"
[authentications.a]
kind = "bearer"
token = {{ env = "BENCHMARK_TOKEN" }}
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "{url}/rest/V1"
[incoming.products]
client = "shop"
request = {{ uri = "products" }}
items = "items"
identifier = "sku"
pagination = {{ kind = "keyset", filter = "entity_id", field = "id", page-size = 100 }}
sink = {{ kind = "jsonl", path = "products.jsonl" }}
"""


@dataclass(slots=True, eq=False)
class Run:
    """One run of a store: stages of tasks, each a duration. A stage starts when the one before has ended."""

    due: int
    store: int
    stages: Sequence[Sequence[int]]
    stage: int = -1
    open_tasks: int = 0
    started: int = -1
    ended: int = -1


@dataclass(slots=True, eq=False)
class Task:
    """A message in the queue of a store."""

    run: Run
    service: int
    queued: int
    waited: int = 0
    """In all of its times in the queue: more than one if a process was lost."""


@dataclass(slots=True, eq=False)
class Process:
    """One process of a worker, which has one message at a time."""

    group: Group
    task: Task | None = None
    since: int = 0
    turn: int = 0
    """Counts its tasks, so that the end of one that was interrupted is ignored."""


class Group:
    """Processes that serve the same queues."""

    def __init__(self) -> None:
        self.free: list[Process] = []
        self.ready: list[int] = []
        """Stores that have a message, and are below their limit."""
        self._places: dict[int, int] = {}

    def add_ready(self, store: int) -> None:
        if store not in self._places:
            self._places[store] = len(self.ready)
            self.ready.append(store)

    def remove_ready(self, store: int) -> None:
        place = self._places.pop(store, None)
        if place is not None:
            last = self.ready.pop()
            if last != store:
                self.ready[place] = last
                self._places[last] = place


class Simulation:
    """Stores, their queues, and the processes that serve them. Store `n` belongs to group `n` modulo their number."""

    def __init__(self, groups: Sequence[int], limit: int, chance: random.Random) -> None:
        """`groups`: the number of processes of each; `limit`: the messages of a store that are served at a time."""
        self._limit, self._chance = limit, chance
        self._groups = [Group() for _ in groups]
        self.processes = [
            Process(group) for group, number in zip(self._groups, groups, strict=True) for _ in range(number)
        ]
        for process in self.processes:
            process.group.free.append(process)
        self._queues: dict[int, deque[Task]] = {}
        self._in_flight: dict[int, int] = {}
        self.most_in_flight: dict[int, int] = {}
        self._events: list[tuple[int, int, Callable[..., None], Any]] = []
        self._number = 0
        self._waiting = self._busy = 0
        self.now = 0
        self.runs: list[Run] = []
        self.tasks: list[Task] = []
        self.interrupted = 0
        self.waiting_area = self.busy_area = 0
        """Integrals over time of the messages that wait, and of those that are served."""
        self.served: list[tuple[int, int]] = []
        """When each service started and ended."""

    def run(self, runs: Iterable[Run], *, until: int, lost_per_hour: float = 0, restart: int = 0) -> None:
        """Until every run has ended; processes are lost before `until`. `runs` are sorted by when they are due."""
        arrivals = iter(runs)
        self._next_run(arrivals)
        if lost_per_hour:
            self._loss = lost_per_hour / _HOUR, restart, until
            for process in self.processes:
                self._plan_loss(process)
        while self._events:
            at, _, event, argument = heapq.heappop(self._events)
            self.waiting_area += self._waiting * (at - self.now)
            self.busy_area += self._busy * (at - self.now)
            self.now = at
            event(argument)

    def _at(self, time: int, event: Callable[..., None], argument: Any) -> None:
        self._number += 1
        heapq.heappush(self._events, (time, self._number, event, argument))

    def _next_run(self, arrivals: Iterator[Run]) -> None:
        if (run := next(arrivals, None)) is not None:
            self._at(run.due, self._arrive, (run, arrivals))

    def _arrive(self, given: tuple[Run, Iterator[Run]]) -> None:
        run, arrivals = given
        self.runs.append(run)
        self._next_stage(run)
        self._next_run(arrivals)

    def _next_stage(self, run: Run) -> None:
        run.stage += 1
        if run.stage == len(run.stages):
            run.ended = self.now
            return
        run.open_tasks = len(run.stages[run.stage])
        for service in run.stages[run.stage]:
            task = Task(run, service, self.now)
            self.tasks.append(task)
            self._queues.setdefault(run.store, deque()).append(task)
            self._waiting += 1
        self._offer(run.store)

    def _offer(self, store: int) -> None:
        """Gives messages of this store to free processes."""
        group = self._groups[store % len(self._groups)]
        self._update_ready(store, group)
        while group.free and store in group._places:
            index = self._chance.randrange(len(group.free))
            group.free[index], group.free[-1] = group.free[-1], group.free[index]
            self._start(group.free.pop(), store)

    def _update_ready(self, store: int, group: Group) -> None:
        if self._queues.get(store) and self._in_flight.get(store, 0) < self._limit:
            group.add_ready(store)
        else:
            group.remove_ready(store)

    def _start(self, process: Process, store: int) -> None:
        task = self._queues[store].popleft()
        task.waited += self.now - task.queued
        if task.run.started < 0:
            task.run.started = self.now
        process.task, process.since, process.turn = task, self.now, process.turn + 1
        self._waiting -= 1
        self._busy += 1
        in_flight = self._in_flight[store] = self._in_flight.get(store, 0) + 1
        self.most_in_flight[store] = max(self.most_in_flight.get(store, 0), in_flight)
        self._update_ready(store, process.group)
        self._at(self.now + task.service, self._end, (process, process.turn))

    def _stop(self, process: Process) -> Task:
        task = process.task
        assert task is not None
        process.task = None
        self.served.append((process.since, self.now))
        self._busy -= 1
        self._in_flight[task.run.store] -= 1
        return task

    def _end(self, given: tuple[Process, int]) -> None:
        process, turn = given
        if process.task is None or process.turn != turn:  # lost meanwhile
            return
        task = self._stop(process)
        run = task.run
        run.open_tasks -= 1
        self._update_ready(run.store, process.group)
        if not run.open_tasks:
            self._next_stage(run)
        self._free(process)

    def _free(self, process: Process) -> None:
        group = process.group
        if group.ready:
            self._start(process, self._chance.choice(group.ready))
        else:
            group.free.append(process)

    def _plan_loss(self, process: Process) -> None:
        rate, _, until = self._loss
        at = self.now + round(self._chance.expovariate(rate))
        if at < until:
            self._at(at, self._lose, process)

    def _lose(self, process: Process) -> None:
        if process.task is None:
            process.group.free.remove(process)
        else:
            self.interrupted += 1
            task = self._stop(process)
            task.queued = self.now
            self._queues[task.run.store].appendleft(task)
            self._waiting += 1
            self._offer(task.run.store)
        self._at(self.now + self._loss[1], self._return, process)

    def _return(self, process: Process) -> None:
        self._free(process)
        self._plan_loss(process)


@dataclass(frozen=True)
class Fleet:
    """What is simulated. `every`: minutes between the runs of a store."""

    times: Times = field(repr=False)
    stores: int = 1_000
    workers: int = 100
    every: int = 15
    limit: int = 4
    slices: int = 4
    spread: bool = True
    pooled: bool = False
    down: int = 0
    """One store in so many is in maintenance, in different groups; 0: none."""
    patience: int = 5 * _MINUTE
    """As an incoming has by default."""
    hours: int = 3
    """The first one is not measured."""
    lost_per_hour: float = 0.1
    """Of each process."""
    restart: int = 10 * SECOND
    seed: int = 1

    def is_down(self, store: int) -> bool:
        return self.down > 0 and store % self.down == store // self.down % self.down

    def schedule(self, store: int) -> Cron:
        # one after another in each group of workers
        start = store // max(1, self.workers // self.limit) % self.every if self.spread else 0
        if self.every < 60:
            return Cron.parse(f"{start}-59/{self.every} * * * *")
        return Cron.parse(f"{start % 60} {start // 60}-23/{self.every // 60} * * *")

    def runs(self, chance: random.Random) -> Iterator[Run]:
        """In the order in which they are due."""
        sizes = [
            {name: [round(each * SECOND) for each in found] for name, found in of.items()} for of in self.times.values()
        ]
        due: list[tuple[int, int]] = []
        for store in range(self.stores):
            cron = self.schedule(store)
            due += [
                (hour * _HOUR + minute * _MINUTE, store)
                for hour in cron.hours
                if hour < self.hours
                for minute in cron.minutes
            ]
        for at, store in sorted(due):
            if self.is_down(store):
                yield Run(at, store, [[self.patience]])
                continue
            of = sizes[store % len(sizes)]
            slices = [chance.choice(of["slice"]) for _ in range(self.slices)]
            yield Run(at, store, ([chance.choice(of["plan"])], slices, [chance.choice(of["commit"])]))

    @property
    def capacity(self) -> float:
        """The number of stores whose work alone takes all the time of all workers."""

        def mean(found: Sequence[float]) -> float:
            return math.fsum(found) / len(found)

        work = [mean(of["plan"]) + self.slices * mean(of["slice"]) + mean(of["commit"]) for of in self.times.values()]
        return self.workers * self.every * 60 / mean(work)


@dataclass(frozen=True)
class Outcome:
    """What was measured of a fleet; seconds and shares."""

    stores: int
    every: int
    utilisation: float
    wait: tuple[float, float]
    """Of a message in its queue: median and 99th percentile."""
    start: tuple[float, float]
    """From when a run is due until it starts."""
    done: tuple[float, float]
    """From when a run is due until it is committed."""
    late: float
    """Share of the runs that are not committed when the next one is due."""

    @property
    def is_saturated(self) -> bool:
        return self.late > _LATE_SHARE


def simulated(fleet: Fleet) -> Outcome:
    chance = random.Random(fleet.seed)
    groups = [fleet.workers] if fleet.pooled else [fleet.limit] * (fleet.workers // fleet.limit)
    simulation = Simulation(groups, fleet.limit, chance)
    since, until = _HOUR, fleet.hours * _HOUR
    simulation.run(
        fleet.runs(random.Random(fleet.seed)), until=until, lost_per_hour=fleet.lost_per_hour, restart=fleet.restart
    )
    assert max(simulation.most_in_flight.values()) <= fleet.limit
    runs = [each for each in simulation.runs if each.due >= since and not fleet.is_down(each.store)]
    assert all(each.ended >= 0 for each in runs)
    busy = sum(max(0, min(end, until) - max(start, since)) for start, end in simulation.served)
    waits = [each.waited for each in simulation.tasks if each.run.due >= since and not fleet.is_down(each.run.store)]
    late = sum(each.ended - each.due > fleet.every * _MINUTE for each in runs)
    return Outcome(
        fleet.stores,
        fleet.every,
        busy / (sum(groups) * (until - since)),
        _middle_and_end(waits),
        _middle_and_end([each.started - each.due for each in runs]),
        _middle_and_end([each.ended - each.due for each in runs]),
        late / len(runs),
    )


def _middle_and_end(microseconds: list[int]) -> tuple[float, float]:
    """Median and 99th percentile, in seconds."""
    found = sorted(microseconds)
    return found[len(found) // 2] / SECOND, found[math.ceil(len(found) * 0.99) - 1] / SECOND


def saturation(fleet: Fleet, low: int, high: int) -> int:
    """The number of stores, within 2 %, from which the fleet is saturated: it is with `high`, and not with `low`."""
    while high - low > max(1, high // 50):
        middle = (low + high) // 2
        if simulated(replace(fleet, stores=middle)).is_saturated:
            high = middle
        else:
            low = middle
    return high


@contextmanager
def sandbox(products: int, latency: int, environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The description of a sandbox that is running."""
    options = ["--port", "0", "--json", "--products", str(products), "--latency", str(latency)]
    options += ["--set", "oauth/consumer/enable_integration_as_bearer=1"]
    command = [sys.executable, "-m", "tui_connector", "sandbox", *options]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def measured(sizes: Sequence[int], slices: int, latency: int) -> Times:
    """Whole processes, as a worker starts them, one after another."""
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"XDG_STATE_HOME": str(folder / "state")}
        for size in sizes:
            of = found[str(size)] = {"plan": [], "slice": [], "commit": []}
            with sandbox(size, latency, environment) as store:
                (folder / "shop.toml").write_text(PROFILE.format(url=store["url"]))
                environment["BENCHMARK_TOKEN"] = store["integrations"]["full"]["access_token"]
                of_run = [str(folder / "shop.toml"), "products", "--trust", "--run-id", f"r{secrets.token_hex(4)}"]
                of["plan"].append(_seconds(["plan", *of_run, "--slices", str(slices), "--full", "--json"], environment))
                for each in range(slices):
                    of["slice"].append(_seconds(["run", *of_run, "--slice", str(each), "--quiet"], environment))
                of["commit"].append(_seconds(["commit", *of_run, "--quiet"], environment))
    return found


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    line = [sys.executable, "-m", "tui_connector", *command]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr}")
    return time.perf_counter() - began


def plot(curves: Mapping[str, Sequence[tuple[float, float]]], title: str, across: str, up: str, line: float) -> str:
    """Curves as SVG, the vertical axis logarithmic; `line` is drawn at a value of the horizontal one."""
    width, height, left, top, right, bottom = 860, 500, 80, 50, 30, 60
    points = [each for curve in curves.values() for each in curve]
    last = max(line, *(x for x, _ in points)) * 1.02
    decades = [math.log10(max(y, 0.01)) for _, y in points]
    low, high = math.floor(min(decades)), max(math.ceil(max(decades)), math.floor(min(decades)) + 1)

    def at(x: float, y: float) -> tuple[float, float]:
        level = (math.log10(max(y, 0.01)) - low) / (high - low)
        return left + x / last * (width - left - right), height - bottom - level * (height - top - bottom)

    def text(x: float, y: float, words: str, anchor: str = "middle", more: str = "") -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'

    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">']
    out += ['<rect width="100%" height="100%" fill="white"/>', text(width / 2, 26, title, more=' font-size="16"')]
    out.append(text((left + width - right) / 2, height - 16, across))
    out.append(text(20, height / 2, up, more=f' transform="rotate(-90 20 {height / 2})"'))
    for decade in range(low, high + 1):
        _, y = at(0, 10**decade)
        out.append(f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(text(left - 8, y + 4, f"{10**decade:g}", "end"))
    step = 10 ** math.floor(math.log10(last)) / 2
    for tick in range(int(last / step) + 1):
        x, y = at(tick * step, 10**low)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y + 5:.1f}" stroke="black"/>')
        out.append(text(x, y + 20, f"{tick * step:,.0f}"))
    x, y = at(line, 10**low)
    out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{y:.1f}" stroke="black" stroke-dasharray="2 4"/>')
    out.append(text(x - 6, height - bottom - 10, "all workers busy", "end"))
    styles = (("#0b5fa5", ""), ("#b3400b", "9 4"), ("#1a7f37", "3 3"), ("#6f42c1", "12 4 3 4"))
    for number, (name, curve) in enumerate(curves.items()):
        colour, dashes = styles[number % len(styles)]
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
        out.append(f'<polyline points="{" ".join("{:.1f},{:.1f}".format(*at(*each)) for each in curve)}" {style}/>')
        y = top + 14 + 20 * number
        out.append(f'<polyline points="{left + 14},{y - 4} {left + 54},{y - 4}" {style}/>')
        out.append(text(left + 62, y, name, "start"))
    return "\n".join([*out, "</svg>", ""])


def fleets(fleet: Fleet) -> dict[str, Fleet]:
    return {
        "own workers": fleet,
        "own workers, schedules at the same minute": replace(fleet, spread=False),
        "own workers, one store in a hundred in maintenance": replace(fleet, down=100),
        "one pool": replace(fleet, pooled=True),
    }


def _header(first: str) -> None:
    print(f"  {first:>8}  utilisation  waits p50, p99 [s]  starts p50, p99 [s]  committed p50, p99 [s]  late")


def _print(first: int, found: Outcome) -> None:
    pairs = "  ".join(
        f"{one:>{width - 11},.1f} {other:>10,.1f}"
        for (one, other), width in ((found.wait, 18), (found.start, 19), (found.done, 22))
    )
    mark = "  saturated" if found.is_saturated else ""
    print(f"  {first:>8,}  {found.utilisation:>11.1%}  {pairs}  {found.late:>4.0%}{mark}", flush=True)


def by_stores(fleet: Fleet, shares: Sequence[float]) -> dict[str, list[tuple[float, float]]]:
    """Prints how late runs are with more and more stores; returns the curves for the plot."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, each in fleets(fleet).items():
        print(f"{name}: a run every {each.every} minutes")
        _header("stores")
        curve = curves[name] = []
        low = 0
        for share in shares:
            found = simulated(replace(each, stores=max(1, round(fleet.capacity * share))))
            _print(found.stores, found)
            curve.append((found.stores, found.done[1]))
            if found.is_saturated:
                print(f"  saturates at {saturation(each, low, found.stores):,} stores", flush=True)
                break
            low = found.stores
    return curves


def by_interval(fleet: Fleet, intervals: Sequence[int]) -> None:
    for name, each in fleets(fleet).items():
        print(f"{name}: {each.stores:,} stores")
        _header("minutes")
        for every in intervals:
            _print(every, simulated(replace(each, every=every)))


def service_times(file: Path | None, sizes: Sequence[int], slices: int, latency: int) -> Times:
    if file is not None and file.exists():
        found: Times = json.loads(file.read_text())
        return found
    found = measured(sizes, slices, latency)
    if file is not None:
        file.write_text(json.dumps(found, indent=2) + "\n")
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="few stores, few measurements")
    parser.add_argument("--times", type=Path, help="a JSON file with the service times; written if it does not exist")
    parser.add_argument("--plot", type=Path, help="write the curves to this SVG file")
    parser.add_argument("--stores", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--every", type=int, default=15, help="minutes between the runs of a store")
    # 100 products a page: a real Magento on two cores gave 279 products/s with 2 requests in flight
    parser.add_argument("--latency", type=int, default=700, help="of the sandbox that is measured, in ms a response")
    given = parser.parse_args()
    sizes, slices, latency = ((200,), 1, 0) if given.smoke else ((250, 1_000, 4_000), 4, given.latency)
    times = service_times(given.times, sizes, slices, latency)
    for size, of in times.items():
        shown = ", ".join(f"{name} {min(found):.2f}–{max(found):.2f} s" for name, found in of.items())
        print(f"store with {size} products: {shown}")
    fleet = Fleet(times, given.stores, given.workers, given.every)
    if given.smoke:
        fleet = replace(fleet, stores=20, workers=2, limit=1, hours=2)
    print(f"{fleet.workers} workers, at most {fleet.limit} slices of a store at a time, {fleet.slices} slices a run")
    print(f"the work of {fleet.capacity:,.0f} stores with a run every {fleet.every} minutes would keep them all busy")
    curves = by_stores(fleet, (0.5, 1.1) if given.smoke else (0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1))
    by_interval(fleet, (1, 60) if given.smoke else (2, 3, 4, 5, 6, 10, 15, 30, 60))
    if given.plot is not None:
        title = f"{fleet.workers} workers, a run of each store every {fleet.every} minutes"
        up = "99 % of the runs are committed after … seconds"
        given.plot.write_text(plot(curves, title, "stores", up, fleet.capacity))


if __name__ == "__main__":
    main()
