"""A SQLite file that belongs to its user: opened with care, and every failure in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from .sink import SinkError, refuse_moved

_PATIENCE = 30.0
"""Seconds to wait for another program's transaction."""
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Value = str | int | float | None

_HEADER = b"SQLite format 3\0"
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
"""Begins a rollback journal, and ends one that names a super-journal (https://sqlite.org/fileformat2.html §3)."""


def is_database_of_others(path: Path, table: str) -> bool:
    """Whether there is a database with tables, and not this one of ours. One that cannot be read is not ours."""
    try:
        if _start(path) != _HEADER:
            return False  # not there yet, empty, or no database: opening it will say so
        if _unsafe_beside(path):
            return False  # never opened
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
        return bool(names) and table not in names
    except (OSError, ValueError):
        return False
    except sqlite3.Error:
        return True


class Database:
    """The database at `path`, made where it is not there. Transactions begin and end by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if unsafe := _unsafe_beside(path):
            raise SinkError(unsafe, "Remove it.")
        if _is_other_file(path):  # with a journal beside it, SQLite would make a database of it
            raise self._not_a_database()
        try:
            self._connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        except ValueError as error:  # a null character
            raise SinkError(f"{str(path)!r} is no path: {error}", "Correct it.") from error
        except sqlite3.Error as error:
            raise self._failed(error) from error
        try:
            self.run("PRAGMA journal_mode = WAL")  # others may read while we write
            self.run("PRAGMA synchronous = FULL")
            self._opened = self._about()
        except SinkError:
            self.close()
            raise

    def run(self, statement: str, *values: Value) -> list[tuple[Value, ...]]:
        """The rows of a statement. Raises `SinkError`."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def run_many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        """The statement once for each row. Raises `SinkError`."""
        try:
            self._connection.executemany(statement, rows)
        except (sqlite3.Error, OverflowError) as error:
            raise self._failed(error) from error

    def begin(self) -> None:
        """Begins a transaction, where there is none yet."""
        if not self._connection.in_transaction:
            self.run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Raises `SinkError` also where the file was deleted, moved or replaced: nobody would find these rows."""
        if self._connection.in_transaction:
            refuse_moved(self.path, self._opened)
            self.run("COMMIT")

    def _about(self) -> os.stat_result:
        try:
            return os.stat(self.path)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Lets go; an open transaction is undone."""
        self._connection.close()

    def _failed(self, error: Exception) -> SinkError:
        code = getattr(error, "sqlite_errorcode", None)
        if self.path.is_dir():
            return SinkError(f"{self.path} is a folder", "Name a file in it.")
        if not self.path.parent.is_dir():
            return SinkError(f"The folder of {self.path} is not there", "Make it, or correct the path.")
        if code == sqlite3.SQLITE_NOTADB:
            return self._not_a_database()
        if code in _FULL:
            return SinkError(
                f"{self.path} cannot grow: the disk is full, or its largest size is reached",
                "What was recorded is safe: make room, and run again to go on from there.",
            )
        if code in _LOCKED:
            return SinkError(f"Another program has been writing {self.path} for {_PATIENCE:.0f} s", "Try again later.")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or not os.access(self.path, os.W_OK):
            return SinkError(f"{self.path} cannot be written: {error}", "Check its permissions and its folder's.")
        return SinkError(f"{self.path} cannot be written: {error}")

    def _not_a_database(self) -> SinkError:
        return SinkError(
            f"{self.path} is there already, and is no SQLite database",
            "It is left as it is. Name another file, or move or empty that one.",
        )


def _start(path: Path) -> bytes:
    """The first bytes of a regular file; nothing of a pipe, which would wait for who writes to it."""
    if not path.is_file():
        return b""
    with open(path, "rb") as file:
        return file.read(len(_HEADER))


def _is_other_file(path: Path) -> bool:
    """Whether there is a file with content that is not a database."""
    try:
        found = _start(path)
    except (OSError, ValueError):  # opening it says so
        return False
    return bool(found) and found != _HEADER


def _unsafe_beside(path: Path) -> str:
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
        return f"{path}-journal names another file, which SQLite would delete"
    return ""
