"""Outgoing runs for tests: a store that records what it is sent, and an outgoing that is run against it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from http_server import Received, Server, reply, serving
from profiles import bearer
from runs import RunNotes

from tui_connector.client.wire import OF_A_RUN
from tui_connector.guide.checks.run_findings import explainer
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.outgoing.changes import Compare
from tui_connector.outgoing.run import OutgoingRun
from tui_connector.outgoing.run_environment import OutgoingEnvironment, OutgoingOptions
from tui_connector.outgoing.task_ledger import TaskFilter, TaskLedger, TaskReader, tasks_file
from tui_connector.outgoing.tasks import Task, TaskState
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data
from tui_connector.runs.progress import Summary

OK = reply("200 OK", b"[]")


@dataclass
class Sent:
    """A request as the store received it."""

    method: str
    path: str
    body: Any

    @classmethod
    def read(cls, request: Received) -> Sent:
        method, uri, _ = request.head.split(b"\r\n")[0].decode().split(" ")
        return cls(method, uri.removeprefix("/rest/all/V1/"), json.loads(request.body) if request.body else None)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The entities of a request with the envelope `rows`."""
        rows = self.body["rows"]
        return rows if isinstance(rows, list) else [rows]


Answer = Callable[[Sent], "bytes | Awaitable[bytes | None] | None"]
"""The bytes of the response; None closes the connection."""


@dataclass
class Store:
    """A store that does what `answer` says. `sent` are the requests in the order of arrival."""

    answer: Answer = lambda sent: OK
    sent: list[Sent] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    server: Server = field(default_factory=lambda: Server(""))
    arrival: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, requests: int) -> None:
        """Until so many requests have arrived."""
        async with self.arrival:
            await self.arrival.wait_for(lambda: len(self.sent) >= requests)

    async def response(self, request: Received, writer: asyncio.StreamWriter) -> None:
        sent = Sent.read(request)
        self.sent.append(sent)
        async with self.arrival:
            self.arrival.notify_all()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            found = self.answer(sent)
            data = await found if isinstance(found, Awaitable) else found
        finally:
            self.in_flight -= 1
        if data is None:
            writer.close()
        else:
            writer.write(data)

    def skus(self) -> list[str]:
        """The skus of all rows in the order of arrival."""
        return [row["sku"] for sent in self.sent for row in sent.rows]

    def times(self) -> Counter[str]:
        """How often each sku has arrived."""
        return Counter(self.skus())


@asynccontextmanager
async def storing(answer: Answer = lambda sent: OK) -> AsyncIterator[Store]:
    store = Store(answer)
    async with serving(store.response) as server:
        store.server = server
        yield store


POST: dict[str, Any] = {"method": "post", "uri": "rows", "parameters": {"rows": "&{@}"}}


@dataclass
class Outbox:
    """A profile with one outgoing, "stock", and where it is run."""

    directory: Path
    machine: Machine
    url: str
    outgoing: dict[str, Any] = field(default_factory=dict)
    compare: Compare | None = None
    client: dict[str, Any] = field(default_factory=dict)
    told: RunNotes = field(default_factory=RunNotes)
    bench: Workbench = field(init=False)

    def __post_init__(self) -> None:
        self.bench = Workbench(self.machine, directory=self.directory)

    @property
    def file(self) -> Path:
        return self.directory / "shop.toml"

    @property
    def source(self) -> Path:
        return self.directory / "stock.jsonl"

    @property
    def ledger(self) -> Path:
        return tasks_file(self.machine.directories.state, self.file, "stock")

    def write(self, *entities: Any) -> None:
        self.source.write_text("".join(f"{json.dumps(each)}\n" for each in entities))

    def profile(self, changes: dict[str, Any]) -> Profile:
        outgoing: dict[str, Any] = {
            "client": "shop",
            "source": {"kind": "jsonl", "path": "stock.jsonl"},
            "identifier": "sku",
            "request": POST,
            **self.outgoing,
            **changes,
        }
        data: dict[str, Any] = {
            "format": 1,
            "name": "Shop",
            "authentications": {"a": bearer()} if "authentications" in self.client else {},
            "clients": {
                "shop": {
                    "timeout": "5s",
                    "plugins": [{"kind": "base-uri", "uri": f"{self.url}/rest/all/V1"}, {"kind": "content-type"}],
                    **self.client,
                }
            },
            "outgoing": {"stock": {name: each for name, each in outgoing.items() if each is not None}},
        }
        found, problems = check_data(data)
        assert found is not None, problems
        return found

    @asynccontextmanager
    async def opened(self, options: OutgoingOptions | None = None, **changes: Any) -> AsyncIterator[OutgoingRun]:
        saved = self.profile(changes)
        async with self.bench.session(saved, OF_A_RUN) as session:
            environment = OutgoingEnvironment(
                session,
                self.bench.exchanges,
                self.machine,
                "stock",
                self.file,
                self.ledger,
                explainer(saved, "shop"),
                self.compare,
            )
            yield OutgoingRun(saved.outgoing["stock"], options or OutgoingOptions(), environment, self.told)

    async def run(
        self,
        options: OutgoingOptions | None = None,
        on_run: Callable[[OutgoingRun], None] = lambda run: None,
        **changes: Any,
    ) -> Summary:
        async with self.opened(options, **changes) as run:
            on_run(run)
            return await run.execute()

    def tasks(self, *states: TaskState) -> list[Task]:
        """The tasks of the last run."""
        with TaskReader(self.ledger) as reader:
            last = reader.last()
            assert last is not None
            return list(reader.tasks(last.id, TaskFilter(states)))

    def retry(self) -> None:
        """Opens the failed tasks of the last run again."""
        with TaskLedger(self.ledger) as ledger:
            last = ledger.last()
            assert last is not None
            ledger.retry(last, TaskFilter(["failed"]), "2026-11-29 12:00:00")

    def states(self) -> dict[str, str]:
        return {task.identifier or str(task.line): task.state for task in self.tasks()}


def counted(summary: Summary) -> dict[str, int]:
    """The tasks by state, without those of which there are none."""
    return {state: number for state, number in summary.tasks.items() if number}


def rows(*skus: str, quantity: int = 1) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": quantity} for sku in skus]


def with_sleep(machine: Machine) -> tuple[Machine, list[float]]:
    """A machine whose waits are over at once, and the seconds that were waited for."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0)

    return replace(machine, sleep=sleep, monotonic=lambda: machine.monotonic() + sum(waited)), waited
