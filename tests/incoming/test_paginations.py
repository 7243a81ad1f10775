"""Paginations of other stores than Magento, on a real socket: whole, in order, resumable, and never in a circle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from http_server import Received, Server, reply, serving
from runs import Shop

from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.profile.problems import check_data

Query = dict[str, str]
Answer = tuple[Any, list[str]] | tuple[Any, list[str], str]
"""Body and headers, and the status where it is not 200."""


@dataclass
class Store:
    """Items 1 to `count`, and how a query is answered."""

    count: int
    response: Callable[[Store, Query], Answer]
    server: Server = field(default_factory=lambda: Server(""))
    asked: list[Query] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def items(self, before: int, size: int) -> list[dict[str, int]]:
        return [{"id": number} for number in range(before + 1, min(before + size, self.count) + 1)]

    async def receive(self, request: Received, writer: asyncio.StreamWriter) -> None:
        target = urlsplit(request.head.split(b" ")[1].decode())
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        self.asked.append(query)
        self.paths.append(target.path)
        body, headers, *status = self.response(self, query)
        writer.write(reply(status[0] if status else "200 OK", json.dumps(body).encode(), *headers))


@asynccontextmanager
async def store(count: int, response: Callable[[Store, Query], Answer]) -> AsyncIterator[Store]:
    made = Store(count, response)
    async with serving(made.receive) as server:
        made.server = server
        yield made


def by_page(shop: Store, query: Query) -> Answer:
    size = int(query.get("per_page", 10))
    return {"data": shop.items((int(query["page"]) - 1) * size, size)}, []


def by_page_counted(shop: Store, query: Query) -> Answer:
    body, _ = by_page(shop, query)[:2]
    return {**body, "meta": {"total": str(shop.count)}}, []


def by_offset(shop: Store, query: Query) -> Answer:
    return {"data": shop.items(int(query["offset"]), min(7, int(query["limit"])))}, []  # it caps without a word


def by_link(shop: Store, query: Query) -> Answer:
    before = int(query.get("from", 0))
    more = before + 10 < shop.count
    return {"data": shop.items(before, 10), "links": {"next": f"?from={before + 10}&x=a%20b" if more else None}}, []


def by_absolute_link(shop: Store, query: Query) -> Answer:
    body, _ = by_link(shop, query)[:2]
    link = body["links"]["next"]
    return {**body, "links": {"next": f"{shop.server.url}/rest/all/V1/products{link}" if link else ""}}, []


def by_header(shop: Store, query: Query) -> Answer:
    before = int(query.get("from", 0))
    links = [f'<{shop.server.url}/rest/all/V1/products?from=0>; rel="first"']
    if before + 10 < shop.count:
        links.append(f'</rest/all/V1/products?from={before + 10}>; title="a, b"; rel="up Next"')
    return {"data": shop.items(before, 10)}, ["Link: " + ", ".join(links)]


def by_cursor(shop: Store, query: Query) -> Answer:
    before = int(query.get("after", 0))
    return {
        "data": shop.items(before, int(query["limit"])),
        "meta": {"after": before + 10, "more": before + 10 < shop.count},
    }, []


PAGE: dict[str, Any] = {"kind": "page-number", "page-size": 10, "size-parameter": "per_page"}
OFFSET: dict[str, Any] = {"kind": "offset", "page-size": 10}
LINK = {"kind": "next-link", "link": "links.next"}
CURSOR = {
    "kind": "cursor",
    "cursor": "meta.after",
    "parameter": "after",
    "more": "meta.more",
    "size-parameter": "limit",
    "page-size": 10,
}
WAYS: dict[str, tuple[Callable[[Store, Query], Answer], dict[str, Any]]] = {
    "page-number": (by_page, PAGE),
    "page-number, short": (by_page, {**PAGE, "last-page": "short"}),
    "page-number, counted": (by_page_counted, {**PAGE, "total": "meta.total"}),
    "offset, capped": (by_offset, OFFSET),
    "next-link": (by_link, LINK),
    "next-link, absolute": (by_absolute_link, LINK),
    "next-link, expression": (by_link, {**LINK, "link": "links | next"}),
    "link-header": (by_header, {"kind": "link-header"}),
    "cursor": (by_cursor, CURSOR),
}


def shop_of(made: Store, directory: Path, machine: Machine, pagination: dict[str, Any]) -> Shop:
    return Shop(directory, machine, made.server.url, {"items": "data", "identifier": "id", "pagination": pagination})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [0, 10, 11, 87])
async def test_every_item_once_and_in_order(tmp_path: Path, machine: Machine, way: str, count: int) -> None:
    response, pagination = WAYS[way]
    async with store(count, response) as made:
        shop = shop_of(made, tmp_path, machine, pagination)
        summary = await shop.run()
    assert (summary.state, summary.reason) == ("complete", "")
    assert shop.ids() == list(range(1, count + 1))
    assert set(made.paths) == {"/rest/all/V1/products"}


@pytest.mark.parametrize("way", WAYS)
async def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, machine: Machine, way: str) -> None:
    response, pagination = WAYS[way]
    async with store(87, response) as made:
        shop = shop_of(made, tmp_path, machine, pagination)
        await shop.run(RunOptions(limit=33))
        asked = len(made.asked)
        assert (await shop.run()).state == "complete"
    assert shop.ids() == list(range(1, 88))
    first = {"page": "1", "per_page": "10", "offset": "0", "limit": "10"}
    assert made.asked[asked] != {name: first[name] for name in made.asked[asked] if name in first}, "begun anew"


async def test_a_byte_order_mark_hides_no_link(tmp_path: Path, machine: Machine) -> None:
    """As PHP files saved in some editors make stores send it."""

    async def marked(request: Received, writer: asyncio.StreamWriter) -> None:
        more = b'"next":"?page=2"' if b"page=2" not in request.head else b""
        writer.write(reply("200 OK", b'\xef\xbb\xbf {"data":[{"id":1}],"links":{' + more + b"}}"))

    async with serving(marked) as server:
        shop = Shop(tmp_path, machine, server.url, {"items": "data", "identifier": "id", "pagination": LINK})
        summary = await shop.run()
    assert "same page twice" in summary.reason  # it went on to the second, which is the same here


async def test_counted_pages_are_asked_for_at_once(tmp_path: Path, machine: Machine) -> None:
    async with store(100, by_page_counted) as made:
        summary = await shop_of(made, tmp_path, machine, {**PAGE, "total": "meta.total"}).run()
    assert summary.state == "complete"
    assert len(made.asked) == 10, "none past the end"


@pytest.mark.parametrize("start", [0, 1])
async def test_pages_count_from_where_the_store_does(tmp_path: Path, machine: Machine, start: int) -> None:
    def response(shop: Store, query: Query) -> Answer:
        return {"data": shop.items((int(query["p"]) - start) * 10, 10)}, []

    async with store(25, response) as made:
        shop = shop_of(made, tmp_path, machine, {**PAGE, "parameter": "p", "start": start})
        assert (await shop.run()).state == "complete"
    assert shop.ids() == list(range(1, 26))


@pytest.mark.parametrize("total", [None, "meta.total"])
async def test_a_page_size_the_store_ignores_is_found_out(tmp_path: Path, machine: Machine, total: str | None) -> None:
    """Read as if pages had 10 items, 25 of them would be left out or come twice."""

    def always_25(shop: Store, query: Query) -> Answer:
        before = (int(query["page"]) - 1) * 25
        return {"data": shop.items(before, 25), "meta": {"total": shop.count}}, []

    async with store(100, always_25) as made:
        shop = shop_of(made, tmp_path, machine, {**PAGE, "total": total})
        summary = await shop.run()
        assert summary.state == "failed"
        assert "Write page-size = 25." in summary.reason
        shop.incoming["pagination"]["page-size"] = 25
        assert (await shop.run()).state == "complete"
    assert shop.ids() == list(range(1, 101))


@pytest.mark.parametrize("way", ["page-number", "page-number, counted", "next-link", "link-header", "cursor"])
async def test_a_circle_is_said(tmp_path: Path, machine: Machine, way: str) -> None:
    """Pages 1, 2, 3, 2, 3, …"""
    response, pagination = WAYS[way]

    def circle(shop: Store, query: Query) -> Answer:
        query = dict(query)
        for name in ("from", "after"):
            if query.get(name) == "30":
                query[name] = "10"
        if "page" in query:
            query["page"] = str(min(2, int(query["page"])))
        return response(shop, query)

    async with store(100, circle) as made:
        summary = await shop_of(made, tmp_path, machine, pagination).run()
    assert summary.state == "failed"
    assert "circle" in summary.reason or "same page twice" in summary.reason
    assert len(made.asked) < 20, "what is read ahead, and no more"


async def test_behind_a_circle_a_run_begins_anew(tmp_path: Path, machine: Machine) -> None:
    """It would not know that the page it goes on with is the one it had last."""

    def last_again(shop: Store, query: Query) -> Answer:
        return by_page(shop, {**query, "page": str(min(9, int(query["page"])))})

    async with store(87, last_again) as made:
        shop = shop_of(made, tmp_path, machine, PAGE)
        for _ in range(2):
            summary = await shop.run()
            assert summary.state == "failed"
            assert 'set `last-page = "short"`' in summary.reason
            assert shop.ids() == list(range(1, 88))
        shop.incoming["pagination"]["last-page"] = "short"
        assert (await shop.run()).state == "complete"
    assert shop.ids() == list(range(1, 88))


@pytest.mark.parametrize("way", ["page-number", "page-number, short", "offset, capped"])
@pytest.mark.parametrize("count", [7, 70, 87])
async def test_a_page_that_is_not_there_is_the_end(tmp_path: Path, machine: Machine, way: str, count: int) -> None:
    """As Django's REST framework answers."""
    response, pagination = WAYS[way]

    def not_there(shop: Store, query: Query) -> Answer:
        body, *more = response(shop, query)
        if body["data"]:
            return body, *more
        return {"detail": "Invalid page."}, [], "404 Not Found"

    async with store(count, not_there) as made:
        shop = shop_of(made, tmp_path, machine, dict(pagination))
        assert (await shop.run()).state == "complete"
    assert shop.ids() == list(range(1, count + 1))


