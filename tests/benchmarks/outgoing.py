"""Sends 10,000 entities of 1 KB, beside a bare loop of httpx.

python tests/benchmarks/outgoing.py [--smoke] [--rounds N] [--million [--bulk] [N]]

Both take turns against the same store, which responds after 0 or 50 ms, with 32 requests in flight; whole processes are
measured, medians and ratios are printed. The bare loop keeps neither a ledger nor a log, and sends one prepared body.
Batches of 20 are measured, too. `--million` sends 1,000,000 rows, or N, in batches of 500 and prints the memory at 10,
50 and 100 %; with `--bulk`, in bulks of operations of 20 rows, through a queue that executes each operation at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from incoming import Cost, measured

IN_FLIGHT = 32
PROFILE = """format = 1
name = "Benchmark"
[authentications.a]
kind = "bearer"
token = {{ env = "BENCHMARK_TOKEN" }}
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "http://127.0.0.1:{port}/rest/all/V1"
[[clients.shop.plugins]]
kind = "content-type"
[outgoing.products]
client = "shop"
source = {{ kind = "jsonl", path = "products.jsonl" }}
identifier = "sku"
batch = {batch}
delivery = "{delivery}"
request = {{ method = "post", uri = "products", parameters = {{ product = "&{{@}}" }} }}
"""
BARE = """
import asyncio, json, sys, httpx
port, count, flights, file = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
body = json.dumps({"product": json.loads(open(file).readline())}).encode()
headers = {"Content-Type": "application/json", "Authorization": "Bearer " + "x" * 32, "Accept": "application/json"}
async def main():
    numbers = iter(range(count))
    limits = httpx.Limits(max_connections=flights, max_keepalive_connections=flights)
    async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as client:
        async def work():
            for _ in numbers:
                response = await client.post(f"http://127.0.0.1:{port}/rest/all/V1/products", content=body)
                assert response.content == b"[]"
        await asyncio.gather(*(work() for _ in range(flights)))
asyncio.run(main())
"""
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Store(asyncio.Protocol):
    """Takes whatever is posted, and responds after a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._read = seconds, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._read, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._read) < whole:
                return
            request, self._read = self._read[:whole], self._read[whole:]
            response = _queued(request) if b"/bulk" in request[:200] else _RESPONSE
            if self._seconds:
                asyncio.get_running_loop().call_later(self._seconds, self._transport.write, response)
            else:
                self._transport.write(response)


_bulks: list[int] = []
"""The number of operations of each bulk."""


def _queued(request: bytes) -> bytes:
    """The response of Magento's queue, which has executed every operation already."""
    line, _, body = request.partition(b"\r\n")[0], *request.partition(b"\r\n\r\n")[1:]
    status, found = b"200 OK", cast(object, 0)  # the number of open operations
    if line.startswith(b"POST"):
        _bulks.append(len(json.loads(body)))
        items = [{"id": number, "data_hash": "0", "status": "accepted"} for number in range(_bulks[-1])]
        status, found = b"202 Accepted", {"bulk_uuid": f"{len(_bulks) - 1:08}", "request_items": items}
    elif line.split(b" ")[1].endswith(b"/detailed-status"):
        number = int(line.split(b"/bulk/")[1][:8])
        done = {"status": 1, "result_message": "Service execution success", "result_serialized_data": "[]"}
        found = {"operations_list": [{"id": each, **done} for each in range(_bulks[number])]}
    elif b"/bulk?" in line:
        found = {"total_count": 0}
    data = json.dumps(found).encode()
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(data)) + data


async def serve(milliseconds: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Store(milliseconds / 1_000), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def store(milliseconds: float) -> Iterator[int]:
    """The port of a store that is running in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def entities(count: int, file: Path, *, small: bool = False) -> None:
    attributes = [{"attribute_code": f"a{number}", "value": "v" * 40} for number in range(0 if small else 11)]
    with file.open("w") as out:
        for number in range(count):
            product = {"sku": f"SKU-{number:07}", "name": "x" * 20, "price": 12.5, "custom_attributes": attributes}
            out.write(f"{json.dumps(product)}\n")


def compare(count: int, milliseconds: float, batch: int, rounds: int, folder: Path) -> None:
    entities(count, folder / "products.jsonl")
    with store(milliseconds) as port:
        (folder / "benchmark.toml").write_text(PROFILE.format(port=port, batch=batch, delivery="single"))
        contenders = {"ours": _ours(folder, "--full", "--quiet")}
        if batch == 1:
            arguments = [str(port), str(count), str(IN_FLIGHT), str(folder / "products.jsonl")]
            contenders["bare loop"] = [sys.executable, "-c", BARE, *arguments]
        measured([*contenders["ours"], "--dry-run"], _environment(folder))  # compiles its modules
        costs: dict[str, list[Cost]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, command in contenders.items():
                costs[name].append(measured(command, _environment(folder)))
    medians = {name: _median(found) for name, found in costs.items()}
    for name, cost in medians.items():
        print(
            f"  {name:<10} {cost.wall:7.2f} s  {count / cost.wall:>7,.0f} entities/s  {cost.cpu:6.2f} s CPU"
            f"  {cost.memory:5.0f} MB  ours is {cost.wall / medians['ours'].wall:.2f} × as fast"
        )


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "memory")))


def _ours(folder: Path, *options: str) -> list[str]:
    profile = str(folder / "benchmark.toml")
    flights = ["--in-flight", str(IN_FLIGHT)]
    return [sys.executable, "-m", "tui_connector", "run", "--trust", profile, "products", *flights, *options]


def _environment(folder: Path) -> dict[str, str]:
    """What a run gets; its modules are compiled once, as all that pip installs."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "BENCHMARK_TOKEN": "0123456789abcdef" * 2, "XDG_STATE_HOME": str(folder / "state")}


def million(count: int, folder: Path, *, bulk: bool) -> None:
    """One long run, and how much memory it holds on the way."""
    entities(count, folder / "products.jsonl", small=True)
    with store(0) as port:
        mode = {"batch": 20, "delivery": "bulk"} if bulk else {"batch": 500, "delivery": "single"}
        (folder / "benchmark.toml").write_text(PROFILE.format(port=port, **mode))
        began = time.perf_counter()
        with subprocess.Popen(
            _ours(folder, "--json"), env=_environment(folder), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            marks = [0.0, 0.1, 0.5, 1.0]
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] == "progress":
                    memory = _resident(process.pid)
                done = event["tasks"]["finished"] if event["event"] == "summary" else event.get("items", 0)
                while marks and done >= marks[0] * count and event["event"] in ("progress", "summary"):
                    passed = time.perf_counter() - began
                    print(f"  {marks.pop(0):4.0%}  {done:>9,} tasks  {passed:6.1f} s  {memory:6.1f} MB")


def _resident(process: int) -> float:
    """MB that a process holds now."""
    text = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) / 1024


def main(arguments: list[str]) -> None:
    if "--serve" in arguments:
        asyncio.run(serve(float(arguments[-1])))
        return
    smoke = "--smoke" in arguments
    rounds = int(arguments[arguments.index("--rounds") + 1]) if "--rounds" in arguments else 1 if smoke else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "--million" in arguments:
            count = next((int(each) for each in arguments if each.isdigit()), 1_000_000)
            million(count, folder, bulk="--bulk" in arguments)
            return
        count = 200 if smoke else 10_000
        for milliseconds, batch in ((0.0, 1), (50.0, 1), (50.0, 20)):
            print(f"{count:,} entities, {milliseconds:g} ms a response, {batch} a request, medians of {rounds}")
            compare(count, milliseconds, batch, rounds, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
