"""`run`: the incoming and outgoing configurations of a profile, headless."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ..errors import UserError
from ..runs.progress import OUTPUT_FULL, STOPPED
from .completion import configurations, files, profiles
from .errors import CommandFailed, Exit, exit_code, exit_codes
from .opening import (
    allowed,
    direction_option,
    environment_option,
    find,
    headless_workbench,
    machine_of,
    read,
    run,
    stop_on_signal,
    trust_option,
)
from .prompt import TerminalPrompt
from .request import keeping_history, printer
from .run_output import RunOutput, error_figures, exit_of, exit_of_error, summary_figures
from .run_plan import OutgoingPlan, Planning, plan_options, planning_of
from .slices import run_slice, slice_options

if TYPE_CHECKING:
    from ..client.exchange import Exchanges
    from ..client.session import Session
    from ..client.wire import Bounds
    from ..guide.sending.incoming_source import ProfileInUse
    from ..guide.workbench import Workbench
    from ..incoming.model import Incoming
    from ..incoming.run import Run
    from ..incoming.sink import Sink
    from ..incoming.start import RunOptions
    from ..machine import Machine
    from ..outgoing.model import Outgoing
    from ..outgoing.run import OutgoingRun
    from ..outgoing.source import EntitySource, OtherProfile
    from ..profile.model import Profile
    from ..runs.database import LedgerPlace


class _OutOption(click.Option):
    """Its help names the endings of all sinks, which are loaded for that."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        endings = ", ".join(sorted(_kinds_by_ending()))
        self.help = (
            f"Write to FILE instead of the profile's sink, as its ending says ({endings}); otherwise JSON Lines. "
            "- is standard output."
        )
        return super().get_help_record(ctx)


