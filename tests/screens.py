"""Reads the screen of an app under test as text, and waits for conditions with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from textual._context import visible_screen_stack

_DEADLINE = 15.0


def shown(app: Any) -> str:
    """The screen as lines of text, as the compositor would draw it now."""
    visible_screen_stack.set(app._background_screens)
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


async def until(pilot: Any, condition: Callable[[], bool]) -> None:
    """Waits until the condition holds and no button is still shown as pressed, so that Enter works on it again."""
    deadline = time.monotonic() + _DEADLINE
    while not condition() or pilot.app.screen.query("Button.-active"):
        if time.monotonic() > deadline:
            focus = pilot.app.screen.focused
            raise AssertionError(f"condition not met; focus is on {focus!r}:\n{shown(pilot.app)}")
        await asyncio.sleep(0.01)


async def until_shown(pilot: Any, text: str) -> str:
    """Waits until the screen shows this text; returns the screen."""
    await until(pilot, lambda: text in shown(pilot.app))
    return shown(pilot.app)


async def press_and_see(pilot: Any, key: str, text: str) -> str:
    """Leaves the field, presses a key, and waits for a text; returns the screen."""
    await pilot.press("escape", key)
    return await until_shown(pilot, text)
