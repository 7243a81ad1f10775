"""The ledger of one incoming: how far its run has come, its mark, and its last runs. SQLite, in the state directory.

It is written in the run's writing thread only, after the items it speaks of have been made durable. One run at a time
may hold it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..secrets.named_values import mask_message
from .database import Database, LedgerDatabase, LedgerPlace, SharedPlace, explained, is_running, open_reader

if TYPE_CHECKING:
    from ..templates import Json


State = Literal["running", "complete", "incomplete", "stopped", "refused", "failed"]
"""`incomplete`: read to the end, but the store counts more items than it sent, or nothing shows that it was the end."""


def state_of_ended(state: State, failed: int) -> str:
    """The state for the user of a run that has sent its last task: not "complete" if a task failed or is unknown."""
    return "ended" if state == "complete" and failed else state


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as of its last durable step. `asked` is the request, in words.

    `position` and `sink` are where to resume: a position of None is the beginning of the list, unless `at_end`.
    Counts are totals since the run began; `read` counts the items that the store sent, before any was left out.
    """

    id: int
    began: str
    ended: str | None
    state: State
    fingerprint: str
    asked: str
    since: str | None
    moves_mark: bool
    store_began: str | None
    newest: str | None
    position: Json
    sink: Json
    read: int
    items: int
    failed: int
    dropped: int
    requests: int
    retries: int
    seconds: float
    expected: int | None
    reason: str
    at_end: bool
    """The whole list has been read and written, whether the run's end could be recorded or not."""
    closed: Json
    """What the sink held when it was closed, as a position; None while the run writes, and after it was killed."""
    code: str
    """Why it did not complete, as a code such as "same-page"; `reason` says it in words."""
    doubt: str
    """Why what was read so far may not be all that it should be, whatever follows; "" where nothing says so."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended, and where it is not complete why: in words, and as the code of its error."""

    state: State
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """A record that could not be read or written, and why."""

    record: str
    message: str
    exchange: int | None = None


@dataclass(frozen=True, slots=True)
class SeenItem:
    """An item near the mark, to recognise it when it is read again."""

    at: str
    """Its date, as a text that sorts like those of the other items."""
    identifier: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class HighWaterMark:
    """Where the last complete run ended: up to when everything was read (None without dates), and how it was asked."""

    value: str | None
    fingerprint: str
    sink: Json


_VERSION = 4

_SCHEMA = """
create table run (
    id integer primary key, began text not null, ended text, state text not null, fingerprint text not null,
    asked text not null, since text, moves_mark integer not null, store_began text, newest text,
    position text, sink text, read integer not null default 0, items integer not null default 0,
    failed integer not null default 0, dropped integer not null default 0, requests integer not null default 0,
    retries integer not null default 0, seconds real not null default 0, expected integer,
    reason text not null default '', at_end integer not null default 0, closed text,
    code text not null default '',
    doubt text not null default ''
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
_FROM_VERSION_2 = """
alter table run add column code text not null default '';
update run set code = 'same-page' where reason like 'The store sent the same page twice%';
update run set code = 'circle' where reason like 'The store''s pages go in a circle%';
update run set code = 'no-dates' where reason like 'No item has a date%';
"""
"""Before version 3, a run's end was known by the first words of its reason."""
_FROM_VERSION_3 = "alter table run add column doubt text not null default '';"
_CHANGES = {
    0: _SCHEMA,
    1: _FROM_VERSION_1 + _FROM_VERSION_2 + _FROM_VERSION_3,
    2: _FROM_VERSION_2 + _FROM_VERSION_3,
    3: _FROM_VERSION_3,
}
"""What makes a ledger of each older version a current one; 0 is an empty file."""


def ledger_file(state: Path, profile: Path, incoming: str, out: str = "", environment: str = "") -> Path:
    """Where the ledger of an incoming is, in this environment of the profile.

    One that writes elsewhere than its profile says has its own.
    """
    # not resolve(), which fails where links lead in a circle
    real, output = Path(os.path.realpath(profile)), os.path.realpath(out) if out else ""

    def at(stem: str, written: str) -> Path:
        whole = f"{real}\0{written}\0{environment}" if environment else f"{real}\0{written}"
        # a name on the disk need not be UTF-8
        place = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        folder = f"{stem}-{environment}-{place}" if environment else f"{stem}-{place}"
        return state / "incoming" / folder / f"{incoming}.sqlite"

    found = at(real.stem, output)
    if environment or os.path.exists(found):
        return found
    # ledgers were once named by what was typed: a link's own name, and --out as it was written
    relative = os.path.relpath(output) if out else ""
    before = [at(stem, each) for stem in (real.stem, profile.stem) for each in (out, relative, f"./{relative}", output)]
    return next((path for path in before if os.path.exists(path)), found)


def last_run(path: Path) -> tuple[RunRow | None, bool]:
    """The latest run in a ledger, without holding it, and whether it is under way at this moment."""
    found, under_way = last_runs(path, 1)
    return (found[0] if found else None), under_way


