"""A new user's computer: an empty home, the sandbox in a process of its own, and the program in new processes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import fork_server
import pytest
from listing import listing, products
from program import Ended, Program, trusting
from run_command import Command

FOUR = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")


@pytest.fixture
def store(clean_environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """What `sandbox --json` says of itself on its first line."""
    with fork_server.piped("sandbox", "--port", "0", "--products", "30", "--json", env=clean_environment) as found:
        process, lines = found
        yield json.loads(lines.readline())
        process.terminate()


@pytest.fixture
def environment(clean_environment: dict[str, str], store: dict[str, Any]) -> dict[str, str]:
    """The four tokens in environment variables, as a job has them."""
    full = store["integrations"]["full"]
    return {**clean_environment, **{name.upper(): full[name] for name in FOUR}}


@pytest.fixture
def profiles(environment: dict[str, str], store: dict[str, Any]) -> Path:
    """The profiles' directory, with the profile "acme"."""
    directory = Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
    directory.mkdir(parents=True)
    sources = "\n".join(f'{name.replace("_", "-")} = {{ env = "{name.upper()}" }}' for name in FOUR)
    (directory / "acme.toml").write_text(
        f"""format = 1
name = "Acme"

[authentications.integration]
kind = "oauth1"
{sources}

[clients.magento]
authentications = ["integration"]

[[clients.magento.plugins]]
kind = "base-uri"
uri = "{store["url"]}/rest/all/V1"

[[clients.magento.plugins]]
kind = "log-requests"
formatter = "long"

[[clients.magento.plugins]]
kind = "content-type"

[incoming.products]
client = "magento"
request = {{ uri = "products" }}
items = "items"
identifier = "sku"
pagination = {{ kind = "keyset", filter = "entity_id", field = "id" }}
"""
    )
    return directory


@pytest.fixture
def program(environment: dict[str, str], profiles: Path) -> Program:
    """Runs `tui-connector …` in a new process, without a terminal; `shell` may send the streams of `"$@"` elsewhere.

    `more` is for the process (`fork_server`). With a shell that is not `forking`, or with variables that Python reads
    when it starts, the process is an interpreter that starts. A shell that closes a stream cannot be `forking`.
    """

    def run(
        *arguments: str,
        stdin: str | None = None,
        environ: dict[str, str] | None = None,
        shell: str | None = None,
        forking: bool = False,
        trusted: bool = True,
        **more: Any,
    ) -> Ended:
        words = trusting(arguments) if trusted else arguments
        found = environ or environment
        if shell is None and not fork_server.for_the_interpreter(found):
            code, out, err = fork_server.run(*words, env=found, stdin=(stdin or "").encode(), **more)
            return subprocess.CompletedProcess(words, code, out.decode(), err.decode())
        interpreter = [sys.executable, "-m", "tui_connector"]
        called = shlex.split(fork_server.command_in_a_terminal()) if forking else interpreter
        command = ["sh", "-c", shell or 'exec "$@"', "sh", *called, *words]
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(command, env=found, capture_output=True, text=True, timeout=120, check=False, **given)

    return run


@pytest.fixture
async def command(tmp_path: Path, clean_environment: dict[str, str]) -> AsyncIterator[Command]:
    async with listing(products(*range(1, 201))) as store:
        yield Command(tmp_path, clean_environment, store)
