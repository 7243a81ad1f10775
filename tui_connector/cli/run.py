"""`run`: the incoming configurations of a profile, headless."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ..errors import UserError
from ..text import count, json_text, shown_line
from ..units import duration
from .completion import configurations, files, profiles
from .errors import CommandFailed, Exit, exit_code, paragraph
from .opening import allowed, find, machine_of, read, run, trust_option
from .prompt import restore_terminal
from .request import keeping_history, printer
from .streams import discard

if TYPE_CHECKING:
    from ..client.exchange import Exchanges
    from ..client.session import Session
    from ..guide.workbench import Workbench
    from ..incoming.model import Incoming
    from ..incoming.plan import RunOptions
    from ..incoming.run import Run
    from ..incoming.sink import Sink
    from ..profile.model import Profile
    from ..runs.ledger import FailedRecord, State
    from ..runs.progress import Preview, Progress, Summary


_LINE_EVERY = 0.2
_EVENT_EVERY = 1.0
"""Seconds between two lines of progress."""
_WIDTH = 79


class RunOutput:
    """Prints progress and results. If data goes to standard output, everything else goes to standard error."""

    def __init__(self, *, as_json: bool, data_on_stdout: bool, quiet: bool = False) -> None:
        """`quiet`: neither progress nor summary; what went wrong is reported all the same."""
        self._json, self._quiet = as_json, quiet
        self._events: TextIO = sys.stderr if data_on_stdout else sys.stdout
        self._live = not as_json and not quiet and sys.stderr.isatty()
        self.on_full: Callable[[str], None] = lambda why: None
        """Called with the reason when output can no longer be written."""
        self._name = ""
        self._last_progress = 0.0
        self._line = False

    def begins(self, name: str) -> None:
        self._name = name
        self._event("start", name=name)

    def note(self, text: str, *, warning: bool = False) -> None:
        self._event("note", name=self._name, text=text)
        if not self._json:
            self._say(f"{self._name}: {text}")

    def failed(self, record: FailedRecord) -> None:
        self._event("failed", name=self._name, record=record.record, message=record.message, exchange=record.exchange)
        if not self._json:
            where = f" (request #{record.exchange})" if record.exchange else ""
            self._say(f"{self._name}: {record.record} skipped: {record.message}{where}")

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last_progress < (_EVENT_EVERY if self._json else _LINE_EVERY):
            return
        self._last_progress = now
        figures = {"items": progress.items, "expected": progress.expected, "failed": progress.failed}
        rates = {"rate": round(progress.rate, 1), "in_flight": progress.in_flight, "requests": progress.requests}
        self._event("progress", name=self._name, **figures, **rates, seconds=round(progress.seconds, 3))
        if self._live:
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
            **({"code": summary.code} if summary.code else {}),
        )

    def impossible(self, name: str, error: UserError) -> None:
        """A run that could not start."""
        self._say(f"{name}: {error}")
        state: State = "stopped" if exit_code(error) is Exit.STOPPED else "failed"
        figures = {"items": 0, "seconds": 0.0, "requests": 0, "retries": 0}
        counts = {"failed": 0, "dropped": 0, "received": 0, "expected": None}
        self._event("summary", name=name, **figures, state=state, **counts, reason=str(error), code=error.code)

    def dry(self, name: str, preview: Preview) -> None:
        """What a run would do."""
        if self._json:
            self._event("dry-run", name=name, request=preview.request, begins=preview.start, sink=preview.sink)
            return
        click.echo(paragraph(f"{name}: {preview.start}\n  {preview.request}\n  → {preview.sink}"))

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
            why = f"{name} cannot be written: {error.strerror}. Free some disk space, then run again."
            self._say(f"{self._name}: {why}")
            self.on_full(why)


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
    return Exit.DONE if summary.as_requested else Exit.STOPPED


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
    """For example "products: 1,321 items in 12 s, complete (14 requests)"."""
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


EXCHANGES_IN_MEMORY = 200
"""Exchanges that a headless run keeps in memory."""


@click.command("run")
@click.argument("profile", shell_complete=profiles)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=configurations)
@click.option("--dry-run", is_flag=True, help="Print the first request and where the run would start; send nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after N items; the next run resumes there.")
@click.option("--full", is_flag=True, help="Start over and read everything.")
@click.option("--since", metavar="DATE", help='Read only what changed since DATE, in UTC: "2026-01-31 08:30:00".')
@click.option(
    "--out",
    metavar="FILE",
    shell_complete=files,
    help="Write to FILE instead of the profile's sink; - is standard output.",
)
@click.option(
    "--record", type=click.Path(path_type=Path), metavar="FILE", help="Record all requests in FILE; open it with `log`."
)
@click.option(
    "--log", type=click.Choice(["simple", "long", "full", "curl"]), help="Print each request on standard error."
)
@click.option("--quiet", "-q", is_flag=True, help="Print no summary; problems are still reported.")
@click.option("--json", "as_json", is_flag=True, help="Print progress and results as JSON, one object per line.")
@trust_option
@click.option("--in-flight", type=click.IntRange(1, 64), help="Maximum concurrent requests (default 8).")
@click.pass_obj
def run_command(
    profile_dir: Path | None,
    profile: str,
    names: tuple[str, ...],
    dry_run: bool,
    limit: int | None,
    full: bool,
    since: str | None,
    out: str | None,
    record: Path | None,
    log: str | None,
    quiet: bool,
    as_json: bool,
    trust_once: bool,
    in_flight: int | None,
) -> None:
    """Read the incoming configurations of a profile: all of them, or those named.

    A run that was stopped resumes where it stopped. Each run ends with one line on standard error, such as "products:
    1,321 items in 12 s, complete (14 requests)"; --quiet turns it off.

    Exit code 0: all done, 1: some items failed, 2: the setup is wrong, 3: the store refused, 4: stopped.
    """
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path)
    chosen = _chosen(saved, names, out)

    from ..client.exchange import Exchanges
    from ..guide.workbench import Workbench
    from ..incoming.plan import RunOptions
    from ..runs.ledger import ledger_file

    wanted = RunOptions(full=full, since=_since(since), limit=limit, in_flight=in_flight)
    output = _output([_sink(out)] if out else [each.sink for each in chosen.values()], as_json, quiet)
    trust = allowed(path, saved, machine, once=trust_once, as_json=as_json)
    workbench = Workbench(
        machine, Exchanges(EXCHANGES_IN_MEMORY, 4_000_000, EXCHANGES_IN_MEMORY), directory=path.parent, trust=trust
    )
    if log is not None:
        workbench.exchanges.on_recorded.append(printer(log, path.stem, None))
    shows_bodies = log is not None or record is not None or saved.log.history == "bodies"
    runs = Runs(workbench, path, wanted, output, out, shows_bodies=shows_bodies)
    chosen = _streams(saved, chosen, partial(ledger_file, machine.directories.state, path))
    with keeping_history(workbench, path, saved), _recording(record, workbench.exchanges):
        code = run(runs.dry(saved, chosen) if dry_run else runs.go(saved, chosen))
    sys.exit(code)


@contextmanager
def _recording(file: Path | None, exchanges: Exchanges) -> Iterator[None]:
    """Records all exchanges in `file` if one is given."""
    if file is None:
        yield
        return
    from ..log.recording import Recording

    recording = Recording(file)
    recording.start(exchanges)
    try:
        yield
    finally:
        recording.close()
    if recording.lost:
        click.echo(f"{recording.lost} requests were not recorded: the disk was too slow.", err=True)


def _chosen(saved: Profile, names: tuple[str, ...], out: str | None) -> dict[str, Incoming]:
    """The incoming configurations to run: those named, or all that are not disabled."""
    for name in names:
        if name in saved.outgoing:
            from ..guide.texts import NOT_RUN_YET

            raise CommandFailed(f"{name} is an outgoing configuration. {NOT_RUN_YET}", Exit.SETUP)
        if name not in saved.incoming:
            known = ", ".join(saved.incoming) or "none"
            raise CommandFailed(f"The profile has no incoming named {name!r}. It has: {known}.", Exit.SETUP)
    chosen = {name: each for name, each in saved.incoming.items() if name in names or not (names or each.disabled)}
    if not chosen:
        raise CommandFailed("The profile has no incoming configuration to run.", Exit.SETUP)
    if out is not None and len(chosen) > 1:
        raise CommandFailed(f"--out needs a single incoming; name one: {', '.join(chosen)}.", Exit.SETUP)
    return chosen


def _streams(saved: Profile, chosen: dict[str, Incoming], ledger_of: Callable[[str], Path]) -> dict[str, Incoming]:
    """The chosen ones; those that write Singer messages know the bookmarks of all streams of the profile."""
    from ..incoming.catalog import with_bookmarks

    return {name: each for name, each in with_bookmarks(saved.incoming, ledger_of).items() if name in chosen}


def _since(text: str | None) -> str | None:
    from ..errors import InvalidValue
    from ..incoming.plan import since_date

    try:
        return None if text is None else since_date(text)
    except InvalidValue as error:
        raise CommandFailed(f"--since: {error}", Exit.SETUP) from error


def _kind_for(file: str) -> str:
    """The sink whose files end like this one; JSON Lines if there is none."""
    from ..incoming.sink import Sink

    sinks = {kind: sink for kind, sink in Sink.all_kinds().items() if issubclass(sink, Sink)}
    return next((kind for kind, sink in sinks.items() if file.endswith(sink.endings)), "jsonl")


def _sink(out: str) -> Sink:
    """The sink for `--out`, by how the file's name ends."""
    from ..incoming.sink import Sink

    kind = "stdout" if out == "-" else _kind_for(out)
    try:
        path = {} if out == "-" else {"path": _output_file(out)}
    except FileNotFoundError as error:
        raise CommandFailed(
            f"--out {out}: the current directory was deleted. Change to another one.", Exit.SETUP
        ) from error
    try:
        found = Sink.find(kind)
        assert found is not None
        sink = found.model_validate({"kind": kind, **path})
    except ValueError as error:
        raise CommandFailed(f"--out {out}: not a valid path for a sink. Choose another FILE.", Exit.SETUP) from error
    assert isinstance(sink, Sink)
    return sink


