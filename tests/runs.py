"""Runs for tests: an incoming of a store, read into a file, and the notes of the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from listing import Listing
from profiles import TOKEN

from tui_connector.client.wire import OF_A_RUN
from tui_connector.guide.checks.run_findings import explainer
from tui_connector.guide.workbench import Workbench
from tui_connector.incoming.run import Run
from tui_connector.incoming.start import RunEnvironment, RunLocation, RunOptions
from tui_connector.machine import Machine
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data
from tui_connector.runs.ledger import FailedRecord, Ledger, ledger_file
from tui_connector.runs.progress import Progress, Summary
from tui_connector.sandbox.server import Sandbox

BEARER = {"oauth/consumer/enable_integration_as_bearer": "1"}
KEYSET = {"kind": "keyset", "filter": "entity_id", "field": "id", "page-size": 10}
NUMBERS = {"kind": "search-criteria", "order": "entity_id", "page-size": 10}


@dataclass
class RunNotes:
    """What a run tells; `at` is called at each progress."""

    at: Callable[[Progress], None] = lambda progress: None
    notes: list[str] = field(default_factory=list)
    records: list[FailedRecord] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    """Those with a code, and the code."""

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None:
        self.notes.append(text)
        if code:
            self.warnings.append((code, text))

    def failed(self, record: FailedRecord) -> None:
        self.records.append(record)

    def progress(self, progress: Progress) -> None:
        self.at(progress)


@dataclass
class Shop:
    """A profile with one incoming, and where it is run."""

    directory: Path
    machine: Machine
    url: str
    incoming: dict[str, Any]
    token: str | None = None
    plugins: tuple[dict[str, Any], ...] = ()
    timeout: str = "5s"
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Other incomings of the profile, among them parents."""
    name: str = "items"
    """Of the incoming."""
    bench: Workbench = field(init=False)

    def __post_init__(self) -> None:
        self.bench = Workbench(self.machine, directory=self.directory)
        if self.token:
            self.bench.vault.hold(TOKEN, self.token, self.url)

    @property
    def file(self) -> Path:
        return self.directory / "shop.toml"

    @property
    def ledger(self) -> Path:
        return ledger_file(self.machine.directories.state, self.file, self.name)

    @property
    def path(self) -> Path:
        return self.directory / "items.jsonl"

    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def ids(self) -> list[int]:
        return [item["id"] for item in self.items()]

    def profile(self, changes: dict[str, Any]) -> Profile:
        data: dict[str, Any] = {
            "format": 1,
            "name": "Shop",
            "authentications": {"a": {"kind": "bearer", "token": {"keyring": TOKEN}}} if self.token else {},
            "clients": {
                "shop": {
                    "authentications": ["a"] if self.token else [],
                    "timeout": self.timeout,
                    "plugins": [{"kind": "base-uri", "uri": f"{self.url}/rest/all/V1"}, *self.plugins],
                }
            },
            "incoming": {
                self.name: {
                    "client": "shop",
                    "request": {"uri": "products"},
                    "items": "items",
                    "identifier": "sku",
                    "pagination": KEYSET,
                    "sink": {"kind": "jsonl", "path": "items.jsonl"},
                    **self.incoming,
                    **changes,
                }
            },
        }
        incoming = data["incoming"]
        incoming[self.name] = {name: each for name, each in incoming[self.name].items() if each is not None}
        data["incoming"] |= {name: {"client": "shop", **each} for name, each in self.others.items()}
        found, problems = check_data(data)
        assert found is not None, problems
        return found

    async def run(
        self,
        wanted: RunOptions | None = None,
        told: RunNotes | None = None,
        on_run: Callable[[Run], None] = lambda run: None,
        **changes: Any,
    ) -> Summary:
        """One run; `on_run` gets it before it begins, to stop it later."""
        saved = self.profile(changes)
        async with self.bench.session(saved, OF_A_RUN) as session:
            place = RunLocation(self.name, self.file, self.ledger)
            explain = explainer(saved, saved.incoming[self.name].client)
            surroundings = RunEnvironment(
                session, self.bench.exchanges, self.machine, place, explain, incomings=saved.incoming
            )
            run = Run(saved.incoming[self.name], wanted or RunOptions(), surroundings, told or RunNotes())
            on_run(run)
            return await run.execute()

    def failures(self) -> list[FailedRecord]:
        with Ledger(self.ledger) as ledger:
            last = ledger.last()
            assert last is not None
            return ledger.failures(last.id)


def in_sandbox(sandbox: Sandbox, directory: Path, machine: Machine, **incoming: Any) -> Shop:
    integrations = sandbox.description()["integrations"]
    assert isinstance(integrations, dict)
    return Shop(directory, machine, sandbox.url, incoming, integrations["full"]["access_token"])


def shop(store: Listing, directory: Path, machine: Machine, **incoming: object) -> Shop:
    return Shop(directory, machine, store.url, dict(incoming))
