"""Rows of items that changed and no longer match the filter: incremental and full runs end with the same table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from listing import Item, listing, product
from postgres import Database
from runs import NUMBERS, Shop, shop
from sink_runs import WAITS

from tui_connector.incoming.sink import OpenSink, SinkContext
from tui_connector.incoming.sinks.sqlite import SqliteSink
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine

DATABASES = [
    "sqlite",
    *(["duckdb"] if find_spec("duckdb") else []),
    *(["parquet"] if find_spec("pyarrow") and find_spec("duckdb") else []),
]
FILTERED: dict[str, Any] = {"filter": "name != 'off'", "incremental": {"field": "updated_at", "overlap": "1s"}}


def sink(kind: str) -> dict[str, Any]:
    return {"kind": kind, "path": f"items.{kind}", **({} if kind == "parquet" else {"table": "items"})}


def skus(reader: Shop, kind: str) -> list[str]:
    path = reader.directory / f"items.{kind}"
    if kind == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            return [row[0] for row in connection.execute("SELECT sku FROM items ORDER BY sku")]
    import duckdb

    with closing(duckdb.connect(":memory:" if kind == "parquet" else str(path))) as database:
        table = f"'{path}'" if kind == "parquet" else "items"
        return [row[0] for row in database.execute(f"SELECT sku FROM {table} ORDER BY sku").fetchall()]


def changed(number: int, name: str, minute: int) -> Item:
    return {**product(number, f"2026-11-24 10:{minute:02d}:00"), "name": name}


@pytest.mark.parametrize("kind", DATABASES)
async def test_the_row_of_an_item_that_no_longer_matches_is_deleted(
    tmp_path: Path, machine: Machine, kind: str
) -> None:
    items = {number: changed(number, "on", 0) for number in range(1, 5)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, sink=sink(kind), **FILTERED)
        assert (await reader.run()).items == 4
        items |= {2: changed(2, "off", 10), 4: changed(4, "off", 10), 5: changed(5, "off", 10)}
        summary = await reader.run()
        assert (summary.items, skus(reader, kind)) == (0, ["S1", "S3"])
        if kind != "parquet":
            assert summary.remarks == ("2 rows of items that no longer match the filter were deleted.",)
        items |= {4: changed(4, "on", 20), 6: changed(6, "on", 20), 3: changed(3, "off", 20)}
        assert (await reader.run()).items == 2
        assert skus(reader, kind) == ["S1", "S4", "S6"]
        assert (await reader.run()).remarks == ()
        assert (await reader.run(RunOptions(full=True))).items == 3
        assert skus(reader, kind) == ["S1", "S4", "S6"]


@pytest.mark.parametrize("kind", DATABASES)
async def test_the_identifier_is_that_of_the_transformed_item(tmp_path: Path, machine: Machine, kind: str) -> None:
    transform = "{sku: join('-', ['X', sku]), name: name}"
    items = {number: changed(number, "on", 0) for number in range(1, 4)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, sink=sink(kind), **FILTERED, transform=transform)
        await reader.run()
        items[3] = changed(3, "off", 10)
        await reader.run()
    assert skus(reader, kind) == ["X-S1", "X-S2"]


@pytest.mark.parametrize("kind", [kind for kind in DATABASES if kind != "parquet"])
async def test_a_full_run_deletes_what_it_lists_and_leaves_out_without_another_run(
    tmp_path: Path, machine: Machine, kind: str
) -> None:
    """Page numbers do not prove that an item is gone; that the filter drops it does. New rows come behind the last."""
    items = {number: changed(number, "on", 0) for number in range(1, 25)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, sink=sink(kind), pagination=NUMBERS, filter=FILTERED["filter"])
        await reader.run()
        items |= {number: changed(number, "off", 10) for number in (1, 23, 24)}
        items |= {number: changed(number, "on", 10) for number in (30, 31)}
        for _ in range(2):
            assert (await reader.run()).state == "complete"
            assert skus(reader, kind) == sorted(f"S{number}" for number in [*range(2, 23), 30, 31])


async def test_what_only_grows_says_how_many_items_were_left_out(tmp_path: Path, machine: Machine) -> None:
    items = {number: changed(number, "on", 0) for number in range(1, 5)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, **FILTERED)
        assert (await reader.run()).remarks == ()
        items[2] = changed(2, "off", 10)
        [remark] = (await reader.run()).remarks
        assert remark.startswith("Changed items that do not match the filter, and were not written: 1. ")
        assert (await reader.run()).remarks == ()
        assert (await reader.run(RunOptions(full=True))).remarks == ()
    assert reader.ids() == [1, 3, 4]


async def test_in_postgres(postgres: Database, tmp_path: Path, machine: Machine) -> None:
    items = {number: changed(number, "on", 0) for number in range(1, 5)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, sink=postgres.saved, **FILTERED)
        await reader.run()
        items |= {2: changed(2, "off", 10), 4: changed(4, "off", 10), 5: changed(5, "on", 10), 6: changed(6, "off", 10)}
        summary = await reader.run()
        assert summary.remarks == ("2 rows of items that no longer match the filter were deleted.",)
        assert [item["id"] for item in postgres.items("items")] == [1, 3, 5]


steps_of = some.lists(
    some.tuples(some.booleans(), some.lists(some.integers(1, 6), min_size=1, max_size=4, unique=True)), max_size=8
)


@settings(max_examples=40)
@given(full=some.booleans(), steps=steps_of, cut=some.integers(0, 8))
def test_a_killed_run_that_deleted_the_last_rows_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory, full: bool, steps: list[tuple[bool, list[int]]], cut: int
) -> None:
    """`steps` write and delete items of a table with the rows 1 to 3; the run is killed after one of them."""

    def found(folder: Path, killed: int | None) -> list[Any]:
        database = SqliteSink(path="items.db", table="items")
        opened = database.open(SinkContext(folder, identifier="id", **WAITS), None)
        opened.sync()
        opened.write([b'{"id":%d}' % number for number in (1, 2, 3)])
        opened.complete(None)
        position = known = opened.sync()
        opened.close()
        opened = database.open(SinkContext(folder, identifier="id", **WAITS, known=known), None if full else position)
        position = opened.sync()
        for place, (writes, numbers) in enumerate(steps):
            if place == killed:
                _apply(opened, writes, numbers)
                opened.sync()  # durable, and not recorded
                opened.close()
                opened = database.open(
                    SinkContext(folder, identifier="id", **WAITS, known=position, resumes=True), position
                )
                opened.sync()
            _apply(opened, writes, numbers)
            position = opened.sync()
        opened.complete(None)
        opened.sync()
        opened.close()
        with closing(sqlite3.connect(folder / "items.db")) as connection:
            return connection.execute("SELECT id, item FROM items ORDER BY id").fetchall()

    folder = tmp_path_factory.mktemp("killed")
    for name in ("whole", "killed"):
        (folder / name).mkdir()
    expected = _expected(full=full, steps=steps)
    assert [row[0] for row in found(folder / "whole", None)] == expected
    assert [row[0] for row in found(folder / "killed", cut)] == expected


def _apply(opened: OpenSink, writes: bool, numbers: list[int]) -> None:
    items = [b'{"id":%d}' % number for number in numbers]
    if writes:
        assert not opened.write(items)
    else:
        opened.delete(items)


def _expected(*, full: bool, steps: list[tuple[bool, list[int]]]) -> list[int]:
    """A full run ends with what it has written: what it deletes are only rows of earlier runs."""
    found = set() if full else {1, 2, 3}
    for writes, numbers in steps:
        if writes:
            found |= {*numbers}
        elif not full:
            found -= {*numbers}
    return sorted(found)


@pytest.mark.skipif("parquet" not in DATABASES, reason="needs the extra warehouse")
async def test_a_parquet_file_is_written_where_the_mark_stays(tmp_path: Path, machine: Machine) -> None:
    """A record that fails, or --since a later date: the file has what was read all the same."""
    items = {number: changed(number, "on", 0) for number in range(1, 4)}
    async with listing(items) as store:
        transform = "{sku: sku, name: join('', [name])}"
        incremental = FILTERED["incremental"]
        reader = shop(store, tmp_path, machine, sink=sink("parquet"), incremental=incremental, transform=transform)
        await reader.run()
        items |= {4: changed(4, "on", 10), 5: {**changed(5, "on", 10), "name": 5}}
        assert (await reader.run()).failed == 1
        assert skus(reader, "parquet") == ["S1", "S2", "S3", "S4"]
        items |= {5: changed(5, "on", 10), 6: changed(6, "on", 20)}
        await reader.run(RunOptions(since="2026-11-24 10:15:00"))
        assert skus(reader, "parquet") == ["S1", "S2", "S3", "S4", "S6"]
        await reader.run()
        assert skus(reader, "parquet") == ["S1", "S2", "S3", "S4", "S5", "S6"]
