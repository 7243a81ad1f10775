"""Copies text by tmux or OSC 52, and to a file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..files import reason, state_remedy, write_private
from ..machine import child_environment

if TYPE_CHECKING:
    from textual.app import App

    from ..machine import Machine

_DEADLINE = 2.0


async def copy(text: str, what: str, app: App[object], machine: Machine) -> str:
    """Copies by tmux where the app runs in it (tmux silently drops OSC 52), otherwise by OSC 52.

    Also writes the file `last-copy`. Returns a sentence that names all targets, and `what` was copied.
    """
    targets = []
    if machine.environ.get("TMUX") and await _copy_by_tmux(text, machine):
        targets.append("to the tmux buffer (prefix ])")
    else:
        app.copy_to_clipboard(text)
        targets.append("to the terminal's clipboard")
    path = machine.directories.state / "last-copy"
    try:
        await asyncio.to_thread(write_private, path, text.encode(errors="surrogateescape"))
    except OSError as error:
        problem = f"{path} could not be written: {reason(error)}. {state_remedy(error)}"
        return f"Copied {what} {' and '.join(targets)}. {problem}"
    targets.append(f"to {path}")
    return f"Copied {what} {' and '.join(targets)}."


async def _copy_by_tmux(text: str, machine: Machine) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            *("tmux", "load-buffer", "-w", "-"),
            env=child_environment(machine.environ, also=("TMUX", "TMUX_")),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(_DEADLINE):
            await process.communicate(text.encode())
    except (OSError, TimeoutError):
        return False
    return process.returncode == 0
