"""A secret printed by a command, and the consent without which none is run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path

from .secret_error import SecretError

DEADLINE = 30.0
_MOST = 16_384
_LAST_WORDS = 5.0
"""Seconds for what a killed command had printed; a child of its own may hold its pipe open."""


class CommandRefused(Exception):
    """The command gave no usable secret; the message says why and holds nothing it printed."""


async def printed_by(argv: list[str], deadline: float = DEADLINE) -> str:
    """The first line a command prints, run without a shell, in a group of its own. Raises `CommandRefused`."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL, which no argument can have
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CommandRefused(f"cannot be started: {reason}") from error
    assert process.stdout is not None
    try:
        async with asyncio.timeout(deadline):
            output = b""
            while chunk := await process.stdout.read(_MOST + 1 - len(output)):
                output += chunk
                if len(output) > _MOST:
                    raise CommandRefused(f"printed more than {_MOST} bytes")
            status = await process.wait()
    except TimeoutError:
        raise CommandRefused(f"has not ended within {deadline:g} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                # read to its end: asyncio waits for a process until its pipe is empty, and for ever where nobody reads
                await asyncio.wait_for(process.communicate(), _LAST_WORDS)
    if status:
        raise CommandRefused(f"ended with status {status}")
    try:
        return output.decode().split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        raise CommandRefused("printed something that is not UTF-8") from None


class Consents:
    """Which commands may be run for which origin. A profile file is otherwise a program from anybody."""

    def __init__(self, state: Path) -> None:
        self._path = state / "consents.json"

    def allowed(self, argv: list[str], origin: str) -> bool:
        return [argv, origin] in self._read()

    def allow(self, argv: list[str], origin: str) -> None:
        """Raises `SecretError` where it cannot be kept."""
        consents = [*self._read(), [argv, origin]]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
            with open(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
                json.dump(consents, file, indent=1)
            temporary.replace(self._path)
        except OSError as error:
            raise SecretError(
                f"That {argv[0]} may be run cannot be kept in {self._path}: {error.strerror}",
                "Make the state directory writable, or set XDG_STATE_HOME to one that is.",
            ) from error

    def _read(self) -> list[object]:
        try:
            consents = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return []
        return consents if isinstance(consents, list) else []
