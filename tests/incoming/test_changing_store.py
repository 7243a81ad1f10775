"""A run over a store that others change meanwhile: products come, go and are edited through the store's interface."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from runs import BEARER, KEYSET, NUMBERS, in_sandbox
from yarl import URL

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions

CHANGES = 1_000
PRODUCTS = 1_000
IN_BETWEEN = 12
"""Changes before each request of the run."""


@dataclass
class Editor:
    """Someone else who works in the store."""

    http: aiohttp.ClientSession
    base: str
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    made: dict[str, int] = field(default_factory=lambda: {"POST": 0, "PUT": 0, "DELETE": 0})
    skus: list[str] = field(default_factory=list)

    async def catalogue(self) -> dict[str, dict[str, Any]]:
        """What the store has now, by sku."""
        async with self.http.get(f"{self.base}?searchCriteria[pageSize]={2 * PRODUCTS}") as response:
            found = {item["sku"]: item for item in (await response.json())["items"]}
        self.skus = list(found)
        return found

    async def change(self) -> None:
        method = self.chance.choice(list(self.made))
        self.made[method] += 1
        if method == "POST":
            sku = f"NEW-{self.made[method]}"
            product: dict[str, Any] = {"sku": sku, "name": f"New {sku}", "attribute_set_id": 4, "price": 1}
            await self._send(method, "", product)
            self.skus.append(sku)
            return
        place = self.chance.randrange(len(self.skus))
        sku = self.skus.pop(place) if method == "DELETE" else self.skus[place]
        await self._send(
            method, f"/{quote(sku, safe='')}", {"price": self.chance.randrange(1, 100)} if method == "PUT" else None
        )

    async def _send(self, method: str, path: str, product: dict[str, Any] | None) -> None:
        address = URL(self.base + path, encoded=True)
        async with self.http.request(method, address, json=product and {"product": product}) as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def editing(sandbox: Sandbox) -> AsyncIterator[Editor]:
    integrations: Any = sandbox.description()["integrations"]
    rights = {"Authorization": f"Bearer {integrations['full']['access_token']}"}
    async with aiohttp.ClientSession(headers=rights) as http:
        yield Editor(http, f"{sandbox.url}/rest/all/V1/products")


def changing(machine: Machine, editor: Editor) -> Machine:
    """A machine on which the rate limit's waits are spent by the editor."""
    passed = [0.0]

    async def sleep(seconds: float) -> None:
        left = CHANGES - sum(editor.made.values())
        await asyncio.gather(*(editor.change() for _ in range(min(IN_BETWEEN, left))))
        passed[0] += seconds

    return replace(machine, sleep=sleep, monotonic=lambda: machine.monotonic() + passed[0])


@dataclass
class Read:
    """What a run had to read, and what it read."""

    made: dict[str, int]
    missing: int
    doubled: int
    remarks: tuple[str, ...]
    state: str
    reason: str
    corrected: bool = False
    """Whether a second run, over what has changed since the first began, brought all that differed."""


async def read_while_it_changes(directory: Path, machine: Machine, **incoming: Any) -> Read:
    async with (
        Sandbox(SandboxOptions(products=PRODUCTS, settings=BEARER), machine.now) as sandbox,
        editing(sandbox) as editor,
    ):
        before = await editor.catalogue()
        reader = in_sandbox(sandbox, directory, changing(machine, editor), **incoming)
        reader.plugins = ({"kind": "rate-limit", "requests": 1, "span": "1s"},)
        summary = await reader.run()
        after = await editor.catalogue()
        ids = reader.ids()
        always = {before[sku]["id"] for sku in before.keys() & after.keys()}
        read = Read(
            editor.made,
            len(always - set(ids)),
            len(ids) - len(set(ids)),
            summary.remarks,
            summary.state,
            summary.reason,
        )
        if "incremental" in incoming:
            assert (await reader.run()).items < PRODUCTS
            last = {item["sku"]: item for item in reader.items()}
            read.corrected = {sku: last.get(sku) for sku in after} == after
        return read


async def test_no_item_is_lost_or_doubled_while_the_catalogue_changes(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """With page numbers, what they warn of happens: rows move from one page to another, past the reader."""
    changed = {"incremental": {"field": "updated_at"}}
    for name in ("keyset", "numbers"):
        (tmp_path / name).mkdir()
    by_id = await read_while_it_changes(tmp_path / "keyset", machine, pagination=KEYSET, **changed)
    by_number = await read_while_it_changes(tmp_path / "numbers", machine, pagination=NUMBERS)
    with capsys.disabled():
        print(f"\nkeyset: {by_id}\npage numbers: {by_number}")
    for read in (by_id, by_number):
        assert sum(read.made.values()) == CHANGES
    assert (by_id.missing, by_id.doubled, by_id.corrected) == (0, 0, True)
    assert by_number.missing > 0
    assert by_id.remarks == ()
    assert (by_id.state, by_number.state) == ("complete", "incomplete")
    assert "became shorter" in by_number.reason
