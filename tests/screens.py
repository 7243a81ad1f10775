"""Reads the screen of an app under test as text, and waits for conditions with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual._context import visible_screen_stack

_PAUSE = 0.01
_LOOKS = 1_000
"""Ten seconds, and longer where the machine is busy: then each look takes longer."""


def shown(app: Any) -> str:
    """The screen as lines of text, as the compositor would draw it now."""
    visible_screen_stack.set(app._background_screens)
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


async def until(pilot: Any, condition: Callable[[], bool]) -> None:
    """Waits until the condition holds and no button is still shown as pressed, so that Enter works on it again."""
    for _ in range(_LOOKS):
        if condition() and not pilot.app.screen.query("Button.-active"):
            return
        await asyncio.sleep(_PAUSE)
    raise AssertionError(f"condition not met; focus is on {pilot.app.screen.focused!r}:\n{shown(pilot.app)}")


async def until_shown(pilot: Any, text: str) -> str:
    """Waits until the screen shows this text; returns the screen."""
    await until(pilot, lambda: text in shown(pilot.app))
    return shown(pilot.app)


async def press_and_see(pilot: Any, key: str, text: str) -> str:
    """Leaves the field, presses a key, and waits for a text; returns the screen."""
    await pilot.press("escape", key)
    return await until_shown(pilot, text)