@click.command("run", epilog=exit_codes())
@click.argument("profile", shell_complete=profiles)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=configurations)
@click.option("--dry-run", is_flag=True, help="Print the first requests and where the run would start; send nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after N items or tasks; the next run resumes there.")
@click.option("--full", is_flag=True, help="Start over, and read or send everything.")
@click.option("--since", metavar="DATE", help='Read only what changed since DATE, in UTC: "2026-01-31 08:30:00".')
@click.option(
    "--out",
    metavar="FILE",
    shell_complete=files,
    cls=_OutOption,
)
@click.option(
    "--record", type=click.Path(path_type=Path), metavar="FILE", help="Record all requests in FILE; open it with `log`."
)
@click.option("--whole-bodies", is_flag=True, help="Record responses of up to 2 MB completely, for `sandbox --replay`.")
@click.option(
    "--log", type=click.Choice(["simple", "long", "full", "curl"]), help="Print each request on standard error."
)
@click.option("--quiet", "-q", is_flag=True, help="Print no summary; problems are still reported.")
@click.option("--json", "as_json", is_flag=True, help="Print progress and results as JSON, one object per line.")
@trust_option
@click.option("--yes-production", is_flag=True, help="Send to a store marked as production without asking.")
@click.option(
    "--keep-going", is_flag=True, help="Send every task, even if the first ones all fail for the same reason."
)
@click.option("--in-flight", type=click.IntRange(1, 64), help="Maximum concurrent requests (default 8).")
@direction_option
@environment_option
@plan_options
@slice_options
@click.pass_obj
def run_command(
    profile_dir: Path | None,
    /,
    profile: str,
    names: tuple[str, ...],
    dry_run: bool,
    limit: int | None,
    full: bool,
    since: str | None,
    out: str | None,
    record: Path | None,
    whole_bodies: bool,
    log: str | None,
    quiet: bool,
    as_json: bool,
    trust_once: bool,
    yes_production: bool,
    in_flight: int | None,
    keep_going: bool,
    direction: Literal["incoming", "outgoing"] | None,
    environment: str,
    spec: str | None,
    run_id: str | None,
    shared: str | None,
    **plan: object,
) -> None:
    """Read from the store, send to it, plan and undo.

    Run the configurations with these names; without a NAME, all incoming ones. Outgoing configurations run only when
    they are named.

    --plan shows what sending would change. --apply refuses a plan if the store has changed since the plan was made.
    --undo shows the values that it restores, then sends them; with --plan, it only shows them.

    A run that was stopped resumes where it stopped. Each run ends with one line on standard error, such as "products:
    1,321 items in 12 s, complete (14 requests)"; --quiet turns it off.
    """
    if spec is not None:
        others = {
            "dry_run": dry_run,
            "limit": limit,
            "full": full,
            "since": since,
            "out": out,
            "record": record,
            "whole_bodies": whole_bodies,
            **plan,
        }
        code = run_slice(
            profile_dir,
            profile,
            names,
            others,
            spec=spec,
            run_id=run_id,
            shared=shared,
            log=log,
            direction=direction,
            environment=environment,
            once=trust_once,
            as_json=as_json,
            quiet=quiet,
            in_flight=in_flight,
            keep_going=keep_going,
            confirm=(lambda *_: None) if yes_production else _confirm_production,
        )
        sys.exit(code)
    if run_id is not None or shared is not None:
        raise CommandFailed("--run-id and --shared require --slice.", Exit.SETUP)
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path, environment)
    saved.require(direction, names)
    if direction == "outgoing" and not names:
        raise CommandFailed("--direction outgoing needs a NAME: outgoings are sent only when named.", Exit.SETUP)
    planning = planning_of(plan, saved, names, dry_run=dry_run, limit=limit)
    if planning is not None and direction == "incoming":
        raise CommandFailed(f"{planning.option} is for outgoing configurations, not --direction incoming.", Exit.SETUP)
    chosen = _chosen(saved, names, out)
    sent = {name: saved.outgoing[name] for name in names if name in saved.outgoing and direction != "incoming"}
    # of an incoming and an outgoing with the same name, an option for one kind runs that one
    if planning is not None or direction == "outgoing":
        chosen = {}
    elif since is not None or out is not None:
        sent = {name: each for name, each in sent.items() if name not in chosen}
    _check_options(sent, since, out, keep_going=keep_going)
    if whole_bodies and record is None:
        raise CommandFailed("--whole-bodies requires --record FILE.", Exit.SETUP)

    from ..incoming.start import RunOptions
    from ..profile.used_parts import ON_FAILURE

    wanted = RunOptions(full=full, since=_since(since), limit=limit, in_flight=in_flight)
    output = _output(
        machine,
        [_sink(out)] if out else [each.sink for each in chosen.values()],
        as_json,
        quiet,
        saved.environment_label,
    )
    if out is not None and not quiet and (note := _ending_note(out)):
        output.say(note)
    if saved.outgoing and not (names or quiet or as_json) and sys.stderr.isatty():
        output.say(f"Not sent, because outgoing configurations are sent only when named: {', '.join(saved.outgoing)}.")
    parts = [
        *(("incoming-read" if out else "incoming", name) for name in chosen),
        *(("outgoing", name) for name in sent),
        ON_FAILURE,
    ]
    trust = allowed(path, saved, machine, once=trust_once, as_json=as_json, parts=parts, needs_secrets=not dry_run)
    if not dry_run and not yes_production and not (planning is not None and planning.shows):
        try:
            _confirm_production(saved, sent, machine)
        except CommandFailed as refused:
            if not as_json:
                raise
            for name in sent:
                output.begins(name, sends=True)
                output.impossible(name, refused)
            sys.exit(refused.exit)
    workbench = headless_workbench(machine, path, trust)
    if log is not None:
        workbench.exchanges.on_recorded.append(printer(log, path.stem, None, environment=saved.environment))
    shows_bodies = log is not None or record is not None or saved.log.history in ("requests", "bodies")
    bounds = _bounds(shows_bodies=shows_bodies, whole_bodies=whole_bodies)
    runs = Runs(workbench, path, wanted, output, out, bounds, keep_going=keep_going)
    for other in {found: None for each in sent.values() if (found := each.other_profile(saved.environment))}:
        runs.add_profile(other, once=trust_once, as_json=as_json)
    chosen = _streams(saved, chosen, partial(workbench.incoming_ledger, saved, path))
    with keeping_history(workbench, path, saved), _recording(record, workbench.exchanges):
        if planning is not None:
            code = run(runs.plan(saved, sent, planning))
        else:
            code = run(runs.dry(saved, chosen, sent) if dry_run else runs.go(saved, chosen, sent))
    sys.exit(code)


def _bounds(*, shows_bodies: bool, whole_bodies: bool) -> Bounds:
    """How much of the bodies is kept and masked: nothing of a run's pages that nothing prints or records."""
    from ..client.wire import OF_A_RUN, OF_A_RUN_UNSEEN, Bounds

    return Bounds() if whole_bodies else OF_A_RUN if shows_bodies else OF_A_RUN_UNSEEN


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
    """The incoming configurations to run: those named or, without names, all that are not disabled.

    Raises `UserError` if there are none.
    """
    parents = {each.parent.incoming for each in saved.incoming.values() if each.parent is not None}
    chosen = {
        name: each
        for name, each in saved.incoming.items()
        if name in names or not (names or each.disabled or (each.sink is None and name in parents and out is None))
    }
    if not names and not chosen:
        more = f" Name what to send: {', '.join(saved.outgoing)}." if saved.outgoing else ""
        raise CommandFailed(f"The profile has no incoming configuration to run.{more}", Exit.SETUP)
    if out is not None and len(chosen) > 1:
        raise CommandFailed(f"--out needs a single incoming; name one: {', '.join(chosen)}.", Exit.SETUP)
    return chosen


