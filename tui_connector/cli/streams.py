"""Makes the standard streams safe to use: they may be closed, full, a broken pipe, or not UTF-8."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

BROWSER_DRIVER = "textual.drivers.web_driver:WebDriver"
"""The value of TEXTUAL_DRIVER with which the program draws in a browser, through the standard streams."""
DEBUG_VARIABLE = "TUI_CONNECTOR_DEBUG"
"""Environment variable for `--debug`; also the key of that option in click's context."""


def make_usable() -> None:
    """Opens closed streams on the null device, and escapes characters that an encoding lacks."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # a closed one, whose number would go to the next file that is opened, and with it what is printed
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # for as long as we run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard(stream: TextIO) -> None:
    """Redirects the stream and its buffer to the null device, or Python would fail to flush it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def best_effort() -> Iterator[None]:
    """Ignores write errors on standard error, so that the command continues."""
    try:
        yield
    except OSError:
        discard(sys.stderr)
