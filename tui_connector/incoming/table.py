"""A sink's table in a database: which table is ours, the rows of the next durable step, and what a run does at its end.

Rows are kept in memory until the next durable step, which is one transaction: none is open while the run waits for the
store. With an identifier, a step that is repeated after a kill replaces its rows by the same rows; without one, rows
after the recorded one are deleted first.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from ..client.raw_json import encode_json, json_type, members
from ..templates import Json
from ..text import count
from .columns import EXTRA, ROW, ColumnLimits, ColumnType, TypedColumns
from .sink import (
    ForeignOutput,
    OpenSink,
    RejectedItem,
    SinkContext,
    SinkError,
    SinkMissing,
    excluded_remark,
    has_table,
    repeated_remark,
)

TABLES: Final = "tui_connector_tables"
"""The table that says which tables are ours, beside them."""
TABLES_COLUMNS: Final = "name text PRIMARY KEY, incoming text, id text, shape text, row_count bigint"
_BUFFER: Final = 4 * 1024 * 1024
"""Bytes of items that are stored before the next durable step is due."""


def default_table_name(context: SinkContext, check: Callable[[str], str]) -> str:
    """The incoming's name. Raises `SinkError` if `check` says that a table cannot have it, by a ValueError."""
    try:
        return check(context.name)
    except ValueError as error:
        message = f"The table cannot be named like the incoming: {error}"
        raise SinkError(message, 'Name a "table" in the sink.') from error


def quoted_name(name: str) -> str:
    """The name of a table or column in SQL."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class TableRecord:
    """What the database records about one of our tables."""

    incoming: str
    id: str
    shape: str
    rows: int
    """The number of its last row."""


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A row of the next durable step. It has no cells for columns that were added after it."""

    number: int
    cells: list[bytes | None]
    extra: bytes | None
    item: bytes
    deletes_until: int | None = None
    """For what is no row: the one with its identifier is deleted, if its number is not above this."""


@dataclass(slots=True)
class StoredRows:
    """What became of rows: why some were stored as JSON only, and how many were deleted."""

    refused: list[str] = field(default_factory=list)
    deleted: int = 0


class UnlistedRows:
    """The rows of a table that a run which reads everything has not written: at its end, they are deleted or kept.

    Rows have ascending numbers, and one that is written again gets a new number.
    """

    def __init__(self, context: SinkContext) -> None:
        known = context.known.get("unlisted") if isinstance(context.known, dict) else None
        self._reads_all, self._may_miss = context.reads_all, context.may_miss
        self._before = known if isinstance(known, int) else 0
        """Rows up to this one were not listed by the last complete run that read everything."""
        self.start: int | None = None
        """The last row of earlier runs, if this run reads everything."""
        self._deleted = self._kept = 0
        self._has_failures = False

    def begin(self, rows: int) -> None:
        """A run that reads everything begins behind this row, 0 in a new table."""
        self.start = rows
        if rows < self._before:  # that was in another table
            self._before = 0

    def resume(self, position: Json) -> None:
        """A run that was interrupted there continues."""
        start = position.get("start") if isinstance(position, dict) else None
        self.start = start if isinstance(start, int) else None

    def end(self, failed: int, delete_until: Callable[[int], int], count_until: Callable[[int], int]) -> None:
        """The run is complete, but for `failed` items. `count_until` counts the rows up to a number."""
        start, self.start = self.start, None
        if not start or not self._reads_all:
            return
        self._has_failures = failed > 0
        if not self._has_failures:  # a record that failed may have a row
            until = self._before if self._may_miss else start
            self._deleted = delete_until(until) if until else 0
            self._before = start
        self._kept = count_until(start)

    def position(self) -> dict[str, Json]:
        """What the sink's position has of this."""
        start: dict[str, Json] = {} if self.start is None else {"start": self.start}
        return start if not self._before else {**start, "unlisted": self._before}

    def remarks(self) -> list[str]:
        """What was deleted and what was kept."""
        said = []
        if self._deleted:
            were = "was" if self._deleted == 1 else "were"
            said.append(f"{count(self._deleted, 'row')} of items that the store no longer lists {were} deleted.")
        if self._has_failures and self._kept:
            said.append("Rows of items that the store no longer lists were kept, because some records failed.")
        elif self._kept:
            were = "was" if self._kept == 1 else "were"
            said.append(
                f"{count(self._kept, 'row')} of items that were not listed {were} kept: {self._may_miss}. The next run "
                "that reads everything deletes those that it does not list either."
            )
        return said


