"""PostgreSQL: a table with a column for each field, filled by COPY into a staging table and an upsert."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AfterValidator, Field

from ...client.raw_json import plain_text
from ...errors import UserError
from ...runs.postgres import WAIT, PostgresConnection, PostgresServer, server_message
from ...templates import Json
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
from ..sink import OpenSink, Sink, SinkContext, SinkError, SinkWait
from ..table import TABLES, TABLES_COLUMNS, OpenTable, PendingRow, StoredRows, TableRecord, default_table_name

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composed, Identifier

_NAME_BYTES: Final = 63
"""Longest name (NAMEDATALEN - 1); PostgreSQL cuts longer ones without an error."""
_MAX_COLUMNS: Final = 1_600
"""Columns of a table, including dropped ones (MaxHeapAttributeNumber)."""
_SYSTEM_COLUMNS: Final = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
_IDENTIFIER_BYTES: Final = 2_000
"""An entry of a B-tree index has at most 2,704 bytes."""
_STAGING: Final = "tui_connector_staging"

_SQL_TYPES: Final[dict[ColumnType, str]] = {
    "boolean": "boolean",
    "integer": "bigint",
    "decimal": "numeric",
    "date": "date",
    "datetime": "timestamp without time zone",
    "datetime-utc": "timestamp with time zone",
    "text": "text",
    "json": "jsonb",
}
_TYPES: Final[dict[str, ColumnType]] = {sql: type_ for type_, sql in _SQL_TYPES.items()}
_AS_TEXT: Final[dict[ColumnType, str]] = {
    "date": "to_char({}, 'YYYY-MM-DD')",
    "datetime": "to_char({}, 'YYYY-MM-DD HH24:MI:SS')",
    "datetime-utc": "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
}
"""How dates become the texts that they were, in a column that is widened to text."""
_REFUSED_ROW: Final = ("21", "22", "54")
"""Classes of errors that are about the values of a row: cardinality, data, program limits."""


def _is_column_name(name: str) -> bool:
    return _is_name(name) and name not in _SYSTEM_COLUMNS


def _is_name(name: str) -> bool:
    return is_storable_name(name) and 0 < len(name.encode()) <= _NAME_BYTES


def _check_name(name: str) -> str:
    if not _is_name(name):
        raise ValueError(
            f"{name[:80]!r} is not a valid name: PostgreSQL has names of 1 to {_NAME_BYTES} bytes of UTF-8"
        )
    if name == TABLES:
        raise ValueError(f"{name} is used by this program itself")
    return name


_Name = Annotated[str, AfterValidator(_check_name)]


_LONGEST_WAIT: Final = 30.0
"""Seconds to wait for another run."""


class PostgresSink(PostgresServer, Sink):
    """PostgreSQL: a table with a column for each field."""

    kind: Literal["postgres"] = "postgres"
    schema_: _Name | None = Field(
        None,
        alias="schema",
        title="Schema",
        description="Must exist. Default: the first of the user's search_path, usually public.",
        examples=["magento"],
    )
    table: _Name | None = Field(None, title="Table", description="Default: the incoming's name.", examples=["products"])
    columns: ColumnNames = None
    custom_attributes: CustomAttributes = "json"
    schema_file: SchemaFile = None

    @property
    def requires_identifier(self) -> bool:
        return True

    @property
    def server_facts(self) -> dict[str, str]:
        return {"tls": self.tls or ""}

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        check_identifier(context.identifier, _is_column_name)
        table = self.table or default_table_name(context, _check_name)
        declared = declared_types(self.schema_file, context)
        server = _Server(self.server, self.parameters(context.secrets, context.directory))
        try:
            schema = server.prepare(self.schema_, table, context.wait)
            store = _PostgresTable(server, schema, table, context.identifier)
            only, attributes = self.columns, self.custom_attributes
            return OpenTable(store, context, position, only=only, attributes=attributes, declared=declared)
        except BaseException:
            server.close()
            raise


class _Server(PostgresConnection):
    """A connection. Errors of the driver become `SinkError`."""

    purpose = 'The sink "postgres"'

    def problem(self, message: str, hint: str = "") -> SinkError:
        return SinkError(message, hint)

    def prepare(self, schema: str | None, table: str, wait: SinkWait) -> str:
        """Sets up the session and locks the table for this run; returns the schema."""
        with self.errors():
            self.begin_session()
            schema = self.find_schema(schema, "sink")
            key = json.dumps(["tui-connector", schema, table])

            def attempt() -> bool | None:
                ((is_ours,),) = self.rows("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key)
                return True if is_ours else None

            locked = f"Another run is writing to the table {table!r} in {self.name}"
            if wait.until(attempt, locked, _LONGEST_WAIT) is None:
                raise SinkError(
                    f"Another run has been writing to the table {table!r} in {self.name} for {_LONGEST_WAIT:.0f} s",
                    "Wait until it has ended.",
                )
        return schema

    def explained(self, error: psycopg.Error) -> UserError:
        errors, said = self.driver.errors, server_message(error)
        if self._connected and not self.connection.closed:
            if isinstance(error, errors.LockNotAvailable):
                return SinkError(
                    f"Another program has been using the table in {self.name} for {WAIT}",
                    "Run again when it has finished.",
                )
            if isinstance(error, errors.InsufficientPrivilege):
                return SinkError(
                    f"{self.name} does not allow it: {said}",
                    "Grant the user USAGE and CREATE on the schema; it must own the table.",
                )
            if isinstance(error, errors.FeatureNotSupported | errors.DependentObjectsStillExist):
                return SinkError(
                    f"The table in {self.name} cannot be changed: {said}",
                    "Drop what depends on it, run again, and create it again.",
                )
        return super().explained(error)


class _PostgresTable:
    """The table in the database."""

    def __init__(self, server: _Server, schema: str, name: str, identifier: str | None) -> None:
        self._server, self._sql, self._identifier = server, server.sql, identifier
        self._schema, self._name = schema, name
        self._quoted_name = self._composed("{}.{}", self._quoted(schema), self._quoted(name))
        self._staging = self._composed("pg_temp.{}", self._quoted(_STAGING))
        self._staged: dict[str, ColumnType] | None = None
        """The columns of the staging table; None: there is none."""
        self.limits = ColumnLimits(_is_column_name, _MAX_COLUMNS, _IDENTIFIER_BYTES)

    def __str__(self) -> str:
        return f"The table {self._schema}.{self._name}"

    def errors(self) -> AbstractContextManager[None]:
        return self._server.errors()

    def record(self) -> TableRecord | None:
        known = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s"
        if not self._server.rows(known, self._schema, TABLES):
            return None
        mine = self._statement("SELECT incoming, id, shape, row_count FROM {known} WHERE name = %s")
        return next((TableRecord(*row) for row in self._server.rows(mine, self._name)), None)

    def types(self) -> Mapping[str, ColumnType | None] | None:
        found = self._server.rows(
            "SELECT c.oid, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s",
            self._schema,
            self._name,
        )
        if not found:
            return None
        [(oid, kind)] = found
        if kind != "r":
            raise SinkError(f"{self} is not an ordinary table", 'Use another "table" in the sink.')
        columns = self._server.rows(
            "SELECT attname, format_type(atttypid, atttypmod), attisdropped FROM pg_attribute "
            "WHERE attrelid = %s AND attnum > 0 ORDER BY attnum",
            oid,
        )
        dropped = sum(dropped for _, _, dropped in columns)
        self.limits = ColumnLimits(_is_column_name, _MAX_COLUMNS - dropped, _IDENTIFIER_BYTES)
        return {name: _TYPES.get(type_) for name, type_, dropped in columns if not dropped}

    def begin(self, record: TableRecord, *, drop: bool, clear: bool) -> None:
        run = self._server.run
        with self._server.connection.transaction():
            run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", f"tui-connector {self._schema}")
            run(self._statement(f"CREATE TABLE IF NOT EXISTS {{known}} ({TABLES_COLUMNS})"))
            if drop:
                run(self._statement("DROP TABLE IF EXISTS {table}"))
            elif clear:
                run(self._statement("TRUNCATE {table}"))
            upsert = self._statement(
                "INSERT INTO {known} (name, incoming, id, shape, row_count) VALUES (%s, %s, %s, %s, %s) "
                "ON CONFLICT (name) DO UPDATE SET incoming = excluded.incoming, id = excluded.id, "
                "shape = excluded.shape, row_count = excluded.row_count"
            )
            run(upsert, self._name, record.incoming, record.id, record.shape, record.rows)

    def resume(self, incoming: str, after: int | None) -> None:
        with self._server.connection.transaction():
            if after is not None:
                self._server.run(self._statement("DELETE FROM {table} WHERE {row} > %s"), after)
            self._server.run(self._statement("UPDATE {known} SET incoming = %s WHERE name = %s"), incoming, self._name)

    def store(
        self, rows: Sequence[PendingRow], before: Mapping[str, ColumnType] | None, after: Mapping[str, ColumnType]
    ) -> StoredRows:
        stored = StoredRows()
        with self._server.connection.transaction():
            if before is None:
                self._server.run(self._create(after))
            elif (alter := self._alter(before, after)) is not None:
                self._server.run(alter)
            if self._staged != after:
                self._server.run(self._statement("DROP TABLE IF EXISTS {staging}"))
                self._server.run(self._create_staging(after))
            self._store(_lines(rows, after), after, stored)
            update = self._statement("UPDATE {known} SET row_count = %s WHERE name = %s")
            self._server.run(update, rows[-1].number, self._name)
        self._staged = dict(after)
        return stored

    def delete_until(self, row: int) -> int:
        return self._server.run(self._statement("DELETE FROM {table} WHERE {row} <= %s"), row)

    def count(self, until: int | None = None) -> int:
        up_to, values = (" WHERE {row} <= %s", [until]) if until is not None else ("", [])
        ((rows,),) = self._server.rows(self._statement(f"SELECT count(*) FROM {{table}}{up_to}"), *values)
        return int(rows)

    def close(self) -> None:
        self._server.close()

    def _store(self, lines: Sequence[_Line], types: Mapping[str, ColumnType], stored: StoredRows) -> None:
        """Stores rows; one that the server refuses is stored with its identifier, and whole in `_extra`."""
        try:
            stored.deleted += self._copy(lines, types)
        except self._server.driver.Error as error:
            if (error.sqlstate or "")[:2] not in _REFUSED_ROW:
                raise
            if len(lines) > 1:
                middle = len(lines) // 2
                self._store(lines[:middle], types, stored)
                self._store(lines[middle:], types, stored)
                return
            [line] = lines
            if line.row.deletes_until is not None:  # no row can have this identifier
                return
            nulls = [b"\\N"] * len(types)
            if self._identifier is not None:
                nulls[0] = line.key
            text = b"\t".join([b"%d" % line.row.number, _escaped(line.row.item), *nulls])
            self._copy([_Line(text, line.key, line.row)], types)
            which = line.key[:60].decode(errors="replace") if self._identifier else f"row {line.row.number}"
            stored.refused.append(f"{which}: {server_message(error)}")

    def _copy(self, lines: Sequence[_Line], types: Mapping[str, ColumnType]) -> int:
        """Stores and deletes rows; returns how many were deleted."""
        gone, deleted = [line.row for line in lines if line.row.deletes_until is not None], 0
        data = b"\n".join([*(line.text for line in lines), b""])
        with self._server.connection.transaction(), self._server.connection.cursor() as cursor:
            with cursor.copy(self._composed("COPY {} FROM STDIN", self._staging)) as copy:
                copy.write(data)
            if gone and self._identifier is not None:
                key = self._quoted(self._identifier)
                names = {"table": self._quoted_name, "staging": self._staging, "row": self._quoted(ROW), "key": key}
                staged = "SELECT {key} FROM {staging} WHERE {row} = ANY(%s)"
                numbers = [row.number for row in gone]
                statement = self._composed(
                    f"DELETE FROM {{table}} WHERE {{row}} <= %s AND {{key}} IN ({staged})", **names
                )
                deleted = cursor.execute(statement, (gone[0].deletes_until, numbers)).rowcount
                cursor.execute(self._composed("DELETE FROM {staging} WHERE {row} = ANY(%s)", **names), (numbers,))
            cursor.execute(self._upsert(types), ())
            cursor.execute(self._statement("DELETE FROM {staging}"))
        return deleted

    def _create(self, types: Mapping[str, ColumnType]) -> Composed:
        columns = [*self._definitions(types), self._definition(EXTRA, "json"), self._definition(ROW, "bigint NOT NULL")]
        if self._identifier is not None:
            columns.append(self._composed("PRIMARY KEY ({})", self._quoted(self._identifier)))
        return self._composed("CREATE TABLE {} ({})", self._quoted_name, self._listed(columns))

    def _create_staging(self, types: Mapping[str, ColumnType]) -> Composed:
        columns = [self._definition(ROW, "bigint"), self._definition(EXTRA, "json"), *self._definitions(types)]
        name = self._quoted(_STAGING)
        return self._composed("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DELETE ROWS", name, self._listed(columns))

    def _alter(self, before: Mapping[str, ColumnType], after: Mapping[str, ColumnType]) -> Composed | None:
        """Adds columns and widens types; None where nothing has changed."""
        changes: list[Composed] = [
            self._composed("ADD COLUMN {}", self._definition(name, _SQL_TYPES[type_]))
            for name, type_ in after.items()
            if name not in before
        ]
        for name, type_ in after.items():
            if before.get(name, type_) != type_:
                using = self._composed(_AS_TEXT.get(before[name], "{}"), self._quoted(name))
                wider, column = self._sql.SQL(_SQL_TYPES[type_]), self._quoted(name)
                changes.append(self._composed("ALTER COLUMN {} TYPE {} USING {}", column, wider, using))
        if not changes:
            return None
        return self._composed("ALTER TABLE {} {}", self._quoted_name, self._listed(changes))

    def _upsert(self, types: Mapping[str, ColumnType]) -> Composed:
        columns = [self._quoted(name) for name in (*types, EXTRA, ROW)]
        listed = self._listed(columns)
        names = self._quoted_name, listed, listed, self._staging
        into = self._composed("INSERT INTO {} ({}) SELECT {} FROM {}", *names)
        if self._identifier is None:
            return into
        sets = [self._composed("{} = excluded.{}", each, each) for each in columns[1:]]
        conflict = " ON CONFLICT ({}) DO UPDATE SET {}"
        return into + self._composed(conflict, self._quoted(self._identifier), self._listed(sets))

    def _statement(self, text: str) -> Composed:
        """A statement in which {table}, {row}, {known} and {staging} are names."""
        known = self._composed("{}.{}", self._quoted(self._schema), self._quoted(TABLES))
        names = {"table": self._quoted_name, "row": self._quoted(ROW), "known": known, "staging": self._staging}
        return self._composed(text, **names)

    def _definitions(self, types: Mapping[str, ColumnType]) -> list[Composed]:
        return [self._definition(name, _SQL_TYPES[type_]) for name, type_ in types.items()]

    def _definition(self, name: str, type_: str) -> Composed:
        return self._composed("{} {}", self._quoted(name), self._sql.SQL(type_))

    def _composed(self, text: str, *parts: object, **names: object) -> Composed:
        composed: Composed = self._sql.SQL(text).format(*parts, **names)
        return composed

    def _quoted(self, name: str) -> Identifier:
        quoted: Identifier = self._sql.Identifier(name.replace("%", "%%"))  # statements are executed with values
        return quoted

    def _listed(self, parts: Sequence[Composed | Identifier]) -> Composed:
        listed: Composed = self._sql.SQL(", ").join(parts)
        return listed


@dataclass(frozen=True, slots=True)
class _Line:
    """A row as COPY reads it."""

    text: bytes
    key: bytes
    """Its first cell: the identifier, if it has one."""
    row: PendingRow


def _lines(rows: Sequence[PendingRow], types: Mapping[str, ColumnType]) -> list[_Line]:
    encoders = [_ENCODERS.get(type_, bytes) for type_ in types.values()]
    missing = {len(row.cells): [b"\\N"] * (len(types) - len(row.cells)) for row in rows}
    lines = []
    for row in rows:
        cells = [b"\\N" if cell is None else encode(cell) for cell, encode in zip(row.cells, encoders, strict=False)]
        extra = b"\\N" if row.extra is None else _escaped(row.extra)
        text = b"\t".join([b"%d" % row.number, extra, *cells, *missing[len(row.cells)]])
        lines.append(_Line(text, cells[0] if cells else b"", row))
    return lines


def _escaped(text: bytes) -> bytes:
    """A value in the text format of COPY."""
    if b"\\" in text:
        text = text.replace(b"\\", b"\\\\")
    if b"\n" in text or b"\r" in text or b"\t" in text:
        text = text.replace(b"\n", b"\\n").replace(b"\r", b"\\r").replace(b"\t", b"\\t")
    return text


def _text(cell: bytes) -> bytes:
    return _escaped(plain_text(cell).encode() if b"\\" in cell else cell[1:-1])


def _date(cell: bytes) -> bytes:
    return cell[1:-1]


_ENCODERS: Final[dict[ColumnType, Callable[[bytes], bytes]]] = {
    "text": _text,
    "json": _escaped,
    "date": _date,
    "datetime": _date,
    "datetime-utc": _date,
}
"""How cells are written for COPY; the others are as in JSON."""
