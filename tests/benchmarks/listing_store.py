"""A store for benchmarks, in a process of its own: one list of products of 2 KB, responses made beforehand, gzip.

python tests/benchmarks/listing_store.py ITEMS MILLISECONDS: prints its port, and answers pages of 100 that begin at a
multiple of 100, whole; what else is asked for (the last id) is answered alike. The pages of a long list repeat.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import re
import sys

SIZE = 100
_PAGES = 1_000
"""So many are made beforehand."""
_VALUE = re.compile(rb"value(?:%5D|\])=(\d+)")
_PAGE = re.compile(rb"currentPage(?:%5D|\])=(\d+)")
_WORDS = ("cotton", "jacket", "running", "élan", "café", "slim/fit", "organic", "zip", "pocket", "training", "stretch")


def item(number: int, chance: random.Random) -> dict[str, object]:
    """A product as Magento answers it, of 2 KB."""

    def words(count: int) -> str:
        return " ".join(chance.choices(_WORDS, k=count))

    attributes = [{"attribute_code": f"attribute_{each}", "value": words(5)} for each in range(18)]
    attributes.append({"attribute_code": "description", "value": words(60)})
    date = f"2026-{1 + number // 9_000 % 11:02}-{1 + number // 400 % 28:02} 10:{number // 60 % 60:02}:{number % 60:02}"
    product = {"id": number, "sku": f"SKU-{number:07}", "name": words(4), "price": 34.5, "updated_at": date}
    return {**product, "custom_attributes": attributes}


def page(number: int, total: int, chance: random.Random) -> bytes:
    """The finished answer with the page of this number, from 1."""
    items = [item((number - 1) * SIZE + each, chance) for each in range(1, SIZE + 1)]
    text = json.dumps({"items": items, "total_count": total}, separators=(",", ":")).replace("/", "\\/")
    return _answer(text.encode())


def _answer(body: bytes) -> bytes:
    packed = gzip.compress(body, 5, mtime=0)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}"
    )
    return head.encode() + b"\r\n\r\n" + packed


class Store:
    """The list: `total` items whose ids are 1, 2, 3, …"""

    def __init__(self, total: int) -> None:
        self._total = total
        chance = random.Random(1)
        self._items = [item(number, chance) for number in range(1, min(total, _PAGES * SIZE) + 1)]
        self._pages = [
            page(number, total, random.Random(number)) for number in range(1, min(total // SIZE, _PAGES) + 1)
        ]
        self._last = _answer(json.dumps({"items": [{"id": total}], "total_count": 1}).encode())

    def response(self, head: bytes) -> bytes:
        line = head[: head.index(b"\r\n")]
        if b"DESC" in line:
            return self._last
        first = 0
        if after := _VALUE.search(line):
            first = int(after[1])
        elif numbered := _PAGE.search(line):
            first = (int(numbered[1]) - 1) * SIZE
        return self._at(first // SIZE)

    def _at(self, index: int) -> bytes:
        if index < len(self._pages):
            return self._pages[index]
        # far down a long list: a page made from one of the first, with ids that go on
        items = self._items[(index % _PAGES) * SIZE : (index % _PAGES + 1) * SIZE]
        moved = [{**each, "id": index * SIZE + place} for place, each in enumerate(items, 1)]
        body = json.dumps({"items": moved, "total_count": self._total}, separators=(",", ":")).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class Connection(asyncio.Protocol):
    """One request after another."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head, self._read = self._read[:end], self._read[end + 4 :]
            response = self._store.response(head)
            if self._seconds:
                asyncio.get_running_loop().call_later(self._seconds, self._transport.write, response)
            else:
                self._transport.write(response)


async def serve(total: int, milliseconds: float) -> None:
    store = Store(total)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(store, milliseconds / 1_000), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if "--smoke" in sys.argv:
        assert Store(200).response(b"GET /?currentPage]=2 HTTP/1.1\r\n").startswith(b"HTTP/1.1 200 OK")
    else:
        asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
