"""`demo`: the program on the sandbox store, on the screen or, without a terminal, step by step in print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..machine import Machine
from ..text import shown
from .failure import CommandFailed
from .profile_opening import machine_of, run
from .sandbox import PORT

if TYPE_CHECKING:
    from ..sandbox.server import Sandbox

NAME = "sandbox"
TITLE = "Sandbox store"
DESCRIPTION = "The stand-in store that comes with tui-connector; the demo starts it."


@click.command()
@click.pass_obj
def demo(profile_dir: Path | None) -> None:
    """Try the program on a stand-in store. Without a terminal, the same steps are walked and printed."""
    if sys.stdout.isatty() and sys.stdin.isatty():
        from .screen import demo_screen

        demo_screen(profile_dir)
        return
    run(_walk(machine_of(profile_dir), profile_dir))


async def start_sandbox(machine: Machine) -> Sandbox:
    """The sandbox store on its preferred port, or on any free one."""
    from ..sandbox.server import Sandbox, SandboxOptions, SandboxPortTaken

    try:
        store = Sandbox(SandboxOptions(port=PORT), machine.now)
        await store.start()
    except SandboxPortTaken:
        store = Sandbox(SandboxOptions(port=0), machine.now)
        await store.start()
    return store


def full_integration(store: Sandbox) -> dict[str, str]:
    """The four values of the integration that may do everything, as the guide's fields are called."""
    integrations = store.description()["integrations"]
    assert isinstance(integrations, dict)
    full = integrations["full"]
    assert isinstance(full, dict)
    return {name.replace("_", "-"): str(value) for name, value in full.items()}


async def _walk(machine: Machine, profile_dir: Path | None) -> None:
    from ..guide.new_profile import new_document
    from ..guide.setup import Setup
    from ..guide.walk import Answers, StepFailed, walk
    from ..guide.workbench import Workbench
    from .request import printer

    store = await start_sandbox(machine)
    workbench = Workbench(machine)
    workbench.exchanges.on_recorded.append(printer("long", NAME, None, err=False))
    say(f"This is a stand-in for a Magento store, on this computer: {store.url}")
    setup = Setup(NAME, new_document(TITLE, DESCRIPTION))
    path = machine.directories.profiles / f"{NAME}.toml"
    try:
        saved = await walk(setup, Answers(store.url, full_integration(store)), path, workbench, say, profile_dir)
    except StepFailed as error:
        raise CommandFailed(str(error)) from error
    finally:
        workbench.close()
        await store.close()
    say("\nWritten")
    say(f"  {saved.profile}\n  {saved.schema}")
    for name in saved.keyring:
        say(f"  keyring: {name}")
    for name in saved.environment:
        say(f"  to be set in the environment: {name}")
    say("\n" + saved.profile.read_text())
    say(f"{len(workbench.exchanges)} requests, {len(workbench.exchanges.failures)} of them refused. All steps worked.")


def say(line: str) -> None:
    click.echo(shown(line))
    sys.stdout.flush()
