# ruff: noqa: ASYNC109 - the names of parameters are httpcore's
"""The sockets below httpx, on asyncio alone.

httpcore's own ones go through anyio, whose scopes and checkpoints at each read and write cost a page of a run 0.5 ms.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

_HELD = 1_000_000
"""Bytes that came and were not read yet, after which the sender has to wait."""
_NEXT_ADDRESS = 0.25
"""Seconds after which a host's next address is tried beside the one before (RFC 8305 §5)."""


class Sockets(httpcore.AsyncNetworkBackend):
    """Connects. The wire has a deadline for the whole attempt, so that single reads and writes need none here."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        # cancelled in the race of several addresses, asyncio (before 3.12.8) leaves the socket to the garbage collector
        delay = None if _is_one_address(host) else _NEXT_ADDRESS
        connecting = asyncio.get_running_loop().create_connection(Stream, host, port, happy_eyeballs_delay=delay)
        try:
            async with asyncio.timeout(timeout):
                _, stream = await connecting
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except (OSError, UnicodeError) as error:  # UnicodeError: what no name of a host can be, such as "a..b"
            raise httpcore.ConnectError(str(error)) from error
        return stream


class Stream(httpcore.AsyncNetworkStream, asyncio.Protocol):
    """One connection; what comes in is kept until it is read."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._paused = False
        self._came: asyncio.Future[None] | None = None
        """Whoever reads waits for it."""
        self._may_write = asyncio.Event()
        self._may_write.set()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._received and not self._ended:
            self._came = asyncio.get_running_loop().create_future()
            await self._came
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if self._paused and len(self._received) < _HELD:
            self._paused = False
            self._transport.resume_reading()
        if not data and self._error is not None:
            raise httpcore.ReadError(str(self._error)) from self._error
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._transport.write(buffer)
        await self._may_write.wait()
        if self._ended:
            raise httpcore.WriteError(str(self._error or "the connection is closed")) from self._error

    async def aclose(self) -> None:
        self._transport.abort()
        await asyncio.sleep(0)  # the loop lets go of the socket in its next turn

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        agreeing = asyncio.get_running_loop().start_tls(
            self._transport, self, ssl_context, server_hostname=server_hostname, ssl_handshake_timeout=timeout
        )
        try:
            async with asyncio.timeout(timeout):
                transport = await agreeing
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            self._transport.abort()
            raise httpcore.ConnectError(str(error)) from error
        assert transport is not None
        self._transport = transport
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of a kept connection: what comes unasked is its end, or no answer of ours
            return self._ended or bool(self._received)
        return self._transport.get_extra_info(info)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) >= _HELD:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended, self._error = True, error
        self._may_write.set()
        self._wake()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)


def _is_one_address(host: str) -> bool:
    """Whether it is an address itself, not the name of some."""
    return ":" in host or host.replace(".", "").isdecimal()
