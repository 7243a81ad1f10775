"""`profiles` and `schema`: what is saved, and what may stand in it."""

from __future__ import annotations

from pathlib import Path

import click

from ..text import json_text, shown_line
from .failure import CommandFailed, Exit
from .profile_opening import machine_of


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def profiles(profile_dir: Path | None, as_json: bool) -> None:
    """List the saved profiles."""
    from ..profile.files import ProfileUnreadable
    from ..profile.library import Library

    directory = machine_of(profile_dir).directories.profiles
    try:
        entries = Library(directory).list()
    except ProfileUnreadable as error:
        raise CommandFailed(f"{error}. {error.hint}", Exit.SETUP) from error
    if as_json:
        rows = [
            {"name": e.name, "title": e.title, "base_uri": e.base_uri, "path": str(e.path), "problem": e.problem}
            for e in entries
        ]
        click.echo(json_text(rows))
        return
    if not entries:
        click.echo(f"No profiles yet in {shown_line(str(directory))}. Make one with: tui-connector setup")
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        told = entry.problem or " · ".join(part for part in (entry.title, entry.base_uri) if part)
        click.echo(f"{shown_line(entry.name):{width}}  {shown_line(told)}")


@click.command()
@click.option("--write", is_flag=True, help="Write it beside the profiles, where editors look for it.")
@click.pass_obj
def schema(profile_dir: Path | None, write: bool) -> None:
    """Print the JSON Schema of a profile (draft-07), for editors."""
    from ..files import CannotSave, ChangedOnDisk
    from ..guide.saving import SCHEMA_FILE, NotOurSchema, write_schema
    from ..profile.model import schema as made

    if not write:
        click.echo(json_text(made(), indent=2))
        return
    path = machine_of(profile_dir).directories.profiles / SCHEMA_FILE
    try:
        write_schema(path)
    except NotOurSchema as error:
        raise CommandFailed(f"{error}. Move it away, then try again.", Exit.SETUP) from error
    except OSError as error:
        raise CommandFailed(f"The schema cannot be written: {error.strerror}: {path}", Exit.SETUP) from error
    except (CannotSave, ChangedOnDisk) as error:
        raise CommandFailed(f"{error}. {error.hint}", Exit.SETUP) from error
    click.echo(str(path))
