"""`plan`, `run --slice` and `commit`: one run by several processes or machines, driven by any engine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..text import count, env_option, shown
from ..units import timestamp
from .completion import configurations, files, profiles
from .errors import CommandFailed, Exit, exit_codes
from .opening import environment_option, find, machine_of, one_direction_option, read, trust_option
from .slice_work import Slices

if TYPE_CHECKING:
    from typing import Literal

    from ..guide.schedules.slice_engines import Engine
    from ..incoming.slices import By
    from ..machine import Machine
    from ..outgoing.model import Outgoing
    from ..profile.model import Profile


_shared_option = click.option(
    "--shared",
    metavar="DIR",
    shell_complete=files,
    help="Directory of the slices, the same on all machines (default: in the state directory).",
)
_run_id_option = click.option("--run-id", metavar="ID", help="Run id, as given to `plan` or printed by it.")


def slice_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options of `run` about slices."""
    text = 'Read or send one slice of a run that was planned with `plan`: its number, such as "3" or "3/16".'
    return click.option("--slice", "spec", metavar="SLICE", help=text)(_shared_option(_run_id_option(command)))


_PLANNED = {
    Exit.DONE: "planned",
    Exit.FAILED: "not everything could be written: retry later",
    Exit.SETUP: "the setup is wrong: do not retry",
    Exit.REFUSED: "the store refused: do not retry",
    Exit.STOPPED: "the store is unreachable: retry later",
}
_COMMITTED = {
    Exit.DONE: "committed, now or before",
    Exit.FAILED: "committed; some items or tasks failed, or came twice: do not retry",
    Exit.SETUP: "the plan is of something else, or outdated: do not retry",
    Exit.STOPPED: "slices (they are named) or the plan are missing, or stopped: retry later",
}


@click.command("plan", epilog=exit_codes(own=_PLANNED))
@click.argument("profile", shell_complete=profiles)
@click.argument("name", shell_complete=configurations)
@click.option("--slices", "number", type=click.IntRange(1, 10_000), help="Number of slices (required).")
@click.option("--by", type=click.Choice(["id", "time"]), help="Ranges of the id, or of the date of `incremental`.")
@click.option("--full", is_flag=True, help="Everything, whatever earlier runs have read.")
@_shared_option
@click.option("--run-id", metavar="ID", help="Run id (default: a new one); one that has a plan already keeps it.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON on one line.")
@click.option("--kubernetes", is_flag=True, help="Print an Indexed Job that plans and runs the slices; plan nothing.")
@click.option("--airflow", is_flag=True, help="Print a DAG that plans and runs the slices; plan nothing.")
@trust_option
@one_direction_option
@environment_option
@click.pass_obj
def plan(
    profile_dir: Path | None,
    /,
    profile: str,
    name: str,
    number: int | None,
    by: By | None,
    full: bool,
    run_id: str | None,
    shared: str | None,
    as_json: bool,
    kubernetes: bool,
    airflow: bool,
    trust_once: bool,
    direction: Literal["incoming", "outgoing"] | None,
    environment: str,
) -> None:
    """Divide a run into slices, for several processes or machines.

    The slices are ranges whose bounds are fixed now, saved under a run id. Run each of them with `run PROFILE NAME
    --slice NUMBER --run-id ID`, in any order, anywhere, and again if one fails; then `commit PROFILE NAME --run-id ID`.

    To see what sending would change, use `run PROFILE NAME --plan`.
    """
    if number is None:
        what = f"tui-connector run {shlex.quote(profile)} {shlex.quote(name)} --plan"
        message = f"Give the number of --slices. To see what sending would change: {what}"
        raise CommandFailed(message, Exit.SETUP)
    if kubernetes or airflow:
        if sum((kubernetes, airflow, as_json, shared is not None)) > 1:
            message = "--kubernetes, --airflow, --json and --shared exclude each other."
            raise CommandFailed(message, Exit.SETUP)
        options = [*(["--full"] if full else []), *(["--by", by] if by else [])]
        engine = _engine(profile_dir, profile, name, direction, environment, number, run_id, options)
        text = engine.kubernetes() if kubernetes else engine.airflow()
        click.echo(shown(text), nl=False)
        return
    command = Slices.open(
        profile_dir, profile, name, environment, shared, direction=direction, once=trust_once, as_json=as_json
    )
    planned = command.run(lambda: command.plan(run_id, number, by, full=full))
    if as_json:
        click.echo(planned.model_dump_json())
        return
    noun = "task" if planned.sends else "item"
    held = "" if planned.expected is None else f", {count(planned.expected, noun)}"
    click.echo(f"{command.label}: {count(len(planned.slices), 'slice')} by {planned.field}{held}")
    for each in planned.slices:
        expected = "" if each.expected is None else f"  {count(each.expected, noun)}"
        bounds = "" if planned.sends else f"  above {each.after}, up to {each.until}"
        click.echo(f"  {each.index:>4}{bounds}{expected}")
    which = command.saved.direction_option(command.direction, name)
    arguments = f"{shlex.quote(profile)} {shlex.quote(name)}{which}{env_option(environment)} --run-id {planned.run_id}"
    arguments += f" --shared {shlex.quote(shared)}" if shared else ""
    click.echo(f"Run each slice: tui-connector run {arguments} --slice NUMBER")
    click.echo(f"Then:           tui-connector commit {arguments}")


