"""Which failures the log beside a run lists and counts, one after the other."""

from __future__ import annotations

from exchanges import exchange

from tui_connector.client.exchange import Exchange, Exchanges
from tui_connector.log.expressions import Filter
from tui_connector.tui.log.failures import (
    FailuresShown,
    counts,
    listed_by,
    next_shown,
    next_words,
    number_of,
    shown_words,
    why_none,
)

OF_RUN = " of this run"


def answered(number: int, status: int = 200, *, call: int = 0, attempt: int = 1) -> Exchange:
    uri = f"https://acme.example/rest/V1/products/{call or number}"
    return exchange(number, call=call or number, attempt=attempt, status=status, uri=uri)


def log_of(*exchanges: Exchange) -> Exchanges:
    log = Exchanges()
    for each in exchanges:
        log.record(each)
    return log


def is_own(exchange: Exchange) -> bool:
    return exchange.failed and exchange.number >= 10


def pressed(log: Exchanges) -> list[list[int]]:
    """The numbers that each press of the key lists, until everything is listed again."""
    shown, lists = next_shown("", log, is_own), list[list[int]]()
    while shown:
        matcher = listed_by(Filter(), shown, log, is_own)
        lists.append([each.number for each in log.failures if matcher.matches(each)])
        assert number_of(shown, log, is_own) == len(lists[-1])
        shown = next_shown(shown, log, is_own)
    return lists


def test_the_failures_of_the_run_come_first_and_then_all_where_there_are_others() -> None:
    before = (answered(1, 500), answered(2, 503, call=2), answered(3, call=2, attempt=2))
    of_run = (answered(10, 503, call=10), answered(11, call=10, attempt=2), answered(12, 404))
    assert pressed(log_of(*before, *of_run)) == [[12], [10, 12], [1, 12], [1, 2, 10, 12]]
    assert pressed(log_of(*of_run)) == [[12], [10, 12]]
    assert pressed(log_of(*before)) == [[], [1], [1, 2]]
    assert pressed(log_of(*before[1:], of_run[2])) == [[12], [2, 12]]
    assert pressed(log_of(answered(1))) == [[]]


def test_the_title_counts_what_the_list_has_and_says_what_is_of_the_run() -> None:
    log = log_of(answered(1, 500), answered(2, 500))
    assert counts(log, is_own) == "2 failed, none of this run"
    log.record(answered(10, 404))
    log.record(answered(11, 503, call=11))
    log.record(answered(12, call=11, attempt=2))
    assert counts(log, is_own) == "3 failed, 1 of this run · 1 retried"
    assert counts(log) == "3 failed · 1 retried"
    assert counts(log_of(answered(1)), is_own) == ""


def test_a_list_says_which_failures_it_has_and_what_the_key_lists_next() -> None:
    shown: FailuresShown = "last of run"
    log = log_of(answered(1, 500), answered(10, 404))
    assert shown_words(shown, log, is_own, OF_RUN)[0] == "errors only of this run (e: 1 other)"
    assert shown_words("last", log, is_own, OF_RUN)[0] == "errors only (e: all)"
    assert why_none("all of run", log_of(answered(1, 500), answered(2, 500)), is_own, OF_RUN) == (
        "No failures of this run. e: show 2 others"
    )
    assert why_none("all of run", log_of(answered(1)), is_own, OF_RUN) == "No failures of this run. e: show all"
    log.record(answered(11, 503, call=11))
    log.record(answered(12, call=11, attempt=2))
    assert next_words(shown, log, is_own) == "with 1 retried"
