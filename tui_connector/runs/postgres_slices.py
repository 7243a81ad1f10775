"""What the processes of a run in slices share, in PostgreSQL: they need no common directory.

The data of slices is compressed, in rows of about a megabyte, until the commit has written the items to the sink.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import zlib
from collections.abc import Iterator
from typing import Any, Final

from .database import LedgerError
from .postgres_ledger import LedgerConnection, LedgerServer, SharedLedger
from .slices import (
    Attempt,
    Commit,
    SliceData,
    SlicedRuns,
    SliceError,
    SlicePlan,
    SliceReport,
    SliceStates,
    SliceStore,
    saved_text,
)

_ROW_BYTES: Final = 1_000_000
"""Bytes of data in a row, before they are compressed."""
_KEPT: Final = "30 days"
"""How long a run is listed after it was planned, if it has been committed."""


class PostgresRuns(SlicedRuns):
    """The runs in slices of a profile, on the server with its ledgers. Threads take turns on one connection."""

    def __init__(self, server: LedgerServer) -> None:
        self.server = server
        self._connection: LedgerConnection | None = None
        self._lock = threading.Lock()

    def ids(self) -> list[str]:
        query = (
            "SELECT run_id FROM {schema}.tui_connector_slice_plan WHERE profile = %s AND environment = %s "
            "ORDER BY planned DESC, run_id"
        )
        with self.connected() as connection:
            found = connection.rows(connection.composed(query), self.server.profile, self.server.environment)
        return [str(run_id) for (run_id,) in found]

    def store(self, run_id: str) -> SharedSlices:
        return SharedSlices(self, run_id)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    @contextlib.contextmanager
    def connected(self) -> Iterator[LedgerConnection]:
        """The connection, opened again if it was lost. Raises `SliceError`."""
        with self._lock:
            try:
                if self._connection is None or self._connection.connection.closed:
                    self._connection = self.server.connect()
                with self._connection.errors():
                    yield self._connection
            except LedgerError as error:
                raise SliceError("slices", error.message, error.hint) from error


class SharedSlices(SliceStore):
    """The slices of one run, on the server with the ledgers of its profile."""

    def __init__(self, runs: PostgresRuns, run_id: str) -> None:
        super().__init__(run_id)
        self._runs, self._server, self._connected = runs, runs.server, runs.connected

    @property
    def where(self) -> str:
        return self._server.name

    def close(self) -> None:
        self._runs.close()

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.rows(connection.composed(statement), *values)

    def _run(self, statement: str, *values: Any) -> int:
        with self._connected() as connection:
            return connection.run(connection.composed(statement), *values)

    def _save_plan(self, plan: SlicePlan) -> bool:
        with self._connected() as connection, connection.connection.transaction():
            for table in ("report", "attempt"):
                connection.run(
                    connection.composed(
                        f"DELETE FROM {{schema}}.tui_connector_slice_{table} WHERE run_id IN (SELECT run_id "
                        "FROM {schema}.tui_connector_slice_plan WHERE committed IS NOT NULL "
                        "AND planned < now() - %s::interval)"
                    ),
                    _KEPT,
                )
            connection.run(
                connection.composed(
                    "DELETE FROM {schema}.tui_connector_slice_plan WHERE committed IS NOT NULL "
                    "AND planned < now() - %s::interval"
                ),
                _KEPT,
            )
            saved = connection.run(
                connection.composed(
                    "INSERT INTO {schema}.tui_connector_slice_plan (run_id, profile, environment, name, plan) "
                    "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
                ),
                *(self.run_id, plan.profile, plan.environment, plan.name, saved_text(plan).decode()),
            )
        return saved == 1

    def planned(self) -> SlicePlan | None:
        found = self._rows("SELECT plan FROM {schema}.tui_connector_slice_plan WHERE run_id = %s", self.run_id)
        return self._parsed(found[0][0], SlicePlan, f"The plan of {self.run_id} in {self.where}") if found else None

    def _saved_report(self, index: int) -> SliceReport | None:
        query = "SELECT report FROM {schema}.tui_connector_slice_report WHERE run_id = %s AND slice = %s"
        found = self._rows(query, self.run_id, index)
        return self._report(index, found[0][0]) if found else None

    def _report(self, index: int, text: str) -> SliceReport:
        return self._parsed(text, SliceReport, f"The report of slice {index} of {self.run_id} in {self.where}")

    def reported(self) -> set[int]:
        query = "SELECT slice FROM {schema}.tui_connector_slice_report WHERE run_id = %s"
        return {int(index) for (index,) in self._rows(query, self.run_id)}

    def _save_report(self, report: SliceReport) -> bool:
        insert = (
            "INSERT INTO {schema}.tui_connector_slice_report (run_id, slice, report) VALUES (%s, %s, %s) "
            "ON CONFLICT DO NOTHING"
        )
        if self._run(insert, self.run_id, report.slice, saved_text(report).decode()):
            return True
        self._discard(report.data)
        return False

    def _discard(self, name: str) -> None:
        self._run("DELETE FROM {schema}.tui_connector_slice_data WHERE run_id = %s AND name = %s", self.run_id, name)

    def _new_data(self, name: str) -> SliceData:
        return _DataRows(self, name)

    def append(self, name: str, after: int, lines: bytes) -> None:
        """Stores lines of the data of a slice."""
        self._run(
            "INSERT INTO {schema}.tui_connector_slice_data (run_id, name, after, until, content) "
            "VALUES (%s, %s, %s, %s, %s)",
            *(self.run_id, name, after, after + len(lines), zlib.compress(lines, 1)),
        )

    def lines(self, report: SliceReport, offset: int, size: int) -> tuple[list[bytes], int]:
        row = self._row(report, offset)
        if row is None:
            return [], offset
        end, lines = row
        return lines.split(b"\n")[:-1], end

    def _row(self, report: SliceReport, offset: int) -> tuple[int, bytes] | None:
        """The lines that begin at an offset, and where they end."""
        query = (
            "SELECT until, content FROM {schema}.tui_connector_slice_data "
            "WHERE (run_id, name) = (%s, %s) AND after = %s  -- where the row before it ends"
        )
        found = self._rows(query, self.run_id, self._data_name(report), offset)
        return (int(found[0][0]), zlib.decompress(found[0][1])) if found else None

    def _is_intact(self, report: SliceReport) -> bool:
        hashed, size = hashlib.sha256(), 0
        try:
            while (row := self._row(report, size)) is not None:
                size = row[0]
                hashed.update(row[1])
        except zlib.error:
            return False
        return size == report.bytes and hashed.hexdigest() == report.sha256

    def attempts(self) -> dict[int, Attempt]:
        query = "SELECT slice, attempt FROM {schema}.tui_connector_slice_attempt WHERE run_id = %s"
        name = f"An attempt of {self.run_id} in {self.where}"
        return {int(index): self._parsed(text, Attempt, name) for index, text in self._rows(query, self.run_id)}

    def record(self, attempt: Attempt) -> None:
        self._run(
            "INSERT INTO {schema}.tui_connector_slice_attempt (run_id, slice, attempt) VALUES (%s, %s, %s) "
            "ON CONFLICT (run_id, slice) DO UPDATE SET attempt = excluded.attempt",
            *(self.run_id, attempt.slice, saved_text(attempt).decode()),
        )

    def task_ledger(self, name: str, index: int) -> SharedLedger:
        return self._server.slice_place(self.run_id, name, index)

    def discard_tasks(self, name: str) -> None:
        with self._connected() as connection:
            connection.discard_slices(self.run_id, name)

    def committed(self) -> Commit | None:
        query = "SELECT committed FROM {schema}.tui_connector_slice_plan WHERE run_id = %s"
        found = self._rows(query, self.run_id)
        text = found[0][0] if found else None
        return None if text is None else self._parsed(text, Commit, f"The commit of {self.run_id} in {self.where}")

    def commit(self, commit: Commit) -> None:
        with self._connected() as connection, connection.connection.transaction():
            connection.run(
                connection.composed("UPDATE {schema}.tui_connector_slice_plan SET committed = %s WHERE run_id = %s"),
                saved_text(commit).decode(),
                self.run_id,
            )
            connection.run(
                connection.composed("DELETE FROM {schema}.tui_connector_slice_data WHERE run_id = %s"), self.run_id
            )
            connection.discard_slices(self.run_id)

    def states(self, known: SliceStates | None = None) -> SliceStates | None:
        plan = self.planned() if known is None else known.plan
        if plan is None:
            return None
        reports = {} if known is None else dict(known.reports)
        query = "SELECT slice, report FROM {schema}.tui_connector_slice_report WHERE run_id = %s AND slice <> ALL(%s)"
        for index, text in self._rows(query, self.run_id, list(reports)):
            reports[int(index)] = self._report(index, text)
        return SliceStates(plan, self.committed(), reports, self.attempts())


class _DataRows(SliceData):
    """The data of a slice, in rows."""

    def __init__(self, store: SharedSlices, name: str) -> None:
        super().__init__(name)
        self._store = store
        self._pending = bytearray()
        self._stored = 0

    def _append(self, lines: bytes) -> None:
        self._pending += lines
        if len(self._pending) >= _ROW_BYTES:
            self.sync()

    def sync(self) -> None:
        if self._pending:
            self._store.append(self.name, self._stored, bytes(self._pending))
            self._stored += len(self._pending)
            self._pending.clear()

    def close(self) -> None:
        """Each row is durable when it is stored."""

    def discard(self) -> None:
        self._store._discard(self.name)