def _engine(
    profile_dir: Path | None,
    profile: str,
    name: str,
    wanted: Literal["incoming", "outgoing"] | None,
    environment: str,
    number: int,
    run_id: str | None,
    options: list[str],
) -> Engine:
    """What runs the slices in an engine. Nothing is sent or written. Raises `UserError`."""
    from ..guide.schedules.slice_engines import Engine
    from ..incoming.slices import check_sliceable
    from ..runs.slices import check_run_id, new_run_id

    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path, environment)
    direction = saved.direction_of(name, wanted)
    if direction == "incoming":
        check_sliceable(name, saved.incoming[name])
    run_id = check_run_id(run_id or new_run_id(name, timestamp(machine.now())))
    return Engine(saved, path, name, direction, machine, number, run_id, options)


@click.command("commit", epilog=exit_codes(*_COMMITTED, own=_COMMITTED))
@click.argument("profile", shell_complete=profiles)
@click.argument("name", shell_complete=configurations)
@_shared_option
@_run_id_option
@click.option("--append", is_flag=True, help="Add the tasks to those that were committed today with this option.")
@click.option("--json", "as_json", is_flag=True, help="Print progress and results as JSON, one object per line.")
@click.option("--quiet", "-q", is_flag=True, help="Print no summary; problems are still reported.")
@trust_option
@one_direction_option
@environment_option
@click.pass_obj
def commit(
    profile_dir: Path | None,
    /,
    profile: str,
    name: str,
    run_id: str | None,
    shared: str | None,
    append: bool,
    as_json: bool,
    quiet: bool,
    trust_once: bool,
    direction: Literal["incoming", "outgoing"] | None,
    environment: str,
) -> None:
    """Write what the slices of a run have read, all at once.

    Checks that every slice is done and complete, writes the items into the sink and moves the mark. This happens once:
    a commit that was killed resumes, and a repeated one changes nothing.
    """
    command = Slices.open(
        profile_dir,
        profile,
        name,
        environment,
        shared,
        direction=direction,
        once=trust_once,
        as_json=as_json,
        quiet=quiet,
    )
    sys.exit(command.run(lambda: command.commit(_required(run_id), append=append)))


def run_slice(
    profile_dir: Path | None,
    profile: str,
    names: tuple[str, ...],
    options: Mapping[str, object],
    *,
    spec: str,
    run_id: str | None,
    shared: str | None,
    log: str | None,
    direction: Literal["incoming", "outgoing"] | None,
    environment: str,
    once: bool,
    as_json: bool,
    quiet: bool,
    in_flight: int | None,
    keep_going: bool,
    confirm: Callable[[Profile, dict[str, Outgoing], Machine], None],
) -> Exit:
    """`run --slice`. `options`: others of `run`, by name, which it does not have. Raises `CommandFailed`.

    `confirm` asks before anything is sent to a store in production.
    """
    for option, value in options.items():
        if value:
            other = option.replace("_", "-")
            raise CommandFailed(f"--slice and --{other}: these options cannot be combined.", Exit.SETUP)
    if len(names) != 1:
        raise CommandFailed("--slice needs the NAME of one configuration.", Exit.SETUP)
    [name] = names
    command = Slices.open(
        profile_dir,
        profile,
        name,
        environment,
        shared,
        direction=direction,
        once=once,
        as_json=as_json,
        quiet=quiet,
        log=log,
    )
    if command.direction == "outgoing":
        confirm(command.saved, {name: command.saved.outgoing[name]}, command.workbench.machine)
    return command.run(lambda: command.slice(_required(run_id), spec, in_flight, keep_going=keep_going))


def _required(run_id: str | None) -> str:
    if run_id is None:
        raise CommandFailed("--run-id is missing: `plan` prints it.", Exit.SETUP)
    return run_id
