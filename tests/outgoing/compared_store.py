"""A running sandbox with what a test of comparisons does to it: send entities, read them, compare them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profiles import TOKEN, bearer, full, profile
from runs import RunNotes

from tui_connector.client.message import Request, Response
from tui_connector.client.session import Session
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.entities import WRITABLE
from tui_connector.outgoing.changes import Compare, EntityChange
from tui_connector.outgoing.current_values import CurrentValues
from tui_connector.outgoing.model import Outgoing
from tui_connector.outgoing.plan import store_address
from tui_connector.outgoing.run import OutgoingRun
from tui_connector.outgoing.run_environment import OutgoingEnvironment, OutgoingOptions
from tui_connector.outgoing.source import EntitySource, SourceEntity
from tui_connector.outgoing.task_ledger import TaskReader, deleted_by_undo
from tui_connector.outgoing.tasks import Task
from tui_connector.outgoing.undo import UndoPlan, UndoSource, not_restored, undo_plan, undo_steps
from tui_connector.runs.progress import Summary
from tui_connector.sandbox.server import Sandbox
from tui_connector.templates import Json


def preset(name: str, **changes: Any) -> Outgoing:
    """The configuration that the program writes for an entity, with changes."""
    return Outgoing.model_validate(WRITABLE[name].configuration("shop") | changes)


@dataclass
class ComparedStore:
    """`requests` are those that a comparison has sent since the test began."""

    sandbox: Sandbox
    session: Session
    bench: Workbench
    directory: Path
    requests: list[Request] = field(default_factory=list)

    async def call(self, method: str, uri: str, body: object = None, *, store: str = "all") -> Any:
        """A request beside those of the configuration; returns the JSON of its response, which must be 200."""
        request = Request(method, f"{self.sandbox.url}/rest/{store}/V1/{uri}")
        if body is not None:
            request = Request(method, request.uri, (("Content-Type", "application/json"),), json.dumps(body).encode())
        response = await self.session.client("shop")(request)
        assert response.status == 200, response.body
        return json.loads(response.body)

    async def get(self, uri: str, *, store: str = "all") -> Any:
        return await self.call("GET", uri, store=store)

    async def send(self, outgoing: Outgoing, entities: Sequence[Json]) -> list[Any]:
        """Sends entities as the configuration says, one request each; returns the responses."""
        found = []
        for entity in entities:
            response = await self.session.client("shop")(outgoing.request_for(entity, {}))
            assert response.status == 200, response.body
            found.append(json.loads(response.body))
        return found

    def current(self, outgoing: Outgoing, *, remembers: bool = False) -> CurrentValues:
        address, now = store_address(outgoing, self.session), self.bench.machine.now
        return CurrentValues(outgoing, self._counted, remembers=remembers, address=address, now=now)

    async def plan(self, outgoing: Outgoing, entities: Sequence[Json]) -> list[EntityChange]:
        return await self.current(outgoing, remembers=True).read(entities)

    async def actions(self, outgoing: Outgoing, entities: Sequence[Json]) -> list[str]:
        return [each.action for each in await self.plan(outgoing, entities)]

    async def run(
        self,
        outgoing: Outgoing,
        entities: Sequence[Json] | EntitySource,
        *,
        full: bool = True,
        compare: Compare | None = None,
    ) -> Summary:
        """A run that sends these entities through the configuration, and records former values."""
        if isinstance(entities, Sequence):
            entities = UndoSource([SourceEntity(line, each) for line, each in enumerate(entities, start=1)])
        environment = OutgoingEnvironment(
            self.session,
            self.bench.exchanges,
            self.bench.machine,
            "sent",
            self.directory / "shop.toml",
            self.ledger,
            compare=compare,
            source=entities,
        )
        return await OutgoingRun(outgoing, OutgoingOptions(full=full), environment, RunNotes()).execute()

    @property
    def ledger(self) -> Path:
        return self.directory / "ledgers" / "sent.sqlite"

    async def undo(self, outgoing: Outgoing, *, delete_created: bool = True) -> UndoPlan:
        """Undoes the last run, and checks that nothing is left to be undone."""
        with TaskReader(self.ledger) as reader:
            number = reader.run_to_undo(None).id
        plan = await self.undo_plan(outgoing, number)
        for sender, source in undo_steps(outgoing, plan, number, delete_created=delete_created):
            summary = await self.run(sender, source)
            assert summary.failed == 0, summary
        again = await self.undo_plan(outgoing, number)
        assert not_restored(plan, again, deletes=delete_created) == []
        assert again.restored == []
        assert again.created == [] or not delete_created
        return plan

    async def undo_plan(self, outgoing: Outgoing, run: int | None = None) -> UndoPlan:
        with TaskReader(self.ledger) as reader:
            number = reader.run_to_undo(run).id
            tasks = list(reader.tasks(number))
        compare = outgoing.compare.resolved if outgoing.compare is not None else None
        current = self.current(outgoing) if compare is not None and compare.request is not None else None
        recreates = compare.recreate if compare is not None else []
        deleted = deleted_by_undo(self.ledger, number, recreates[0].name) if recreates else []
        return await undo_plan(tasks, outgoing, current, lambda read: read(), deleted)

    async def _counted(self, request: Request) -> Response:
        self.requests.append(request)
        return await self.session.client("shop")(request)

    def tasks(self) -> list[Task]:
        """The tasks of the last run."""
        with TaskReader(self.ledger) as reader:
            return list(reader.tasks(reader.run(None).id))


@asynccontextmanager
async def connected(
    sandbox: Sandbox, machine: Machine, directory: Path, integration: str = "full"
) -> AsyncIterator[ComparedStore]:
    """A client "shop" of the sandbox, with one of its integrations."""
    bench = Workbench(machine, directory=directory)
    bench.vault.hold(TOKEN, full(sandbox, integration)["access-token"], sandbox.url)
    saved = profile(f"{sandbox.url}/rest/all/V1", bearer())
    async with bench.session(saved) as session:
        yield ComparedStore(sandbox, session, bench, directory)
    bench.close()
