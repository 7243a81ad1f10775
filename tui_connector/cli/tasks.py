"""`tasks`: lists, retries, skips and exports the tasks of an outgoing's last run."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UserError
from ..text import count, env_option, json_text, listed, shown, shown_line
from ..units import timestamp
from .completion import files, outgoings, profiles
from .errors import CommandFailed, Exit, paragraph
from .opening import allowed, environment_option, find, headless_workbench, machine_of, read, trust_option

if TYPE_CHECKING:
    from ..outgoing.task_ledger import TaskFilter, TaskReader
    from ..outgoing.tasks import Task, TaskRun, TaskState
    from ..runs.database import LedgerPlace

_STATES = ("new", "sending", "waiting", "finished", "failed", "skipped", "unchanged", "unknown")
_DONE = ("finished", "unchanged")
_LISTED = 100
"""Tasks that are listed on a terminal."""
_GROUPS = 20
_WIDTH = 160


@click.command()
@click.argument("profile", shell_complete=profiles)
@click.argument("name", shell_complete=outgoings)
@click.argument("action", type=click.Choice(["list", "show", "retry", "skip", "export"]), default="list")
@click.argument("lines", nargs=-1, type=click.IntRange(min=1), metavar="[LINE]...")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only tasks in this state.")
@click.option("--code", help="Only tasks with this code, such as status-400.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    shell_complete=files,
    help="With export: write to this new file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
@trust_option
@environment_option
@click.pass_obj
def tasks(
    profile_dir: Path | None,
    profile: str,
    name: str,
    action: str,
    lines: tuple[int, ...],
    states: tuple[TaskState, ...],
    code: str | None,
    out: Path | None,
    as_json: bool,
    trust_once: bool,
    environment: str,
) -> None:
    """Show, retry, skip or export the tasks of the last run.

    A task is one entity that an outgoing configuration sends. Select tasks by LINE in the source, --state or --code.

    \b
    list    number of tasks by state, and the reasons of failures (default); with --json, every task
    show    the entity of a task, and the response of the store
    retry   send the selected tasks again in the next run; by default, all failed and unknown ones
    skip    give up the selected tasks
    export  print the entities of the selected tasks as JSON Lines; by default, of all failed ones
    """
    from ..outgoing.task_ledger import TaskFilter, TaskReader, tasks_file
    from ..profile.used_parts import LEDGER

    machine = machine_of(profile_dir)
    path = find(profile, machine)
    saved = read(path, environment)
    if name not in saved.outgoing:
        known = ", ".join(saved.outgoing) or "none"
        raise CommandFailed(f"The profile has no outgoing named {name!r}. It has: {known}.", Exit.SETUP)
    if out is not None and action != "export":
        raise CommandFailed("--out requires export.", Exit.SETUP)
    ledger: LedgerPlace = tasks_file(machine.directories.state, path, name, saved.environment)
    if saved.ledger is not None:
        trust = allowed(path, saved, machine, once=trust_once, as_json=as_json, parts=[LEDGER])
        ledger = headless_workbench(machine, path, trust).outgoing_ledger(saved, path, name)
    if action in ("retry", "skip"):
        selected = states or (("failed", "unknown") if action == "retry" and not (lines or code) else ())
        if action == "skip" and not (lines or code or states):
            raise CommandFailed("Select the tasks to skip, by LINE, --state or --code.", Exit.SETUP)
        wanted = TaskFilter(selected, lines, code)
        options = f"{env_option(saved.environment)}{saved.direction_option('outgoing', name)}"
        words = f"{shlex.quote(profile)} {shlex.quote(name)}{options}"
        _change(ledger, action, wanted, lines, words, timestamp(machine.now()))
        return
    with TaskReader(ledger) as reader:
        run = reader.last()
        if run is None:
            raise CommandFailed(f"{name} has not been run yet.", Exit.SETUP)
        if action == "export":
            failed: tuple[TaskState, ...] = ("failed",)
            wanted = TaskFilter(states or (() if lines or code else failed), lines, code)
            what = "such tasks" if states or lines or code else "failed tasks"
            _export(reader.tasks(run.id, wanted), out, f"Nothing to export: run {run.id} has no {what}.")
        elif action == "show":
            _show(list(reader.tasks(run.id, TaskFilter(states, lines, code), limit=_LISTED)), as_json)
        elif as_json:
            for task in reader.tasks(run.id, TaskFilter(states, lines, code)):
                click.echo(json_text(_row(task)))
        else:
            label = f"{name} ({saved.environment_label})" if saved.environment_label else name
            _list(reader, run, label, TaskFilter(states, lines, code), is_filtered=bool(states or lines or code))


def _row(task: Task) -> dict[str, object]:
    """The line of a task in `--json`."""
    return {
        "line": task.line,
        "identifier": task.identifier,
        "state": task.state,
        "attempts": task.attempts,
        "reason": task.reason,
        "code": task.code,
    }


def _list(reader: TaskReader, run: TaskRun, name: str, wanted: TaskFilter, *, is_filtered: bool) -> None:
    from ..outgoing.task_ledger import TaskFilter

    counts = reader.counts(run.id)
    state = run.described_state(counts, is_running=reader.is_running)
    known = " · ".join(f"{number:,} {each}" for each, number in counts.items() if number) or "no tasks"
    click.echo(shown(f"{name}: {run.title}, of {run.began}, {state}\n  {known}"))
    if not is_filtered:
        wanted = TaskFilter([each for each in counts if each not in _DONE])
    for group in reader.reasons(run.id, wanted)[:_GROUPS]:
        click.echo(shown_line(f"  {group.count:>7,} {group.state}: {group.reason} ({group.code})", _WIDTH))
    for number, task in enumerate(reader.tasks(run.id, wanted, limit=_LISTED + 1)):
        if number == _LISTED:
            click.echo("  … --json lists all tasks.")
            break
        attempts = f"  {count(task.attempts, 'attempt')}" if task.attempts else ""
        line = f"  line {task.line:<7} {task.state:<9} {task.identifier}{attempts}  {task.reason}"
        click.echo(shown_line(line, _WIDTH))


def _show(found: list[Task], as_json: bool) -> None:
    if not found:
        raise CommandFailed("No such task. Give the line of its entity in the source.", Exit.SETUP)
    for task in found:
        more = {"exchange": task.exchange, "step": task.step, "updated": task.updated}
        data = {**_row(task), **more, "entity": task.entity, "responses": task.responses, "former": task.former}
        click.echo(json_text(data, None if as_json else 2))


def _export(found: Iterator[Task], out: Path | None, without: str) -> None:
    """Prints entities as JSON Lines, or `without` if there are none. Raises `CommandFailed` if some were not kept."""
    from ..outgoing.tasks import export_entities

    first = next(found, None)
    if first is None:
        click.echo(paragraph(without), err=True)
        return
    found = chain([first], found)
    if out is None:
        _, lost = export_entities(found, sys.stdout)
    else:
        try:
            with closing(out.open("x", encoding="utf-8")) as file:
                _, lost = export_entities(found, file)
        except OSError as error:
            message = f"{out} cannot be written: {error.strerror}. Choose another FILE."
            raise CommandFailed(message, Exit.SETUP) from error
    if lost:
        why = "they are invalid lines of the source, or were not kept (see keep)"
        raise CommandFailed(f"{count(lost, 'entity', 'entities')} could not be exported: {why}.", Exit.FAILED)


def _change(ledger: LedgerPlace, action: str, wanted: TaskFilter, lines: Sequence[int], names: str, at: str) -> None:
    from ..outgoing.task_ledger import TaskLedger

    if not ledger.exists():
        raise CommandFailed(f"{ledger.stem} has not been run yet.", Exit.SETUP)
    with TaskLedger(ledger) as held:
        run = held.last()
        if run is None:
            raise CommandFailed(f"{ledger.stem} has not been run yet.", Exit.SETUP)
        if not run.loaded:
            message = "The last run stopped before it had read its whole source, and sent nothing. Run it again."
            raise UserError("not-loaded", message)
        if missing := sorted(set(lines) - held.lines(run.id)):
            which = "lines" if len(missing) > 1 else "line"
            raise CommandFailed(
                f"The run has no task of {which} {listed([str(line) for line in missing])}. Nothing was changed.",
                Exit.SETUP,
            )
        if action == "skip":
            click.echo(f"{count(held.skip(run, wanted, at), 'task')} skipped.")
            return
        found, lost = held.retry(run, wanted, at)
    then = f" Send: tui-connector run {names}." if found else ""
    click.echo(paragraph(f"{count(found, 'task')} will be sent again by the next run.{then}"))
    if lost:
        message = f"{count(lost, 'task')} cannot be sent again: the entity was not kept."
        raise CommandFailed(f"{message} Correct the source, then run it again.", Exit.FAILED)
