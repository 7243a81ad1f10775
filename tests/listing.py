"""A small scripted store with one list of items, searched as Magento does, whose responses a test can change."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from http_server import Received, Server, reply, serving

from tui_connector.units import from_timestamp

Item = dict[str, Any]


@dataclass
class SearchRequest:
    """What one request searched for."""

    after: int = -1
    until: int = 10**9
    since: str = ""
    dated_after: str = ""
    dated_until: str = "~"
    by_date: bool = False
    """Whether the list is sorted by the date instead of the id."""
    size: int = 0
    page: int = 1
    descending: bool = False

    def key(self, entry: tuple[int, Item]) -> tuple[str, int]:
        """What the list is sorted by."""
        number, item = entry
        return (item.get("updated_at") or "") if self.by_date else "", number

    def is_dated(self, date: str) -> bool:
        return date >= self.since and (date > self.dated_after or not self.dated_after) and date <= self.dated_until

    @classmethod
    def read(cls, request: Received) -> SearchRequest:
        asked = cls()
        filters: dict[str, dict[str, str]] = {}
        for name, value in parse_qsl(urlsplit(request.head.split(b" ")[1].decode()).query):
            if match := re.match(r"searchCriteria\[filter_groups\]\[(\d+)\]\[filters\]\[0\]\[(\w+)\]", name):
                filters.setdefault(match[1], {})[match[2]] = value
            elif name.endswith("[pageSize]"):
                asked.size = int(value)
            elif name.endswith("[currentPage]"):
                asked.page = int(value)
            elif name.endswith("[direction]"):
                asked.descending = value == "DESC"
            elif "sort" in name.lower() and name.endswith("[field]"):
                asked.by_date = value == "updated_at"
        for each in filters.values():
            match each["field"], each["condition_type"]:
                case "entity_id", "gt":
                    asked.after = int(each["value"])
                case "entity_id", "lteq":
                    asked.until = int(each["value"])
                case "updated_at", "gteq":
                    asked.since = each["value"]
                case "updated_at", "gt":
                    asked.dated_after = each["value"]
                case "updated_at", "lteq":
                    asked.dated_until = each["value"]
        return asked


Bend = Callable[[SearchRequest, list[Item]], "bytes | None"]
"""Gives the response in place of the usual one, or None; `items` are those that the page would hold."""


def _as_usual(asked: SearchRequest, items: list[Item]) -> bytes | None:
    return None


@dataclass
class Listing:
    """The store: its items by id, and what it does to answers."""

    items: dict[int, Item]
    bend: Bend = _as_usual
    asked: list[SearchRequest] = field(default_factory=list)
    answers_id: bool = True
    counts: bool = True
    closes: Callable[[SearchRequest], bool] = lambda asked: False
    """Whether the connection is cut in place of a response."""
    drips: Callable[[list[Item]], bool] = lambda items: False
    """Whether the response that would hold these comes byte by byte, and never to its end."""
    before: Callable[[SearchRequest], Awaitable[None]] | None = None
    """What is waited for before a response."""
    server: Server = field(default_factory=lambda: Server(""))
    dated: str = "Tue, 24 Nov 2026 12:00:00 GMT"

    @property
    def url(self) -> str:
        return self.server.url

    async def response(self, request: Received, writer: asyncio.StreamWriter) -> None:
        asked = SearchRequest.read(request)
        self.asked.append(asked)
        if self.closes(asked):
            writer.close()
            return
        if self.before is not None:
            await self.before(asked)
        found = [
            item
            for number, item in sorted(self.items.items(), key=asked.key, reverse=asked.descending)
            if asked.after < number <= asked.until and asked.is_dated(item.get("updated_at") or "")
        ]
        size = asked.size or len(found)
        page = found[(asked.page - 1) * size : asked.page * size]
        if self.drips(page):
            await self._drip(writer)
        bent = self.bend(asked, page)
        writer.write(bent if bent is not None else self.page(page, len(found)))

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        """Until the client has had enough: then `drain` raises `ConnectionError`."""
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"items":[')
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    def page(self, items: list[Item], total: int) -> bytes:
        shown = items if self.answers_id else [{**item, "id": None} for item in items]
        envelope = {"items": shown, **({"total_count": total} if self.counts else {})}
        return reply("200 OK", json.dumps(envelope, separators=(",", ":")).encode(), f"Date: {self.dated}")


def product(number: int, updated_at: str = "2026-11-01 00:00:00") -> Item:
    return {"id": number, "sku": f"S{number}", "name": f"Product {number}", "updated_at": updated_at}


def is_mark_of(mark: object, newest: str) -> bool:
    """Whether a run that found this newest date leaves this mark: the time that it took to read it is subtracted."""
    assert isinstance(mark, str)
    return timedelta() <= from_timestamp(newest) - from_timestamp(mark) < timedelta(hours=1)


def products(*numbers: int) -> dict[int, Item]:
    return {number: product(number) for number in numbers}


@asynccontextmanager
async def listing(
    items: dict[int, Item],
    bend: Bend = lambda asked, items: None,
    tls: ssl.SSLContext | None = None,
    **more: Any,
) -> AsyncIterator[Listing]:
    store = Listing(items, bend, **more)
    async with serving(store.response, tls) as server:
        store.server = server
        yield store
