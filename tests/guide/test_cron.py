"""Cron expressions, and the same times for systemd and Celery: both are compared with independent readers."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import require

from tui_connector.errors import InvalidValue
from tui_connector.guide.schedules.cron import Cron

BASE = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
KNOWN = [
    ("*/15 * * * *", ["*-*-* *:00,15,30,45:00"]),
    ("0 3 * * 1-5", ["Mon..Fri *-*-* 03:00:00"]),
    ("30 2 1 * *", ["*-*-01 02:30:00"]),
    ("0 0 13 * 5", ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]),
    ("0 0 */2 * 1", ["Mon *-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 00:00:00"]),
    ("0 6 * jan-mar,DEC sun,7", ["Sun *-01..03,12-* 06:00:00"]),
    ("0 6 * * 6-7", ["Sat,Sun *-*-* 06:00:00"]),
    ("0 0 1-31 * 1", ["*-*-* 00:00:00"]),
    ("@hourly", ["*-*-* *:00:00"]),
    ("@weekly", ["Sun *-*-* 00:00:00"]),
]


@pytest.mark.parametrize(("text", "calendar"), KNOWN)
def test_the_times_of_an_expression_for_systemd(text: str, calendar: list[str]) -> None:
    assert Cron.parse(text).on_calendar() == calendar


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 fields instead of 5"),
        ("* * * *", "4 fields instead of 5"),
        ("0 */5 * * * *", "6 fields instead of 5; seconds and years"),
        ("60 * * * *", "'60' is not between 0 and 59"),
        ("* * 0 * *", "'0' is not between 1 and 31"),
        ("*/0 * * * *", "the step 0"),
        ("*/x * * * *", "which is not a number"),
        ("5/10 * * * *", "a step without a range; write 5-59/10"),
        ("30-10 * * * *", "ends before it starts"),
        ("0 0 L * *", "last day of a month"),
        ("0 0 15W * *", "nearest working day"),
        ("0 0 * * 5#2", "n-th weekday"),
        ("H * * * *", "Jenkins"),
        ("0~30 * * * *", "random"),
        ("0 0 ? * 1", "Quartz"),
        ("0 0 * foo *", "the month 'foo' is not valid"),
        ("0 0 31 2,4 *", "would never run"),
        ("@reboot", "has no times"),
        ("@often", "known are @yearly"),
        ("0 0 * * 1,,2", "is not valid"),
        ("٣ * * * *", "is not valid"),
    ],
)
def test_what_has_no_exact_times_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Cron.parse(text)
    assert why in str(refused.value)


def _field(first: int, last: int) -> st.SearchStrategy[str]:
    value = st.integers(first, last)
    # CronSim reads 1-1/1 as a start without an end
    pairs = st.tuples(value, value).filter(lambda pair: pair[0] != pair[1])
    span = pairs.map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, max(2, last // 2))
    part = st.one_of(
        value.map(str),
        span,
        st.tuples(span, step).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    )
    parts = st.lists(part, min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), step.map(lambda each: f"*/{each}"), parts)


expressions = st.tuples(
    _field(0, 59), _field(0, 23), st.just("*") | _field(1, 31), st.just("*") | _field(1, 12), _field(0, 6)
).map(" ".join)


def _times(cron: Cron, moment: datetime) -> bool:
    """Whether the fields include this moment, read as crontab(5) says."""
    day, weekday = moment.day in cron.days, moment.isoweekday() % 7 in cron.weekdays
    at = moment.minute in cron.minutes and moment.hour in cron.hours and moment.month in cron.months
    return at and ((day or weekday) if cron.either_day else (day and weekday))


@given(expressions)
def test_an_expression_has_the_times_that_another_reader_finds(text: str) -> None:
    try:
        found = CronSim(text, BASE)
    except CronSimError:  # a day that no month has
        with pytest.raises(InvalidValue):
            Cron.parse(text)
        return
    cron, last = Cron.parse(text), BASE
    for _ in range(5):
        try:
            moment = next(found)
        except StopIteration:
            break
        assert _times(cron, moment)
        between = [last + timedelta(minutes=each) for each in range(1, 60) if last + timedelta(minutes=each) < moment]
        assert not any(_times(cron, each) for each in between)
        last = moment


def systemd_times(calendar: list[str], count: int) -> list[datetime]:
    """The next moments at which a timer with these values elapses."""
    command = ["systemd-analyze", "calendar", "--base-time=2026-11-29 12:00:00 UTC", f"--iterations={count}", *calendar]
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = [line.partition(":")[2].strip() for line in ended.stdout.splitlines() if "UTC" in line]
    moments = {datetime.strptime(each, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) for each in lines}
    return sorted(moments)[:count]


@settings(max_examples=15)
@given(expressions)
def test_systemd_elapses_at_the_times_of_cron(text: str) -> None:
    require("systemd-analyze")
    try:
        found = CronSim(text, BASE)
        wanted = [next(found) for _ in range(6)]
    except (CronSimError, StopIteration):
        return
    assert systemd_times(Cron.parse(text).on_calendar(), 6) == wanted


def test_celery_gets_the_same_times_or_a_reason() -> None:
    assert Cron.parse("*/30 8-10 * jan 1-5").celery() == {
        "minute": "0,30",
        "hour": "8,9,10",
        "day_of_month": "*",
        "month_of_year": "1",
        "day_of_week": "1,2,3,4,5",
    }
    with pytest.raises(InvalidValue, match="Make two schedules"):
        Cron.parse("0 0 13 * 5").celery()
