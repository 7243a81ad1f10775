"""The row of the log that is selected while the list follows what is sent."""

from __future__ import annotations

from datetime import timedelta

from exchanges import AT, exchange, lost

from tui_connector.client.exchange import Exchange
from tui_connector.tui.log.following import index_to_follow


class Rows:
    """Rows of one exchange each, and folded ones of several."""

    def __init__(self, *rows: tuple[Exchange, ...]) -> None:
        self._rows = rows

    def exchange_at(self, index: int) -> Exchange | None:
        return self._rows[index][-1]

    def is_followed(self, exchange: Exchange) -> bool:
        return False

    def folded_at(self, index: int) -> tuple[Exchange, ...]:
        return self._rows[index] if len(self._rows[index]) > 1 else ()


def probe(number: int, seconds: float, *, fails: bool = False, status: int = 200) -> Exchange:
    make = lost if fails else exchange
    return make(number, purpose="probe", at=AT + timedelta(seconds=seconds), **({} if fails else {"status": status}))


def test_the_request_that_the_newest_probes_diagnose_is_selected() -> None:
    test = exchange(1, purpose="test", status=401, at=AT)
    assert index_to_follow(Rows((test,), (probe(2, 0.2), probe(3, 0.4))), 1) == 0


def test_a_failure_is_not_selected_once_later_probes_are_about_something_else() -> None:
    refused = probe(1, 0, fails=True)
    assert index_to_follow(Rows((refused,), (probe(2, 0.1, status=404),)), 1) == 0
    assert index_to_follow(Rows((refused,), (probe(2, 0.1, status=404), probe(3, 9), probe(4, 9.2))), 1) == 1
