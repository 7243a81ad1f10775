"""`serve`: the program in a browser, for this computer only, and for whoever has the token."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fork_server
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from chromium import chromium
from requirements import skip_without

from tui_connector.cli import browser
from tui_connector.cli.browser import BrowserServer
from tui_connector.errors import UserError

STAND_IN = """
import json, os, signal, sys
SIGNALS
out = sys.stdout.buffer
def send(text):
    data = text.encode()
    out.write(b"D" + len(data).to_bytes(4, "big") + data); out.flush()
out.write(b"__GANGLION__\\n"); send(f"pid {os.getpid()} {os.environ['COLUMNS']}x{os.environ['ROWS']}")
while head := sys.stdin.buffer.read(5):
    data = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if data == b"q":
        break
    if data == b"download":
        meta = json.dumps({"type": "deliver_file_start", "key": "k", "path": "/etc/passwd"}).encode()
        out.write(b"M" + len(meta).to_bytes(4, "big") + meta); out.flush()
    send(head[:1].decode() + data.decode())
"""


def stand_in(signals: str = "") -> list[str]:
    """A program that talks as Textual does with a web server, and repeats what it is told."""
    return [sys.executable, "-c", STAND_IN.replace("SIGNALS", signals)]


def installed() -> None:
    try:
        browser.static_files()
    except UserError:
        skip_without("the extra serve")


class Served:
    """A running server, and a client that sends the headers that a test wants."""

    def __init__(self, address: str, session: ClientSession) -> None:
        self.address, self._session = address, session
        self.root = self.address.partition("/?")[0]
        self.folder, self.cookie = "/", ""

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        more = {"Cookie": self.cookie} if self.cookie else {}
        async with self._session.get(
            f"{self.root}{self.folder}{path[1:]}", headers={**more, **headers}, allow_redirects=False
        ) as response:
            return response.status, await response.text("latin-1"), response.headers

    async def enter(self) -> None:
        """Opens the address, as a browser does."""
        status, _, headers = await self.get(self.address.removeprefix(self.root))
        self.folder = headers["Location"]
        assert (status, self.folder[0], self.folder[-1], len(self.folder) > 20) == (303, "/", "/", True)
        self.cookie = headers["Set-Cookie"].partition(";")[0]

    @asynccontextmanager
    async def terminal(self, **headers: str) -> AsyncIterator[ClientWebSocketResponse]:
        given = {"Cookie": self.cookie, "Origin": self.root, **headers}
        async with self._session.ws_connect(
            f"{self.root}{self.folder}ws?width=100&height=30",
            headers={name: value for name, value in given.items() if value},
        ) as socket:
            yield socket


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    installed()
    async with BrowserServer(stand_in(), 0, os.environ) as server, ClientSession() as session:
        yield Served(server.address, session)


async def test_without_the_token_everything_is_refused(served: Served) -> None:
    for path in (
        "/",
        "/?token=",
        "/?token=CANARY",
        "/static/js/textual.js",
        "/ws",
        "/download/x",
        "/none",
        "/?token=é",
    ):
        assert (await served.get(path))[0] == 403, path
    for cookie in ("", "tui-connector=1", f"tui-connector-{served.root.rpartition(':')[2]}=wrong"):
        served.cookie = cookie
        with pytest.raises(WSServerHandshakeError, match="403"):
            async with served.terminal():
                pass
    token = served.address.rpartition("=")[2]
    assert (await served.get(f"/ws?token={token}"))[0] == 403
    assert (await served.get(f"/static/js/textual.js?token={token}"))[0] == 403


async def test_the_token_becomes_a_cookie_and_leaves_the_address(served: Served) -> None:
    status, _, headers = await served.get(served.address.removeprefix(served.root))
    assert status == 303
    cookie = headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict"))
    assert f"Path={headers['Location']}" in cookie  # so that servers on other ports do not get it
    assert served.address.rpartition("=")[2] not in cookie
    await served.enter()
    status, page, headers = await served.get("/")
    assert status == 200
    assert "static/js/textual.js" in page
    assert "https://" not in page
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")


async def test_other_hosts_and_origins_are_refused(served: Served) -> None:
    await served.enter()
    port = served.root.rpartition(":")[2]
    for host in ("rebound.example", f"rebound.example:{port}", "127.0.0.1", f"127.0.0.1:{int(port) + 1}", ""):
        assert (await served.get("/", Host=host))[0] == 403, host
    assert (await served.get("/", Host=f"localhost:{port}"))[0] == 200
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{port}", f"http://127.0.0.1:{int(port) + 1}"):
        assert (await served.get("/", Origin=origin))[0] == 403, origin
        with pytest.raises(WSServerHandshakeError, match="403"):
            async with served.terminal(Origin=origin):
                pass
    with pytest.raises(WSServerHandshakeError, match="403"):
        async with served.terminal(Origin=""):
            pass


async def test_only_the_files_of_the_page_are_served(served: Served) -> None:
    await served.enter()
    assert (await served.get("/static/js/textual.js"))[0] == 200
    for path in (
        "/static/",
        "/static/js",
        "/static/js/",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/download/k",
    ):
        assert (await served.get(path))[0] == 404, path
    assert (await served.get("/static//etc/passwd"))[0] == 404


async def test_nothing_listens_beyond_loopback(served: Served) -> None:
    port = int(served.root.rpartition(":")[2])
    for host in ("127.0.0.2", "::1"):
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection(host, port)


async def _text(socket: ClientWebSocketResponse) -> str:
    message = await asyncio.wait_for(socket.receive(), 30)
    assert message.type is WSMsgType.BINARY, message
    return bytes(message.data).decode()


def _pid(text: str) -> int:
    found = re.match(r"pid (\d+) ", text)
    assert found is not None
    return int(found[1])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(0.02)


async def _ended(pid: int) -> None:
    await _until(lambda: not _runs(pid))


async def test_keys_and_sizes_reach_the_program_and_nothing_else_does(served: Served) -> None:
    await served.enter()
    async with served.terminal() as socket:
        assert (await _text(socket)).endswith("100x30")
        await socket.send_str("no JSON")
        await socket.send_str(json.dumps(["stdin", {"not": "text"}]))
        await socket.send_str(json.dumps(["quit"]))
        await socket.send_bytes(b"binary")
        await socket.send_json(["stdin", "é"])
        assert await _text(socket) == "Dé"
        await socket.send_json(["resize", {"width": 10**9, "height": 0}])
        assert json.loads((await _text(socket))[1:]) == {"type": "resize", "width": 1_000, "height": 20}
        await socket.send_json(["stdin", "download"])
        assert await _text(socket) == "Ddownload"


async def test_each_tab_has_a_program_that_ends_with_it(served: Served) -> None:
    await served.enter()
    async with served.terminal() as one, served.terminal() as other:
        first, second = _pid(await _text(one)), _pid(await _text(other))
        assert first != second
        await one.close()
        await _ended(first)
        assert _runs(second)
        await other.send_json(["stdin", "q"])
        message = await asyncio.wait_for(other.receive(), 30)
        assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
        await _ended(second)


async def test_a_program_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    monkeypatch.setattr(browser, "_EXIT_TIMEOUT", 0.2)
    command = stand_in("signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    async with BrowserServer(command, 0, os.environ) as server, ClientSession() as session:
        served = Served(server.address, session)
        await served.enter()
        async with served.terminal() as socket:
            pid = _pid(await _text(socket))
        await _ended(pid)


async def test_the_number_of_programs_is_limited(monkeypatch: pytest.MonkeyPatch, served: Served) -> None:
    monkeypatch.setattr(browser, "_MOST_PROGRAMS", 1)
    await served.enter()
    async with served.terminal() as socket:
        await _text(socket)
        with pytest.raises(WSServerHandshakeError, match="503"):
            async with served.terminal():
                pass


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install .*\.\[serve\]"):
        BrowserServer([], 0, {})


def _children(pid: int) -> list[int]:
    """The processes that this one has started."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = each.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(each.parent.name))
    return found


