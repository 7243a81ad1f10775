"""Celery workers for tests, each with a process group of its own, as on a machine of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import fork_server

SINK = 'sink = { kind = "jsonl", path = "items.jsonl" }'
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
uri = "URL/rest/all/V1"
[incoming.items]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }
incremental = { field = "updated_at" }
SINK
[outgoing.stock]
client = "shop"
source = { kind = "stdin" }
identifier = "sku"
repeatable = true
request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }
"""


class Workers:
    """The workers, and the profile that they use."""

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        broker: str,
        store_url: str,
        *,
        sink: str = "",
        more: str = "",
        own_homes: bool = False,
    ) -> None:
        """`sink` and `more` of the profile: in TOML. `own_homes`: each worker has its own home and state directory."""
        self.folder = folder
        self.profile = folder / "shop.toml"
        text = PROFILE.replace("URL", store_url).replace("SINK", sink or SINK)
        self.profile.write_text(text + more)
        self._own_homes = own_homes
        self.environment = {
            **environment,
            "SHOP_TOKEN": "a-CANARY-token",
            "TUI_CONNECTOR_BROKER": broker,
            "TUI_CONNECTOR_QUEUES": "shop",
            "TUI_CONNECTOR_SHARED": str(folder / "shared"),
        }
        code, digest, _ = fork_server.run("trust", self.profile, "--digest", env=self.environment, stdin=b"")
        assert code == 0
        self.environment["TUI_CONNECTOR_TRUST"] = digest.decode().strip()
        self.running: list[subprocess.Popen[bytes]] = []
        self._names = count()

    def start(self, number: int) -> None:
        for _ in range(number):
            name = next(self._names)
            words = ["-A", "tui_connector.celery", "worker", "-c", "1", "-n", f"w{name}@localhost"]
            with (self.folder / f"worker {name}.log").open("wb") as log:
                self.running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "celery", *words, "--without-gossip", "--without-mingle"],
                        env=self._environment_of(name),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        cwd=self.folder,
                    )
                )

    def _environment_of(self, worker: int) -> dict[str, str]:
        if not self._own_homes:
            return self.environment
        home = self.folder / f"worker {worker}"
        home.mkdir()
        own = {name: str(home / name.lower()) for name in self.environment if name.startswith("XDG_")}
        return {**self.environment, **own, "HOME": str(home)}

    def call(self, code: str) -> str:
        """Runs code of a producer, with the module as `tasks`."""
        words = [sys.executable, "-c", f"import tui_connector.celery as tasks\n{code}"]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def kill_the_one_with(self, *words: str) -> None:
        """Kills a worker whose command has these words among its arguments, with all of its processes."""
        for each in self.running:
            if any({*words} <= {*_arguments(pid)} for pid in _session(each.pid)):
                os.killpg(each.pid, signal.SIGKILL)
                each.wait()
                self.running.remove(each)
                return
        raise AssertionError(f"no worker runs {words}: {self.logs()}")

    @property
    def state(self) -> Path:
        return Path(self.environment["XDG_STATE_HOME"]) / "tui-connector"

    def tasks(self) -> list[tuple[str, str]]:
        """Identifier and state of each task of the outgoing, in the ledger that all batches of a day share."""
        for ledger in (self.state / "outgoing").rglob("stock.sqlite"):
            with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as database:
                try:
                    rows: list[tuple[str, str]] = database.execute("select identifier, state from task").fetchall()
                    return rows
                except sqlite3.OperationalError:  # being made
                    pass
        return []

    def files(self, pattern: str) -> list[Path]:
        return list(self.folder.rglob(pattern))

    def logs(self) -> str:
        return "\n".join(each.read_text(errors="replace")[-3_000:] for each in self.folder.glob("worker*.log"))

    async def until(self, condition: Callable[[], bool], *, seconds: float = 120, every: float = 0.05) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.logs()
            await asyncio.sleep(every)

    def cpu_seconds(self) -> float:
        """Of the workers that are running, and of all commands that they have run."""
        ticks = 0
        for each in self.running:
            for pid in _session(each.pid):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime (proc(5))
        return ticks / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        for each in self.running:
            os.killpg(each.pid, signal.SIGKILL)
            each.wait()


def _session(leader: int) -> Iterator[int]:
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(each.name)) == leader:
                yield int(each.name)
        except ProcessLookupError:
            continue


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []
