"""This program beside posting: 100 characters typed into a field, and JSON responses of 140 KB and 1.4 MB.

From the first key to the last character on the screen, and from the key that sends to the text of the body.

python tests/benchmarks/beside_posting.py [--smoke] [PATH OF posting, else $POSTING]: one server, both programs on
terminals of the same size, in turns. posting stands in an environment of its own (pip install posting).
"""

from __future__ import annotations

import json
import shlex
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmark_peer import LONGEST, OURS, megabytes, peer, running
from exchanges import exchange
from terminal import Terminal

from tui_connector.log.records import line

ITEMS = {"140 KB": 1_280, "1.4 MB": 12_800}
PROFILE = """format = 1
name = "Shop"
[clients.default]
[[clients.default.plugins]]
kind = "base-uri"
uri = "{url}"
[[clients.default.plugins]]
kind = "log-requests"
formatter = "full"
"""


class Store(BaseHTTPRequestHandler):
    """`/N` is a list of N products; each response begins with its number. It has no schema."""

    protocol_version = "HTTP/1.1"
    answered = 0

    def do_GET(self) -> None:
        if not self.path[1:].isdecimal():
            self.send_error(404)
            return
        Store.answered += 1
        items = [
            {"id": n, "sku": f"SKU-{n:07}", "name": f"Product {n}", "price": 9.99, "attributes": [{"value": "2"}]}
            for n in range(int(self.path[1:]))
        ]
        body = json.dumps({"answer": f"number-{Store.answered}", "items": items}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def store() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def shown(terminal: Terminal, key: str) -> float:
    """Seconds from the key that sends until the text of the response is on the screen."""
    response = f"number-{Store.answered + 1}"
    began = time.perf_counter()
    terminal.press(key)
    terminal.wait_for(response, LONGEST)
    return time.perf_counter() - began


TYPED = 100
"""Characters that are typed."""


def typed(terminal: Terminal, end: str) -> float:
    """Seconds from the first of the characters, which come in one write, until the last ones are on the screen."""
    terminal.press("C-u")
    terminal.settle()
    began = time.perf_counter()
    terminal.press(*("x" * (TYPED - len(end)) + end))
    terminal.wait_for(end, LONGEST)
    return time.perf_counter() - began


def in_ours(home: Path, url: str, rounds: int) -> tuple[list[float], list[float], float]:
    """Sends the selected request of a log again, with a profile."""
    profiles = home / ".config" / "tui-connector" / "profiles"
    profiles.mkdir(parents=True, exist_ok=True)
    origin = url.rpartition("/")[0]
    (profiles / "shop.toml").write_text(PROFILE.format(url=origin))
    recorded = home / "log.jsonl"
    recorded.write_bytes(line(exchange(1, uri=url, client="default", request_headers=())))
    with running(f"{OURS} log {recorded} --profile shop", home) as terminal:
        terminal.wait_for("Requests 1")
        terminal.settle()
        times = [shown(terminal, "x") for _ in range(rounds)]
        terminal.press("X")
        terminal.wait_for("Edit and resend")
        return times, [typed(terminal, f"end{each}") for each in range(rounds)], megabytes(terminal.process)


def in_posting(posting: str, home: Path, url: str, rounds: int) -> tuple[list[float], list[float], float]:
    (home / "collection").mkdir(exist_ok=True)
    with running(f"{shlex.quote(posting)} --collection {home}/collection", home) as terminal:
        terminal.wait_for("Enter a URL")
        terminal.settle()
        terminal.paste(url)
        terminal.wait_for(url)
        typing = [typed(terminal, f"end{each}") for each in range(rounds)]
        terminal.press("C-u")
        terminal.paste(url)
        terminal.wait_for(url)
        times = [shown(terminal, "C-j") for _ in range(rounds)]
        return times, typing, megabytes(terminal.process)


def main(posting: str | None, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as directory, store() as url:
        for size, items in ITEMS.items():
            times, typing, memory = in_ours(Path(directory), f"{url}/{items}", rounds)
            own = statistics.median(typing)
            print(f"{TYPED} characters typed: on screen after {own * 1_000:.0f} ms (median of {rounds})")
            mine = statistics.median(times)
            print(f"JSON of {size}: on screen after {mine * 1_000:.0f} ms (median of {rounds}), {memory:.0f} MB")
            if posting is not None:
                times, typing, memory = in_posting(posting, Path(directory), f"{url}/{items}", rounds)
                print(f"  this program takes {own / statistics.median(typing):.2f} times as long as posting to type")
                theirs = statistics.median(times)
                print(f"  posting: {theirs * 1_000:.0f} ms, {memory:.0f} MB")
                print(f"  posting takes {theirs / mine:.0f} times as long as this program")


if __name__ == "__main__":
    program, smoke = peer("POSTING", "long responses beside posting")
    main(program, 1 if smoke else 5)