async def test_a_list_that_is_not_there_is_no_empty_one(tmp_path: Path, machine: Machine) -> None:
    async with store(0, lambda shop, query: ({"detail": "Not found."}, [], "404 Not Found")) as made:
        assert (await shop_of(made, tmp_path, machine, PAGE).run()).state == "failed"


@pytest.mark.parametrize("count", [10, 20, 87])
async def test_a_total_that_is_the_pages_own_ends_nothing(tmp_path: Path, machine: Machine, count: int) -> None:
    def counts_the_page(shop: Store, query: Query) -> Answer:
        items = by_page(shop, query)[0]["data"]
        return {"data": items, "total_count": len(items)}, []

    async with store(count, counts_the_page) as made:
        shop = shop_of(made, tmp_path, machine, PAGE)
        assert (await shop.run()).state == "complete"
    assert shop.ids() == list(range(1, count + 1))


@pytest.mark.parametrize("way", ["next-link", "cursor"])
async def test_a_next_one_that_is_always_named_is_not_followed_for_ever(
    tmp_path: Path, machine: Machine, way: str
) -> None:
    response, pagination = WAYS[way]

    def always(shop: Store, query: Query) -> Answer:
        before = int(query.get("from", query.get("after", 0)))
        more = {"meta": {"after": before + 10, "more": True}, "links": {"next": f"?from={before + 10}"}}
        return {"data": response(shop, query)[0]["data"], **more}, []

    async with store(87, always) as made:
        shop = shop_of(made, tmp_path, machine, pagination)
        summary = await shop.run()
    assert summary.state == "failed"
    assert "consecutive pages without items" in summary.reason
    assert shop.ids() == list(range(1, 88))


