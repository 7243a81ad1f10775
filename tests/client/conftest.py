"""Sessions for tests, on a workbench of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine


@pytest.fixture
async def workbench(machine: Machine) -> AsyncIterator[Workbench]:
    bench = Workbench(machine)
    yield bench
    bench.close()
