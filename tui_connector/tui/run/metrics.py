"""The metrics of a run over time, independent of widgets: rates, latencies, and its state in one line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Literal

from ...runs.progress import STOPPED, Progress, Summary
from ...text import count
from ...units import duration, elapsed

Tone = Literal["", "muted", "warning", "error", "success"]
_WINDOW = 4
"""Samples that a rate is measured over: items arrive in pages."""


class Series:
    """Values at equal intervals since the start. Of a long run, neighbours are merged, so that it stays bounded."""

    _LONGEST = 1_200

    def __init__(self) -> None:
        self.values: list[float] = []
        self._merged = 1
        """Samples per value."""
        self._pending: list[float] = []

    def add(self, value: float) -> None:
        self._pending.append(value)
        if len(self._pending) < self._merged:
            return
        self.values.append(sum(self._pending) / len(self._pending))
        self._pending.clear()
        if len(self.values) >= self._LONGEST:
            self.values = [sum(pair) / 2 for pair in zip(self.values[::2], self.values[1::2], strict=True)]
            self._merged *= 2

    def columns(self, width: int) -> list[float]:
        """The values as `width` columns: the mean of several, or one repeated."""
        size = len(self.values)
        if not size or width <= 0:
            return []
        if size <= width:
            return [self.values[column * size // width] for column in range(width)]
        bounds = [column * size // width for column in range(width + 1)]
        return [sum(self.values[a:b]) / (b - a) for a, b in pairwise(bounds)]


def _why_reduced(progress: Progress) -> str:
    """Why fewer requests are in flight than before; empty if there are as many."""
    requests = count(progress.limit, "request")
    if progress.reduced == "recovering":
        return f"{requests} in flight, more while the store recovers"
    return f"at most {requests} in flight, as the store failed with more" if progress.reduced else ""


@dataclass
class RunMetrics:
    """The metrics of one run, independent of widgets. `noun`: what it reads or sends, in the singular and plural."""

    progress: Progress = field(default_factory=Progress)
    rates: Series = field(default_factory=Series)
    latencies: Series = field(default_factory=Series)
    """In milliseconds."""
    summary: Summary | None = None
    start_error: str = ""
    """Why the run could not start; empty where it did."""
    start_code: str = ""
    """The code of `start_error`."""
    stopping: bool = False
    noun: tuple[str, str] = ("item", "items")
    _items: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_WINDOW + 1))
    _timed: tuple[int, float] = (0, 0.0)

    def add_sample(self, progress: Progress) -> None:
        """Adds the state of now: the rate of the last second, and the latency since the last sample."""
        if not self._items:
            self._items.append((progress.resumed_seconds, progress.resumed_items))
        self._items.append((progress.seconds, progress.items))
        self.rates.add(self.rate)
        responses, together = self._timed
        now = progress.latency * progress.responses
        if progress.responses > responses:
            self.latencies.add((now - together) / (progress.responses - responses) * 1_000)
        else:  # no response yet to those in flight, or none since the last one; while waiting, nothing is measured
            self.latencies.add(self.latencies.values[-1] if self.latencies.values and progress.pause is None else 0.0)
        self._timed = (progress.responses, now)
        self.progress = progress

    @property
    def rate(self) -> float:
        """Items per second: of the last second while it runs, then the mean of the whole run."""
        if not self.running:
            return self.progress.mean_rate
        if len(self._items) < 2:
            return 0.0
        (began, before), (at, items) = self._items[0], self._items[-1]
        return max(0.0, (items - before) / (at - began)) if at > began else 0.0

    @property
    def latency(self) -> float:
        """Milliseconds per response: the latest while it runs, then the mean since it started or was resumed."""
        if self.running and self.latencies.values and self.latencies.values[-1]:
            return self.latencies.values[-1]
        return self.progress.latency * 1_000

    @property
    def running(self) -> bool:
        return self.summary is None and not self.start_error

    @property
    def good(self) -> bool:
        """Whether the run is complete and nothing failed."""
        return self.summary is not None and self.summary.state == "complete" and not self.summary.failed

    @property
    def stopped_by_user(self) -> bool:
        """Whether its user stopped it, and nothing had failed."""
        if self.start_error:
            return self.start_code == STOPPED
        summary = self.summary
        return summary is not None and summary.code == STOPPED and not summary.failed

    @property
    def shows_reason(self) -> bool:
        """Whether the state has the reason of the summary."""
        summary = self.summary
        return summary is not None and summary.state != "complete" and not summary.as_requested

    @property
    def share(self) -> float | None:
        """How much of the list is done, from 0 to 1; None where the store does not count it."""
        if self.summary is not None and self.summary.state == "complete":
            return 1.0  # the store's count includes unchanged items
        progress = self.progress
        shares = [progress.done / progress.expected] if progress.expected else []
        if progress.parents_expected and progress.parents is not None:
            shares.append(progress.parents / progress.parents_expected)
        return min(1.0, max(shares)) if shares else None  # it ends with what is reached first: the limit, or the lists

    @property
    def state(self) -> tuple[str, Tone]:
        """One line on how the run is doing, and its tone."""
        if self.start_error:
            return (f"■ {self.start_error}", "") if self.stopped_by_user else (f"✘ {self.start_error}", "error")
        progress, summary = self.progress, self.summary
        if summary is None:
            took = elapsed(progress.seconds)
            if self.stopping:
                return f"stopping · {took}", ""
            if (pause := progress.pause) is not None:
                return f"! {took} · {pause.state}", "warning"  # its reason may fill several lines
            why = f" · {each}" if (each := _why_reduced(progress)) else ""
            return f"running · {took}{why}", ""
        if summary.state == "complete":
            unchanged = not summary.items and progress.dropped > 0
            written = f"nothing new, {progress.dropped:,} unchanged" if unchanged else count(summary.items, *self.noun)
            items = f"complete: {written} in {elapsed(summary.seconds)}"
            failed = f", {count(summary.failed, *self.noun)} failed" if summary.failed else ""
            return (f"✘ {items}{failed}", "error") if summary.failed else (f"✔ {items}", "success")
        items = f"after {count(summary.items, *self.noun)}"
        if summary.as_requested or summary.code == STOPPED:
            where = "at the limit" if summary.as_requested else "by you"
            failed = f", {summary.failed:,} failed" if summary.failed else ""
            text = f"stopped {where} {items}{failed}; the next run resumes there"
            return (f"✘ {text}", "error") if failed else (f"■ {text}", "")
        return f"✘ {summary.state} {items}: {summary.reason}", "error"

    def tiles(self) -> list[tuple[str, str]]:
        """Labels and values."""
        progress, running = self.progress, self.running
        in_flight = progress.in_flight if running else 0  # a stop cancels requests that the last sample counted
        known = progress.expected is not None and not (self.summary is not None and self.summary.state == "complete")
        items = f"{progress.items:,} of {progress.expected:,}" if known else f"{progress.items:,}"
        mean = "" if running else " (mean)"
        latency = f"Latency{' (resumed)' if progress.resumed and not running else mean}"  # as its chart has
        remaining = progress.remaining
        if not running:
            time = ("Time", elapsed(progress.seconds))
        elif progress.pause is not None:
            time = ("Next request", f"in {duration(max(1, ceil(progress.pause.seconds)))}")
        else:
            time = ("Remaining", "–" if remaining is None else duration(remaining))
        retries = f" · {count(progress.retries, 'retry', 'retries')}" if progress.retries else ""
        return [
            (self.noun[1].capitalize(), items),
            (f"Rate{mean}", f"{self.rate:,.{1 if 0 < self.rate < 10 else 0}f}/s" if progress.items else "–"),
            (latency, f"{self.latency:,.0f} ms" if progress.responses else "–"),
            ("In flight", f"{in_flight} of {progress.limit}"),
            ("Requests", f"{progress.requests:,}{retries}"),
            time,
        ]

    def counts(self) -> str:
        """What became of items that were not written, such as "20 unchanged · 3 failed"; empty if nothing."""
        tasks = self.summary.tasks if self.summary is not None else {}
        if tasks:
            kinds = [(number, str(state)) for state, number in tasks.items() if state != "finished"]
        else:
            kinds = [(self.progress.dropped, "unchanged"), (self.progress.failed, "failed")]
        found = [f"{number:,} {word}" for number, word in kinds if number]
        return " · ".join([*found, *([self._parents()] if self.progress.parents is not None else [])])

    def _parents(self) -> str:
        """How many child lists have been read, such as "40 of 120 parents"."""
        total = self.progress.parents_expected
        return f"{self.progress.parents or 0:,}{f' of {total:,}' if total else ''} parents"
