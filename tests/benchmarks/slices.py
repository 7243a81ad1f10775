"""One list in 16 slices on two workers beside one process; and a queue of 100,000 tasks that two producers fill.

python tests/benchmarks/slices.py million [--smoke] [--items N] [--slices N] [--ledger]
python tests/benchmarks/slices.py queue [--smoke] [--tasks N] [--batch N]
python tests/benchmarks/slices.py [--smoke]: both

`million`: the items have about 270 bytes and come in pages of 100 that are made as they are requested; each slice is a
process of its own, as an engine starts it. `--ledger` keeps the slices in a PostgreSQL of its own, not in a directory.
`queue`: needs RabbitMQ. The tasks are quantities of stock that are compared with the store before they are sent; it
fails if a store gets the quantities of a product out of order, if a task is missing, or if an undo restores something
else than what was there. CPU seconds are those of all processes of the program, without the store's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from celery_workers import Workers
from postgres import new_database, shared_cluster
from rabbitmq import rabbitmq

from tui_connector.outgoing.task_ledger import TaskReader

PAGE = 100
PROFILE = """format = 1
name = "Benchmark"
[authentications.a]
kind = "bearer"
token = { env = "BENCHMARK_TOKEN" }
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
[incoming.products]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id" }
sink = { kind = "jsonl", path = "products.jsonl" }
"""
STOCK = """
[outgoing.levels]
client = "shop"
source = { kind = "stdin" }
identifier = "sku"
batch = 100
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = "&{@}" } }
compare = { preset = "stock" }
"""


# the store


class Shop:
    """Products with the ids 1, 2, 3, …, and their stock."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._stock: dict[str, float] = {}
        self._sent: dict[str, int] = {}
        self._out_of_order = 0
        self._rows = 0

    def response(self, head: str, body: bytes) -> bytes:
        method, uri, _ = head.split(" ", 2)
        path = urlsplit(uri).path
        if path.endswith("/report"):
            found = {"rows": self._rows, "products": len(self._sent), "out_of_order": self._out_of_order}
            return json.dumps({**found, "at_start": all(each == 5 for each in self._stock.values())}).encode()
        asked: dict[str, dict[str, str]] = {}
        others: dict[str, str] = {}
        for name, value in parse_qsl(urlsplit(uri).query):
            parts = name.replace("]", "").split("[")
            if len(parts) == 6:
                asked.setdefault(parts[2], {})[parts[5]] = value
            else:
                others[parts[-1]] = value
        if path.endswith("/source-items"):
            return self._set(json.loads(body)) if method == "POST" else self._levels(asked)
        return self._page(asked, others)

    def _page(self, asked: dict[str, dict[str, str]], others: dict[str, str]) -> bytes:
        after, until = 0, self._total
        for each in asked.values():
            if each["field"] == "sku":
                skus = each["value"].split(",")
                return json.dumps({"items": [{"sku": sku} for sku in skus], "total_count": len(skus)}).encode()
            if each["condition_type"] == "gt":
                after = max(after, int(each["value"]))
            elif each["condition_type"] == "lteq":
                until = min(until, int(each["value"]))
        size, count = int(others.get("pageSize", PAGE)), max(0, until - after)
        if others.get("direction") == "DESC":
            ids = range(until, max(after, until - size), -1)
        else:
            first = after + 1 + (int(others.get("currentPage", 1)) - 1) * size
            ids = range(first, min(until, first + size - 1) + 1)
        items = ",".join(
            f'{{"id":{n},"sku":"SKU-{n:07}","name":"Product {n}","price":34.5,"status":1,"type_id":"simple",'
            f'"updated_at":"2026-11-01 00:00:00","custom_attributes":[{{"attribute_code":"description","value":'
            f'"A jacket of organic cotton with a zip, two pockets, and a number: {n}"}}]}}'
            for n in ids
        )
        return f'{{"items":[{items}],"total_count":{count}}}'.encode()

    def _levels(self, asked: dict[str, dict[str, str]]) -> bytes:
        skus = next(each["value"] for each in asked.values() if each["field"] == "sku").split(",")
        rows = [
            {"sku": sku, "source_code": "default", "quantity": self._stock.setdefault(sku, 5), "status": 1}
            for sku in skus
        ]
        return json.dumps({"items": rows, "total_count": len(rows)}).encode()

    def _set(self, body: dict[str, list[dict[str, object]]]) -> bytes:
        for row in body["sourceItems"]:
            sku, quantity = str(row["sku"]), int(str(row["quantity"]))
            if quantity != 5:  # an undo
                self._rows += 1
                self._out_of_order += quantity < self._sent.get(sku, 0)
                self._sent[sku] = quantity
            self._stock[sku] = quantity
        return b"[]"


