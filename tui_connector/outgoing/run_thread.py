"""The thread of a run, in which everything that blocks is done in order, and its ledger there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .task_ledger import TaskLedger
from .tasks import Task, TaskRun, TaskState, TaskUpdate

T = TypeVar("T")


class RunThread:
    """Runs the blocking work of one run, in one thread, in order."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"send {name}")

    async def __call__(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def close(self) -> None:
        self._thread.shutdown(wait=False)


class LedgerInThread:
    """The ledger of a run, used in the run's own thread."""

    def __init__(
        self,
        ledger: TaskLedger,
        run: TaskRun,
        in_thread: RunThread,
        clock: Callable[[], str],
        costs: Callable[[], tuple[int, int, float]],
    ) -> None:
        """`costs`: requests, retries and seconds so far."""
        self._ledger, self._run, self._in_thread, self._clock, self._costs = ledger, run, in_thread, clock, costs

    async def window(self, state: TaskState, after: int, limit: int) -> list[Task]:
        return await self._in_thread(self._ledger.window, self._run.id, state, after, limit)

    async def step(self, updates: Sequence[TaskUpdate]) -> None:
        await self._in_thread(self._ledger.step, self._run.id, updates, self._clock(), *self._costs())