class TableStore(Protocol):
    """One table in a database. All methods but `errors` and `close` raise the driver's errors."""

    limits: ColumnLimits
    """Columns that were dropped, but still count, are already subtracted."""

    def __str__(self) -> str:
        """The table in messages, such as "The table public.products"."""
        ...

    def errors(self) -> AbstractContextManager[None]:
        """Raises the driver's errors as `SinkError`."""
        ...

    def record(self) -> TableRecord | None:
        """What is recorded of the table; None if it is not ours."""
        ...

    def types(self) -> Mapping[str, ColumnType | None] | None:
        """The type of each column; None for one that no field can have. None instead of all if there is no table."""
        ...

    def begin(self, record: TableRecord, *, drop: bool, clear: bool) -> None:
        """Records the table as ours, and drops or empties it, in one transaction."""
        ...

    def resume(self, incoming: str, after: int | None) -> None:
        """Records who writes the table, and deletes rows after this one, if any."""
        ...

    def store(
        self, rows: Sequence[PendingRow], before: Mapping[str, ColumnType] | None, after: Mapping[str, ColumnType]
    ) -> StoredRows:
        """Stores rows and the number of the last one in one transaction. All `deletes_until` are the same.

        `before`: the columns of the table, None if there is no table; `after`: those that it needs.
        """
        ...

    def delete_until(self, row: int) -> int:
        """Deletes the rows up to this one; returns how many there were."""
        ...

    def count(self, until: int | None = None) -> int:
        """The number of rows, or of those up to this one."""
        ...

    def close(self) -> None: ...


