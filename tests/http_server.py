"""HTTP servers on real sockets that send whatever bytes a test wants."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Received:
    """A raw request."""

    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return ""


@dataclass
class Server:
    """The URL of a server, and the requests it received."""

    url: str
    received: list[Received] = field(default_factory=list)


Responder = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(response: Responder, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server that calls `response` for each request, to write the response."""
    server = Server("")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = Received(head, b"")
                length = request.header("Content-Length")
                request.body = await reader.readexactly(int(length)) if length else b""
                server.received.append(request)
                await response(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


def gzip_bomb(megabytes: int) -> bytes:
    """The beginning of a gzip stream of so many megabytes: one is compressed, and repeated."""
    packer = zlib.compressobj(wbits=31)
    first, next_ = (packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + next_ * (megabytes - 1)


class Hold:
    """Holds responses back until they are released."""

    def __init__(self) -> None:
        self._reached, self._released = asyncio.Event(), asyncio.Event()

    async def wait(self) -> None:
        """What a store waits for before a response that is held back."""
        self._reached.set()
        await self._released.wait()

    async def reached(self) -> None:
        """Until the first response is held back."""
        await asyncio.wait_for(self._reached.wait(), 120)

    def release(self) -> None:
        self._released.set()

    @property
    def released(self) -> bool:
        return self._released.is_set()


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An HTTP/1.1 response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
