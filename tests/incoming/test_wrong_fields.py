"""A field that the profile misspells is reported once, before anything is written; content is known in any order."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from http_server import Received, reply, serving
from hypothesis import given
from hypothesis import strategies as st
from listing import listing, products
from runs import RunNotes, shop

from tui_connector.cli.errors import Exit
from tui_connector.cli.run_output import exit_of
from tui_connector.incoming.incremental import digest, is_same
from tui_connector.incoming.unfound_fields import ColumnSearch
from tui_connector.machine import Machine

SQLITE = {"kind": "sqlite", "path": "items.sqlite"}


@pytest.mark.parametrize("field", ["update_at", "updatedAt", "UPDATED_AT", "modified", "extension_attributes.date"])
async def test_a_misspelt_date_stops_the_run_before_anything_is_written(
    field: str, tmp_path: Path, machine: Machine
) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at"})
        assert (await reader.run()).items == 30
        before = reader.path.read_bytes()
        wrong = shop(store, tmp_path, machine, incremental={"field": field})
        for _ in range(2):
            summary = await wrong.run(told=(told := RunNotes()))
            assert (summary.state, exit_of(summary), summary.items) == ("failed", Exit.SETUP, 0)
            assert f"No item has the field {field!r}, which incremental.field names" in summary.reason
            assert "The items contain: id, " in summary.reason
            assert told.records == []
        assert reader.path.read_bytes() == before
        assert (await reader.run()).state == "complete"


@pytest.mark.parametrize("sink", [SQLITE, {"kind": "singer", "path": "items.singer"}])
async def test_a_sink_that_needs_the_identifier_says_once_that_there_is_none(
    sink: dict[str, Any], tmp_path: Path, machine: Machine
) -> None:
    async with listing(products(*range(1, 131))) as store:
        reader = shop(store, tmp_path, machine, identifier="skuu", sink=sink)
        summary = await reader.run(told=(told := RunNotes()))
    assert (exit_of(summary), summary.items, told.records) == (Exit.SETUP, 0, [])
    assert "which identifier names" in summary.reason
    assert "did you mean 'sku'?" in summary.reason


@pytest.mark.parametrize(("items", "have"), [([{}, {}], "have no fields"), ([1, 2], "are not JSON objects")])
async def test_items_without_fields_are_told_from_other_values(
    items: list[Any], have: str, tmp_path: Path, machine: Machine
) -> None:
    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", json.dumps({"items": items}).encode()))

    async with serving(respond) as store:
        summary = await shop(store, tmp_path, machine, pagination=None, sink=SQLITE).run()
    assert f"No item has the field 'sku', which identifier names. The items {have}." in summary.reason


async def test_a_sink_that_does_not_need_it_writes_all_and_says_it_once(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 131))) as store:
        reader = shop(store, tmp_path, machine, identifier="skuu")
        summary = await reader.run(told=(told := RunNotes()))
    assert (summary.state, summary.items, told.records) == ("complete", 130, [])
    assert ["did you mean 'sku'?" in remark for remark in summary.remarks] == [True]


async def test_content_needs_the_identifier_in_the_items(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, identifier="skuu", incremental={"content": True})
        assert exit_of(await reader.run()) == Exit.SETUP
        assert not reader.path.exists() or reader.path.read_bytes() == b""


async def test_a_transform_that_drops_the_identifier_is_said_once(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 31))) as store:
        reader = shop(store, tmp_path, machine, transform="{name: name}", sink=SQLITE)
        summary = await reader.run(told=(told := RunNotes()))
    assert (exit_of(summary), told.records) == (Exit.SETUP, [])
    assert "The items contain: name." in summary.reason


async def test_dates_that_are_all_null_end_in_an_error_and_set_no_mark(tmp_path: Path, machine: Machine) -> None:
    items = products(*range(1, 31))
    for each in items.values():
        each["updated_at"] = None
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at"})
        summary = await reader.run()
        assert exit_of(summary) == Exit.SETUP
        assert "No item has a date in 'updated_at'" in summary.reason
        items[30]["updated_at"] = "2026-11-24 10:00:00"
        assert (await reader.run()).state == "complete"


async def test_a_later_page_without_the_field_is_no_reason_to_stop(tmp_path: Path, machine: Machine) -> None:
    items = products(*range(1, 31))
    for number in range(11, 31):
        del items[number]["updated_at"]
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at"})
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 31))


def varied(value: Any, chance: random.Random) -> Any:
    """The same content in another order."""
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: varied(value[name], chance) for name in names}
    if isinstance(value, list):
        found = [varied(each, chance) for each in value]
        if all(isinstance(each, dict) for each in found) or all(type(each) is int for each in found):
            chance.shuffle(found)
        return found
    return value


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
JSON = st.recursive(
    LEAVES,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=3), inside, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=4)


def written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=random.choice([True, False])).encode("utf-8", "surrogatepass")


@given(OBJECTS, st.randoms())
def test_the_same_content_in_another_order_is_the_same(item: dict[str, Any], chance: random.Random) -> None:
    huge = any(len(word) > 18 for word in json.dumps(item).split() if word.strip("-,]}").isdigit())
    again = varied(item, chance)
    assert is_same(written(item), digest(written(item)))
    if not huge:  # such numbers are known by their text
        assert is_same(json.dumps(again).encode(), digest(json.dumps(item).encode()))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"v":[{"i":270},{"i":269}]}', '{"v":[{"i":269},{"i":270}]}', True),
        ('{"links":[3,1,2]}', '{"links":[1,2,3]}', True),
        ('{"category_ids":["3","10"]}', '{"category_ids":["10","3"]}', True),
        ('{"price":10}', '{"price":10.00}', True),
        ('{"a":{"b":1,"c":2}}', '{"a":{"c":2,"b":1}}', True),
        ('{"name":"\\u00e4"}', '{"name":"ä"}', True),
        ('{"sizes":["S","M"]}', '{"sizes":["M","S"]}', False),
        ('{"v":[{"i":270},{"i":269}]}', '{"v":[{"i":270},{"i":268}]}', False),
        ('{"v":[1,1,2]}', '{"v":[1,2,2]}', False),
        ('{"a":1}', '{"a":"1"}', False),
        ('{"a":1}', '{"a":true}', False),
        ('{"a":null}', "{}", False),
        ('{"a":[[1,2],[3]]}', '{"a":[[3],[1,2]]}', False),
    ],
)
def test_what_counts_as_a_change(one: str, other: str, same: bool) -> None:
    assert is_same(other.encode(), digest(one.encode())) == same


def options(number: int) -> list[dict[str, int]]:
    return [{"value_index": value} for value in (269, 270, 271 + number)]


@pytest.mark.parametrize("incremental", [{"content": True}, {"field": "updated_at", "overlap": "1h"}])
async def test_items_that_come_in_another_order_are_not_written_again(
    incremental: dict[str, Any], tmp_path: Path, machine: Machine
) -> None:
    items = products(*range(1, 31))
    for number, each in items.items():
        each.update(options=options(number), updated_at="2026-11-24 10:00:00")
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental=incremental)
        assert (await reader.run()).items == 30
        for each in items.values():
            each["options"].reverse()
        summary = await reader.run()
        assert (summary.items, summary.dropped) == (0, 30)
        items[7]["options"][0]["value_index"] = 1
        assert (await reader.run()).items == 1
    assert reader.ids() == [*range(1, 31), 7]


async def test_a_ledger_of_an_earlier_version_makes_nothing_be_written_again(tmp_path: Path, machine: Machine) -> None:
    items = products(*range(1, 31))
    for number, each in items.items():
        each["options"] = options(number)
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"content": True})
        assert (await reader.run()).items == 30
        lines = {json.loads(line)["sku"]: line for line in reader.path.read_bytes().splitlines()}
        with sqlite3.connect(reader.ledger) as ledger:
            for sku, line in lines.items():
                old = hashlib.blake2b(line, digest_size=12).digest()
                ledger.execute("update content set digest = ? where identifier = ?", (old, sku))
        assert (await reader.run()).items == 0
        for each in items.values():
            each["options"].reverse()
        assert (await reader.run()).items == 0
    assert reader.ids() == list(range(1, 31))


LOST = "'p' is null in all {} items: they have no field 'idd'. Correct transform: did you mean 'id'?"


async def test_a_value_that_a_misspelt_transform_loses_is_said_after_the_first_page_and_at_the_end(
    tmp_path: Path, machine: Machine
) -> None:
    async with listing(products(*range(1, 131))) as store:
        reader = shop(store, tmp_path, machine, transform="{sku: sku, p: idd}")
        summary = await reader.run(told=(told := RunNotes()))
        assert (summary.state, exit_of(summary), summary.items) == ("complete", Exit.DONE, 130)
        assert [(each.code, each.text) for each in summary.warnings] == [("incoming-field", LOST.format(130))]
        [(code, first)] = told.warnings
        assert code == "incoming-field"
        assert first.startswith("'p' is null in all ")
        assert first not in [each.text for each in summary.warnings]
        right = shop(store, tmp_path, machine, transform="{sku: sku, p: id}")
        summary = await right.run(told=(told := RunNotes()))
        assert [*told.warnings, *summary.warnings] == []


async def test_a_list_of_one_page_is_said_once(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(1, 2, 3)) as store:
        reader = shop(store, tmp_path, machine, transform="{p: idd}")
        summary = await reader.run(told=(told := RunNotes()))
    assert [*told.warnings, *((each.code, each.text) for each in summary.warnings)] == [
        ("incoming-field", LOST.format(3))
    ]


async def test_a_field_that_only_a_later_page_has_is_no_longer_missing_at_the_end(
    tmp_path: Path, machine: Machine
) -> None:
    items = products(*range(1, 31))
    items[30]["late"] = 1
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, transform="{sku: sku, late: late}")
        summary = await reader.run(told=(told := RunNotes()))
    assert summary.warnings == ()
    assert [text.partition(" in ")[0] for _, text in told.warnings] == ["'late' is null"]


@pytest.mark.parametrize(
    "sink",
    [
        {"kind": "csv", "path": "items.csv", "columns": ["sku", "nmae"]},
        {**SQLITE, "columns": ["sku", "nmae"]},
        {"kind": "csv", "path": "items.csv", "columns": ["sku", "näme"]},
    ],
)
async def test_columns_that_no_item_has_are_said(sink: dict[str, Any], tmp_path: Path, machine: Machine) -> None:
    async with listing(products(1, 2, 3)) as store:
        summary = await shop(store, tmp_path, machine, sink=sink).run(told=(told := RunNotes()))
    column = sink["columns"][1]
    [text] = [*(text for _, text in told.warnings), *(each.text for each in summary.warnings)]
    assert text.startswith(f"The column {column!r} is empty in all 3 items: they have no field {column!r}.")


def test_columns_may_be_custom_attributes_and_names_with_escapes() -> None:
    from tui_connector.incoming.sinks.duckdb import DuckDbSink

    columns = ["color", "größe", "size"]
    sink = DuckDbSink.model_validate({"path": "x.duckdb", "columns": columns, "custom-attributes": "columns"})
    search = ColumnSearch(sink)
    search.note([b'{"sku":"a"}', b'{"custom_attributes":[{"attribute_code":"color","value":"1"}]}'])
    search.note([b'{"gr\\u00f6\\u00dfe":1,"other":"size"}'])
    assert [each.summary.split()[2] for each in search.unfound()] == ["'size'"]
