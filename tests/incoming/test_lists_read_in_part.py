"""Lists that are not whole although a response has a good status: what it says itself, and what came twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from http_server import Received, reply, serving
from listing import Item, SearchRequest, listing, product, products
from runs import KEYSET, NUMBERS, Shop, shop

from tui_connector.incoming.start import RunOptions
from tui_connector.incoming.writing import DuplicateFinder
from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger

ONE_AT_A_TIME = RunOptions(in_flight=1)
INCREMENTAL = {"field": "updated_at"}
ROWS = [{"id": number, "sku": f"S{number}"} for number in range(1, 11)]


def rows(first: int, count: int = 10) -> list[dict[str, Any]]:
    return [{"id": number, "sku": f"S{number}"} for number in range(first, first + count)]


def pages(*bodies: dict[str, Any] | bytes, header: Callable[[int], str] | None = None) -> Any:
    """Answers with the body whose number the request has as page or cursor, 0 without one."""

    async def response(request: Received, writer: Any) -> None:
        query = dict(parse_qsl(urlsplit(request.head.split(b" ")[1].decode()).query))
        place = int(query.get("cursor") or query.get("page") or 0)
        body = bodies[place] if place < len(bodies) else {"items": []}
        headers = [text] if header and (text := header(place)) else []
        writer.write(reply("200 OK", body if isinstance(body, bytes) else json.dumps(body).encode(), *headers))

    return response


CURSOR = {"kind": "cursor", "cursor": "next_cursor"}
LINK = {"kind": "next-link", "link": "next"}
SAYS_MORE: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "a cursor that is missing later": (CURSOR, [{"next_cursor": "1"}, {"has_more": True}]),
    "a cursor that is null later": (CURSOR, [{"next_cursor": "1"}, {"next_cursor": None, "has_more": True}]),
    "a cursor that is null at once": (CURSOR, [{"next_cursor": None, "has_more": True}]),
    "a flag beside the cursor": (
        {**CURSOR, "cursor": "page.next"},
        [{"page": {"next": "1"}}, {"page": {"next": "", "hasNextPage": True}}],
    ),
    "a flag that is missing later": (
        {**CURSOR, "more": "has_more"},
        [{"next_cursor": "1", "has_more": True}, {"next_cursor": "2"}],
    ),
    "a link that is missing later": (LINK, [{"next": "?page=1"}, {"next_page": 2}]),
    "a response that was cut": (LINK, [{"next": "?page=1"}, {"next": None, "truncated": True}]),
    "a short page": ({"kind": "page-number", "page-size": 20, "last-page": "short"}, [{}, {"hasMore": True}]),
}


@pytest.mark.parametrize("how", SAYS_MORE)
async def test_a_last_page_that_says_that_more_follows_makes_a_run_incomplete(
    tmp_path: Path, machine: Machine, how: str
) -> None:
    pagination, beside = SAYS_MORE[how]
    bodies = [{**each, "items": rows(place * 10 + 1)} for place, each in enumerate(beside)]
    async with serving(pages(*bodies)) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": pagination})
        summary = await reader.run()
    assert summary.state == "incomplete"
    assert len(reader.ids()) >= 10


@pytest.mark.parametrize("last", [False, None, "", [], {}], ids=repr)
async def test_an_empty_cursor_of_any_kind_is_the_end(tmp_path: Path, machine: Machine, last: object) -> None:
    bodies = [{"items": rows(1), "next_cursor": 1}, {"items": rows(11), "next_cursor": last, "has_more": False}]
    async with serving(pages(*bodies)) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": CURSOR})
        assert (await reader.run()).state == "complete"
        assert len(server.received) == 2


async def test_a_flag_written_as_text_is_read(tmp_path: Path, machine: Machine) -> None:
    bodies = [
        {"items": rows(1), "next_cursor": 1, "has_more": "true"},
        {"items": rows(11), "next_cursor": 2, "has_more": "false"},
    ]
    async with serving(pages(*bodies)) as server:
        pagination = {**CURSOR, "more": "has_more"}
        reader = Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": pagination})
        assert (await reader.run()).state == "complete"
        assert len(server.received) == 2


PARTS: dict[str, tuple[str, bytes, list[str]]] = {
    "Content-Range without a unit": ("206 Partial Content", json.dumps(ROWS).encode(), ["Content-Range: 0-9/30"]),
    "Content-Range of items": ("200 OK", json.dumps(ROWS).encode(), ["Content-Range: items 0-9/30"]),
    "Content-Range without a number": ("206 Partial Content", json.dumps(ROWS).encode(), ["Content-Range: 0-9/*"]),
    "a header against the body": (
        "200 OK",
        json.dumps({"items": ROWS, "total_count": 10}).encode(),
        ["X-Total-Count: 30"],
    ),
    "a fraction": ("200 OK", b'{"items":%s,"total_count":30.0}' % json.dumps(ROWS).encode(), []),
    "an exponent": ("200 OK", b'{"items":%s,"total_count":3e1}' % json.dumps(ROWS).encode(), []),
    "a fraction as text": ("200 OK", b'{"items":%s,"total":"30.0"}' % json.dumps(ROWS).encode(), []),
    "a number of pages": ("200 OK", json.dumps({"items": ROWS, "meta": {"total_pages": 3}}).encode(), []),
    "a number of pages in a header": ("200 OK", json.dumps(ROWS).encode(), ["X-WP-TotalPages: 3"]),
    "a flag": ("200 OK", json.dumps({"items": ROWS, "truncated": True}).encode(), []),
}


@pytest.mark.parametrize("how", PARTS)
async def test_a_response_that_says_it_is_a_part_is_no_whole_list(tmp_path: Path, machine: Machine, how: str) -> None:
    status, body, headers = PARTS[how]

    async def response(request: Received, writer: Any) -> None:
        writer.write(reply(status, body, *headers))

    async with serving(response) as server:
        items = "@" if body.startswith(b"[") else "items"
        reader = Shop(tmp_path, machine, server.url, {"items": items, "identifier": "id", "pagination": None})
        summary = await reader.run()
    assert (summary.state, summary.received) == ("incomplete", 10)
    assert "Add a pagination" in summary.reason


async def test_a_range_of_bytes_counts_no_items(tmp_path: Path, machine: Machine) -> None:
    async def response(request: Received, writer: Any) -> None:
        writer.write(reply("200 OK", json.dumps(ROWS).encode(), "Content-Range: bytes 0-483/484"))

    async with serving(response) as server:
        reader = Shop(tmp_path, machine, server.url, {"items": "@", "identifier": "id", "pagination": None})
        assert (await reader.run()).state == "complete"


async def test_a_total_in_a_content_range_without_a_unit_is_read(tmp_path: Path, machine: Machine) -> None:
    async def response(request: Received, writer: Any) -> None:
        query = dict(parse_qsl(urlsplit(request.head.split(b" ")[1].decode()).query))
        begin = int(query["offset"])
        body = json.dumps(rows(begin + 1, min(10, 30 - begin))).encode()
        writer.write(reply("206 Partial Content", body, f"Content-Range: {begin}-{begin + 9}/30"))

    async with serving(response) as server:
        pagination = {"kind": "offset", "page-size": 10, "total": 'headers."content-range"'}
        incoming = {"items": "@", "identifier": "id", "pagination": pagination}
        reader = Shop(tmp_path, machine, server.url, incoming)
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 31))


@pytest.mark.parametrize(
    "beside",
    [
        {"error": "rate limit exceeded"},
        {"errors": [{"message": "rate limit exceeded"}]},
        {"success": False, "message": "rate limit exceeded"},
        {"status": "error", "message": "rate limit exceeded"},
        {"ok": False, "error": {"code": 7, "message": "rate limit exceeded"}},
    ],
    ids=lambda beside: next(iter(beside)),
)
async def test_an_empty_page_beside_an_error_is_no_end(
    tmp_path: Path, impatient: Machine, beside: dict[str, Any]
) -> None:
    nothing = {"items": [], **beside}
    async with serving(pages({"items": rows(1)}, {"items": rows(1)}, nothing, nothing)) as server:
        incoming = {"identifier": "id", "pagination": {"kind": "page-number", "page-size": 10}, "patience": "1s"}
        reader = Shop(tmp_path, impatient, server.url, incoming)
        summary = await reader.run()
    assert summary.state == "stopped"
    assert "rate limit exceeded" in summary.reason


@pytest.mark.parametrize("beside", [{"message": "No records"}, {"error": None, "errors": [], "success": True}])
async def test_an_empty_page_beside_no_error_is_the_end(
    tmp_path: Path, machine: Machine, beside: dict[str, Any]
) -> None:
    nothing = {"items": [], **beside}
    async with serving(pages({"items": rows(1)}, {"items": rows(1)}, nothing, nothing)) as server:
        incoming = {"identifier": "id", "pagination": {"kind": "page-number", "page-size": 10}}
        reader = Shop(tmp_path, machine, server.url, incoming)
        assert (await reader.run()).state == "complete"


async def test_no_content_is_no_items(tmp_path: Path, machine: Machine) -> None:
    """As Zoho and others answer the page after the last one."""

    async def response(request: Received, writer: Any) -> None:
        if b"page=1" in request.head:
            writer.write(reply("200 OK", json.dumps({"items": ROWS}).encode()))
        else:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with serving(response) as server:
        incoming = {"identifier": "id", "pagination": {"kind": "page-number", "page-size": 10}}
        reader = Shop(tmp_path, machine, server.url, incoming)
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 11))


def sorted_as_text(asked: SearchRequest, items: list[Item]) -> bytes:
    found = [number for number in range(1, 101) if asked.after < number <= asked.until]
    found.sort(key=str, reverse=asked.descending)
    page = found[(asked.page - 1) * asked.size : asked.page * asked.size]
    return reply("200 OK", json.dumps({"items": [product(number) for number in page]}).encode())


async def test_ids_that_a_store_sorts_as_text_are_no_keyset(tmp_path: Path, machine: Machine) -> None:
    """1, 10, 100, 11, …: a page's first and last id look right."""
    async with listing(products(*range(1, 101)), sorted_as_text) as store:
        reader = shop(store, tmp_path, machine, pagination=KEYSET)
        summary = await reader.run()
    assert summary.state == "failed"
    assert "does not filter and sort by entity_id" in summary.reason


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
async def test_rows_that_a_join_doubles_make_a_run_incomplete(
    tmp_path: Path, machine: Machine, pagination: dict[str, Any]
) -> None:
    """With page numbers, as many rows are missing as came twice: the number of items is right."""

    def joined(asked: SearchRequest, items: list[Item]) -> bytes | None:
        if asked.size == 1:
            return None
        found = [number for number in range(1, 101) if asked.after < number <= asked.until]
        doubled = [number for number in found for _ in range(2 if number % 7 == 0 else 1)]
        page = [product(number) for number in doubled[(asked.page - 1) * asked.size : asked.page * asked.size]]
        return reply("200 OK", json.dumps({"items": page, "total_count": len(found)}).encode())

    async with listing(products(*range(1, 101)), joined) as store:
        reader = shop(store, tmp_path, machine, pagination=pagination, incremental=INCREMENTAL)
        summary = await reader.run()
        with Ledger(reader.ledger) as ledger:
            assert ledger.mark() is None
    assert summary.state == "incomplete"
    assert "twice" in summary.reason


