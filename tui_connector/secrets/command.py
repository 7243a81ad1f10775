"""Secrets printed by commands, which receive only the environment variables that they need."""

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
from .errors import SecretError
from .source import SecretSource

DEADLINE = 30.0
_MAX_OUTPUT = 16_384
_NETWORK = (*PROXY_VARIABLES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_TOOL_VARIABLES: Mapping[str, tuple[str, ...]] = {
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
"""The environment variables that well-known tools read, by program name; see README, Secrets."""


def command_environment(command: ResolvedCommand, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: variables for every program, for its tool, and those the profile names.

    A program in the profile's own folder is not a well-known tool, whatever its name.
    """
    name = Path(command.argv[0]).name
    also = _TOOL_VARIABLES.get(name, ()) if command.from_path else ()
    found = child_environment(environ, also=(*also, *command.environment))
    if "PATH" in found:
        found["PATH"] = absolute_path(environ)
    return {name: value for name, value in found.items() if not name.upper().startswith("TUI_CONNECTOR_")}


async def run_command(argv: list[str], deadline: float = DEADLINE, environment: Mapping[str, str] | None = None) -> str:
    """The first line that a command prints. It runs without a shell, in its own process group, in the home directory.

    It does not run in the profile's folder or the working directory, whose files it must not pick up. Without
    `environment` it inherits this program's. Raises `SecretError`.
    """
    process, printed = await _start(argv, environment)
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
        await asyncio.sleep(0)  # the event loop closes the pipe in its next iteration
    if len(printed.output) > _MAX_OUTPUT:
        raise SecretError("command-failed", f"printed more than {_MAX_OUTPUT} bytes")
    if status:
        raise SecretError("command-failed", f"exited with status {status}")
    try:
        return printed.output.split(b"\n", 1)[0].decode().rstrip("\r")
    except UnicodeDecodeError:
        raise SecretError("command-failed", "printed text that is not UTF-8") from None


async def _start(argv: list[str], environment: Mapping[str, str] | None) -> tuple[asyncio.subprocess.Process, _Output]:
    pipe, write_end = _pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write_end,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env=None if environment is None else dict(environment),
            cwd=home_of(environment),
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        pipe.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = "Install the program, or correct the command: the first word is the program."
        raise SecretError("command-failed", f"cannot be started: {reason}", hint) from error
    finally:
        os.close(write_end)
    _, printed = await asyncio.get_running_loop().connect_read_pipe(_Output, pipe)
    return process, printed


def variables_of(source: SecretSource) -> tuple[str, ...]:
    """The environment variables that this secret may need; one that ends in `_` is a prefix."""
    if source.env is not None:
        return (source.env,)
    if source.keyring is not None:
        return (override_name(source.keyring),)
    if source.command is not None:
        return (*_TOOL_VARIABLES.get(Path(source.command[0]).name, ()), *(source.environment or ()))
    return ()


def home_of(environment: Mapping[str, str] | None) -> str | None:
    """The directory in which a command with this environment starts; None for this program's own."""
    if environment is None:
        return None
    home = environment.get("HOME", "")
    return home if os.path.isdir(home) else os.sep


def _pipe() -> tuple[FileIO, int]:
    """A pipe for the output: with asyncio's own, `wait` waits for every process that inherited it."""
    read_end, write_end = os.pipe()
    return open(read_end, "rb", buffering=0), write_end


class _Output(asyncio.Protocol):
    """Collects the output of a command as it arrives."""

    transport: asyncio.BaseTransport

    def __init__(self) -> None:
        self.output = b""
        self.has_line = asyncio.Event()
        """Also set at the end of the output."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.output += data
        if len(self.output) > _MAX_OUTPUT:
            self.transport.close()  # ends a command that keeps printing
        if b"\n" in data:
            self.has_line.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.has_line.set()
