"""The file of a ledger: where it is, how it is opened, and what may be wrong with it. It loads no more than sqlite3."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ..files import state_remedy
from .ledger_rows import RunRow

_VERSION = 2
_BUSY = 5.0
"""Seconds to wait for another program that has the file open, such as a backup."""

_SCHEMA = """
create table run (
    id integer primary key, began text not null, ended text, state text not null, fingerprint text not null,
    asked text not null, since text, moves_mark integer not null, store_began text, newest text,
    position text, sink text, read integer not null default 0, items integer not null default 0,
    failed integer not null default 0, dropped integer not null default 0, requests integer not null default 0,
    retries integer not null default 0, seconds real not null default 0, expected integer,
    reason text not null default '', at_end integer not null default 0, closed text
);
create table mark (
    one integer primary key check (one = 1), value text, fingerprint text not null, sink text not null
);
create table seen (run integer not null, at text not null, identifier text not null, digest blob not null);
create index seen_at on seen (run, at);
create index seen_identifier on seen (identifier);
create table content (identifier text primary key, digest blob not null) without rowid;
create table failure (run integer not null, record text not null, message text not null, exchange integer);
"""

_AT_END_BEFORE = "position = 'null' and read > 0"
"""In version 1 the end had the same position as the beginning; but at the beginning, nothing has been read."""
_FROM_VERSION_1 = f"""
alter table run add column at_end integer not null default 0;
alter table run add column closed text;
update run set at_end = {_AT_END_BEFORE};
update run set closed = sink where state = 'complete';
"""


class LedgerError(Exception):
    """The ledger cannot be used; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}"


class AlreadyRunning(LedgerError):
    """Another run of the same incoming is under way."""


def ledger_file(state: Path, profile: Path, incoming: str, out: str = "") -> Path:
    """Where the ledger of an incoming is; one that writes elsewhere than its profile says has its own."""
    # not resolve(), which fails where links lead in a circle
    real, output = Path(os.path.realpath(profile)), os.path.realpath(out) if out else ""

    def at(stem: str, written: str) -> Path:
        whole = f"{real}\0{written}".encode("utf-8", "surrogateescape")  # a name on the disk need not be UTF-8
        place = hashlib.sha256(whole).hexdigest()[:12]
        return state / "incoming" / f"{stem}-{place}" / f"{incoming}.sqlite"

    found = at(real.stem, output)
    if found.exists():
        return found
    # ledgers were once named by what was typed: a link's own name, and --out as it was written
    relative = os.path.relpath(output) if out else ""
    before = [at(stem, each) for stem in (real.stem, profile.stem) for each in (out, relative, f"./{relative}", output)]
    return next((path for path in before if path.exists()), found)


def last_run(path: Path) -> tuple[RunRow | None, bool]:
    """The latest run in a ledger, without holding it, and whether it is under way at this moment."""
    if not path.exists():
        return None, False
    with explained(path), contextlib.closing(read_only(path)) as database:
        row = database.execute(f"select {_columns(database)} from run order by id desc limit 1").fetchone()
    return (run_row(row) if row else None), _is_held(path.with_suffix(".lock"))


def read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)


COLUMNS = ", ".join(RunRow.__slots__)


def _columns(database: sqlite3.Connection) -> str:
    """The columns of a run in a ledger that is only read, and may be of version 1."""
    if database.execute("pragma user_version").fetchone()[0] != 1:
        return COLUMNS
    return COLUMNS.replace("at_end", f"coalesce({_AT_END_BEFORE}, 0)").replace("closed", "null")


def _is_held(lock: Path) -> bool:
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


def run_row(row: tuple[object, ...]) -> RunRow:
    values = dict(zip(RunRow.__slots__, row, strict=True))
    for name in ("position", "sink", "closed"):
        values[name] = json.loads(str(values[name])) if values[name] is not None else None
    for name in ("moves_mark", "at_end"):
        values[name] = bool(values[name])
    return RunRow(**values)  # type: ignore[arg-type]  # the columns of the table above


def open_database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY)
    try:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        make_current(database, path)
        if path.exists():
            path.chmod(0o600)
    except BaseException:
        database.close()
        raise
    return database


def make_current(database: sqlite3.Connection, path: Path) -> None:
    """Gives it the tables, or brings those of an older version up to date. Raises `LedgerError` for a newer one."""
    version = database.execute("pragma user_version").fetchone()[0]
    if version > _VERSION:
        raise LedgerError(
            f"The ledger {path} was written by a newer version of this program",
            "Use that version, or move the file away: the next run then starts over.",
        )
    if version < _VERSION:
        change = _SCHEMA if version == 0 else _FROM_VERSION_1
        database.executescript(f"begin immediate; {change} pragma user_version = {_VERSION}; commit;")


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
        "Make room there, then run again: what was recorded is safe, and the next run resumes from it.",
    )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise _explanation(path, error) from error


def _explanation(path: Path, error: Exception) -> LedgerError:
    """By SQLite's code (https://sqlite.org/rescode.html); its low byte is the kind, the whole says more."""
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
        "Move it away, with its -wal file: the next run then starts over, and what was written stays.",
    )
