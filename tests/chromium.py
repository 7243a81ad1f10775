"""A headless Chromium, driven by its DevTools protocol; the terminal in a page is read from its websocket."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyte
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from requirements import require

_DEADLINE = 120.0
KEYS = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Tab": 9}


class Browser:
    """A running Chromium."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.tabs: dict[str, Tab] = {}
        self._reading = asyncio.create_task(self._read())

    async def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The result of a command."""
        number = next(self._numbers)
        found = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(message if session is None else {**message, "sessionId": session})
        async with asyncio.timeout(_DEADLINE):
            return await found

    async def open(self, address: str) -> Tab:
        """A new tab at this address."""
        target = (await self.send("Target.createTarget", url="about:blank", newWindow=True, width=1200, height=700))[
            "targetId"
        ]
        session = (await self.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = self.tabs[session] = Tab(self, target, session)
        for domain in ("Network", "Page", "Runtime"):
            await tab.send(f"{domain}.enable")
        await tab.send("Page.navigate", url=address)
        return tab

    async def close(self) -> None:
        await self.send("Browser.close")
        self._reading.cancel()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            data = json.loads(message.data)
            if (number := data.get("id")) in self._waiting:
                waiting = self._waiting.pop(number)
                if "error" in data:
                    waiting.set_exception(AssertionError(data["error"]))
                else:
                    waiting.set_result(data["result"])
            elif (tab := self.tabs.get(data.get("sessionId", ""))) is not None:
                tab.on_event(data["method"], data["params"])


class Tab:
    """A tab: its keys, and the terminal that its websocket draws."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session
        self._screen = pyte.Screen(200, 100)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = asyncio.Event()
        self.statuses: dict[str, int] = {}
        """Of the responses so far, by URL."""
        self.requested: list[str] = []

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._browser.send(method, self._session, **parameters)

    def on_event(self, method: str, event: dict[str, Any]) -> None:
        match method:
            case "Network.webSocketFrameReceived" if event["response"]["opcode"] == 2:
                self._stream.feed(base64.b64decode(event["response"]["payloadData"]))
            case "Network.responseReceived":
                self.statuses[event["response"]["url"]] = event["response"]["status"]
            case "Network.requestWillBeSent":
                self.requested.append(event["request"]["url"])
            case "Network.webSocketHandshakeResponseReceived":
                self.statuses["websocket"] = event["response"]["status"]
        self._changed.set()

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display).strip()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until this holds after an event of the tab."""
        async with asyncio.timeout(_DEADLINE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def shows(self, *texts: str) -> None:
        try:
            await self.until(lambda: all(each in self.text for each in texts))
        except TimeoutError:
            raise AssertionError(f"{texts} are not shown in:\n{self.text}") from None

    async def press(self, *keys: str) -> None:
        """Presses keys: characters, or names of `KEYS`."""
        for key in keys:
            more: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": KEYS[key]} if key in KEYS else {"text": key}
            if key not in KEYS:
                more |= {"key": key, "unmodifiedText": key}
            await self.send("Input.dispatchKeyEvent", type="keyDown", **more)
            await self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def evaluate(self, expression: str) -> Any:
        found = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return found["result"].get("value")

    async def close(self) -> None:
        await self._browser.send("Target.closeTarget", targetId=self._target)


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Browser]:
    """Chromium with a profile of its own; skips where there is none."""
    require("chromium")
    options = ["--headless", "--remote-debugging-port=0", f"--user-data-dir={folder}", "--no-first-run"]
    options += ["--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox"]  # as root, in a container
    environment = {**os.environ, "HOME": str(folder)}
    process = await asyncio.create_subprocess_exec(
        "chromium", *options, "about:blank", env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(_DEADLINE):
            while not (line := await process.stderr.readline()).startswith(b"DevTools listening on "):
                assert line, "Chromium has ended"
        draining = asyncio.create_task(process.stderr.read())
        address = line.decode().removeprefix("DevTools listening on ").strip()
        async with ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            browser = Browser(socket)
            yield browser
            await browser.close()
        async with asyncio.timeout(_DEADLINE):
            await process.wait()
            await draining
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
