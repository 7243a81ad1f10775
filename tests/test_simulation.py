"""The simulation of stores and workers, against what queueing theory says, and with lost processes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from benchmarks.simulation import SECOND, Fleet, Run, Simulation, plot, simulated

TIMES = {
    "small": {"plan": [0.8, 1.0], "slice": [1.0, 3.0], "commit": [0.7]},
    "large": {"plan": [1.2], "slice": [4.0, 9.0], "commit": [2.0]},
}


def poisson(number: int, per_second: float, seconds: float, seed: int = 4711) -> Iterator[Run]:
    """Runs of one task, with exponential times between them and exponential durations."""
    chance, now = random.Random(seed), 0
    for _ in range(number):
        now += round(chance.expovariate(per_second) * SECOND)
        yield Run(now, 0, [[round(chance.expovariate(1 / seconds) * SECOND)]])


def erlang_c(servers: int, load: float) -> float:
    """The probability that an arrival waits, in M/M/c with this load in erlangs."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (math.fsum(load**each / math.factorial(each) for each in range(servers)) + last)


@pytest.mark.parametrize(("servers", "limit", "processes"), [(1, 1, 1), (4, 4, 4), (4, 4, 9), (10, 12, 10)])
def test_the_mean_wait_is_that_of_m_m_c(servers: int, limit: int, processes: int) -> None:
    """The servers are the processes, or as many as the store's limit allows."""
    load = 0.8 * servers
    simulation = Simulation([processes], limit, random.Random(1))
    simulation.run(poisson(60_000, load, 1.0), until=0)
    mean = sum(each.waited for each in simulation.tasks) / len(simulation.tasks) / SECOND
    assert mean == pytest.approx(erlang_c(servers, load) / (servers - load), rel=0.1)
    waited = sum(each.waited > 0 for each in simulation.tasks) / len(simulation.tasks)
    assert waited == pytest.approx(erlang_c(servers, load), rel=0.05)
    assert simulation.busy_area / simulation.now == pytest.approx(load, rel=0.02)


def test_littles_law_holds_exactly() -> None:
    """The integral of the queues' lengths is the sum of the waits, to the microsecond, and so with those served."""
    fleet = Fleet(TIMES, stores=300, workers=12, lost_per_hour=3.0)
    simulation = Simulation([4, 4, 4], 2, random.Random(2))
    runs = fleet.runs(random.Random(3))
    simulation.run(runs, until=3 * 3600 * SECOND, lost_per_hour=3.0, restart=20 * SECOND)
    assert simulation.interrupted > 0
    assert simulation.waiting_area == sum(each.waited for each in simulation.tasks)
    assert simulation.busy_area == sum(end - start for start, end in simulation.served)


def test_lost_processes_lose_no_task_and_exceed_no_limit() -> None:
    fleet = Fleet(TIMES, stores=60, workers=8)
    simulation = Simulation([8], 3, random.Random(5))
    simulation.run(fleet.runs(random.Random(6)), until=3 * 3600 * SECOND, lost_per_hour=20, restart=30 * SECOND)
    assert len(simulation.runs) == 60 * 12
    assert all(each.ended >= each.started >= each.due for each in simulation.runs)
    # each task is served once, and once more for each time that it was interrupted
    assert simulation.interrupted > 20
    assert len(simulation.tasks) == 60 * 12 * 6
    assert len(simulation.served) == len(simulation.tasks) + simulation.interrupted
    assert max(simulation.most_in_flight.values()) == 3


@pytest.mark.parametrize(
    ("every", "spread", "minutes"),
    [(15, False, [0, 15, 30, 45]), (15, True, [7, 22, 37, 52]), (60, True, [7]), (120, True, [7])],
)
def test_runs_are_due_when_cron_says(every: int, spread: bool, minutes: list[int]) -> None:
    fleet = Fleet(TIMES, stores=8, workers=4, every=every, spread=spread)
    due = [run.due // SECOND // 60 for run in fleet.runs(random.Random(1)) if run.store == 7]
    assert sorted({each % 60 for each in due}) == minutes
    assert len(due) == math.ceil(180 / every)


def test_a_fleet_saturates_when_its_work_exceeds_its_workers() -> None:
    fleet = Fleet(TIMES, workers=8, pooled=True, lost_per_hour=0)
    quiet, full = (simulated(replace(fleet, stores=round(fleet.capacity * share))) for share in (0.5, 1.3))
    assert not quiet.is_saturated
    assert quiet.utilisation == pytest.approx(0.5, rel=0.05)
    assert full.is_saturated
    assert full.utilisation == pytest.approx(1.0, rel=0.02)
    assert full.wait[1] > quiet.wait[1]


def test_a_store_in_maintenance_delays_those_that_share_its_processes() -> None:
    fleet = Fleet(TIMES, stores=80, workers=8, limit=2, patience=600 * SECOND, lost_per_hour=0)
    well, shared = simulated(fleet), simulated(replace(fleet, down=40))
    assert well.start[1] < shared.start[1] < 600


def test_the_plot_is_svg_with_a_line_for_each_fleet() -> None:
    curves = {"own <workers>": [(10.0, 2.0), (20.0, 300.0)], "one pool": [(10.0, 1.0), (20.0, 0.0)]}
    svg = ElementTree.fromstring(plot(curves, "Title", "stores", "seconds", 15))
    texts = [each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Title", "stores", "seconds", "own <workers>", "one pool"} <= {*texts}
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}polyline"))) == 4
