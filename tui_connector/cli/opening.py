"""Opens a profile for a command, with the machine it runs on."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

import click

from ..files import tighten
from ..machine import Machine, NoPrompt, Prompt, this_machine
from ..text import count, shown_line
from .completion import environments
from .errors import CommandFailed, Exit
from .prompt import TerminalPrompt, restore_terminal

if TYPE_CHECKING:
    from ..guide.trust import ProfileTrust
    from ..guide.workbench import Workbench
    from ..profile.model import Profile
    from ..profile.used_parts import Part

T = TypeVar("T")
_EXCHANGES_IN_MEMORY = 200
log = logging.getLogger(__name__)


def machine_of(profile_dir: Path | None, *, logs: bool = True) -> Machine:
    """This machine, with prompts on the terminal if there is one. Starts the program's log if `logs` is set."""
    ask: Prompt = TerminalPrompt() if sys.stdin is not None and sys.stdin.isatty() else NoPrompt()
    machine = this_machine(ask, profile_dir)
    for directory in (machine.directories.state, machine.directories.cache):
        if warning := tighten(directory):
            click.echo(shown_line(warning), err=True)
    if logs:
        from .debug import begin_log

        begin_log(machine)
    return machine


def find(name: str, machine: Machine) -> Path:
    """The file of a profile given by name or path."""
    from ..profile.library import Library

    path = Library(machine.directories.profiles).find(name)
    log.info("profile %s", path)
    return path


def read(path: Path, environment: str = "") -> Profile:
    """The profile in a file, with the values of an environment. Raises `UserError` with one line for each problem."""
    from ..profile.problems import InvalidProfile, read_profile

    try:
        _, profile = read_profile(path, environment)
    except InvalidProfile as error:
        error.message += f"\nThe profile has {count(len(error.lines), 'problem')}; nothing was sent."
        raise
    return profile


def direction_option(command: Callable[..., object]) -> Callable[..., object]:
    """The option `--direction` of a command that runs configurations."""
    return _direction_option("Which one to run of an incoming and an outgoing with the same NAME (default: both).")(
        command
    )


def one_direction_option(command: Callable[..., object]) -> Callable[..., object]:
    """The same of a command that runs one configuration."""
    return _direction_option("Which one is meant of an incoming and an outgoing with the same NAME.")(command)


def _direction_option(text: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    return click.option("--direction", type=click.Choice(["incoming", "outgoing"]), help=text)


def environment_option(command: Callable[..., object]) -> Callable[..., object]:
    """The option `--env` of a command that uses a profile."""
    return click.option(
        "--env",
        "environment",
        metavar="NAME",
        default="",
        shell_complete=environments,
        help="Use the values of this environment of the profile (default: its base values).",
    )(command)


def trust_option(command: Callable[..., object]) -> Callable[..., object]:
    """The option `--trust` of a command that uses a profile."""
    text = "Trust the profile with everything it can do, for this command only; see `trust`."
    return click.option("--trust", "trust_once", is_flag=True, help=text)(command)


def allowed(
    path: Path,
    profile: Profile,
    machine: Machine,
    *,
    once: bool,
    as_json: bool = False,
    parts: Sequence[Part] | None = None,
    needs_secrets: bool = False,
) -> ProfileTrust:
    """The trust in the profile, after asking its user if needed. Raises `CommandFailed` if it is refused.

    It is asked for these parts; None: for all of the profile. With `needs_secrets`, if one of their secrets has no
    value, that is the error, and nothing is asked.
    """
    from ..files import CannotSave
    from ..guide.trust import ProfileTrust, Untrusted

    trust = ProfileTrust(machine, path, once=once, environment=profile.environment)
    trust.parts = parts

    async def before_asking() -> None:
        if needs_secrets and not isinstance(machine.prompt, NoPrompt):
            await _require_secrets(profile, machine, trust)

    try:
        run(trust.require(profile, before_asking=before_asking))
    except Untrusted as refused:
        if as_json:
            found = [each.as_json() for each in refused.capabilities]
            click.echo(
                json.dumps(
                    {"event": "untrusted", "code": refused.code, "reason": refused.reason, "capabilities": found}
                )
            )
        raise CommandFailed(str(refused), Exit.SETUP) from refused
    except CannotSave as error:
        raise CommandFailed(f"The trust in this profile cannot be saved: {error}", Exit.SETUP) from error
    return trust


async def _require_secrets(profile: Profile, machine: Machine, trust: ProfileTrust) -> None:
    from ..guide.secret_states import missing_secrets
    from ..profile.used_parts import used_of
    from ..secrets.mask import Mask
    from ..secrets.vault import Vault

    vault = Vault(machine, Mask())
    try:
        used = profile if trust.parts is None else used_of(profile, trust.parts)
        missing = await missing_secrets(used.secrets(), vault, machine.environ)
    finally:
        vault.close()
    if missing:
        lines = "".join(f"\n  - {shown_line(each.name)}: {shown_line(each.source.label)}" for each in missing)
        stored = any(each.source.keyring is not None for each in missing)
        how = f"Store them: tui-connector secrets set {trust.arguments}" if stored else "Set these variables."
        raise CommandFailed(f"Nothing was sent, because these secrets have no value:{lines}\n{how}", Exit.SETUP)


def headless_workbench(machine: Machine, path: Path, trust: ProfileTrust) -> Workbench:
    """The workbench of a command that sends many requests: it keeps only the last of them in memory."""
    from ..client.exchange import Exchanges
    from ..guide.workbench import Workbench

    exchanges = Exchanges(_EXCHANGES_IN_MEMORY, 4_000_000, _EXCHANGES_IN_MEMORY)
    return Workbench(machine, exchanges, directory=path.parent, trust=trust)


def stop_on_signal(stop: Callable[[str], None]) -> None:
    """Calls `stop` with the reason at the first signal to end; a second one kills the process."""
    loop, stopped = asyncio.get_running_loop(), False

    def signalled(number: signal.Signals) -> None:
        nonlocal stopped
        restore_terminal()
        if stopped:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stopped = True
        stop(f"Stopped by {number.name}")

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(each, signalled, each)


def run(work: Coroutine[object, object, T]) -> T:
    """Runs a coroutine. Ctrl-C cancels it; a second one kills the process.

    Raises `KeyboardInterrupt` once it has ended, whatever it returned or raised.
    """
    stopped = False

    async def main() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop(number: int, _: FrameType | None) -> None:
            nonlocal stopped
            stopped = True
            signal.signal(number, signal.SIG_DFL)  # it must not be possible to get stuck, nor to see a traceback
            restore_terminal()
            task.cancel()
            loop.call_soon_threadsafe(lambda: None)  # wakes it up

        if listens:
            signal.signal(signal.SIGINT, stop)
        return await work

    before = signal.getsignal(signal.SIGINT)
    listens = before is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    gc.freeze()  # what has been imported stays until the end; looking through it took a fifth of a short run's time
    gc.set_threshold(10_000)
    try:
        return asyncio.run(main())
    finally:
        if stopped:
            raise KeyboardInterrupt
        if listens:
            signal.signal(signal.SIGINT, before)