class OpenTable(OpenSink):
    """A table that is being written."""

    def __init__(
        self,
        store: TableStore,
        context: SinkContext,
        position: Json,
        *,
        only: Sequence[str] | None,
        attributes: Literal["json", "columns"],
        declared: Mapping[str, ColumnType],
    ) -> None:
        """`only`: the fields to write; None: all. `declared`: the types of a schema.

        Raises `SinkError` if the table was not written by this incoming.
        """
        self._store = store
        self._incoming, self._identifier = context.name, context.identifier
        self._shape = json.dumps([context.identifier, only, attributes])
        self._id, self._rows = "", 0
        self._pending: dict[bytes | int, PendingRow] = {}
        self._size = 0
        self._refused: list[str] = []
        self._repeated = self._excluded = self._numbers_unused = 0
        self._must_begin = self._is_whole = position is None
        """`_is_whole`: everything since the run began was written by this process."""
        self._must_drop = False
        self._unlisted = UnlistedRows(context)
        with store.errors():
            found = store.types()
            self._check_ours(found, position, context.known)
            if position is not None:
                self._resume(position, found is not None, resumes=context.resumes)
        self._types: dict[str, ColumnType] | None = None
        """The columns of the table; None: there is no table."""
        if found is not None and not self._must_drop:
            self._types = self._own_types(found)
        foreign = [] if self._types is None else [name for name in found or {} if name not in self._types]
        self._columns = TypedColumns(
            self._types or {}, context.identifier, store.limits, only=only, attributes=attributes, declared=declared
        ).reserve([EXTRA, ROW, *foreign])

    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        assert not self._must_begin, "sync comes before the first write"
        fitted = self._columns.fit(items)
        rejected = {each.index for each in fitted.rejected}
        kept = [item for index, item in enumerate(items) if index not in rejected]
        for item, cells, extra in zip(kept, fitted.rows, fitted.extras, strict=True):
            self._rows += 1
            key = self._rows if self._identifier is None else cells[0]
            assert key is not None
            self._pending.pop(key, None)
            self._pending[key] = PendingRow(self._rows, cells, extra, item)
            self._size += len(item)
        if self._size > _BUFFER:
            self._store_step()
        return fitted.rejected

    deletes = True

    def delete(self, items: Sequence[bytes]) -> None:
        assert not self._must_begin, "sync comes before the first write"
        start, identifier = self._unlisted.start, self._identifier
        if self._types is None or identifier is None or start == 0:  # there are no rows of earlier runs
            return
        fields = (members(item) for item in items if json_type(item) == "object")
        keys = [
            b"{" + encode_json(identifier) + b":" + each[identifier] + b"}" for each in fields if identifier in each
        ]
        for cells in self._columns.fit(keys).rows:
            key = cells[0]
            if key is None or (start is not None and key in self._pending):
                continue
            self._rows += 1
            self._numbers_unused += 1
            self._pending.pop(key, None)
            until = self._rows if start is None else start
            self._pending[key] = PendingRow(self._rows, cells[:1], None, b"", deletes_until=until)

    def sync(self) -> Json:
        if self._must_begin:
            self._begin()
        self._store_step()
        return {"rows": self._rows, "table": self._id, **self._unlisted.position()}

    def complete(self, mark: str | None) -> None:
        self._store_step()
        start = self._unlisted.start
        if start is None or self._types is None or self._identifier is None:
            return
        with self._store.errors():
            self._unlisted.end(self.failed, self._store.delete_until, self._store.count)
            if self._is_whole:
                self._repeated = (
                    self._rows - self._numbers_unused - start - (self._store.count() - self._store.count(start))
                )

    def remarks(self) -> Sequence[str]:
        said = self._columns.remarks()
        if self._repeated > 0:
            said.append(repeated_remark(self._repeated, self._identifier))
        said += self._unlisted.remarks()
        if self._excluded:
            said.append(excluded_remark(self._excluded))
        if self._refused:
            more = " …" if len(self._refused) > 3 else ""
            said.append(
                f"{count(len(self._refused), 'row')} could not be stored in columns, only as JSON in "
                f'"{EXTRA}": {"; ".join(self._refused[:3])}{more}.'
            )
        return said

    def close(self) -> None:
        self._store.close()

    def _check_ours(self, found: Mapping[str, ColumnType | None] | None, position: Json, known: Json) -> None:
        if found is None:
            return
        record = self._store.record()
        if record is None:
            raise SinkError(
                f"{self._store} already exists and was not created by this program",
                'It was not changed. Use another "table" in the sink.',
            )
        self._id, self._rows = record.id, record.rows
        if (known.get("table") if isinstance(known, dict) else None) != self._id:
            whose = f"the incoming {record.incoming!r} of " if record.incoming != self._incoming else ""
            there = record.id
            raise ForeignOutput(
                f"{self._store} belongs to {whose}another configuration, or the state directory was lost",
                'It was not changed. Use another "table" in the sink; if nobody needs those rows, drop the table.',
                str(self._store),
                lambda position: has_table(position, there),
            )
        if not {EXTRA, ROW} <= found.keys():
            raise SinkError(f"{self._store} no longer has the columns {EXTRA} and {ROW}", "Drop it, and run again.")
        if record.shape != self._shape:
            if position is not None:
                raise SinkMissing(f"{self._store} has columns that differ from the sink's", "Start over with --full.")
            self._must_drop = True

    def _own_types(self, found: Mapping[str, ColumnType | None]) -> dict[str, ColumnType]:
        """The types of the columns for fields, the identifier first."""
        types = {name: type_ for name, type_ in found.items() if type_ is not None and name not in (EXTRA, ROW)}
        if self._identifier is None:
            return types
        if self._identifier not in types:
            raise SinkError(
                f"{self._store} has no usable column {self._identifier!r}, the identifier", "Drop it, and run again."
            )
        return {self._identifier: types[self._identifier], **types}

    def _resume(self, position: Json, exists: bool, *, resumes: bool) -> None:
        recorded = position if isinstance(position, dict) else {}
        rows = recorded.get("rows")
        if not isinstance(rows, int) or self._rows < rows:
            raise SinkMissing(
                f"{self._store} is gone, or does not have the rows that earlier runs wrote", "Start over with --full."
            )
        self._id = self._id or str(recorded.get("table") or "")
        if resumes:
            self._unlisted.resume(position)
        if not exists:
            return
        cuts = self._identifier is None and self._rows > rows
        self._store.resume(self._incoming, rows if cuts else None)
        if cuts:
            self._rows = rows

    def _begin(self) -> None:
        """Makes the table known as this run's own. With an identifier, rows of earlier runs stay until the end."""
        self._id = self._id or secrets.token_hex(8)
        clear = self._types is not None and self._identifier is None
        if self._types is None or clear:
            self._rows = 0
        with self._store.errors():
            record = TableRecord(self._incoming, self._id, self._shape, self._rows)
            self._store.begin(record, drop=self._must_drop, clear=clear)
        self._unlisted.begin(self._rows)
        self._must_begin = self._must_drop = False

    def _store_step(self) -> None:
        if not self._pending:
            return
        types = dict(self._columns.types)
        with self._store.errors():
            stored = self._store.store(list(self._pending.values()), self._types, types)
        self._refused += stored.refused
        self._excluded += stored.deleted
        self._types = types
        self._pending.clear()
        self._size = 0
