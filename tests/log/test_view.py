"""The index over the ring: which exchanges are on the list while they come and go."""

from __future__ import annotations

import itertools

from exchanges import exchange
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client.exchange import Exchanges, Ring
from tui_connector.log.filter import Filter, parse
from tui_connector.log.view import View

ERRORS = parse("~e")
FILTERS = [
    ERRORS,
    Filter(),
    *map(parse, ["~s 404", "~h 404", "~b 500 | /404", "~b 404 /404", "!~h 404 (~s 500 | ~b 200)"]),
]
"""Some are asked of each exchange, some first of a whole block of them."""


def _clock() -> float:
    return 0.0


def _fill(ring: Ring, statuses: list[int]) -> None:
    for status in statuses:
        said = str(status)
        texts = {"uri": f"https://acme.example/{said}", "headers": (("X-Status", said),), "body": said.encode()}
        ring.append(exchange(ring.end + 1, status=status, **texts))


def _expected(ring: Ring, wanted: Filter) -> list[int]:
    return [place for place in range(ring.first, ring.end) if wanted.matches(ring[place])]


def test_a_search_begins_at_the_newest_and_keeps_to_its_slice() -> None:
    ring = Ring(10_000, 1_000_000_000)
    _fill(ring, [200, 500] * 2_000)
    ticks = itertools.count()
    view = View(ring, lambda: float(next(ticks)), ERRORS)
    assert not view.update(2.0)
    assert view.searching
    assert 0 < len(view) < 2_000
    assert view[len(view) - 1] == 3_999
    assert list(view) == _expected(ring, ERRORS)[-len(view) :]
    examined, kept = view.searched
    assert 0 < examined < kept == 4_000
    while not view.update(2.0):
        pass
    assert list(view) == _expected(ring, ERRORS)
    assert not view.searching


def test_positions_stay_while_old_ones_go() -> None:
    ring = Ring(100, 1_000_000_000)
    _fill(ring, [500, 200] * 50)
    view = View(ring, _clock, ERRORS)
    view.update()
    marked = view[20]
    _fill(ring, [500] * 10)
    view.update()
    assert view[view.index(marked)] == marked
    assert view.exchange(view.index(marked)).number == marked + 1
    assert [each.number - 1 for each in view.page(0, 1_000)] == _expected(ring, ERRORS)
    _fill(ring, [200] * 100)
    view.update()
    assert len(view) == view.index(marked) == 0


def test_the_ring_of_failures_has_a_view_too_and_clearing_empties_it() -> None:
    exchanges = Exchanges(10, 1_000_000)
    for number in range(50):
        exchanges.record(exchange(number, status=500 if number % 10 == 0 else 200))
    view = View(exchanges.failures, _clock)
    assert view.update()
    assert [each.number for each in view.page(0, 9)] == [0, 10, 20, 30, 40]
    exchanges.clear()
    assert view.update()
    assert len(view) == 0


_few = st.lists(st.sampled_from([200, 404, 500]), max_size=5)
_come = st.tuples(_few, st.integers(0, 150), _few).map(lambda drawn: [*drawn[0], *[200] * drawn[1], *drawn[2]])


@given(st.data())
def test_however_it_is_used_it_finds_what_the_filter_finds(data: st.DataObject) -> None:
    ring = Ring(data.draw(st.integers(1, 300)), 1_000_000_000)
    _fill(ring, data.draw(_come))
    ticks = itertools.count()
    view = View(ring, lambda: float(next(ticks)), data.draw(st.sampled_from(FILTERS)))
    for _ in range(data.draw(st.integers(0, 8))):
        step = data.draw(st.sampled_from(["add", "update", "clear", "set"]))
        if step == "add":
            _fill(ring, data.draw(_come))
        elif step == "update":
            view.update(data.draw(st.floats(0, 90)))
        elif step == "clear":
            ring.clear()
        else:
            view.set(data.draw(st.sampled_from(FILTERS)))
    here, step = data.draw(st.integers(-1, ring.end)), data.draw(st.sampled_from([1, -1]))
    known, first = view.nearest(here, step), ring.first
    while not view.update(1.0):
        pass
    found = _expected(ring, view.wanted)
    assert list(view) == found
    ahead = [each for each in found if (each > here if step > 0 else each < here)] or found
    nearest = (ahead[0] if step > 0 else ahead[-1]) if ahead else None
    assert view.nearest(here, step) == nearest
    assert known in (None, nearest) or known < first


def test_what_comes_to_a_block_after_a_search_is_found_by_the_next_one() -> None:
    ring = Ring(1_000, 1_000_000_000)
    _fill(ring, [200] * 70)
    view = View(ring, _clock, parse("~h 404"))
    view.update()
    _fill(ring, [200, 404, 200])
    view.set(parse("~h 404"))
    view.update()
    assert list(view) == [71]
    _fill(ring, [200] * 70)
    view.update()
    view.set(parse("~h 404"))
    view.update()
    assert list(view) == [71]


@given(st.lists(st.sampled_from(["run", "probe"]), max_size=60), st.integers(5, 40), st.integers(0, 60))
def test_neighbouring_probes_are_one_row_whatever_was_there_before_comes_and_goes(
    purposes: list[str], room: int, before: int
) -> None:
    ring = Ring(room, 1_000_000_000)
    for number, purpose in enumerate(purposes[:before], 1):
        ring.append(exchange(number, purpose=purpose))
    ticks = itertools.count()
    view = View(ring, lambda: float(next(ticks)), folds=lambda each: each.purpose == "probe")
    for number, purpose in enumerate(purposes[before:], before + 1):
        ring.append(exchange(number, purpose=purpose))
        view.update(2.0)
    while not view.update(2.0):
        pass
    kept = [(place, ring[place].purpose) for place in range(ring.first, ring.end)]
    groups = [[place for place, _ in group] for _, group in itertools.groupby(kept, lambda each: each[1])]
    rows = [row for group in groups for row in ([group] if ring[group[0]].purpose == "probe" else [[p] for p in group])]
    assert list(view) == [row[-1] for row in rows]
    assert [list(view.folded(index)) for index in range(len(view))] == [row if len(row) > 1 else [] for row in rows]
    assert list(view.positions()) == [place for place, _ in kept]