CHANGES: dict[str, Callable[[dict[int, Item], int], None]] = {
    "one row fewer": lambda items, place: (items.pop(3, None) if place == 3 else None, None)[1],
    "one row more": lambda items, place: items.update({0: product(0)}) if place == 3 else None,
    "one more, then one fewer": lambda items, place: (
        items.update({0: product(0)}) if place == 3 else items.pop(15, None) if place == 6 else None,
        None,
    )[1],
}


@pytest.mark.parametrize("change", CHANGES)
async def test_rows_that_move_between_page_numbers_leave_the_mark(
    tmp_path: Path, machine: Machine, change: str
) -> None:
    async def before(asked: SearchRequest) -> None:
        CHANGES[change](store.items, len(store.asked))

    async with listing(products(*range(1, 101)), before=before) as store:
        reader = shop(store, tmp_path, machine, pagination=NUMBERS, incremental=INCREMENTAL)
        summary = await reader.run(ONE_AT_A_TIME)
        with Ledger(reader.ledger) as ledger:
            assert ledger.mark() is None
    assert summary.state == "incomplete"


async def test_the_mark_is_bound_by_this_clock_where_the_store_tells_no_time(tmp_path: Path, machine: Machine) -> None:
    """What changed while the list was read is read by the next run, with no Date in any response."""
    late = machine.now().strftime("%Y-%m-%d")
    items = {number: product(number, "2020-01-01 00:00:00") for number in range(1, 101)}

    def change(asked: SearchRequest, page: list[Item]) -> bytes:
        found = [
            item
            for number, item in sorted(items.items(), reverse=asked.descending)
            if asked.after < number <= asked.until and item["updated_at"] >= asked.since
        ]
        if asked.after >= 50 and items[100]["updated_at"] < "2021":
            items[1] = product(1, f"{late} 23:59:57.5")
            items[100] = product(100, f"{int(late[:4]) + 1}{late[4:]} 00:00:00")
        return reply("200 OK", json.dumps({"items": found[: asked.size], "total_count": len(found)}).encode())

    async with listing(items, change) as store:
        reader = shop(store, tmp_path, machine, pagination=KEYSET, incremental={**INCREMENTAL, "overlap": "1s"})
        await reader.run()
        await reader.run()
    assert reader.ids().count(1) == 2


