"""Runs that are killed: a profile in a folder of its own, its runs, and what of its output must not depend on kills."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fork_server
from file_sinks import FILE_SINKS
from runs import RunNotes

from tui_connector.cli.opening import read as read_profile
from tui_connector.client.wire import OF_A_RUN
from tui_connector.guide.workbench import Workbench
from tui_connector.incoming.run import Run
from tui_connector.incoming.start import RunEnvironment, RunLocation, RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.ledger import last_run, ledger_file

_PROFILE = """
format = 1
name = "Shop"
{authentication}
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
_TOKEN_FROM_ENVIRONMENT = """
[authentications.a]
kind = "bearer"
token = { env = "SHOP_TOKEN" }
[clients.shop]
authentications = ["a"]
"""


def _rows(path: Path) -> object:
    """Without the numbers of rows, which grow where a later run writes them again."""
    with closing(sqlite3.connect(path)) as database:
        tables = [row[0] for row in database.execute("select name from sqlite_master where type = 'table' order by 1")]
        rows = [database.execute(f'select * from "{table}" order by rowid').fetchall() for table in tables]
        rows = [[row[1:] for row in each] for each in rows]
        rows[tables.index("tui_connector_tables")] = database.execute(  # each table has an id of its own
            "select name, incoming, shape from tui_connector_tables"
        ).fetchall()
    return tables, rows


def _duckdb_rows(path: Path) -> object:
    """Without the numbers of rows, which have gaps where rows were written again."""
    import duckdb

    with closing(duckdb.connect(str(path))) as database:
        return database.execute("select * exclude (_row) from items order by id").fetchall()


def _parquet_rows(path: Path) -> object:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path).to_pylist()


def _records(path: Path) -> object:
    """The records and the last state: how many states are in between depends on how the steps fell."""
    messages = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [message["record"] for message in messages if message["type"] == "RECORD"], messages[-1]


_FIELDS = {"sqlite": {"columns": ["name", "updated_at"]}}
_READERS: dict[str, Callable[[Path], object]] = {
    "duckdb": _duckdb_rows,
    "gzip": lambda path: gzip.decompress(path.read_bytes()),
    "parquet": _parquet_rows,
    "singer": _records,
    "sqlite": _rows,
}
"""For sinks whose bytes depend on how the steps fell."""
SINKS: dict[str, tuple[dict[str, Any], Callable[[Path], object]]] = {
    name: (sink | _FIELDS.get(name, {}), _READERS.get(name, Path.read_bytes)) for name, sink in FILE_SINKS.items()
}
"""By name: the sink, and what of its file must be equal."""


@dataclass
class RunFolder:
    """A profile with one incoming, and a state directory, in a folder of their own."""

    folder: Path
    environment: dict[str, str]
    machine: Machine

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def profile(self) -> Path:
        return self.folder / "shop.toml"

    def write(self, url: str, sink: dict[str, Any], more: str = "", *, token: str | None = None) -> None:
        """Writes the profile; a `token` is read from the environment of the processes."""
        self.folder.mkdir()
        file = {} if "host" in sink else {"path": "out"}
        fields = ", ".join(f"{key} = {json.dumps(value)}" for key, value in {**sink, **file}.items())
        authentication = "[clients.shop]" if token is None else _TOKEN_FROM_ENVIRONMENT
        self.profile.write_text(_PROFILE.format(url=url, sink=fields, more=more, authentication=authentication))
        self.environment = {**self.environment, "XDG_STATE_HOME": str(self.folder / "state")}
        if token is not None:
            self.environment["SHOP_TOKEN"] = token

    @property
    def state(self) -> Path:
        return self.folder / "state" / "tui-connector"

    def recorded_items(self) -> int:
        """The items as of the last durable step."""
        run, _ = last_run(ledger_file(self.state, self.profile, "items"))
        return run.items if run else 0

    async def start(self, **options: Any) -> fork_server.AsyncProcess:
        """A run in a process of its own."""
        return await fork_server.start("run", "--trust", self.profile, env=self.environment, **options)

    async def run(self) -> str:
        """A run in this process, which is not killed; the state in which it ends."""
        machine = replace(self.machine, directories=replace(self.machine.directories, state=self.state))
        saved = read_profile(self.profile)
        bench = Workbench(machine, directory=self.folder)
        async with bench.session(saved, OF_A_RUN) as session:
            location = RunLocation("items", self.profile, ledger_file(self.state, self.profile, "items"))
            environment = RunEnvironment(session, bench.exchanges, machine, location)
            return (await Run(saved.incoming["items"], RunOptions(), environment, RunNotes()).execute()).state