def _output_file(out: str) -> str:
    """The canonical path, so that the next run finds the same file however it is written."""
    try:
        real = os.path.realpath(out)
    except ValueError:  # a null character: the sink says so
        return out
    return str(Path(out).absolute()) if os.path.exists(real) and not os.path.isfile(real) else real


def _output(sinks: list[Sink | None], as_json: bool, quiet: bool) -> RunOutput:
    data_on_stdout = any(sink is not None and sink.on_stdout for sink in sinks)
    if data_on_stdout and sys.__stdout__ is None:
        raise CommandFailed("Standard output is closed: no item could be written to it. Leave it open.", Exit.SETUP)
    return RunOutput(as_json=as_json, quiet=quiet, data_on_stdout=data_on_stdout)


class Runs:
    """The runs of one command, one after another."""

    def __init__(
        self,
        workbench: Workbench,
        path: Path,
        wanted: RunOptions,
        output: RunOutput,
        out: str | None,
        *,
        shows_bodies: bool = True,
    ) -> None:
        """`shows_bodies`: what the store sends is printed or recorded, so that it must be kept and masked."""
        self._workbench, self._path, self._wanted, self._output, self._out = workbench, path, wanted, output, out
        self._shows_bodies = shows_bodies
        self._current: Run | None = None
        self._stopped = ""
        output.on_full = self._stop

    async def go(self, saved: Profile, chosen: dict[str, Incoming]) -> Exit:
        """Runs the configurations. Returns the exit code of the first that did not complete."""
        from ..client.wire import OF_A_RUN, OF_A_RUN_UNSEEN

        self._listen()
        codes = []
        bounds = OF_A_RUN if self._shows_bodies else OF_A_RUN_UNSEEN
        async with self._workbench.session(saved, bounds) as session:
            for name, incoming in chosen.items():
                if self._stopped:
                    break
                codes.append(await self._one(saved, session, name, incoming))
        return next((code for code in codes if code is not Exit.DONE), Exit.STOPPED if self._stopped else Exit.DONE)

    async def dry(self, saved: Profile, chosen: dict[str, Incoming]) -> Exit:
        """Prints what each run would do, or why it cannot start."""
        from ..client.wire import OF_A_RUN

        code = Exit.DONE
        async with self._workbench.session(saved, OF_A_RUN) as session:
            for name, incoming in chosen.items():
                try:
                    self._output.dry(name, self._run(saved, session, name, incoming).preview())
                except UserError as error:
                    self._output.impossible(name, error)
                    code = Exit.SETUP
        return Exit.STOPPED if self._stopped else code

    async def _one(self, saved: Profile, session: Session, name: str, incoming: Incoming) -> Exit:
        self._output.begins(name)
        try:
            self._current = self._run(saved, session, name, incoming)
            if self._stopped:
                self._current.stop(self._stopped)
            summary = await self._current.execute()
        except UserError as error:
            self._output.impossible(name, error)
            return exit_code(error)
        self._output.ended(summary)
        return exit_of(summary)

    def _run(self, saved: Profile, session: Session, name: str, incoming: Incoming) -> Run:
        from ..guide.run_findings import explainer
        from ..incoming.plan import RunEnvironment, RunLocation
        from ..incoming.run import Run
        from ..runs.ledger import ledger_file

        machine, out = self._workbench.machine, self._out
        if out is not None:
            incoming = incoming.model_copy(update={"sink": _sink(out)})
        ledger = None if out == "-" else ledger_file(machine.directories.state, self._path, name, out or "")
        place = RunLocation(name, self._path, ledger)
        typed = incoming.sink.writes() if out is not None and incoming.sink is not None else ()
        explain = explainer(saved, incoming.client)
        around = RunEnvironment(
            session, self._workbench.exchanges, machine, place, explain, typed_output=next(iter(typed), None)
        )
        return Run(incoming, self._wanted, around, self._output)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(each, self._signalled, each)

    def _signalled(self, number: signal.Signals) -> None:
        """The first signal ends the run cleanly; the second one kills the process."""
        restore_terminal()
        if self._stopped:
            loop = asyncio.get_running_loop()
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._stop(f"Stopped by {number.name}; the next run resumes from here")

    def _stop(self, why: str) -> None:
        self._stopped = why
        if self._current is not None:
            self._current.stop(self._stopped)
