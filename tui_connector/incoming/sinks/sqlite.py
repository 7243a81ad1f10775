"""SQLite: a table with a row for each item, upserted by identifier."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from ...client.file_path import FilePath
from ...client.raw_json import InvalidJson, decode_json, json_type, members, plain_text
from ...templates import Json
from ..sink import (
    ForeignOutput,
    OpenSink,
    RejectedItem,
    Sink,
    SinkChanged,
    SinkContext,
    SinkError,
    SinkMissing,
    SinkWait,
    check_not_moved,
    excluded_remark,
    has_table,
    identifier_problem,
    repeated_remark,
)
from ..table import TABLES, UnlistedRows, default_table_name, quoted_name

_TIMEOUT = 30.0
"""Seconds to wait for another program's transaction."""
_BRIEFLY = 0.25
"""Seconds of it that SQLite waits by itself, in which nothing can be said."""
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Value = str | int | float | None

_HEADER = b"SQLite format 3\0"
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
"""Starts a rollback journal, and ends one that names a super-journal (https://sqlite.org/fileformat2.html §3)."""


def is_database_of_others(path: Path, table: str) -> bool:
    """Whether there is a database with tables, and not this one of ours. One that cannot be read is not ours."""
    try:
        if _read_header(path) != _HEADER:
            return False  # not there yet, empty, or no database: opening it will say so
        if _unsafe_companion(path):
            return False  # never opened
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
        return bool(names) and table not in names
    except (OSError, ValueError):
        return False
    except sqlite3.Error:
        return True


class SqliteFile:
    """The database at `path`, made where it is not there. Transactions start and end by hand."""

    def __init__(self, path: Path, wait: SinkWait) -> None:
        self.path, self._wait = path, wait
        if unsafe := _unsafe_companion(path):
            raise SinkError(unsafe, "Remove it.")
        if _is_other_format(path):  # with a journal beside it, SQLite would make a database of it
            raise self._not_a_database()
        try:
            self._connection = sqlite3.connect(path, timeout=_BRIEFLY, isolation_level=None, check_same_thread=False)
        except ValueError as error:  # a null character
            raise SinkError(f"{str(path)!r} is not a valid path: {error}", "Correct it.") from error
        except sqlite3.Error as error:
            raise self._error(error) from error
        try:
            self.run("PRAGMA journal_mode = WAL")  # others may read while we write
            self.run("PRAGMA synchronous = FULL")
            self._opened = self._file_identity()
        except SinkError:
            self.close()
            raise

    def run(self, statement: str, *values: Value) -> list[tuple[Value, ...]]:
        """The rows of a statement, once no other program has locked the database. Raises `SinkError`."""
        locked: sqlite3.Error | None = None

        def attempt() -> list[tuple[Value, ...]] | None:
            nonlocal locked
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) not in _LOCKED:
                    raise self._error(error) from error
                locked = error
                return None

        found = self._wait.until(attempt, f"{self.path} is locked by another program", _TIMEOUT)
        if found is None:
            assert locked is not None
            raise self._error(locked) from locked
        return found

    def run_many(self, statement: str, rows: Sequence[Sequence[Value]]) -> int:
        """The statement once for each row; returns how many rows it changed. Raises `SinkError`."""
        try:
            return self._connection.executemany(statement, rows).rowcount
        except (sqlite3.Error, OverflowError) as error:
            raise self._error(error) from error

    def begin(self) -> None:
        """Starts a transaction, where there is none yet."""
        if not self._connection.in_transaction:
            self.run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Raises `SinkError` also where the file was deleted, moved or replaced: nobody would find these rows."""
        if self._connection.in_transaction:
            check_not_moved(self.path, self._opened)
            self.run("COMMIT")

    def _file_identity(self) -> os.stat_result:
        try:
            return os.stat(self.path)
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Lets go; an open transaction is undone."""
        self._connection.close()

    def _error(self, error: Exception) -> SinkError:
        code = getattr(error, "sqlite_errorcode", None)
        if self.path.is_dir():
            return SinkError(f"{self.path} is a folder", "Choose a file in it.")
        if not self.path.parent.is_dir():
            return SinkError(f"The folder of {self.path} does not exist", "Create it, or correct the path.")
        if code == sqlite3.SQLITE_NOTADB:
            return self._not_a_database()
        if code in _FULL:
            return SinkError(
                f"{self.path} cannot grow: the disk is full, or it has reached its maximum size",
                "What was recorded is safe: free some space, then run again to resume.",
            )
        if code in _LOCKED:
            return SinkError(f"Another program has been writing {self.path} for {_TIMEOUT:.0f} s", "Try again later.")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or not os.access(self.path, os.W_OK):
            return SinkError(f"{self.path} cannot be written: {error}", "Check its permissions and its folder's.")
        return SinkError(f"{self.path} cannot be written: {error}")

    def _not_a_database(self) -> SinkError:
        return SinkError(
            f"{self.path} already exists and is not an SQLite database",
            "It was not changed. Choose another file, or move or empty this one.",
        )


