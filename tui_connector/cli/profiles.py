"""`profiles` and `schema`: the saved profiles, the check of their files, and the JSON Schema of a profile."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..text import count, json_text, shown_line
from .completion import environments
from .completion import files as any_file
from .completion import profiles as one_profile
from .errors import CommandFailed, Exit, exit_codes
from .importing import export, import_
from .opening import find, machine_of


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.option("--archived", is_flag=True, help="List the archived profiles instead of the others.")
@click.pass_context
def profiles(context: click.Context, as_json: bool, archived: bool) -> None:
    """List the saved profiles, or work with their files."""
    if context.invoked_subcommand is None:
        _list(context.obj, as_json, archived=archived)
    elif as_json:
        name = context.invoked_subcommand
        raise CommandFailed(f"Write --json after {name}: profiles {name} --json.", Exit.SETUP)


profiles.add_command(import_)
profiles.add_command(export)


def _list(profile_dir: Path | None, as_json: bool, *, archived: bool) -> None:
    from ..guide.profiles.lists import ProfileLists
    from ..profile.library import Library

    directories = machine_of(profile_dir, logs=False).directories
    library, hidden = Library(directories.profiles), set(ProfileLists(directories.state).archived())
    found = library.paths()
    paths = [each for each in found if (each.absolute() in hidden) is archived]
    entries = library.entries(paths)
    if as_json:
        click.echo("[", nl=False)
        for number, e in enumerate(entries):
            row = {"name": e.name, "title": e.title, "base_uri": e.base_uri, "path": str(e.path), "problem": e.problem}
            click.echo(f"{', ' if number else ''}{json_text(row)}", nl=False)
        click.echo("]")
        return
    if not found:
        click.echo(f"No profiles in {shown_line(str(library.directory))}. Create one with: tui-connector setup")
    elif not paths:
        click.echo(f"No {'archived ' if archived else ''}profiles in {shown_line(str(library.directory))}.")
    width = max((len(path.stem) for path in paths), default=0)
    for entry in entries:
        text = entry.problem or " · ".join(part for part in (entry.title, entry.base_uri) if part)
        click.echo(f"{shown_line(entry.name):{width}}  {shown_line(text)}")
    if not archived and len(paths) < len(found):
        click.echo(f"{len(found) - len(paths):,} archived, not listed: tui-connector profiles --archived", err=True)


@profiles.command("archive")
@click.argument("profile", shell_complete=one_profile)
@click.option("--undo", is_flag=True, help="List the profile again.")
@click.pass_obj
def _archive(profile_dir: Path | None, profile: str, undo: bool) -> None:
    """Take PROFILE out of the lists. Its file, secrets, ledgers and log stay, and commands still find it."""
    from ..guide.profiles.lists import ProfileLists
    from ..profile.library import Library

    machine = machine_of(profile_dir)
    path = find(profile, machine)
    if path.absolute().parent != Library(machine.directories.profiles).directory.absolute():
        message = f"{path} is not in {machine.directories.profiles}, whose profiles are listed."
        raise CommandFailed(shown_line(message), Exit.SETUP)
    try:
        ProfileLists(machine.directories.state).archive(path, archived=not undo)
    except OSError as error:
        message = f"{path.stem} could not be archived: {error.strerror}: {error.filename}"
        raise CommandFailed(shown_line(message), Exit.SETUP) from error


_CHECKED = {Exit.DONE: "no problems", Exit.SETUP: "problems"}


@profiles.command("check", epilog=exit_codes(*_CHECKED, own=_CHECKED))
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(), shell_complete=any_file)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with file, line, column, path, code, message.")
def _check(files: tuple[str, ...], as_json: bool) -> None:
    """Check profile files for errors, at any path; nothing is sent.

    Each problem is one line on standard output, FILE:LINE:COLUMN: MESSAGE, as compilers print them. For pre-commit and
    continuous integration; `check PROFILE` checks a profile against its store. What is valid and probably not meant is
    a warning on standard error.
    """
    from ..profile.text_checker import check_file

    checked = [(file, check_file(Path(file))) for file in files]
    found = [(file, problem) for file, (problems, _) in checked for problem in problems]
    for file, (_, remarks) in checked:
        for remark in remarks:
            click.echo(
                shown_line(f"{file}:{remark.line}:{remark.column}: warning: {remark.placed_brief}", _LONGEST), err=True
            )
    if as_json:
        rows = [
            {"file": file, "line": p.line, "column": p.column, "path": p.path, "code": p.code, "message": p.text}
            for file, p in found
        ]
        click.echo(json_text(rows))
    else:
        for file, problem in found:
            click.echo(shown_line(f"{file}:{problem}", _LONGEST))
        click.echo(f"{count(len(files), 'file')} checked: {count(len(found), 'problem')}.", err=True)
    sys.exit(Exit.SETUP if found else Exit.DONE)


@profiles.command("diff")
@click.argument("profile", shell_complete=one_profile)
@click.argument("first", metavar="ENV", shell_complete=environments)
@click.argument("second", metavar="[ENV]", default="default", shell_complete=environments)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with path, first and second.")
@click.pass_obj
def _diff(profile_dir: Path | None, profile: str, first: str, second: str, as_json: bool) -> None:
    """Show the values that differ between two environments of PROFILE.

    Without the second ENV, compare with the base values, `default`. Includes the keyring entries that an environment
    has of its own.
    """
    from ..profile.environments import differences
    from ..profile.positions import described
    from ..profile.problems import environment_data, read_profile

    document, _ = read_profile(find(profile, machine_of(profile_dir)))
    one, other = (environment_data(document.draft, name) for name in (first, second))
    found = list(differences(one, other))
    if as_json:
        click.echo(json_text([{**each._asdict(), "path": each.dotted} for each in found]))
        return
    if not found:
        click.echo(f"{first} and {second} have the same values.")
    for each in found:
        click.echo(shown_line(described(document.text_as_read, document.draft, each.path)))
        for name, value in ((first, each.first), (second, each.second)):
            width = max(len(first), len(second))
            click.echo(shown_line(f"  {name:{width}}  {'–' if value is None else json_text(value)}", _LONGEST))


_LONGEST = 2_000
"""Characters of a line; a message may repeat a part of the file."""


@click.command()
@click.option("--write", is_flag=True, help="Write it to the profile directory, where editors find it.")
@click.pass_obj
def schema(profile_dir: Path | None, write: bool) -> None:
    """Print the JSON Schema of a profile (draft-07), for editors."""
    from ..guide.profiles.save import SCHEMA_FILE, write_schema
    from ..profile.model import schema as made

    if not write:
        click.echo(json_text(made(), indent=2))
        return
    path = machine_of(profile_dir).directories.profiles / SCHEMA_FILE
    try:
        write_schema(path)
    except OSError as error:
        raise CommandFailed(f"The schema cannot be written: {error.strerror}: {path}", Exit.SETUP) from error
    click.echo(str(path))
