"""The timers of the program wait while its user is in another program."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import monotonic

from tui_connector.machine import Machine
from tui_connector.tui.event_loop import run_program


def test_what_its_user_does_in_an_editor_is_not_part_of_a_timeout(machine: Machine) -> None:
    passed = 0.0
    machine = replace(machine, monotonic=lambda: monotonic() + passed)

    async def work() -> None:
        nonlocal passed
        async with asyncio.timeout(60):
            with machine.at_standstill():
                passed += 100
            await asyncio.to_thread(int)
        asyncio.get_running_loop().call_later(60, ended.set)
        passed += 100
        await ended.wait()  # any other time counts

    ended = asyncio.Event()
    run_program(work(), machine.working)