def _read_header(path: Path) -> bytes:
    """The first bytes of a regular file; nothing of a pipe, which would wait for who writes to it."""
    if not path.is_file():
        return b""
    with open(path, "rb") as file:
        return file.read(len(_HEADER))


def _is_other_format(path: Path) -> bool:
    """Whether there is a file with content that is not a database."""
    try:
        found = _read_header(path)
    except (OSError, ValueError):  # opening it says so
        return False
    return bool(found) and found != _HEADER


def _unsafe_companion(path: Path) -> str:
    """Why opening the database could change a file elsewhere; empty if it cannot.

    SQLite opens what is beside a database, wherever a link leads. A rollback journal may end with the path of a
    super-journal, a file that SQLite deletes after the rollback, whatever it is; databases of this program have none.
    """
    for beside in ("-wal", "-shm", "-journal"):
        if os.path.islink(f"{path}{beside}"):
            return f"{path}{beside} is a symbolic link"
    try:
        if not os.path.isfile(f"{path}-journal"):
            return ""
        with open(f"{path}-journal", "rb") as journal:
            size = journal.seek(0, os.SEEK_END)
            journal.seek(max(0, size - len(_JOURNAL_MAGIC)))
            ending = journal.read()
    except (OSError, ValueError):
        return ""
    if size > len(_JOURNAL_MAGIC) and ending == _JOURNAL_MAGIC:
        return f"{path}-journal points to another file, which SQLite would delete"
    return ""


_ITEM = "item"


def _table_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", name):
        raise ValueError(
            f"{name[:80]!r} is not a valid table name: use letters, digits, _ and -, starting with a letter"
        )
    return _not_reserved(name)


def _not_reserved(name: str) -> str:
    if name.lower().startswith(("sqlite_", TABLES)):
        raise ValueError(f"{name} is used by SQLite or by this program itself")
    return name


def _check_distinct(columns: list[str]) -> list[str]:
    folded = [name.lower() for name in ("rowid", _ITEM, *columns)]  # SQLite makes no difference of case
    twice = next((name for name in columns if folded.count(name.lower()) > 1), None)
    if twice is not None:
        raise ValueError(f"the column {twice!r} already exists")
    return columns


class SqliteSink(Sink):
    """SQLite: a table with a row for each item."""

    endings: ClassVar = (".sqlite", ".sqlite3", ".db")
    kind: Literal["sqlite"] = "sqlite"
    path: FilePath = Field(title="Database", description="Relative to the profile.", examples=["store.db"])
    table: Annotated[str, AfterValidator(_table_name)] | None = Field(
        None, title="Table", description="Default: the incoming's name.", examples=["products"]
    )
    columns: Annotated[list[str], AfterValidator(_check_distinct)] = Field(
        default_factory=list,
        title="Columns",
        description=f'Fields that also get a column. The whole item is in "{_ITEM}" as JSON, its identifier in a '
        "column of that name.",
        examples=[["name", "price", "updated_at"]],
    )

    @property
    def requires_identifier(self) -> bool:
        return True

    def alters(self, file: Path) -> bool:
        return is_database_of_others(file, TABLES)

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        if context.identifier and context.identifier.lower() in ("rowid", _ITEM):
            raise SinkError(
                f"A table cannot have {context.identifier!r} as its identifier: a column of that name already exists",
                'Give the field another name with "transform".',
            )
        columns = tuple(name for name in self.columns if name != context.identifier)
        name = self.table or default_table_name(context, _not_reserved)
        table = _TableShape(name, context.name, context.identifier, columns)
        file = context.output(self.path)
        if self.alters(file) and not context.paths.grants.has(context.paths.alter_capability(self.path)):
            raise SinkError(
                f"{file} is a database of another program, and this profile is not trusted to alter it",
                "Use another database, or allow it: tui-connector trust PROFILE.",
            )
        database = SqliteFile(file, context.wait)
        try:
            return _OpenSqlite(database, table, position, context)
        except SinkError:
            database.close()
            raise


