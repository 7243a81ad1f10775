"""A new user's computer: an empty home, the sandbox in a process of its own, and the program in new processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from listing import listing, products
from program import Ended, Program, trusting
from run_command import Command

FOUR = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")


@pytest.fixture
def store(clean_environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """What `sandbox --json` says of itself on its first line."""
    command = [sys.executable, "-m", "tui_connector", "sandbox", "--port", "0", "--products", "30", "--json"]
    with subprocess.Popen(command, env=clean_environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
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
    """Runs `tui-connector …` in a new process, without a terminal; `shell` may send the streams of `"$@"` elsewhere."""

    def run(
        *arguments: str,
        stdin: str | None = None,
        environ: dict[str, str] | None = None,
        shell: str = 'exec "$@"',
        trusted: bool = True,
    ) -> Ended:
        words = trusting(arguments) if trusted else arguments
        command = ["sh", "-c", shell, "sh", sys.executable, "-m", "tui_connector", *words]
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(
            command, env=environ or environment, capture_output=True, text=True, timeout=120, check=False, **given
        )

    return run


@pytest.fixture
async def command(tmp_path: Path, clean_environment: dict[str, str]) -> AsyncIterator[Command]:
    async with listing(products(*range(1, 201))) as store:
        yield Command(tmp_path, clean_environment, store)