class Connection(asyncio.Protocol):
    """One request after another."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._read = shop, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].decode()
            length = next((int(line[15:]) for line in head.split("\r\n") if line.lower()[:15] == "content-length:"), 0)
            if len(self._read) < end + 4 + length:
                return
            body, self._read = self._read[end + 4 : end + 4 + length], self._read[end + 4 + length :]
            found = self._shop.response(head, body)
            start = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(found)}\r\n\r\n"
            self._transport.write(start.encode() + found)


async def serve(total: int) -> None:
    shop = Shop(total)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(shop), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def store(total: int) -> Iterator[str]:
    """The address of a store that is running."""
    command = [sys.executable, __file__, "serve", "--items", str(total)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


# one list in slices


@dataclass
class Cost:
    """Of processes: seconds by the wall clock and of the CPU together, MB of memory of the largest."""

    wall: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0

    def __str__(self) -> str:
        return f"{self.wall:8.1f} s, {self.cpu:8.1f} CPU s, {self.memory:6.0f} MB"


class Program:
    """The program, started as an engine does."""

    def __init__(self, folder: Path, profile: str) -> None:
        self.folder = folder
        (folder / "home").mkdir(parents=True)
        (folder / "shop.toml").write_text(profile)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "PYTHONPATH": ":".join(filter(None, sys.path)),
            "BENCHMARK_TOKEN": "a-CANARY-token",
        }

    def __call__(self, *words: str) -> Cost:
        began = time.perf_counter()
        command = [sys.executable, "-m", "tui_connector", words[0], "--trust", str(self.folder / "shop.toml")]
        process = subprocess.Popen(
            [*command, *words[1:]], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.stderr.close()
        if status:
            raise SystemExit(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}: {said}")
        return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)

    def workers(self, number: int, commands: Sequence[Sequence[str]]) -> Cost:
        """Each worker takes one command after another."""
        waiting: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()
        for each in commands:
            waiting.put(each)
        costs, began = list[Cost](), time.perf_counter()

        def work() -> None:
            while not waiting.empty():
                costs.append(self(*waiting.get()))

        threads = [threading.Thread(target=work) for _ in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(costs) < len(commands):
            raise SystemExit("a slice has failed")
        return Cost(time.perf_counter() - began, sum(each.cpu for each in costs), max(each.memory for each in costs))


def million(items: int, slices: int, *, ledger: bool) -> None:
    print(f"{items:,} items, {slices} slices, two workers; load of this machine: {os.getloadavg()[0]:.1f}")
    with ExitStack() as held:
        url = held.enter_context(store(items))
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        profile = PROFILE.replace("URL", url)
        one = Program(folder / "one", profile)
        print(f"one process              {one('run', 'products', '--quiet')}", flush=True)
        if ledger:
            (folder / "postgres").mkdir()
            cluster = held.enter_context(shared_cluster(folder / "postgres"))
            database = held.enter_context(closing(new_database(cluster)))
            profile += "\n".join(
                ["[ledger]", *(f"{name} = {json.dumps(value)}" for name, value in database.saved.items())]
            )
        program, run = Program(folder / "sliced", profile), ("products", "--run-id", "r1")
        planned = program("plan", *run, "--slices", str(slices))
        read = program.workers(2, [("run", *run, "--slice", str(n), "--quiet") for n in range(slices)])
        committed = program("commit", *run, "--quiet")
        for name, cost in (("plan", planned), ("slices on two workers", read), ("commit", committed)):
            print(f"{name:24} {cost}", flush=True)
        together = Cost(
            planned.wall + read.wall + committed.wall,
            planned.cpu + read.cpu + committed.cpu,
            max(each.memory for each in (planned, read, committed)),
        )
        print(f"together                 {together}")
        files = [folder / name / "products.jsonl" for name in ("one", "sliced")]
        equal = subprocess.run(["cmp", "-s", *files], check=False).returncode == 0
        with files[1].open("rb") as lines:
            number = sum(1 for _ in lines)
        print(f"{number:,} items in the sink, byte for byte those of the one process: {equal}")
        assert equal
        assert number == items


# a queue that two producers fill


def produced(workers: Workers, first: int, tasks: int, batch: int, products: int) -> subprocess.Popen[bytes]:
    """A producer that queues tasks: of each product, quantities that grow. Those of two have different products."""
    rows = f"({{'sku': f'P{first}-{{n % {products}}}', 'source_code': 'default', 'quantity': 10 + n // {products}, "
    code = (
        "import tui_connector.celery as tasks\n"
        f"tasks.publish({str(workers.profile)!r}, 'levels', "
        f"{rows}'status': 1}} for n in range({tasks})), identifier='sku', partitions=2, batch={batch})"
    )
    return subprocess.Popen([sys.executable, "-c", code], env=workers.environment, cwd=workers.folder)


async def queued(tasks: int, batch: int) -> None:
    print(f"{tasks:,} tasks in batches of {batch:,}; load of this machine: {os.getloadavg()[0]:.1f}")
    with ExitStack() as held:
        url = held.enter_context(store(1))
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        (folder / "home").mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "PYTHONPATH": ":".join(sys.path)}
        environment |= {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
        broker = held.enter_context(rabbitmq(folder / "rabbitmq"))
        workers = Workers(folder, environment, broker, url, more=STOCK)
        workers.environment["TUI_CONNECTOR_QUEUES"] = "shop/levels:2"
        products = max(1, tasks // 2 // 10)
        began = time.perf_counter()
        producers = [produced(workers, first, tasks // 2, batch, products) for first in (1, 2)]
        for each in producers:
            assert each.wait() == 0
        print(f"filled by two producers in {time.perf_counter() - began:.1f} s", flush=True)
        began = time.perf_counter()
        workers.start(2)
        held.callback(workers.close)

        def counts() -> dict[str, int]:
            for path in (workers.state / "outgoing").rglob("levels.sqlite"):
                with closing(TaskReader(path)) as reader:
                    last = reader.last()
                    return {} if last is None else {str(state): n for state, n in reader.counts(last.id).items() if n}
            return {}

        def is_done() -> bool:
            assert all(each.poll() is None for each in workers.running), workers.logs()
            return sum(counts().values()) >= tasks

        await workers.until(is_done, seconds=3_600, every=1)
        sent, cpu = time.perf_counter() - began, workers.cpu_seconds()
        report = _report(url)
        print(
            f"sent and committed by two workers in {sent:.1f} s ({tasks / sent:,.0f} tasks/s): {counts()}", flush=True
        )
        print(f"the store: {report['rows']:,} rows, {report['out_of_order']} out of order", flush=True)
        assert report["out_of_order"] == 0
        assert report["products"] == products * 2
        workers.close()
        workers.running.clear()
        print(f"the workers and their commands: {cpu:.1f} CPU s", flush=True)
        rows = [{"sku": f"P1-{n}", "source_code": "default", "quantity": 5000, "status": 1} for n in range(100)]
        lines = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        plan = await _call(workers, "run", "levels", "--plan", "--json", given=lines)
        print(f"plan of 100 more: {plan.count(b'5000')} changes", flush=True)
        began = time.perf_counter()
        undo = await _call(workers, "run", "levels", "--undo", "last", "--quiet", "--json")
        print(f"undo in {time.perf_counter() - began:.1f} s: {undo.splitlines()[-1].decode()[:300]}")
        assert _report(url)["at_start"], "the undo has not restored the stock"
        print("the stock is as it was before the first task")


def _report(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/report") as response:
        found: dict[str, int] = json.load(response)
        return found


async def _call(workers: Workers, *words: str, given: bytes = b"") -> bytes:
    command = [sys.executable, "-m", "tui_connector", words[0], str(workers.profile), *words[1:]]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, env=workers.environment, stdin=pipe, stdout=pipe, stderr=pipe
    )
    out, err = await process.communicate(given)
    assert process.returncode == 0, (out[-2_000:], err[-2_000:])
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="?", choices=["million", "queue", "serve"])
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--slices", type=int, default=16)
    parser.add_argument("--ledger", action="store_true")
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=5_000)
    options = parser.parse_args()
    if options.what == "serve":
        asyncio.run(serve(options.items))
    if options.what in ("million", None):
        smoke = options.smoke
        million(2_000 if smoke else options.items, 4 if smoke else options.slices, ledger=options.ledger)
    if options.what in ("queue", None):
        asyncio.run(queued(200 if options.smoke else options.tasks, 50 if options.smoke else options.batch))
