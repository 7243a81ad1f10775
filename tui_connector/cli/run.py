"""`run`: the incoming configurations of a profile, headless."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .completion import configurations, files, profiles
from .failure import CommandFailed, Exit
from .profile_opening import allowed, find, machine_of, read, run, trust_option
from .prompt import restore_terminal
from .request import keeping_history, printer
from .run_output import Output, exit_of

if TYPE_CHECKING:
    from ..client.exchange import Exchanges
    from ..client.session import Session
    from ..guide.workbench import Workbench
    from ..profile.model import Profile
    from ..transfer.incoming import Incoming
    from ..transfer.plan import Wanted
    from ..transfer.run import Run
    from ..transfer.sink import Sink

_SINCE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d)?")
_KINDS = (((".csv",), "csv"), ((".sqlite", ".sqlite3", ".db"), "sqlite"))
"""Sinks by the ending of their file's name; all others get JSON Lines."""
KEPT = 200
"""Exchanges that a headless run keeps in memory: nobody looks at them there."""


@click.command("run")
@click.argument("profile", shell_complete=profiles)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=configurations)
@click.option("--dry-run", is_flag=True, help="Print the first request and where the run would begin; send nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="Read at most so many items; the next run goes on there.")
@click.option("--full", is_flag=True, help="Begin anew: everything, whatever was read before.")
@click.option("--since", metavar="DATE", help='Only what has changed since then, in UTC: "2026-01-31 08:30:00".')
@click.option(
    "--out",
    metavar="FILE",
    shell_complete=files,
    help="Write there in place of the profile's sink; - is standard output.",
)
@click.option("--record", type=click.Path(path_type=Path), metavar="FILE", help="Keep all requests; `log` opens it.")
@click.option("--log", type=click.Choice(["simple", "long", "full"]), help="Print each request on standard error.")
@click.option("--quiet", "-q", is_flag=True, help="Print no summary; problems are still reported.")
@click.option("--json", "as_json", is_flag=True, help="Say what happens in JSON, one object a line.")
@trust_option
@click.option("--in-flight", type=click.IntRange(1, 64), help="At most so many requests at once; 8 without it.")
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

    A run that was stopped resumes where it was. Each run ends with one line on standard error, such as "products: 1,321
    items in 12 s, complete (14 requests)"; --quiet turns it off.

    Exit code 0: all done, 1: some items failed, 2: the setup is wrong, 3: the store refused, 4: stopped.
    """
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path)
    chosen = _chosen(saved, names, out)

    from ..client.exchange import Exchanges
    from ..guide.workbench import Workbench
    from ..transfer.ledger_file import ledger_file
    from ..transfer.plan import Wanted

    wanted = Wanted(full=full, since=_since(since), limit=limit, in_flight=in_flight)
    output = _output([_sink(out)] if out else [each.sink for each in chosen.values()], as_json, quiet)
    trust = allowed(path, saved, machine, once=trust_once, as_json=as_json)
    workbench = Workbench(machine, Exchanges(KEPT, 4_000_000, KEPT), directory=path.parent, trust=trust)
    if log is not None:
        workbench.exchanges.on_recorded.append(printer(log, path.stem, None))
    runs = Runs(workbench, path, wanted, output, out)
    chosen = _streams(saved, chosen, partial(ledger_file, machine.directories.state, path))
    with keeping_history(workbench, path, saved), _recording(record, workbench.exchanges):
        code = run(runs.dry(saved, chosen) if dry_run else runs.go(saved, chosen))
    sys.exit(code)


@contextmanager
def _recording(file: Path | None, exchanges: Exchanges) -> Iterator[None]:
    """Keeps each exchange in `file` meanwhile, where one is named."""
    if file is None:
        yield
        return
    from ..log.recording import Recording, RecordingFailed

    recording = Recording(file)
    try:
        recording.start(exchanges)
        try:
            yield
        finally:
            recording.close()
    except RecordingFailed as error:
        raise CommandFailed(str(error), Exit.SETUP) from error
    if recording.lost:
        click.echo(f"{recording.lost} requests were not recorded: the disk was too slow.", err=True)


def _chosen(saved: Profile, names: tuple[str, ...], out: str | None) -> dict[str, Incoming]:
    """The incoming configurations to run: those named, or all that are not disabled."""
    for name in names:
        if name in saved.outgoing:
            from ..guide.words import NOT_RUN_YET

            raise CommandFailed(f"{name} is an outgoing configuration. {NOT_RUN_YET}", Exit.SETUP)
        if name not in saved.incoming:
            known = ", ".join(saved.incoming) or "none"
            raise CommandFailed(f"The profile has no incoming named {name!r}. There is: {known}.", Exit.SETUP)
    chosen = {name: each for name, each in saved.incoming.items() if name in names or not (names or each.disabled)}
    if not chosen:
        raise CommandFailed("The profile has no incoming configuration to run.", Exit.SETUP)
    if out is not None and len(chosen) > 1:
        raise CommandFailed(f"--out takes one incoming; name it: {', '.join(chosen)}.", Exit.SETUP)
    return chosen


def _streams(saved: Profile, chosen: dict[str, Incoming], ledger_of: Callable[[str], Path]) -> dict[str, Incoming]:
    """The chosen ones; those that write Singer messages know the bookmarks of all streams of the profile."""
    from ..transfer.bookmarks import as_streams
    from ..transfer.ledger_file import LedgerError

    try:
        return {name: each for name, each in as_streams(saved.incoming, ledger_of).items() if name in chosen}
    except LedgerError as error:
        raise CommandFailed(str(error), Exit.SETUP) from error


def _since(text: str | None) -> str | None:
    """The date as Magento writes it. One that it cannot read would be no limit to it: every row would come."""
    if text is None:
        return None
    from datetime import datetime

    try:
        if _SINCE.fullmatch(text):
            return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        pass
    raise CommandFailed(f'--since: {text!r} is no date. Write it in UTC, as in "2026-01-31 08:30:00".', Exit.SETUP)


def _sink(out: str) -> Sink:
    """The sink for `--out`, by how the file's name ends."""
    from ..transfer.sink import Sink

    kind = "stdout" if out == "-" else next((kind for endings, kind in _KINDS if out.endswith(endings)), "jsonl")
    try:
        path = {} if out == "-" else {"path": _output_file(out)}
    except FileNotFoundError as error:
        raise CommandFailed(f"--out {out}: the current directory is gone. Go to another one.", Exit.SETUP) from error
    try:
        found = Sink.find(kind)
        assert found is not None
        sink = found.model_validate({"kind": kind, **path})
    except ValueError as error:
        raise CommandFailed(f"--out {out}: a sink cannot have this path. Name another FILE.", Exit.SETUP) from error
    assert isinstance(sink, Sink)
    return sink


def _output_file(out: str) -> str:
    """The file, however it is written: by its path it is known as the same one at the next run."""
    try:
        real = os.path.realpath(out)
    except ValueError:  # a null character: the sink says so
        return out
    return str(Path(out).absolute()) if os.path.exists(real) and not os.path.isfile(real) else real


def _output(sinks: list[Sink | None], as_json: bool, quiet: bool) -> Output:
    data_on_stdout = any(sink is not None and sink.on_stdout for sink in sinks)
    if data_on_stdout and sys.__stdout__ is None:
        raise CommandFailed("Standard output is closed: no item could be written to it. Leave it open.", Exit.SETUP)
    return Output(as_json=as_json, quiet=quiet, data_on_stdout=data_on_stdout)


class Runs:
    """The runs of one command, one after another."""

    def __init__(self, workbench: Workbench, path: Path, wanted: Wanted, output: Output, out: str | None) -> None:
        self._workbench, self._path, self._wanted, self._output, self._out = workbench, path, wanted, output, out
        self._current: Run | None = None
        self._stopped = ""
        output.on_full = self._stop

    async def go(self, saved: Profile, chosen: dict[str, Incoming]) -> Exit:
        """Runs them; the exit code is that of the first that did not do all."""
        from ..client.wire import OF_A_RUN

        self._listen()
        codes = []
        async with self._workbench.session(saved, OF_A_RUN) as session:
            for name, incoming in chosen.items():
                if self._stopped:
                    break
                codes.append(await self._one(saved, session, name, incoming))
        return next((code for code in codes if code is not Exit.DONE), Exit.STOPPED if self._stopped else Exit.DONE)

    async def dry(self, saved: Profile, chosen: dict[str, Incoming]) -> Exit:
        """Says what each would do, and why one cannot begin."""
        from ..client.wire import OF_A_RUN
        from ..transfer.ledger_file import LedgerError
        from ..transfer.list_request import RunImpossible

        code = Exit.DONE
        async with self._workbench.session(saved, OF_A_RUN) as session:
            for name, incoming in chosen.items():
                try:
                    self._output.dry(name, self._run(saved, session, name, incoming).preview())
                except (RunImpossible, LedgerError) as error:
                    self._output.impossible(name, str(error))
                    code = Exit.SETUP
        return Exit.STOPPED if self._stopped else code

    async def _one(self, saved: Profile, session: Session, name: str, incoming: Incoming) -> Exit:
        from ..transfer.ledger_file import AlreadyRunning, LedgerError
        from ..transfer.list_request import RunImpossible
        from ..transfer.sink import SinkError

        self._output.begins(name)
        try:
            self._current = self._run(saved, session, name, incoming)
            if self._stopped:
                self._current.stop(self._stopped)
            summary = await self._current.go()
        except AlreadyRunning as error:
            self._output.impossible(name, str(error), "stopped")
            return Exit.STOPPED
        except (RunImpossible, LedgerError, SinkError) as error:
            self._output.impossible(name, str(error))
            return Exit.SETUP
        self._output.ended(summary)
        return exit_of(summary)

    def _run(self, saved: Profile, session: Session, name: str, incoming: Incoming) -> Run:
        from ..guide.run_findings import explainer
        from ..transfer.ledger_file import ledger_file
        from ..transfer.open_run import Place, Surroundings
        from ..transfer.run import Run

        machine, out = self._workbench.machine, self._out
        if out is not None:
            incoming = incoming.model_copy(update={"sink": _sink(out)})
        ledger = None if out == "-" else ledger_file(machine.directories.state, self._path, name, out or "")
        place = Place(name, self._path, ledger)
        typed = incoming.sink.writes() if out is not None and incoming.sink is not None else ()
        explain = explainer(saved, incoming.client)
        around = Surroundings(
            session, self._workbench.exchanges, machine, place, explain, typed_output=next(iter(typed), None)
        )
        return Run(incoming, self._wanted, around, self._output)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(each, self._signalled, each)

    def _signalled(self, number: signal.Signals) -> None:
        """The first one ends the run cleanly; the second one kills the process, as if it had not been listened to."""
        restore_terminal()
        if self._stopped:
            loop = asyncio.get_running_loop()
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._stop(f"Stopped by {number.name}; the next run goes on from here")

    def _stop(self, why: str) -> None:
        self._stopped = why
        if self._current is not None:
            self._current.stop(self._stopped)
