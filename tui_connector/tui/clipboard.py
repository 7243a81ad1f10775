"""Copies text so that it arrives, and says by which way it went."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..files import reason, state_remedy, write_private
from ..machine import child_environment

if TYPE_CHECKING:
    from textual.app import App

    from ..machine import Machine

_DEADLINE = 2.0


async def copy(text: str, app: App[object], machine: Machine) -> str:
    """Copies by tmux where it runs in one (it drops the terminal's own way without a word), else by OSC 52.

    Always also into the file `last-copy`. Returns the sentence that says all of it.
    """
    ways = []
    if machine.environ.get("TMUX") and await _by_tmux(text, machine):
        ways.append("by tmux (prefix ])")
    else:
        app.copy_to_clipboard(text)
        ways.append("to the terminal's clipboard")
    path = machine.directories.state / "last-copy"
    try:
        await asyncio.to_thread(write_private, path, text.encode(errors="surrogateescape"))
    except OSError as error:
        return f"Copied {' and '.join(ways)}. {path} could not be written: {reason(error)}. {state_remedy(error)}"
    ways.append(f"into {path}")
    return f"Copied {' and '.join(ways)}."


async def _by_tmux(text: str, machine: Machine) -> bool:
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
