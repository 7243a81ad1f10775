"""A run that is killed, in a folder of its own with its profile and its state."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fork_server
from sending import Store

from tui_connector.outgoing.task_ledger import TaskReader, last_task_run

KILLS = int(os.environ.get("TUI_CONNECTOR_KILLS", "3"))
"""How often each run is killed; 100 when it is measured."""

_PROFILE = """
format = 1
name = "Shop"
[clients.shop]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
[outgoing.stock]
client = "shop"
source = { kind = "jsonl", path = "stock.jsonl" }
identifier = "sku"
MORE
"""


@dataclass
class SendingFolder:
    """A profile with one outgoing and its state directory, in a folder of their own."""

    folder: Path
    environment: dict[str, str]

    def write(self, store: Store, more: str, skus: list[str]) -> None:
        self.folder.mkdir()
        (self.folder / "shop.toml").write_text(_PROFILE.replace("URL", store.server.url).replace("MORE", more))
        (self.folder / "stock.jsonl").write_text("".join(f"{json.dumps({'sku': sku})}\n" for sku in skus))
        self.environment = {**self.environment, "XDG_STATE_HOME": str(self.folder / "state")}

    async def start(self, *words: str, **options: Any) -> fork_server.AsyncProcess:
        words = ("--in-flight", "4", *words)
        return await fork_server.start(
            "run", "--trust", self.folder / "shop.toml", "stock", *words, env=self.environment, **options
        )

    def states(self) -> dict[str, str]:
        """The state of each task by its identifier; empty before there are any."""
        found = list((self.folder / "state").rglob("stock.sqlite"))
        if not found or not found[0].stat().st_size:
            return {}
        with TaskReader(found[0]) as reader:
            last = reader.last()
            return {} if last is None else {task.identifier: task.state for task in reader.tasks(last.id)}

    def is_complete(self) -> bool:
        """Whether the last run has ended."""
        found = last_task_run(next((self.folder / "state").rglob("stock.sqlite"), self.folder / "none"))
        return found is not None and found[0].state == "complete"


async def kill_until_done(folder: SendingFolder, store: Store, chance: random.Random, most: int = 60) -> int:
    """Kills runs after some requests, `most` at most, then lets one end; returns its exit code."""
    kills = 0
    while True:
        goal = len(store.sent) + chance.randint(1, most)
        process = await folder.start()
        ended = asyncio.ensure_future(process.wait())
        if kills < KILLS:
            reached = asyncio.ensure_future(store.until(goal))
            await asyncio.wait({ended, reached}, return_when=asyncio.FIRST_COMPLETED)
            reached.cancel()
        if kills < KILLS and not ended.done():
            process.kill()
            kills += 1
        code = await ended
        assert code in (0, 1, -signal.SIGKILL)
        if code != -signal.SIGKILL:
            return code
