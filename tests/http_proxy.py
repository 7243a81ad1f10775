"""A proxy for tests: it tunnels (CONNECT) and forwards, and may ask who calls."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """Where it listens, the request lines it received, and who sent them."""

    url: str
    lines: list[str] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)


@asynccontextmanager
async def proxying(
    user: str | None = None, refuse: str | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Proxy]:
    """`user` is "name:password" that it asks for, `refuse` a status with which it answers every CONNECT.

    With `tls` it is an https:// proxy.
    """
    proxy = Proxy("")
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *headers = head.split("\r\n")
            method, target, _ = line.split(" ")
            credentials = [value for value in headers if value.lower().startswith("proxy-authorization: basic ")]
            caller = base64.b64decode(credentials[0].split()[-1]).decode() if credentials else ""
            proxy.lines.append(line)
            proxy.callers.append(caller)
            if user is not None and caller != user:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            elif refuse is not None:
                writer.write(f"HTTP/1.1 {refuse}\r\nContent-Length: 0\r\n\r\n".encode())
            elif method == "CONNECT":
                host, _, port = target.rpartition(":")
                far, far_writer = await asyncio.open_connection(host, int(port))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_copy(reader, far_writer), _copy(far, writer))
            else:
                parts = urlsplit(target)
                far, far_writer = await asyncio.open_connection(parts.hostname, parts.port)
                kept = [value for value in headers if not value.lower().startswith("proxy-")]
                far_writer.write("\r\n".join([f"{method} {parts.path} HTTP/1.1", *kept]).encode("latin-1"))
                await asyncio.gather(_copy(reader, far_writer), _copy(far, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    listening = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls)
    proxy.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listening.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
