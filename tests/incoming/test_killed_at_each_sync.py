"""Runs that are killed at each fsync, one after the other: in the end the output is that of a run left alone.

Where a process dies is decided by strace, so that SQLite's own calls count too.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Callable
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


async def _traced(folder: RunFolder, *expressions: str) -> int:
    """The exit code of a run in a process of its own, under strace."""
    pipe = asyncio.subprocess.PIPE
    waits, goes = os.pipe()
    process = await folder.start(code=WHEN_TRACED, stdin=waits, stdout=pipe, stderr=pipe)
    os.close(waits)
    assert await process.stdout.readline() == b"ready\n"
    trace = ["strace", "-f", "-qq", "-o", str(folder.folder / "trace"), "-e", "trace=fsync,fdatasync", *expressions]
    tracer = await asyncio.create_subprocess_exec(*trace, "-p", str(process.pid), stderr=pipe)
    while f"TracerPid:\t{tracer.pid}\n" not in Path(f"/proc/{process.pid}/status").read_text():  # noqa: ASYNC240
        assert tracer.returncode is None, (await tracer.communicate())[1].decode()
        await asyncio.sleep(0.005)
    os.close(goes)
    _, errors = await process.communicate()
    await tracer.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    return process.returncode


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

        def folder(name: str) -> RunFolder:
            made = RunFolder(tmp_path / name, clean_environment, machine)
            made.write(store.url, sink, more)
            return made

        alone = folder("alone")
        assert await alone.run() == "complete"
        wanted = read(alone.out)

        async def kill_at_each(call: str) -> int:
            """Kills a run at each of its calls; how many there were."""
            for number in itertools.count(1):
                killed = folder(f"{call}-{number}")
                left_alone = await _traced(killed, "-e", f"inject={call}:signal=KILL:when={number}") == 0
                assert left_alone or await killed.run() == "complete", f"{call} {number}"
                assert read(killed.out) == wanted, f"{call} {number}"
                if left_alone:
                    return number - 1
            raise AssertionError

        calls = await asyncio.gather(kill_at_each("fsync"), kill_at_each("fdatasync"))
    assert sum(calls) > 8