@dataclass(frozen=True, slots=True)
class _TableShape:
    """How the table looks, and for which incoming it is."""

    name: str
    incoming: str
    identifier: str | None
    columns: tuple[str, ...]

    @property
    def quoted(self) -> str:
        return quoted_name(self.name)

    @property
    def shape(self) -> str:
        return json.dumps([self.identifier, self.columns])

    def create(self) -> str:
        """`rowid` is declared, so that VACUUM does not change it: positions are numbers of rows."""
        key = [f"{quoted_name(self.identifier)} NOT NULL UNIQUE"] if self.identifier else []
        parts = ["rowid INTEGER PRIMARY KEY", *key, f"{_ITEM} TEXT NOT NULL", *map(quoted_name, self.columns)]
        return f"CREATE TABLE {self.quoted} ({', '.join(parts)})"

    def renumber(self, start: int, last: int) -> str:
        """Moves the row of an identifier behind all others and behind `last`, if it is one of the first `start`."""
        assert self.identifier is not None
        return (
            f"UPDATE {self.quoted} SET rowid = {self._next(last)} "
            f"WHERE {quoted_name(self.identifier)} = ? AND rowid <= {start:d}"
        )

    def delete(self, start: int | None) -> str:
        """Deletes the row of an identifier, if it is one of the first `start`, or any."""
        assert self.identifier is not None
        until = "" if start is None else f" AND rowid <= {start:d}"
        return f"DELETE FROM {self.quoted} WHERE {quoted_name(self.identifier)} = ?{until}"

    def _next(self, last: int) -> str:
        """The number behind all rows and behind `last`, which is greater where the last rows were deleted."""
        return f"max(ifnull((SELECT max(rowid) FROM {self.quoted}), 0), {last:d}) + 1"

    def insert(self, last: int | None = None) -> str:
        """Inserts or updates a row. `last`: see `_next`; None where the last row is there."""
        names = [*([self.identifier] if self.identifier else []), _ITEM, *self.columns]
        places = ", ".join("?" for _ in names)
        update = ", ".join(f"{quoted_name(name)} = excluded.{quoted_name(name)}" for name in (_ITEM, *self.columns))
        conflict = f" ON CONFLICT ({quoted_name(self.identifier)}) DO UPDATE SET {update}" if self.identifier else ""
        columns = ", ".join(map(quoted_name, names))
        if last is not None:
            columns, places = f"rowid, {columns}", f"{self._next(last)}, {places}"
        return f"INSERT INTO {self.quoted} ({columns}) VALUES ({places}){conflict}"