def last_runs(path: LedgerPlace, limit: int) -> tuple[list[RunRow], bool]:
    """The latest runs in a ledger, newest first, and whether the newest is under way at this moment."""
    if not path.exists():
        return [], False
    with explained(path), contextlib.closing(open_reader(path, "incoming")) as database:
        columns = _columns(database) if isinstance(path, Path) else COLUMNS
        found = [
            run_row(row) for row in database.execute(f"select {columns} from run order by id desc limit ?", (limit,))
        ]
    return found, is_running(path)


def last_sink(path: Path) -> Json:
    """The position of the sink that the last run has recorded; None if none has. Raises `LedgerError`."""
    with explained(path), contextlib.closing(open_reader(path, "incoming")) as database:
        found = database.execute("select sink from run where sink is not null order by id desc limit 1").fetchone()
        position: Json = json.loads(found[0]) if found else None
        return position


COLUMNS = ", ".join(RunRow.__slots__)


def _columns(database: Database) -> str:
    """The columns of a run in a ledger that is only read, and may be of an older version."""
    version = database.execute("pragma user_version").fetchone()[0]
    missing = {"doubt": "''"} if version < 4 else {}
    if version < 3:
        missing["code"] = "''"
    if version < 2:
        missing |= {"at_end": f"coalesce({_AT_END_BEFORE}, 0)", "closed": "null"}
    return ", ".join(missing.get(name, name) for name in RunRow.__slots__)


def run_row(row: tuple[object, ...]) -> RunRow:
    values = dict(zip(RunRow.__slots__, row, strict=True))
    for name in ("position", "sink", "closed"):
        values[name] = json.loads(str(values[name])) if values[name] is not None else None
    for name in ("moves_mark", "at_end"):
        values[name] = bool(values[name])
    return RunRow(**values)  # type: ignore[arg-type]  # the columns of the table above


def _origin(request_line: str) -> str:
    return "/".join(request_line.partition(" ")[2].split("/", 3)[:3])


_RUNS_KEPT = 50
_FAILURES_KEPT = 10_000


