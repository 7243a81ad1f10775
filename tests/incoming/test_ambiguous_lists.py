"""Responses that can be read in two ways, or do not say that they are whole, and rows that changed meanwhile."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from http_server import Received, reply, serving
from listing import listing, products
from runs import NUMBERS, Shop, shop

from tui_connector.client.counts import count_of
from tui_connector.client.message import Response
from tui_connector.client.pages import PageUnreadable, read_page
from tui_connector.client.raw_json import repeated_name
from tui_connector.incoming.moments import earlier
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger

PAGES: dict[str, Any] = {"kind": "page-number", "page-size": 3, "size-parameter": "size"}
LINK = {"kind": "next-link", "link": "next"}
CURSOR = {"kind": "cursor", "cursor": "next"}
ROWS = [{"id": number} for number in range(1, 4)]


def always(body: dict[str, Any] | bytes, status: str = "200 OK") -> Any:
    async def response(request: Received, writer: Any) -> None:
        writer.write(reply(status, body if isinstance(body, bytes) else json.dumps(body).encode()))

    return response


def numbered(*pages: list[dict[str, Any]], total: int | None = None, statuses: dict[int, str] | None = None) -> Any:
    async def response(request: Received, writer: Any) -> None:
        query = dict(parse_qsl(urlsplit(request.head.split(b" ")[1].decode()).query))
        number = int(query.get("page") or query.get("searchCriteria[currentPage]") or 1)
        items = pages[number - 1] if number <= len(pages) else []
        counted = {} if total is None else {"total_count": total}
        status = (statuses or {}).get(number, "200 OK")
        writer.write(reply(status, json.dumps({"items": items, **counted}).encode()))

    return response


REPEATED = {
    "the list": (b'{"items":[{"id":1},{"id":2}],"items":[{"id":3}]}', "items"),
    "the list, empty at last": (b'{"items":[{"id":1}],"items":[]}', "items"),
    "the list, null at first": (b'{"items":null,"items":[{"id":1}]}', "items"),
    "the same list": (b'{"items":[{"id":1}],"items":[{"id":1}]}', "items"),
    "the list, written in escapes": (b'{"items":[{"id":1}],"it\\u0065ms":[{"id":3}]}', "items"),
    "the list, with blanks": (b'{ "items" : [ {"id":1} ],\n "items" : [ {"id":3} ] }', "items"),
    "the object around the list": (b'{"data":{"list":[{"id":1}]},"data":{"list":[{"id":3}]}}', "data.list"),
    "the list by an expression": (b'{"data":{"list":[{"id":1}]},"data":{"list":[{"id":3}]}}', "data.list[]"),
    "the list further down": (b'{"data":{"list":[{"id":1}],"list":[{"id":3}]}}', "data.list"),
    "the count": (b'{"items":[{"id":1}],"total_count":2,"total_count":1}', "items"),
    "the link": (b'{"items":[{"id":1}],"next":"/p2","next":null}', "items"),
    "the flag beside the cursor": (b'{"items":[{"id":1}],"page":{"more":true,"more":false}}', "items"),
    "a row of a list with gaps": (b'{"items":{"1":{"id":1},"1":{"id":2}}}', "items"),
}


@pytest.mark.parametrize("how", REPEATED)
def test_a_name_that_an_object_has_twice_is_refused(how: str) -> None:
    """Decoders take the last one, and what the other one held would be missing without a word."""
    body, items = REPEATED[how]
    with pytest.raises(PageUnreadable, match="twice in one object"):
        read_page(Response(200, (), body, 1), items)


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'{"items":[{"id":1,"items":[]},{"items":[1],"id":2}],"total_count":2}', "items"),
        (b'{"items":[{"id":1,"id":2}]}', "items"),
        (b'{"id":1,"id":2}', "@"),
        (b'{"items":{"id":1,"id":2}}', "items"),
        (b'{"items":[1,1,1],"total":3}', "items"),
        (b'{"a":{"x":1},"b":{"x":1},"items":[]}', "items"),
    ],
)
def test_names_that_come_again_elsewhere_or_in_an_item_are_no_matter(body: bytes, items: str) -> None:
    read_page(Response(200, (), body, 1), items)


async def test_a_list_that_comes_twice_ends_the_run(tmp_path: Path, machine: Machine) -> None:
    async with serving(always(REPEATED["the list"][0])) as server:
        summary = await Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": None}).run()
    assert summary.state == "failed"
    assert "'items' twice" in summary.reason


def test_a_text_of_names_and_blanks_is_walked_along() -> None:
    assert repeated_name(b' { "a\\"" : 1 , "":[ 1 ], "b":{"a":1} } ') is None
    assert repeated_name(b'{"":1,"":2}') == ""
    assert repeated_name(b'{"a":"\\ud800","a":1}') == "a"


@pytest.mark.parametrize("status", ["202 Accepted", "206 Partial Content", "207 Multi-Status"])
@pytest.mark.parametrize("pagination", [None, LINK, CURSOR, {"kind": "link-header"}], ids=str)
async def test_a_status_that_says_less_than_ok_is_not_complete(
    tmp_path: Path, machine: Machine, status: str, pagination: Any
) -> None:
    async with serving(always({"items": ROWS, "next": None}, status)) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": pagination})
        summary = await reader.run()
        assert (summary.state, summary.items) == ("incomplete", 3)
        assert f"status {status[:3]}" in summary.reason
        named = {"uri": "products", "expected": [int(status[:3])]}
        if pagination is not None or status[:3] != "206":
            assert (await reader.run(RunOptions(full=True), request=named)).state == "complete"


async def test_a_count_proves_what_the_status_leaves_open(tmp_path: Path, machine: Machine) -> None:
    async with serving(always({"items": ROWS, "total_count": 3}, "202 Accepted")) as server:
        summary = await Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": None}).run()
    assert summary.state == "complete"


async def test_partial_content_is_usual_for_pages_before_the_last(tmp_path: Path, machine: Machine) -> None:
    rows = [[{"id": first + each} for each in range(3)] for first in (1, 4)]
    async with serving(numbered(*rows, statuses={1: "206 Partial Content", 2: "206 Partial Content"})) as server:
        summary = await Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": PAGES}).run()
    assert (summary.state, summary.items) == ("complete", 6)


async def test_a_doubt_outlives_the_process(tmp_path: Path, machine: Machine) -> None:
    """The page that may be partial came before the run was stopped."""
    rows = [[{"id": first + each} for each in range(3)] for first in (1, 4, 7)]
    async with serving(numbered(*rows, statuses={1: "207 Multi-Status"})) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": PAGES})
        assert (await reader.run(RunOptions(limit=4))).state == "stopped"
        summary = await reader.run()
    assert (summary.state, summary.items) == ("incomplete", 9)
    assert "207" in summary.reason


async def test_a_list_that_became_shorter_while_a_run_was_stopped_is_not_complete(
    tmp_path: Path, machine: Machine
) -> None:
    async with listing(products(*range(1, 41))) as store:
        reader = shop(store, tmp_path, machine, pagination=NUMBERS)
        assert (await reader.run(RunOptions(limit=20))).state == "stopped"
        del store.items[5]
        store.items[41] = products(41)[41]
        del store.items[7]
        summary = await reader.run()
    assert summary.state == "incomplete"


FLAGS: dict[str, dict[str, Any]] = {
    "in the metadata": {"next": None, "meta": {"hasMore": True}},
    "in a page info": {"next": None, "data": {"pageInfo": {"hasNextPage": True}}},
    "incomplete results": {"next": None, "incomplete_results": True},
    "timed out": {"next": None, "timed_out": True},
    "more than the limit": {"next": None, "exceededTransferLimit": True},
    "not the last": {"next": None, "last": False},
    "not done": {"next": None, "done": False},
}


@pytest.mark.parametrize("how", FLAGS)
async def test_a_flag_anywhere_around_the_items_contradicts_an_end(tmp_path: Path, machine: Machine, how: str) -> None:
    for pagination in (LINK, CURSOR, None):
        async with serving(always({"items": ROWS, **FLAGS[how]})) as server:
            incoming = {"identifier": "id", "pagination": pagination}
            assert (await Shop(tmp_path, machine, server.url, incoming).run()).state == "incomplete"


async def test_flags_of_items_are_theirs(tmp_path: Path, machine: Machine) -> None:
    rows = [{"id": 1, "has_more": True, "truncated": True, "variants": {"hasMore": True}}]
    body = {"items": rows, "next": None, "last": True, "done": True, "meta": {"hasMore": False, "last": False}}
    async with serving(always(body)) as server:
        assert (
            await Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": LINK}).run()
        ).state == "complete"


def moved(identifier: str, **more: object) -> list[list[dict[str, Any]]]:
    """Nine rows in pages of three: the first one was changed and moved to the end, and the fourth is missing."""
    rows = [{"id": number, "sku": f"S{number}", **more} for number in (1, 2, 3, 5, 6, 7, 8, 9)]
    rows.append({**rows[0], "name": "changed"})
    return [[{name: row[name] for name in row if name != identifier} for row in rows[at : at + 3]] for at in (0, 3, 6)]


@pytest.mark.parametrize("pagination", [PAGES, NUMBERS | {"page-size": 3}], ids=["page-number", "search-criteria"])
@pytest.mark.parametrize("identifier", ["id", "sku"])
async def test_a_record_that_comes_again_changed_leaves_another_one_out(
    tmp_path: Path, machine: Machine, pagination: Any, identifier: str
) -> None:
    """As many items came as the store counts, and one of them is missing all the same."""
    async with serving(numbered(*moved(""), total=9)) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": identifier, "pagination": pagination})
        summary = await reader.run(RunOptions(in_flight=1))
    assert (summary.state, summary.items) == ("incomplete", 9)
    assert "item 9 that of item 1" in summary.reason


async def test_an_identifier_that_others_have_as_well_is_pointed_out(tmp_path: Path, machine: Machine) -> None:
    """Without a key of its own, nothing shows whether it is the same record, as with source items by sku."""
    async with serving(numbered(*moved("id"), total=9)) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": "sku", "pagination": PAGES})
        summary = await reader.run(RunOptions(in_flight=1))
    assert summary.state == "complete"
    assert any("'sku' of another one" in remark for remark in summary.remarks)


async def test_different_records_with_one_identifier_are_complete(tmp_path: Path, machine: Machine) -> None:
    rows = [{"id": number, "sku": f"S{number % 5}"} for number in range(1, 10)]
    async with serving(numbered(rows[:3], rows[3:6], rows[6:], total=9)) as server:
        summary = await Shop(tmp_path, machine, server.url, {"identifier": "sku", "pagination": PAGES}).run()
    assert (summary.state, summary.remarks) == ("complete", ())


async def test_a_store_that_sends_its_first_page_again_and_counts_nothing_is_not_believed(
    tmp_path: Path, machine: Machine
) -> None:
    """Magento 2.3 repeats its last page, which may be the first; a store that ignores page numbers does that, too."""
    pagination = {**NUMBERS, "page-size": 3}
    async with serving(always({"items": ROWS})) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": pagination})
        summary = await reader.run()
    assert summary.state == "incomplete"
    assert "total_count" in summary.reason


@pytest.mark.parametrize("total", [10**18, 10**19, 10**30, 10**300])
async def test_a_count_that_no_computer_counts_with_is_a_large_one(
    tmp_path: Path, machine: Machine, total: int
) -> None:
    async with serving(always({"items": ROWS, "total_count": total})) as server:
        summary = await Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": None}).run()
    assert (summary.state, summary.expected) == ("incomplete", 10**18)
    assert count_of(str(total)) == 10**18


async def test_a_store_that_counts_items_without_end_is_not_asked_without_end(
    tmp_path: Path, impatient: Machine
) -> None:
    async with serving(numbered(ROWS, total=10**30)) as server:
        incoming = {"identifier": "id", "pagination": NUMBERS | {"page-size": 3}}
        summary = await Shop(tmp_path, impatient, server.url, incoming).run()
        assert len(server.received) < 2_000
    assert (summary.state, summary.items) == ("incomplete", 3)
    assert "consecutive pages had no items" in summary.reason


NUMBERED = {
    "rows": ("100", "70"),
    "few rows": ("5", "0"),
    "seconds": ("1764388800", "1764388770"),
    "milliseconds": ("1764388800123", "1764388770123"),
    "fractions": ("1764388800.5", "1764388770.5"),
    "below zero": ("-5", "-35"),
}


@pytest.mark.parametrize("what", NUMBERED)
def test_numbers_in_place_of_dates_overlap_too(what: str) -> None:
    number, expected = NUMBERED[what]
    assert earlier(number, timedelta(seconds=30)) == expected


async def test_a_row_whose_number_was_seen_late_is_read_by_the_next_run(tmp_path: Path, machine: Machine) -> None:
    """Rows get their numbers when they are inserted, and can be seen when their transaction ends."""
    rows = [{"id": number} for number in (1, 2, 4)]

    async def response(request: Received, writer: Any) -> None:
        query = dict(parse_qsl(urlsplit(request.head.split(b" ")[1].decode()).query))
        found = [row for row in rows if row["id"] >= int(query.get("since") or 0)]
        writer.write(reply("200 OK", json.dumps({"items": found, "total_count": len(found)}).encode()))

    async with serving(response) as server:
        request = {"uri": "products", "parameters": {"since": "@{cursor}"}}
        incoming = {"identifier": "id", "pagination": None, "request": request, "incremental": {"field": "id"}}
        reader = Shop(tmp_path, machine, server.url, incoming)
        assert (await reader.run()).items == 3
        rows += [{"id": 3}, {"id": 5}]
        summary = await reader.run()
    assert reader.ids() == [1, 2, 4, 3, 5]
    assert (summary.items, summary.dropped) == (2, 3)


async def test_a_time_ahead_of_the_stores_clock_does_not_move_the_mark_there(tmp_path: Path, machine: Machine) -> None:
    ahead = int(machine.now().timestamp()) + 86_400

    async def response(request: Received, writer: Any) -> None:
        body = json.dumps({"items": [{"id": 1, "at": ahead}, {"id": 2, "at": ahead - 90_000}]}).encode()
        writer.write(reply("200 OK", body))

    async with serving(response) as server:
        incoming = {"identifier": "id", "pagination": None, "incremental": {"field": "at"}}
        reader = Shop(tmp_path, machine, server.url, incoming)
        assert (await reader.run()).state == "complete"
    with Ledger(reader.ledger) as ledger:
        mark = ledger.mark()
    assert mark is not None
    assert mark.value is not None
    assert int(mark.value) < ahead
