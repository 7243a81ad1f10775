"""How the parts of a run's screen share its rows, at every size and whatever there is to show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Size

from tui_connector.tui.log.dock import is_wide
from tui_connector.tui.log.layout import MIN_HEIGHT_WITH_DETAIL
from tui_connector.tui.run.layout import RunNeeds, run_rows

sizes = st.builds(Size, st.integers(80, 200), st.integers(24, 50))
needed = st.builds(RunNeeds, st.integers(1, 40), st.integers(0, 400), st.booleans(), st.booleans())
needed |= st.builds(RunNeeds, st.integers(1, 40), st.integers(0, 400), st.booleans(), st.just(True), st.just(True))


@given(sizes, needed)
def test_every_row_is_used_and_the_log_shows_a_request_and_after_a_failure_its_detail(
    size: Size, needs: RunNeeds
) -> None:
    rows = run_rows(size, needs)
    assert sum(rows) == size.height - 2
    assert rows.state >= 1
    assert rows.log >= (14 if is_wide(size) else MIN_HEIGHT_WITH_DETAIL if needs.failed else 5)


@given(sizes, needed)
def test_what_is_worth_least_gives_way_first(size: Size, needs: RunNeeds) -> None:
    rows = run_rows(size, needs)
    wanted = [rows.messages, rows.tiles, rows.bar]
    parts = [rows.charts, *wanted] if needs.has_charts else wanted
    assert [*map(bool, parts)] == sorted(map(bool, parts))
    assert rows.charts == 0 or rows.charts >= 5
    assert rows.messages == 0 or rows.messages >= 3
    if rows.state < (needs.state if needs.failed else min(4, needs.state)):
        assert not any(parts)


@given(sizes, needed, st.integers(1, 40))
def test_a_longer_state_takes_no_row_from_what_is_worth_more(size: Size, needs: RunNeeds, more: int) -> None:
    before, after = run_rows(size, needs), run_rows(size, replace(needs, state=needs.state + more))
    assert after.state >= before.state
    assert after.charts <= before.charts
    if after.state > before.state and after.charts > 5:
        assert after.messages  # the charts shrink before the messages go


@pytest.mark.parametrize("height", range(32, 51))
def test_a_refused_run_keeps_its_messages_and_its_log_at_every_height(height: int) -> None:
    rows = run_rows(Size(120, height), RunNeeds(3, 1, has_charts=True, ended=True, failed=True))
    assert (rows.bar, rows.state, rows.tiles, rows.messages) == (1, 3, 4, 3)
    assert rows.log >= 14


def test_at_80_columns_a_long_reason_leaves_the_log_its_detail() -> None:
    refused = RunNeeds(3, 1, has_charts=True, ended=True, failed=True)
    assert run_rows(Size(80, 24), refused) == (1, 3, 2, 0, 3, 13)
    assert run_rows(Size(80, 24), replace(refused, state=9)) == (1, 9, 0, 0, 0, 12)
    assert run_rows(Size(80, 24), replace(refused, state=99)) == (0, 10, 0, 0, 0, 12)
