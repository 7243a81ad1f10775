"""Runs that are killed at each fsync, one after the other: in the end the output is that of a run left alone.

Where a process dies is decided by strace, so that SQLite's own calls count too.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import fork_server
import pytest
from listing import Asked, listing, products
from needed import require
from runs import Told

from tui_connector.cli.opening import read as read_profile
from tui_connector.client.wire import OF_A_RUN
from tui_connector.guide.workbench import Workbench
from tui_connector.incoming.plan import RunEnvironment, RunOptions
from tui_connector.incoming.plan import RunLocation as Spot
from tui_connector.incoming.run import Run
from tui_connector.machine import Machine
from tui_connector.runs.ledger import ledger_file

APP = "tui-connector"
ITEMS = 60

PROFILE = """
format = 1
name = "Shop"
[clients.shop]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "{url}/rest/all/V1"
[incoming.items]
client = "shop"
request = {{ uri = "products" }}
items = "items"
identifier = "sku"
pagination = {{ kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }}
sink = {{ {sink} }}
{more}
"""


def _rows(path: Path) -> object:
    database = sqlite3.connect(path)
    try:
        return database.execute("select * from items order by rowid").fetchall()
    finally:
        database.close()


def _records(path: Path) -> object:
    messages = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [message["record"] for message in messages if message["type"] == "RECORD"], messages[-1]


INCREMENTAL = 'incremental = { field = "updated_at" }'
RUNS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "jsonl": ('kind = "jsonl"', "", Path.read_bytes),
    "gzip": ('kind = "jsonl", compress = "gzip"', "", lambda path: gzip.decompress(path.read_bytes())),
    "csv": ('kind = "csv", columns = ["sku", "name"]', "", Path.read_bytes),
    "sqlite": ('kind = "sqlite", columns = ["name"]', "", _rows),
    "singer": ('kind = "singer"', "", _records),
    "what has changed": ('kind = "jsonl"', INCREMENTAL, Path.read_bytes),
}
"""By name: the sink, what else the incoming has, and what of the file must be equal."""


WHEN_TRACED = """
import ctypes, sys
pr_set_ptracer, any_process = 0x59616D61, -1  # where only a parent may trace; unknown to other kernels
ctypes.CDLL(None).prctl(pr_set_ptracer, ctypes.c_ulong(any_process), 0, 0, 0)
print("ready", flush=True)
sys.stdin.read()
from tui_connector.__main__ import main
main()
"""
"""The program, once it is traced."""


@dataclass
class Place:
    """A profile in a folder of its own, with a state directory of its own."""

    folder: Path
    environment: dict[str, str]
    machine: Machine

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def write(self, text: str) -> None:
        self.folder.mkdir()
        (self.folder / "shop.toml").write_text(text)

    async def traced(self, *expressions: str) -> int:
        """The exit code of a run in a process of its own, under strace."""
        environment = {**self.environment, "XDG_STATE_HOME": str(self.folder / "state")}
        command = ("run", "--trust", self.folder / "shop.toml")
        pipe = asyncio.subprocess.PIPE
        waits, goes = os.pipe()
        process = await fork_server.start(
            *command, env=environment, code=WHEN_TRACED, stdin=waits, stdout=pipe, stderr=pipe
        )
        os.close(waits)
        assert await process.stdout.readline() == b"ready\n"
        trace = ["strace", "-f", "-qq", "-o", str(self.folder / "trace"), "-e", "trace=fsync,fdatasync", *expressions]
        tracer = await asyncio.create_subprocess_exec(*trace, "-p", str(process.pid), stderr=pipe)
        while f"TracerPid:\t{tracer.pid}\n" not in Path(f"/proc/{process.pid}/status").read_text():  # noqa: ASYNC240
            assert tracer.returncode is None, (await tracer.communicate())[1].decode()
            await asyncio.sleep(0.005)
        os.close(goes)
        _, said = await process.communicate()
        await tracer.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
        return process.returncode

    async def run(self) -> str:
        """The state in which a run ends that is left alone."""
        machine = replace(
            self.machine, directories=replace(self.machine.directories, state=self.folder / "state" / APP)
        )
        file = self.folder / "shop.toml"
        saved = read_profile(file)
        bench = Workbench(machine, directory=self.folder)
        async with bench.session(saved, OF_A_RUN) as session:
            ledger = ledger_file(machine.directories.state, file, "items")
            around = RunEnvironment(session, bench.exchanges, machine, Spot("items", file, ledger))
            return (await Run(saved.incoming["items"], RunOptions(), around, Told()).execute()).state


async def _slow_in_the_middle(asked: Asked) -> None:
    """So that there is a durable step between the first and the last."""
    await asyncio.sleep(0.3 if 20 <= asked.after < 30 else 0)


@pytest.mark.parametrize("name", RUNS)
async def test_a_run_that_is_killed_at_any_fsync_is_completed_by_the_next_one(
    tmp_path: Path, machine: Machine, clean_environment: dict[str, str], name: str
) -> None:
    require("strace")
    sink, more, read = RUNS[name]
    async with listing(products(*range(1, ITEMS + 1)), before=_slow_in_the_middle) as store:
        text = PROFILE.format(url=store.url, sink=f'{sink}, path = "out"', more=more)

        def place(folder: str) -> Place:
            made = Place(tmp_path / folder, clean_environment, machine)
            made.write(text)
            return made

        alone = place("alone")
        assert await alone.run() == "complete"
        wanted = read(alone.out)

        async def killed(call: str) -> int:
            """Kills a run at each of its calls; how many there were."""
            for number in itertools.count(1):
                at = place(f"{call}-{number}")
                left_alone = await at.traced("-e", f"inject={call}:signal=KILL:when={number}") == 0
                assert left_alone or await at.run() == "complete", f"{call} {number}"
                assert read(at.out) == wanted, f"{call} {number}"
                if left_alone:
                    return number - 1
            raise AssertionError

        calls = await asyncio.gather(killed("fsync"), killed("fdatasync"))
    assert sum(calls) > 8
