"""A database that another program has locked: the wait is said at once, and ends with the run."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from listing import SearchRequest, listing, products
from runs import RunNotes, Shop, shop

from tui_connector.incoming.run import Run
from tui_connector.incoming.sink import SinkWait
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine

SINK = {"kind": "sqlite", "path": "items.db"}
ONE_AT_A_TIME = RunOptions(full=True, in_flight=1)


class Waiting(RunNotes):
    """What a run tells, with something that is done as soon as it says that it waits."""

    def __init__(self, then: str) -> None:
        super().__init__()
        self.then, self.runs = then, list[Run]()
        self.other: sqlite3.Connection | None = None

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None:
        super().note(text, warning=warning, code=code)
        if "is locked by another program, waiting" not in text:
            return
        if self.then == "stop":
            self.runs[0].stop("Stopped by SIGTERM", "signal")
        elif self.other is not None:
            self.other.execute("ROLLBACK")

    @property
    def waits(self) -> int:
        return sum("is locked by another program, waiting up to 30 s." in each for each in self.notes)


@contextmanager
def another_program(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        yield connection


async def locked(connection: sqlite3.Connection) -> None:
    """Locks the database as soon as the run has ended its own transaction."""
    while not connection.in_transaction:
        with suppress(sqlite3.OperationalError):
            connection.execute("BEGIN EXCLUSIVE")
        await asyncio.sleep(0.02)


def rows(reader: Shop) -> int:
    with closing(sqlite3.connect(reader.directory / "items.db")) as database:
        return int(database.execute("SELECT count(*) FROM items").fetchone()[0])


@pytest.mark.parametrize("then", ["stop", "unlock"])
async def test_a_run_that_cannot_begin_waits_and_says_so(tmp_path: Path, machine: Machine, then: str) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, sink=SINK)
        await reader.run()
        with another_program(tmp_path / "items.db") as other:
            other.execute("BEGIN EXCLUSIVE")
            told = Waiting(then)
            told.other = other
            summary = await reader.run(ONE_AT_A_TIME, told, told.runs.append)
            assert told.waits == 1
        if then == "stop":
            assert (summary.state, summary.code) == ("stopped", "signal")
            assert summary.reason.startswith("Stopped by SIGTERM")
        assert (await reader.run()).state == "complete"
    assert rows(reader) == 30


@pytest.mark.parametrize("then", ["stop", "unlock"])
async def test_a_run_waits_in_the_middle_and_says_so(tmp_path: Path, machine: Machine, then: str) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, sink=SINK)
        with another_program(tmp_path / "items.db") as other:
            told = Waiting(then)
            told.other = other

            async def lock(asked: SearchRequest) -> None:
                if asked.after == 20:
                    store.before = None
                    await locked(other)

            store.before = lock
            summary = await reader.run(ONE_AT_A_TIME, told, told.runs.append)
            assert told.waits == 1
        if then == "stop":
            assert (summary.state, summary.code) == ("stopped", "signal")
        assert (await reader.run()).state == "complete"
    assert rows(reader) == 30


def test_a_wait_ends_after_its_time_however_long_an_attempt_takes() -> None:
    passed = [0.0]

    def attempt() -> None:
        passed[0] += 10.0

    assert SinkWait(monotonic=lambda: passed[0]).until(attempt, "It is locked", 30.0) is None
    assert passed == [30.0]