class _OpenSqlite(OpenSink):
    """Rows and how many there are become durable in one transaction.

    Killed between that and the ledger's record, rows are ahead of it: they are read again, and updated again. Without
    an identifier, those after the recorded row are deleted when the run continues.
    """

    def __init__(self, database: SqliteFile, table: _TableShape, position: Json, context: SinkContext) -> None:
        """The table is known as the incoming's own by the id in the last position that was recorded."""
        self._database, self._table, self._recorded = database, table, context.known
        self._unlisted = UnlistedRows(context)
        self._id = ""
        """Of the table; empty in one that an earlier version made."""
        self._rows = 0
        self._repeated, self._example, self._excluded = 0, "", 0
        self._is_new = self._must_begin = position is None
        known = self._known()
        self._keeps_rows = table.identifier is not None and known is not None and known[0] == table.shape
        """Whether rows of earlier runs stay until the end of one that reads everything."""
        if position is not None:
            self._resume(position, known)
            if context.resumes:
                self._unlisted.resume(position)

    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        assert not self._must_begin, "sync comes before the first write"
        rows: list[list[Value]] = []
        rejected: list[RejectedItem] = []
        for index, item in enumerate(items):
            fields = members(item) if json_type(item) == "object" else {}
            reason = identifier_problem(fields, self._table.identifier)
            if reason:
                rejected.append(RejectedItem(index, reason))
            else:
                rows.append(self._row(item, fields))
        self._database.begin()
        start = self._unlisted.start
        if start:
            self._database.run_many(self._table.renumber(start, self._rows), [row[:1] for row in rows])
        self._database.run_many(self._table.insert(self._rows if self._last_row() < self._rows else None), rows)
        before, self._rows = self._rows, max(self._rows, self._last_row())
        if self._is_new and (repeated := len(rows) - (self._rows - before)):
            self._example = self._example or self._first_repeated(rows, before)
            self._repeated += repeated
        return rejected

    deletes = True

    def delete(self, items: Sequence[bytes]) -> None:
        identifier, start = self._table.identifier, self._unlisted.start
        if identifier is None or start == 0:  # there are no rows of earlier runs
            return
        fields = [members(item) for item in items if json_type(item) == "object"]
        keys = [[_stored(each[identifier])] for each in fields if not identifier_problem(each, identifier)]
        self._database.begin()
        self._excluded += self._database.run_many(self._table.delete(start), keys)

    def sync(self) -> Json:
        self._database.begin()
        if self._must_begin:
            self._begin()
        self._database.run(f"UPDATE {TABLES} SET row_count = ? WHERE name = ?", self._rows, self._table.name)
        self._database.commit()
        return {"rows": self._rows, "table": self._id, **self._unlisted.position()}

    def complete(self, mark: str | None) -> None:
        self._database.begin()
        self._unlisted.end(self.failed, self._delete_until, self._count_until)

    def remarks(self) -> Sequence[str]:
        said = self._unlisted.remarks()
        if self._excluded:
            said.append(excluded_remark(self._excluded))
        if self._repeated:
            said.append(repeated_remark(self._repeated, self._table.identifier, self._example))
        return said

    def close(self) -> None:
        self._database.close()

    def _known(self) -> tuple[str, int] | None:
        """The table's shape and its last durable row, where it is ours; None where there is none of its name."""
        name = self._table.name
        found = self._database.run("SELECT name FROM sqlite_master WHERE lower(name) = lower(?)", name)
        marks = self._database.run("SELECT 1 FROM sqlite_master WHERE name = ?", TABLES)
        identified = marks and any(column[1] == "id" for column in self._database.run(f"PRAGMA table_info({TABLES})"))
        columns = f"incoming, shape, row_count, {'id' if identified else 'NULL'}"
        mine = marks and self._database.run(f"SELECT {columns} FROM {TABLES} WHERE name = ?", name)
        if not found:
            return None
        if not mine:
            raise SinkError(
                f"{self._database.path} has a table {name!r} that was not created by this program",
                'It was not changed. Use another "table" in the sink.',
            )
        incoming, known_shape, rows, table_id = mine[0]
        self._id = str(table_id or "")
        renamed = bool(self._id) and self._is_recorded()
        if incoming != self._table.incoming and not renamed:
            raise self._foreign(f"belongs to the incoming {incoming!r}", 'Use another "table" in the sink.')
        last = self._last_row()
        if last > int(rows or 0):  # rows and their number are recorded in one transaction
            raise SinkChanged(
                f"The table {name!r} in {self._database.path} has rows up to {last}, but this configuration wrote "
                f"{rows or 0}: another program has added rows",
                f"Nothing was changed. Move the rows whose rowid is above {rows or 0} to another table, or use "
                'another "table" in the sink.',
            )
        if last and not self._is_recorded():
            raise self._foreign(
                "has rows and was not written by this configuration",
                'It was not changed. Use another path or another "table" in the sink. If nobody needs those rows, '
                "delete the table.",
            )
        return str(known_shape), int(rows or 0)

    def _foreign(self, why: str, hint: str) -> ForeignOutput:
        table, there = f"The table {self._table.name!r} in {self._database.path}", self._id
        return ForeignOutput(f"{table} {why}", hint, table, lambda position: has_table(position, there))

    def _is_recorded(self) -> bool:
        """Whether this incoming has recorded a position in this very table."""
        recorded = self._recorded
        return isinstance(recorded, dict) and (recorded.get("table") or "") == self._id

    def _resume(self, position: Json, known: tuple[str, int] | None) -> None:
        rows = position.get("rows") if isinstance(position, dict) else None
        table = f"The table {self._table.name!r} in {self._database.path}"
        if known is None:
            raise SinkMissing(f"{table} is gone", "Start over with --full.")
        if not isinstance(rows, int) or rows < 0 or known[1] < rows:
            raise SinkMissing(f"{table} does not have the content that earlier runs wrote", "Start over with --full.")
        if known[0] != self._table.shape:
            raise SinkMissing(f"{table} has columns that differ from the sink's", "Start over with --full.")
        self._rows = known[1]
        self._database.begin()
        if self._table.identifier is None:
            self._rows = rows
            self._database.run(f"DELETE FROM {self._table.quoted} WHERE rowid > ?", rows)
        values = (self._rows, self._table.incoming, self._table.name)
        self._database.run(f"UPDATE {TABLES} SET row_count = ?, incoming = ? WHERE name = ?", *values)
        self._database.commit()

    def _begin(self) -> None:
        """Makes the table known as this run's own."""
        run, table = self._database.run, self._table
        columns = "name TEXT PRIMARY KEY, incoming TEXT, shape TEXT, row_count INTEGER, id TEXT"
        run(f"CREATE TABLE IF NOT EXISTS {TABLES} ({columns})")
        if all(column[1] != "id" for column in run(f"PRAGMA table_info({TABLES})")):
            run(f"ALTER TABLE {TABLES} ADD COLUMN id TEXT")
        self._id = self._id or secrets.token_hex(8)
        if not self._keeps_rows:
            run(f"DROP TABLE IF EXISTS {table.quoted}")
            run(table.create())
        self._rows = self._last_row()
        names, values = (
            "name, incoming, shape, row_count, id",
            (table.name, table.incoming, table.shape, self._rows, self._id),
        )
        run(f"INSERT OR REPLACE INTO {TABLES} ({names}) VALUES (?, ?, ?, ?, ?)", *values)
        self._unlisted.begin(self._rows)
        self._must_begin = False

    def _last_row(self) -> int:
        ((rows,),) = self._database.run(f"SELECT max(rowid) FROM {self._table.quoted}")
        return rows if isinstance(rows, int) else 0

    def _delete_until(self, row: int) -> int:
        count = self._count_until(row)
        self._database.run(f"DELETE FROM {self._table.quoted} WHERE rowid <= ?", row)
        return count

    def _count_until(self, row: int) -> int:
        ((rows,),) = self._database.run(f"SELECT count(*) FROM {self._table.quoted} WHERE rowid <= ?", row)
        return int(rows or 0)

    def _first_repeated(self, rows: Sequence[Sequence[Value]], before: int) -> str:
        """The first identifier among `rows` that an earlier item had."""
        assert self._table.identifier is not None
        is_it = f"{quoted_name(self._table.identifier)} = ? AND rowid <= ? AND rowid > ?"
        was_there, start = f"SELECT 1 FROM {self._table.quoted} WHERE {is_it}", self._unlisted.start or 0
        seen: set[Value] = set()
        for identifier, *_ in rows:
            if identifier in seen or self._database.run(was_there, identifier, before, start):
                return repr(identifier)
            seen.add(identifier)
        return "not found again"

    def _row(self, item: bytes, fields: dict[str, bytes]) -> list[Value]:
        key = [_stored(fields[self._table.identifier])] if self._table.identifier else []
        return [*key, item.decode(), *(_stored(fields.get(name, b"null")) for name in self._table.columns)]


def _stored(text: bytes) -> Value:
    """A JSON text as SQLite keeps it; what it has no type for stays JSON."""
    match json_type(text):
        case "null":
            return None
        case "boolean":
            return int(text == b"true")
        case "number":
            return _number(text)
        case _:
            return plain_text(text).encode(errors="backslashreplace").decode()  # no bytes for a lone surrogate


def _number(text: bytes) -> Value:
    try:
        number = decode_json(text)
    except InvalidJson:  # too long to count with
        return text.decode()
    if isinstance(number, int) and abs(number) >= 2**63:
        return text.decode()
    assert isinstance(number, int | float)
    return number
