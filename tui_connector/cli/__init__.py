"""The command line. The module of a command is imported when the command is called."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NoReturn

import click

from .. import __version__
from ..errors import UserError
from .completion import INSTALLING, VARIABLE
from .errors import Exit, exit_code, paragraph
from .streams import DEBUG_VARIABLE, best_effort, discard, make_usable

_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "screen",
        "setup": "screen",
        "edit": "screen",
        "check": "check",
        "run": "run",
        "runs": "runs",
        "schedule": "schedule",
        "plan": "slices",
        "commit": "slices",
        "tasks": "tasks",
        "tap": "tap",
        "request": "request",
        "header": "request",
        "log": "log",
        "profiles": "profiles",
        "schema": "profiles",
        "kinds": "kinds",
        "trust": "trust",
        "secrets": "secrets",
        "sandbox": "sandbox",
        "serve": "serve",
        "completion": "completion",
    }
)
"""Each command and the module that has it."""


_SHORTEST_TOKEN = 20
"""Characters; shorter arguments are not checked, which saves an import."""


@contextmanager
def _exit_on_broken_pipe() -> Iterator[None]:
    """Ends with the exit code for a stopped command if nobody reads the output; click would exit with 1."""
    try:
        yield
    except BrokenPipeError as error:
        discard(sys.stdout)
        discard(sys.stderr)
        raise click.exceptions.Exit(Exit.STOPPED) from error


class _Commands(click.Group):
    """Loads a command's module only when it is asked for."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _exit_on_broken_pipe():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> object:
        with _exit_on_broken_pipe():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _command(cmd_name) if cmd_name in _COMMANDS else None


def _command(name: str) -> click.Command:
    module = import_module(f".{_COMMANDS[name]}", __name__)
    command = getattr(module, f"{name}_command" if name == "run" else name)
    assert isinstance(command, click.Command)
    return command


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=INSTALLING,
)
@click.version_option(__version__, package_name="tui-connector", message="%(prog)s %(version)s")
@click.option(
    "--profile-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="TUI_CONNECTOR_PROFILE_DIR",
    help="Directory of the profiles, instead of the one in the settings directory.",
)
@click.option(
    "--debug",
    is_flag=True,
    envvar=DEBUG_VARIABLE,
    help="Print the program's own log to standard error, in more detail; with a screen, after it ends.",
)
@click.pass_context
def commands(context: click.Context, profile_dir: Path | None, debug: bool) -> None:
    """Connect to a Magento 2 store: a keyboard-driven guide, a live request log and TOML profiles.

    Without a command, open the home screen.
    """
    context.obj = profile_dir
    context.meta[DEBUG_VARIABLE] = debug
    if context.invoked_subcommand is None:
        from .screen import home

        home(profile_dir)


def main() -> None:
    """Runs the command line."""
    _main(commands, "tui-connector")


def main_tap() -> None:
    """Runs the command `tap` as a program of its own."""
    _main(_command("tap"), "tap-tui-connector")


def _main(command: click.Command, name: str) -> None:
    """Errors are one paragraph on standard error, never a traceback for what a user did."""
    make_usable()
    misplaced = _mask_of_misplaced_secrets(sys.argv[1:])
    try:
        _run(command, name)
    finally:
        if debug := _debug():
            debug.end_log()
        del misplaced


def _mask_of_misplaced_secrets(arguments: Sequence[str]) -> object:
    """Masks tokens given as arguments by mistake, as in `secrets set acme TOKEN`.

    Messages repeat arguments, and logs keep messages. The mask applies as long as it is referenced.
    """
    words = [word for each in arguments for word in (each, each.partition("=")[2]) if len(word) >= _SHORTEST_TOKEN]
    if not words:
        return None
    from ..secrets.mask import Mask
    from ..secrets.token_shape import looks_like_token

    mask = Mask()
    for word in filter(looks_like_token, words):
        mask.learn(word, "a command's argument")
    return mask


def _debug() -> ModuleType | None:
    """The module `cli.debug`; None if no command has started the program's log."""
    return sys.modules.get(f"{__name__}.debug")


def _run(command: click.Command, name: str) -> NoReturn:
    if os.environ.get(VARIABLE, "").endswith("_complete"):
        discard(sys.stderr)  # a shell would print it into the line that is being typed
    try:
        sys.exit(command(prog_name=name, standalone_mode=False))
    except (click.Abort, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends the process without a traceback
        _end("Stopped.", Exit.STOPPED)
    except click.ClickException as error:
        text = StringIO()
        error.show(text)
        with best_effort():
            click.echo(paragraph(text.getvalue()), err=True)
        sys.exit(Exit.SETUP)
    except UserError as error:
        _end(str(error), exit_code(error))
    except OSError as error:
        discard(sys.stdout)
        _end(_unwritten(error), Exit.FAILED)
    except Exception as error:  # noqa: BLE001 - a bug: the traceback goes to the program's log
        from ..program_log import report

        _end(report(error), Exit.FAILED)


def _end(message: str, code: Exit) -> NoReturn:
    with best_effort():
        click.echo(paragraph(message), err=True)
    if debug := _debug():
        debug.log.warning("%s", message)
    sys.exit(code)


def _unwritten(error: OSError) -> str:
    why = error.strerror or str(error)
    if error.filename is not None:
        return f"{why}: {error.filename}"
    return f"Not everything could be written: {why}. Redirect the output elsewhere, or free some disk space."
