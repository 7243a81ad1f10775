"""Stops a PostgreSQL server when no process uses it any more, however those have ended: a killed one stops nothing.

Each user holds a shared lock on a file, which the system releases at the end of the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path


def main(users: Path, state: Path, folder: Path) -> None:
    with users.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits for the end of all users; a new one waits for the end of this
        state.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            _stop(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
        shutil.rmtree(folder, ignore_errors=True)


def _stop(server: int) -> None:
    deadline = time.monotonic() + 60
    with contextlib.suppress(ProcessLookupError):
        os.kill(server, signal.SIGQUIT)  # PostgreSQL's immediate shutdown
        while time.monotonic() < deadline:
            os.kill(server, 0)
            time.sleep(0.02)


def _detach() -> None:
    """Continues in a process that no test waits for, and that neither Ctrl+C nor a closed stream reaches."""
    if os.fork():
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)


if __name__ == "__main__":
    _detach()
    main(*map(Path, sys.argv[1:]))
