"""A replay: recorded responses are found by method, path, query and body, in the recorded order."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from sandbox_client import Reply

from tui_connector.sandbox.replay import RecordedExchange, Replay

MARK = "•••"
JSON = (("Content-Type", "application/json; charset=utf-8"),)


def get(number: int, target: str, body: object, status: int = 200, **more: Any) -> RecordedExchange:
    return exchange(number, "GET", target, b"", body, status, **more)


def exchange(
    number: int, method: str, target: str, sent: bytes, body: object, status: int = 200, **more: Any
) -> RecordedExchange:
    more.setdefault("headers", JSON)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    uri = f"https://shop.example{target}"
    truncated = more.pop("truncated", False)
    return RecordedExchange(number, method, uri, sent, truncated, status, body=data, **more)


class Replayed:
    """A running replay, and what it reported."""

    def __init__(self) -> None:
        self.reports: list[str] = []
        self.url = ""

    async def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Reply:
        return await asyncio.to_thread(self._ask, method, target, body, headers)

    async def data(self, target: str, method: str = "GET", body: bytes | None = None) -> Any:
        reply = await self.ask(method, target, body)
        assert reply.status == 200, reply.body
        return reply.data

    def _ask(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()


Start = Callable[..., Any]


@pytest.fixture
async def replay() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def started(*recorded: RecordedExchange) -> Replayed:
            found = Replayed()
            server = Replay(recorded, 0, mark=MARK, report=found.reports.append)
            await stack.enter_async_context(server)
            found.url = server.url
            return found

        yield started


async def test_a_request_is_found_whatever_the_order_and_encoding_of_its_query(replay: Start) -> None:
    store = await replay(
        get(1, "/rest/V1/products?searchCriteria%5BpageSize%5D=2&fields=items%5Bsku%5D", [1]),
        get(2, "/rest/V1/products?searchCriteria%5BpageSize%5D=3&fields=items%5Bsku%5D", [2]),
        get(3, "/rest/V1/products/a%2Fb", [3]),
        get(4, "/rest/V1/products?a%5B%5D=1&a%5B%5D=2", [4]),
    )
    assert await store.data("/rest/V1/products?fields=items[sku]&searchCriteria[pageSize]=2") == [1]
    assert await store.data("/rest/V1/products?fields=items[sku]&searchCriteria[pageSize]=3") == [2]
    assert await store.data("/rest/V1/products/a%2fb") == [3]
    assert (await store.ask("GET", "/rest/V1/products/a/b")).status == 501
    assert await store.data("/rest/V1/products?a[]=1&a[]=2") == [4]
    assert (await store.ask("GET", "/rest/V1/products?a[]=2&a[]=1")).status == 501


async def test_repeated_requests_get_the_responses_in_order_and_then_the_last_one(replay: Start) -> None:
    first = get(1, "/rest/V1/modules", {"message": "busy"}, 503)
    store = await replay(first, get(2, "/rest/V1/other", 0), get(3, "/rest/V1/modules", [1]))
    assert [(await store.ask("GET", "/rest/V1/modules")).status for _ in range(4)] == [503, 200, 200, 200]


async def test_the_body_decides_where_several_were_recorded(replay: Start) -> None:
    path = "/rest/V1/products"
    store = await replay(
        exchange(1, "POST", path, b'{"product": {"sku": "a", "price": 1}}', "first"),
        exchange(2, "POST", path, b'{"product": {"sku": "b", "price": 1.0}}', "second"),
        exchange(3, "POST", path, b'{"product": {"sku": "c", "name": "tru', "third", truncated=True),
        exchange(4, "POST", path, f'{{"username": "api", "password": "{MARK}"}}'.encode(), "fourth"),
        exchange(5, "POST", "/rest/V1/alone", b'{"any": 1}', "fifth"),
    )

    async def posted(body: str) -> Any:
        return await store.data(path, "POST", body.encode())

    assert await posted('{"product":{"price":1,"sku":"a"}}') == "first"
    assert await posted('{"product":{"price":1,"sku":"b"}}') == "second"
    assert await posted('{"product": {"sku": "c", "name": "truncated in the recording"}}') == "third"
    assert await posted('{"username": "api", "password": "another CANARY"}') == "fourth"
    reply = await store.ask("POST", path, b'{"product":{"price":true,"sku":"a"}}')
    assert reply.status == 501
    assert "with another body" in reply.data["message"]
    assert await store.data("/rest/V1/alone", "POST", b"something else") == "fifth"


async def test_masked_parts_of_a_path_or_query_may_be_any_text(replay: Start) -> None:
    store = await replay(get(1, f"/rest/V1/carts/{MARK}/items?key={MARK}&page=1", [1]))
    assert await store.data("/rest/V1/carts/any/items?page=1&key=any%20key") == [1]
    assert (await store.ask("GET", "/rest/V1/carts/any/items?page=2&key=any")).status == 501


async def test_what_was_not_recorded_is_refused_like_magento_does_and_reported(replay: Start) -> None:
    store = await replay(
        get(1, "/rest/V1/products?searchCriteria%5BcurrentPage%5D=1&fields=sku", []),
        get(2, "/rest/V1/products?searchCriteria%5BcurrentPage%5D=2&fields=sku", []),
        get(3, "/rest/V1/orders", []),
    )
    reply = await store.ask("GET", "/rest/V1/products?searchCriteria[currentPage]=3&fields=sku")
    assert reply.status == 501
    assert reply.headers["Content-Type"].startswith("application/json")
    assert set(reply.data) == {"message", "parameters"}
    assert reply.data["parameters"]["number"] == 1
    assert reply.data["parameters"]["nearest"] == "the same with searchCriteria[currentPage]=1"
    assert "nearest recorded request is 1: the same with searchCriteria[currentPage]=1" in store.reports[0]
    reply = await store.ask("DELETE", "/rest/V1/orders/1")
    assert reply.data["parameters"]["nearest"] == "GET /rest/V1/orders"
    assert len(store.reports) == 2


async def test_the_transport_is_the_replays_own(replay: Start) -> None:
    headers = (*JSON, ("Content-Encoding", "br"), ("Content-Length", "7"), ("Transfer-Encoding", "chunked"))
    headers += (("X-Cache", "MISS"), ("Link", '<https://shop.example/rest/V1/products?page=2>; rel="next"'))
    first = get(
        1, "/rest/V1/products?page=1", {"next": "https://shop.example/rest/V1/products?page=2"}, headers=headers
    )
    second = get(2, "/rest/V1/products?page=2", b'{"next": "https:\\/\\/shop.example\\/rest\\/V1\\/products?page=1"}')
    media = get(3, "/rest/V1/media", {"url": "https://shop.example/media/a.jpg"})
    store = await replay(first, second, media)
    reply = await store.ask("GET", "/rest/V1/products?page=1", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in reply.headers
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    assert reply.headers["X-Cache"] == "MISS"
    assert reply.headers["Link"] == f'<{store.url}/rest/V1/products?page=2>; rel="next"'
    assert reply.data["next"] == f"{store.url}/rest/V1/products?page=2"
    assert (await store.data("/rest/V1/products?page=2"))["next"] == f"{store.url}/rest/V1/products?page=1"
    assert (await store.data("/rest/V1/media"))["url"] == "https://shop.example/media/a.jpg"


async def test_a_response_that_is_not_complete_in_the_recording_is_not_invented(replay: Start) -> None:
    store = await replay(
        get(1, "/rest/V1/products", b'{"items":[', missing="only the first 10 of 90 bytes were recorded")
    )
    reply = await store.ask("GET", "/rest/V1/products")
    assert reply.status == 501
    assert reply.data["parameters"] == {"number": 1, "reason": "only the first 10 of 90 bytes were recorded"}
    assert "only the first 10 of 90 bytes" in store.reports[0]


async def test_binary_bodies_are_sent_byte_for_byte(replay: Start) -> None:
    data = bytes(range(256)) * 10
    store = await replay(get(1, "/rest/V1/pdf", data, headers=(("Content-Type", "application/pdf"),)))
    assert (await store.ask("GET", "/rest/V1/pdf")).body == data


async def test_lost_responses_are_lost_again(replay: Start) -> None:
    store = await replay(
        get(1, "/rest/V1/cut", b"", lost="cut-off"),
        get(2, "/rest/V1/slow", b"", lost="timeout"),
        get(3, "/rest/V1/modules", []),
    )
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        await store.ask("GET", "/rest/V1/cut")
    waiting = asyncio.open_connection(urlsplit(store.url).hostname, urlsplit(store.url).port)
    reader, writer = await waiting
    writer.write(b"GET /rest/V1/slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert await store.data("/rest/V1/modules") == []
    assert not reader.at_eof()
    writer.close()
    await writer.wait_closed()


async def test_thousands_of_bodies_to_one_uri_are_found_at_once(replay: Start) -> None:
    sent = [json.dumps({"product": {"sku": f"S{number}", "name": "x" * 200}}).encode() for number in range(8_000)]
    replayed = await replay(*(exchange(number, "POST", "/products", each, number) for number, each in enumerate(sent)))
    assert await replayed.data("/products", "POST", sent[7_777].replace(b": ", b" :")) == 7_777


async def test_a_recording_full_of_masked_parts_does_not_block(replay: Start) -> None:
    target = f"/products?{'&'.join(f'{MARK}a{MARK}b{MARK}a' * 10 for _ in range(3))}"
    replayed = await replay(get(1, target, "never"), get(2, "/orders", "here"))
    assert (await replayed.ask("GET", f"/products?{'&'.join('ab' * 500 for _ in range(3))}")).status == 501
    assert await replayed.data("/orders") == "here"


async def test_pages_of_other_sites_cannot_read_a_recording(replay: Start) -> None:
    allows = (*JSON, ("Access-Control-Allow-Origin", "*"), ("access-control-allow-headers", "*"))
    replayed = await replay(get(1, "/customers", ["CANARY-customer"], headers=allows))
    reply = await replayed.ask("GET", "/customers", Origin="https://evil.example")
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]
    port = urlsplit(replayed.url).port
    rebound = await replayed.ask("GET", "/customers", Host=f"evil.example:{port}")
    assert (rebound.status, b"CANARY" in rebound.body) == (403, False)
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "SHOP.example"):
        assert (await replayed.ask("GET", "/customers", Host=host)).status == 200
