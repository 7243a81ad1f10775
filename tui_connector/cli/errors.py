"""How a command ends when it does not work: an exit code, and one paragraph that says what, where and what to do."""

from __future__ import annotations

from enum import IntEnum

from ..text import shown


class Exit(IntEnum):
    """What the exit code says."""

    DONE = 0
    FAILED = 1
    SETUP = 2
    REFUSED = 3
    STOPPED = 4


class CommandFailed(Exception):
    """A command that ends with a message for its user."""

    def __init__(self, message: str, exit_code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.exit = exit_code


def paragraph(message: str) -> str:
    """The message, safe to print."""
    return shown(message.strip())
