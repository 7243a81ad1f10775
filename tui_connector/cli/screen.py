"""The program on the screen: home, the guide, and the guide on the sandbox."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .failure import CommandFailed, Exit
from .opened import find, machine_of


def home(profile_dir: Path | None) -> None:
    """The program, at home."""
    _need_terminal()
    from ..tui.app import ConnectorApp

    ConnectorApp(machine_of(profile_dir), _sandbox(profile_dir)).run_and_report()


def demo_screen(profile_dir: Path | None) -> None:
    """The guide's first step, with the sandbox store's address filled in."""
    from ..tui.app import ConnectorApp

    ConnectorApp(machine_of(profile_dir), _sandbox(profile_dir), begin="demo").run_and_report()


@click.command()
@click.argument("profile", required=False)
@click.pass_obj
def setup(profile_dir: Path | None, profile: str | None) -> None:
    """Walk through the guide: a new profile, or a saved one once more."""
    _need_terminal()
    machine = machine_of(profile_dir)
    path = find(profile, machine) if profile else None
    from ..tui.app import ConnectorApp

    ConnectorApp(machine, _sandbox(profile_dir), begin="setup", profile=path).run_and_report()


def _sandbox(profile_dir: Path | None):  # type: ignore[no-untyped-def]
    ...


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandFailed("This needs a terminal. Without one, use: request, check, profiles, demo.", Exit.SETUP)
