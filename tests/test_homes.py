"""No process of the tests uses the home directory of whoever runs them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import fork_server
import pytest
from homes import STRAY

_HOME = ("-c", "import os; print(os.path.expanduser('~'))")


def test_a_process_that_inherits_the_environment_has_another_home() -> None:
    ended = subprocess.run([sys.executable, *_HOME], capture_output=True, text=True, check=True)
    assert Path(ended.stdout.strip()).name.startswith(STRAY)
    assert not any(name in os.environ for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"))


def test_a_process_without_a_home_is_refused() -> None:
    with pytest.raises(AssertionError, match="no HOME of its own"):
        subprocess.run([sys.executable, *_HOME], env={}, check=False)
    with pytest.raises(AssertionError, match="no HOME of its own"):
        fork_server.run("--version", env={})


async def test_a_process_of_the_event_loop_without_a_home_is_refused() -> None:
    with pytest.raises(AssertionError, match="no HOME of its own"):
        await asyncio.create_subprocess_exec(sys.executable, *_HOME, env={"PATH": os.environ["PATH"]})


def test_a_process_of_the_fork_server_has_its_own_home(clean_environment: dict[str, str]) -> None:
    code, out, _ = fork_server.run(env=clean_environment, code=_HOME[1])
    assert (code, out.decode().strip()) == (0, clean_environment["HOME"])
