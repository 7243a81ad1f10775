"""Rows of a database whose items a run does not list: gone from the store, or only moved past what was read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from listing import Item, Listing, SearchRequest, listing, product, products
from runs import KEYSET, NUMBERS, Shop, shop
from test_slice_items import slices

from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine

ONE_AT_A_TIME = RunOptions(full=True, in_flight=1)
FULL = RunOptions(full=True)
DATABASES = ["sqlite", *(["duckdb"] if find_spec("duckdb") else [])]
KEPT, DELETED = "that were not listed", "that the store no longer lists"


def sink(kind: str) -> dict[str, Any]:
    return {"kind": kind, "path": f"items.{kind}", "table": "items"}


def skus(reader: Shop, kind: str) -> set[str]:
    path = reader.directory / f"items.{kind}"
    if kind == "duckdb":
        import duckdb

        with closing(duckdb.connect(str(path))) as database:
            return {row[0] for row in database.execute("SELECT sku FROM items").fetchall()}
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT sku FROM items")}


def swapping(store: Listing, page: int) -> Any:
    """As page `page` is requested, an item of the first page is deleted and another one is added at the end."""

    def bend(asked: SearchRequest, items: list[Item]) -> bytes | None:
        if asked.page != page:
            return None
        store.bend = lambda asked, items: None
        del store.items[5]
        store.items[100] = product(100)
        found = [each for _, each in sorted(store.items.items())]
        return store.page(found[(page - 1) * asked.size : page * asked.size], len(found))

    return bend


@pytest.mark.parametrize("kind", DATABASES)
async def test_page_numbers_alone_delete_no_row(tmp_path: Path, machine: Machine, kind: str) -> None:
    """The first item of the second page moves to the first one, which has been read; the counts agree."""
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, pagination=NUMBERS, sink=sink(kind))
        assert (await reader.run(FULL)).remarks == ()
        store.bend = swapping(store, 2)
        shifted = await reader.run(ONE_AT_A_TIME)
        assert shifted.state == "complete"  # what it says of the rows is all that can be known
        assert {"S5", "S11", "S100"} <= skus(reader, kind)
        assert [each for each in shifted.remarks if KEPT in each] == list(shifted.remarks)
        gone = await reader.run(FULL)
        assert [KEPT in each for each in gone.remarks] == [True]  # the one that was deleted after it had been read
        again = await reader.run(FULL)
    assert skus(reader, kind) == {f"S{number}" for number in (*range(1, 5), *range(6, 31), 100)}
    assert again.remarks == ("1 row of items that the store no longer lists was deleted.",)


@pytest.mark.parametrize("kind", DATABASES)
async def test_keyset_proves_at_once_that_an_item_is_gone(tmp_path: Path, machine: Machine, kind: str) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, pagination=KEYSET, sink=sink(kind))
        await reader.run(FULL)
        del store.items[5]
        summary = await reader.run(FULL)
    assert "S5" not in skus(reader, kind)
    assert summary.remarks == ("1 row of items that the store no longer lists was deleted.",)


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS, {**KEYSET, "page-size": 100}, None], ids=str)
async def test_a_list_that_has_become_much_shorter_changes_nothing(
    tmp_path: Path, machine: Machine, pagination: Any
) -> None:
    """Such as while the store rebuilds its index: status 200, and a count that agrees."""
    async with listing(products(*range(1, 121))) as store:
        reader = shop(store, tmp_path, machine, pagination=pagination)
        await reader.run()
        store.items = products(1, 2)
        stopped = await reader.run()
        assert (stopped.state, stopped.code, len(reader.items())) == ("stopped", "short-list", 120)
        assert "lists 2 items; the last complete run read 120" in stopped.reason
        assert (await reader.run(**{"max-decrease": 98})).state == "stopped"
        assert (await reader.run(**{"max-decrease": 99})).state == "complete"
        assert len(reader.items()) == 2
        store.items = products(*range(1, 121))
        await reader.run()
        store.items = products(*range(1, 31))
        assert (await reader.run()).state == "complete"
        store.items = products(1, 2)
        assert (await reader.run(FULL)).state == "complete"
    assert reader.ids() == [1, 2]


async def test_a_list_without_a_count_that_has_become_much_shorter_is_incomplete(
    tmp_path: Path, machine: Machine
) -> None:
    """Only its end shows how long it is, and then its rows are kept."""
    async with listing(products(*range(1, 121)), counts=False) as store:
        reader = shop(store, tmp_path, machine, pagination=KEYSET, sink=sink("sqlite"))
        await reader.run()
        store.items = products(*range(1, 13))
        summary = await reader.run()
    assert (summary.state, summary.code) == ("incomplete", "short-list")
    assert len(skus(reader, "sqlite")) == 120


async def test_an_incomplete_run_deletes_no_row(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, pagination=KEYSET, sink=sink("sqlite"))
        await reader.run(FULL)
        del store.items[5]
        store.bend = lambda asked, items: store.page([each for each in items if each["id"] != 7], 29)
        assert (await reader.run(FULL)).state == "incomplete"
    assert {"S5", "S7"} <= skus(reader, "sqlite")


async def test_another_configuration_starts_its_table_over(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, pagination=NUMBERS, sink=sink("sqlite"))
        await reader.run()
        await reader.run(filter="id > `10`")
    assert skus(reader, "sqlite") == {f"S{number}" for number in range(11, 31)}


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_run_since_a_date_deletes_no_row(tmp_path: Path, machine: Machine, kind: str) -> None:
    async with listing(products(*range(1, 31))) as store:
        changes = {"field": "updated_at"}
        reader = shop(store, tmp_path, machine, pagination=KEYSET, sink=sink(kind), incremental=changes)
        await reader.run()
        store.items[7] = product(7, "2026-11-20 00:00:00")
        summary = await reader.run(RunOptions(full=True, since="2026-11-10 00:00:00"))
    assert (summary.items, len(skus(reader, kind))) == (1, 30)


def dated(*numbers: int) -> dict[int, Item]:
    return {number: product(number, f"2026-11-01 10:{number:02d}:00") for number in numbers}


@pytest.mark.parametrize("saved", [False, True])
async def test_an_item_saved_after_its_slices_were_planned_keeps_its_row(
    tmp_path: Path, machine: Machine, saved: bool
) -> None:
    async with listing(dated(*range(1, 31))) as store:
        by_date = {"pagination": KEYSET, "incremental": {"field": "updated_at"}, "sink": sink("sqlite")}
        reader = shop(store, tmp_path, machine, **by_date)
        await reader.run()
        del store.items[20]
        async with slices(reader) as run:
            plan = await run.planned(3, by="time", full=True)
            assert (plan.by, plan.expected, plan.above) == ("time", 29, 0)
            if saved:
                store.items[5]["updated_at"] = "2026-11-02 00:00:00"
            for index in range(len(plan.slices)):
                assert (await run.read(index)).state == "complete"
            summary = await run.commit()
        assert summary.state == "complete"
        assert ("S5" in skus(reader, "sqlite")) is True
        assert ("S20" in skus(reader, "sqlite")) is saved
        said = " ".join(summary.remarks)
        assert ("are in no slice. The next run reads them." in said) is saved
        assert ("each slice is complete" in said) is False
        assert ("kept: they may have been saved after the slices were planned." in said) is saved
        assert (await reader.run()).items == saved
