"""The test at the end of the guide: a new process sends a request with the saved profile."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...machine import PROXY_VARIABLES, child_environment
from ...secrets.command import variables_of
from ...secrets.source import SecretSource

_DEADLINE = 60.0
_REQUEST = "modules"
"""The URI of the request; every token may send it."""
_PUBLIC = "directory/currency"
"""That of a request which needs no authentication."""
_OWN = (*PROXY_VARIABLES, "PYTHONPATH", "PYTHON_KEYRING_BACKEND", "TUI_CONNECTOR_TRUST", "TUI_CONNECTOR_PROFILE_DIR")
"""Environment variables of this program itself."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """A command and its result."""

    command: str
    ok: bool
    body: str
    log: str


def commands(
    name: str,
    reads: Sequence[str] = (),
    sends: Sequence[str] = (),
    both: Container[str] = (),
    *,
    is_anonymous: bool = False,
) -> dict[str, str]:
    """Commands that work with the saved profile, with what each does; `reads` and `sends`: what can be run.

    `both`: names of an incoming and an outgoing at the same time; a command to read these must not send.
    `is_anonymous`: the client has no authentication.
    """
    quoted = shlex.quote(name)
    found = {f"tui-connector request {quoted} GET {_PUBLIC if is_anonymous else _REQUEST}": "send one request"}
    for each in reads[:3]:
        only = " --direction incoming" if each in both else ""
        found[f"tui-connector run {quoted} {shlex.quote(each)}{only}"] = f"read {each}"
    found |= {f"tui-connector run {quoted} {shlex.quote(each)} --plan": f"plan sending {each}" for each in sends[:3]}
    return found | {f"tui-connector check {quoted}": "diagnose the setup"}


async def first_call(
    profile: str,
    environ: Mapping[str, str],
    profile_directory: Path | None = None,
    secrets: Iterable[SecretSource] = (),
    session: str = "",
) -> FirstCall:
    """Runs `request PROFILE GET modules` in a new process of this program.

    It loads no Python file of the working directory, and sees of the environment what a program needs and what the
    `secrets` of the profile are read from. `session`: of the history, to which the request belongs.
    """
    options = ["--profile-dir", str(profile_directory)] if profile_directory else []
    arguments = [*options, "request", profile, "GET", _REQUEST, "--log", "long"]
    arguments += ["--session", session] if session else []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "tui_connector",
        *arguments,
        env=_environment(environ, secrets),
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
    shown = shlex.join(["tui-connector", *options, "request", profile, "GET", _REQUEST])
    return FirstCall(shown, process.returncode == 0, body.decode("utf-8", "replace"), log.decode("utf-8", "replace"))


def _environment(environ: Mapping[str, str], secrets: Iterable[SecretSource]) -> dict[str, str]:
    found = child_environment(environ, also=[*_OWN, *(name for each in secrets for name in variables_of(each))])
    if "PYTHONPATH" in found:  # a relative entry is a folder of wherever the program was started
        entries = found["PYTHONPATH"].split(os.pathsep)
        found["PYTHONPATH"] = os.pathsep.join(each for each in entries if os.path.isabs(each))
    return found
