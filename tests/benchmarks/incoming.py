"""Reads 100,000 items of 2 KB into JSON Lines, beside a bare loop of httpx and, where it is installed, dlt's rest_api.

python tests/benchmarks/incoming.py [--smoke] [--rounds N] [--million]

All take turns against the same store, at 0 and at 50 ms a page; whole processes are measured, medians and ratios are
printed. TUI_CONNECTOR_DLT_PYTHON names a Python that has dlt, where this one has not. The bare loop keeps neither a
ledger nor a log and makes nothing durable: it is what httpx and splitting alone cost. `--million` reads 1,000,000 items
and prints the memory at 10, 50 and 100 %.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROFILE = """format = 1
name = "Benchmark"
[authentications.a]
kind = "bearer"
token = {{ env = "BENCHMARK_TOKEN" }}
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "http://127.0.0.1:{port}/rest/V1"
[incoming.products]
client = "shop"
request = {{ uri = "products" }}
items = "items"
identifier = "sku"
pagination = {{ kind = "keyset", filter = "entity_id", field = "id" }}
sink = {{ kind = "jsonl", path = "ours.jsonl" }}
"""
BARE = """
import asyncio, sys, httpx, msgspec
port, pages, flights, out = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
class Page(msgspec.Struct):
    items: list[msgspec.Raw]
split = msgspec.json.Decoder(Page).decode
async def main():
    numbers = iter(range(1, pages + 1))
    headers = {"Accept-Encoding": "gzip", "Accept": "application/json"}
    with open(out, "wb", buffering=1 << 20) as file:
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            async def work():
                for number in numbers:
                    uri = f"http://127.0.0.1:{port}/rest/V1/products?searchCriteria[currentPage]={number}"
                    file.write(b"\\n".join(split((await client.get(uri)).content).items) + b"\\n")
            await asyncio.gather(*(work() for _ in range(flights)))
asyncio.run(main())
"""
DLT = """
import os, sys, tempfile
port, pages, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["DLT_DATA_DIR"] = out
os.environ["NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION"] = "true"
import dlt
from dlt.sources.rest_api import rest_api_source
paginator = {"type": "page_number", "base_page": 1, "page_param": "searchCriteria[currentPage]", "total_path": None,
             "maximum_page": pages + 1, "stop_after_empty_page": False}
source = rest_api_source({"client": {"base_url": f"http://127.0.0.1:{port}"}, "resources": [{
    "name": "products", "write_disposition": "append", "max_table_nesting": 0,
    "endpoint": {"path": "rest/V1/products", "data_selector": "items", "paginator": paginator}}]})
target = dlt.destinations.filesystem(bucket_url="file://" + out + "/out")
pipeline = dlt.pipeline("benchmark", destination=target, dataset_name="b")
pipeline.run(source, loader_file_format="jsonl")
"""


@dataclass
class Cost:
    """Of one process: seconds by the wall clock and of the CPU, MB of memory at its peak."""

    wall: float
    cpu: float
    memory: float


def measured(command: list[str], environment: dict[str, str]) -> Cost:
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[:4]} ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@contextmanager
def store(items: int, milliseconds: float) -> Iterator[int]:
    """The port of a store that is running."""
    command = [sys.executable, str(HERE / "listing_store.py"), str(items), str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def medians(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "memory")))


def compare(items: int, milliseconds: float, rounds: int, folder: Path) -> None:
    environment = _environment(folder)
    pages = items // 100
    flights = 8 if milliseconds else 4
    with store(items, milliseconds) as port:
        (folder / "benchmark.toml").write_text(PROFILE.format(port=port))
        ours = [sys.executable, "-m", "tui_connector", "run", "--trust", str(folder / "benchmark.toml"), "--full"]
        bare = [sys.executable, "-c", BARE, str(port), str(pages), str(flights), str(folder / "bare.jsonl")]
        contenders = {"ours": ours, f"bare loop, {flights} in flight": bare}
        if (with_dlt := _python_with_dlt()) and not milliseconds:
            contenders["dlt"] = [with_dlt, "-c", DLT, str(port), str(pages), str(folder / "dlt")]
        elif not milliseconds:
            print("  dlt is not installed here: it is not measured")
        measured([*ours, "--dry-run"], environment)  # compiles its modules
        costs: dict[str, list[Cost]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, command in contenders.items():
                costs[name].append(measured(command, environment))
    lines = sum(1 for _ in (folder / "ours.jsonl").open("rb"))
    assert lines == items, f"{lines} of {items}"
    reference = medians(costs["ours"])
    for name, found in costs.items():
        cost = medians(found)
        print(
            f"  {name:<26} {cost.wall:7.2f} s  {items / cost.wall:>9,.0f} items/s  {cost.cpu:6.2f} s CPU"
            f"  {cost.memory:5.0f} MB  ours is {cost.wall / reference.wall:.2f} × as fast,"
            f" {cost.cpu / reference.cpu:.2f} × by CPU"
        )


def _environment(folder: Path) -> dict[str, str]:
    """What a run gets; its modules are compiled once, as all that pip installs."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "BENCHMARK_TOKEN": "x" * 32, "XDG_STATE_HOME": str(folder / "state")}


def _python_with_dlt() -> str | None:
    here = sys.executable if importlib.util.find_spec("dlt") is not None else None
    return os.environ.get("TUI_CONNECTOR_DLT_PYTHON", here)


def million(items: int, folder: Path) -> None:
    """One long run, and how much memory it holds on the way."""
    environment = _environment(folder)
    with store(items, 0) as port:
        (folder / "benchmark.toml").write_text(PROFILE.format(port=port))
        command = [
            sys.executable,
            "-m",
            "tui_connector",
            "run",
            "--trust",
            str(folder / "benchmark.toml"),
            "--json",
            "--full",
        ]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            marks = [0.1, 0.5, 1.0]
            for line in process.stdout:
                event = json.loads(line)
                share = event.get("items", 0) / items
                while marks and share >= marks[0] and event["event"] in ("progress", "summary"):
                    print(f"  {marks.pop(0):4.0%}  {event['items']:>9,} items  {_resident(process.pid):6.1f} MB")


def _resident(process: int) -> float:
    """MB that a process holds now; at its very end, what it held at most."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        text = ""
    found = next((line for line in text.splitlines() if line.startswith("VmRSS")), "")
    return int(found.split()[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main(arguments: list[str]) -> None:
    smoke = "--smoke" in arguments
    rounds = int(arguments[arguments.index("--rounds") + 1]) if "--rounds" in arguments else 1 if smoke else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "--million" in arguments:
            million(1_000_000, folder)
            return
        items = 2_000 if smoke else 100_000
        for milliseconds in (0.0, 50.0):
            print(f"{items:,} items, {milliseconds:g} ms a page, medians of {rounds}")
            compare(items, milliseconds, rounds, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
