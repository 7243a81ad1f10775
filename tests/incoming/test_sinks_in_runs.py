"""Sinks under a run: stopped within a page, gone on with, and brought up to date by later runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from killed_runs import SINKS
from listing import listing, product, products
from runs import RunNotes, Shop

from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine


def rows(path: Path) -> Any:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT * FROM items ORDER BY rowid").fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("sink", SINKS)
async def test_a_run_stopped_within_a_page_goes_on(tmp_path: Path, machine: Machine, sink: str) -> None:
    saved, read = SINKS[sink]
    async with listing(products(*range(1, 88))) as store:
        shop = Shop(tmp_path, machine, store.url, {"sink": {**saved, "path": "stopped"}})
        assert (await shop.run(RunOptions(limit=33))).items == 33
        assert (await shop.run()).state == "complete"
        stopped = read(tmp_path / "stopped")
        assert (await shop.run()).state == "complete"  # anew, in its own file
        again = read(tmp_path / "stopped")
        whole = Shop(tmp_path, machine, store.url, {"sink": {**saved, "path": "whole"}})
        assert (await whole.run(RunOptions(full=True))).state == "complete"
    assert stopped == again == read(tmp_path / "whole")


async def test_a_table_is_brought_up_to_date(tmp_path: Path, machine: Machine) -> None:
    """Only what has changed is read, and each identifier keeps its one row."""
    async with listing(products(*range(1, 31))) as store:
        shop = Shop(tmp_path, machine, store.url, {"incremental": {"field": "updated_at"}})
        sink = {"kind": "sqlite", "path": "store.db", "columns": ["name"]}
        assert (await shop.run(sink=sink)).items == 30
        store.items[7] = {**product(7, "2026-11-20 00:00:00"), "name": "Changed"}
        store.items[31] = product(31, "2026-11-20 00:00:00")
        summary = await shop.run(sink=sink)
    assert (summary.state, summary.items) == ("complete", 2)
    found = {row[1]: row[3] for row in rows(tmp_path / "store.db")}
    assert len(found) == 31
    assert (found["S7"], found["S31"], found["S8"]) == ("Changed", "Product 31", "Product 8")


@pytest.mark.parametrize(
    ("sink", "items"),
    [
        ({"kind": "sqlite", "path": "store.db", "table": "items"}, 1),
        ({"kind": "sqlite", "path": "store.db"}, 31),
        ({"kind": "singer", "path": "store.jsonl", "stream": "items"}, 1),
        ({"kind": "singer", "path": "store.jsonl"}, 31),
    ],
)
async def test_a_table_or_stream_of_another_name_is_filled_from_the_start(
    tmp_path: Path, machine: Machine, sink: dict[str, str], items: int
) -> None:
    """An incoming that is renamed continues its list, unless its table or stream is named after it."""
    async with listing(products(*range(1, 31))) as store:
        shop = Shop(tmp_path, machine, store.url, {"incremental": {"field": "updated_at"}, "sink": sink})
        assert (await shop.run()).items == 30
        store.items[31] = product(31, "2026-11-20 00:00:00")
        shop.ledger.rename(shop.ledger.with_name("goods.sqlite"))
        shop.name = "goods"
        summary = await shop.run()
        assert (summary.state, summary.items) == ("complete", items)
        assert (await shop.run()).items == 0


async def test_items_a_table_cannot_tell_apart_are_said(tmp_path: Path, machine: Machine) -> None:
    items = products(*range(1, 21))
    items[4]["sku"] = "S3"
    del items[9]["sku"]
    async with listing(items) as store:
        shop = Shop(tmp_path, machine, store.url, {"sink": {"kind": "sqlite", "path": "store.db"}})
        summary = await shop.run(told=(told := RunNotes()))
    assert (summary.items, summary.failed) == (19, 1)
    assert told.records[0].record == "item 9 of the output"
    assert "no 'sku'" in told.records[0].message
    assert any("1 of the items had the same 'sku' as an earlier one" in remark for remark in summary.remarks)
    assert len(rows(tmp_path / "store.db")) == 18