async def test_an_empty_page_that_names_itself_is_the_end(tmp_path: Path, machine: Machine) -> None:
    def stays(shop: Store, query: Query) -> Answer:
        before = int(query.get("after", 0))
        items = shop.items(before, 10)
        return {"data": items, "meta": {"after": before + len(items)}}, []

    async with store(87, stays) as made:
        shop = shop_of(made, tmp_path, machine, {name: each for name, each in CURSOR.items() if name != "more"})
        assert (await shop.run()).state == "complete"
    assert shop.ids() == list(range(1, 88))


async def test_a_link_to_another_host_is_refused_before_a_byte_leaves(tmp_path: Path, machine: Machine) -> None:
    async with store(0, lambda shop, query: ({"data": []}, [])) as elsewhere:

        def away(shop: Store, query: Query) -> Answer:
            return {"data": shop.items(0, 10), "links": {"next": f"{elsewhere.server.url}/rest/all/V1/products"}}, []

        async with store(100, away) as made:
            shop = shop_of(made, tmp_path, machine, LINK)
            summary = await shop.run()
        assert elsewhere.asked == []
    assert summary.state == "failed"
    assert "leads to another host" in summary.reason
    assert f"If {elsewhere.server.url} is the same store, write the client's base URI with it" in summary.reason
    assert "relative" not in summary.reason
    assert len(shop.ids()) == 10


