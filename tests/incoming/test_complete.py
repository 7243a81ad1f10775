"""A run is complete only where that is proven: lists that are read in part, and stores that fail for a while."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from http_server import Received, reply, serving
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from listing import Item, Listing, SearchRequest, listing, product, products
from runs import KEYSET, NUMBERS, RunNotes, Shop, shop

from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger

INCREMENTAL = {"field": "updated_at"}


def hiding(*hidden: int, count: Callable[[list[Item], int], object] = lambda shown, total: total) -> Any:
    """Rows that the store counts and takes out of its pages after they were cut."""

    def bend(asked: SearchRequest, items: list[Item]) -> bytes:
        found = sum(asked.after < number <= asked.until for number in range(1, 251))
        shown = [item for item in items if item["id"] not in hidden]
        return reply("200 OK", json.dumps({"items": shown, "total_count": count(shown, found)}).encode())

    return bend


HIDDEN = {
    "head": range(1, 101),
    "tail": range(201, 251),
    "last": range(250, 251),
    "middle": range(95, 140),
    "scattered": range(3, 250, 7),
}


@pytest.mark.parametrize("size", [25, 100])
@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
@pytest.mark.parametrize("where", HIDDEN)
async def test_rows_that_are_counted_and_not_sent_make_a_run_incomplete(
    tmp_path: Path, impatient: Machine, where: str, pagination: dict[str, Any], size: int
) -> None:
    async with listing(products(*range(1, 251)), hiding(*HIDDEN[where])) as store:
        reader = shop(store, tmp_path, impatient, pagination={**pagination, "page-size": size}, incremental=INCREMENTAL)
        summary = await reader.run()
        with Ledger(reader.ledger) as ledger:
            assert ledger.mark() is None
    visible = [number for number in range(1, 251) if number not in HIDDEN[where]]
    assert reader.ids() == visible
    assert (summary.state, summary.received, summary.expected) == ("incomplete", len(visible), 250)
    assert f"counts 250 items and sent {len(visible)}" in summary.reason


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
async def test_short_pages_are_not_the_end_where_the_total_is_that_of_the_page(
    tmp_path: Path, machine: Machine, pagination: dict[str, Any]
) -> None:
    hidden = range(5, 250, 10)
    bend = hiding(*hidden, count=lambda shown, total: len(shown))
    async with listing(products(*range(1, 251)), bend) as store:
        reader = shop(store, tmp_path, machine, pagination={**pagination, "page-size": 25})
        await reader.run()
    assert reader.ids() == [number for number in range(1, 251) if number not in hidden]


@pytest.mark.parametrize("counts", [True, False], ids=["counts", "does-not-count"])
@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
async def test_a_store_that_caps_its_pages_is_read_whole(
    tmp_path: Path, machine: Machine, pagination: dict[str, Any], counts: bool
) -> None:
    def capped(asked: SearchRequest, items: list[Item]) -> bytes:
        size = min(20, asked.size)
        found = [i for n, i in sorted(store.items.items(), reverse=asked.descending) if asked.after < n <= asked.until]
        return store.page(found[(asked.page - 1) * size : asked.page * size], len(found))

    async with listing(products(*range(1, 251)), capped, counts=counts) as store:
        reader = shop(store, tmp_path, machine, pagination={**pagination, "page-size": 100})
        summary = await reader.run()
    assert (summary.state, reader.ids()) == ("complete", list(range(1, 251)))


ROWS = [{"id": number} for number in range(1, 11)]
COUNTS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "total_count": ("items", {"items": ROWS, "total_count": 250}, []),
    "count": ("results", {"count": 250, "results": ROWS}, []),
    "as text": ("data", {"data": ROWS, "total": "250"}, []),
    "nested": ("data", {"data": ROWS, "meta": {"pagination": {"total": 250, "count": 10}}}, []),
    "beside nested items": ("data.rows", {"data": {"rows": ROWS, "totalCount": 250}}, []),
    "Spring": ("content", {"content": ROWS, "page": {"size": 10, "totalElements": 250}}, []),
    "OData": ("value", {"@odata.count": 250, "value": ROWS}, []),
    "Elasticsearch": ("hits.hits", {"hits": {"total": {"value": 250}, "hits": ROWS}}, []),
    "X-Total-Count": ("@", ROWS, ["X-Total-Count: 250"]),  # type: ignore[dict-item]
    "X-WP-Total": ("@", ROWS, ["X-WP-Total: 250"]),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("how", COUNTS)
async def test_a_response_that_counts_more_items_than_it_holds_is_part_of_a_list(
    tmp_path: Path, machine: Machine, how: str
) -> None:
    items, body, headers = COUNTS[how]

    async def response(request: Received, writer: Any) -> None:
        writer.write(reply("200 OK", json.dumps(body).encode(), *headers))

    async with serving(response) as server:
        reader = Shop(tmp_path, machine, server.url, {"items": items, "identifier": "id", "pagination": None})
        summary = await reader.run()
    assert (summary.state, summary.received, summary.expected) == ("incomplete", 10, 250)
    assert "Add a pagination" in summary.reason


LINK = {"kind": "next-link", "link": "links.next"}
CURSOR = {"kind": "cursor", "cursor": "meta.nxt", "parameter": "after"}
FIRST_PAGES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a link elsewhere": (LINK, {"count": 250, "next": "?page=2", "previous": None}, "it has: count, next, previous"),
    "another name": (LINK, {"links": {"nxt": "?page=2", "self": "?"}}, "it has: links.nxt, links.self"),
    "another spelling": (
        {"kind": "next-link", "link": '"@odata.nextlink"'},
        {"@odata.nextLink": "?page=2"},
        "it has: @odata.nextLink",
    ),
    "a cursor elsewhere": (CURSOR, {"meta": {"next": "abc"}}, "it has: meta.next"),
    "a flag of another name": (
        {**CURSOR, "cursor": "cursor", "more": "more"},
        {"cursor": "a", "has_more": True},
        "it has: cursor, has_more",
    ),
    "a relation of another name": ({"kind": "link-header", "relation": "nxt"}, {"x": 1}, "the relations next"),
}


@pytest.mark.parametrize("how", FIRST_PAGES)
async def test_a_link_or_cursor_that_is_not_in_the_first_page_is_not_its_end(
    tmp_path: Path, machine: Machine, how: str
) -> None:
    pagination, body, said = FIRST_PAGES[how]

    async def response(request: Received, writer: Any) -> None:
        writer.write(reply("200 OK", json.dumps({**body, "data": ROWS}).encode(), 'Link: <?page=2>; rel="next"'))

    async with serving(response) as server:
        reader = Shop(tmp_path, machine, server.url, {"items": "data", "identifier": "id", "pagination": pagination})
        summary = await reader.run()
    assert summary.state == "incomplete"
    assert said in summary.reason
    assert len(reader.ids()) == 10


@pytest.mark.parametrize(
    ("pagination", "body"),
    [
        (LINK, {"links": {"next": None}}),
        (LINK, {"links": {}, "count": 10}),
        ({**CURSOR, "size-parameter": "limit"}, {"meta": {}}),
        ({**CURSOR, "more": "more"}, {"more": False}),
        ({"kind": "link-header"}, {}),
        ({"kind": "page-number", "last-page": "short"}, {"total": 10}),
        (None, {"count": 10}),
        (None, {"total": 10, "next": None}),
    ],
)
async def test_a_list_of_one_page_is_complete_where_its_end_is_shown(
    tmp_path: Path, machine: Machine, pagination: dict[str, Any] | None, body: dict[str, Any]
) -> None:
    async def response(request: Received, writer: Any) -> None:
        writer.write(reply("200 OK", json.dumps({**body, "data": ROWS}).encode()))

    async with serving(response) as server:
        reader = Shop(tmp_path, machine, server.url, {"items": "data", "identifier": "id", "pagination": pagination})
        summary = await reader.run()
    assert (summary.state, summary.reason) == ("complete", "")


OUTAGES: dict[str, bytes] = {
    "500": reply("500 Internal Server Error", b'{"message":"Internal Error"}'),
    "502": reply("502 Bad Gateway", b"<html><title>502 Bad Gateway</title></html>"),
    "504": reply("504 Gateway Timeout", b""),
    "HTML": reply("200 OK", b"<html><title>Deploying</title></html>"),
    "nothing": reply("200 OK", b""),
    "{}": reply("200 OK", b"{}"),
    "an error in JSON": reply("200 OK", b'{"message":"Deadlock found"}'),
    "an empty list": reply("200 OK", b'{"items":[],"total_count":0}'),
    "an empty list of many": reply("200 OK", b'{"items":[],"total_count":120}'),
}


def failing(
    outage: bytes, first: int, last: int
) -> Callable[[Listing], Callable[[SearchRequest, list[Item]], bytes | None]]:
    """Requests number `first` to `last` fail."""

    def bend_of(store: Listing) -> Callable[[SearchRequest, list[Item]], bytes | None]:
        return lambda asked, items: outage if first <= len(store.asked) <= last else None

    return bend_of


@pytest.mark.parametrize("lasts", [1, 3, 12, 30])
@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
@pytest.mark.parametrize("how", OUTAGES)
async def test_a_store_that_fails_for_a_while_loses_nothing(
    tmp_path: Path, impatient: Machine, how: str, pagination: dict[str, Any], lasts: int
) -> None:
    async with listing(products(*range(1, 121))) as store:
        store.bend = failing(OUTAGES[how], 6, 5 + lasts)(store)
        reader = shop(store, tmp_path, impatient, pagination=pagination, incremental=INCREMENTAL, patience="1h")
        summary = await reader.run()
        if summary.state != "complete" or summary.failed:
            assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 121))


async def test_an_empty_list_in_place_of_a_full_one_leaves_the_file_as_it_was(
    tmp_path: Path, impatient: Machine
) -> None:
    async with listing(products(*range(1, 51))) as store:
        reader = shop(store, tmp_path, impatient)
        assert (await reader.run()).state == "complete"
        store.bend = lambda asked, items: OUTAGES["an empty list of many"]
        assert (await reader.run()).state in ("incomplete", "stopped")
        assert reader.ids() == list(range(1, 51))


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS, None], ids=["keyset", "numbers", "none"])
async def test_a_list_that_is_empty_all_of_a_sudden_gives_up_nothing(
    tmp_path: Path, impatient: Machine, pagination: dict[str, Any] | None
) -> None:
    async with listing(products(*range(1, 51))) as store:
        reader = shop(store, tmp_path, impatient, pagination=pagination)
        assert (await reader.run()).state == "complete"
        store.bend = lambda asked, items: OUTAGES["an empty list"]
        for _ in range(2):  # a run that was stopped does not make the next one forget
            summary = await reader.run()
            assert summary.state == "stopped"
            assert "the last complete run read 50 items" in summary.reason
            assert "--full" in summary.reason
            assert reader.ids() == list(range(1, 51))
        assert (await reader.run(RunOptions(full=True))).state == "complete"
        assert reader.ids() == []


async def test_an_empty_list_that_passes_is_requested_again(tmp_path: Path, impatient: Machine) -> None:
    async with listing(products(*range(1, 51))) as store:
        store.bend = failing(OUTAGES["an empty list"], 1, 1)(store)
        reader = shop(store, tmp_path, impatient)
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 51))


async def test_an_incremental_run_that_finds_nothing_new_sends_one_request(tmp_path: Path, machine: Machine) -> None:
    items = {number: product(number, f"2026-11-{number:02d} 10:00:00") for number in range(1, 11)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={**INCREMENTAL, "overlap": "1s"})
        await reader.run()
        items.clear()
        summary = await reader.run()
    assert (summary.state, summary.items, summary.requests) == ("complete", 0, 1)


async def test_the_mark_stays_where_a_record_failed_and_nothing_is_written_twice(
    tmp_path: Path, machine: Machine
) -> None:
    items = {number: product(number, f"2026-11-24 10:00:{number:02d}") for number in range(1, 31)}
    broken: set[int] = set()

    def breaks(asked: SearchRequest, page: list[Item]) -> bytes | None:
        return OUTAGES["500"] if any(item["id"] in broken for item in page) else None

    async with listing(items, breaks) as store:
        reader = shop(store, tmp_path, machine, incremental={**INCREMENTAL, "overlap": "1s"})
        await reader.run()
        for number in range(31, 60):
            items[number] = product(number, f"2026-11-24 11:00:{number:02d}")
        broken.add(40)
        summary = await reader.run(told=(told := RunNotes()))
        assert (summary.state, summary.failed, summary.items) == ("complete", 1, 28)
        assert [record.record for record in told.records] == ["entity_id 40"]
        assert any(
            re.match("The next run reads changes since 2026-11-24 10:00:[23]. again", each) for each in summary.remarks
        )
        broken.clear()
        assert (await reader.run()).items == 1
        assert (await reader.run()).items == 0
    assert sorted(reader.ids()) == list(range(1, 60))


async def test_what_since_has_read_beyond_the_mark_is_not_lost(tmp_path: Path, machine: Machine) -> None:
    items = {number: product(number, f"2026-11-{number:02d} 10:00:00") for number in range(1, 11)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental=INCREMENTAL)
        await reader.run()
        items[12], items[14] = product(12, "2026-11-12 10:00:00"), product(14, "2026-11-14 10:00:00")
        assert (await reader.run(RunOptions(since="2026-11-13 00:00:00"))).items == 1
        await reader.run()
    assert sorted(set(reader.ids())) == [*range(1, 11), 12, 14]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
async def test_no_store_makes_a_run_complete_with_a_row_missing(
    tmp_path_factory: pytest.TempPathFactory, impatient: Machine, data: st.DataObject
) -> None:
    numbers = data.draw(st.sets(st.integers(1, 150), min_size=1), label="ids")
    hidden = data.draw(st.sets(st.sampled_from(sorted(numbers)), max_size=10), label="hidden")
    cap = data.draw(st.sampled_from([3, 7, 10, 1_000]), label="cap")
    fails = data.draw(st.sets(st.integers(1, 40), max_size=12), label="failing requests")
    how = data.draw(st.sampled_from(sorted(OUTAGES)), label="how")
    pagination = data.draw(st.sampled_from([KEYSET, NUMBERS]), label="pagination")
    # a list that is empty whenever it is requested cannot be told from one that has no rows
    assume(not (how == "an empty list" and {1, 2} <= fails))

    def bend(asked: SearchRequest, items: list[Item]) -> bytes:
        if len(store.asked) in fails:
            return OUTAGES[how]
        found = [i for n, i in sorted(store.items.items(), reverse=asked.descending) if asked.after < n <= asked.until]
        size = min(asked.size, cap)
        page = found[(asked.page - 1) * size : asked.page * size]
        return store.page([item for item in page if item["id"] not in hidden], len(found))

    folder = tmp_path_factory.mktemp("store")
    machine = Machine(
        impatient.directories.__class__(*(folder / name for name in ("c", "s", "h", "p"))),
        {},
        keyring=impatient.keyring,
        sleep=impatient.sleep,
        monotonic=impatient.monotonic,
    )
    async with listing(products(*numbers), bend) as store:
        reader = shop(store, folder, machine, pagination=pagination, patience="1h")
        summary = await reader.run()
    if summary.state == "complete" and not summary.failed:
        assert sorted(reader.ids()) == sorted(numbers)
    elif summary.state == "incomplete":
        assert hidden or fails


IDS_OF_STORES = {
    "dense": range(1, 96),
    "from far": range(10**6, 10**6 + 95),
    "sparse": range(1, 95_000, 1_000),
    "one far": [*range(1, 12), *range(5_000, 5_084)],
    "last far": [*range(1, 95), 10**7],
}


@pytest.mark.parametrize("numbers", IDS_OF_STORES.values(), ids=IDS_OF_STORES)
async def test_a_store_that_ignores_the_direction_of_the_order_is_read_whole(
    tmp_path: Path, machine: Machine, numbers: Any
) -> None:
    store_of_all = products(*numbers)

    def bend(asked: SearchRequest, items: list[Item]) -> bytes:
        found = [item for number, item in sorted(store_of_all.items()) if asked.after < number <= asked.until]
        first = (asked.page - 1) * asked.size
        page = found[first : first + asked.size]
        return reply("200 OK", json.dumps({"items": page, "total_count": len(found)}).encode())

    async with listing(store_of_all, bend) as store:
        reader = shop(store, tmp_path, machine, pagination=KEYSET)
        summary = await reader.run()
    assert reader.ids() == list(numbers)
    assert (summary.state, summary.received, summary.expected) == ("complete", len(store_of_all), len(store_of_all))
