"""The figures and charts of a run, as its screen shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.runs.progress import STOPPED, Progress, RunPause, Summary
from tui_connector.tui.run.charts import MILLISECONDS, PER_SECOND, axis_label, axis_ticks, fitted
from tui_connector.tui.run.metrics import RunMetrics, Series
from tui_connector.tui.widgets.prose import wrapped


def test_nothing_is_in_flight_once_a_run_was_stopped() -> None:
    metrics = RunMetrics(Progress(items=5, requests=4, in_flight=4, limit=4, seconds=9, reduced="recovering"))
    assert metrics.state == ("running · 9.0 s · 4 requests in flight, more while the store recovers", "")
    metrics.progress.reduced = "overloaded"
    assert metrics.state == ("running · 9.0 s · at most 4 requests in flight, as the store failed with more", "")
    assert ("In flight", "4 of 4") in metrics.tiles()
    metrics.summary = Summary("products", "stopped", 5, 0, 0, 2.0, 4, 0, "Stopped by the user")
    assert ("In flight", "0 of 4") in metrics.tiles()


def test_the_time_of_a_run_that_waits_is_never_on_a_line_of_its_own() -> None:
    for reason in ("503 Service Unavailable", "Connection refused: waiting for the store, up to 5:00 min"):
        metrics = RunMetrics(Progress(seconds=4.4, pause=RunPause(2.5, reason)))
        for width in range(24, 80):
            assert wrapped(metrics.state[0], width)[0].startswith("! 4.4 s · ")


def test_a_run_that_its_user_stopped_has_not_failed() -> None:
    metrics = RunMetrics(
        summary=Summary("products", "stopped", 5, 0, 0, 2.0, 4, 0, "Stopped by the user", code=STOPPED)
    )
    assert metrics.state == ("■ stopped by you after 5 items; the next run resumes there", "")
    assert metrics.stopped_by_user
    metrics.summary = Summary("products", "stopped", 5, 1, 0, 2.0, 4, 0, "Stopped by the user", code=STOPPED)
    assert metrics.state == ("✘ stopped by you after 5 items, 1 failed; the next run resumes there", "error")
    assert RunMetrics(start_error="Stopped by the user. Nothing was sent", start_code=STOPPED).state[1] == ""


def test_metrics_show_the_last_second_and_in_the_end_the_means() -> None:
    metrics = RunMetrics()
    for tick in range(1, 41):  # a slow start, then ten times as fast
        items = tick * 10 if tick <= 20 else 200 + (tick - 20) * 100
        requests = tick if tick <= 20 else 20 + (tick - 20) * 4
        mean = 0.4 if tick <= 20 else (20 * 0.4 + (requests - 20) * 0.1) / requests
        metrics.add_sample(Progress(items, 4_000, seconds=tick / 4, responses=requests, latency=mean, limit=4))
    tiles = dict(metrics.tiles())
    assert (tiles["Rate"], tiles["Latency"], tiles["Items"]) == ("400/s", "100 ms", "2,200 of 4,000")
    assert tiles["Remaining"] == "8 s"
    metrics.summary = Summary("products", "stopped", 2_200, 0, 0, 10.0, 100, 0, "Stopped by the user")
    tiles = dict(metrics.tiles())
    assert (tiles["Rate (mean)"], tiles["Latency (mean)"], tiles["Time"]) == ("220/s", "160 ms", "10 s")


def test_a_low_rate_is_not_shown_as_none() -> None:
    metrics = RunMetrics(Progress(7, 7, seconds=16.0), summary=Summary("comments", "complete", 7, 0, 0, 16.0, 74, 7))
    assert dict(metrics.tiles())["Rate (mean)"] == "0.4/s"


def test_the_figures_of_a_resumed_run_are_of_the_whole_run_or_say_since_when() -> None:
    progress = Progress(
        1_100, 2_100, seconds=220.0, responses=9, latency=0.14, resumed=True, resumed_items=1_000, resumed_seconds=210.0
    )
    assert progress.remaining == 100.0  # at the rate since it was resumed
    metrics = RunMetrics(progress, summary=Summary("products", "stopped", 1_100, 0, 0, 220.0, 38, 25))
    tiles = dict(metrics.tiles())
    assert (tiles["Rate (mean)"], tiles["Time"]) == ("5.0/s", "3:40 min")
    assert tiles["Latency (resumed)"] == "140 ms"  # no ledger keeps that of before


def test_the_remaining_time_is_that_of_the_pace_since_the_last_pause() -> None:
    progress = Progress(items=50, expected=100, seconds=5.0)
    assert progress.remaining == 5.0
    progress.seconds = 60.0
    progress.set_pause(RunPause(1.0, "waiting for the store"))
    progress.set_pause(None)
    metrics = RunMetrics(progress=progress)
    assert metrics.tiles()[-1] == ("Remaining", "–")  # not the pace of a minute without items
    progress.items, progress.seconds = 60, 61.0
    assert progress.remaining == 4.0
    assert progress.after(Progress(items=10, expected=10, seconds=3.0)).remaining == 4.0
    children = Progress(parents=10, parents_expected=20, seconds=10.0)
    children.set_pause(RunPause(1.0, "waiting for the store"))
    assert children.remaining is None
    children.parents, children.seconds = 11, 12.0
    assert children.remaining == 18.0


def test_what_failed_is_done_too() -> None:
    metrics = RunMetrics(Progress(items=10, expected=100, failed=40, unwritten=40, seconds=50.0))
    assert (metrics.share, metrics.progress.remaining) == (0.5, 50.0)


def test_a_series_fills_every_width_and_stays_bounded() -> None:
    series = Series()
    assert series.columns(10) == []
    for value in range(4):
        series.add(value)
    assert series.columns(8) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert series.columns(2) == [0.5, 2.5]
    for value in range(10_000):
        series.add(value)
    assert len(series.values) < 1_200
    assert series.columns(4)[-1] > series.columns(4)[0]


def test_a_run_of_half_a_second_has_metrics() -> None:
    metrics = RunMetrics()
    metrics.add_sample(Progress(50, 100, seconds=0.25, responses=5, latency=0.02))
    metrics.add_sample(Progress(100, 100, seconds=0.48, responses=5, latency=0.02))
    assert metrics.latencies.values == [20, 20]
    metrics.summary = Summary("products", "complete", 100, 0, 0, 0.48, 5, 0, "")
    assert ("Time", "480 ms") in metrics.tiles()
    assert metrics.state == ("✔ complete: 100 items in 480 ms", "success")


def test_a_complete_run_without_changes_says_so() -> None:
    metrics = RunMetrics()
    metrics.add_sample(Progress(0, 1, seconds=0.2, responses=1, dropped=1))
    metrics.summary = Summary("products", "complete", 0, 0, 0, 0.2, 1, 0, "")
    assert metrics.state == ("✔ complete: nothing new, 1 unchanged in 200 ms", "success")


def test_numbers_from_a_million_on_are_shortened_where_there_is_no_room() -> None:
    assert fitted("1,234,567 of 9,876,543", 30) == "1,234,567 of 9,876,543"
    assert fitted("1,234,567 of 9,876,543", 20) == "1,234,567 of 9.88M"
    assert fitted("1,234,567 · 12 retries", 20) == "1.23M · 12 retries"


def test_the_values_at_an_axis_are_round() -> None:
    few = [axis_ticks(each, 1)[-1] for each in (0, 0.7, 1, 12, 130, 820, 1_001)]
    assert few == pytest.approx([0, 0.8, 1, 15, 150, 1_000, 1_500])
    assert [axis_ticks(each, 3) for each in (0, 278, 438, 1_001)] == [
        [0],
        [0, 100, 200, 300],
        [0, 200, 400, 600],
        [0, 500, 1_000, 1_500],
    ]
    assert axis_ticks(1_000, 2) == [0, 500, 1_000]


@given(value=st.floats(1, 9e5), most=st.integers(1, 5))
def test_an_axis_holds_every_value_and_its_labels_have_room(value: float, most: int) -> None:
    ticks = axis_ticks(value, most)
    assert 2 <= len(ticks) <= most + 1
    assert value <= ticks[-1] <= 2.5 * value
    for unit in (PER_SECOND, MILLISECONDS):
        labels = [axis_label(each, unit) for each in ticks]
        assert len(set(labels)) == len(labels)
        assert max(map(len, labels)) <= 7


def test_a_label_has_its_unit() -> None:
    assert [axis_label(each, PER_SECOND) for each in (0, 500, 1_500, 2e6)] == ["0", "500/s", "1.5k/s", "2M/s"]
    assert [axis_label(each, MILLISECONDS) for each in (0.5, 250, 2_500)] == ["0.5 ms", "250 ms", "2.5 s"]
