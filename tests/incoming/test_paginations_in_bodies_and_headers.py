"""Pages asked for in a request's body, counts and cursors in headers, and the statuses behind the last page."""

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

from tui_connector.guide.workbench import Workbench
from tui_connector.incoming.model import first_items
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.profile.problems import check_data

COUNT = 1_003


@dataclass
class ReceivedRequest:
    """One request: its query and its JSON body."""

    query: dict[str, str]
    body: Any


Responder = Callable[[ReceivedRequest], bytes]


@dataclass
class Store:
    response: Responder
    server: Server = field(default_factory=lambda: Server(""))
    asked: list[ReceivedRequest] = field(default_factory=list)

    async def receive(self, request: Received, writer: asyncio.StreamWriter) -> None:
        target = urlsplit(request.head.split(b" ")[1].decode())
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        self.asked.append(ReceivedRequest(query, json.loads(request.body) if request.body else None))
        writer.write(self.response(self.asked[-1]))


@asynccontextmanager
async def store(response: Responder) -> AsyncIterator[Store]:
    made = Store(response)
    async with serving(made.receive) as server:
        made.server = server
        yield made


def rows(before: int, size: int, count: int = COUNT) -> list[dict[str, int]]:
    return [{"id": number} for number in range(before + 1, min(before + size, count) + 1)]


def ok(body: object, *headers: str) -> bytes:
    return reply("200 OK", json.dumps(body).encode(), *headers)


def graphql(asked: ReceivedRequest) -> bytes:
    variables = asked.body["variables"]
    assert asked.body["query"] == "query($first: Int!, $after: String) { products }"
    before = int((variables.get("after") or "c0")[1:])
    found = rows(before, variables["first"])
    more = before + len(found) < COUNT
    cursor = f"c{before + len(found)}"
    return ok({"data": {"products": {"nodes": found, "pageInfo": {"hasNextPage": more, "endCursor": cursor}}}})


def elasticsearch(asked: ReceivedRequest) -> bytes:
    assert asked.query == {}
    before = asked.body.get("search_after", [0, ""])[0]
    hits = [{"_source": row, "sort": [row["id"], "x"]} for row in rows(before, asked.body["size"])]
    return ok({"hits": {"hits": hits}})


def by_header_cursor(asked: ReceivedRequest) -> bytes:
    before = int(asked.query.get("after", 0))
    return ok(rows(before, 100), *([f"X-Next-Cursor: {before + 100}"] if before + 100 < COUNT else []))


def by_page_in_body(asked: ReceivedRequest) -> bytes:
    page = asked.body["paging"][0]
    return ok({"rows": rows((page["number"] - 1) * page["size"], page["size"])})


def by_offset_in_body(asked: ReceivedRequest) -> bytes:
    return ok({"rows": rows(asked.body["params"]["skip"], asked.body["params"]["top"])})


def by_content_range(asked: ReceivedRequest) -> bytes:
    before, size = int(asked.query["offset"]), int(asked.query["limit"])
    found = rows(before, size)
    return ok(found, f"Content-Range: items {before}-{before + len(found) - 1}/{COUNT}")


GRAPHQL = {"query": "query($first: Int!, $after: String) { products }", "variables": {}}
CURSOR = "data.products.pageInfo.endCursor"
WAYS: dict[str, tuple[Responder, dict[str, Any]]] = {
    "GraphQL": (
        graphql,
        {
            "request": {"uri": "graphql", "method": "post", "parameters": GRAPHQL},
            "items": "data.products.nodes",
            "pagination": {
                "kind": "cursor",
                "cursor": CURSOR,
                "more": "data.products.pageInfo.hasNextPage",
                "send-in": "body",
                "parameter": "variables.after",
                "size-parameter": "variables.first",
            },
        },
    ),
    "Elasticsearch": (
        elasticsearch,
        {
            "request": {"uri": "_search", "method": "post", "parameters": {"sort": [{"id": "asc"}]}},
            "items": "hits.hits[]._source",
            "pagination": {
                "kind": "cursor",
                "cursor": "hits.hits[-1].sort",
                "parameter": "search_after",
                "send-in": "body",
                "size-parameter": "size",
            },
        },
    ),
    "a cursor in a header": (
        by_header_cursor,
        {"items": "@", "pagination": {"kind": "cursor", "cursor": 'headers."X-Next-Cursor"', "parameter": "after"}},
    ),
    "a cursor in the body or a header": (
        by_header_cursor,
        {
            "items": "@",
            "pagination": {
                "kind": "cursor",
                "cursor": 'meta.next || headers."x-next-cursor"',
                "parameter": "after",
            },
        },
    ),
    "a page number in the body": (
        by_page_in_body,
        {
            "request": {"uri": "list", "method": "post", "parameters": {"paging": [{}]}},
            "items": "rows",
            "pagination": {
                "kind": "page-number",
                "parameter": "paging.0.number",
                "size-parameter": "paging.0.size",
                "send-in": "body",
            },
        },
    ),
    "an offset in a body without parameters": (
        by_offset_in_body,
        {
            "request": {"uri": "list", "method": "post"},
            "items": "rows",
            "pagination": {
                "kind": "offset",
                "parameter": "params.skip",
                "size-parameter": "params.top",
                "send-in": "body",
            },
        },
    ),
    "a total in Content-Range": (
        by_content_range,
        {"items": "@", "pagination": {"kind": "offset", "total": 'headers."content-range"'}},
    ),
}