def _check_options(sent: dict[str, Outgoing], since: str | None, out: str | None, *, keep_going: bool) -> None:
    """Raises `CommandFailed` for options that the configurations cannot have."""
    if keep_going and not sent:
        raise CommandFailed("--keep-going is for outgoing configurations; name one.", Exit.SETUP)
    for option, given in (("--since", since), ("--out", out)):
        if given is not None and sent:
            raise CommandFailed(f"{option} is for incoming configurations; {next(iter(sent))} sends.", Exit.SETUP)
    readers = [name for name, each in sent.items() if each.source is not None and each.source.kind == "stdin"]
    if len(readers) > 1:
        message = f"Only one configuration can read standard input, not {' and '.join(readers)}: run them one by one."
        raise CommandFailed(message, Exit.SETUP)


def _confirm_production(saved: Profile, sent: dict[str, Outgoing], machine: Machine) -> None:
    """Asks for the store's name before anything is sent to a store in production. Raises `CommandFailed`."""
    live = {name for name, client in saved.clients.items() if client.production}
    names = [name for name, each in sent.items() if each.client in live]
    if not names:
        return
    prompt = machine.prompt
    which = f"{', '.join(names)} would be sent to {saved.label}, which is marked as production"
    if not isinstance(prompt, TerminalPrompt):
        raise CommandFailed(f"{which}; nothing was sent. Add --yes-production.", Exit.SETUP)
    typed = run(prompt.line(f"{which}. Type the store's name to send"))
    if typed.strip() != saved.name.strip():
        raise CommandFailed(f"{typed.strip()!r} is not the name of this store; nothing was sent.", Exit.SETUP)


def _streams(
    saved: Profile, chosen: dict[str, Incoming], ledger_of: Callable[[str], LedgerPlace]
) -> dict[str, Incoming]:
    """The chosen ones; those that write Singer messages know the bookmarks of all streams of the profile."""
    if not chosen:
        return chosen
    from ..incoming.catalog import with_bookmarks

    return {name: each for name, each in with_bookmarks(saved.incoming, ledger_of).items() if name in chosen}


def _since(text: str | None) -> str | None:
    from ..errors import InvalidValue
    from ..incoming.start import since_date

    try:
        return None if text is None else since_date(text)
    except InvalidValue as error:
        raise CommandFailed(f"--since: {error}", Exit.SETUP) from error


def _sink(out: str) -> Sink:
    """The sink for `--out`, by the ending of the file's name; JSON Lines by default."""
    from ..incoming.sinks.jsonl import JsonLinesSink
    from ..incoming.sinks.stdout import StdoutSink

    if out == "-":
        return StdoutSink()
    kinds = _kinds_by_ending()
    kind = next((kind for ending, kind in kinds.items() if out.lower().endswith(ending)), JsonLinesSink)
    try:
        return kind.of_file(_output_file(out))
    except FileNotFoundError as error:
        raise CommandFailed(
            f"--out {out}: the current directory was deleted. Change to another one.", Exit.SETUP
        ) from error
    except ValueError as error:
        raise CommandFailed(f"--out {out}: not a valid path for a sink. Choose another FILE.", Exit.SETUP) from error


def _kinds_by_ending() -> dict[str, type[Sink]]:
    from ..incoming.sink import Sink
    from ..profile.model import Profile  # noqa: F401 - registers where the built-in kinds are

    kinds = [kind for kind in Sink.all_kinds().values() if issubclass(kind, Sink)]
    return {ending: kind for kind in kinds for ending in kind.endings}


def _ending_note(out: str) -> str:
    """The format of a file whose ending suggests another one; "" if that is known."""
    endings = [] if out == "-" or not Path(out).suffix else sorted(_kinds_by_ending())
    if not endings or out.lower().endswith(tuple(endings)):
        return ""
    return f"--out {out}: written as JSON Lines, because no sink has the ending of this name ({', '.join(endings)})."


def _output_file(out: str) -> str:
    """The canonical path, so that the next run finds the same file however it is written."""
    try:
        real = os.path.realpath(out)
    except ValueError:  # a null character: the sink says so
        return out
    return str(Path(out).absolute()) if os.path.exists(real) and not os.path.isfile(real) else real


