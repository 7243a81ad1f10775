"""A run that reads only what has changed: the mark, what is unchanged, and what has no date."""

from __future__ import annotations

from pathlib import Path

import pytest
from listing import Item, SearchRequest, listing, product, products
from runs import RunNotes, shop

from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.profile.problems import check


async def test_an_incremental_run_reads_what_changed_and_leaves_out_what_is_known(
    tmp_path: Path, timeless: Machine
) -> None:
    items = {number: product(number, f"2026-11-24 10:00:{number:02d}") for number in range(1, 51)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, timeless, incremental={"field": "updated_at", "overlap": "10s"})
        assert (await reader.run()).items == 50
        items[3] = product(3, "2026-11-24 11:00:00")
        items[51] = product(51, "2026-11-24 10:00:50")  # written late, with a date of before the mark
        summary = await reader.run()
        assert (summary.items, summary.dropped) == (2, 11)
        assert reader.ids() == [*range(1, 51), 3, 51]
        assert store.asked[-1].since == "2026-11-24 10:00:40"
        summary = await reader.run()
        assert (summary.items, summary.dropped) == (0, 1)
        assert (await reader.run(RunOptions(full=True))).items == 51
    assert reader.ids() == list(range(1, 52))


async def test_the_mark_is_never_later_than_the_run_began(tmp_path: Path, machine: Machine) -> None:
    """An item that changed while the run was reading, behind its back, is read by the next one."""
    items = {number: product(number, "2026-11-24 10:00:00") for number in range(1, 101)}

    def change(asked: SearchRequest, page: list[Item]) -> bytes | None:
        if asked.after >= 50 and items[100]["updated_at"] < "2026-11-24 12":
            items[1] = product(1, "2026-11-24 12:00:03")
            items[100] = product(100, "2026-11-24 12:00:09")
        return None

    async with listing(items, change) as store:  # its clock says 12:00:00
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at", "overlap": "1s"})
        await reader.run()
        await reader.run()
    assert reader.ids().count(1) == 2


async def test_a_stopped_incremental_run_does_not_move_the_mark(tmp_path: Path, machine: Machine) -> None:
    items = {number: product(number, f"2026-11-24 10:{number:02d}:00") for number in range(1, 51)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at"})
        await reader.run(RunOptions(limit=20))
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 51))


async def test_a_new_file_in_place_of_a_lost_one_says_from_when_its_items_are(
    tmp_path: Path, timeless: Machine
) -> None:
    items = {number: product(number, f"2026-11-{number:02d} 10:00:00") for number in range(1, 21)}
    async with listing(items) as store:
        since = {"field": "updated_at", "from": "2026-11-05", "overlap": "1s"}
        reader = shop(store, tmp_path, timeless, incremental=since)
        assert (await reader.run(RunOptions(limit=10))).items == 10
        reader.path.unlink()
        assert (await reader.run(told=(told := RunNotes()))).items == 16
        assert told.notes == [f"Starting over: {reader.path} is gone or empty."]
        reader.path.unlink()
        summary = await reader.run(told=(told := RunNotes()))
        assert (summary.state, summary.items) == ("complete", 1)
        assert told.notes == [
            f"{reader.path} is gone or empty: the new one gets only what has changed since 2026-11-20 09:59:59; "
            "--full reads everything."
        ]
        assert (await reader.run(RunOptions(full=True))).items == 16


async def test_a_run_that_is_not_resumed_says_from_when_it_reads_again(tmp_path: Path, timeless: Machine) -> None:
    items = {number: product(number, f"2026-11-{number:02d} 10:00:00") for number in range(1, 11)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, timeless, incremental={"field": "updated_at", "overlap": "1s"})
        await reader.run()
        await reader.run(RunOptions(limit=3), filter="id > `2`")
        await reader.run(told=(told := RunNotes()))
    assert told.notes[0].startswith(
        "Reading again what has changed since 2026-11-10 09:59:59: the configuration has changed since the run of "
    )


async def test_since_reads_from_a_date_and_leaves_the_mark(tmp_path: Path, machine: Machine) -> None:
    items = {number: product(number, f"2026-11-{number:02d} 10:00:00") for number in range(1, 21)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at", "from": "2026-11-05"})
        assert (await reader.run()).items == 16
        assert (await reader.run(RunOptions(since="2026-11-18 00:00:00"))).items == 3
        items[21] = product(21, "2026-11-21 10:00:00")
        assert (await reader.run()).items == 1
    assert reader.ids() == [*range(5, 21), 18, 19, 20, 21]


async def test_a_first_run_with_since_says_that_what_is_older_stays_unread(tmp_path: Path, machine: Machine) -> None:
    items = {number: product(number, f"2026-11-{number:02d} 10:00:00") for number in range(1, 21)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at"})
        await reader.run(RunOptions(since="2026-11-18 00:00:00"), told=(told := RunNotes()))
        assert "changes before 2026-11-18 00:00:00 are read with --full only" in told.notes[0]
        assert (await reader.run()).items == 0
    assert reader.ids() == [18, 19, 20]


async def test_entities_without_a_date_are_known_by_their_content(tmp_path: Path, machine: Machine) -> None:
    items = products(*range(1, 51))
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"content": True})
        assert (await reader.run()).items == 50
        assert (await reader.run()).items == 0
        items[7]["name"] = "Another"
        items[60] = product(60)
        assert (await reader.run()).items == 2
    assert reader.ids() == [*range(1, 51), 7, 60]


_FROM = """format = 1
name = "x"
[incoming.p]
client = "default"
request = { uri = "products" }
[incoming.p.incremental]
field = "updated_at"
from = """


@pytest.mark.parametrize(
    "date", ["2026-02-30 00:00:00", "2026-13-01", "2026-01-01 24:30:00", "2026-01-01T00:00:00", "2026-1-1", "today", ""]
)
def test_a_date_that_there_is_not_is_said_at_its_place(date: str) -> None:
    (problem,) = check(f'{_FROM}"{date}"\n')[1]
    assert str(problem).startswith("8:1: incoming.p.incremental.from: is not a date: write it as")


@pytest.mark.parametrize("date", ["2026-01-01", "2028-02-29 23:59:59"])
def test_a_date_may_have_a_time(date: str) -> None:
    assert [str(each) for each in check(f'{_FROM}"{date}"\n')[1] if "from" in each.path] == []


@pytest.mark.parametrize(
    "date", ["string", "yesterday", "24/11/2026", "Tue, 24 Nov 2026 10:00:00 GMT", "2026-11-24T10:00:00Z", "2026-13-45"]
)
async def test_a_date_that_no_later_run_could_begin_at_is_rejected_when_it_is_read(
    tmp_path: Path, machine: Machine, date: str
) -> None:
    items = {**products(*range(1, 15)), 15: product(15, date)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at"})
        summary = await reader.run()
    assert summary.state == "failed"
    assert f"'updated_at' of item 15 (sku S15) is {date!r}" in summary.reason
    assert "Correct incremental.field" in summary.reason


async def test_the_zero_date_of_mysql_is_no_date(tmp_path: Path, machine: Machine) -> None:
    items = {**products(*range(1, 15)), 15: product(15, "0000-00-00 00:00:00")}
    async with listing(items) as store:
        assert (await shop(store, tmp_path, machine, incremental={"field": "updated_at"}).run()).state == "complete"
