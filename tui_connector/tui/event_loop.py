"""The event loop of the program, whose timers wait while the program is at a standstill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial


class WorkingLoop(asyncio.SelectorEventLoop):
    """Runs on the clock of a machine's `working`.

    By any other one, the requests in flight while its user is in an editor would time out as soon as that is closed,
    although their responses have arrived.
    """

    def __init__(self, working: Callable[[], float]) -> None:
        self._working = working
        super().__init__()

    def time(self) -> float:
        return self._working()


def run_program(program: Coroutine[object, object, object], working: Callable[[], float]) -> None:
    """Runs the program on a loop of its own, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=partial(WorkingLoop, working)) as runner:
        runner.run(program)
