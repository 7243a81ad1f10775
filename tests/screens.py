"""What a program under test shows: its screen as lines of text, waited for with a deadline."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from typing import Any

_DEADLINE = 60.0


def shown(app: Any) -> str:
    """The screen as text, line by line."""
    picture = app.export_screenshot()
    lines: dict[float, str] = {}
    for y, text in re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>([^<]*)</text>', picture):
        lines[float(y)] = lines.get(float(y), "") + html.unescape(text).replace("\xa0", " ")
    return "\n".join(lines[y] for y in sorted(lines))


async def until(pilot: Any, condition: Callable[[], bool]) -> None:
    """Waits until this holds, and until a button that was just pressed would take another Enter."""
    deadline = time.monotonic() + _DEADLINE
    while not condition() or pilot.app.screen.query("Button.-active"):
        if time.monotonic() > deadline:
            focus = pilot.app.screen.focused
            raise AssertionError(f"it did not come to that; the focus is on {focus!r}:\n{shown(pilot.app)}")
        await pilot.pause(0.02)


async def until_shown(pilot: Any, text: str) -> str:
    """Waits until the screen shows this, and gives the screen."""
    await until(pilot, lambda: text in shown(pilot.app))
    return shown(pilot.app)


async def press_and_see(pilot: Any, key: str, text: str) -> str:
    """Leaves the field, presses this key, and gives the screen once it shows the text."""
    await pilot.press("escape", key)
    return await until_shown(pilot, text)
