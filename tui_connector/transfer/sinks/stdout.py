"""Standard output: one item a line, for the next program in a pipe."""

from __future__ import annotations

from typing import Literal

from ...placeholder import Json
from ..sink import OpenSink, Sink, SinkContext
from ..standard_output import StandardOutput
from .jsonl import OpenJsonLines


class Stdout(Sink):
    """Standard output, one item a line."""

    kind: Literal["stdout"] = "stdout"

    @property
    def on_stdout(self) -> bool:
        return True

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        return OpenJsonLines(StandardOutput(), compressed=False)
