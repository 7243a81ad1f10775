"""A small scripted store with orders and a list of comments for each, whose responses a test can change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from http_server import Received, Server, reply, serving
from listing import Item, SearchRequest
from runs import RunNotes

from tui_connector.client.wire import OF_A_RUN
from tui_connector.guide.checks.run_findings import explainer
from tui_connector.guide.workbench import Workbench
from tui_connector.incoming.run import Run
from tui_connector.incoming.start import RunEnvironment, RunLocation, RunOptions
from tui_connector.machine import Machine
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data
from tui_connector.runs.ledger import FailedRecord, Ledger, ledger_file
from tui_connector.runs.progress import Summary

KEYSET = {"kind": "keyset", "filter": "entity_id", "field": "entity_id", "page-size": 10}


def order(number: int, updated_at: str = "2026-11-01 00:00:00") -> Item:
    return {"entity_id": number, "increment_id": f"1/{number}", "updated_at": updated_at}


def comments(number: int, count: int) -> list[Item]:
    return [{"id": number * 100 + index, "comment": f"Comment {index}"} for index in range(count)]


@dataclass
class Orders:
    """The store: its orders, and the comments of each by its number."""

    orders: dict[int, Item]
    comments: dict[int, list[Any]]
    bare: bool = False
    """The comments are a bare list."""
    parents_bare: bool = False
    """The orders are a bare list, without pages."""
    bend: Callable[[str], bytes | None] = lambda path: None
    """Gives the response for a path in place of the usual one, or None."""
    before: Callable[[str], Awaitable[None]] | None = None
    """What is waited for before a response."""
    paths: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    server: Server = field(default_factory=lambda: Server(""))

    @property
    def url(self) -> str:
        return self.server.url

    def lists_requested(self) -> list[int]:
        """The orders whose comments were requested."""
        return [int(path.split("/")[-2]) for path in self.paths if path.endswith("/comments")]

    async def response(self, request: Received, writer: asyncio.StreamWriter) -> None:
        target = request.head.split(b" ")[1].decode()
        path = unquote(urlsplit(target).path).removeprefix("/rest/all/V1/")
        self.paths.append(path)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.before is not None:
                await self.before(path)
            bent = self.bend(path)
            writer.write(bent if bent is not None else self._response(path, request, target))
        finally:
            self.in_flight -= 1

    def _response(self, path: str, request: Received, target: str) -> bytes:
        if path == "orders":
            if self.parents_bare:
                return json_reply(list(self.orders.values()))
            asked = SearchRequest.read(request)
            found = [
                each
                for number, each in sorted(self.orders.items(), reverse=asked.descending)
                if asked.after < number <= asked.until and each["updated_at"] >= asked.since
            ]
            size = asked.size or len(found)
            page = found[(asked.page - 1) * size : asked.page * size]
            return json_reply({"items": page, "total_count": len(found)})
        number = int(path.split("/")[-2])
        if number not in self.comments:
            return json_reply({"message": "No such order", "parameters": []}, "404 Not Found")
        found = self.comments[number]
        if self.bare:
            return json_reply(found)
        query = dict(parse_qsl(urlsplit(target).query))
        size, page_number = int(query.get("size", 0)) or len(found) or 1, int(query.get("page", 1))
        return json_reply({"items": found[(page_number - 1) * size : page_number * size], "total_count": len(found)})


def json_reply(value: object, status: str = "200 OK") -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    return reply(status, body, "Date: Tue, 24 Nov 2026 12:00:00 GMT")


@asynccontextmanager
async def store_with(counts: dict[int, int], **more: Any) -> AsyncIterator[Orders]:
    """A store with so many comments for each order."""
    store = Orders(
        {number: order(number) for number in counts},
        {number: comments(number, count) for number, count in counts.items()},
        **more,
    )
    async with serving(store.response) as server:
        store.server = server
        yield store


def profile_data(url: str, child: dict[str, Any], parent: dict[str, Any]) -> dict[str, Any]:
    """A profile that reads the comments of orders."""
    orders = {"client": "shop", "request": {"uri": "orders"}, "items": "items", "identifier": "entity_id"}
    lists = {
        "client": "shop",
        "parent": {"incoming": "orders", "fields": {"order_id": "entity_id"}},
        "request": {"uri": "orders/&{entity_id}/comments"},
        "items": "items",
        "identifier": "id",
        "sink": {"kind": "jsonl", "path": "comments.jsonl"},
        **child,
    }
    return {
        "format": 1,
        "name": "Shop",
        "clients": {"shop": {"timeout": "5s", "plugins": [{"kind": "base-uri", "uri": f"{url}/rest/all/V1"}]}},
        "incoming": {
            "orders": {**orders, "pagination": KEYSET, **parent},
            "comments": {name: each for name, each in lists.items() if each is not None},
        },
    }


@dataclass
class CommentRuns:
    """Runs of the comments of a store's orders, in one folder."""

    store: Orders
    directory: Path
    machine: Machine
    child: dict[str, Any] = field(default_factory=dict)
    parent: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    """More incomings of the profile."""

    @property
    def path(self) -> Path:
        return self.directory / "comments.jsonl"

    @property
    def ledger(self) -> Path:
        return ledger_file(self.machine.directories.state, self.directory / "shop.toml", "comments")

    def items(self) -> list[Any]:
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def profile(self) -> Profile:
        parent = {name: each for name, each in self.parent.items() if each is not None}
        data = profile_data(self.store.url, self.child, parent)
        for name in [name for name, each in self.parent.items() if each is None]:
            del data["incoming"]["orders"][name]
        data["incoming"] |= self.others
        found, problems = check_data(data)
        assert found is not None, problems
        return found

    async def run(
        self,
        options: RunOptions | None = None,
        told: RunNotes | None = None,
        on_run: Callable[[Run], None] = lambda run: None,
    ) -> Summary:
        saved = self.profile()
        bench = Workbench(self.machine, directory=self.directory)
        async with bench.session(saved, OF_A_RUN) as session:
            place = RunLocation("comments", self.directory / "shop.toml", self.ledger)
            explain = explainer(saved, "shop")
            environment = RunEnvironment(
                session, bench.exchanges, self.machine, place, explain, incomings=saved.incoming
            )
            run = Run(saved.incoming["comments"], options or RunOptions(), environment, told or RunNotes())
            on_run(run)
            return await run.execute()

    def failures(self) -> list[FailedRecord]:
        with Ledger(self.ledger) as ledger:
            last = ledger.last()
            assert last is not None
            return ledger.failures(last.id)
