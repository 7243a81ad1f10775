"""JSON Lines: one item a line."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ...client.file_path import FilePath
from ...templates import Json
from ..output_file import OutputFile
from ..sink import ByteOutput, OpenSink, RejectedItem, Sink, SinkContext


class JsonLinesSink(Sink):
    """JSON Lines: one item a line."""

    endings: ClassVar = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
    kind: Literal["jsonl"] = "jsonl"
    path: FilePath = Field(
        title="File",
        description="Relative to the profile. A name that ends in .gz is compressed.",
        examples=["products.jsonl"],
    )
    compress: Literal["gzip"] | None = Field(
        None, title="Compress", description="Compress the file even if its name does not end in .gz.", examples=["gzip"]
    )

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        file = OutputFile(context.output(self.path), position, context.known, context.closed)
        return OpenJsonLines(file, compressed=self.compress == "gzip" or self.path.endswith(".gz"))


class OpenJsonLines(OpenSink):
    """JSON Lines that are being written.

    Compressed, each step is a gzip member of its own (RFC 1952 §2.2), so that the file can be cut between two.
    """

    def __init__(self, file: ByteOutput, *, compressed: bool) -> None:
        self._file = file
        self._compressed = compressed
        self._step: list[bytes] = []

    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        if not items:
            return ()
        lines = b"\n".join((*items, b""))
        if self._compressed:
            self._step.append(lines)
        else:
            self._file.write(lines)
        return ()

    def sync(self) -> Json:
        if self._step:
            self._file.write(gzip.compress(b"".join(self._step), compresslevel=6, mtime=0))
            self._step.clear()
        return self._file.sync()

    def close(self) -> None:
        self._file.close()
