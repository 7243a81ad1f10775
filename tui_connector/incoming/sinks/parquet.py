"""Parquet: one file with a column for each field, made from the items when a run is complete.

A Parquet file cannot be appended to. The items are first written as JSON Lines beside it, which are resumed like those
of the sink jsonl; all of them become the file at the end of each complete run, in one step. Its readers never find part
of a list, and each column has one type.
"""

from __future__ import annotations

import os
import secrets
import stat
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import Field

from ...client.file_path import FilePath
from ...client.raw_json import encode_json, json_type, members
from ...files import new_private
from ...templates import Json
from ...text import count
from ..arrow import DECIMAL_DIGITS, arrow_table
from ..columns import (
    EXTRA,
    ROW,
    ColumnLimits,
    ColumnNames,
    ColumnType,
    CustomAttributes,
    FittedRows,
    TypedColumns,
    check_identifier,
    is_storable_name,
)
from ..item_schema import SchemaFile, declared_types
from ..output_file import OutputFile
from ..sink import (
    ForeignOutput,
    OpenSink,
    RejectedItem,
    Sink,
    SinkContext,
    SinkError,
    identifier_problem,
    import_driver,
    repeated_remark,
)
from ..table import PendingRow
from .jsonl import OpenJsonLines

_ITEMS: Final = ".jsonl"
"""Added to the name of the file: the items that it is made from."""
_ID: Final = b"tui_connector"
"""In the file's metadata: the output that it is of."""
_GROUP_ITEMS: Final = 20_000
_GROUP_BYTES: Final = 8 * 1024 * 1024
"""Largest group of rows, in items and in bytes of JSON."""


class ParquetSink(Sink):
    """Parquet: one file with a column for each field."""

    endings: ClassVar = (".parquet",)
    kind: Literal["parquet"] = "parquet"
    path: FilePath = Field(
        title="File",
        description=f"Relative to the profile. Replaced when a run is complete; until then, the items are in a file "
        f"beside it, whose name ends in {_ITEMS}.",
        examples=["products.parquet"],
    )
    columns: ColumnNames = None
    custom_attributes: CustomAttributes = "json"
    schema_file: SchemaFile = None

    @property
    def requires_identifier(self) -> bool:
        return True

    def writes(self) -> Sequence[str]:
        return [self.path, f"{self.path}{_ITEMS}"]

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        check_identifier(context.identifier, is_storable_name, "file")
        declared = declared_types(self.schema_file, context)
        file = _ParquetFile(context.output(self.path), self, context.identifier, declared)
        known = context.known.get("parquet") if isinstance(context.known, dict) else None
        file.check_ours(str(known or ""))
        items = context.output(f"{self.path}{_ITEMS}")
        lines = OpenJsonLines(OutputFile(items, position, context.known, context.closed), compressed=False)
        return _OpenParquet(file, items, lines, str(known or secrets.token_hex(8)), is_new=position is None)


class _OpenParquet(OpenSink):
    """Items that are being written, and the file that is made from them."""

    def __init__(self, file: _ParquetFile, items: Path, lines: OpenJsonLines, id_: str, *, is_new: bool) -> None:
        self._file, self._items, self._lines, self._id, self._is_new = file, items, lines, id_, is_new
        self._remarks: list[str] = []

    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        rejected = []
        for index, item in enumerate(items) if self._file.identifier is not None else ():
            fields = members(item) if json_type(item) == "object" else {}
            if reason := identifier_problem(fields, self._file.identifier):
                rejected.append(RejectedItem(index, reason))
        indexes = {each.index for each in rejected}
        self._lines.write([item for index, item in enumerate(items) if index not in indexes])
        return rejected

    deletes = True

    def delete(self, items: Sequence[bytes]) -> None:
        """Writes identifiers in a list, which no item with an identifier is."""
        identifier = self._file.identifier
        if identifier is None or self._is_new:
            return
        fields = [members(item) for item in items if json_type(item) == "object"]
        lines = [b"[" + each[identifier] + b"]" for each in fields if not identifier_problem(each, identifier)]
        self._lines.write(lines)

    def sync(self) -> Json:
        position = self._lines.sync()
        return {**position, "parquet": self._id} if isinstance(position, dict) else position

    def complete(self, mark: str | None) -> None:
        self._lines.sync()
        self._file.check_ours(self._id)
        self._remarks = self._file.write(self._items, self._id, is_new=self._is_new)

    def remarks(self) -> Sequence[str]:
        return self._remarks

    def close(self) -> None:
        self._lines.close()


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of rows."""

    numbers: list[int]
    """The number of each row."""
    fitted: FittedRows
    deleted: set[int]
    """Numbers of those that only delete what has their identifier."""
    left_out: int
    """Items that cannot be a row."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Items that become a group of rows."""

    first: int
    """The number of the first item."""
    items: list[bytes]


