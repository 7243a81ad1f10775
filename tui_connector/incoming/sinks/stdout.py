"""Standard output as a place for items."""

from __future__ import annotations

import errno
import os
import select
from typing import Literal

from ...templates import Json
from ..sink import OpenSink, Sink, SinkClosed, SinkContext, SinkError
from .jsonl import OpenJsonLines

_STDOUT = 1


class StandardOutput:
    """Standard output, by its descriptor: nothing is held back that a broken pipe could lose at the end."""

    def write(self, data: bytes) -> None:
        """Writes all of it. Raises `SinkClosed` where nobody reads, other `SinkError` where it cannot be written."""
        left = memoryview(data)
        try:
            while left:
                try:
                    left = left[os.write(_STDOUT, left) :]
                except BlockingIOError:  # shared with a program that made it non-blocking
                    select.select([], [_STDOUT], [])
        except BrokenPipeError as error:
            raise SinkClosed("Standard output was closed by its reader") from error
        except OSError as error:
            hint = "Free some disk space." if error.errno == errno.ENOSPC else ""
            raise SinkError(f"Standard output cannot be written: {error.strerror}", hint) from error

    def sync(self) -> dict[str, Json]:
        """What is written to a pipe is gone: there is no position."""
        return {}

    def close(self) -> None:
        """Standard output belongs to the program."""


class StdoutSink(Sink):
    """Standard output, one item a line."""

    kind: Literal["stdout"] = "stdout"

    @property
    def on_stdout(self) -> bool:
        return True

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        return OpenJsonLines(context.stdout or StandardOutput(), compressed=False)
