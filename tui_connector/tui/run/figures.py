"""What the run screen shows, as lines of text: a bar, figures, and how rate and latency went."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...text import shown_line
from ...transfer.duration import duration
from ...transfer.progress import Progress, Summary

_BLOCKS = "▁▂▃▄▅▆▇█"
_SAMPLES = 120
_MESSAGES = 200


@dataclass
class RunView:
    """One run as it is seen. It knows no widgets."""

    progress: Progress = field(default_factory=Progress)
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    messages: deque[str] = field(default_factory=lambda: deque(maxlen=_MESSAGES))
    summary: Summary | None = None
    impossible: str = ""
    """Why it could not begin."""
    stopping: bool = False
    _before: tuple[float, int] = (0.0, 0)

    def take(self, progress: Progress) -> None:
        """A sample. The rate is that since the last one."""
        at, items = self._before
        if progress.seconds > at:
            self.rates.append(max(0.0, (progress.items - items) / (progress.seconds - at)) if at else 0.0)
            self.latencies.append(progress.latency)
        self._before = (progress.seconds, progress.items)
        self.progress = progress

    @property
    def running(self) -> bool:
        return self.summary is None and not self.impossible

    @property
    def reason(self) -> str:
        """Why it did not begin, or came to no good end; who has stopped one knows."""
        if self.summary is None:
            return self.impossible
        return self.summary.reason if self.summary.state in ("failed", "refused", "incomplete") else ""

    def lines(self, width: int) -> list[str]:
        """The figures, in lines of at most `width` characters."""
        progress = self.progress
        spark = max(8, min(60, width - 44))
        kinds = ((progress.retries, "retries"), (progress.dropped, "known already"), (progress.failed, "failed"))
        complete = self.summary is not None and self.summary.state == "complete"
        short = progress.items < (progress.expected or 0)  # of what the store counted, some was known already
        requests = f"{progress.requests:,} request{'' if progress.requests == 1 else 's'}"
        counts = [requests, *(f"{count:,} {word}" for count, word in kinds if count)]
        in_flight = progress.in_flight if self.running else 0  # a stop cuts off those of the last count
        rows = [
            self._state(),
            bar(progress.items, None if complete and short else progress.expected, width),
            f"rate      {_per_second(self.rates):>12}  {sparkline(self.rates, spark)}",
            f"latency   {progress.latency * 1_000:>9.0f} ms  {sparkline(self.latencies, spark)}",
            f"in flight {in_flight:>12}  of {progress.limit} · {' · '.join(counts)}",
        ]
        return [shown_line(row, width) for row in rows]

    def _state(self) -> str:
        if self.impossible:
            return f"✘ {self.impossible}"
        if self.summary is not None:
            return _ended(self.summary)
        left = "" if self.progress.remaining is None else f" · {duration(self.progress.remaining)} left"
        return f"{'stopping' if self.stopping else 'running'} · {duration(self.progress.seconds)}{left}"


def bar(items: int, expected: int | None, width: int) -> str:
    """Such as "█████░░░░░  50 %  5,000 of 10,000 items"."""
    if not expected:
        return f"{items:,} items"
    share = min(1.0, items / expected)
    words = f" {share:4.0%}  {items:,} of {expected:,} items"
    room = max(10, min(60, width - len(words)))
    full = int(share * room)
    return "█" * full + "░" * (room - full) + words


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values; the highest of them is a whole block."""
    last = list(values)[-width:]
    highest = max(last, default=0.0)
    if highest <= 0:
        return ""
    return "".join(_BLOCKS[min(7, int(value / highest * 7.99))] for value in last)


def _per_second(rates: Sequence[float]) -> str:
    last = list(rates)[-5:]
    return f"{sum(last) / len(last):,.0f}/s" if last else "–"


def _ended(summary: Summary) -> str:
    took = duration(summary.seconds)
    if summary.state == "complete":
        mark = "✘" if summary.failed else "✔"
        return f"{mark} complete: {summary.items:,} items in {took}"
    return f"✘ {summary.state} after {summary.items:,} items: {summary.reason or 'nobody reads any more'}"
