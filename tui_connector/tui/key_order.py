"""Keys one after another: each acts on what the ones before it have led to.

Textual hands a key from widget to widget until one knows it, each in a task of its own. On a busy machine a later key
that the screen takes at once (Esc) would overtake it, and the first would then act on what has the focus by then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from textual import events
from textual.app import App

from .behind import behind

_LOOK, _LOOKS = 0.1, 10
"""Seconds between two looks whether a key has arrived, and how many of them are waited for one that does not.

Not a time alone: when the whole program stood still for long, the key has not had its turn for as long.
"""


class KeyOrder:
    """Holds a key or a paste back while the one before it is on its way through the widgets."""

    def __init__(self, app: App[None], handle: Callable[[events.Event], Awaitable[None]]) -> None:
        """`handle` is what the program does with a key whose turn it is."""
        self._app, self._handle = app, handle
        self._waiting: deque[events.Event] = deque()
        self._on_its_way: events.Event | None = None

    async def take(self, event: events.Event) -> None:
        """Handles it, now or in its turn."""
        self._waiting.append(event)
        if self._on_its_way is None:
            await self._go_on()

    async def _go_on(self) -> None:
        while self._waiting and self._on_its_way is None:
            if not self._app.screen_stack:  # the program is ending, and nothing is left to act on
                self._waiting.clear()
                return
            event = self._waiting.popleft()
            await self._handle(event)
            if event.is_forwarded and self._app.screen_stack:
                self._on_its_way = event
                behind(self._app.focused or self._app.screen, self._app, partial(self._done, event))
                self._look(event, _LOOKS)

    def _look(self, event: events.Event, more: int) -> None:
        if event is not self._on_its_way:
            return
        if more:
            asyncio.get_running_loop().call_later(_LOOK, self._look, event, more - 1)
        else:  # a widget that is not done with a key holds up no other
            self._app.call_later(self._done, event)

    async def _done(self, event: events.Event) -> None:
        if event is self._on_its_way:
            self._on_its_way = None
            await self._go_on()
