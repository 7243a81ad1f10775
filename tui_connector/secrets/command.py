"""A secret printed by a command, and the consent without which none is run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from io import FileIO
from pathlib import Path

from .secret_error import SecretError

DEADLINE = 30.0
_MOST = 16_384


class CommandRefused(Exception):
    """The command gave no usable secret; the message says why and holds nothing it printed."""


async def printed_by(argv: list[str], deadline: float = DEADLINE) -> str:
    """The first line a command prints, run without a shell, in a group of its own. Raises `CommandRefused`."""
    process, printed = await _started(argv)
    try:
        async with asyncio.timeout(deadline):
            await printed.has_line.wait()
            status = await process.wait()
    except TimeoutError:
        raise CommandRefused(f"has not ended within {deadline:g} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        printed.transport.close()
        await asyncio.sleep(0)  # the loop lets go of the pipe in its next turn
    if len(printed.output) > _MOST:
        raise CommandRefused(f"printed more than {_MOST} bytes")
    if status:
        raise CommandRefused(f"ended with status {status}")
    try:
        return printed.output.split(b"\n", 1)[0].decode().rstrip("\r")
    except UnicodeDecodeError:
        raise CommandRefused("printed something that is not UTF-8") from None


async def _started(argv: list[str]) -> tuple[asyncio.subprocess.Process, _Printed]:
    pipe, write_end = _pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write_end,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL, which no argument can have
        pipe.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CommandRefused(f"cannot be started: {reason}") from error
    finally:
        os.close(write_end)
    _, printed = await asyncio.get_running_loop().connect_read_pipe(_Printed, pipe)
    return process, printed


def _pipe() -> tuple[FileIO, int]:
    """One of our own: with asyncio's, a process has not ended before everybody who inherited its pipe has."""
    read_end, write_end = os.pipe()
    return open(read_end, "rb", buffering=0), write_end


class _Printed(asyncio.Protocol):
    """What a command prints, read as it comes: it never waits for a reader."""

    transport: asyncio.BaseTransport

    def __init__(self) -> None:
        self.output = b""
        self.has_line = asyncio.Event()
        """Or all there is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.output += data
        if len(self.output) > _MOST:
            self.transport.close()  # which ends whoever goes on printing
        if b"\n" in data:
            self.has_line.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.has_line.set()


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