@pytest.mark.parametrize("kind", ["set-headers", "append-headers", "default-headers"])
async def test_another_header_of_the_client_is_another_list(tmp_path: Path, machine: Machine, kind: str) -> None:
    """Magento chooses the store view by the header Store: what was read of one says nothing about another."""

    async def response(request: Received, writer: Any) -> None:
        view = request.header("Store")
        date = {"de": "2026-11-02", "fr": "2026-11-01"}[view]
        since = "2026-11-01 23:59:30" if b"updated_at" in request.head else ""
        found = [{"id": 1, "sku": view, "updated_at": f"{date} 00:00:00"}] if f"{date} 00:00:00" >= since else []
        if b"%5Bvalue%5D=1&" in request.head or b"[value]=1&" in request.head:
            found = []
        body = json.dumps({"items": found, "total_count": len(found)}).encode()
        writer.write(reply("200 OK", body, "Date: Tue, 24 Nov 2026 12:00:00 GMT"))

    async with serving(response) as server:
        for view in ("de", "fr"):
            plugins = ({"kind": kind, "headers": {"Store": view}},)
            incoming = {"pagination": NUMBERS, "incremental": INCREMENTAL}
            reader = Shop(tmp_path, machine, server.url, incoming, plugins=plugins)
            assert (await reader.run()).items == 1
    assert [item["sku"] for item in reader.items()] == ["fr"]


