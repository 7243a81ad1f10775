"""Waits for a store that is away, in maintenance or behind a lost network, as long as the run's patience lasts.

One request looks whether the store is back; all others stand at the gate meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ..machine import Machine
from .duration import duration
from .trouble import InTrouble, Means, Trouble

_FIRST = 1.0
_LONGEST = 30.0
"""Seconds between two looks, doubled from the first; a store that asks for more gets more."""


class Patience:
    """Shared by all requests of a run."""

    def __init__(self, machine: Machine, limit: float, on_wait: Callable[[Trouble, float], None]) -> None:
        """`limit`: seconds to wait in all for one absence; `on_wait` is told of each wait and its seconds."""
        self._machine, self._limit, self._on_wait = machine, limit, on_wait
        self._open = asyncio.Event()
        self._open.set()
        self._looking: asyncio.Task[object] | None = None
        self._since: float | None = None
        self._pause = _FIRST

    async def gate(self) -> None:
        """Lets through whoever may send now."""
        while self._looking not in (None, asyncio.current_task()):
            await self._open.wait()

    async def wait(self, trouble: Trouble, *, begun: bool) -> None:
        """Waits before the next look. Raises `InTrouble` at the end of the patience.

        A store that has not answered at all since the run began may have a wrong address: that is said at once. And
        one that gives no answer to be read, however long it is waited for, is not asked for less: it is away.
        """
        now = self._machine.monotonic()
        if trouble.status is None and not begun:
            raise InTrouble(trouble)
        if self._looking not in (None, asyncio.current_task()):
            return
        self._looking = asyncio.current_task()
        self._open.clear()
        self._since = now if self._since is None else self._since
        pause = max(self._pause, trouble.wait or 0.0)  # no store can ask for more requests than it gets anyway
        if now + pause - self._since > self._limit:
            message = f"{trouble.message}; {self._why_no_longer(trouble, now - self._since)}"
            raise InTrouble(replace(trouble, means=Means.WAIT, message=message))
        self._pause = min(_LONGEST, self._pause * 2)
        self._on_wait(trouble, pause)
        await self._machine.sleep(pause)

    def _why_no_longer(self, trouble: Trouble, waited: float) -> str:
        patience = f"the incoming's patience is {duration(self._limit)}"
        so_far = f"{duration(waited)} have passed, and " if waited >= 1 else ""
        if trouble.wait is not None and trouble.wait > self._pause:
            return f"it asks to wait {duration(trouble.wait)}; {so_far}{patience}"
        return so_far + patience

    def over(self) -> None:
        """A page came: the store is there."""
        self._since, self._pause = None, _FIRST

    def leave(self) -> None:
        """This task is done, whether the store is back or not; if it was the one that looks, another may."""
        if self._looking is asyncio.current_task():
            self._looking = None
            self._open.set()
