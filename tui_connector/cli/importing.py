"""`profiles import` and `profiles export`: a profile from what other tools write, and one to hand over."""

from __future__ import annotations

import asyncio
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..text import count, json_text, shown, shown_line
from .completion import files as any_file
from .completion import profiles as profile_names
from .errors import CommandFailed, Exit
from .opening import find, machine_of, read, run

if TYPE_CHECKING:
    from ..guide.profiles.importing import ImportPlan, ImportResult
    from ..machine import Machine


@click.command("import")
@click.argument("file", shell_complete=any_file)
@click.option("--as", "name", help="Name of the new profile. Default: from the store's address.")
@click.option("--into", shell_complete=profile_names, help="Add the parts to this profile.")
@click.option(
    "--environment",
    type=click.Path(path_type=Path),
    help="Values of variables: a Postman environment, or lines NAME=value for an export.",
)
@click.option("--only", help="Create only these configurations: names, separated by commas.")
@click.option("--dry-run", is_flag=True, help="Show what would be created, and create nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before it is created.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_obj
def import_(
    profile_dir: Path | None,
    file: str,
    name: str | None,
    into: str | None,
    environment: Path | None,
    only: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Create a profile from FILE, or from standard input (-).

    FILE contains curl commands for bash, the Windows command prompt or PowerShell, a Postman collection, an OpenAPI or
    Swagger document, a HAR, an NDJSON export or a profile; its content decides. What will be created and what cannot be
    carried over is listed first. Secrets go into the keyring, never into the profile.
    """
    if name is not None and into is not None:
        raise CommandFailed("--as and --into exclude each other.", Exit.SETUP)
    machine = machine_of(profile_dir)
    plan = _plan(machine, file, name, into, environment, only)
    if not as_json:
        _show(plan)
    if dry_run:
        _end(plan, None, as_json=as_json)
        return
    if not yes and not run(machine.prompt.allow(f"{'Create' if plan.is_new else 'Change'} {plan.path.name}?")):
        message = "Nothing was created." if sys.stdin.isatty() else "Nothing was created: add --yes to create it."
        raise CommandFailed(message, Exit.SETUP)
    _end(plan, _carry_out(plan, machine, yes=yes), as_json=as_json)


@click.command("export")
@click.argument("profile", shell_complete=profile_names)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write it to this new file.")
@click.pass_obj
def export(profile_dir: Path | None, profile: str, output: Path | None) -> None:
    """Print PROFILE without what belongs to this computer, to hand it over.

    Absolute paths become relative, commands become keyring entries, and the files of TLS are left out. What was changed
    and the secrets that the recipient sets are listed on standard error. `profiles import` asks for them one by one.
    """
    from ..files import reason, write_private
    from ..guide.profiles.exporting import export_profile
    from ..profile.document import Document

    machine = machine_of(profile_dir)
    path = find(profile, machine)
    made = export_profile(path, Document.read(path), read(path), machine)
    if output is None:
        click.echo(made.text, nl=False)
    else:
        try:
            write_private(output, made.text.encode(), replace=False, make_directory=False)
        except OSError as error:
            raise CommandFailed(f"{output} cannot be written: {reason(error)}", Exit.SETUP) from error
        click.echo(f"Written: {shown_line(str(output))}", err=True)
    for line in made.changes:
        click.echo(f"! {line}", err=True)
    if made.secrets:
        click.echo("Secrets that the recipient sets:", err=True)
        for line in made.secrets:
            click.echo(f"  ? {line}", err=True)


def _plan(
    machine: Machine, file: str, name: str | None, into: str | None, environment: Path | None, only: str | None
) -> ImportPlan:
    from ..guide.profiles.importing import is_profile, plan_into, plan_new, plan_profile
    from ..profile.importers import detection
    from ..profile.importers.model import ImportOptions
    from ..profile.library import Library

    text = detection.as_text(sys.stdin.buffer.read()) if file == "-" else detection.read_text(Path(file))
    library = Library(machine.directories.profiles)
    if is_profile(text):
        if into is not None or only is not None:
            raise CommandFailed("A profile is imported as a whole, without --into and --only.", Exit.SETUP)
        return plan_profile(text, name or library.name_from("imported" if file == "-" else Path(file).stem), machine)
    options = ImportOptions(
        tuple(each.strip() for each in (only or "").split(",") if each.strip()),
        None if environment is None else detection.read_text(environment),
        detection.files_below(Path.cwd()),
    )
    found = detection.read(text, options)
    if into is not None:
        return plan_into(found, find(into, machine), machine)
    return plan_new(found, name or library.name_from(found.title), machine)


def _carry_out(plan: ImportPlan, machine: Machine, *, yes: bool) -> ImportResult:
    from ..guide.profiles.importing import carry_out, set_secrets
    from ..secrets.errors import SecretError
    from ..secrets.mask import Mask
    from ..secrets.vault import Vault

    async def work() -> ImportResult:
        vault = Vault(machine, Mask())
        try:
            result = await carry_out(plan, vault, state=machine.directories.state)
            if result.to_set and sys.stdin is not None and sys.stdin.isatty() and not yes:
                click.echo(f"Created: {shown_line(str(result.path))}. Its secrets, one by one:")
                try:
                    result = await set_secrets(plan, result, vault, machine)
                except SecretError as error:
                    result = replace(result, notes=(*result.notes, f"The secrets were not stored: {error}"))
            return result
        finally:
            vault.close()
            await asyncio.sleep(0)

    return run(work())


def _show(plan: ImportPlan) -> None:
    click.echo(f"{plan.format[:1].upper()}{plan.format[1:]}. {'Creates' if plan.is_new else 'Adds'}:")
    for line in plan.created():
        click.echo(f"  + {line}")
    if plan.secrets:
        click.echo(f"  + {count(len(plan.secrets), 'secret')} in the keyring")
    if missing := plan.missing_secrets():
        click.echo("Secrets to set:")
        for entry in missing:
            click.echo(f"  ? {shown_line(entry)}")
    if plan.not_imported:
        click.echo("Not carried over:")
        for each in plan.not_imported:
            click.echo(f"  - {shown(str(each))}")
    if plan.capabilities:
        click.echo("Once trusted, the profile:")
        for line in plan.capabilities:
            click.echo(f"  - {shown_line(line)}")


def _end(plan: ImportPlan, result: ImportResult | None, *, as_json: bool) -> None:
    if as_json:
        row: dict[str, object] = {
            "format": plan.format,
            "profile": plan.name,
            "path": str(plan.path),
            "created": result is not None,
            "parts": plan.parts,
            "secrets": {"stored": list(result.stored) if result else [], "to_set": _to_set(plan, result)},
            "not_imported": [{"place": e.place, "what": e.what, "reason": e.reason} for e in plan.not_imported],
            "capabilities": plan.capabilities,
            "notes": list(result.notes) if result else [],
        }
        click.echo(json_text(row))
        return
    if result is None:
        click.echo("Nothing was created (--dry-run).")
        return
    named = shown_line(shlex.quote(plan.name if plan.is_new else str(plan.path)))
    click.echo(f"{'Created' if plan.is_new else 'Changed'}: {shown_line(str(result.path))}")
    for note in result.notes:
        click.echo(f"! {shown_line(note)}", err=True)
    if result.to_set:
        click.echo(f"Set its secrets: tui-connector secrets set {named}")
    if plan.capabilities:
        click.echo(f"Before it sends anything secret, review what it can do: tui-connector trust {named}")


def _to_set(plan: ImportPlan, result: ImportResult | None) -> list[str]:
    return list(result.to_set) if result is not None else plan.missing_secrets()