async def test_a_row_that_is_hidden_while_the_first_page_breaks_is_missed(tmp_path: Path, impatient: Machine) -> None:
    """The last id is then looked for from the second last row on, whose total counts the whole list, too."""

    def bend(asked: SearchRequest, items: list[Item]) -> bytes:
        if len(store.asked) <= 2:
            return reply("500 Internal Server Error", b"{}")
        counted = sum(asked.after < number <= asked.until for number in (1, 2, 3))
        return store.page([item for item in items if item["id"] != 1], counted)

    async with listing(products(1, 2, 3), bend) as store:
        summary = await shop(store, tmp_path, impatient, pagination=KEYSET).run()
    assert (summary.state, summary.expected) == ("incomplete", 3)


def test_doubles_are_found_among_many() -> None:
    doubles = DuplicateFinder()
    for first in range(0, 60_000, 100):
        doubles.note([b"%d" % number for number in range(first, first + 100)])
    assert doubles.found() == (0, None)
    doubles.note([b"59999", b"7", b"60000"])
    assert doubles.found() == (2, (59_999, 60_000))


COUNTED: dict[str, dict[str, Any]] = {
    "page-number": {"kind": "page-number", "page-size": 10},
    "offset": {"kind": "offset", "page-size": 10},
    "search-criteria": {"kind": "search-criteria", "order": "updated_at", "page-size": 10},
}


