"""The database of a ledger that one run at a time holds: a private SQLite file in the state directory, or shared.

The lock of a killed run is released at once: of a file by the kernel, of a shared one by the server.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import platform
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal, Protocol, Self

from ..errors import UserError
from ..files import make_private, open_private, state_remedy

log = logging.getLogger(__name__)

_BUSY = 5.0
"""Seconds to wait for whatever else has the file open, such as a backup."""
_PAUSE = 0.02
"""Seconds between two attempts to have it alone."""


class LedgerError(UserError):
    """The ledger cannot be used; "already-running": another run of the same configuration holds it."""

    def __init__(self, message: str, hint: str, code: str = "ledger") -> None:
        super().__init__(code, message, hint)


class ResultRows(Protocol):
    """The result of a statement, as a cursor of `sqlite3` has it."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """A connection, as `sqlite3` has it: the first change begins a transaction, which `with` commits or rolls back."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> ResultRows: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Any: ...

    def commit(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> Any: ...


Family = Literal["incoming", "outgoing"]
"""Which tables a ledger has."""


class SharedPlace(ABC):
    """A ledger that is not a file of this machine. The methods block, and raise `LedgerError`."""

    stem: str
    """The name of the configuration."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether a run has been recorded in it."""

    @abstractmethod
    def is_held(self) -> bool:
        """Whether a run holds it now."""

    @abstractmethod
    def open(self, family: Family, used: str = "") -> Database:
        """Opens it, and holds it until the database is closed if `used` says what for, as `LedgerDatabase.USE`."""

    @abstractmethod
    def errors(self) -> AbstractContextManager[None]:
        """Turns the errors of the database into `LedgerError`."""


LedgerPlace = Path | SharedPlace
"""Where a ledger is: a file, or a shared one."""


def open_reader(place: LedgerPlace, family: Family) -> Database:
    """Opens a ledger that another process may hold, to read it. Raises `sqlite3.Error`, or `LedgerError`."""
    return read_only(place) if isinstance(place, Path) else place.open(family)


def is_running(place: LedgerPlace) -> bool:
    """Whether a run holds the ledger now."""
    return is_held(place.with_suffix(".lock")) if isinstance(place, Path) else place.is_held()


def is_new(database: Database) -> bool:
    """Whether the first run was killed before it had made the tables."""
    return isinstance(database, sqlite3.Connection) and not database.execute("pragma user_version").fetchone()[0]


def read_only(path: Path) -> sqlite3.Connection:
    """A read-only connection to a ledger that another process may hold. Raises `sqlite3.Error`.

    After a power failure, SQLite first has to complete the file from its log, which needs a connection that may write.
    """
    location = path.absolute().as_uri()
    database = sqlite3.connect(f"{location}?mode=ro", uri=True, timeout=1)
    try:
        database.execute("select 1 from sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        database.close()
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
        database = sqlite3.connect(f"{location}?mode=rw", uri=True, timeout=1)
        database.execute("pragma query_only = on")
    return database


def is_held(lock: Path) -> bool:
    """Whether a run holds this lock now."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


_NOT_WRITABLE = "Make the state directory writable, or set XDG_STATE_HOME to one that is."
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unusable(path: Path, error: OSError) -> LedgerError:
    """Why the ledger's folder or its lock cannot be used."""
    if error.errno in _FULL:
        return _disk_full(path)
    return LedgerError(f"The ledger {path} cannot be written: {error.strerror}", state_remedy(error))


def _disk_full(path: Path) -> LedgerError:
    return LedgerError(
        f"The ledger {path} cannot grow: the disk is full, or a quota is reached",
        "Free some space, then run again: what was recorded is safe, and the next run resumes from it.",
    )


@contextlib.contextmanager
def explained(place: LedgerPlace) -> Iterator[None]:
    """Turns errors of the database, and of values that it cannot store, into `LedgerError`."""
    if not isinstance(place, Path):
        with place.errors():
            yield
        return
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise _explanation(place, error) from error


def _explanation(path: Path, error: Exception) -> LedgerError:
    """By SQLite's result code (https://sqlite.org/rescode.html): its low byte is the primary code."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    kind = code & 0xFF
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerError(f"The ledger {path} is locked by another program", "Close what has it open, then run again.")
    if kind == sqlite3.SQLITE_FULL or code in (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE):
        return _disk_full(path)
    if kind in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return LedgerError(f"The ledger {path} cannot be written: {error}", _NOT_WRITABLE)
    if kind == sqlite3.SQLITE_IOERR:
        return LedgerError(
            f"The disk failed to read or write the ledger {path}: {error}",
            "Check the disk, or set XDG_STATE_HOME to a directory on another one.",
        )
    return LedgerError(
        f"The ledger {path} is damaged: {error}",
        "Move it away, with its -wal file. The next run then starts over: an outgoing sends everything again.",
    )


def _set_journal(database: Database, mode: Literal["wal", "delete"]) -> None:
    """Waits until nothing else has the file open, such as a page of this program that reads the last runs.

    SQLite does not wait for that, unlike for a lock (https://sqlite.org/wal.html#busy). Raises `sqlite3.Error`.
    """
    for left in reversed(range(round(_BUSY / _PAUSE))):
        try:
            database.execute(f"pragma journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not left:
                raise
            time.sleep(_PAUSE)
        else:
            return


class LedgerDatabase:
    """An open database, held by this process alone. A context manager.

    A subclass gives its current `VERSION` and, in `CHANGES`, the SQL that updates a database of each older version (0:
    an empty file).
    """

    FAMILY: ClassVar[Family]
    VERSION: ClassVar[int]
    CHANGES: ClassVar[Mapping[int, str]]
    USE: ClassVar[str]
    """What a run does with its part of the profile, for messages: "read" or "sent"."""
    WITHOUT: ClassVar[str] = ""
    """What else happens if the next run has no ledger, for messages."""

    def __init__(self, path: LedgerPlace | None, *, holds: bool = True) -> None:
        """Opens or creates it; None: in memory, for a run that leaves nothing behind.

        `holds`: otherwise a shared one is only read, and what is changed is not kept. Raises `LedgerError`.
        """
        self.path: LedgerPlace = path or Path(":memory:")
        self._lock = -1
        self._opened: os.stat_result | None = None
        self._database: Database
        self._scope = ""
        """The columns with which the keys of all tables begin, and a comma."""
        if isinstance(path, SharedPlace):
            self._database, self._scope = path.open(self.FAMILY, self.USE if holds else ""), "ledger, "
            return
        if path is None:
            self._database = self._open(Path(":memory:"))
            return
        try:
            self._hold(path)
            with explained(path):
                self._database = self._open(path)
            self._opened = os.stat(path)
        except BaseException:
            if self._lock >= 0:
                os.close(self._lock)
            raise

    def _hold(self, path: Path) -> None:
        try:
            make_private(path.parent)
            self._lock = open_private(path.with_suffix(".lock"), os.O_RDWR)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._lock, 0)
            os.close(open_private(path, os.O_RDWR))  # SQLite would make it, and its -wal, as the umask says
            os.pwrite(self._lock, f"process {os.getpid()} on {platform.node()}".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(self._lock, 1_000, 0).decode("utf-8", "replace").strip() or "another run"
            log.warning("the ledger %s is held by %s", path, holder)
            raise LedgerError(
                f"{path.stem} is already being {self.USE} by {holder}", "Wait for it, or stop it.", "already-running"
            ) from error
        except OSError as error:
            raise unusable(path, error) from error

    def _refuse_moved(self) -> None:
        """Raises `LedgerError` if the path leads to another file now: what is written would be lost silently."""
        if self._opened is None or not isinstance(self.path, Path):
            return
        try:
            found: os.stat_result | None = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            found = None
        except OSError as error:
            raise unusable(self.path, error) from error
        if found is None or (found.st_dev, found.st_ino) != (self._opened.st_dev, self._opened.st_ino):
            raise LedgerError(
                f"The ledger {self.path} was {'deleted or moved' if found is None else 'replaced'} during the run, so "
                "its progress cannot be recorded",
                f"Put the ledger back and run again; without it the next run starts over{self.WITHOUT}.",
            )

    def _open(self, path: Path) -> sqlite3.Connection:
        database = sqlite3.connect(path, timeout=_BUSY)
        try:
            _set_journal(database, "wal")
            database.execute("pragma synchronous = full")
            database.execute("pragma secure_delete = on")  # entities that are not kept leave the file, too
            self._make_current(database, path)
            if path.exists():
                path.chmod(0o600)
        except BaseException:
            database.close()
            raise
        return database

    def _make_current(self, database: sqlite3.Connection, path: Path) -> None:
        """Creates the tables, or updates those of an older version. Raises `LedgerError` for a newer one."""
        version = database.execute("pragma user_version").fetchone()[0]
        if version > self.VERSION:
            raise LedgerError(
                f"The ledger {path} was written by a newer version of this program",
                "Use that version, or move the file away: the next run then starts over.",
            )
        if version < self.VERSION:
            changes = f"{self.CHANGES[version]} pragma user_version = {self.VERSION}"
            database.executescript(f"begin immediate; {changes}; commit;")

    def _copy_from(self, path: Path) -> None:
        """Replaces the content of this database, which is in memory, with that of a file. Raises `LedgerError`."""
        with explained(path), contextlib.closing(read_only(path)) as database:
            assert isinstance(self._database, sqlite3.Connection)
            database.backup(self._database)
            self._make_current(self._database, path)

    def move(self, path: Path) -> None:
        """Moves the file, and closes it. Raises `LedgerError` if that is not possible; then it is where it was."""
        assert isinstance(self.path, Path)
        with explained(self.path):
            _set_journal(self._database, "delete")  # nothing is left in a second file
            self._database.close()
        try:
            make_private(path.parent)
            os.rename(self.path, path)
        except OSError as error:
            raise unusable(path, error) from error

    def close(self) -> None:
        self._database.close()
        if self._lock >= 0:
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
