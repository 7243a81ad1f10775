"""The store that responses as a real one did, and the program's setup for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from recorded_store import RecordedStore, recorded_store
from recordings import needed

from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine


@pytest.fixture(autouse=True, scope="session")
def _recordings() -> None:
    needed()


@pytest.fixture
async def store() -> AsyncIterator[RecordedStore]:
    async with recorded_store() as started:
        yield started


@pytest.fixture
def workbench(machine: Machine) -> Iterator[Workbench]:
    bench = Workbench(machine)
    yield bench
    bench.close()
