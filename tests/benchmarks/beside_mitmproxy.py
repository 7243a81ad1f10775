"""A log of 10,000 exchanges opened by this program and by mitmproxy: time until the list has all, and memory.

python tests/benchmarks/beside_mitmproxy.py [--smoke] [PATH OF mitmproxy, else $MITMPROXY]: both open the same HAR, then
each its own format. mitmproxy stands in an environment of its own (pip install mitmproxy); mitmdump is beside it.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmark_peer import LONGEST, OURS, megabytes, peer, running, worked
from exchanges import exchange

from tui_connector.client.exchange import Exchange
from tui_connector.log import har
from tui_connector.log.records import line


def log(count: int) -> list[Exchange]:
    """Answers of 2 KB, no two alike."""
    uri = "https://acme.example/rest/V1/products/24-MB"
    filling = b"x" * 1_950
    return [
        exchange(
            number,
            uri=f"{uri}{number}",
            body=b'{"id":%d,"description":"%b"}' % (number, filling),
            headers=(("Content-Type", "application/json"), ("X-Request-Id", f"{number:032x}")),
        )
        for number in range(1, count + 1)
    ]


@dataclass(frozen=True)
class Opened:
    """Seconds from the start until the list has all, processor seconds until then, and MB."""

    seconds: float
    worked: float
    memory: float

    def __str__(self) -> str:
        return f"listed after {self.seconds:.1f} s ({self.worked:.1f} s of a processor), {self.memory:.0f} MB"


def opened(command: str, shown: str, home: Path) -> Opened:
    began = time.perf_counter()
    with running(command, home) as terminal:
        terminal.wait_for(shown, LONGEST)
        return Opened(time.perf_counter() - began, worked(terminal.process), megabytes(terminal.process))


def main(mitmproxy: str | None, count: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        as_har, ours, theirs = home / "log.har", home / "log.jsonl", home / "log.mitm"
        exchanges = log(count)
        as_har.write_bytes(b"".join(har.export(exchanges)))
        ours.write_bytes(b"".join(map(line, exchanges)))
        if mitmproxy is not None:
            mitmdump = Path(mitmproxy).with_name("mitmdump")
            subprocess.run([mitmdump, "-nq", "-r", as_har, "-w", theirs], env={"HOME": directory}, check=True)
        for what, mine, its in (("HAR", as_har, as_har), ("own format", ours, theirs)):
            own = opened(f"{OURS} log {mine}", f"Requests {count:,}", home)
            print(f"{what}, {count} exchanges: {own}")
            if mitmproxy is not None:
                other = opened(f"{shlex.quote(mitmproxy)} -n -r {its}", f"/{count}]", home)
                print(f"  mitmproxy: {other}")
                ratios = own.seconds / other.seconds, own.worked / other.worked, own.memory / other.memory
                print("  this program beside it: {:.2f} × time, {:.2f} × processor, {:.2f} × MB".format(*ratios))


if __name__ == "__main__":
    program, smoke = peer("MITMPROXY", "a log beside mitmproxy")
    main(program, 200 if smoke else 10_000)
