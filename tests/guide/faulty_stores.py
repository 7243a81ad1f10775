"""Servers between a client and the sandbox that do what a badly set up web server does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from http_server import Received, reply, serving

Fault = Callable[[Received], bytes]
"""Gives the request as it goes on to the store, or, beginning with HTTP/, the response in the store's place."""
Change = Callable[[bytes], bytes]


def same(response: bytes) -> bytes:
    return response


@asynccontextmanager
async def in_front_of(store: str, fault: Fault, change: Change = same) -> AsyncIterator[str]:
    """The address of a server that hands requests on to the store, and changes its responses."""
    place = urlsplit(store)

    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        going = fault(request)
        if going.startswith(b"HTTP/"):
            writer.write(going)
            return
        going = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", going)
        going = going.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        reader, onward = await asyncio.open_connection(place.hostname, place.port)
        onward.write(going + request.body)
        writer.write(change(await reader.read()))
        await writer.drain()
        onward.close()
        writer.close()

    async with serving(response) as server:
        yield server.url


def passing(request: Received) -> bytes:
    """Nothing is wrong with this one. Host stays as the client wrote it."""
    return request.head


def without_authorization(request: Received) -> bytes:
    return re.sub(rb"(?i)\r\nauthorization:[^\r]*", b"", request.head)


def without_port(request: Received) -> bytes:
    """The store sees a Host header without the port."""
    return re.sub(rb"(?i)(\r\nhost: [^:\r]*):\d+", rb"\1", request.head)


def by_head(status: str, *headers: str, body: bytes = b"", kind: bytes = b"text/html") -> Fault:
    """The same answer to everything."""
    raw = reply(status, body, *headers).replace(b"application/json", kind)
    return lambda request: raw


def old_store(request: Received) -> bytes:
    """A store that refuses HEAD as Magento 2.4.4 and older do."""
    if request.head.startswith(b"HEAD "):
        return b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
    return request.head


def in_polish(response: bytes) -> bytes:
    """The store's messages in another language, what stands beside them as it was."""
    head, _, body = response.partition(b"\r\n\r\n")
    try:
        data = json.loads(body)
    except ValueError:
        return response
    if not isinstance(data, dict) or "message" not in data:
        return response
    words = str(data["message"])
    data["message"] = f"Wniosek {sum(map(ord, words))} nie powiódł się"  # one of its own for each
    changed = json.dumps(data).encode()
    return re.sub(rb"(?i)content-length: \d+", b"Content-Length: %d" % len(changed), head) + b"\r\n\r\n" + changed


def without_gzip(request: Received) -> bytes:
    return re.sub(rb"(?i)\r\naccept-encoding:[^\r]*", b"", request.head)
