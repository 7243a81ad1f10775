"""The lines between the sessions of a log: where rows and titles are among them."""

from __future__ import annotations

from exchanges import exchange

from tui_connector.client.exchange import Ring
from tui_connector.log.filter import parse
from tui_connector.log.view import View
from tui_connector.tui.log.session_heads import SessionHeads


def _lines(heads: SessionHeads, view: View) -> list[str]:
    heads.update(view)
    count = len(view) + len(heads)
    lines = [heads.title_at(line) or f"#{view.exchange(heads.index_at(line)).number}" for line in range(count)]
    assert [lines[heads.line_of(index)] for index in range(len(view))] == [
        f"#{view.exchange(index).number}" for index in range(len(view))
    ]
    return lines


def test_each_session_with_rows_has_a_title_above_them_also_while_a_filter_hides_some() -> None:
    ring, heads = Ring(1_000, 1_000_000), SessionHeads()
    for title, statuses in (("first", [200, 500]), ("empty", []), ("second", [200]), ("third", [500, 200])):
        ring.begin_session()
        heads.begin(ring.session_number, title)
        for number, status in enumerate(statuses, 1):
            ring.append(exchange(number, status=status))
    view = View(ring, lambda: 0.0)
    view.update()
    assert _lines(heads, view) == ["first", "#1", "#2", "second", "#1", "third", "#1", "#2"]
    view.set(parse("~s 500"))
    view.update()
    assert _lines(heads, view) == ["first", "#2", "third", "#1"]
    view.set(parse("~s 404"))
    view.update()
    assert _lines(heads, view) == []


def test_the_first_row_has_the_title_of_its_session_once_older_ones_were_discarded() -> None:
    ring, heads = Ring(3, 1_000_000), SessionHeads()
    for title in ("first", "second", "third"):
        ring.begin_session()
        heads.begin(ring.session_number, title)
        for number in (1, 2):
            ring.append(exchange(number))
    view = View(ring, lambda: 0.0)
    view.update()
    assert _lines(heads, view) == ["second", "#2", "third", "#1", "#2"]