def shop(made: Store, directory: Path, machine: Machine, incoming: dict[str, Any]) -> Shop:
    return Shop(directory, machine, made.server.url, {"identifier": "id", **incoming})


@pytest.mark.parametrize("way", WAYS)
async def test_every_item_is_read_once(tmp_path: Path, machine: Machine, way: str) -> None:
    response, incoming = WAYS[way]
    async with store(response) as made:
        reader = shop(made, tmp_path, machine, incoming)
        summary = await reader.run()
    assert (summary.state, summary.reason) == ("complete", "")
    assert reader.ids() == list(range(1, COUNT + 1))


@pytest.mark.parametrize("way", WAYS)
async def test_a_stopped_run_resumes(tmp_path: Path, machine: Machine, way: str) -> None:
    response, incoming = WAYS[way]
    async with store(response) as made:
        reader = shop(made, tmp_path, machine, incoming)
        await reader.run(RunOptions(limit=200))
        summary = await reader.run()
    assert summary.state == "complete"
    assert reader.ids() == list(range(1, COUNT + 1))


async def test_a_cursor_keeps_its_type_in_a_body(tmp_path: Path, machine: Machine) -> None:
    async with store(elasticsearch) as made:
        await shop(made, tmp_path, machine, WAYS["Elasticsearch"][1]).run()
    assert [each.body.get("search_after") for each in made.asked[:3]] == [None, [100, "x"], [200, "x"]]


@pytest.mark.parametrize("way", ["GraphQL", "Elasticsearch", "a page number in the body"])
async def test_the_first_items_are_requested_as_the_run_requests_them(machine: Machine, way: str) -> None:
    response, incoming = WAYS[way]
    async with store(response) as made:
        reader = shop(made, Path("."), machine, incoming)
        profile = reader.profile({})
        async with Workbench(machine).session(profile) as session:
            found = await first_items(profile.incoming["items"], session.client("shop"), {})
    assert [item["id"] for item in found.items] == [1, 2, 3]


# behind the last page

WORDPRESS = b'{"code":"rest_post_invalid_page_number","message":"Too large.","data":{"status":400}}'


def by_page(size: int, count: int, behind: bytes, *headers: str, last: int = 10**9) -> Responder:
    def response(asked: ReceivedRequest) -> bytes:
        page = int(asked.query["page"])
        found = rows((page - 1) * size, size, count)
        return ok(found, *headers) if page == 1 or (found and page <= last) else behind

    return response


def numbered(size: int, **more: Any) -> dict[str, Any]:
    pagination = {"kind": "page-number", "page-size": size, "size-parameter": "per_page"}
    return {"items": "@", "pagination": {**pagination, **more}}


@pytest.mark.parametrize("size", [100, 59])  # 1,003 is 17 × 59: there the last page is a full one
@pytest.mark.parametrize(
    ("behind", "more"),
    [
        (reply("400 Bad Request", WORDPRESS), {}),
        (reply("400 Bad Request", WORDPRESS), {"total": 'headers."x-wp-total"'}),
        (reply("404 Not Found", b'{"detail":"Invalid page."}'), {}),
        (reply("416 Range Not Satisfiable"), {}),
        (reply("400 Bad Request", b'{"error":"no such page"}'), {"end-statuses": [400]}),
        (reply("410 Gone"), {"end-statuses": [410]}),
    ],
)
async def test_a_page_behind_the_last_one_is_the_end(
    tmp_path: Path, machine: Machine, size: int, behind: bytes, more: dict[str, Any]
) -> None:
    headers = [f"X-WP-Total: {COUNT}"] if "total" in more else []
    async with store(by_page(size, COUNT, behind, *headers)) as made:
        reader = shop(made, tmp_path, machine, numbered(size, **more))
        summary = await reader.run()
    assert (summary.state, summary.reason) == ("complete", "")
    assert reader.ids() == list(range(1, COUNT + 1))


