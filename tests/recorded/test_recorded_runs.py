"""Whole runs over lists of a real store's items: what is written is what the store sent."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from recorded_store import RecordedStore, integration, pool
from runs import RunNotes, Shop

from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.magento.entities import READABLE
from tui_connector.tui.widgets.item_table import columns, table

EXTRA = "extra"
"""Where a row of CSV has what the first item did not have."""

ENTITIES = [name for name, entity in READABLE.items() if entity.filter is not None and pool(f"/V1/{entity.path}")]


def shop(store: RecordedStore, directory: Path, machine: Machine, entity: str, **changes: Any) -> Shop:
    """A profile with this entity's preset, in pages of seven."""
    incoming = READABLE[entity].configuration("shop")
    assert isinstance(incoming["pagination"], dict)
    incoming["pagination"] = {**incoming["pagination"], "page-size": 7}
    nothing = {"identifier": None, "incremental": None}
    return Shop(directory, machine, store.url, {**nothing, **incoming, **changes}, integration("full")["access-token"])


@pytest.mark.parametrize("entity", ENTITIES)
async def test_written_items_are_those_that_the_store_sent(
    store: RecordedStore, tmp_path: Path, machine: Machine, entity: str
) -> None:
    """Byte for byte: numbers, escapes, nulls and the order of names are those of the store."""
    sent = pool(f"/V1/{READABLE[entity].path}")
    told = RunNotes()
    reading = shop(store, tmp_path, machine, entity, sink={"kind": "jsonl", "path": "items.jsonl"})
    summary = await reading.run(told=told)
    assert (summary.state, summary.items, told.records) == ("complete", len(sent), [])
    assert (tmp_path / "items.jsonl").read_text().splitlines() == sent
    if READABLE[entity].cursor:
        again = await reading.run()
        assert again.state == "complete"
        assert any(f"%5D={READABLE[entity].cursor}&" in each for each in store.asked), "only what has changed"


@pytest.mark.parametrize("entity", ["products", "orders", "customers"])
async def test_real_items_in_every_form(store: RecordedStore, tmp_path: Path, machine: Machine, entity: str) -> None:
    sent = [json.loads(each) for each in pool(f"/V1/{READABLE[entity].path}")]
    key = READABLE[entity].identifier or ""

    def reading(**sink: Any) -> Shop:
        (directory := tmp_path / str(sink["kind"])).mkdir()
        return shop(store, directory, machine, entity, sink=sink)

    assert (await reading(kind="csv", path="items.csv").run()).state == "complete"
    with (tmp_path / "csv" / "items.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row[key] for row in rows] == [str(item[key]) for item in sent]
    for row, item in zip(rows, sent, strict=True):
        for name, value in item.items():
            cell = row[name] if name in row else json.dumps(json.loads(row[EXTRA])[name])
            assert _same(cell, value), name
    assert (await reading(kind="sqlite", path="items.db").run()).state == "complete"
    with sqlite3.connect(tmp_path / "sqlite" / "items.db") as database:
        stored = dict(database.execute(f"SELECT {key}, item FROM items"))
    database.close()
    assert {key: json.loads(item) for key, item in stored.items()} == {item[key]: item for item in sent}
    assert (await reading(kind="singer", path="items.singer").run()).state == "complete"
    messages = [json.loads(line) for line in (tmp_path / "singer" / "items.singer").read_text().splitlines()]
    assert [each["record"] for each in messages if each["type"] == "RECORD"] == sent


def _same(cell: str, value: object) -> bool:
    """Whether the cell says this value; nothing is an empty one."""
    if value is None:
        return cell in ("", "null")
    return cell == value or json.loads(cell) == value


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_table_of_first_items(entity: str) -> None:
    sent = [json.loads(each) for each in pool(f"/V1/{READABLE[entity].path}")[:3]]
    names = columns(sent, *filter(None, (READABLE[entity].identifier,)))
    lines = table(sent, names, 74)
    assert len(lines) == len(sent) + 1
    assert all(len(line) <= 74 for line in lines)
    assert names[0] in lines[0]


async def test_a_limit_and_a_stop_within_a_real_list(store: RecordedStore, tmp_path: Path, machine: Machine) -> None:
    reading = shop(store, tmp_path, machine, "products", sink={"kind": "jsonl", "path": "items.jsonl"})
    assert (await reading.run(RunOptions(limit=33))).items == 33
    assert (await reading.run()).state == "complete"
    assert (tmp_path / "items.jsonl").read_text().splitlines() == pool("/V1/products")


async def test_a_cold_store_takes_its_time(store: RecordedStore, tmp_path: Path, machine: Machine) -> None:
    store.first_answer_after = 2.0
    reading = shop(store, tmp_path, machine, "orders", sink={"kind": "jsonl", "path": "items.jsonl"})
    assert (await reading.run()).items == 20
