"""A store that queues what it is sent, and executes it as a test says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from http_server import reply
from sending import Outbox, Sent, Store, storing

from tui_connector.machine import Machine

ACCEPTED = {"status": "accepted", "data_hash": "0"}


@dataclass
class QueueingStore:
    """A store whose queue executes each item at once, as `operation` says; `bulks` are the items by bulk."""

    operation: Callable[[dict[str, Any]], dict[str, Any]] = lambda item: {"status": 1}
    accepted: Callable[[list[Any]], bytes | None] = lambda items: None
    """Another response than that of acceptance."""
    forgets: Callable[[list[Any]], bool] = lambda items: False
    """Whether a bulk is unknown when its status is read."""
    bulks: dict[str, list[Any]] = field(default_factory=dict)
    status: Callable[[], bytes | None] = lambda: None
    """Another response to requests for a status."""

    def answer(self, sent: Sent) -> bytes:
        if sent.method == "GET":
            return self._status(sent.path)
        items = sent.body if "/bulk/" in sent.path else [sent.body]
        if other := self.accepted(items):
            return other
        uuid = f"00000000-0000-0000-0000-{len(self.bulks):012}"
        self.bulks[uuid] = items
        listed = [{"id": number, **ACCEPTED} for number in range(len(items))]
        return queued({"bulk_uuid": uuid, "request_items": listed, "errors": False})

    def _status(self, path: str) -> bytes:
        if path.startswith("bulk?"):
            return ok({"total_count": 0})
        if other := self.status():
            return other
        _, uuid, what = path.split("/", 2)
        if uuid not in self.bulks or self.forgets(self.bulks[uuid]):
            return reply("404 Not Found", b'{"message": "Bulk uuid not exist"}')
        done = [
            {"id": number, "result_message": None, "result_serialized_data": None, "error_code": 0}
            | self.operation(item)
            for number, item in enumerate(self.bulks[uuid])
        ]
        if what == "operation-status/4":
            return ok(sum(each["status"] == 4 for each in done))
        assert what == "detailed-status"
        return ok({"operations_list": sorted(done, key=lambda each: -each["id"])})


def ok(data: Any) -> bytes:
    return reply("200 OK", json.dumps(data).encode())


def queued(data: Any) -> bytes:
    return reply("202 Accepted", json.dumps(data).encode())


def sku(item: dict[str, Any]) -> str:
    return str(item["rows"]["sku"])


def posts(store: Store) -> list[Sent]:
    return [sent for sent in store.sent if sent.method != "GET"]


def reasons(outbox: Outbox) -> dict[str, str]:
    return {task.identifier: f"{task.state}: {task.reason}" for task in outbox.tasks() if task.reason}


@asynccontextmanager
async def queueing(
    tmp_path: Path, machine: Machine, queue: QueueingStore, **outgoing: Any
) -> AsyncIterator[tuple[Store, Outbox]]:
    async with storing(queue.answer) as store:
        yield store, Outbox(tmp_path, machine, store.server.url, {"delivery": "bulk", **outgoing})
