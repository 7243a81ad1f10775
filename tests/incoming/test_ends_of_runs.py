"""The end of a list, and the end of a file: a run that has read everything, and data that others added meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from file_sinks import APPENDED, FILE_SINKS
from listing import SearchRequest, listing, products
from runs import RunNotes, Shop, shop

from tui_connector.incoming.sink import SinkError
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger, last_run


async def test_a_run_that_stopped_at_the_last_item_does_not_start_over(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=30))
        asked = len(store.asked)
        summary = await reader.run(told=(told := RunNotes()))
    assert (summary.state, summary.items) == ("complete", 30)
    assert reader.ids() == list(range(1, 31))
    assert len(store.asked) == asked
    assert "all 30 items" in told.notes[0]


async def test_a_run_whose_end_could_not_be_recorded_does_not_start_over(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the state directory is full: the last step is in the ledger, what follows is not."""
    monkeypatch.setattr("tui_connector.incoming.writing.STEP", 0.0)
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run()
        _with_the_end_undone(reader.ledger)
        summary = await reader.run()
        assert (summary.state, reader.ids()) == ("complete", list(range(1, 31)))
        await reader.run()
    assert reader.ids() == list(range(1, 31))


@pytest.mark.parametrize("read", [30, 10, 0])
async def test_a_ledger_of_version_1_is_resumed(tmp_path: Path, machine: Machine, read: int) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=read or 10))
        if not read:
            _as_before_the_first_step(reader)
        _as_version_1(reader.ledger)
        found, _ = last_run(reader.ledger)
        assert found is not None
        assert found.at_end == (read == 30)
        summary = await reader.run()
    assert summary.state == "complete"
    assert reader.ids() == list(range(1, 31))


async def test_a_ledger_of_version_2_is_resumed(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=10))
        _as_version_2(reader.ledger, "The store responded with 503 (Service Unavailable)")
        found, _ = last_run(reader.ledger)
        assert found is not None
        assert (found.items, found.code) == (10, "")
        summary = await reader.run(told=(told := RunNotes()))
    assert summary.state == "complete"
    assert "after 10 items" in told.notes[0]
    assert reader.ids() == list(range(1, 31))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("The store sent the same page twice: it does not go on where it was asked to. Correct it.", "in a circle"),
        ("The store's pages go in a circle: the next one would be 'abc' again", "in a circle"),
        ("No item has a date in 'changed', so the next run would read everything again.", "no item of the last run"),
    ],
)
async def test_a_run_of_version_2_that_went_in_a_circle_is_not_resumed(
    tmp_path: Path, machine: Machine, reason: str, said: str
) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=10))
        _as_version_2(reader.ledger, reason)
        summary = await reader.run(told=(told := RunNotes()))
    assert summary.state == "complete"
    assert said in told.notes[0]
    assert "after 10 items" not in "".join(told.notes)


async def test_a_ledger_of_version_3_is_resumed(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=10))
        with sqlite3.connect(reader.ledger) as database:
            database.execute("alter table run drop column doubt")
            database.execute("pragma user_version = 3")
        database.close()
        summary = await reader.run()
    assert summary.state == "complete"
    assert reader.ids() == list(range(1, 31))


def _with_the_end_undone(ledger: Path) -> None:
    with sqlite3.connect(ledger) as database:
        database.execute("update run set state = 'running', ended = null, closed = null")
        database.execute("delete from mark")
    database.close()


def _as_before_the_first_step(reader: Shop) -> None:
    reader.path.write_bytes(b"")
    with sqlite3.connect(reader.ledger) as database:
        database.execute(
            """update run set position = 'null', read = 0, items = 0, sink = '{"bytes":0,"tail":0,"file":[0,0]}'"""
        )
    database.close()


def _as_version_1(ledger: Path) -> None:
    """What the first version of the ledger's file would hold: the end looks as the beginning does."""
    with sqlite3.connect(ledger) as database:
        database.execute("update run set position = 'null' where at_end")
        database.execute("alter table run drop column at_end")
        database.execute("alter table run drop column closed")
        database.execute("alter table run drop column code")
        database.execute("alter table run drop column doubt")
        database.execute("pragma user_version = 1")
    database.close()


