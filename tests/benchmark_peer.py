"""Helpers of benchmarks that compare the program with another one, on terminals of the same size."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from terminal import Terminal

OURS = f"{shlex.quote(sys.executable)} -m tui_connector"
COLUMNS, ROWS = 140, 45
LONGEST = 600.0
"""Timeout of one wait, in seconds."""


def peer(variable: str, words: str) -> tuple[str | None, bool]:
    """The other program, from the argument or the environment variable, and whether this is only a smoke test."""
    arguments = argparse.ArgumentParser(description=words)
    arguments.add_argument("peer", nargs="?", default=os.environ.get(variable), help=f"its program; else ${variable}")
    arguments.add_argument("--smoke", action="store_true", help="run on little data, without the peer if it is missing")
    given = arguments.parse_args()
    if given.peer is None and not given.smoke:
        arguments.error(f"where is the other program? Give its path, or set {variable}")
    if given.peer is None:
        print("without the other program: its part is skipped")
    print("load", *(f"{each:.1f}" for each in os.getloadavg()), "on", os.cpu_count(), "processors")
    return given.peer, given.smoke


@contextmanager
def running(command: str, home: Path, **environment: str) -> Iterator[Terminal]:
    """A program on a terminal; its home is an empty directory unless something was put there."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    with tempfile.TemporaryDirectory() as socket:
        terminal = Terminal(Path(socket), command, {**kept, **environment, "HOME": str(home)}, COLUMNS, ROWS)
        try:
            yield terminal
        finally:
            processes = terminal.processes
            terminal.close()
            _wait_until_ended(processes)


def _wait_until_ended(processes: Iterable[int]) -> None:
    """The terminal is gone, and the program still writes what it must not lose into its home."""
    deadline = time.monotonic() + LONGEST
    while any(map(_is_running, processes)):
        assert time.monotonic() < deadline, "the program does not end without its terminal"
        time.sleep(0.01)


def _is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def worked(process: int) -> float:
    """CPU seconds used so far, which a busy machine distorts less than wall time."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def megabytes(process: int) -> float:
    """The resident memory of the process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
