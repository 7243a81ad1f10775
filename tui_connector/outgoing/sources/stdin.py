"""Standard input: JSON Lines or CSV."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Literal

from pydantic import Field

from ..source import BadEntity, Source, SourceContext, SourceEntity, SourceError
from .csv import CsvFormat
from .jsonl import json_lines

if TYPE_CHECKING:
    from typing_extensions import Buffer

_LOOK_EVERY = 200
"""Milliseconds between two looks at whether the run is to be stopped."""


class StdinSource(CsvFormat, Source):
    """Standard input: JSON Lines or CSV. It cannot be read twice, so a stopped run is not resumed."""

    kind: Literal["stdin"] = "stdin"
    format: Literal["jsonl", "csv"] = Field("jsonl", title="Format", description="What standard input contains.")

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        file = context.stdin()
        if file.isatty():
            raise SourceError(
                "The source is standard input, which is a terminal",
                "Redirect a file or a command into it: tui-connector run PROFILE NAME < FILE.",
                "source-terminal",
            )
        file = _stoppable(file, context.check_stopped)
        try:
            yield from json_lines(file) if self.format == "jsonl" else self.rows(file, "Standard input", context)
        except OSError as error:
            raise SourceError(f"Standard input cannot be read: {error.strerror}", "", "source-unreadable") from error

    def digest(self, context: SourceContext) -> str | None:
        return None


class _StoppableInput(io.RawIOBase):
    """A file of which reading ends when the run is stopped, although nothing arrives."""

    def __init__(self, descriptor: int, check_stopped: Callable[[], None]) -> None:
        super().__init__()
        self._descriptor, self._check_stopped = descriptor, check_stopped
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        self._check_stopped()
        while not self._poll.poll(_LOOK_EVERY):
            self._check_stopped()
        return os.readv(self._descriptor, [buffer])


def _stoppable(file: BinaryIO, check_stopped: Callable[[], None]) -> BinaryIO:
    try:
        descriptor = file.fileno()
    except OSError:  # a file in memory
        return file
    return io.BufferedReader(_StoppableInput(descriptor, check_stopped), 1 << 16)
