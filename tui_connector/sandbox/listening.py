"""A web server of the sandbox, which listens on loopback only."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web

from ..errors import UserError


class LoopbackServer:
    """An HTTP server on 127.0.0.1; an async context manager. Port 0: any free port."""

    def __init__(self, port: int, *, abandons: bool = False) -> None:
        """`abandons`: a request whose client has gone is not handled further."""
        self._port, self._abandons = port, abandons
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to a request."""
        raise NotImplementedError

    async def start(self) -> None:
        """Listen on 127.0.0.1. Raises `UserError`."""
        server = web.Server(
            self.handle,
            access_log=None,
            handler_cancellation=self._abandons,
            max_line_size=65536,
            max_field_size=65536,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        try:
            await site.start()
        except OSError as error:
            await self.close()
            message = f"The sandbox cannot listen on 127.0.0.1:{self._port}: the port is taken"
            hint = (
                "Stop the program that listens there (another sandbox?), or choose another port with --port, 0 for any."
            )
            raise UserError("port-taken", message, hint) from error
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening and close all connections."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
