"""Standard input: JSON Lines or CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from ..source import BadEntity, Source, SourceContext, SourceEntity, SourceError
from .csv import CsvFormat
from .jsonl import json_lines


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
        try:
            yield from json_lines(file) if self.format == "jsonl" else self.rows(file, "Standard input", context)
        except OSError as error:
            raise SourceError(f"Standard input cannot be read: {error.strerror}", "", "source-unreadable") from error

    def reads(self) -> Sequence[str]:
        return []

    def digest(self, context: SourceContext) -> str | None:
        return None
