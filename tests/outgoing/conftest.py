"""What tests of outgoing configurations share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from compared_store import ComparedStore
from profiles import TOKEN, bearer, full, profile
from runs import BEARER

from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions


async def _at_once(seconds: float) -> None:
    """Waits are over at once."""
    await asyncio.sleep(0)


@pytest.fixture
async def store(machine: Machine, tmp_path: Path) -> AsyncIterator[ComparedStore]:
    """A sandbox with a client "shop" that may do everything in it."""
    options = SandboxOptions(products=60, settings=BEARER)
    async with Sandbox(options, lambda: datetime(2026, 11, 29, tzinfo=UTC)) as sandbox:
        bench = Workbench(replace(machine, sleep=_at_once), directory=tmp_path)
        bench.vault.hold(TOKEN, full(sandbox)["access-token"], sandbox.url)
        saved = profile(f"{sandbox.url}/rest/all/V1", bearer())
        async with bench.session(saved) as session:
            yield ComparedStore(sandbox, session, bench, tmp_path)
        bench.close()