async def _until_children(pid: int, count: int) -> None:
    await _until(lambda: len(_children(pid)) == count)


PROFILE = """format = 1
name = "Acme in a browser"
[clients.magento]
plugins = [{ kind = "base-uri", uri = "https://acme.example/rest/all/V1" }]
"""


def _save_profile(folder: Path) -> None:
    folder.mkdir()
    (folder / "acme.toml").write_text(PROFILE)


@asynccontextmanager
async def serving(environment: dict[str, str], folder: Path) -> AsyncIterator[tuple[fork_server.AsyncProcess, str]]:
    """The command `serve` in a process of its own, with one profile; and the address that it prints."""
    installed()
    _save_profile(folder)
    words = ("--profile-dir", folder, "serve")
    process = await fork_server.start(*words, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        yield process, line.rpartition(" ")[2].strip()
    finally:
        process.kill()


async def test_programs_end_with_a_server_that_is_killed(clean_environment: dict[str, str], tmp_path: Path) -> None:
    async with serving(clean_environment, tmp_path / "profiles") as (process, address), ClientSession() as session:
        served = Served(address, session)
        await served.enter()
        async with served.terminal() as socket:
            shown = ""
            while "Acme in a browser" not in shown:
                shown += await _text(socket)
            [program] = _children(process.pid)
            process.kill()
            await _ended(program)


@pytest.mark.long
async def test_the_program_is_used_by_keyboard_in_chromium(clean_environment: dict[str, str], tmp_path: Path) -> None:
    async with serving(clean_environment, tmp_path / "profiles") as (process, address):
        root = address.partition("?")[0]
        async with chromium(tmp_path / "chromium") as running:
            stranger = await running.open(root)
            await stranger.until(lambda: stranger.statuses.get(root) == 403)
            tab = await running.open(address)
            await tab.shows("Acme in a browser", "Commands")
            page = await tab.evaluate("location.href")
            assert (page.startswith(root), "token" in page, tab.statuses.get(page)) == (True, False, 200)
            assert await tab.evaluate("document.body.classList.contains('-first-byte')")
            await tab.press("Enter")
            await tab.shows("magento", "acme.example")
            await tab.press("?")
            await tab.shows("Keys")
            await tab.press("Escape")
            await tab.until(lambda: "Keys" not in tab.text)
            await tab.press(":", *"last runs", "Enter")
            await tab.shows("Nothing has been run yet")
            await _until_children(process.pid, 1)
            assert [each for each in tab.requested if not each.startswith((root, "about:", "data:"))] == []
            await tab.close()
            await _until_children(process.pid, 0)
            again = await running.open(page)
            await again.shows("Acme in a browser")
            await again.press("q")
            await again.until(lambda: again.statuses["websocket"] == 101)
            await _until_children(process.pid, 0)
            last = await running.open(page)
            await last.shows("Acme in a browser")
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 60)
            await _until_children(process.pid, 0)
        assert process.returncode == 0
