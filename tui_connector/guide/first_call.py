"""The proof at the end of the guide: a new process calls the store with the saved profile."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class FirstCall:
    """A command, and what came of it."""

    command: str
    ok: bool
    body: str
    log: str


def commands(name: str, uri: str, runnable: Sequence[str] = ()) -> list[str]:
    """Commands that work with the saved profile, the first one first; `runnable` are the incoming that can be run."""
    quoted = shlex.quote(name)
    runs = [f"tui-connector run {quoted} {shlex.quote(each)}" for each in runnable[:1]]
    return [
        f"tui-connector request {quoted} GET {shlex.quote(uri)}",
        *runs,
        f"tui-connector check {quoted}",
        f"tui-connector setup {quoted}",
    ]


async def first_call(
    profile: str, uri: str, environ: Mapping[str, str], profile_directory: Path | None = None
) -> FirstCall:
    """Runs `request PROFILE GET URI` in a new process of this program."""
    options = ["--profile-dir", str(profile_directory)] if profile_directory else []
    arguments = [*options, "request", profile, "GET", uri, "--log", "long"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tui_connector",
        *arguments,
        env=dict(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        body, log = await asyncio.wait_for(process.communicate(), _DEADLINE)
    except TimeoutError:
        process.kill()
        await process.communicate()  # read to its end: a full pipe would keep asyncio waiting
        return FirstCall(shlex.join(["tui-connector", *arguments]), False, "", f"no end within {_DEADLINE:g} s")
    shown = shlex.join(["tui-connector", *options, "request", profile, "GET", uri])
    return FirstCall(shown, process.returncode == 0, body.decode("utf-8", "replace"), log.decode("utf-8", "replace"))