def _as_version_2(ledger: Path, reason: str) -> None:
    """What version 2 of the ledger's file would hold: why a run ended is in its reason only, in words."""
    with sqlite3.connect(ledger) as database:
        database.execute("update run set reason = ?", (reason,))
        database.execute("alter table run drop column code")
        database.execute("alter table run drop column doubt")
        database.execute("pragma user_version = 2")
    database.close()


@pytest.mark.parametrize("sink", APPENDED.values(), ids=APPENDED)
@pytest.mark.parametrize("begins", ["all", "full", "resumed", "changed", "changed in place"])
async def test_what_others_added_to_a_file_is_not_cut_off(
    tmp_path: Path, machine: Machine, sink: dict[str, Any], begins: str
) -> None:
    changes = {"incremental": {"field": "updated_at"}} if begins.startswith("changed") else {}
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, sink=sink | {"path": "items.jsonl"}, **changes)
        await reader.run(RunOptions(limit=20) if begins == "resumed" else None)
        if begins == "changed in place":
            await reader.run(RunOptions(limit=20, full=True))
        wrote = reader.path.stat().st_size
        with reader.path.open("ab") as file:
            file.write(b"added by hand\n")
        asked, held = len(store.asked), reader.path.read_bytes()
        with pytest.raises(SinkError, match=f"has {wrote + 14} bytes, but this configuration wrote {wrote}"):
            await reader.run(RunOptions(full=begins == "full"))
        assert reader.path.read_bytes() == held
        assert len(store.asked) == asked
        with reader.path.open("ab") as file:  # the way out that the message names
            file.truncate(wrote)
        assert (await reader.run()).state == "complete"


async def test_what_others_added_to_an_empty_list_is_not_cut_off(tmp_path: Path, machine: Machine) -> None:
    async with listing({}) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run()
        reader.path.write_text("added by hand\n")
        with pytest.raises(SinkError, match="has 14 bytes, but this configuration wrote 0"):
            await reader.run()
    assert reader.path.read_text() == "added by hand\n"


@pytest.mark.parametrize("limit", [None, 20])
async def test_rows_that_others_added_to_a_table_are_not_deleted(
    tmp_path: Path, machine: Machine, limit: int | None
) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, sink={"kind": "sqlite", "path": "items.db"})
        await reader.run(RunOptions(limit=limit))
        with sqlite3.connect(tmp_path / "items.db") as database:
            database.execute("insert into items (sku, item) values ('mine', '{}')")
        wrote = limit or 30
        with pytest.raises(SinkError, match=f"rows up to {wrote + 1}, but this configuration wrote {wrote}"):
            await reader.run()
        assert database.execute("select count(*) from items").fetchone() == (wrote + 1,)
        with database:
            database.execute("delete from items where sku = 'mine'")
        database.close()
        assert (await reader.run()).state == "complete"


async def test_a_file_that_was_moved_away_is_written_again(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run()
        with reader.path.open("ab") as file:
            file.write(b"added by hand\n")
        reader.path.rename(tmp_path / "moved")
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 31))


async def test_what_a_killed_run_left_is_its_own(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=20))
        with sqlite3.connect(reader.ledger) as database:
            database.execute("update run set state = 'running', ended = null, closed = null")
        database.close()
        with reader.path.open("ab") as file:
            file.write(b'{"id":21,"sk')
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 31))


async def test_a_run_that_may_not_begin_leaves_the_stopped_one_to_be_resumed(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=20))
        wrote = reader.path.stat().st_size
        with reader.path.open("ab") as file:
            file.write(b"added by hand\n")
        with pytest.raises(SinkError):
            await reader.run(RunOptions(full=True))
        with reader.path.open("ab") as file:
            file.truncate(wrote)
        store.asked.clear()
        assert (await reader.run()).items == 30
    assert all(each.after >= 20 for each in store.asked if not each.descending)


