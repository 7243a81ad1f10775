"""The ledger of one incoming: how far its run has come, its mark, and its last runs. SQLite, in the state directory.

It is written in the run's writing thread only, after the items it speaks of have been made durable. One run at a time
may hold it; a killed one lets go of it at once, because the lock is the kernel's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..files import make_private, open_private
from ..secrets.places import without_any_secret
from .ledger_file import (
    COLUMNS,
    AlreadyRunning,
    explained,
    make_current,
    open_database,
    read_only,
    run_row,
    unusable,
)
from .ledger_rows import Failed, Mark, RunRow, State, Step

if TYPE_CHECKING:
    from ..placeholder import Json
    from .incremental import Seen

_RUNS_KEPT = 50
_FAILURES_KEPT = 10_000


class Ledger:
    """An open ledger, held by this run alone. A context manager."""

    def __init__(self, path: Path | None) -> None:
        """Opens it, or makes it; None: in memory, for a run that leaves nothing behind.

        Raises `AlreadyRunning` and `LedgerError`.
        """
        self.path = path or Path(":memory:")
        self._lock = -1
        if path is None:
            self._database = open_database(self.path)
            return
        try:
            self._hold(path)
            with explained(path):
                self._database = open_database(path)
        except BaseException:
            if self._lock >= 0:
                os.close(self._lock)
            raise

    @classmethod
    def copy_of(cls, path: Path | None) -> Ledger:
        """What a ledger says now, in memory: to be looked at, without holding it. Raises `LedgerError`."""
        copy = cls(None)
        if path is not None and path.exists():
            with explained(path), contextlib.closing(read_only(path)) as database:
                database.backup(copy._database)
                make_current(copy._database, path)
        return copy

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
            raise AlreadyRunning(
                f"{path.stem} is being read already, by {holder}", "Wait for it, or stop it."
            ) from error
        except OSError as error:
            raise unusable(path, error) from error

    def last(self) -> RunRow | None:
        """The latest run, of whatever state."""
        return next(self._rows("order by id desc limit 1"), None)

    def last_complete(self) -> RunRow | None:
        """The latest run that read its whole list."""
        return next(self._rows("where state = 'complete' order by id desc limit 1"), None)

    def known_sink(self) -> tuple[Json, Json]:
        """The sink's position that the last run that wrote recorded, and what it held in whole at the run's end.

        That is None after a run that was killed.
        """
        row = self._one("select sink, closed from run where sink is not null order by id desc limit 1")
        return (json.loads(row[0]), json.loads(row[1]) if row[1] else None) if row else (None, None)

    def mark(self) -> Mark | None:
        """Where the last complete run ended that moved the mark."""
        row = self._one("select value, fingerprint, sink from mark")
        return Mark(row[0], row[1], json.loads(row[2])) if row else None

    def begin(
        self, began: str, fingerprint: str, asked: str, since: str | None, *, moves_mark: bool, forget: bool
    ) -> RunRow:
        """A new run, in place of one that has not ended. `forget` gives up what is known of contents.

        It counts once `confirm` or a step records it.
        """
        with explained(self.path):
            database = self._database
            database.execute("update run set state = 'stopped', ended = ? where state = 'running'", (began,))
            if forget:
                database.execute("delete from content")
            # what an unfinished run had seen is cut off with it, and must not be left out
            database.execute(
                "delete from seen where run in (select id from run where state not in ('complete', 'incomplete'))"
            )
            values = (began, fingerprint, without_any_secret(asked), since, moves_mark)
            database.execute(
                "insert into run (began, fingerprint, asked, since, moves_mark, state)"
                " values (?, ?, ?, ?, ?, 'running')",
                values,
            )
        row = self.last()
        assert row is not None
        return row

    def resume(self, run: RunRow) -> None:
        """Takes up a run that has not ended. It counts once `confirm` or a step records it."""
        with explained(self.path):
            self._database.execute(
                "update run set state = 'running', ended = null, reason = '' where id = ?", (run.id,)
            )

    def confirm(self) -> None:
        """Records the run that was begun or resumed: until then, closing the ledger leaves everything as it was."""
        with explained(self.path):
            self._database.commit()

    def step(
        self,
        run: RunRow,
        step: Step,
        failed: Iterable[Failed] = (),
        seen: Iterable[Seen] = (),
        contents: Iterable[tuple[str, bytes]] = (),
        forget_before: str | None = None,
        *,
        last: bool = False,
    ) -> None:
        """One durable step: the data it speaks of is on the disk already. The last one counts with the run's `end`."""
        transaction = contextlib.nullcontext(self._database) if last else self._database
        with explained(self.path), transaction as database:
            database.execute(
                "update run set position = ?, at_end = ?, sink = ?, closed = null, read = ?, items = ?, failed = ?,"
                " dropped = ?, requests = ?, retries = ?, seconds = ?, expected = ?, store_began = ?,"
                " newest = ? where id = ?",
                (
                    json.dumps(step.position),
                    step.at_end,
                    json.dumps(step.sink),
                    *(step.read, step.items, step.failed, step.dropped, step.requests, step.retries, step.seconds),
                    *(step.expected, step.store_began, step.newest, run.id),
                ),
            )
            database.executemany(
                "insert into failure values (?, ?, ?, ?)",
                (
                    (run.id, without_any_secret(each.record), without_any_secret(each.message), each.exchange)
                    for each in failed
                ),
            )
            database.executemany(
                "insert into seen values (?, ?, ?, ?)",
                ((run.id, each.at, each.identifier, each.digest) for each in seen),
            )
            database.executemany("insert or replace into content values (?, ?)", contents)
            if forget_before is not None:
                database.execute("delete from seen where run = ? and at < ?", (run.id, forget_before))

    def end(
        self,
        run: RunRow,
        state: State,
        ended: str,
        reason: str = "",
        mark: Mark | None = None,
        closed: Json = None,
        *,
        forget_before: str | None = None,
    ) -> None:
        """The run has ended; a complete one may move the mark, and with it what is known to have been read.

        `closed`: all that the sink holds now, as a position; None where that is not known, or as it was before.
        `forget_before`: the date before which nothing needs to be known any more, where the mark has moved.
        """
        with explained(self.path), self._database as database:
            database.execute(
                "update run set state = ?, ended = ?, reason = ?, closed = coalesce(?, closed) where id = ?",
                (state, ended, without_any_secret(reason), None if closed is None else json.dumps(closed), run.id),
            )
            if mark is not None:
                values = (mark.value, mark.fingerprint, json.dumps(mark.sink))
                database.execute("insert or replace into mark values (1, ?, ?, ?)", values)
            if forget_before is not None:
                database.execute("delete from seen where run < ? or at < ?", (run.id, forget_before))
            database.execute("delete from failure where run < ?", (run.id - _RUNS_KEPT,))
            database.execute("delete from run where id <= ?", (run.id - _RUNS_KEPT,))

    def seen(self, before: int, identifier: str) -> list[bytes]:
        """The digests under which runs before this one brought this item, near the mark."""
        with explained(self.path):
            rows = self._database.execute(
                "select digest from seen where identifier = ? and run < ?", (identifier, before)
            )
            return [row[0] for row in rows]

    def has_seen(self, before: int) -> bool:
        return self._one("select 1 from seen where run < ? limit 1", (before,)) is not None

    def content(self, identifiers: list[str]) -> dict[str, bytes]:
        """The digests that are known of these."""
        found: dict[str, bytes] = {}
        with explained(self.path):
            for start in range(0, len(identifiers), 500):  # SQLite takes 999 values in old builds
                some = identifiers[start : start + 500]
                places = ",".join("?" * len(some))
                query = f"select identifier, digest from content where identifier in ({places})"
                found.update(self._database.execute(query, some).fetchall())
        return found

    def failures(self, run: int) -> list[Failed]:
        with explained(self.path):
            rows = self._database.execute(
                "select record, message, exchange from failure where run = ? limit ?", (run, _FAILURES_KEPT)
            )
            return [Failed(*row) for row in rows]

    def _rows(self, rest: str) -> Iterator[RunRow]:
        with explained(self.path):
            for row in self._database.execute(f"select {COLUMNS} from run {rest}"):
                yield run_row(row)

    def _one(self, query: str, values: tuple[object, ...] = ()) -> tuple[str, ...] | None:
        with explained(self.path):
            row: tuple[str, ...] | None = self._database.execute(query, values).fetchone()
            return row

    def close(self) -> None:
        self._database.close()
        if self._lock >= 0:
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
