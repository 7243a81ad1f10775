"""What tests of runs share."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from postgres import postgres, postgres_cluster

from tui_connector.machine import Machine

__all__ = ["impatient", "postgres", "postgres_cluster"]


@pytest.fixture
def impatient(machine: Machine) -> Machine:
    """Waits are over at once, and time passes as if they had not been."""
    passed = [0.0]

    async def sleep(seconds: float) -> None:
        passed[0] += seconds
        await asyncio.sleep(0)

    return replace(machine, sleep=sleep, monotonic=lambda: machine.monotonic() + passed[0])


@pytest.fixture
def timeless(machine: Machine) -> Machine:
    """No time passes while a run reads, so that the mark is the newest date."""
    now, monotonic = machine.now(), machine.monotonic()
    return replace(machine, now=lambda: now, monotonic=lambda: monotonic)
