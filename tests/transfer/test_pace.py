"""How many requests are in flight, with stores whose speed is written down."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import pytest

from tui_connector.transfer.pace import Pace


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
            pace.suffers(now)
        else:
            pace.answered(100, now)
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
    pace.suffers(1.0)
    assert pace.limit == 4
    pace.suffers(1.1)
    pace.suffers(1.2)
    pace.suffers(1.3)
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
