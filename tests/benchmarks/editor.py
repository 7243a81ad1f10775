"""The editor on a profile of 1,000 lines, and home with 500 profiles, beside nano on the same file: by a terminal.

python tests/benchmarks/editor.py [--smoke] [--keys N]. Clock: from the write of a key to the words on the terminal.
CPU: of all threads of the program, from the key until it writes nothing more.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import select
import shutil
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

_DEADLINE = 60.0
_QUIET = 0.4
"""Seconds without output after which a program has drawn everything."""
_INCOMING = """
[incoming.products-NUMBER]
client = "magento"
request = { uri = "products", where = ["status eq 1", "updated_at gt 2026-01-01"] }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 100 }
incremental = { field = "updated_at" }
sink = { kind = "jsonl", path = "products-NUMBER.jsonl" }
"""
_HEAD = """format = 1
name = "Acme store"

[clients.magento]

[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"
"""


class Program:
    """A program on a terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.began = time.perf_counter()
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execvpe(command[0], command, environment)
        ioctl(self.terminal, TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))

    def press(self, keys: bytes) -> float:
        os.write(self.terminal, keys)
        return time.perf_counter()

    def seen(self, *words: bytes) -> float:
        """The time when one of these words was written; without words, when anything was."""
        got, until = b"", time.perf_counter() + _DEADLINE
        while time.perf_counter() < until:
            if select.select([self.terminal], [], [], 1.0)[0]:
                got += os.read(self.terminal, 65_536)
                if not words or any(each in got for each in words):
                    return time.perf_counter()
        raise SystemExit(f"{words!r} did not appear; the terminal got {got[-2_000:]!r}")

    def settle(self) -> None:
        while select.select([self.terminal], [], [], _QUIET)[0]:
            os.read(self.terminal, 65_536)

    def cpu(self) -> float:
        """Seconds of processor time of all threads."""
        found = 0
        for task in Path(f"/proc/{self.process}/task").iterdir():
            with contextlib.suppress(OSError):
                found += int((task / "schedstat").read_text().split()[0])
        return found / 1e9

    @property
    def memory(self) -> float:
        """MB of resident memory."""
        return int(Path(f"/proc/{self.process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def close(self) -> None:
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


@contextlib.contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[Program]:
    program = Program(command, environment)
    try:
        yield program
    finally:
        program.close()


def measured(program: Program, keys: list[tuple[bytes, tuple[bytes, ...]]]) -> tuple[list[float], list[float]]:
    """The milliseconds from each key to its words, by the clock and of the processor."""
    clock, processor = [], []
    for key, words in keys:
        program.settle()
        before = program.cpu()
        pressed = program.press(key)
        clock.append((program.seen(*words) - pressed) * 1000)
        program.settle()
        processor.append((program.cpu() - before) * 1000)
    return clock, processor


def summary(values: list[float]) -> str:
    ordered = sorted(values)
    return (
        f"median {statistics.median(ordered):.0f}, p99 {ordered[int(len(ordered) * 0.99)]:.0f}, most {ordered[-1]:.0f}"
    )


def main(keys: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        environment = {**kept, "HOME": home, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        file = Path(home) / "acme.toml"
        count = (1_000 - _HEAD.count("\n")) // _INCOMING.count("\n")
        file.write_text(_HEAD + "".join(_INCOMING.replace("NUMBER", str(number)) for number in range(count)))
        ours = [sys.executable, "-m", "tui_connector"]
        text = file.read_bytes()
        print(f"load average {os.getloadavg()[0]:.1f}; {text.count(10)} lines, {len(text)} bytes")
        with started([*ours, "edit", str(file)], environment) as program:
            program.seen(b"format")
            print(f"editor, first paint of the text: {time.perf_counter() - program.began:.2f} s")
            program.settle()
            program.press(b"\x1b[1;5F" + b"\x1b[D" * 3)  # after the last quotation mark
            toggles = [(b"\x7f", (b"1 problem",)), (b'"', (b"valid",))] * (keys // 2)
            clock, processor = measured(program, toggles)
            print(f"editor, key to displayed problem, ms by the clock: {summary(clock)}; of CPU: {summary(processor)}")
            echo, processor = measured(program, [(b"\x1b[A", ()), (b"\x1b[B", ())] * (keys // 2))
            print(f"editor, key to first output, ms by the clock: {summary(echo)}; of CPU: {summary(processor)}")
        if nano := shutil.which("nano"):
            with started([nano, str(file)], environment) as program:
                program.seen(b"format")
                print(f"nano, first paint of the text: {time.perf_counter() - program.began:.3f} s")
                program.settle()
                echo, processor = measured(program, [(b"x", (b"x",)), (b"\x7f", ())] * (keys // 2))
                print(f"nano, key to echo, ms by the clock: {summary(echo)}; of CPU: {summary(processor)}")
        profiles = Path(home) / ".config" / "tui-connector" / "profiles"
        profiles.mkdir(parents=True)
        for number in range(500):
            (profiles / f"store-{number:05}.toml").write_text(_HEAD + _INCOMING)
        with started(ours, {**environment, "XDG_STATE_HOME": f"{home}/other"}) as program:
            program.seen(b"store-00005")
            print(f"home with 500 profiles, first list: {time.perf_counter() - program.began:.2f} s")
            program.settle()
            echo, processor = measured(program, [(b"\x1b[B", ())] * keys)
            print(f"home, key to first output, ms by the clock: {summary(echo)}; of CPU: {summary(processor)}")
            print(f"home, memory: {program.memory:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--keys", type=int, default=100)
    options = parser.parse_args()
    main(4 if options.smoke else options.keys)
