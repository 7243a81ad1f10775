"""The command `run`, as tests call it, on a small store."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import fork_server
from listing import Listing

PROFILE = """
format = 1
name = "Shop"
[authentications.a]
kind = "bearer"
token = { env = "SHOP_TOKEN" }
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/V1"
[[clients.shop.plugins]]
kind = "log-requests"
[incoming.items]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }
sink = { kind = "jsonl", path = "items.jsonl" }
[incoming.unused]
client = "shop"
disabled = true
request = { uri = "unused" }
[outgoing.prices]
client = "shop"
steps = [{ name = "send", request = { method = "post", uri = "products/base-prices" } }]
"""


class Command:
    """`run` in a process of its own, without a terminal or a keyring, the secret in the environment."""

    def __init__(self, folder: Path, environment: dict[str, str], store: Listing) -> None:
        self.folder, self.store = folder, store
        self.trusted = True
        """Whether the profile is trusted in each run: most tests are about something else."""
        self.environment = {**environment, "SHOP_TOKEN": "a-CANARY-token"}
        (folder / "shop.toml").write_text(PROFILE.replace("URL", store.url))

    async def start(
        self,
        *options: str,
        verb: str = "run",
        limit_file: int | None = None,
        shell: str | None = None,
        stdout: Path | None = None,
        stderr: Path | None = None,
        closed: int | None = None,
    ) -> asyncio.subprocess.Process | fork_server.AsyncProcess:
        """`verb` is the command. `stdout` and `stderr` may be files, and one of the streams (0, 1 or 2) closed.

        `shell` may do other things with the streams of `"$@"`; then the process is an interpreter that starts.
        """
        words = [verb, *(["--trust"] if self.trusted else []), str(self.folder / "shop.toml"), *options]
        if shell is None:
            pipe = asyncio.subprocess.PIPE
            with contextlib.ExitStack() as files:
                out, err = (
                    pipe if path is None else files.enter_context(path.open("wb")).fileno() for path in (stdout, stderr)
                )
                more: dict[str, Any] = {"limit_file": limit_file, "closed": closed}
                return await fork_server.start(*words, env=self.environment, stdout=out, stderr=err, **more)

        def before() -> None:
            if limit_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_file, limit_file))

        return await asyncio.create_subprocess_exec(
            *(
                "sh",
                "-c",
                shell,
                "sh",
                sys.executable,
                "-m",
                "tui_connector",
                *words,
            ),
            env=self.environment,
            preexec_fn=before,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def run(self, *options: str, **more: Any) -> tuple[int | None, bytes, bytes]:
        process = await self.start(*options, **more)
        out, err = await process.communicate()
        return process.returncode, out, err

    @property
    def state(self) -> Path:
        return Path(self.environment["XDG_STATE_HOME"])

    def change(self, good: str, bad: str) -> None:
        """Replace a text in the profile."""
        file = self.folder / "shop.toml"
        text = file.read_text()
        assert good in text
        file.write_text(text.replace(good, bad, 1))

    def ids(self) -> list[int]:
        return [json.loads(line)["id"] for line in (self.folder / "items.jsonl").read_bytes().splitlines()]


def summary(out: bytes) -> dict[str, Any]:
    last: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert last["event"] == "summary"
    return last
