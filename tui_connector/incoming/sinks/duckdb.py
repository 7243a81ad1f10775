"""DuckDB: a table with a column for each field in a database file, replaced by identifier."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from ...client.file_path import FilePath
from ...templates import Json
from ..arrow import DECIMAL_DIGITS, arrow_table
from ..columns import (
    EXTRA,
    ROW,
    ColumnLimits,
    ColumnNames,
    ColumnType,
    CustomAttributes,
    check_identifier,
    is_storable_name,
)
from ..item_schema import SchemaFile, declared_types
from ..sink import OpenSink, Sink, SinkContext, SinkError, check_not_moved, import_driver
from ..table import (
    TABLES,
    TABLES_COLUMNS,
    OpenTable,
    PendingRow,
    StoredRows,
    TableRecord,
    default_table_name,
    quoted_name,
)

_MAGIC: Final = b"DUCK"
"""After the checksum of 8 bytes at the start of a database."""
_STAGING: Final = "tui_connector_staging"
_DATABASE: Final = "store"
_OWN_TABLES: Final = f"duckdb_tables() WHERE database_name = '{_DATABASE}'"
_ROW_GROUP: Final = 8_192
"""Rows that DuckDB compresses together, and holds in memory when it does."""

_SQL_TYPES: Final[dict[ColumnType, str]] = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "decimal": f"DECIMAL({sum(DECIMAL_DIGITS)},{DECIMAL_DIGITS[1]})",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "datetime-utc": "TIMESTAMP WITH TIME ZONE",
    "text": "VARCHAR",
    "json": "JSON",
}
_TYPES: Final[dict[str, ColumnType]] = {sql: type_ for type_, sql in _SQL_TYPES.items()}
_AS_TEXT: Final[dict[ColumnType, str]] = {
    "date": "strftime({}, '%Y-%m-%d')",
    "datetime": "strftime({}, '%Y-%m-%d %H:%M:%S')",
    "datetime-utc": "strftime({} AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S')",
}
"""How dates become the texts that they were, in a column that is widened to text."""


def _check_name(name: str) -> str:
    if not _is_name(name):
        raise ValueError(f"{name[:80]!r} is not a valid name of a table")
    if name.lower() in (TABLES, _STAGING):
        raise ValueError(f"{name} is used by this program itself")
    return name


def _is_name(name: str) -> bool:
    return name != "" and is_storable_name(name) and name.lower() != "rowid"


class DuckDbSink(Sink):
    """DuckDB: a table with a column for each field."""

    endings: ClassVar = (".duckdb",)
    kind: Literal["duckdb"] = "duckdb"
    path: FilePath = Field(title="Database", description="Relative to the profile.", examples=["store.duckdb"])
    table: Annotated[str, AfterValidator(_check_name)] | None = Field(
        None, title="Table", description="Default: the incoming's name.", examples=["products"]
    )
    columns: ColumnNames = None
    custom_attributes: CustomAttributes = "json"
    schema_file: SchemaFile = None

    @property
    def requires_identifier(self) -> bool:
        return True

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        check_identifier(context.identifier, _is_name)
        table = self.table or default_table_name(context, _check_name)
        store = _DuckDbTable(context.output(self.path), table, context.identifier)
        try:
            declared = declared_types(self.schema_file, context)
            only, attributes = self.columns, self.custom_attributes
            return OpenTable(store, context, position, only=only, attributes=attributes, declared=declared)
        except BaseException:
            store.close()
            raise


class _DuckDbTable:
    """The table in the database at `path`, which is made where there is none."""

    def __init__(self, path: Path, name: str, identifier: str | None) -> None:
        self._duckdb = import_driver("duckdb", "duckdb", extra="warehouse")
        self._pyarrow = import_driver("pyarrow", "duckdb", extra="warehouse")
        self._path, self._name, self._identifier = path, name, identifier
        self.limits = ColumnLimits(_is_name, 100_000, 100_000, decimal_digits=DECIMAL_DIGITS, ignores_case=True)
        _check_file(path)
        offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        with self.errors():
            self._connection = self._duckdb.connect(config=offline)
        try:
            with self.errors():
                # only ATTACH has the size of row groups: the default one takes 250 MB if rows have 2 KB
                file = str(path).replace("'", "''")
                self._run(f"ATTACH '{file}' AS {_DATABASE} (ROW_GROUP_SIZE {_ROW_GROUP})")
                self._run(f"USE {_DATABASE}")
                self._run("SET TimeZone = 'UTC'")
                others = self._rows(f"SELECT count(*) FROM {_OWN_TABLES} AND table_name <> ?", TABLES)
                if others != [(0,)] and not self._has_record():
                    raise SinkError(
                        f"{path} is a database of another program", "It was not changed. Choose another file."
                    )
            self._opened = os.stat(path)
        except BaseException:
            self.close()
            raise

    def __str__(self) -> str:
        return f"The table {self._name!r} in {self._path}"

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except self._duckdb.Error as error:
            said = " ".join(str(error).split())[:500]
            if "Could not set lock" in said or "Conflicting lock" in said:
                raise SinkError(
                    f"{self._path} is open in another program", "Close it there, then run again."
                ) from error
            hint = "What was recorded is safe: run again to resume."
            raise SinkError(f"{self._path} cannot be written: {said}", hint) from error

    def record(self) -> TableRecord | None:
        if not self._has_record():
            return None
        query = f"SELECT incoming, id, shape, row_count FROM {TABLES} WHERE name = ?"
        return next((TableRecord(*row) for row in self._rows(query, self._name)), None)

    def types(self) -> Mapping[str, ColumnType | None] | None:
        query = (
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' "
            "AND database_name = current_database() AND lower(table_name) = lower(?) ORDER BY column_index"
        )
        return {name: _TYPES.get(type_) for name, type_ in self._rows(query, self._name)} or None

    def begin(self, record: TableRecord, *, drop: bool, clear: bool) -> None:
        with self._transaction():
            self._run(f"CREATE TABLE IF NOT EXISTS {TABLES} ({TABLES_COLUMNS})")
            if drop:
                self._run(f"DROP TABLE IF EXISTS {quoted_name(self._name)}")
            elif clear:
                self._run(f"DELETE FROM {quoted_name(self._name)}")
            values = (self._name, record.incoming, record.id, record.shape, record.rows)
            self._run(f"INSERT OR REPLACE INTO {TABLES} VALUES (?, ?, ?, ?, ?)", *values)

    def resume(self, incoming: str, after: int | None) -> None:
        with self._transaction():
            if after is not None:
                self._run(f"DELETE FROM {quoted_name(self._name)} WHERE {ROW} > ?", after)
            self._run(f"UPDATE {TABLES} SET incoming = ? WHERE name = ?", incoming, self._name)

    def store(
        self, rows: Sequence[PendingRow], before: Mapping[str, ColumnType] | None, after: Mapping[str, ColumnType]
    ) -> StoredRows:
        table, stored = quoted_name(self._name), StoredRows()
        gone = [row for row in rows if row.deletes_until is not None]
        numbers = [row.number for row in gone]
        with self._transaction():
            if before is None:
                columns = [f"{quoted_name(name)} {_SQL_TYPES[type_]}" for name, type_ in after.items()]
                self._run(f"CREATE TABLE {table} ({', '.join([*columns, f'{EXTRA} VARCHAR', f'{ROW} BIGINT'])})")
            else:
                self._alter(before, after)
            self._connection.register(_STAGING, arrow_table(self._pyarrow, rows, after))
            try:
                if self._identifier is not None and before is not None:
                    key, kept = quoted_name(self._identifier), f"{_STAGING} WHERE NOT list_contains(?, {ROW})"
                    if gone:
                        staged = f"SELECT {key} FROM {_STAGING} WHERE list_contains(?, {ROW})"
                        delete = f"DELETE FROM {table} WHERE {ROW} <= ? AND {key} IN ({staged})"
                        stored.deleted = self._changed(delete, gone[0].deletes_until, numbers)
                    self._run(f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {kept})", numbers)
                    self._run(f"INSERT INTO {table} BY NAME SELECT * FROM {kept}", numbers)
                else:
                    self._run(f"INSERT INTO {table} BY NAME SELECT * FROM {_STAGING}")
            finally:
                self._connection.unregister(_STAGING)
            self._run(f"UPDATE {TABLES} SET row_count = ? WHERE name = ?", rows[-1].number, self._name)
        return stored

    def delete_until(self, row: int) -> int:
        with self._transaction():
            return self._changed(f"DELETE FROM {quoted_name(self._name)} WHERE {ROW} <= ?", row)

    def count(self, until: int | None = None) -> int:
        up_to, values = (f" WHERE {ROW} <= ?", [until]) if until is not None else ("", [])
        ((rows,),) = self._rows(f"SELECT count(*) FROM {quoted_name(self._name)}{up_to}", *values)
        return int(rows)

    def close(self) -> None:
        self._connection.close()

    def _alter(self, before: Mapping[str, ColumnType], after: Mapping[str, ColumnType]) -> None:
        table = quoted_name(self._name)
        for name, type_ in after.items():
            column, sql_type = quoted_name(name), _SQL_TYPES[type_]
            if name not in before:
                self._run(f"ALTER TABLE {table} ADD COLUMN {column} {sql_type}")
            elif before[name] != type_:
                using = _AS_TEXT.get(before[name], "{}").replace("{}", column)
                self._run(f"ALTER TABLE {table} ALTER {column} SET DATA TYPE {sql_type} USING {using}")

    def _has_record(self) -> bool:
        return self._rows(f"SELECT 1 FROM {_OWN_TABLES} AND table_name = ?", TABLES) != []

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Raises `SinkError` also where the file was deleted, moved or replaced: nobody would find these rows."""
        self._run("BEGIN TRANSACTION")
        try:
            yield
            check_not_moved(self._path, self._opened)
            self._run("COMMIT")
        except BaseException:
            with contextlib.suppress(self._duckdb.Error):  # the transaction has been undone already
                self._run("ROLLBACK")
            raise

    def _run(self, statement: str, *values: object) -> None:
        self._connection.execute(statement, values)

    def _changed(self, statement: str, *values: object) -> int:
        ((changed,),) = self._rows(statement, *values)
        return int(changed)

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(statement, values).fetchall()
        return found


def _check_file(path: Path) -> None:
    """Raises `SinkError` if opening the file would do anything but open a database."""
    if os.path.islink(f"{path}.wal"):  # DuckDB opens the file beside a database, wherever a link leads
        raise SinkError(f"{path}.wal is a symbolic link", "Remove it.")
    try:
        if path.is_dir():
            raise SinkError(f"{path} is a folder", "Choose a file in it.")
        if not path.exists():
            if not path.parent.is_dir():
                raise SinkError(f"The folder of {path} does not exist", "Create it, or correct the path.")
            return
        if not path.is_file():
            raise SinkError(f"{path} is not a regular file", "Choose another file.")
        with open(path, "rb") as file:
            start = file.read(12)
    except (OSError, ValueError) as error:
        raise SinkError(f"{path} cannot be opened: {error}", "Check the path and its permissions.") from error
    if start[8:12] != _MAGIC:
        raise SinkError(
            f"{path} already exists and is not a DuckDB database",
            "It was not changed. Choose another file, or move this one.",
        )
