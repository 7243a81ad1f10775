"""What `run` reports: a progress line on a terminal, one summary line for each run, or JSON for a program."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

import click

from ..text import count, json_text, shown_line
from ..transfer.duration import duration
from .failure import Exit, paragraph
from .streams import discard

if TYPE_CHECKING:
    from ..transfer.ledger_rows import Failed, State
    from ..transfer.progress import Preview, Progress, Summary

_LINE_EVERY = 0.2
_EVENT_EVERY = 1.0
"""Seconds between two lines of progress."""
_WIDTH = 79


class Output:
    """Tells how runs go. Data that goes to standard output has it for itself: all else is on standard error."""

    def __init__(self, *, as_json: bool, data_on_stdout: bool, quiet: bool = False) -> None:
        """`quiet`: neither progress nor summary; what went wrong is reported all the same."""
        self._json, self._quiet = as_json, quiet
        self._events: TextIO = sys.stderr if data_on_stdout else sys.stdout
        self._moves = not as_json and not quiet and sys.stderr.isatty()
        self.on_full: Callable[[str], None] = lambda why: None
        """Told why nothing more can be said."""
        self._name = ""
        self._told = 0.0
        self._line = False

    def begins(self, name: str) -> None:
        self._name = name
        self._event("start", name=name)

    def note(self, text: str) -> None:
        self._event("note", name=self._name, text=text)
        if not self._json:
            self._say(f"{self._name}: {text}")

    def failed(self, record: Failed) -> None:
        self._event("failed", name=self._name, record=record.record, message=record.message, exchange=record.exchange)
        if not self._json:
            where = f" (request #{record.exchange})" if record.exchange else ""
            self._say(f"{self._name}: {record.record} left out: {record.message}{where}")

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._told < (_EVENT_EVERY if self._json else _LINE_EVERY):
            return
        self._told = now
        figures = {"items": progress.items, "expected": progress.expected, "failed": progress.failed}
        rates = {"rate": round(progress.rate, 1), "in_flight": progress.in_flight, "requests": progress.requests}
        self._event("progress", name=self._name, **figures, **rates, seconds=round(progress.seconds, 3))
        if self._moves:
            self._write(sys.stderr, f"\r\x1b[K{shown_line(_line(self._name, progress), _WIDTH)}")
            self._line = True

    def ended(self, summary: Summary) -> None:
        for remark in summary.remarks:
            self.note(remark)
        if not self._json:
            if summary.state != "complete" and summary.reason:
                self._say(f"{self._name}: {summary.reason}")
            if not self._quiet:
                self._say(_summary(summary))
        self._event(
            "summary",
            name=summary.name,
            items=summary.items,
            seconds=round(summary.seconds, 3),
            requests=summary.requests,
            retries=summary.retries,
            state=summary.state,
            failed=summary.failed,
            dropped=summary.dropped,
            received=summary.received,
            expected=summary.expected,
            **({"reason": summary.reason} if summary.reason else {}),
        )

    def impossible(self, name: str, why: str, state: State = "failed") -> None:
        """A run that could not begin."""
        self._say(f"{name}: {why}")
        figures = {"items": 0, "seconds": 0.0, "requests": 0, "retries": 0}
        counts = {"failed": 0, "dropped": 0, "received": 0, "expected": None}
        self._event("summary", name=name, **figures, state=state, **counts, reason=why)

    def dry(self, name: str, preview: Preview) -> None:
        """What a run would do."""
        if self._json:
            self._event("dry-run", name=name, request=preview.request, begins=preview.begins, sink=preview.sink)
            return
        click.echo(paragraph(f"{name}: {preview.begins}\n  {preview.request}\n  → {preview.sink}"))

    def _event(self, event: str, **values: object) -> None:
        if self._json:
            self._write(self._events, f"{json_text({'event': event, **values})}\n")

    def _say(self, text: str) -> None:
        cleared, self._line = "\r\x1b[K" if self._line else "", False
        self._write(sys.stderr, f"{cleared}{paragraph(text)}\n")

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except OSError as error:
            discard(stream)
            if isinstance(error, BrokenPipeError):
                return  # nobody reads it any more, as behind `head`: no reason to leave the items unread
            name = "Standard error" if stream is sys.stderr else "Standard output"
            why = f"{name} cannot be written: {error.strerror}. Make room on its disk, then run again."
            self._say(f"{self._name}: {why}")
            self.on_full(why)


def exit_of(summary: Summary) -> Exit:
    """The exit code that a run deserves."""
    if summary.state == "complete":
        return Exit.FAILED if summary.failed else Exit.DONE
    if summary.state == "incomplete":
        return Exit.FAILED
    if summary.state == "refused":
        return Exit.REFUSED
    if summary.state == "failed":
        return Exit.SETUP
    return Exit.DONE if summary.as_wanted else Exit.STOPPED


def _line(name: str, progress: Progress) -> str:
    parts = [f"{progress.items:,}" + (f" of {progress.expected:,}" if progress.expected else "") + " items"]
    if progress.rate:
        parts.append(f"{progress.rate:,.0f}/s")
    if progress.remaining is not None:
        parts.append(f"{duration(progress.remaining)} left")
    parts.append(f"{progress.in_flight} in flight")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    return f"{name}  " + " · ".join(parts)


def _summary(summary: Summary) -> str:
    """Such as "products: 1,321 items in 12 s, complete (14 requests)"."""
    costs = [count(summary.requests, "request")]
    if summary.retries:
        costs.append(count(summary.retries, "retry", "retries"))
    if summary.dropped:
        costs.append(f"{summary.dropped:,} unchanged")
    items = count(summary.items, "item")
    return f"{summary.name}: {items} in {duration(summary.seconds)}, {_ending(summary)} ({', '.join(costs)})"


def _ending(summary: Summary) -> str:
    """Never "complete" where an item is missing."""
    state = str(summary.state)
    if state == "incomplete" and (summary.expected or 0) > summary.received:
        state += f", {summary.received:,} of {summary.expected:,} received"
    if not summary.failed:
        return state
    return f"{summary.failed:,} failed" if state == "complete" else f"{state}, {summary.failed:,} failed"
