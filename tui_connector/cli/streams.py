"""The standard streams, each of which may be closed, full, read by nobody any more, or of another encoding."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

DEBUG_VARIABLE = "TUI_CONNECTOR_DEBUG"
"""Stands for the option `--debug`; it is also the name under which commands find that option."""


def make_usable() -> None:
    """Afterwards there are all three, and none refuses a character."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # a closed one, whose number would go to the next file that is opened, and with it what is printed
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # for as long as we run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard(stream: TextIO) -> None:
    """From now on, and with what it still holds, it goes nowhere: Python would try once more at its end, and fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def best_effort() -> Iterator[None]:
    """For what is said on standard error: where it takes nothing, the work continues, and the exit code must do."""
    try:
        yield
    except OSError:
        discard(sys.stderr)