@pytest.mark.parametrize("with_id", [True, False])
@pytest.mark.parametrize("kind", COUNTED)
async def test_an_item_saved_while_changes_are_read_by_page_leaves_the_mark_where_it_was(
    tmp_path: Path, machine: Machine, kind: str, with_id: bool
) -> None:
    """Sorted by its date, it moves to the end and is read twice; all later ones move up, and one is never read."""
    dates = {f"S{number}": f"2026-11-01 10:{number:02d}:00" for number in range(1, 31)}
    saved = False

    async def response(request: Received, writer: Any) -> None:
        nonlocal saved
        query = dict(parse_qsl(urlsplit(request.head.split(b" ")[1].decode()).query))
        page = int(query.get("page") or query.get("searchCriteria[currentPage]") or 0)
        before = int(query["offset"]) if "offset" in query else (page - 1) * 10
        if before == 10 and not saved:
            saved, dates["S5"] = True, "2026-11-01 11:00:00"
        since = next((value for name, value in query.items() if value.startswith("2026")), "")
        found = sorted((date, sku) for sku, date in dates.items() if date >= since)
        items = [{"sku": sku, "updated_at": date} for date, sku in found[before : before + 10]]
        if with_id:
            items = [{"id": int(item["sku"][1:]), **item} for item in items]
        writer.write(reply("200 OK", json.dumps({"items": items, "total_count": len(found)}).encode()))

    async with serving(response) as server:
        request = {"uri": "products?since=@{cursor}" if kind != "search-criteria" else "products"}
        incoming = {"pagination": COUNTED[kind], "incremental": INCREMENTAL, "request": request}
        reader = Shop(tmp_path, machine, server.url, incoming)
        first = await reader.run(ONE_AT_A_TIME)
        assert (first.state, first.received, first.expected) == ("incomplete", 30, 30)
        assert "S11" not in {item["sku"] for item in reader.items()}
        assert "1 item has the 'sku' of another one" in first.reason
        with Ledger(reader.ledger) as ledger:
            mark = ledger.mark()
        assert mark is None or mark.value is None
        assert (await reader.run(ONE_AT_A_TIME)).state == "complete"
    assert {item["sku"] for item in reader.items()} == set(dates)


@pytest.mark.parametrize("kind", ["next-link", "link-header", "cursor"])
@pytest.mark.parametrize("numbered", [True, False])
async def test_links_to_page_numbers_miss_what_moved_when_the_list_became_shorter(
    tmp_path: Path, machine: Machine, kind: str, numbered: bool
) -> None:
    """The last count agrees with what came. A cursor that names the last item has missed nothing."""
    ids = list(range(1, 31))
    name = "page" if numbered else "after"

    async def response(request: Received, writer: Any) -> None:
        query = dict(parse_qsl(urlsplit(request.head.split(b" ")[1].decode()).query))
        place = int(query.get(name, 1 if numbered else 0))
        if (numbered and place == 2) or place == 10:
            ids.remove(5) if 5 in ids else None
        rest = ids[(place - 1) * 10 :] if numbered else [each for each in ids if each > place]
        following = place + 1 if numbered else rest[9] if len(rest) > 9 else 0
        body: dict[str, Any] = {"items": [{"id": each} for each in rest[:10]], "total_count": len(ids)}
        headers = [] if len(rest) <= 10 else [f'Link: <products?{name}={following}>; rel="next"']
        if kind != "link-header":
            headers, target = [], following if kind == "cursor" else f"products?{name}={following}"
            body["next"] = target if len(rest) > 10 else None
        writer.write(reply("200 OK", json.dumps(body).encode(), *headers))

    pagination = {
        "next-link": {"kind": "next-link", "link": "next"},
        "link-header": {"kind": "link-header"},
        "cursor": {"kind": "cursor", "cursor": "next", "parameter": name},
    }[kind]
    async with serving(response) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": "id", "pagination": pagination})
        summary = await reader.run()
    assert summary.received == (29 if numbered else 30)
    assert (11 in reader.ids()) is not numbered
    assert summary.state == ("incomplete" if numbered else "complete"), summary.reason
    assert ("became shorter" in summary.reason) is numbered


@pytest.mark.parametrize(
    ("repeated", "state"), [(rows(1), "incomplete"), (rows(1, 4), "complete"), (rows(21), "complete")]
)
async def test_a_page_that_comes_again_later_is_seen_without_an_identifier(
    tmp_path: Path, machine: Machine, repeated: list[dict[str, Any]], state: str
) -> None:
    """Its cursor is another one. A few equal items may be different ones."""
    first = repeated if len(repeated) < 10 else rows(1)
    bodies = [{"items": first, "next_cursor": "1"}, {"items": rows(11), "next_cursor": "2"}, {"items": repeated}]
    async with serving(pages(*[{"next_cursor": None, **body} for body in bodies])) as server:
        reader = Shop(tmp_path, machine, server.url, {"identifier": None, "pagination": CURSOR})
        summary = await reader.run()
    assert summary.state == state
    assert ("A page was sent twice" in summary.reason) is (state == "incomplete")
