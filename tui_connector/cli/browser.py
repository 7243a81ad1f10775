"""The program in a browser: a web server on loopback that starts one process for each tab, and ends it with the tab."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from ..errors import UserError
from ..machine import how_to_install
from .streams import BROWSER_DRIVER

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_NAMES = (_HOST, "localhost")
"""Host names that a browser on this computer uses; any other one is of a page that had its name resolve to us."""
_MOST_PROGRAMS = 8
_MAX_MESSAGE = 1_000_000
"""Bytes of one message of a browser, such as a paste."""
_MAX_PACKET = 64_000_000
_EXIT_TIMEOUT = 8.0
"""Seconds: the program ends itself five seconds after the signal."""
_HEARTBEAT = 15.0
_SMALLEST, _LARGEST = 20, 1_000
_READY = b"__GANGLION__\n"
"""The line that Textual's driver for browsers prints first."""
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".ttf": "font/ttf",
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>tui-connector</title>
<link rel="stylesheet" href="static/css/xterm.css">
<style>
@font-face { font-family: "Roboto Mono"; src: url("static/fonts/RobotoMono-VariableFont_wght.ttf"); }
html, body { margin: 0; height: 100%; background: #10141b; color: #dbe2ee; font-family: sans-serif; }
#terminal { width: 100vw; height: 100vh; }
#ended { display: none; position: absolute; top: 40%; width: 100%; text-align: center; }
body.-closed #ended { display: block; }
body.-closed #terminal { opacity: 0.2; }
#ended a { color: #6cb6ff; }
</style>
<script src="static/js/textual.js"></script>
<script src="keys.js"></script>
</head>
<body>
<div id="ended">The program has ended. <a href="./">Start it again</a></div>
<div id="terminal" class="textual-terminal" data-session-websocket-url="ws://HOSTws" data-font-size="15"></div>
</body>
</html>
"""

_KEYS = """// Keys go to the terminal without a click; once the program has ended, to the link that starts it again.
window.addEventListener("load", () => {
  const focus = () => {
    const ended = document.body.classList.contains("-closed");
    document.querySelector(ended ? "#ended a" : ".xterm-helper-textarea")?.focus();
  };
  new MutationObserver(focus).observe(document.body, { attributes: true });
  window.addEventListener("focus", focus);
  focus();
});
"""


def static_files() -> Mapping[str, Path]:
    """The files of the page by their path below /static/. Raises `UserError` without the extra."""
    found = find_spec("textual_serve")
    if found is None or not found.submodule_search_locations:
        message = "serve needs the extra “serve”, which is not installed"
        raise UserError("extra-missing", message, how_to_install("serve"))
    root = Path(next(iter(found.submodule_search_locations))) / "static"
    files = (path for path in root.rglob("*") if path.is_file() and path.suffix in _TYPES)
    return {path.relative_to(root).as_posix(): path for path in files}


class BrowserServer:
    """Serves the program on 127.0.0.1 to whoever has the token; an async context manager."""

    def __init__(self, command: Sequence[str], port: int, environ: Mapping[str, str]) -> None:
        """`command` starts the program. Raises `UserError` without the extra."""
        self._command, self._port, self._environ = command, port, environ
        self._files = static_files()
        self._token, self._cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._folder = f"/{secrets.token_urlsafe(16)}/"
        """Where the page is. A browser sends a cookie to all ports, but not to all paths."""
        self._programs: set[_Program] = set()
        self._runner: web.ServerRunner | None = None
        self.address = ""
        """The address to open, with the token."""

    async def __aenter__(self) -> Self:
        """Listen. Raises `UserError`."""
        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_EXIT_TIMEOUT)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, _HOST, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            message = f"Port {self._port} of {_HOST} cannot be used: {error.strerror or error}"
            raise UserError("port-taken", message, "Choose another --port, or 0 for any free one.") from error
        self._port = self._runner.addresses[0][1]
        self.address = f"http://{_HOST}:{self._port}/?token={self._token}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends all programs."""
        await asyncio.gather(*(each.stop() for each in self._programs))
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        refused = self._refusal(request)
        if refused is not None:
            log.warning("refused %s %s", request.method, request.path[:100])
            return _protected(refused, self._port)
        if self._path(request) == "ws" and request.method == "GET":
            return await self._run_program(request)
        return _protected(self._response(request), self._port)

    def _refusal(self, request: web.BaseRequest) -> web.Response | None:
        """403 for requests from another site, under another name, or without token and cookie."""
        here = {f"{name}:{self._port}" for name in _NAMES}
        if request.headers.get("Host", "").lower() not in here:
            return _text(403, "This server is for this computer only.")
        origin = request.headers.get("Origin")
        if origin is None and self._path(request) == "ws":
            return _text(403, "A connection without an origin is not from the program's page.")
        if origin is not None and origin.lower() not in {f"http://{each}" for each in here}:
            return _text(403, "Other sites cannot use this server.")
        if self._has_cookie(request) or (request.path == "/" and self._has_token(request)):
            return None
        return _text(403, "Open the address that tui-connector serve has printed.")

    def _path(self, request: web.BaseRequest) -> str | None:
        """The path below the folder; None if it is elsewhere."""
        return request.path.removeprefix(self._folder) if request.path.startswith(self._folder) else None

    def _has_token(self, request: web.BaseRequest) -> bool:
        return _same(request.query.get("token", ""), self._token)

    def _has_cookie(self, request: web.BaseRequest) -> bool:
        return _same(request.cookies.get(self._cookie_name, ""), self._cookie)

    @property
    def _cookie_name(self) -> str:
        return f"tui-connector-{self._port}"  # a cookie is sent to all ports

    def _response(self, request: web.BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return _text(405, "Only GET is supported.")
        if request.path == "/" and "token" in request.query:
            # the token leaves the address, and with it the history
            response = web.Response(status=303, headers={"Location": self._folder})
            if self._has_token(request):
                response.set_cookie(
                    self._cookie_name, self._cookie, httponly=True, samesite="Strict", path=self._folder
                )
            return response
        path = self._path(request)
        if path == "":
            page = _PAGE.replace("HOST", request.headers["Host"].lower() + self._folder)
            return web.Response(text=page, content_type="text/html")
        if path == "keys.js":
            return web.Response(text=_KEYS, content_type="text/javascript")
        file = self._files.get(path.removeprefix("static/")) if path and path.startswith("static/") else None
        if file is None:
            return _text(404, "There is nothing here.")
        return web.Response(body=file.read_bytes(), headers={"Content-Type": _TYPES[file.suffix]})

    async def _run_program(self, request: web.BaseRequest) -> web.StreamResponse:
        if len(self._programs) >= _MOST_PROGRAMS:
            return _text(503, f"{_MOST_PROGRAMS} tabs are open already.")
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=_MAX_MESSAGE)
        program = _Program(self._command, self._environ, socket.send_bytes)
        self._programs.add(program)
        try:
            await socket.prepare(request)
            size = (_size(request.query.get(name), usual) for name, usual in (("width", 80), ("height", 24)))
            await program.start(*size)
            ended = asyncio.create_task(_close_after(program, socket))
            try:
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        await self._on_message(message.data, program, socket)
            finally:
                ended.cancel()
        except (ConnectionError, OSError) as error:  # the browser is gone, or the program cannot be started
            log.warning("a tab was lost: %s", error)
        finally:
            await program.stop()
            self._programs.discard(program)
        return socket

    async def _on_message(self, text: str, program: _Program, socket: web.WebSocketResponse) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return
        match message:
            case ["stdin", str(typed)]:
                await program.type(typed)
            case ["resize", {"width": int(width), "height": int(height)}]:
                await program.tell({"type": "resize", "width": _bounded(width), "height": _bounded(height)})
            case ["focus" | "blur" as event, *_]:
                await program.tell({"type": event})
            case ["ping", data]:
                await socket.send_json(["pong", data])


class _Program:
    """The program in a process of its own, whose terminal is a browser's tab."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], write: Callable[[bytes], Any]) -> None:
        self._command, self._environ, self._write = command, environ, write
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self, width: int, height: int) -> None:
        """Raises OSError."""
        left_out = ("TMUX", "TMUX_PANE", "STY", "NO_COLOR")  # they belong to the terminal of the server
        environment = {name: value for name, value in self._environ.items() if name not in left_out}
        environment |= {
            "TEXTUAL_DRIVER": BROWSER_DRIVER,
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            "TERM_PROGRAM": "browser",
        }
        environment |= {"COLUMNS": str(width), "ROWS": str(height)}
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=environment,
        )
        self._reading = asyncio.create_task(self._read())

    async def wait(self) -> None:
        """Until the program has ended."""
        assert self._reading is not None
        await asyncio.wait([self._reading])

    async def type(self, text: str) -> None:
        await self._send(b"D", text.encode("utf-8", "replace"))

    async def tell(self, event: Mapping[str, object]) -> None:
        await self._send(b"M", json.dumps(event).encode())

    async def stop(self) -> None:
        """Ends the process: it saves what it can; after a few seconds it is killed."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGHUP)
            try:
                async with asyncio.timeout(_EXIT_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                log.warning("the program %d does not end and is killed", process.pid)
                os.killpg(process.pid, signal.SIGKILL)  # and what it has started
                await process.wait()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _send(self, kind: bytes, data: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(ConnectionError, RuntimeError):  # it is ending
            self._process.stdin.write(kind + len(data).to_bytes(4, "big") + data)
            await self._process.stdin.drain()

    async def _read(self) -> None:
        """Passes on what the program draws. Files that it would offer for download are not."""
        assert self._process is not None
        assert self._process.stdout is not None
        output = self._process.stdout
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            while await output.readline() != _READY:
                if output.at_eof():
                    return
            while True:
                head = await output.readexactly(5)
                size = int.from_bytes(head[1:], "big")
                if size > _MAX_PACKET:
                    return
                data = await output.readexactly(size)
                if head[:1] == b"D":
                    await self._write(data)


async def _close_after(program: _Program, socket: web.WebSocketResponse) -> None:
    await program.wait()
    await socket.close()


def _same(given: str, expected: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")


def _protected(response: web.Response, port: int) -> web.Response:
    """With headers that keep the page from being framed, cached, or from loading anything from elsewhere."""
    sockets = " ".join(f"ws://{name}:{port}" for name in _NAMES)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        f"img-src 'self' data:; connect-src {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _size(text: str | None, usual: int) -> int:
    return _bounded(int(text)) if text is not None and text.isascii() and text.isdecimal() else usual


def _bounded(size: int) -> int:
    return max(_SMALLEST, min(_LARGEST, size))
