"""Questions that come up while a request is made, asked over the screen."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from textual.app import App
from textual.screen import Screen

from .confirm import AllowScreen, LineScreen

T = TypeVar("T")


class ScreenAsk:
    """Asks the user of this program."""

    def __init__(self, app: App[None]) -> None:
        self._app = app

    async def secret(self, label: str) -> str:
        return await self._answer(LineScreen(f"{label}:", secret=True)) or ""

    async def allow(self, question: str) -> bool:
        answer: bool | None = await self._answer(AllowScreen(question))
        return bool(answer)

    async def _answer(self, screen: Screen[T]) -> T | None:
        """What was answered; None where the screen was left."""
        answered: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def take(answer: T | None) -> None:
            if not answered.done():
                answered.set_result(answer)

        self._app.push_screen(screen, take)
        return await answered
