"""The index over the ring: which exchanges are on the list while they come and go."""

from __future__ import annotations

import itertools

from exchanges import exchange
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client.exchange import Exchange, Exchanges, Ring
from tui_connector.log.expressions import Filter
from tui_connector.log.filter import parse
from tui_connector.log.view import View, position_near

ERRORS = parse("~e")
FILTERS = [
    ERRORS,
    Filter(),
    *map(parse, ["~s 404", "~h 404", "~b 500 | /404", "~b 404 /404", "!~h 404 (~s 500 | ~b 200)"]),
]
"""Some are asked of each exchange, some first of a whole block of them."""


def _clock() -> float:
    return 0.0


def _fill(ring: Ring, statuses: list[int], numbers: list[int] | None = None) -> None:
    for number, status in zip(numbers or itertools.count(ring.end + 1), statuses, strict=False):
        said = str(status)
        texts = {"uri": f"https://acme.example/{said}", "headers": (("X-Status", said),), "body": said.encode()}
        ring.append(exchange(number, status=status, **texts))


def _expected(ring: Ring, wanted: Filter) -> list[int]:
    return [place for place in _listed(ring) if wanted.matches(ring[place])]


def _listed(ring: Ring) -> list[int]:
    """All positions in the order of a list."""
    return sorted(range(ring.first, ring.end), key=ring.place)


@st.composite
def _shuffled(draw: st.DrawFn, first: int, count: int) -> list[int]:
    """The numbers of so many requests in the order of their responses; some take much longer than others."""
    durations = draw(st.lists(st.sampled_from([0, 0, 0, 1, 3, 70, 500]), min_size=count, max_size=count))
    return [first + sent for _, sent in sorted((sent + took, sent) for sent, took in enumerate(durations))]


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

    def come() -> None:
        statuses = data.draw(_come)
        _fill(ring, statuses, data.draw(_shuffled(ring.end - ring.session_start(ring.session_number), len(statuses))))

    come()
    ticks = itertools.count()
    view = View(ring, lambda: float(next(ticks)), data.draw(st.sampled_from(FILTERS)))
    for _ in range(data.draw(st.integers(0, 8))):
        step = data.draw(st.sampled_from(["add", "update", "clear", "set", "session"]))
        if step == "add":
            come()
        elif step == "update":
            view.update(data.draw(st.floats(0, 90)))
        elif step == "clear":
            ring.clear()
        elif step == "session":
            ring.begin_session()
        else:
            view.set(data.draw(st.sampled_from(FILTERS)))
    here, step = data.draw(st.integers(-1, ring.end - 1)), data.draw(st.sampled_from([1, -1]))
    known = view.nearest(here, step)
    while not view.update(1.0):
        pass
    found, place = _expected(ring, view.wanted), ring.place
    assert list(view) == found
    ahead = [each for each in found if (place(each) > place(here) if step > 0 else place(each) < place(here))] or found
    nearest = (ahead[0] if step > 0 else ahead[-1]) if ahead else None
    assert view.nearest(here, step) == nearest
    assert known in (None, nearest) or known < ring.first


def test_rows_are_by_number_within_each_session_whatever_the_order_of_the_responses() -> None:
    exchanges = Exchanges(6, 1_000_000)
    view, failures = View(exchanges, _clock), View(exchanges.failures, _clock)

    def numbers(of: View) -> list[int]:
        of.update()
        return [each.number for each in of.page(0, 100)]

    for number in (1, 3, 4, 2):
        exchanges.add(exchange(number, status=500))
    assert numbers(view) == numbers(failures) == [1, 2, 3, 4]
    exchanges.begin_session()
    for number in (2, 3, 1):
        exchanges.add(exchange(number, status=500 if number == 1 else 200))
    assert numbers(view) == [2, 3, 4, 1, 2, 3]  # what responded first was discarded
    assert numbers(failures) == [1, 2, 3, 4, 1]
    assert view.session_index(1) == 3
    assert failures.session_index(1) == 4


def test_a_position_in_another_ring_is_that_of_the_exchange_or_of_the_one_before_it() -> None:
    exchanges = Exchanges()
    sent = {number: exchange(number, status=500 if number in (2, 5) else 200) for number in (5, 4, 1, 3, 2)}
    for each in sent.values():
        exchanges.add(each)
    assert [position_near(exchanges.failures, sent[number], 0) for number in (1, 2, 3, 4, 5)] == [-1, 1, 1, 1, 0]
    assert [position_near(exchanges, sent[number], 0) for number in (5, 2)] == [0, 4]


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


def test_probes_of_two_sessions_are_two_rows() -> None:
    """A session that ends with probes, and one that begins with some: its title is between them."""
    ring = Ring(1_000, 1_000_000_000)
    view = View(ring, _clock, folds=lambda each: each.purpose == "probe")
    for numbers in ((1, 2, 3), (1, 3, 2), (1,)):
        for number in numbers:
            ring.append(exchange(number, purpose="probe"))
        ring.begin_session()
    for _ in range(2):  # as they come, and from the newest back
        view.update(1.0)
        assert [list(view.folded(index)) for index in range(len(view))] == [[0, 1, 2], [3, 5, 4], []]
        view.set(Filter(), view._folds)


@given(st.lists(st.sampled_from(["run", "probe"]), max_size=60), st.integers(5, 40), st.integers(0, 60), st.data())
def test_neighbouring_probes_are_one_row_whatever_was_there_before_comes_and_goes(
    purposes: list[str], room: int, before: int, data: st.DataObject
) -> None:
    ring, sent = Ring(room, 1_000_000_000), [*zip(data.draw(_shuffled(1, len(purposes))), purposes, strict=True)]
    for number, purpose in sent[:before]:
        ring.append(exchange(number, purpose=purpose))
    ticks = itertools.count()
    view = View(ring, lambda: float(next(ticks)), folds=lambda each: each.purpose == "probe")
    for number, purpose in sent[before:]:
        ring.append(exchange(number, purpose=purpose))
        if number % 3:
            view.update(2.0)
    while not view.update(2.0):
        pass
    kept = [(place, ring[place].purpose) for place in _listed(ring)]
    groups = [[place for place, _ in group] for _, group in itertools.groupby(kept, lambda each: each[1])]
    rows = [row for group in groups for row in ([group] if ring[group[0]].purpose == "probe" else [[p] for p in group])]
    assert list(view) == [row[-1] for row in rows]
    assert [list(view.folded(index)) for index in range(len(view))] == [row if len(row) > 1 else [] for row in rows]
    assert list(view.positions()) == [place for place, _ in kept]


def test_what_many_exchanges_have_is_in_memory_once() -> None:
    def received(number: int) -> Exchange:
        headers = tuple(("".join(["X-", name]), "".join(["a ", name])) for name in ("one", "two"))
        return exchange(number, headers=(*headers, ("Date", str(number))), request_headers=headers)

    one, other = received(1), received(2)
    assert one.headers[0] is other.headers[0]
    assert one.headers[2] is not other.headers[2]
    assert one.request_headers is other.request_headers
    assert one.request_body is other.request_body
