"""Tells the command or the webhook in a profile's `on-failure` about a run that failed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..client.message import RequestFailed
from ..client.session import Session
from ..client.spans import seconds
from ..errors import UserError
from ..profile.model import Profile
from ..profile.on_failure import OnFailure
from ..secrets.capability import ResolvedCommand
from ..secrets.command import command_environment, home_of
from ..templates import Json, PlaceholderError, Scope
from ..text import json_text, without_secrets
from .workbench import Workbench

_SHOWN = 1_000
"""Characters of a failed command's output that are reported."""
_MAX_OUTPUT = 1_000_000
_POLL = 0.1
"""Seconds between two looks at how much a command has printed."""


class AlertFailed(UserError):
    """The command or the webhook of `on-failure` did not succeed."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__("on-failure", message, hint)


async def report_failure(
    profile: Profile, path: Path, figures: Mapping[str, object], session: Session, workbench: Workbench
) -> str:
    """Tells the profile's `on-failure`, if it has one, about a run that failed; returns why it could not, or ""."""
    if profile.on_failure is None:
        return ""
    whose = {"profile": path.stem, "store": profile.name, "environment": profile.environment_label}
    try:
        await alert(profile.on_failure, {**whose, **figures}, session, workbench)
    except UserError as failed:  # also a secret that is missing
        return f"on-failure: {failed}"
    return ""


async def alert(on_failure: OnFailure, summary: Mapping[str, object], session: Session, workbench: Workbench) -> None:
    """Sends the summary of a failed run, without secrets. Raises `AlertFailed`."""
    text = json_text(summary)
    try:
        async with asyncio.timeout(seconds(on_failure.timeout)):
            if on_failure.command is not None:
                await _run(on_failure, on_failure.command, text, session, workbench)
            else:
                await _send(on_failure, json.loads(text), session, workbench)
    except TimeoutError:
        what = on_failure.command[0] if on_failure.command is not None else "the webhook"
        raise AlertFailed(f"{what} did not finish within {on_failure.timeout}") from None


async def _send(on_failure: OnFailure, summary: Json, session: Session, workbench: Workbench) -> None:
    template = on_failure.sent_request
    try:
        request = template.request(Scope(summary, workbench.run()))
    except PlaceholderError as error:
        raise AlertFailed(f"the request cannot be created: {error}") from error
    if request.header("Content-Type") is None:
        request = request.with_header("Content-Type", "application/json")
    try:
        response = await session.client(on_failure.client)(request)
    except RequestFailed as error:
        raise AlertFailed(f"the webhook got no response: {error.message}", error.hint) from error
    if not template.is_expected(response.status):
        raise AlertFailed(f"the webhook responded with status {response.status} (request #{response.exchange})")


async def _run(on_failure: OnFailure, written: list[str], text: str, session: Session, workbench: Workbench) -> None:
    environ = workbench.machine.environ
    named = on_failure.environment or []
    command = await asyncio.to_thread(ResolvedCommand.of, written, named, workbench.directory, environ)
    if not session.grants.has(command.capability):
        raise AlertFailed(
            f"the command {written[0]} or a file it uses is not the one that was trusted",
            "Review what has changed, then allow it: tui-connector trust PROFILE.",
        )
    if command.unverifiable:
        raise AlertFailed(
            f"the command {written[0]} is not run: the content of {command.unverifiable} cannot be verified"
        )
    # files, not pipes: what the command leaves running in the background must not keep the run waiting
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
        given.write(text.encode() + b"\n")
        given.seek(0)
        await _finished(command, command_environment(command, environ), given, printed)


async def _finished(
    command: ResolvedCommand, environment: Mapping[str, str], given: IO[bytes], printed: IO[bytes]
) -> None:
    name = command.argv[0]
    try:
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=given,
            stdout=printed,
            stderr=printed,
            start_new_session=True,
            env=dict(environment),
            cwd=home_of(environment),
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise AlertFailed(f"the command {name} cannot be started: {reason}") from error
    ended = asyncio.ensure_future(process.wait())
    try:
        while not (await asyncio.wait([ended], timeout=_POLL))[0]:
            if os.fstat(printed.fileno()).st_size > _MAX_OUTPUT:
                raise AlertFailed(f"the command {name} printed more than 1 MB, and was ended")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        status = await ended
    if status:
        printed.seek(0)
        # before it is cut, so that no half of a secret is left
        said = without_secrets(printed.read(_MAX_OUTPUT).decode("utf-8", "replace"))[-_SHOWN:].strip()
        raise AlertFailed(f"the command {name} exited with status {status}{': ' + said if said else ''}")