@pytest.mark.parametrize("sink", [*APPENDED.values(), FILE_SINKS["sqlite"]], ids=[*APPENDED, "sqlite"])
@pytest.mark.parametrize("what", ["deleted", "moved", "replaced", "its folder moved"])
async def test_an_output_that_is_taken_away_while_it_is_written_is_not_complete(
    tmp_path: Path, machine: Machine, sink: dict[str, Any], what: str
) -> None:
    """The mark stays where it was: a later run must not skip what nobody can find."""
    folder = tmp_path / "out"
    folder.mkdir()
    file = folder / "items.jsonl"

    async def before(asked: SearchRequest) -> None:
        if asked.after < 10 or not file.exists():
            return
        if what == "deleted":
            file.unlink()
        elif what == "moved":
            file.rename(tmp_path / "moved")
        elif what == "replaced":
            (tmp_path / "other").write_bytes(b"")
            (tmp_path / "other").replace(file)
        else:
            folder.rename(tmp_path / "moved")

    async with listing(products(*range(1, 61)), before=before) as store:
        where = {**sink, "path": "out/items.jsonl"}
        reader = shop(store, tmp_path, machine, sink=where, incremental={"field": "updated_at"})
        summary = await reader.run()
        assert summary.state == "stopped", summary
        assert re.search("while the run was writing to it|The folder of .* does not exist", summary.reason)
        with Ledger(reader.ledger) as ledger:
            assert ledger.mark() is None
        store.before = None
        folder.mkdir(exist_ok=True)
        assert (await reader.run(RunOptions(full=True))).received == 60


def _emptied(file: Path) -> None:
    os.truncate(file, 0)


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _appended_to(file: Path) -> None:
    with file.open("ab") as other:
        other.write(b"a line of another program\n")


def _rewritten(file: Path) -> None:
    size = file.stat().st_size
    file.write_bytes(b"#" * size)


@pytest.mark.parametrize("sink", APPENDED.values(), ids=APPENDED)
@pytest.mark.parametrize("change", [_emptied, _cut, _appended_to, _rewritten])
@pytest.mark.parametrize("after", [20, 50], ids=["in the middle", "before the last page"])
async def test_an_output_that_another_program_changes_during_the_run_is_neither_complete_nor_overwritten(
    tmp_path: Path, machine: Machine, sink: dict[str, Any], change: Callable[[Path], None], after: int
) -> None:
    """As logrotate does with copytruncate: to write on would leave a hole of zeros, or destroy what was added."""
    file, left = tmp_path / "items.jsonl", b""
    ticks = itertools.count()

    async def before(asked: SearchRequest) -> None:
        nonlocal left
        if asked.after != after or left:
            return
        for _ in range(3_000):  # the pages before are being written
            if file.stat().st_size:
                break
            await asyncio.sleep(0.01)
        change(file)
        left = file.read_bytes() or b"-"

    async with listing(products(*range(1, 61)), before=before) as store:
        written = sink | {"path": "items.jsonl"}  # each page is a durable step of its own
        reader = shop(store, tmp_path, replace(machine, monotonic=lambda: float(next(ticks))), sink=written)
        reader.incoming["incremental"] = {"field": "updated_at"}
        summary = await reader.run()
        assert summary.state == "stopped", summary
        assert "was changed by another program while the run was writing to it" in summary.reason
        assert file.read_bytes() == left.removeprefix(b"-") or change is _emptied
        with Ledger(reader.ledger) as ledger:
            assert ledger.mark() is None
        if change is _appended_to:
            with pytest.raises(SinkError, match="another program has changed it"):
                await reader.run()
            assert file.read_bytes() == left
        file.unlink()
        assert (await reader.run(RunOptions(full=True))).received == 60


@pytest.mark.parametrize("what", ["state directory", "ledger", "another ledger"])
async def test_a_ledger_that_is_taken_away_during_the_run_is_mentioned(
    tmp_path: Path, machine: Machine, what: str
) -> None:
    async def before(asked: SearchRequest) -> None:
        if asked.after != 20 or not reader.ledger.exists():
            return
        if what == "state directory":
            shutil.rmtree(machine.directories.state)
        else:
            reader.ledger.unlink()
        if what == "another ledger":
            Ledger(reader.ledger).close()

    async with listing(products(*range(1, 61)), before=before) as store:
        reader = shop(store, tmp_path, machine)
        summary = await reader.run()
    assert summary.state == "stopped", summary
    assert re.search(r"The ledger .* was (deleted or moved|replaced) during the run", summary.reason)
    assert "needs a new output" in summary.reason