class _ParquetFile:
    """The Parquet file at `path`."""

    def __init__(
        self, path: Path, sink: ParquetSink, identifier: str | None, declared: Mapping[str, ColumnType]
    ) -> None:
        self._path, self._sink, self.identifier, self._declared = path, sink, identifier, declared
        self._pyarrow = import_driver("pyarrow", sink.kind, extra="warehouse")
        self._parquet = import_driver("pyarrow.parquet", sink.kind, extra="warehouse")

    def check_ours(self, id_: str) -> None:
        """Raises `SinkError` if the file was not written by the output of this id."""
        try:
            if not os.path.lexists(self._path):
                return
            if not self._path.is_file():
                raise SinkError(f"{self._path} is not a regular file", "Choose another file.")
            if self._path.stat().st_size == 0:
                return
            with open(self._path, "rb") as file:
                metadata = self._parquet.read_metadata(file).metadata or {}
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and not isinstance(error, self._pyarrow.ArrowException):
                raise SinkError(f"{self._path} cannot be read: {error.strerror or error}") from error
            metadata = {}
        there = metadata.get(_ID, b"").decode(errors="replace")
        if there != id_ or not id_:
            raise ForeignOutput(
                f"{self._path} already exists and was not written by this configuration",
                "It was not changed. Choose another file, or move this one.",
                str(self._path),
                lambda position: bool(there) and isinstance(position, dict) and position.get("parquet") == there,
            )

    def write(self, items: Path, id_: str, *, is_new: bool) -> list[str]:
        """Replaces the file by what these JSON Lines are; returns remarks. `is_new`: by those of one run."""
        columns, hashes = self._columns({}), array("q")
        for group in self._fitted(items, columns):
            if self.identifier is not None:
                hashes.extend(hash(cells[0]) for cells in group.fitted.rows)
        last = self._last_rows(items, columns.types, hashes)
        columns = self._columns(columns.types)
        replaced = left_out = 0
        try:
            with new_private(self._path, replace=True) as file:
                os.fchmod(file.fileno(), stat.S_IMODE(os.stat(items).st_mode))
                empty = arrow_table(self._pyarrow, [], columns.types)
                schema = empty.schema.with_metadata({_ID: id_.encode()})
                with self._parquet.ParquetWriter(file, schema, compression="zstd") as writer:
                    for group in self._fitted(items, columns):
                        fitted = group.fitted
                        left_out += group.left_out
                        rows = [
                            PendingRow(number, cells, extra, b"")
                            for number, cells, extra in zip(group.numbers, fitted.rows, fitted.extras, strict=True)
                            if (not cells or last.get(cells[0], number) == number) and number not in group.deleted
                        ]
                        replaced += len(fitted.rows) - len(rows)
                        if rows:
                            table = arrow_table(self._pyarrow, rows, columns.types)
                            writer.write_table(table.replace_schema_metadata(schema.metadata))
        except OSError as error:
            raise SinkError(
                f"{self._path} cannot be written: {error.strerror or error}",
                "The items are safe: run again to write it.",
            ) from error
        return [*columns.remarks(), *self._remarks(replaced if is_new else 0, left_out)]

    def _remarks(self, replaced: int, left_out: int) -> Iterator[str]:
        if replaced:
            yield repeated_remark(replaced, self.identifier)
        if left_out:
            yield (
                f"{count(left_out, 'item')} could not be written: the type of {self.identifier!r}, the identifier, "
                "differs from that of earlier items."
            )

    def _columns(self, types: dict[str, ColumnType]) -> TypedColumns:
        limits = ColumnLimits(is_storable_name, 10_000, 1_000_000, decimal_digits=DECIMAL_DIGITS)
        only, attributes = self._sink.columns, self._sink.custom_attributes
        columns = TypedColumns(
            types, self.identifier, limits, only=only, attributes=attributes, declared=self._declared
        )
        return columns.reserve([EXTRA, ROW])

    def _fitted(self, items: Path, columns: TypedColumns) -> Iterator[_Group]:
        for batch in _batches(items):
            deleted, lines = set[int](), list[bytes]()
            for number, line in enumerate(batch.items, batch.first):
                if self.identifier is not None and line.startswith(b"["):
                    deleted.add(number)
                    line = b"{" + encode_json(self.identifier) + b":" + line[1:-1] + b"}"
                lines.append(line)
            fitted = columns.fit(lines)
            rejected = {batch.first + each.index for each in fitted.rejected}
            numbers = [number for number in range(batch.first, batch.first + len(lines)) if number not in rejected]
            yield _Group(numbers, fitted, deleted, len(rejected - deleted))

    def _last_rows(self, items: Path, types: dict[str, ColumnType], hashes: array[int]) -> dict[bytes | None, int]:
        """By identifier, for those that several rows have: the number of the last one."""
        repeated = _repeated(hashes)
        last: dict[bytes | None, int] = {}
        for group in self._fitted(items, self._columns(types)) if repeated else ():
            for number, cells in zip(group.numbers, group.fitted.rows, strict=True):
                if hash(cells[0]) in repeated:
                    last[cells[0]] = number
        return last


def _batches(items: Path) -> Iterator[_Batch]:
    first, size, batch = 1, 0, list[bytes]()
    with open(items, "rb") as file:
        for line in file:
            batch.append(line.rstrip(b"\n"))
            size += len(line)
            if len(batch) >= _GROUP_ITEMS or size >= _GROUP_BYTES:
                yield _Batch(first, batch)
                first, size, batch = first + len(batch), 0, []
    if batch:
        yield _Batch(first, batch)


def _repeated(hashes: array[int], shards: int = 16) -> set[int]:
    """The hashes that occur more than once; compared in shards, to bound the memory."""
    found: set[int] = set()
    for shard in range(shards):
        seen: set[int] = set()
        for each in hashes:
            if each % shards == shard:
                (found if each in seen else seen).add(each)
    return found
