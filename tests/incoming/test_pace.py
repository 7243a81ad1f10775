"""How many requests are in flight, with stores whose speed is written down."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tui_connector.runs.pace import Pace


def run(rate: Callable[[int], float], seconds: float, most: int | None = None, suffers_above: int = 99) -> list[int]:
    """The limits over time, with a store that gives `rate(in flight)` pages of 100 items a second."""
    pace, now = Pace(most), 0.0
    ends: list[float] = []
    limits = []
    while now < seconds:
        while len(ends) < pace.limit:
            in_flight = len(ends) + 1
            heapq.heappush(ends, now + in_flight / rate(in_flight))
        now = heapq.heappop(ends)
        if len(ends) + 1 > suffers_above:
            pace.back_off(429)
        else:
            pace.page_received(100, now)
        limits.append(pace.limit)
    return limits


def test_it_begins_with_two() -> None:
    assert Pace().limit == 2
    assert Pace(1).limit == 1


def test_where_each_more_helps_it_gets_to_eight_at_once_and_no_further() -> None:
    limits = run(lambda in_flight: 20.0 * in_flight, 5)
    assert limits.index(8) < 60  # of 800 pages
    assert max(limits) == 8


def test_it_goes_further_where_it_is_told_to() -> None:
    assert max(run(lambda in_flight: 20.0 * in_flight, 10, most=20)) > 12


def test_a_store_with_two_cores_is_left_at_two() -> None:
    """As measured on a real Magento: 204, 279, 253 (with 4) and 152 (with 8) products a second."""
    speed = {1: 2.04, 2: 2.79, 3: 2.7, 4: 2.53, 5: 2.3, 6: 2.0, 7: 1.7, 8: 1.52}
    limits = run(lambda in_flight: speed[min(in_flight, 8)], 400)
    assert sum(limit <= 3 for limit in limits) > len(limits) * 0.8


def test_429_and_5xx_halve_it() -> None:
    pace = Pace()
    pace.limit = 8
    pace.back_off(429)
    assert pace.limit == 4
    pace.back_off(503)
    pace.back_off(503)
    pace.back_off(503)
    assert pace.limit == 1


def test_a_store_that_limits_rates_is_not_driven_against_its_limit_for_ever() -> None:
    limits = run(lambda in_flight: 20.0 * in_flight, 60, suffers_above=4)
    late = limits[len(limits) // 2 :]
    assert sum(limit <= 4 for limit in late) > len(late) * 0.7


@pytest.mark.parametrize("slower", [0.5, 0.25])
def test_a_store_that_gets_slower_gets_fewer(slower: float) -> None:
    at = [0]

    def rate(in_flight: int) -> float:
        at[0] += 1
        return 20.0 * in_flight if at[0] < 400 else 20.0 * 8 * slower / max(1, in_flight / 4)

    limits = run(rate, 30)
    assert max(limits[:400]) == 8
    assert limits[-1] < 8


TWO_CORES = {1: 10.2, 2: 13.95, 3: 13.3, 4: 12.65, 5: 11.5, 6: 10.0, 7: 8.8, 8: 7.6}
"""Pages of 20 a second by requests in flight, as measured on a real Magento."""
SOME_CORES = {1: 5.0, 2: 9.0, 3: 12.0, 4: 14.0, 5: 13.5, 6: 13.0, 7: 12.0, 8: 11.0}


@dataclass
class Fixed:
    """As many in flight as they are told, for comparison."""

    limit: int

    def page_received(self, items: int, now: float) -> None: ...


Rate = Callable[[int, float], float]
"""Pages a second with so many in flight, at a time."""


def two_cores(in_flight: int, now: float) -> float:
    return TWO_CORES[in_flight]


def some_cores(in_flight: int, now: float) -> float:
    return SOME_CORES[in_flight]


def far_away(in_flight: int, now: float) -> float:
    return 4.0 * in_flight


def busy_for_a_while(rate: Rate) -> Rate:
    return lambda in_flight, now: rate(in_flight, now) * (0.3 if 20 < now < 40 else 1.0)


def moved_to_better_hardware(in_flight: int, now: float) -> float:
    return two_cores(in_flight, now) if now < 60 else far_away(in_flight, now)


def took(pace: Pace | Fixed, rate: Rate, pages: int, noise: float, seed: int) -> float:
    """The seconds until so many pages have come: the store works on all requests in flight at once, on its own clock.

    `noise`: how much one page differs from another, as a part of their mean.
    """
    chance = random.Random(seed)
    now = work = 0.0  # the work that the store has done on each request in flight
    ends: list[float] = []  # when they are done, in such work
    while pages > 0:
        while len(ends) < pace.limit:
            heapq.heappush(ends, work + (chance.gammavariate(noise**-2, noise**2) if noise else 1.0))
        speed = rate(len(ends), now) / len(ends)
        passes = min((ends[0] - work) / speed, 0.25)
        now += passes
        work += passes * speed
        while ends and ends[0] <= work + 1e-9:
            heapq.heappop(ends)
            pace.page_received(20, now)
            pages -= 1
    return now


def slower_than_the_best(rate: Rate, pages: int, noise: float) -> list[float]:
    """How many times as long it took as with the best fixed number, for some courses of chance."""
    seeds = range(3 if noise else 1)
    alone = [sum(took(Fixed(number), rate, pages, noise, seed) for seed in seeds) for number in range(1, 9)]
    return sorted(took(Pace(), rate, pages, noise, seed) * len(seeds) / min(alone) for seed in seeds)


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.6])
@pytest.mark.parametrize(
    "rate",
    [two_cores, some_cores, far_away, busy_for_a_while(two_cores), busy_for_a_while(far_away)],
    ids=["two cores", "some cores", "far away", "two cores, busy for a while", "far away, busy for a while"],
)
def test_it_settles_where_it_is_fastest(rate: Rate, noise: float) -> None:
    found = slower_than_the_best(rate, 3_000, noise)
    assert found[len(found) // 2] < 1.05 + noise / 20
    assert found[-1] < 1.2


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.6])
def test_a_short_run_is_not_slowed_down_by_what_is_tried(noise: float) -> None:
    found = slower_than_the_best(two_cores, 66, noise)
    assert found[len(found) // 2] < 1.05


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.6])
def test_it_goes_up_again_where_that_has_become_faster(noise: float) -> None:
    found = slower_than_the_best(moved_to_better_hardware, 3_000, noise)
    assert found[len(found) // 2] < 1.05 + noise / 20


def test_one_slow_measurement_lowers_nothing() -> None:
    pace, now = Pace(), 0.0
    for number in range(2_000):
        now += 0.01 if number % 200 < 195 else 3.0
        pace.page_received(20, now)
        assert pace.limit >= 2


def settled(latency: float, most: int = 8) -> tuple[Pace, float]:
    """A pace that has found this limit, with a store that is as fast with each request more, and the time now."""
    pace, now, at_most = Pace(most), 0.0, 0
    while at_most < most * 5:
        now += latency / pace.limit
        pace.page_received(1, now)
        at_most += pace.limit == most
    return pace, now


def responses_until(limit: int, pace: Pace, now: float, latency: float) -> int:
    """How many responses it takes until so many are in flight again."""
    for number in range(1, 1_000):
        now += latency / pace.limit
        pace.page_received(1, now)
        if pace.limit >= limit:
            return number
    pytest.fail(f"it stays at {pace.limit}")


@pytest.mark.parametrize("latency", [0.02, 0.1, 1.0])
@pytest.mark.parametrize(("status", "limit"), [(None, 8), (503, 6)], ids=["refused", "maintenance"])
def test_after_an_outage_it_doubles_with_each_round_of_responses(
    status: int | None, limit: int, latency: float
) -> None:
    """From one to eight takes 1 + 2 + 4 responses, after those that were on their way when the store went down."""
    pace, now = settled(latency)
    for _ in range(pace.limit):
        pace.back_off(status)
    assert (pace.limit, pace.reduced) == (1, "recovering")
    for _ in range(4):  # a single request, from time to time
        now += 5
        pace.back_off(status)
    assert responses_until(limit, pace, now, latency) <= 15


@pytest.mark.parametrize("status", [None, 503])
def test_an_outage_at_the_beginning_does_not_keep_it_at_one(status: int | None) -> None:
    pace = Pace()
    for _ in range(6):
        pace.back_off(status)
    assert responses_until(8, pace, 30.0, 0.1) < 80


def test_a_store_that_is_slow_after_an_outage_is_given_more_only_if_that_is_faster() -> None:
    pace, now = settled(0.1)
    for _ in range(12):
        pace.back_off(None)
    limits = []
    for _ in range(200):  # three responses a second, however many are in flight
        now += 1 / 3
        pace.page_received(1, now)
        limits.append(pace.limit)
    assert max(limits) <= 4


def test_a_page_with_a_broken_record_does_not_keep_it_low() -> None:
    """It is requested in halves, and fails again and again, while other pages arrive."""
    pace, now = settled(0.1)
    for _ in range(7):
        pace.back_off(500)
        for _ in range(4):
            now += 0.1 / pace.limit
            pace.page_received(1, now)
    assert responses_until(6, pace, now, 0.1) < 20


def test_it_says_that_the_store_refuses_more() -> None:
    pace, now = settled(0.1)
    pace.back_off(429)
    for _ in range(20):
        now += 0.1 / pace.limit
        pace.page_received(1, now)
    assert (pace.limit, pace.reduced) == (6, "overloaded")
