"""Exit codes and error messages of commands."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from ..errors import UserError
from ..text import shown


class Exit(IntEnum):
    """Exit codes of all commands."""

    DONE = 0
    FAILED = 1
    SETUP = 2
    REFUSED = 3
    STOPPED = 4


_MEANINGS: Mapping[Exit, str] = MappingProxyType(
    {
        Exit.DONE: "all done",
        Exit.FAILED: "some items failed, or the list is incomplete",
        Exit.SETUP: "the setup is wrong",
        Exit.REFUSED: "the store refused",
        Exit.STOPPED: "stopped: interrupted, store unreachable, already running, output changed",
    }
)


def exit_codes(*codes: Exit, own: Mapping[Exit, str] = MappingProxyType({})) -> str:
    """The last lines of a command's help: what its exit codes mean. Without `codes`, all of them.

    `own`: what some of them mean for this command in particular.
    """
    lines = (f"  {int(code)}  {own.get(code, _MEANINGS[code])}" for code in codes or Exit)
    return "\n".join(["\b", "Exit codes:", *lines])


class CommandFailed(UserError):
    """A command failed; `exit` is its exit code."""

    def __init__(self, message: str, exit_code: Exit = Exit.FAILED) -> None:
        super().__init__("command-failed", message)
        self.exit = exit_code


_EXITS: Mapping[str, Exit] = MappingProxyType(
    {
        "already-running": Exit.STOPPED,
        "slices-missing": Exit.STOPPED,
        "login-refused": Exit.REFUSED,
        "request-failed": Exit.FAILED,
        "no-response": Exit.STOPPED,
    }
)
"""Exit codes of errors by their code; all others mean that something in the setup is wrong."""


def exit_code(error: UserError) -> Exit:
    """The exit code of a command that ended with this error."""
    return error.exit if isinstance(error, CommandFailed) else _EXITS.get(error.code, Exit.SETUP)


def paragraph(message: str) -> str:
    """The message, safe to print."""
    return shown(message.strip())