class Ledger(LedgerDatabase):
    """An open ledger, held by this run alone. A context manager."""

    FAMILY = "incoming"
    VERSION, CHANGES, USE, WITHOUT = _VERSION, _CHANGES, "read", ", and needs a new output"

    @classmethod
    def copy_of(cls, path: LedgerPlace | None) -> Ledger:
        """What a ledger says now: to be looked at, without holding it. Raises `LedgerError`."""
        if isinstance(path, SharedPlace):
            return cls(path, holds=False)
        copy = cls(None)
        if path is not None and os.path.exists(path):
            copy._copy_from(path)
        return copy

    def last(self) -> RunRow | None:
        """The latest run, of whatever state."""
        return next(self._rows("order by id desc limit 1"), None)

    def runs(self) -> list[RunRow]:
        """The runs that are kept, the latest first."""
        return list(self._rows("order by id desc"))

    def has_reached(self, request_line: str) -> bool:
        """Whether a run got a list from the server that this request, "GET https://…", is sent to."""
        origin = _origin(request_line)
        found = self._rows("where state in ('complete', 'incomplete') or read > 0")
        return any(_origin(run.asked) == origin for run in found)

    def last_complete(self) -> RunRow | None:
        """The latest run that read its whole list."""
        return next(self._rows("where state = 'complete' order by id desc limit 1"), None)

    def known_sink(self) -> tuple[Json, Json]:
        """The sink's position that the last run that wrote recorded, and what it held in whole at the run's end.

        That is None after a run that was killed.
        """
        row = self._one("select sink, closed from run where sink is not null order by id desc limit 1")
        return (json.loads(row[0]), json.loads(row[1]) if row[1] else None) if row else (None, None)

    def mark(self) -> HighWaterMark | None:
        """Where the last complete run ended that moved the mark."""
        row = self._one("select value, fingerprint, sink from mark")
        return HighWaterMark(row[0], row[1], json.loads(row[2])) if row else None

    def begin(
        self, began: str, fingerprint: str, asked: str, since: str | None, *, moves_mark: bool, forget: bool
    ) -> RunRow:
        """A new run, instead of one that has not ended. `forget` gives up what is known of contents.

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
            values = (began, fingerprint, mask_message(asked), since, moves_mark)
            database.execute(
                "insert into run (id, began, fingerprint, asked, since, moves_mark, state)"
                " values ((select coalesce(max(id), 0) + 1 from run), ?, ?, ?, ?, ?, 'running')",
                values,
            )
        row = self.last()
        assert row is not None
        return row

    def resume(self, run: RunRow) -> None:
        """Takes up a run that has not ended. It counts once `confirm` or a step records it."""
        with explained(self.path):
            self._database.execute(
                "update run set state = 'running', ended = null, reason = '', code = '' where id = ?", (run.id,)
            )

    def restart(self, run: RunRow, since: str | None, doubt: str) -> RunRow:
        """The same run, which has written nothing yet, from another date on; `doubt`: why that may not be enough."""
        with explained(self.path), self._database as database:
            database.execute("update run set since = ?, doubt = ? where id = ?", (since, mask_message(doubt), run.id))
        return replace(run, since=since, doubt=doubt)

    def confirm(self) -> None:
        """Records the run that was begun or resumed: until then, closing the ledger leaves everything as it was."""
        with explained(self.path):
            self._database.commit()

    def step(
        self,
        run: RunRow,
        failed: Iterable[FailedRecord] = (),
        seen: Iterable[SeenItem] = (),
        contents: Iterable[tuple[str, bytes]] = (),
        forget_before: str | None = None,
        *,
        last: bool = False,
    ) -> None:
        """Records how far the run is; its data is on the disk already. The last step counts with the run's `end`."""
        self._refuse_moved()
        transaction = contextlib.nullcontext(self._database) if last else self._database
        with explained(self.path), transaction as database:
            database.execute(
                "update run set position = ?, at_end = ?, sink = ?, closed = null, read = ?, items = ?, failed = ?,"
                " dropped = ?, requests = ?, retries = ?, seconds = ?, expected = ?, store_began = ?,"
                " newest = ?, doubt = ? where id = ?",
                (
                    json.dumps(run.position),
                    run.at_end,
                    json.dumps(run.sink),
                    *(run.read, run.items, run.failed, run.dropped, run.requests, run.retries, run.seconds),
                    *(run.expected, run.store_began, run.newest, mask_message(run.doubt)),
                    run.id,
                ),
            )
            database.executemany(
                "insert into failure (run, record, message, exchange) values (?, ?, ?, ?)",
                ((run.id, mask_message(each.record), mask_message(each.message), each.exchange) for each in failed),
            )
            database.executemany(
                "insert into seen (run, at, identifier, digest) values (?, ?, ?, ?)",
                ((run.id, each.at, each.identifier, each.digest) for each in seen),
            )
            database.executemany(
                "insert into content (identifier, digest) values (?, ?)"
                f" on conflict ({self._scope}identifier) do update set digest = excluded.digest",
                contents,
            )
            if forget_before is not None:
                database.execute("delete from seen where run = ? and at < ?", (run.id, forget_before))

    def end(
        self,
        run: RunRow,
        end: RunEnd,
        ended: str,
        mark: HighWaterMark | None = None,
        closed: Json = None,
        *,
        forget_before: str | None = None,
    ) -> None:
        """The run has ended; a complete one may move the mark, and with it what is known to have been read.

        `closed`: all that the sink holds now, as a position; None where that is not known, or as it was before.
        `forget_before`: the `at` before which nothing needs to be known any more, where the mark has moved.
        """
        self._refuse_moved()
        with explained(self.path), self._database as database:
            database.execute(
                "update run set state = ?, ended = ?, reason = ?, code = ?, closed = coalesce(?, closed) where id = ?",
                (
                    *(end.state, ended, mask_message(end.reason), end.code),
                    *(None if closed is None else json.dumps(closed), run.id),
                ),
            )
            if mark is not None:
                values = (mark.value, mark.fingerprint, json.dumps(mark.sink))
                database.execute(
                    "insert into mark (one, value, fingerprint, sink) values (1, ?, ?, ?)"
                    f" on conflict ({self._scope}one) do update set"
                    " value = excluded.value, fingerprint = excluded.fingerprint, sink = excluded.sink",
                    values,
                )
            if forget_before is not None:
                database.execute("delete from seen where run < ? or at < ?", (run.id, forget_before))
            database.execute("delete from failure where run < ?", (run.id - _RUNS_KEPT,))
            database.execute("delete from run where id <= ?", (run.id - _RUNS_KEPT,))

    def seen(self, before: int, identifier: str) -> list[bytes]:
        """The digests under which the last run before this one that read this item near the mark knows it."""
        last = self._one("select max(run) from seen where identifier = ? and run < ?", (identifier, before))
        return [] if last is None or last[0] is None else self.seen_in(int(last[0]), identifier)

    def seen_in(self, run: int, identifier: str) -> list[bytes]:
        """The digests under which this run knows the item, one for each time that it read it."""
        with explained(self.path):
            rows = self._database.execute("select digest from seen where identifier = ? and run = ?", (identifier, run))
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

    def failures(self, run: int) -> list[FailedRecord]:
        with explained(self.path):
            rows = self._database.execute(
                "select record, message, exchange from failure where run = ? limit ?", (run, _FAILURES_KEPT)
            )
            return [FailedRecord(*row) for row in rows]

    def _rows(self, rest: str) -> Iterator[RunRow]:
        with explained(self.path):
            for row in self._database.execute(f"select {COLUMNS} from run {rest}"):
                yield run_row(row)

    def _one(self, query: str, values: tuple[object, ...] = ()) -> tuple[str, ...] | None:
        with explained(self.path):
            row: tuple[str, ...] | None = self._database.execute(query, values).fetchone()
            return row