@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable"])
async def test_a_refusal_after_a_page_that_was_not_full_is_the_end(
    tmp_path: Path, machine: Machine, status: str
) -> None:
    async with store(by_page(100, COUNT, reply(status, b'{"error":"page out of range"}'))) as made:
        reader = shop(made, tmp_path, machine, numbered(100))
        summary = await reader.run()
    assert (summary.state, summary.reason) == ("complete", "")
    assert len(reader.ids()) == COUNT


@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable"])
async def test_a_refusal_after_full_pages_is_not_believed_to_be_the_end(
    tmp_path: Path, machine: Machine, status: str
) -> None:
    """Some servers refuse pages beyond a depth: whoever takes that for the end loses the rest."""
    refused = reply(status, b'{"error":"only the first 5 pages can be read"}')
    async with store(by_page(100, COUNT, refused, last=5)) as made:
        reader = shop(made, tmp_path, machine, numbered(100))
        summary = await reader.run()
    assert summary.state != "complete"
    assert "only the first 5 pages" in summary.reason
    assert f"end-statuses = [{status[:3]}]" in summary.reason


async def test_a_refused_first_page_is_never_the_end(tmp_path: Path, machine: Machine) -> None:
    async with store(lambda asked: reply("400 Bad Request", WORDPRESS)) as made:
        summary = await shop(made, tmp_path, machine, numbered(100, **{"end-statuses": [400]})).run()
    assert summary.state != "complete"


# mistakes


@pytest.mark.parametrize(
    ("request_", "pagination", "words"),
    [
        ({"uri": "x"}, {"kind": "cursor", "cursor": "c", "send-in": "body"}, "GET sends its parameters in the query"),
        (
            {"uri": "x", "method": "post", "parameters": {"variables": "text"}},
            {"kind": "cursor", "cursor": "c", "send-in": "body", "parameter": "variables.after"},
            "neither an object nor a list",
        ),
        (
            {"uri": "x", "method": "post", "parameters": [1]},
            {"kind": "page-number", "send-in": "body", "parameter": "3.page"},
            "a list without that index",
        ),
        (
            {"uri": "x", "method": "post", "parameters": {"a": 5}},
            {"kind": "offset", "send-in": "body", "size-parameter": "a.size"},
            "neither an object nor a list",
        ),
        ({"uri": "x"}, {"kind": "page-number", "end-statuses": [500]}, "at most 499"),
    ],
)
def test_mistakes_are_named_when_the_profile_is_read(
    request_: dict[str, Any], pagination: dict[str, Any], words: str
) -> None:
    client = {"plugins": [{"kind": "base-uri", "uri": "https://shop.example"}]}
    incoming = {"client": "shop", "request": request_, "pagination": pagination}
    data = {"format": 1, "name": "Shop", "clients": {"shop": client}, "incoming": {"items": incoming}}
    _, problems = check_data(data)
    assert any(words in message for _, message in problems), problems


async def test_the_advice_of_the_profile_check_can_be_followed(tmp_path: Path, machine: Machine) -> None:
    def problems(cursor: str) -> list[Any]:
        pagination = {"kind": "cursor", "cursor": cursor, "parameter": "after"}
        client = {"plugins": [{"kind": "base-uri", "uri": "https://shop.example"}]}
        incoming = {"client": "shop", "request": {"uri": "x"}, "pagination": pagination}
        data: Any = {"format": 1, "name": "Shop", "clients": {"shop": client}, "incoming": {"items": incoming}}
        return check_data(data)[1]

    [(_, message)] = problems("headers.x-next-cursor")
    assert 'headers."x-next-cursor"' in message
    assert problems('headers."x-next-cursor"') == []
    incoming = {
        "items": "@",
        "pagination": {"kind": "cursor", "cursor": 'headers."x-next-cursor"', "parameter": "after"},
    }
    async with store(by_header_cursor) as made:
        reader = shop(made, tmp_path, machine, incoming)
        assert (await reader.run()).state == "complete"
    assert len(reader.ids()) == COUNT


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"products": {"nodes": None}}, "errors": [{"message": "Internal server error"}]},
        {"data": {"products": None}, "errors": [{"message": "Internal server error"}]},
        {"data": None, "errors": [{"message": "Internal server error"}]},
        {"errors": [{"message": "Internal server error"}]},
    ],
)
async def test_an_error_of_graphql_is_no_empty_list(tmp_path: Path, machine: Machine, body: Any) -> None:
    async with store(lambda asked: ok(body)) as made:
        summary = await shop(made, tmp_path, machine, WAYS["GraphQL"][1]).run()
    assert summary.state != "complete"
    assert "Internal server error" in summary.reason
