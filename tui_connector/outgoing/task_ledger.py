"""The ledger of an outgoing: one task per entity and run, with its state. SQLite, in the state directory.

It is written in the run's own thread only, many tasks in one transaction. *Sending* is on the disk before a request
leaves; so after a kill, exactly the tasks that are *sending* may or may not have arrived.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..runs.database import (
    Database,
    LedgerDatabase,
    LedgerError,
    LedgerPlace,
    explained,
    is_new,
    is_running,
    open_reader,
)
from ..runs.ledger import RunEnd
from ..secrets.named_values import mask_message
from .reasons import WITHOUT_IDENTIFIER, Reason, ReasonGroup, grouped
from .renamed_profile import left_ledgers
from .tasks import RETRY, TASK_STATES, NewTask, Task, TaskRun, TaskState, TaskUpdate

if TYPE_CHECKING:  # home reads ledgers, and does not wait for models
    from ..templates import Json

TaskValues = tuple[object, ...]
"""The values of a task as they are stored."""

_VERSION = 2
_ADDED = """
create table added (run_id text primary key, run integer not null) without rowid;
"""
"""Runs whose tasks were sent in slices, by the run id of these."""
_SCHEMA = """
create table run (
    id integer primary key, began text not null, ended text, state text not null, fingerprint text not null,
    digest text, loaded integer not null default 0, requests integer not null default 0,
    retries integer not null default 0, seconds real not null default 0, reason text not null default '',
    code text not null default ''
);
create table task (
    id integer primary key, run integer not null, line integer not null, identifier text not null, state text not null,
    entity text, attempts integer not null default 0, exchange integer, reason text not null default '',
    code text not null default '', step text not null default '', responses text, updated text not null, former text
);
create index task_run on task (run);
"""
_CHANGES = {0: _SCHEMA + _ADDED, 1: _ADDED}
_RUNS_KEPT = 10
_REASONS, _REASON_GROUPS = 2_000, 100
"""Different reasons that are read, and groups of them that are listed."""
_WINDOW_BYTES = 16_000_000
TASK_COLUMNS = "id, line, identifier, state, entity, attempts, exchange, reason, code, step, responses, updated, former"
_RUN = ", ".join(TaskRun.__slots__)


def tasks_file(state: Path, profile: Path, outgoing: str, environment: str = "") -> Path:
    """Where the ledger of an outgoing is, in this environment of the profile. `state`: the state directory."""
    real = Path(os.path.realpath(profile))  # not resolve(), which fails where links lead in a circle
    whole = f"{real}\0{environment}" if environment else str(real)
    place = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    folder = f"{real.stem}-{environment}-{place}" if environment else f"{real.stem}-{place}"
    return state / "outgoing" / folder / f"{outgoing}.sqlite"


def plan_file(ledger: Path) -> Path:
    """Where the plan that the screen has sent is kept, beside the ledger of its tasks."""
    return ledger.with_suffix(".plan")


class TaskFilter:
    """Selects tasks of a run; without arguments, all."""

    def __init__(
        self,
        states: Sequence[TaskState] = (),
        lines: Sequence[int] = (),
        code: str | None = None,
        ids: Sequence[int] = (),
        reasons: Sequence[str] = (),
    ) -> None:
        self._states, self._lines, self._code, self._ids, self._reasons = states, lines, code, ids, reasons

    def where(self, run: int) -> tuple[str, list[object]]:
        """The condition in SQL and its values."""
        parts, values = ["run = ?"], list[object]((run,))
        columns = {"state": self._states, "line": self._lines, "id": self._ids, WITHOUT_IDENTIFIER: self._reasons}
        for column, wanted in columns.items():
            if wanted:
                parts.append(f"{column} in ({','.join('?' * len(wanted))})")
                values += wanted
        if self._code is not None:
            parts.append("code = ?")
            values.append(self._code)
        return " and ".join(parts), values


ALL_TASKS = TaskFilter()


class TaskReader:
    """Reads a ledger without holding it, also while a run writes it. A context manager; belongs to one thread."""

    def __init__(self, path: LedgerPlace) -> None:
        """Raises `LedgerError` if there is no such ledger."""
        self._path = path
        if not path.exists():
            raise LedgerError(f"{path.stem} has not been run yet", _not_run_hint(path))
        with explained(path):
            self._database = open_reader(path, "outgoing")

    @property
    def is_running(self) -> bool:
        """Whether a run holds the ledger now."""
        return is_running(self._path)

    def last(self) -> TaskRun | None:
        with explained(self._path):
            return _last_run(self._database)

    def run(self, number: int | None) -> TaskRun:
        """The run of this number, or the last one. Raises `LedgerError` if there is none."""
        with explained(self._path):
            found = _run(self._database, number)
            if found is not None:
                return found
            last = _run(self._database, None)
            kept = self._database.execute("select id from run order by id").fetchall() if last is not None else []
        known = ", ".join(str(row[0]) for row in kept) or "none"
        raise LedgerError(f"{self._path.stem} has no run {number or ''}".rstrip(), f"Known runs: {known}.")

    def run_to_undo(self, number: int | None) -> TaskRun:
        """The run of this number; without one the last, or the run whose undo was not completed in the last.

        Raises `LedgerError`.
        """
        run = self.run(number)
        if number is not None or not run.undone_run:
            return run
        counts = self.counts(run.id)
        has_lost = run.undo_stage == "recreates" and counts["failed"] + counts["unknown"] > 0
        return self.run(run.undone_run) if run.state != "complete" or has_lost else run

    def recreations(self, number: int) -> Iterator[Task]:
        """The tasks of undos of this run that delete an entity and create it again, in order."""
        with explained(self._path):
            numbers = [row[0] for row in self._database.execute("select id from run order by id").fetchall()]
        for run in map(self.run, numbers):
            if run.undone_run == number and run.undo_stage == "recreates":
                yield from self.tasks(run.id)

    def counts(self, run: int) -> dict[TaskState, int]:
        with explained(self._path):
            return _counts(self._database, run)

    def tasks(self, run: int, wanted: TaskFilter = ALL_TASKS, after: int = 0, limit: int = -1) -> Iterator[Task]:
        """The tasks in the order of the source, starting after the id `after`. `limit`: -1 for all."""
        with explained(self._path):
            yield from _tasks(self._database, run, wanted, after, limit)

    def rows(self, run: int) -> Iterator[TaskValues]:
        """The tasks as they are stored, in the order of the source."""
        with explained(self._path):
            yield from self._database.execute(f"select {TASK_COLUMNS} from task where run = ? order by id", (run,))

    def reasons(self, run: int, wanted: TaskFilter = ALL_TASKS) -> list[ReasonGroup]:
        """The reasons of the tasks that have one, grouped, the most frequent first."""
        where, values = wanted.where(run)
        query = (
            f"select state, code, {WITHOUT_IDENTIFIER}, count(*), min(id), min(reason), max(reason) from task"
            f" where {where} and reason <> '' group by 1, 2, 3 order by 4 desc, 3 limit {_REASONS}"
        )
        with explained(self._path):
            found = [Reason(*row) for row in self._database.execute(query, values).fetchall()]
            return grouped(found, self._entities)[:_REASON_GROUPS]

    def _entities(self, ids: list[int]) -> dict[int, tuple[str, Json]]:
        """The identifiers and entities of tasks, by their ids."""
        query = f"select id, identifier, entity from task where id in ({','.join('?' * len(ids))})"
        rows = self._database.execute(query, ids)
        return {id_: (identifier, None if text is None else json.loads(text)) for id_, identifier, text in rows}

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> TaskReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def deleted_by_undo(path: LedgerPlace, number: int, deleting_step: str) -> list[Json]:
    """The entities that undos of this run have deleted, or may have, and have not created again as they were.

    `deleting_step`: the name of the step that deletes. Blocks. Raises `LedgerError`.
    """
    found: dict[str, Json] = {}
    with TaskReader(path) as reader:
        for task in reader.recreations(number):
            key = json.dumps(task.entity, sort_keys=True)
            if task.state == "finished":
                found.pop(key, None)
            elif task.attempts and not (task.state == "failed" and task.step == deleting_step):
                found[key] = task.entity
    return list(found.values())


class TaskLedger(LedgerDatabase):
    """An open ledger, held by this process alone. A context manager."""

    FAMILY = "outgoing"
    VERSION, CHANGES, USE, WITHOUT = _VERSION, _CHANGES, "sent", " and sends everything again"

    def last(self) -> TaskRun | None:
        """The latest run, in any state."""
        with explained(self.path):
            return _last_run(self._database)

    def reached(self) -> list[str]:
        """The fingerprints of the runs in which the store has processed something."""
        query = (
            "select fingerprint from run where state = 'complete'"
            " or exists (select 1 from task where run = run.id and task.state in ('finished', 'unchanged'))"
        )
        with explained(self.path):
            return [row[0] for row in self._database.execute(query)]

    def begin(self, began: str, fingerprint: str, digest: str | None) -> TaskRun:
        """Starts a new run. The open tasks of an unfinished one are left as they are."""
        self._refuse_moved()
        with explained(self.path), self._database as database:
            database.execute("update run set state = 'stopped', ended = ? where state = 'running'", (began,))
            database.execute(
                "insert into run (id, began, state, fingerprint, digest)"
                " values ((select coalesce(max(id), 0) + 1 from run), ?, 'running', ?, ?)",
                (began, fingerprint, digest),
            )
            self._forget_old(database)
            run = _last_run(database)
        assert run is not None
        return run

    @staticmethod
    def _forget_old(database: Database) -> None:
        old = database.execute("select max(id) from run").fetchone()[0] - _RUNS_KEPT
        database.execute("delete from task where run <= ?", (old,))
        database.execute("delete from run where id <= ?", (old,))
        database.execute("delete from added where run <= ?", (old,))

    def add(self, run: TaskRun, tasks: Iterable[TaskValues], run_id: str = "", *, append: bool = False) -> TaskRun:
        """Adds a run with all its tasks, as another ledger has them. Their ids keep their order.

        `run_id`: of the slices in which they were sent. `append`: to the last run, if that was added on the same day.
        """
        self._refuse_moved()
        with explained(self.path), self._database as database:
            last = _last_run(database)
            if append and last is not None and last.began[:10] == run.began[:10] and self._is_added(last):
                number = last.id
                values = (run.requests, run.retries, run.seconds, run.ended, number)
                database.execute(
                    "update run set requests = requests + ?, retries = retries + ?, seconds = seconds + ?, ended = ?"
                    " where id = ?",
                    values,
                )
                query = "select coalesce(max(line), 0) from task where run = ?"
                [lines] = database.execute(query, (number,)).fetchone()
            else:
                names, lines = TaskRun.__slots__[1:], 0
                places = ", ".join("?" * len(names))
                values_of_run = [getattr(run, name) for name in names]
                [number] = database.execute("select coalesce(max(id), 0) + 1 from run").fetchone()
                database.execute(
                    f"insert into run (id, {', '.join(names)}) values (?, {places})", [number, *values_of_run]
                )
            [task] = database.execute("select coalesce(max(id), 0) from task").fetchone()
            database.executemany(
                f"insert into task ({TASK_COLUMNS}, run) values ({', '.join('?' * 14)})",
                ((task + int(str(first)), lines + int(str(at)), *others, number) for first, at, *others in tasks),
            )
            if run_id:
                database.execute("insert into added (run_id, run) values (?, ?)", (run_id, number))
            self._forget_old(database)
            found = _run(database, number)
        assert found is not None
        return found

    def _is_added(self, run: TaskRun) -> bool:
        return self._database.execute("select 1 from added where run = ?", (run.id,)).fetchone() is not None

    def sent_in(self, run_id: str) -> TaskRun | None:
        """The run whose tasks were sent in slices with this run id."""
        with explained(self.path):
            row = self._database.execute("select run from added where run_id = ?", (run_id,)).fetchone()
            return _run(self._database, row[0]) if row else None

    def resume(self, run: TaskRun, fingerprint: str, at: str) -> int:
        """Continues a run that has not ended; returns how many of its tasks are unknown now.

        A run whose source was not read to its end has sent nothing: its tasks are removed, to be read again.
        """
        self._refuse_moved()
        with explained(self.path), self._database as database:
            database.execute(
                "update run set state = 'running', ended = null, reason = '', code = '', fingerprint = ? where id = ?",
                (fingerprint, run.id),
            )
            if not run.loaded:
                database.execute("delete from task where run = ?", (run.id,))
            lost = database.execute(
                "update task set state = 'unknown', code = 'interrupted', updated = ?, reason = ?"
                " where run = ? and state = 'sending'",
                (at, "The run was interrupted before the store responded, so it may have arrived", run.id),
            )
            return int(lost.rowcount)

    def load(self, run: int, tasks: Iterable[NewTask], at: str) -> None:
        """Adds tasks of the source, in its order."""
        self._refuse_moved()
        rows = (
            (
                *(run, each.line, each.identifier, each.state, each.entity, _stored(each.reason), each.code, at),
                json.dumps({"line": mask_message(each.text)}) if each.text else None,
            )
            for each in tasks
        )
        with explained(self.path), self._database as database:
            database.executemany(
                "insert into task (id, run, line, identifier, state, entity, reason, code, updated, responses)"
                " values ((select coalesce(max(id), 0) + 1 from task), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def loaded(self, run: int) -> None:
        """Records that the source has been read to its end."""
        with explained(self.path), self._database as database:
            database.execute("update run set loaded = 1 where id = ?", (run,))

    def counts(self, run: int) -> dict[TaskState, int]:
        with explained(self.path):
            return _counts(self._database, run)

    def window(self, run: int, state: TaskState, after: int, limit: int) -> list[Task]:
        """The next tasks in this state, in the order of the source, after the id `after`; at least one if any is left.

        At most `limit`, and fewer of large entities.
        """
        found: list[Task] = []
        size = 0
        with explained(self.path):
            where = "run = ? and id > ? and state = ? order by id limit ?"
            for row in self._database.execute(
                f"select {TASK_COLUMNS} from task where {where}", (run, after, state, limit)
            ):
                found.append(_task(row))
                size += len(str(row[4] or ""))
                if size > _WINDOW_BYTES:
                    break
        return found

    def step(
        self, run: int, updates: Sequence[TaskUpdate], at: str, requests: int, retries: int, seconds: float
    ) -> None:
        """Records new states of tasks, also of those about to be sent, in one durable transaction."""
        self._refuse_moved()
        rows = (
            (
                *(each.state, _stored(each.reason), each.code, each.exchange, each.step),
                *(each.responses, each.keeps_entity, each.keeps_entity or each.state == "finished", each.former),
                *(each.sent, at, each.id),
            )
            for each in updates
        )
        with explained(self.path), self._database as database:
            database.executemany(
                "update task set state = ?, reason = ?, code = ?, exchange = coalesce(?, exchange), step = ?,"
                " responses = ?, entity = case when ? = 1 then entity end,"
                " former = case when ? = 1 then coalesce(?, former) end,"
                " attempts = attempts + ?, updated = ? where id = ?",
                rows,
            )
            database.execute(
                "update run set requests = ?, retries = ?, seconds = ? where id = ?", (requests, retries, seconds, run)
            )

    def end(self, run: int, end: RunEnd, ended: str) -> None:
        self._refuse_moved()
        with explained(self.path), self._database as database:
            database.execute(
                "update run set state = ?, ended = ?, reason = ?, code = ? where id = ?",
                (end.state, ended, _stored(end.reason), end.code, run),
            )

    def retry(self, run: TaskRun, wanted: TaskFilter, at: str) -> tuple[int, int]:
        """Reopens tasks, and the run; returns how many, and how many cannot be, as their entity was not kept."""
        where, values = wanted.where(run.id)
        with explained(self.path), self._database as database:
            lost = database.execute(f"select count(*) from task where {where} and entity is null", values).fetchone()[0]
            found = database.execute(
                f"update task set state = 'new', reason = '', code = '', updated = ? where {where}"
                " and entity is not null and state <> 'new'",
                [at, *values],
            ).rowcount
            if found:
                database.execute(
                    "update run set state = 'stopped', code = ?, reason = ? where id = ?",
                    (RETRY, "Tasks are to be sent again", run.id),
                )
        return found, lost

    def lines(self, run: int) -> set[int]:
        """The lines of the source that the run has tasks of."""
        with explained(self.path):
            return {row[0] for row in self._database.execute("select line from task where run = ?", (run,))}

    def skip(self, run: TaskRun, wanted: TaskFilter, at: str) -> int:
        """Gives up tasks that were not sent, failed, are unknown or wait in the store's queue; returns how many."""
        where, values = wanted.where(run.id)
        with explained(self.path), self._database as database:
            found = database.execute(
                f"update task set state = 'skipped', updated = ?, reason = case when reason = '' then 'Skipped' else"
                f" reason end where {where} and state in ('new', 'failed', 'unknown', 'sending', 'waiting')",
                [at, *values],
            )
            return int(found.rowcount)

    def replace_entity(self, task: int, identifier: str, entity: Json, at: str) -> None:
        """Corrects the entity of a task, which is sent by the next run."""
        with explained(self.path), self._database as database:
            database.execute(
                "update task set identifier = ?, entity = ?, state = 'new', reason = '', code = '', step = '',"
                " responses = null, updated = ? where id = ?",
                (identifier, json.dumps(entity), at, task),
            )
            database.execute(
                "update run set state = 'stopped', code = ?, reason = ? where id = (select run from task where id = ?)",
                (RETRY, "Tasks are to be sent again", task),
            )


