"""Lists whose keys reach each of their options, also where their first and last rows are titles."""

from __future__ import annotations

import pytest
from screens import until
from textual.app import App, ComposeResult
from textual.widgets.option_list import Option

from tui_connector.tui.widgets.bounded_list import BoundedList

TITLES = (0, 20, 39)


class Listed(App[None]):
    """Forty rows, of which some are titles."""

    def compose(self) -> ComposeResult:
        yield BoundedList(*(Option(f" {number}", disabled=number in TITLES) for number in range(40)))


@pytest.mark.parametrize("height", [8, 60])
async def test_page_keys_reach_the_first_and_the_last_option(height: int) -> None:
    app = Listed()
    async with app.run_test(size=(40, height)) as pilot:
        rows = app.query_one(BoundedList)
        rows.focus()
        for keys, option, scroll in (
            (["pagedown"] * 20, 38, rows.max_scroll_y),
            (["pageup"] * 20, 1, 0),
            (["end"], 38, rows.max_scroll_y),
            (["home"], 1, 0),
        ):
            for key in keys:
                await pilot.press(key)
                assert rows.highlighted is not None
            assert rows.highlighted == option
            await until(pilot, lambda scroll=scroll: rows.scroll_y == scroll)  # type: ignore[misc]
