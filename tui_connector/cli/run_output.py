"""Prints the progress and the results of headless runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

import click

from ..errors import UserError
from ..text import count, json_text, shown_line
from ..units import duration
from .errors import Exit, exit_code, paragraph
from .streams import discard

if TYPE_CHECKING:
    from ..outgoing.preview import OutgoingPreview
    from ..runs.errors import RunError
    from ..runs.ledger import FailedRecord, State
    from ..runs.progress import Preview, Progress, Summary


_LINE_EVERY = 0.2
_EVENT_EVERY = 1.0
"""Seconds between two lines of progress."""
_WIDTH = 79
_FAILURES_PRINTED = 20
"""Failed tasks of one run that are printed one by one."""


class RunOutput:
    """Prints progress and results. If data goes to standard output, everything else goes to standard error."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        as_json: bool,
        data_on_stdout: bool,
        quiet: bool = False,
        environment: str = "",
    ) -> None:
        """`quiet`: no progress and no summary; problems are still reported.

        `environment`: of the profile, shown with each name; "" if the profile has none.
        """
        self._monotonic, self._environment = monotonic, environment
        self.as_json = self._json = as_json
        self._quiet = quiet
        self._events: TextIO = sys.stderr if data_on_stdout else sys.stdout
        self._live = not as_json and not quiet and sys.stderr.isatty()
        self.on_full: Callable[[str], None] = lambda why: None
        """Called with the reason when output can no longer be written."""
        self._name = ""
        self._failures = 0
        self._sends = self._silent = self._begun = False
        self._last_progress = 0.0
        self._line = False

    def begins(self, name: str, *, sends: bool = False, silent: bool = False) -> None:
        """Starts the output of a configuration. `sends`: an outgoing. `silent`: no events, as a plan is printed."""
        self._name, self._sends, self._failures = name, sends, 0
        self._silent = silent
        if not self._begun:  # the run of a plan belongs to the plan
            self._event("start", name=name)
        self._begun = True

    @property
    def where(self) -> str:
        """The environment in parentheses after a blank, if the profile has any."""
        return f" ({self._environment})" if self._environment else ""

    def shown(self, name: str) -> str:
        """The name of a configuration with the environment, such as "stock (staging)"."""
        return f"{name}{self.where}"

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None:
        self._event("note", name=self._name, text=text, **({"code": code} if code else {}))
        if self._quiet and self._sends and not warning:
            return  # how a source is read is no news to cron
        if not self._json or (self._silent and warning):
            self.say(f"{self.shown(self._name)}: {text}")

    def failed(self, record: FailedRecord) -> None:
        self._event("failed", name=self._name, record=record.record, message=record.message, exchange=record.exchange)
        self._failures += 1
        if self._json or (self._sends and self._failures > _FAILURES_PRINTED):
            return
        where = f" (request #{record.exchange})" if record.exchange else ""
        message = " ".join(record.message.splitlines())
        self.say(f"{self.shown(self._name)}: {record.record} failed: {message}{where}")

    def progress(self, progress: Progress) -> None:
        now = self._monotonic()
        if now - self._last_progress < (_EVENT_EVERY if self._json else _LINE_EVERY):
            return
        self._last_progress = now
        figures = {"items": progress.items, "expected": progress.expected, "failed": progress.failed}
        rates = {"rate": round(progress.rate, 1), "in_flight": progress.in_flight, "requests": progress.requests}
        if progress.parents is not None:
            figures |= {"parents": progress.parents, "parents_expected": progress.parents_expected}
        self._event("progress", name=self._name, **figures, **rates, seconds=round(progress.seconds, 3))
        if self._live:
            noun = "tasks" if self._sends else "items"
            self._write(sys.stderr, f"\r\x1b[K{shown_line(_line(self.shown(self._name), progress, noun), _WIDTH)}")
            self._line = True

    def ended(self, summary: Summary) -> None:
        for remark in summary.remarks:
            self.note(remark, warning=True)
        for each in summary.warnings:
            self.note(each.text, warning=True, code=each.code)
        if self._failures > _FAILURES_PRINTED and self._sends and not self._json:
            self.say(
                f"{self.shown(self._name)}: {self._failures - _FAILURES_PRINTED:,} more failed; `tasks` lists them."
            )
        if not self._json:
            if summary.state != "complete" and summary.reason:
                self.say(f"{self.shown(self._name)}: {summary.reason}")
            if not self._quiet:
                self.say(_summary(summary, self.shown(summary.name)))
        self._event("summary", name=summary.name, **summary_figures(summary))

    def slices(self, name: str, done: int, planned: int) -> None:
        """Tells an engine how many slices of the run are done."""
        self._event("slices", name=name, done=done, planned=planned)

    def impossible(self, name: str, error: UserError, code: Exit | None = None) -> None:
        """Reports a run that could not start. `code`: its exit code, unless that is the error's own."""
        self.say(f"{self.shown(name)}: {error}")
        code = exit_code(error) if code is None else code
        self._event("summary", name=name, **error_figures(error, code, sends=self._sends))

    def nothing_sent(self, name: str, *, not_undone: int) -> None:
        """Ends an undo that has nothing to send. `not_undone`: entities that it left as they are."""
        from ..runs.ledger import state_of_ended

        state = state_of_ended("complete", not_undone)
        self._event("summary", name=name, tasks={}, seconds=0.0, requests=0, retries=0, state=state)

    def dry(self, name: str, preview: Preview) -> None:
        """Prints what a run of an incoming would do."""
        if self._json:
            self._event("dry-run", name=name, request=preview.request, begins=preview.start, sink=preview.sink)
            return
        click.echo(paragraph(f"{self.shown(name)}: {preview.start}\n  {preview.request}\n  → {preview.sink}"))

    def dry_sending(self, name: str, preview: OutgoingPreview) -> None:
        """Prints the first requests that a run of an outgoing would send."""
        if self._json:
            shown = {"requests": list(preview.requests), "problems": list(preview.problems)}
            self._event("dry-run", name=name, source=preview.source, **shown)
            return
        lines = [f"{self.shown(name)}: the first requests for {preview.source} (not sent)"]
        lines += [f"  {line}" for request in preview.requests for line in request.splitlines()]
        click.echo(paragraph("\n".join(lines)))
        for problem in preview.problems:
            self.say(f"{self.shown(name)}: {problem}")

    def _event(self, event: str, **values: object) -> None:
        if self._json and not self._silent:
            more = {"environment": self._environment} if self._environment else {}
            self._write(self._events, f"{json_text({'event': event, **values, **more})}\n")
        if event == "summary":
            self._begun = False

    def lines(self, text: str) -> None:
        """Prints lines of a plan on standard output."""
        self._write(sys.stdout, text)

    def summary(self, text: str) -> None:
        """Prints the last line of a plan on standard error, unless quiet."""
        if not self._quiet and not self._json:
            self.say(text)

    def say(self, text: str) -> None:
        """Prints a message for the user on standard error."""
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
            why = f"{name} cannot be written: {error.strerror}. Free some disk space, then run again."
            self.say(f"{self._name}: {why}")
            self.on_full(why)