WHEN_TRACED = """
import ctypes, sys
pr_set_ptracer, any_process = 0x59616D61, -1  # where only a parent may trace; unknown to other kernels
ctypes.CDLL(None).prctl(pr_set_ptracer, ctypes.c_ulong(any_process), 0, 0, 0)
print("ready", flush=True)
sys.stdin.read()
from tui_connector.incoming import writing
writing.STEP = 0
from tui_connector.__main__ import main
main()
"""
"""The program, once it is traced. Whenever it has written pages, it makes a durable step, however fast it was."""


@dataclass
class FilesOfAMoment:
    """What a folder held. Each file comes back as the same inode: runs recognise their output by it."""

    folder: Path
    kept: Path = field(compare=False)
    contents: dict[Path, tuple[int, bytes]]
    """The inode and the bytes of each file, by its path in the folder."""

    @classmethod
    def of(cls, folder: Path, kept: Path) -> FilesOfAMoment:
        contents = {}
        for file in folder.rglob("*"):
            (kept / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            if file.is_file():
                contents[file.relative_to(folder)] = (file.stat().st_ino, file.read_bytes())
                os.link(file, kept / file.relative_to(folder))
            else:
                (kept / file.relative_to(folder)).mkdir(exist_ok=True)
        return cls(folder, kept, contents)

    def restore(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder, copy_function=os.link)
        for file, (_, content) in self.contents.items():
            (self.folder / file).write_bytes(content)


async def stops_at_each_sync(start: Callable[..., Awaitable[fork_server.AsyncProcess]]) -> AsyncIterator[None]:
    """A run in a process of its own that stops at each fsync or fdatasync, until the caller asks for the next one."""
    pipe = asyncio.subprocess.PIPE
    waits, goes = os.pipe()
    process = await start(code=WHEN_TRACED, stdin=waits, stdout=pipe, stderr=pipe)
    os.close(waits)
    assert await process.stdout.readline() == b"ready\n"
    calls = "fsync,fdatasync"
    trace = ["strace", "-f", "-qq", "-o", "/dev/stderr", "-e", f"trace={calls}", "-e", f"inject={calls}:signal=STOP"]
    tracer = await asyncio.create_subprocess_exec(*trace, "-p", str(process.pid), stderr=pipe)
    assert tracer.stderr is not None
    try:
        while f"TracerPid:\t{tracer.pid}\n" not in Path(f"/proc/{process.pid}/status").read_text():  # noqa: ASYNC240
            assert tracer.returncode is None, (await tracer.communicate())[1].decode()
            await asyncio.sleep(0.005)
        os.close(goes)
        stopped: set[str] = set()
        reading = asyncio.ensure_future(tracer.stderr.readline())
        while True:
            await asyncio.wait([reading], timeout=0.1 if stopped else None)  # a thread that ends prints no line
            if reading.done():
                if not (line := reading.result()):
                    break
                reading = asyncio.ensure_future(tracer.stderr.readline())
                if b"stopped by SIGSTOP" in line:
                    stopped.add(line.decode().split()[0])
            if stopped and stopped.issuperset(os.listdir(f"/proc/{process.pid}/task")):
                yield
                stopped.clear()
                process.send_signal(signal.SIGCONT)
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    finally:
        process.kill()
        await process.wait()
        await tracer.wait()
