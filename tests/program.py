"""The program in a new process, as tests call it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

Ended = subprocess.CompletedProcess[str]
_TAKE_TRUST = {"run", "check", "request", "header", "setup"}


def trusting(arguments: Sequence[str]) -> list[str]:
    """The arguments, with the profile trusted for this run: most tests are about something else."""
    found = list(arguments)
    command = next((index for index, each in enumerate(found) if each in _TAKE_TRUST), None)
    if command is not None and not (found[command] == "check" and len(found) == command + 1):
        found.insert(command + 1, "--trust")
    return found


Program = Callable[..., Ended]
"""Its arguments; `stdin` and `environ` by name. `trusted=False` leaves it to the profile's record."""
