"""Runs that are killed at each fsync, one after the other: in the end the output is that of a run left alone.

What a killed process leaves behind is what its files held at that moment. One run is therefore stopped at each of its
fsyncs, and its files are put aside; the next run is then tried on each of these states. Where the process stops is
decided by strace, so that SQLite's own calls count too.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from killed_runs import SINKS, RunFolder
from listing import Asked, listing, products
from requirements import require

from tui_connector.machine import Machine

ITEMS = 60

RUNS: dict[str, tuple[dict[str, Any], str, Callable[[Path], object]]] = {
    **{name: (sink, "", read) for name, (sink, read) in SINKS.items()},
    "csv": ({"kind": "csv", "columns": ["sku", "name"]}, "", Path.read_bytes),
    "what has changed": ({"kind": "jsonl"}, 'incremental = { field = "updated_at" }', Path.read_bytes),
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
class FilesOfAMoment:
    """What a folder held. Each file comes back as the same inode: runs recognise their output by it."""

    folder: Path
    kept: Path
    contents: dict[Path, bytes]
    """By path in the folder."""

    @classmethod
    def of(cls, folder: Path, kept: Path) -> FilesOfAMoment:
        contents = {}
        for file in folder.rglob("*"):
            (kept / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            if file.is_file():
                contents[file.relative_to(folder)] = file.read_bytes()
                os.link(file, kept / file.relative_to(folder))
            else:
                (kept / file.relative_to(folder)).mkdir(exist_ok=True)
        return cls(folder, kept, contents)

    def restore(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder, copy_function=os.link)
        for file, content in self.contents.items():
            (self.folder / file).write_bytes(content)


async def _stops(folder: RunFolder) -> AsyncIterator[None]:
    """A run in a process of its own that stops at each fsync or fdatasync, until the caller asks for the next one."""
    pipe = asyncio.subprocess.PIPE
    waits, goes = os.pipe()
    process = await folder.start(code=WHEN_TRACED, stdin=waits, stdout=pipe, stderr=pipe)
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
        async for line in tracer.stderr:
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


async def _slow_in_the_middle(asked: Asked) -> None:
    """So that there is a durable step between the first and the last: with the items before the last page."""
    await asyncio.sleep(0.3 if asked.after == 20 else 0.6 if asked.after == 50 else 0)


@pytest.mark.parametrize("name", RUNS)
async def test_a_run_that_is_killed_at_any_fsync_is_completed_by_the_next_one(
    tmp_path: Path, machine: Machine, clean_environment: dict[str, str], name: str
) -> None:
    require("strace")
    sink, more, read = RUNS[name]
    async with listing(products(*range(1, ITEMS + 1))) as store:

        def folder(name: str) -> RunFolder:
            made = RunFolder(tmp_path / name, clean_environment, machine)
            made.write(store.url, sink, more)
            return made

        alone, killed = folder("alone"), folder("killed")
        assert await alone.run() == "complete"
        wanted = read(alone.out)

        store.before = _slow_in_the_middle
        moments = []
        async for _ in _stops(killed):
            moments.append(FilesOfAMoment.of(killed.folder, tmp_path / f"sync {len(moments) + 1}"))
        assert read(killed.out) == wanted
        assert len(moments) > 8

        store.before = None
        requests = []
        for number, moment in enumerate(moments, 1):
            moment.restore()
            before = len(store.asked)
            assert await killed.run() == "complete", f"sync {number}"
            assert read(killed.out) == wanted, f"sync {number}"
            requests.append(len(store.asked) - before)
    assert 0 < min(filter(None, requests)) < requests[0], "none was killed in the middle"
