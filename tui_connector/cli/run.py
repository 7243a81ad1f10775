"""`run`: the incoming and outgoing configurations of a profile, headless."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .completion import configurations, files, profiles
from .errors import CommandFailed, Exit, exit_codes
from .opening import (
    allowed,
    direction_option,
    environment_option,
    find,
    headless_workbench,
    machine_of,
    read,
    run,
    trust_option,
)
from .out_option import OutOption, ending_note, sink_of
from .prompt import TerminalPrompt
from .request import keeping_history, printer
from .run_output import RunOutput
from .run_plan import plan_options, planning_of
from .run_sequence import Runs
from .slices import run_slice, slice_options

if TYPE_CHECKING:
    from ..client.exchange import Exchanges
    from ..client.wire import Bounds
    from ..incoming.model import Incoming
    from ..incoming.sink import Sink
    from ..machine import Machine
    from ..outgoing.model import Outgoing
    from ..profile.model import Profile
    from ..runs.database import LedgerPlace


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
    cls=OutOption,
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
        [sink_of(out)] if out else [each.sink for each in chosen.values()],
        as_json,
        quiet,
        saved.environment_label,
    )
    if out is not None and not quiet and (note := ending_note(out)):
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
    unwritten = {name for name in saved.incomings_read_by_others() if saved.incoming[name].sink is None and out is None}
    chosen = {
        name: each
        for name, each in saved.incoming.items()
        if name in names or not (names or each.disabled or name in unwritten)
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


def _output(machine: Machine, sinks: list[Sink | None], as_json: bool, quiet: bool, environment: str) -> RunOutput:
    data_on_stdout = any(sink is not None and sink.on_stdout for sink in sinks)
    if data_on_stdout and sys.__stdout__ is None:
        raise CommandFailed("Standard output is closed: no item could be written to it. Leave it open.", Exit.SETUP)
    return RunOutput(
        machine.monotonic, as_json=as_json, quiet=quiet, data_on_stdout=data_on_stdout, environment=environment
    )
