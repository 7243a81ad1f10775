"""The program on the screen: home, the guide, and the guide on the sandbox."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ..errors import UserError
from ..machine import Machine
from ..profile import toml
from ..text import shown
from .completion import profiles
from .errors import CommandFailed, Exit
from .opening import find, machine_of, run, trust_option
from .sandbox import PORT
from .streams import BROWSER_DRIVER

if TYPE_CHECKING:
    from ..machine import Machine
    from ..sandbox.server import Sandbox
    from ..tui.log.screens import Recorded
    from ..tui.setup.context import DemoStore


def home(profile_dir: Path | None) -> None:
    """The program, at home."""
    _need_terminal()
    from ..tui.app import ConnectorApp

    machine = machine_of(profile_dir, logs=False)
    ConnectorApp(
        machine,
        _start_demo(machine),
        is_demo_profile=is_demo_profile,
        is_demo_data=is_demo_data,
        start_log=_start_log(machine),
    ).run_and_report()


def demo_screen(profile_dir: Path | None) -> None:
    """The guide's first step, with the sandbox store's address filled in."""
    from ..tui.app import ConnectorApp

    machine = machine_of(profile_dir, logs=False)
    app = ConnectorApp(
        machine,
        _start_demo(machine),
        start_at="demo",
        is_demo_profile=is_demo_profile,
        is_demo_data=is_demo_data,
        start_log=_start_log(machine),
    )
    app.run_and_report()


@click.command()
@click.argument("profile", required=False, shell_complete=profiles)
@trust_option
@click.pass_obj
def setup(profile_dir: Path | None, profile: str | None, trust_once: bool) -> None:
    """Open the guide for a new profile or a saved one."""
    _need_terminal()
    machine = machine_of(profile_dir, logs=False)
    path = find(profile, machine) if profile else None
    from ..tui.app import ConnectorApp

    app = ConnectorApp(
        machine,
        _start_demo(machine),
        start_at="setup",
        profile=path,
        is_demo_profile=is_demo_profile,
        is_demo_data=is_demo_data,
        trust_once=trust_once,
        start_log=_start_log(machine, path),
    )
    app.run_and_report()


@click.command()
@click.argument("profile", shell_complete=profiles)
@click.pass_obj
def edit(profile_dir: Path | None, profile: str) -> None:
    """Edit a profile as text, with its problems, completions and help; a file with errors, too."""
    _need_terminal()
    machine = machine_of(profile_dir, logs=False)
    path = find(profile, machine)
    from ..tui.app import ConnectorApp

    app = ConnectorApp(
        machine,
        _start_demo(machine),
        start_at="editor",
        profile=path,
        is_demo_profile=is_demo_profile,
        is_demo_data=is_demo_data,
        start_log=_start_log(machine, path),
    )
    app.run_and_report()


def requests(machine: Machine, recorded: Recorded) -> None:
    """The screen of requests over a recorded log."""
    from ..tui.app import ConnectorApp

    ConnectorApp(machine, _start_demo(machine), recorded=recorded, start_log=_start_log(machine)).run_and_report()


def _start_log(machine: Machine, profile: Path | None = None) -> Callable[[], None]:
    """Starts the log of this process; called once the first screen is painted, which must not wait for it."""

    def start() -> None:
        from .debug import begin_log, log

        begin_log(machine, on_screen=True)
        if profile is not None:
            log.info("profile %s", profile)

    return start


def _start_demo(machine: Machine) -> Callable[[], Awaitable[DemoStore]]:
    """Starts the sandbox store when the demo asks for it; it ends with the program."""

    async def start() -> DemoStore:
        from ..tui.setup.context import DemoStore

        store = await start_sandbox(machine)
        admin = store.description()["admin"]
        assert isinstance(admin, dict)
        values = full_integration(store)
        values |= {"token": values["access-token"], "username": str(admin["username"])}
        values["password"] = str(admin["password"])
        return DemoStore(store.url, await free_name(machine), TITLE, DESCRIPTION, values)

    return start


def _need_terminal() -> None:
    if os.environ.get("TEXTUAL_DRIVER") == BROWSER_DRIVER:  # its terminal is a tab of a browser
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandFailed("This needs a terminal. Without one, use: request, check, profiles, demo.", Exit.SETUP)


# `demo`: the program on the sandbox store, on the screen or, without a terminal, step by step in print.


NAME = "sandbox"
TITLE = "Sandbox store"
DESCRIPTION = "The sandbox store of tui-connector; started by the demo."

_ENTRIES = (
    *(f"integration/{field}" for field in ("consumer-key", "consumer-secret", "access-token", "access-token-secret")),
    "admin/password",
)
"""What the demo puts into the keyring, below the name of its profile."""


@click.command()
@click.pass_obj
def demo(profile_dir: Path | None) -> None:
    """Try the program with a sandbox store. Without a terminal, run the same steps and print them."""
    if sys.stdout.isatty() and sys.stdin.isatty():
        demo_screen(profile_dir)
        return
    run(_walk(machine_of(profile_dir), profile_dir))


async def start_sandbox(machine: Machine) -> Sandbox:
    """The sandbox store: on the port that the demo's profile names, on its preferred port, or on any free one."""
    await asyncio.to_thread(import_module, "tui_connector.sandbox.server")  # which takes a while
    from ..sandbox.server import Sandbox, SandboxOptions

    saved = await asyncio.to_thread(_saved_port, machine.directories.profiles)
    for port in dict.fromkeys((saved or PORT, PORT)):
        store = Sandbox(SandboxOptions(port=port), machine.now)
        try:
            await store.start()
        except UserError as error:
            if error.code != "port-taken":
                raise
        else:
            return store
    store = Sandbox(SandboxOptions(port=0), machine.now)
    await store.start()
    return store