def summary_figures(summary: Summary) -> dict[str, object]:
    """The result of a run as JSON."""
    from ..runs.ledger import state_of_ended

    figures: dict[str, object] = {"tasks": dict(summary.tasks)} if summary.tasks else {"items": summary.items}
    figures |= {"seconds": round(summary.seconds, 3), "requests": summary.requests, "retries": summary.retries}
    figures["state"] = state_of_ended(summary.state, summary.failed) if summary.tasks else summary.state
    if not summary.tasks:
        counts = {"failed": summary.failed, "dropped": summary.dropped}
        figures |= {**counts, "received": summary.received, "expected": summary.expected}
    if summary.parents is not None:
        figures |= {"parents": summary.parents, "parents_expected": summary.parents_expected}
    return figures | {name: text for name, text in (("reason", summary.reason), ("code", summary.code)) if text}


def error_figures(error: UserError, code: Exit, *, sends: bool) -> dict[str, object]:
    """The same for a run that could not start; `code`: its exit code, `sends`: of an outgoing."""
    states: dict[Exit, State] = {Exit.STOPPED: "stopped", Exit.REFUSED: "refused"}
    state = states.get(code, "failed")
    figures: dict[str, object] = {"tasks": {}} if sends else {"items": 0}
    figures |= {"seconds": 0.0, "requests": 0, "retries": 0, "state": state}
    counts = {} if sends else {"failed": 0, "dropped": 0, "received": 0, "expected": None}
    return {**figures, **counts, "reason": str(error), "code": error.code}


def exit_of_error(error: RunError) -> Exit:
    """The exit code for a plan that could not be made."""
    from ..runs.errors import END_STATES

    state = END_STATES[error.action]
    return {"refused": Exit.REFUSED, "failed": Exit.SETUP}.get(state, Exit.STOPPED)


def exit_of(summary: Summary) -> Exit:
    """The exit code for the result of a run."""
    if summary.state == "complete":
        return Exit.FAILED if summary.failed else Exit.DONE
    if summary.state == "incomplete":
        return Exit.FAILED
    if summary.state == "refused":
        return Exit.REFUSED
    if summary.state == "failed":
        return Exit.SETUP
    if not summary.as_requested:
        return Exit.STOPPED
    return Exit.FAILED if summary.tasks and summary.failed else Exit.DONE


def _line(name: str, progress: Progress, noun: str) -> str:
    parts = [f"{progress.items:,}" + (f" of {progress.expected:,}" if progress.expected else "") + f" {noun}"]
    if progress.parents is not None:
        expected = f" of {progress.parents_expected:,}" if progress.parents_expected else ""
        parts.append(f"{progress.parents:,}{expected} parents")
    if progress.rate:
        parts.append(f"{progress.rate:,.0f}/s")
    if progress.remaining is not None:
        parts.append(f"{duration(progress.remaining)} left")
    parts.append(f"{progress.in_flight} in flight")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    return f"{name}  " + " · ".join(parts)


def _summary(summary: Summary, name: str) -> str:
    """For example "products: 1,321 items in 12 s, complete (14 requests)"."""
    costs = [count(summary.requests, "request")]
    if summary.retries:
        costs.append(count(summary.retries, "retry", "retries"))
    if summary.tasks:
        done = [f"{number:,} {state}" for state, number in summary.tasks.items() if number]
        what = f"{', '.join(done) or 'no tasks'} in {duration(summary.seconds)}"
        if summary.state != "complete" or not summary.failed:  # never "complete" where a task failed
            what += f", {summary.state}"
        return f"{name}: {what} ({', '.join(costs)})"
    if summary.dropped:
        costs.append(f"{summary.dropped:,} unchanged")
    items = count(summary.items, "item")
    if summary.parents is not None:
        items += f" of {count(summary.parents, 'parent')}"
    return f"{name}: {items} in {duration(summary.seconds)}, {_ending(summary)} ({', '.join(costs)})"


def _ending(summary: Summary) -> str:
    """Never "complete" where an item is missing."""
    state = str(summary.state)
    if state == "incomplete" and (summary.expected or 0) > summary.received:
        state += f", {summary.received:,} of {summary.expected:,} received"
    if not summary.failed:
        return state
    return f"{summary.failed:,} failed" if state == "complete" else f"{state}, {summary.failed:,} failed"
