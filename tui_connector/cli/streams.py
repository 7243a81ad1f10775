"""The standard streams, each of which may be closed, full, or read by nobody any more."""

from __future__ import annotations

import os
from typing import TextIO


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits there; Python has None for a closed stream."""
    return stream is not None and stream.isatty()


def discard(stream: TextIO | None) -> None:
    """From now on, and with what it still holds, it goes nowhere: Python would try once more at its end, and fail."""
    if stream is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