def _not_run_hint(path: LedgerPlace) -> str:
    """What to do if there is no ledger here. It may be that of a renamed profile."""
    for left in left_ledgers(path) if isinstance(path, Path) else ():
        return (
            f"There are tasks of {path.stem} of {left.profile}, a profile that no longer exists: was it renamed? Then "
            "the next run continues with them if the configuration is the same."
        )
    return f"Run it: tui-connector run PROFILE {path.stem}."


def last_task_run(path: LedgerPlace) -> tuple[TaskRun, Mapping[TaskState, int], bool] | None:
    """The latest run in a ledger, the number of its tasks by state, and whether it is running now."""
    found, under_way = last_task_runs(path, 1)
    return (*found[0], under_way) if found else None


def last_task_runs(path: LedgerPlace, limit: int) -> tuple[list[tuple[TaskRun, Mapping[TaskState, int]]], bool]:
    """The latest runs in a ledger, newest first, each with its tasks by state; and whether the newest is running."""
    if not path.exists():
        return [], False
    with explained(path), closing(open_reader(path, "outgoing")) as database:
        found = [(run, _counts(database, run.id)) for run in _runs(database, "order by id desc limit ?", limit)]
    return list(found), is_running(path)


def _stored(reason: str) -> str:
    """Without secrets, in one line, and without half characters, which SQLite refuses."""
    return " ".join(mask_message(reason).splitlines()).encode("utf-8", "backslashreplace").decode()