def _output(machine: Machine, sinks: list[Sink | None], as_json: bool, quiet: bool, environment: str) -> RunOutput:
    data_on_stdout = any(sink is not None and sink.on_stdout for sink in sinks)
    if data_on_stdout and sys.__stdout__ is None:
        raise CommandFailed("Standard output is closed: no item could be written to it. Leave it open.", Exit.SETUP)
    return RunOutput(
        machine.monotonic, as_json=as_json, quiet=quiet, data_on_stdout=data_on_stdout, environment=environment
    )


class Runs:
    """The runs of one command, one after another."""

    def __init__(
        self,
        workbench: Workbench,
        path: Path,
        wanted: RunOptions,
        output: RunOutput,
        out: str | None,
        bounds: Bounds,
        *,
        keep_going: bool = False,
    ) -> None:
        """`keep_going`: every task is sent, although the first ones all fail for the same reason."""
        self._workbench, self._path, self._wanted, self._output, self._out = workbench, path, wanted, output, out
        self._bounds, self._keep_going = bounds, keep_going
        self._current: Run | OutgoingRun | OutgoingPlan | None = None
        self._stopped = self._stop_code = ""
        self._continues_by = "the next run resumes from here"
        """What the user can do after a run was stopped."""
        output.on_full = partial(self._stop, code=OUTPUT_FULL)
        self._others: dict[OtherProfile, ProfileInUse] = {}
        """Other profiles whose incomings are sources."""

    def add_profile(self, other: OtherProfile, *, once: bool, as_json: bool) -> None:
        """Opens another profile whose incoming is a source, with the trust of its own. Raises `UserError`."""
        from ..guide.sending.incoming_source import ProfileInUse, read_other_profile
        from ..profile.library import Library

        machine = self._workbench.machine
        file, saved = read_other_profile(other, Library(machine.directories.profiles), self._path.parent)
        trust = allowed(file, saved, machine, once=once, as_json=as_json)
        self._others[other] = ProfileInUse(saved, file, headless_workbench(machine, file, trust))

    async def go(self, saved: Profile, chosen: dict[str, Incoming], sent: Mapping[str, Outgoing] | None = None) -> Exit:
        """Runs the configurations. Returns the exit code of the first that did not complete."""
        self._listen()
        codes = []
        async with self._workbench.session(saved, self._bounds) as session:
            for name, incoming in chosen.items():
                if self._stopped:
                    break
                codes.append(await self._one(saved, session, name, partial(self._run, saved, session, name, incoming)))
            for name, outgoing in (sent or {}).items():
                if self._stopped:
                    break
                sender = partial(self._sender, saved, session, name, outgoing)
                codes.append(await self._one(saved, session, name, sender, sends=True))
        return next((code for code in codes if code is not Exit.DONE), Exit.STOPPED if self._stopped else Exit.DONE)

    async def dry(self, saved: Profile, chosen: dict[str, Incoming], sent: Mapping[str, Outgoing]) -> Exit:
        """Prints what each run would do, or why it cannot start."""
        from ..profile.model import secrets_in

        code = Exit.DONE
        if sent:  # so that they are not printed where a source contains them
            await self._workbench.vault.learn(secrets_in(saved))
        async with self._workbench.session(saved, self._bounds) as session:
            for name, incoming in chosen.items():
                try:
                    preview = await asyncio.to_thread(self._run(saved, session, name, incoming).preview)
                    self._output.dry(name, preview)
                except UserError as error:
                    self._output.impossible(name, error)
                    code = Exit.SETUP
            for name, outgoing in sent.items():
                try:
                    sending = await self._sender(saved, session, name, outgoing).preview()
                    self._output.dry_sending(name, sending)
                    code = code or (Exit.FAILED if sending.problems else Exit.DONE)
                except UserError as error:
                    self._output.impossible(name, error)
                    code = Exit.SETUP
        return Exit.STOPPED if self._stopped else code

    async def plan(self, saved: Profile, sent: Mapping[str, Outgoing], wanted: Planning) -> Exit:
        """Shows or saves plans, applies one, or undoes a run."""
        from ..runs.errors import RunFailed

        self._listen()
        self._continues_by = wanted.continues_by
        code = Exit.DONE
        async with self._workbench.session(saved, self._bounds) as session:
            for name, outgoing in sent.items():
                self._output.begins(name, sends=True, silent=wanted.shows)
                try:
                    self._current = plan = self._plan_of(saved, session, name, outgoing, wanted)
                    found = await plan.run()
                except RunFailed as failed:
                    why = failed.error
                    error: UserError | None = UserError(why.code or "run-failed", why.message, why.hint)
                    found = exit_of_error(why)
                except UserError as refused:
                    error, found = refused, exit_code(refused)
                else:
                    error = None
                if error is not None:
                    self._output.impossible(name, error, found)
                    if not wanted.shows:
                        figures = error_figures(error, found, sends=True)
                        await self._alert(saved, session, name, found, figures, sends=True)
                code = code or found
        return Exit.STOPPED if self._stopped else code

    def _plan_of(
        self, saved: Profile, session: Session, name: str, outgoing: Outgoing, wanted: Planning
    ) -> OutgoingPlan:
        return OutgoingPlan(
            name,
            outgoing,
            wanted,
            session=session,
            machine=self._workbench.machine,
            profile=self._path,
            ledger=self._workbench.outgoing_ledger(saved, self._path, name),
            output=self._output,
            sender=partial(self._sender, saved, session, name),
            execute=partial(self._one, saved, session, name, sends=True),
            limit=self._wanted.limit,
            environment=saved.environment,
        )

    async def _one(
        self,
        saved: Profile,
        session: Session,
        name: str,
        make: Callable[[], Run | OutgoingRun],
        *,
        sends: bool = False,
    ) -> Exit:
        """Runs one configuration; a failure is reported as the profile's `on-failure` says."""
        self._output.begins(name, sends=sends)
        try:
            self._current = current = make()
            if self._stopped:
                current.stop(self._stopped, self._stop_code)
            summary = await current.execute()
        except UserError as error:
            self._output.impossible(name, error)
            code = exit_code(error)
            figures = error_figures(error, code, sends=sends)
        else:
            self._output.ended(summary)
            code, figures = exit_of(summary), summary_figures(summary)
        await self._alert(saved, session, name, code, figures, sends=sends)
        return code

    async def _alert(
        self, saved: Profile, session: Session, name: str, code: Exit, figures: dict[str, object], *, sends: bool
    ) -> None:
        """Tells the profile's `on-failure`, unless the user has stopped the run."""
        if code is Exit.DONE or self._stopped:
            return
        from ..guide.failure_alert import report_failure

        which = {"name": name, "direction": "outgoing" if sends else "incoming", "exit": int(code)}
        if said := await report_failure(saved, self._path, {**which, **figures}, session, self._workbench):
            self._output.note(said, warning=True)

    def _run(self, saved: Profile, session: Session, name: str, incoming: Incoming) -> Run:
        from ..guide.checks.run_findings import explainer
        from ..incoming.run import Run
        from ..incoming.start import RunEnvironment, RunLocation

        machine, out = self._workbench.machine, self._out
        if out is not None:
            incoming = incoming.model_copy(update={"sink": _sink(out)})
        ledger = None if out == "-" else self._workbench.incoming_ledger(saved, self._path, name, out or "")
        place = RunLocation(name, self._path, ledger)
        typed = incoming.sink.writes() if out is not None and incoming.sink is not None else ()
        explain = explainer(saved, incoming.client)
        around = RunEnvironment(
            session,
            self._workbench.exchanges,
            machine,
            place,
            explain,
            typed_outputs=typed,
            incomings=saved.incoming,
        )
        return Run(incoming, self._wanted, around, self._output)

    def _sender(
        self,
        saved: Profile,
        session: Session,
        name: str,
        outgoing: Outgoing,
        source: EntitySource | None = None,
        *,
        full: bool = False,
    ) -> OutgoingRun:
        """`source`: sent instead of the entities of the outgoing's own source."""
        from ..guide.sending.plans import Sender
        from ..outgoing.run import OutgoingOptions

        wanted, other = self._wanted, outgoing.other_profile(saved.environment)
        used = None if other is None else self._others[other]
        options = OutgoingOptions(wanted.full or full, wanted.limit, wanted.in_flight, keep_going=self._keep_going)
        return Sender(self._workbench, saved, self._path, name, used).run(
            session, self._workbench.exchanges, self._output, outgoing, options, source
        )

    def _listen(self) -> None:
        stop_on_signal(self._signalled)

    def _signalled(self, why: str) -> None:
        """Ends the run cleanly."""
        plans = isinstance(self._current, OutgoingPlan)
        then = ". Nothing was sent." if plans else f"; {self._continues_by}"
        self._stop(f"{why}{then}", STOPPED)

    def _stop(self, why: str, code: str) -> None:
        self._stopped, self._stop_code = why, code
        if self._current is not None:
            self._current.stop(why, code)
