"""`runs`: the last runs of all profiles."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..text import count, json_text, shown_line
from ..units import ago, elapsed
from .completion import profiles
from .errors import Exit, exit_codes
from .opening import allowed, find, headless_workbench, machine_of, read, trust_option

if TYPE_CHECKING:
    from ..guide.last_runs import ProfileRun
    from ..machine import Machine


_EXITS = {Exit.FAILED: "some runs are missing: their ledger cannot be read"}


@click.command(epilog=exit_codes(Exit.DONE, Exit.FAILED, Exit.SETUP, own=_EXITS))
@click.argument("profile", required=False, shell_complete=profiles)
@click.option("--all", "every", is_flag=True, help="List all runs that are kept, not only the last of each.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@trust_option
@click.pass_obj
def runs(profile_dir: Path | None, profile: str | None, every: bool, as_json: bool, trust_once: bool) -> None:
    """List the last run of each incoming and outgoing, newest first: of PROFILE, or of all profiles.

    Each environment of a profile has runs of its own. Of an incoming, the last 50 runs are kept, of an outgoing the
    last 10. A ledger that cannot be read is listed with the reason, as "unreadable".
    """
    from ..guide.last_runs import listed_profiles, runs_of_profiles

    machine = machine_of(profile_dir)
    directories = machine.directories
    paths = [find(profile, machine)] if profile else listed_profiles(directories.profiles, directories.state)
    found = runs_of_profiles(directories.state, paths, every=every)
    if profile:
        found = [*_shared(paths[0], machine, every=every, once=trust_once, as_json=as_json), *found]
    if as_json:
        click.echo(json_text([each.as_json() for each in found]))
    else:
        _print(found, len(paths), machine.now().timestamp())
    if any(each.run.is_unreadable for each in found):
        sys.exit(Exit.FAILED)


def _print(found: Sequence[ProfileRun], profiles: int, now: float) -> None:
    if not found:
        click.echo(f"No runs of {count(profiles, 'profile')} so far.")
    width = max((len(shown_line(each.label)) for each in found), default=0)
    names = max((len(shown_line(each.run.label)) for each in found), default=0)
    for each in found:
        run = each.run
        took = f" in {elapsed(run.seconds)}" if run.seconds else ""
        age = ago(now - run.at) if run.at else "?"
        line = f"{run.mark} {age:>10}  {shown_line(each.label):{width}}  {shown_line(run.label):{names}}  "
        click.echo(shown_line(f"{line}{run.outcome}{took}{': ' + run.why if run.why else ''}"))


def _shared(path: Path, machine: Machine, *, every: bool, once: bool, as_json: bool) -> list[ProfileRun]:
    """The runs in the shared ledger of a profile, if it has one, in each environment. Raises `UserError`."""
    from ..guide.last_runs import runs_in_shared_ledger
    from ..profile.problems import InvalidProfile, read_profile
    from ..profile.used_parts import LEDGER

    try:
        _, base = read_profile(path)
    except InvalidProfile:  # its runs are listed anyway
        return []
    found = []
    for environment in ("", *base.environments):
        saved = read(path, environment)
        if saved.ledger is None:
            continue
        trust = allowed(path, saved, machine, once=once, as_json=as_json, parts=[LEDGER])
        workbench = headless_workbench(machine, path, trust)
        server = workbench.ledgers(saved, path)
        assert server is not None
        found += runs_in_shared_ledger(server, path, every=every)
    return found
