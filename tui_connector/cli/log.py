"""`log`: prints, filters, follows and exports recorded requests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ..text import shown, shown_line
from .completion import profiles, profiles_and_files
from .errors import CommandFailed, Exit, exit_codes
from .opening import environment_option, find, machine_of, run

if TYPE_CHECKING:
    from ..client.exchange import Exchange
    from ..log.expressions import Filter
    from ..log.files import SessionStart
    from ..log.recording import Notice, Reader
    from ..machine import Machine

_MAX_URIS = 10_000
"""Addresses that are kept to say what a filter may mean that none of them matches."""
_POLL_INTERVAL = 0.2
"""Seconds between reads of a followed file."""


_EXITS = {Exit.FAILED: "a part of the file could not be read"}


@click.command(epilog=exit_codes(Exit.DONE, Exit.FAILED, Exit.SETUP, own=_EXITS))
@click.argument("file", metavar="FILE|PROFILE", required=False, shell_complete=profiles_and_files)
@click.option("--follow", "-f", is_flag=True, help="Keep printing as the recording grows, until interrupted.")
@click.option(
    "--filter",
    "expression",
    metavar="EXPR",
    help="Only matching requests, such as 'method:post status:4xx'; --filter help lists the terms.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["simple", "long", "full", "curl"]),
    help="Print in this format, even on a terminal.",
)
@click.option("--export", type=click.Choice(["har", "jsonl", "curl"]), help="Export in this format instead.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the export to this new file.")
@click.option(
    "--profile",
    metavar="NAME",
    shell_complete=profiles,
    help="Profile used to resend requests and to copy curl commands.",
)
@environment_option
@click.pass_obj
def log(
    profile_dir: Path | None,
    file: str | None,
    follow: bool,
    expression: str | None,
    form: str | None,
    export: str | None,
    out: Path | None,
    profile: str | None,
    environment: str,
) -> None:
    """Open a recording, a HAR file, or the history of a profile.

    `run --record` makes a recording. On a terminal, show the requests on screen; otherwise print them.

    Secrets are masked, also in files of other tools.
    """
    wanted = _filter(expression)
    if file is None:
        raise click.MissingParameter(param_hint="'FILE|PROFILE'", param_type="argument")
    machine = machine_of(profile_dir)
    path = Path(file)
    history = path.suffix == ".toml" or not path.exists()
    if history:
        path = find(file, machine)
        profile = profile or path.stem
        environment = "" if environment == "default" else environment
    _check_options(follow=follow, history=history, export=export, out=out)

    from ..log.files import read, read_history
    from ..log.filter_corrections import corrected
    from ..log.searched_fields import names_in

    printing = _Printing(wanted, form or "simple", profile)
    if form is None and export is None and sys.stdin.isatty() and sys.stdout.isatty():
        _show(machine, path, expression, profile, environment, follow=follow, history=history)
    elif follow:
        run(_follow(_reader(path), printing, machine))
    else:
        found = read_history(machine.directories.state, path, environment) if history else read(path)
        if export:
            _export(printing.chosen(found), export, out, profile)
        else:
            printing.all(found)
        if not printing.has_matches and (meant := corrected(expression or "", fields=names_in(printing.uris))):
            click.echo(f"No request matches --filter; did you mean {meant.meant}?", err=True)
    if printing.noticed:
        sys.exit(Exit.FAILED)


def _check_options(*, follow: bool, history: bool, export: str | None, out: Path | None) -> None:
    if out is not None and export is None:
        raise CommandFailed("--out requires --export.", Exit.SETUP)
    if follow and (export or history):
        raise CommandFailed("--follow works with a recording only, not with a history or --export.", Exit.SETUP)


def _show(
    machine: Machine,
    path: Path,
    expression: str | None,
    profile: str | None,
    environment: str,
    *,
    follow: bool,
    history: bool,
) -> None:
    from ..log.files import read
    from ..tui.log.screens import Recorded, earlier_sessions
    from .screen import requests

    if history:
        requests(machine, replace(earlier_sessions(machine, path, environment), filter=expression or ""))
        return
    found: Callable[[], Iterator[Exchange | Notice]] = _reader(path).read if follow else partial(read, path)
    used = find(profile, machine) if profile else None
    requests(machine, Recorded(str(path), found, follow, used, expression or "", environment))


class _Printing:
    """Prints exchanges as they are read, and notices of the reader on standard error."""

    def __init__(self, wanted: Filter, form: str, profile: str | None) -> None:
        self._wanted, self._form, self._profile = wanted, form, profile
        self.noticed = False
        self.has_matches = False
        self.uris: list[str] = []
        """The addresses of the first requests that do not match: what is meant by a filter that none matches."""

    def all(self, found: Iterable[Exchange | Notice | SessionStart]) -> None:
        from ..client.printer import text

        for exchange in self.chosen(found):
            printed = text(exchange, self._form, profile=self._profile)
            click.echo(printed if self._form == "simple" else printed + "\n")

    def chosen(self, found: Iterable[Exchange | Notice | SessionStart]) -> Iterator[Exchange]:
        from ..log.files import SessionStart
        from ..log.recording import Notice

        for each in found:
            if isinstance(each, Notice):
                self.noticed = True
                click.echo(shown_line(each.text), err=True)
            elif isinstance(each, SessionStart):
                continue
            elif self._wanted.matches(each):
                self.has_matches = True
                yield each
            elif not self.has_matches and len(self.uris) < _MAX_URIS:
                self.uris.append(each.uri)


def _reader(path: Path) -> Reader:
    from ..log.compressed import is_compressed
    from ..log.files import is_har
    from ..log.recording import Reader

    if is_compressed(path):
        raise CommandFailed(
            f"{path} is compressed, so it cannot grow. Open it without --follow.",
            Exit.SETUP,
        )
    if is_har(path):
        raise CommandFailed(
            f"{path} is a HAR file, which is written once and does not grow. "
            "Open it without --follow, or follow a recording (run --record FILE).",
            Exit.SETUP,
        )
    return Reader(path)


async def _follow(reader: Reader, printing: _Printing, machine: Machine) -> None:
    while True:
        printing.all(reader.read())
        await machine.sleep(_POLL_INTERVAL)


def _export(chosen: Iterable[Exchange], export: str, out: Path | None, profile: str | None) -> None:
    from ..client.curl import curl
    from ..log.export import Export

    exported = Export(chosen)
    with _written(out) as file:
        if export == "curl":
            file.writelines(shown(curl(each, profile)).encode() + b"\n\n" for each in chosen)
        else:
            file.writelines(exported.pieces(as_har=export == "har"))
    if exported.note:
        click.echo(f"Note: {exported.note}", err=True)


@contextmanager
def _written(out: Path | None) -> Iterator[BinaryIO]:
    if out is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return

    from ..files import new_private, reason, remedy

    started = False
    try:
        with new_private(out) as file:
            started = True
            yield file
    except OSError as error:
        if started:
            raise CommandFailed(f"--out: {reason(error)}: {out}. It was not written. {remedy(error)}") from error
        raise CommandFailed(f"--out: {reason(error)}: {out}. Choose another name.", Exit.SETUP) from error


def _filter(expression: str | None) -> Filter:
    from ..log.filter import BadFilter, help_rows, parse

    if expression == "help":
        for example, description in help_rows():
            click.echo(f"{example:<36} {description}")
        sys.exit(Exit.DONE)
    try:
        return parse(expression or "")
    except BadFilter as error:
        start = max(0, error.column - 60)
        line = shown_line((expression or "")[start : error.column + 20])
        caret = len(shown_line((expression or "")[start : error.column - 1]))
        raise CommandFailed(f"--filter: {error.message}\n{line}\n{' ' * caret}^", Exit.SETUP) from error
