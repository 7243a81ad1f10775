"""A store that means harm, on a real socket in a thread of its own: what it says is switched while it runs."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable

from http_server import Received, gzip_bomb, reply, serving

EVIL = (
    "EVIL \x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]52;c;RVZJTA==\x07 \x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\"
    " \x9b31m \x9d52;c;RVZJTA==\x9c \x08\x08\x7f \u202egnp.exe\u202c \u2066x\u2069 \u200b\u2028 \ufeff \x00 \U000e0041"
    ' [/bold] [@click=app.quit]press[/] [link=http://evil.example]x[/link] [foo=" end'
)
"""Everything at once: colours, title, clipboard, hyperlink, C1, backspace, bidirectional, invisible, NUL, markup."""

LATIN_EVIL = "EVIL \x1b[31m \x1b]52;c;RVZJTA==\x07 \x08 \x9b31m \x9d52;c;RVZJTA== [/bold] end"
"""What a header line can carry."""

MODES = ("evil", "redirect", "bomb", "headers", "name", "cut", "garbage")


class HostileStore:
    """Answers as Magento would, with words of its own; `received` came to it, `stolen` to its friend."""

    def __init__(self) -> None:
        self.mode = "evil"
        self.url = self.other_url = ""
        self.received: list[Received] = []
        self.stolen: list[Received] = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        async with serving(self._steal) as other, serving(self._answer) as store:
            self.url, self.other_url = store.url, other.url
            self.received, self.stolen = store.received, other.received
            self._ready.set()
            await self._end.wait()

    async def _steal(self, _: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b'{"base_currency_code": "EUR"}'))

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> None:
        path = request.head.split(b" ", 2)[1].decode("latin-1")
        if self.mode == "evil":
            writer.write(_evil(path))
            return
        hostile: dict[str, Callable[[], bytes]] = {
            "redirect": lambda: reply(
                "302 Found", b"", f"Location: {self.other_url}/rest/V1/modules?EVIL", f"X-Evil: {LATIN_EVIL}"
            ),
            "bomb": lambda: reply("200 OK", gzip_bomb(300), "Content-Encoding: gzip"),
            "headers": lambda: b"HTTP/1.1 200 OK\r\n" + b"X-Evil: EVIL\r\n" * 100_000,
            "cut": lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + EVIL.encode(),
            "garbage": lambda: b"SSH-2.0-" + EVIL.encode() + b"\r\n",
            "name": lambda: reply("200 OK", b"[]", f"X-[bold]: {LATIN_EVIL}"),
        }
        writer.write(hostile[self.mode]())
        if self.mode in ("headers", "cut", "garbage"):
            writer.close()


def _evil(path: str) -> bytes:
    headers = (f"X-Evil: {LATIN_EVIL}", f"X-Evil: {LATIN_EVIL}", "Set-Cookie: PHPSESSID=EVIL; path=/")
    if path.endswith("/directory/currency"):
        body: object = {"base_currency_code": EVIL}
    elif path.endswith("/magento_version"):
        return reply(f"200 O{LATIN_EVIL}", EVIL.encode(), *headers)
    elif path.endswith("/modules"):
        body = [EVIL]
    elif "/products" in path:
        body = {"items": [{"id": n, "sku": f"{n} {EVIL}", "name": EVIL} for n in range(3)], "total_count": 3}
    elif "/orders" in path:
        return reply(
            f"400 {LATIN_EVIL}", json.dumps({"message": f"%1 {EVIL}", "parameters": [EVIL]}).encode(), *headers
        )
    else:
        return reply("404 Not Found", f"<html><title>{EVIL}</title>{EVIL}</html>".encode(), *headers)
    return reply(f"200 O{LATIN_EVIL}", json.dumps(body, ensure_ascii=False).encode(), *headers)
