"""Starts the program's own log for a command; with `--debug` it is printed on standard error, too."""

from __future__ import annotations

import logging
import os
import sys
from collections import deque

import click

from .. import __version__, program_log
from ..machine import Machine
from .streams import DEBUG_VARIABLE, best_effort

log = logging.getLogger("tui_connector.cli")


class DebugOutput:
    """Prints log lines at once, or after the screen has ended if there is one."""

    def __init__(self) -> None:
        self.on_screen = False
        self._held: deque[str] = deque(maxlen=1_000)

    def __call__(self, text: str) -> None:
        if self.on_screen:
            self._held.append(text)
        else:
            sys.stderr.write(text)
            sys.stderr.flush()

    def end(self) -> None:
        """Prints the lines held back."""
        self.on_screen = False
        held, self._held = "".join(self._held), deque()
        if held:
            self(held)


output = DebugOutput()


def begin_log(machine: Machine, *, on_screen: bool = False) -> None:
    """Starts the log of this process, unless it has started, and logs the command."""
    output.on_screen = on_screen
    context = click.get_current_context(silent=True)
    debug = bool(machine.environ.get(DEBUG_VARIABLE)) or bool(context and context.meta.get(DEBUG_VARIABLE))
    if program_log.start(machine.directories.state, debug=debug, echo=output if debug else None):
        versions = f"tui-connector {__version__}, Python {sys.version.split()[0]}, {_system()}"
        log.info("%s: %s", versions, context.command_path if context else "the program on the screen")


def end_log() -> None:
    """Ends the log of this process, with its exit code."""
    end = sys.exc_info()[1]
    log.info("exit code %s", (end.code or 0) if isinstance(end, SystemExit) else type(end).__name__)
    program_log.end()
    with best_effort():
        output.end()


def _system() -> str:
    """Name and release of the system; `platform.platform()` would start a process."""
    found = os.uname()
    return f"{found.sysname} {found.release} {found.machine}"
