"""A secret printed by a command, which gets no more of the environment than it needs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from io import FileIO
from pathlib import Path

from ..machine import PROXY_VARIABLES, child_environment
from .backends import override_name
from .capability import ResolvedCommand, absolute_path
from .secret_error import SecretError
from .source import SecretSource

DEADLINE = 30.0
_MOST = 16_384
_NETWORK = (*PROXY_VARIABLES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_OF_TOOLS: Mapping[str, tuple[str, ...]] = {
    "op": ("OP_", *_NETWORK),
    "bw": ("BW_", "BITWARDENCLI_", *_NETWORK),
    "rbw": ("RBW_", *_NETWORK),
    "vault": ("VAULT_", *_NETWORK),
    "bao": ("BAO_", "VAULT_", *_NETWORK),
    "aws": ("AWS_", *_NETWORK),
    "gcloud": ("CLOUDSDK_", "GOOGLE_", *_NETWORK),
    "az": ("AZURE_", *_NETWORK),
    "doppler": ("DOPPLER_", *_NETWORK),
    "infisical": ("INFISICAL_", *_NETWORK),
    "sops": ("SOPS_", "AWS_", "GOOGLE_", "AZURE_", "VAULT_", *_NETWORK),
    "chamber": ("CHAMBER_", "AWS_", *_NETWORK),
    "pass": ("PASSWORD_STORE_",),
    "gopass": ("GOPASS_", "PASSWORD_STORE_"),
    "keepassxc-cli": ("KPXC_",),
    "kubectl": ("KUBECONFIG", "KUBERNETES_", *_NETWORK),
}
"""What well-known tools read of the environment, by the name of their program; see README, Secrets."""


def command_environment(command: ResolvedCommand, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: what every program needs, what its tool needs, and what the profile names.

    A program of the profile's own folder is no well-known tool, whatever it is called.
    """
    name = Path(command.argv[0]).name
    also = _OF_TOOLS.get(name, ()) if command.from_path else ()
    found = child_environment(environ, also=(*also, *command.environment))
    if "PATH" in found:
        found["PATH"] = absolute_path(environ)
    return {name: value for name, value in found.items() if not name.upper().startswith("TUI_CONNECTOR_")}


async def printed_by(argv: list[str], deadline: float = DEADLINE, environment: Mapping[str, str] | None = None) -> str:
    """The first line a command prints, run without a shell, in a group of its own, in the home directory.

    Files of the folder that the profile is in, or that the user is in, are nothing to it unless its arguments name
    them. Without an environment it gets this program's. Raises `SecretError`.
    """
    process, printed = await _started(argv, environment)
    try:
        async with asyncio.timeout(deadline):
            await printed.has_line.wait()
            status = await process.wait()
    except TimeoutError:
        raise SecretError("command-failed", f"did not finish within {deadline:g} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        printed.transport.close()
        await asyncio.sleep(0)  # the loop lets go of the pipe in its next turn
    if len(printed.output) > _MOST:
        raise SecretError("command-failed", f"printed more than {_MOST} bytes")
    if status:
        raise SecretError("command-failed", f"exited with status {status}")
    try:
        return printed.output.split(b"\n", 1)[0].decode().rstrip("\r")
    except UnicodeDecodeError:
        raise SecretError("command-failed", "printed text that is not UTF-8") from None


async def _started(
    argv: list[str], environment: Mapping[str, str] | None
) -> tuple[asyncio.subprocess.Process, _Printed]:
    pipe, write_end = _pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write_end,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env=None if environment is None else dict(environment),
            cwd=_home(environment),
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL, which no argument can have
        pipe.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SecretError("command-failed", f"cannot be started: {reason}") from error
    finally:
        os.close(write_end)
    _, printed = await asyncio.get_running_loop().connect_read_pipe(_Printed, pipe)
    return process, printed


def variables_of(source: SecretSource) -> tuple[str, ...]:
    """The environment variables that this secret may need; one that ends in `_` stands for all that start so."""
    if source.env is not None:
        return (source.env,)
    if source.keyring is not None:
        return (override_name(source.keyring),)
    if source.command is not None:
        return (*_OF_TOOLS.get(Path(source.command[0]).name, ()), *(source.environment or ()))
    return ()


def _home(environment: Mapping[str, str] | None) -> str | None:
    if environment is None:
        return None
    home = environment.get("HOME", "")
    return home if os.path.isdir(home) else os.sep


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
            self.transport.close()  # which ends whoever continues printing
        if b"\n" in data:
            self.has_line.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.has_line.set()
