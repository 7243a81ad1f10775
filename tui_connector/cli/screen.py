"""The program on the screen: home, the guide, and the guide on the sandbox."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .completion import profiles
from .failure import CommandFailed, Exit
from .profile_opening import find, machine_of, trust_option

if TYPE_CHECKING:
    from ..machine import Machine
    from ..tui.log.recorded_screen import Recorded
    from ..tui.setup.demo import Demo


def home(profile_dir: Path | None) -> None:
    """The program, at home."""
    _need_terminal()
    from ..tui.app import ConnectorApp

    machine = machine_of(profile_dir)
    ConnectorApp(machine, _start_demo(machine), of_demo=_of_demo).run_and_report()


def demo_screen(profile_dir: Path | None) -> None:
    """The guide's first step, with the sandbox store's address filled in."""
    from ..tui.app import ConnectorApp

    machine = machine_of(profile_dir)
    ConnectorApp(machine, _start_demo(machine), begin="demo", of_demo=_of_demo).run_and_report()


@click.command()
@click.argument("profile", required=False, shell_complete=profiles)
@trust_option
@click.pass_obj
def setup(profile_dir: Path | None, profile: str | None, trust_once: bool) -> None:
    """Walk through the guide: a new profile, or a saved one once more."""
    _need_terminal()
    machine = machine_of(profile_dir)
    path = find(profile, machine) if profile else None
    from ..tui.app import ConnectorApp

    app = ConnectorApp(
        machine, _start_demo(machine), begin="setup", profile=path, of_demo=_of_demo, trust_once=trust_once
    )
    app.run_and_report()


def requests(machine: Machine, recorded: Recorded) -> None:
    """The screen of requests over a recorded log."""
    from ..tui.app import ConnectorApp

    ConnectorApp(machine, _start_demo(machine), recorded=recorded).run_and_report()


def _start_demo(machine: Machine) -> Callable[[], Awaitable[Demo]]:
    """Starts the sandbox store when the demo asks for it; it ends with the program."""

    async def start() -> Demo:
        from ..tui.setup.demo import Demo
        from .demo import DESCRIPTION, TITLE, free_name, full_integration, start_sandbox

        store = await start_sandbox(machine)
        admin = store.description()["admin"]
        assert isinstance(admin, dict)
        values = full_integration(store)
        values |= {"token": values["access-token"], "username": str(admin["username"])}
        values["password"] = str(admin["password"])
        return Demo(store.url, await free_name(machine), TITLE, DESCRIPTION, values)

    return start


def _of_demo(path: Path) -> bool:
    """Whether the demo has saved this profile. It blocks."""
    from .demo import is_own

    return is_own(path)


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandFailed("This needs a terminal. Without one, use: request, check, profiles, demo.", Exit.SETUP)