@pytest.mark.parametrize(
    ("body", "pagination", "said"),
    [
        ({"data": [1], "links": {"next": 7}}, LINK, "not a link in the response"),
        ({"data": [1], "links": {"next": {"href": "x"}}}, LINK, "not a link in the response"),
        ({"data": [1], "meta": {"more": True}}, CURSOR, "sends no cursor"),
        ({"data": [1], "meta": {"more": True, "after": [1]}}, CURSOR, "not a cursor in the response"),
        ({"data": [1], "meta": {"total": "many"}}, {**PAGE, "total": "meta.total"}, "not a number of items"),
        ({"data": [1], "meta": 3}, {**LINK, "link": "sum(meta)"}, "cannot be evaluated"),
    ],
)
async def test_an_answer_that_does_not_say_how_to_go_on(
    tmp_path: Path, machine: Machine, body: Any, pagination: dict[str, Any], said: str
) -> None:
    async with store(0, lambda shop, query: (body, [])) as made:
        summary = await shop_of(made, tmp_path, machine, pagination).run()
    assert summary.state == "failed"
    assert said in summary.reason


async def test_a_page_that_breaks_the_store_is_read_in_halves(tmp_path: Path, machine: Machine) -> None:
    def breaks_at_13(shop: Store, query: Query) -> Answer:
        size = int(query["limit"])
        before = int(query["offset"])
        if before < 13 <= before + size:
            return {"message": "x"}, [], "500 Internal Server Error"
        return {"data": shop.items(before, size), "total_count": shop.count}, []

    async with store(40, breaks_at_13) as made:
        shop = shop_of(made, tmp_path, machine, {**OFFSET, "total": "total_count"})
        summary = await shop.run()
    assert (summary.state, summary.failed) == ("complete", 1)
    assert shop.ids() == [number for number in range(1, 41) if number != 13]
    assert [failed.record for failed in shop.failures()] == ["number 13 of the list"]


def test_kinds_are_checked_in_the_profile() -> None:
    bad = [{"kind": "next-link", "link": "a b"}, {"kind": "page-number", "total": "x("}, {"kind": "cursor"}]
    incoming = {
        f"i{number}": {"client": "default", "request": {"uri": "x"}, "pagination": each}
        for number, each in enumerate(bad)
    }
    profile, problems = check_data({"format": 1, "name": "x", "incoming": incoming})
    assert profile is None
    assert {path[1] for path, _ in problems} == set(incoming)