def _saved_port(profiles: Path) -> int | None:
    """The port of the store that the demo has saved a profile for, so that the profile works again. It blocks."""
    from ..profile.library import base_uris, read_with_data

    for path in sorted(profiles.glob(f"{NAME}*.toml"), key=lambda each: (len(each.name), each.name)):
        if is_demo_profile(path):
            with suppress(ValueError):
                return next((urlsplit(uri).port for uri in base_uris(read_with_data(path)[1])), None)
    return None


def full_integration(store: Sandbox) -> dict[str, str]:
    """The four values of the integration that may do everything, as the guide's fields are called."""
    integrations = store.description()["integrations"]
    assert isinstance(integrations, dict)
    full = integrations["full"]
    assert isinstance(full, dict)
    return {name.replace("_", "-"): str(value) for name, value in full.items()}


def is_demo_profile(path: Path) -> bool:
    """Whether the demo has saved this profile: its description, and a store on this computer. It blocks."""
    from ..profile.library import ProfileError, as_text, read_bytes

    try:
        data = toml.loads(as_text(path, read_bytes(path)))
    except (ProfileError, ValueError, RecursionError):
        return False
    return is_demo_data(data)


def is_demo_data(data: Mapping[str, object]) -> bool:
    """Whether this is the data of a profile that the demo has begun."""
    from ..profile.library import base_uris

    return data.get("description") == DESCRIPTION and all(map(_is_here, base_uris(data)))


def _is_here(uri: str) -> bool:
    """Whether an address is one of this computer's own, where the sandbox listens."""
    try:
        return urlsplit(uri).hostname in ("127.0.0.1", "localhost", "::1")
    except ValueError:
        return False


async def free_name(machine: Machine) -> str:
    """The name for the demo's profile: neither a profile of the user's nor an entry of the keyring is in its way."""
    from ..secrets.errors import SecretError
    from ..secrets.mask import Mask
    from ..secrets.vault import Vault

    async def is_taken(name: str) -> bool:
        path = machine.directories.profiles / f"{name}.toml"
        if await asyncio.to_thread(os.path.lexists, path) and not await asyncio.to_thread(is_demo_profile, path):
            return True
        with suppress(SecretError):  # a keyring that cannot be read is not written either
            for entry in _ENTRIES:
                if not all(map(_is_here, await vault.origins_of(f"{name}/{entry}") or ())):
                    return True
        return False

    vault = Vault(machine, Mask())
    try:
        names = (NAME if number == 1 else f"{NAME}-{number}" for number in count(1))
        for name in names:
            if not await is_taken(name):
                return name
        raise AssertionError("there is always another number")
    finally:
        vault.close()


async def _walk(machine: Machine, profile_dir: Path | None) -> None:
    from ..guide.steps.profile_draft import new_document
    from ..guide.steps.setup import Setup
    from ..guide.unattended_setup import SetupInput, set_up
    from ..guide.workbench import Workbench
    from .request import printer

    store = await start_sandbox(machine)
    name = await free_name(machine)
    workbench = Workbench(machine)
    workbench.exchanges.on_recorded.append(printer("long", name, None, err=False))
    say(f"This is a sandbox that imitates a Magento store, on this computer: {store.url}")
    if name != NAME:
        say(f"A profile or keyring entry {NAME} exists that is not the demo's; the demo uses {name}.")
    setup = Setup(name, new_document(TITLE, DESCRIPTION))
    setup.data = machine.directories.data_for(machine.directories.profiles)
    path = machine.directories.profiles / f"{name}.toml"
    given = SetupInput(store.url, full_integration(store))
    try:
        # what it replaces is its own, of a sandbox on another port
        saved = await set_up(setup, given, path, workbench, say, profile_dir, replace=True)
    except UserError as error:
        raise CommandFailed(str(error)) from error
    finally:
        workbench.close()
        await store.close()
    say("\nWritten")
    say(f"  {saved.profile}\n  {saved.schema}")
    for entry in saved.keyring:
        say(f"  keyring: {entry}")
    for variable in saved.environment:
        say(f"  set in the environment: {variable}")
    say("\n" + saved.profile.read_text())
    say(
        f"{len(workbench.exchanges)} requests, {workbench.exchanges.attempts.failed} of them refused. "
        "All steps succeeded."
    )


def say(line: str) -> None:
    click.echo(shown(line))
    sys.stdout.flush()
