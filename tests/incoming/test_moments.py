"""The dates of items as moments: their order, whatever they are written like, and the dates that are requested."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tui_connector.incoming.moments import at_most, earlier, latest, moment_of, sort_key, sortable, written_like

_NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

IN_ORDER = {
    "numbers": ["-5", "9", "10", "10.5", "100", "1764388800"],
    "with a T and without": ["2026-11-24 10:00:00", "2026-11-24T11:00:00", "2026-11-24 12:00:00"],
    "time zones": ["2026-11-24T12:30:00+02:00", "2026-11-24T11:00:00Z", "2026-11-24T06:30:00-05:00"],
    "fractions": ["2026-11-24T10:00:00Z", "2026-11-24T10:00:00.5Z", "2026-11-24T10:00:01Z"],
    "days": ["2026-11-23 23:59:59", "2026-11-24", "2026-11-24 00:00:01"],
    "the end of time": ["2026-11-24 10:00:00", "9999-12-31T23:59:59-05:00"],
}


@pytest.mark.parametrize("what", IN_ORDER)
def test_dates_are_in_the_order_of_their_moments_and_numbers_in_theirs(what: str) -> None:
    for former, later in pairwise(IN_ORDER[what]):
        assert sort_key(former) < sort_key(later)
        assert sortable(former) < sortable(later)
        assert latest(later, None, former) == later


@given(some.decimals(-(10**17), 10**17, places=9), some.decimals(-(10**17), 10**17, places=9))
def test_the_texts_that_a_ledger_compares_sort_like_numbers(one: object, other: object) -> None:
    first, second = f"{one:f}", f"{other:f}"
    assert (sortable(first) < sortable(second)) == (sort_key(first) < sort_key(second))


WRITTEN = {
    "2026-11-24 10:00:00": "2026-11-24 12:00:00",
    "2026-11-24 10:00:00.123": "2026-11-24 12:00:00",
    "2026-11-24": "2026-11-24",
    "2026-11-24T10:00:00": "2026-11-24T12:00:00",
    "2026-11-24T10:00:00.123Z": "2026-11-24T12:00:00Z",
    "2026-11-24T10:00:00+02:00": "2026-11-24T14:00:00+02:00",
    "2026-11-24 10:00:00-05:00": "2026-11-24 07:00:00-05:00",
    "1764388800": "1795521600",
    "1764388800123": "1795521600000",
}


@pytest.mark.parametrize("example", WRITTEN)
def test_a_date_is_requested_as_the_store_writes_its_own(example: str) -> None:
    assert written_like(_NOON, example) == WRITTEN[example]


EARLIER = {
    "2026-11-24 10:00:20": "2026-11-24 09:59:50",
    "2026-11-24T10:00:20.7Z": "2026-11-24T09:59:50Z",
    "2026-11-24T10:00:20": "2026-11-24T09:59:50",
    "2026-11-24 00:00:20+02:00": "2026-11-23 23:59:50+02:00",
    "2026-11-24": "2026-11-23",
}


@pytest.mark.parametrize("date", EARLIER)
def test_an_overlap_keeps_the_time_zone(date: str) -> None:
    """A local time without a zone is the store's: with a zone added, it would be another moment."""
    assert earlier(date, timedelta(seconds=30)) == EARLIER[date]


@given(some.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=some.sampled_from([None, UTC])))
def test_what_is_earlier_is_never_later_than_asked_for(moment: datetime) -> None:
    for text in (moment.isoformat(), moment.isoformat(" "), moment.date().isoformat()):
        before, exact = moment_of(earlier(text, timedelta(seconds=1))), moment_of(text)
        assert before is not None
        assert exact is not None
        assert before <= exact - timedelta(seconds=1)


def test_a_limit_is_kept_in_any_time_zone() -> None:
    assert at_most("2026-11-24T14:00:01+02:00", _NOON) == "2026-11-24T14:00:00+02:00"
    assert at_most("2026-11-24T13:59:59+02:00", _NOON) == "2026-11-24T13:59:59+02:00"
    assert at_most("2027-11-24 12:00:00", _NOON.astimezone(timezone(timedelta(hours=5)))) == "2026-11-24 12:00:00"
    assert at_most("4711", _NOON) == "4711"
