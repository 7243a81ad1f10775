"""`profiles` and `schema`: the saved profiles, and the JSON Schema of a profile."""

from __future__ import annotations

from pathlib import Path

import click

from ..text import json_text, shown_line
from .errors import CommandFailed, Exit
from .opening import machine_of


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def profiles(profile_dir: Path | None, as_json: bool) -> None:
    """List the saved profiles."""
    from ..profile.library import Library

    library = Library(machine_of(profile_dir, logs=False).directories.profiles)
    paths = library.paths()
    entries = library.entries(paths)
    if as_json:
        click.echo("[", nl=False)
        for number, e in enumerate(entries):
            row = {"name": e.name, "title": e.title, "base_uri": e.base_uri, "path": str(e.path), "problem": e.problem}
            click.echo(f"{', ' if number else ''}{json_text(row)}", nl=False)
        click.echo("]")
        return
    if not paths:
        click.echo(f"No profiles in {shown_line(str(library.directory))}. Create one with: tui-connector setup")
    width = max((len(path.stem) for path in paths), default=0)
    for entry in entries:
        text = entry.problem or " · ".join(part for part in (entry.title, entry.base_uri) if part)
        click.echo(f"{shown_line(entry.name):{width}}  {shown_line(text)}")


@click.command()
@click.option("--write", is_flag=True, help="Write it to the profile directory, where editors find it.")
@click.pass_obj
def schema(profile_dir: Path | None, write: bool) -> None:
    """Print the JSON Schema of a profile (draft-07), for editors."""
    from ..guide.save import SCHEMA_FILE, write_schema
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
