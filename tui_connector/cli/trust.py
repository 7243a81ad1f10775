"""`trust`: what a profile can do, and whether its user allows that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..text import shown, shown_line
from .completion import profiles
from .errors import CommandFailed, Exit
from .opening import environment_option, find, machine_of, read, run

if TYPE_CHECKING:
    from ..machine import Machine
    from ..profile.model import Profile


@click.command()
@click.argument("profile", required=False, shell_complete=profiles)
@click.option("--yes", is_flag=True, help="Trust it without asking.")
@click.option(
    "--digest", "as_digest", is_flag=True, help="Print the digest of its capabilities, for TUI_CONNECTOR_TRUST."
)
@click.option("--list", "as_list", is_flag=True, help="List the trusted profiles.")
@click.option("--revoke", is_flag=True, help="Revoke the trust in the profile.")
@environment_option
@click.pass_obj
def trust(
    profile_dir: Path | None,
    profile: str | None,
    yes: bool,
    as_digest: bool,
    as_list: bool,
    revoke: bool,
    environment: str,
) -> None:
    """Show what PROFILE can do, and trust it to do so.

    A profile may come from someone else, for example in a repository. Before it is trusted, none of its secrets is
    sent, none of its commands is run, and no file outside its folder and the data directory is read or written. If a
    later change adds something to the list, you are asked again; the rest stays trusted.

    In a pipeline, set TUI_CONNECTOR_TRUST to the digest that --digest prints: a profile that can do anything else is
    then refused.

    Each environment of a profile is trusted by itself: add --env NAME. --revoke withdraws the trust in all of them.
    """
    if sum((yes, as_digest, as_list, revoke)) > 1:
        raise CommandFailed("--yes, --digest, --list and --revoke exclude each other.", Exit.SETUP)
    machine = machine_of(profile_dir)
    if as_list:
        _list(machine)
        return
    if profile is None:
        raise CommandFailed("Name a PROFILE, or list the trusted ones with --list.", Exit.SETUP)
    if revoke:
        _revoke(machine, profile)
        return
    path = find(profile, machine)
    saved = read(path, environment)

    from ..guide.trust import ProfileTrust, capability_lines
    from ..profile.capabilities import capabilities
    from ..profile.trust_records import TrustRecords, folder_of
    from ..secrets.capability import digest

    wanted = capabilities(saved, folder_of(path), machine)
    if as_digest:
        click.echo(digest(wanted))
        return
    missing = ProfileTrust(machine, path, environment=saved.environment).missing(wanted)
    known = [each for each in wanted if each not in missing]
    if not wanted:
        click.echo(f"{shown_line(str(path))} sends no secrets, runs no commands and uses no files outside its folder.")
    for title, some in (("Trusted already:", known), ("Not trusted yet:", missing)):
        if some:
            click.echo(title)
            click.echo(shown("\n".join(f"  - {line}" for line in capability_lines(some))))
    records = TrustRecords(machine.directories.state)
    if not missing and records.find(path, saved.environment) is not None:
        click.echo("Nothing more to allow.")
        return
    if missing and not yes and not run(machine.prompt.allow(f"Trust {shown_line(str(path))}{_in(saved)} to do this?")):
        raise CommandFailed("Not trusted. Answer y, or use --yes in a script.", Exit.SETUP)
    records.grant(path, wanted, machine.now(), only=True, environment=saved.environment)
    click.echo(f"Trusted: {shown_line(str(path))}{_in(saved)}")


def _in(profile: Profile) -> str:
    return f" in the environment {profile.environment}" if profile.environment else ""


def _list(machine: Machine) -> None:
    from ..guide.trust import capability_lines
    from ..profile.trust_records import TrustRecords

    records = TrustRecords(machine.directories.state).list()
    if not records:
        click.echo("No profile is trusted yet.")
    for record in records:
        environment = f" --env {shown_line(record.environment)}" if record.environment else ""
        click.echo(f"{shown_line(record.profile)}{environment} (since {shown_line(record.granted_at)})")
        for line in capability_lines(record.capabilities):
            click.echo(f"  - {shown_line(line)}")


def _revoke(machine: Machine, profile: str) -> None:
    from ..profile.library import ProfileError
    from ..profile.trust_records import TrustRecords

    try:  # the file may be gone
        path = find(profile, machine)
    except ProfileError:
        path = Path(profile)
    was_trusted = TrustRecords(machine.directories.state).revoke(path)
    click.echo(f"{'No longer trusted' if was_trusted else 'Was not trusted'}: {shown_line(str(path))}")