def _last_run(database: Database) -> TaskRun | None:
    return _run(database, None)


def _run(database: Database, number: int | None) -> TaskRun | None:
    """The run of this number, or the last one."""
    if number is None:
        return next(_runs(database, "order by id desc limit 1"), None)
    return next(_runs(database, "where id = ?", number), None)


def _runs(database: Database, which: str, *values: object) -> Iterator[TaskRun]:
    if is_new(database):
        return
    for row in database.execute(f"select {_RUN} from run {which}", values).fetchall():
        found = dict(zip(TaskRun.__slots__, row, strict=True))
        yield TaskRun(**{**found, "loaded": bool(found["loaded"])})


def _counts(database: Database, run: int) -> dict[TaskState, int]:
    found = dict(database.execute("select state, count(*) from task where run = ? group by state", (run,)).fetchall())
    return {state: found.get(state, 0) for state in TASK_STATES}


def _tasks(database: Database, run: int, wanted: TaskFilter, after: int, limit: int) -> Iterator[Task]:
    where, values = wanted.where(run)
    query = f"select {TASK_COLUMNS} from task where {where} and id > ? order by id{' limit ?' if limit >= 0 else ''}"
    for row in database.execute(query, [*values, after, *([limit] if limit >= 0 else [])]):
        yield _task(row)


def _task(row: tuple[object, ...]) -> Task:
    values = dict(zip(Task.__slots__, row, strict=True))
    for name in ("entity", "responses", "former"):
        text = values[name]
        values[name] = None if text is None else json.loads(str(text))
    return Task(**values)  # type: ignore[arg-type]  # the columns of the table above
