"""Running sandbox stores that end with their test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sandbox_client import BEARER, Clock, Starter, Store

from tui_connector.sandbox.server import Sandbox, SandboxOptions


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def start(clock: Clock) -> AsyncIterator[Starter]:
    """Starts sandboxes that end with the test: `start(products=…, settings=…)`."""
    async with AsyncExitStack() as stack:

        async def started(**options: Any) -> Store:
            options.setdefault("products", 50)
            sandbox = await stack.enter_async_context(Sandbox(SandboxOptions(**options), clock.now))
            return Store(sandbox, clock)

        yield started


@pytest.fixture
async def store(start: Starter) -> Store:
    """A store whose integrations may be used as bearer tokens."""
    return await start(settings={BEARER: "1"})
