"""Responses with a good status that hold only some of the items: an error beside them, null in place of one."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from http_server import Received, reply, serving
from listing import listing, products
from runs import Shop

from tui_connector.client.counts import count_of
from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger

ROWS: list[Any] = [
    {"id": number, "sku": f"S{number}", "updated_at": "2026-11-01 00:00:00", "status": "failed"}
    for number in range(1, 6)
]
GRAPHQL = {"items": "data.products.items"}


def answering(body: Any) -> Any:
    async def response(request: Received, writer: Any) -> None:
        writer.write(reply("200 OK", json.dumps(body).encode()))

    return response


async def read(directory: Path, machine: Machine, body: Any, **incoming: Any) -> tuple[Shop, Any]:
    async with serving(answering(body)) as server:
        reader = Shop(directory, machine, server.url, {"identifier": "id", "pagination": None, **incoming})
        return reader, await reader.run()


def in_data(**beside: Any) -> dict[str, Any]:
    return {"data": {"products": {"items": ROWS}}, **beside}


ERRORS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "GraphQL": (in_data(errors=[{"message": "the index is rebuilt"}]), GRAPHQL),
    "JSON:API": ({"items": ROWS, "errors": [{"title": "Partial", "detail": "the index is rebuilt"}]}, {}),
    "an expression": ({"items": ROWS, "errors": ["the index is rebuilt"]}, {"items": "items[?id]|[*]"}),
    "beside the list, not at the top": (
        {"data": {"list": ROWS, "error": "the index is rebuilt"}},
        {"items": "data.list"},
    ),
    "success": ({"items": ROWS, "success": False, "message": "the index is rebuilt"}, {}),
    "status": ({"items": ROWS, "status": "error", "message": "the index is rebuilt"}, {}),
    "PHP": ({"items": ROWS, "messages": {"error": [{"code": 500, "message": "the index is rebuilt"}]}}, {}),
    "Magento": (
        {
            "items": ROWS,
            "search_criteria": {},
            "total_count": 5,
            "message": "the index is %1",
            "parameters": ["rebuilt"],
        },
        {},
    ),
    "Elasticsearch": (
        {"_shards": {"total": 5, "failed": 1, "why": "the index is rebuilt"}, "hits": {"hits": ROWS}},
        {"items": "hits.hits"},
    ),
}


@pytest.mark.parametrize("how", ERRORS)
async def test_items_beside_an_error_are_not_the_whole_list(tmp_path: Path, machine: Machine, how: str) -> None:
    body, incoming = ERRORS[how]
    reader, summary = await read(tmp_path, machine, body, **incoming, incremental={"field": "updated_at"})
    assert summary.state == "incomplete"
    assert "the index is rebuilt" in summary.reason
    assert reader.ids() == [1, 2, 3, 4, 5]
    with Ledger(reader.ledger) as ledger:
        mark = ledger.mark()
    assert mark is None or mark.value is None


@pytest.mark.parametrize(
    ("body", "incoming"),
    [
        ({"items": ROWS, "errors": [], "error": None, "success": True, "status": "ok", "message": "5 found"}, {}),
        ({"items": ROWS, "error": {"code": 0, "message": ""}, "messages": {"error": []}}, {}),
        ({"items": ROWS, "error": "none", "_shards": {"failed": 0}}, {}),
        ({"errors": ROWS}, {"items": "errors"}),
        ({"id": 7, "status": "failed", "errors": ["card refused"], "line_items": ROWS}, {"items": "line_items"}),
        ({"errors": {"list": ROWS}}, {"items": "errors.list"}),
    ],
)
async def test_what_is_no_error_beside_items_is_none(
    tmp_path: Path, machine: Machine, body: Any, incoming: dict[str, Any]
) -> None:
    _, summary = await read(tmp_path, machine, body, **incoming)
    assert (summary.state, summary.reason) == ("complete", "")


async def test_an_error_on_a_page_in_the_middle_counts(tmp_path: Path, machine: Machine) -> None:
    def bend(asked: Any, items: Any) -> bytes | None:
        if asked.page != 2:
            return None
        body = {"items": items, "total_count": 30, "errors": [{"message": "shard 2 is down"}]}
        return reply("200 OK", json.dumps(body).encode())

    async with listing(products(*range(1, 31)), bend) as store:
        pagination = {"kind": "search-criteria", "order": "entity_id", "page-size": 10}
        reader = Shop(tmp_path, machine, store.url, {"pagination": pagination})
        summary = await reader.run()
    assert (summary.state, summary.items) == ("incomplete", 30)
    assert "shard 2 is down" in summary.reason


SINKS: dict[str, dict[str, Any]] = {
    "jsonl": {"kind": "jsonl", "path": "items.jsonl"},
    "csv": {"kind": "csv", "path": "items.csv"},
    "sqlite": {"kind": "sqlite", "path": "items.db", "table": "items"},
}


@pytest.mark.parametrize("changes", [{}, {"filter": "id > `0`"}, {"identifier": None}], ids=str)
@pytest.mark.parametrize("sink", SINKS)
async def test_null_in_place_of_an_item_is_a_failed_item(
    tmp_path: Path, machine: Machine, sink: str, changes: dict[str, Any]
) -> None:
    """Twice, which is not the same item twice."""
    body = {"items": [*ROWS[:2], None, ROWS[3], None], "total_count": 5}
    pagination = {"kind": "page-number", "page-size": 5}
    reader, summary = await read(tmp_path, machine, body, pagination=pagination, sink=SINKS[sink], **changes)
    assert (summary.state, summary.items, summary.failed) == ("complete", 3, 2)
    assert [each.record for each in reader.failures()] == ["item 3", "item 5"]
    assert "null" in reader.failures()[0].message
    if sink == "jsonl":
        assert reader.ids() == [1, 2, 4]
    elif sink == "csv":
        with (tmp_path / "items.csv").open() as file:
            assert [row["id"] for row in csv.DictReader(file)] == ["1", "2", "4"]
    else:
        with sqlite3.connect(tmp_path / "items.db") as database:
            assert database.execute("SELECT count(*) FROM items").fetchone() == (3,)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234", 1234),
        ("12,345,678", 12345678),
        ("1.234.567", 1234567),
        ("1 234", 1234),
        ("1\u202f234", 1234),
        ("1'234", 1234),
        ("1,23", None),
        ("1,234 567", None),
        ("1,234.50", None),
        ("1000+", None),
    ],
)
def test_counts_may_have_their_thousands_separated(text: str, number: int | None) -> None:
    assert count_of(text) == number


@pytest.mark.parametrize("counted", ["1,234", "1.234", "1000+", ">1000", "~50"])
async def test_a_count_as_text_is_compared_or_named(tmp_path: Path, machine: Machine, counted: str) -> None:
    _, summary = await read(tmp_path, machine, {"items": ROWS, "total": counted})
    assert summary.state == "incomplete"
    assert counted.replace(",", "") in summary.reason.replace(",", "")


@pytest.mark.parametrize("counted", ["5", " 5 ", "19.95", "€ 19.95", "", "unknown", None, 19.95])
async def test_a_count_that_agrees_or_is_none_is_no_doubt(tmp_path: Path, machine: Machine, counted: Any) -> None:
    _, summary = await read(tmp_path, machine, {"items": ROWS, "total": counted})
    assert summary.state == "complete"
