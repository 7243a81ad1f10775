"""A server of the tests ends with the processes that use it, also where they are killed."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

from postgres import watch

_USER = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_SH)
    print("uses it", flush=True)
    sys.stdin.read()
"""


def test_a_server_ends_when_its_last_user_is_killed(tmp_path: Path) -> None:
    users, state, folder = tmp_path / "users", tmp_path / "state", tmp_path / "cluster"
    (folder / "data").mkdir(parents=True)
    state.touch()
    command = [sys.executable, "-I", "-S", "-c", _USER, users]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for user in started:
        assert user.stdout is not None
        assert user.stdout.readline() == b"uses it\n"
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as server:
        (folder / "data" / "postmaster.pid").write_text(f"{server.pid}\n{folder}\n")
        watch(users, state, folder)
        for user in started:
            assert server.poll() is None
            user.kill()
            user.communicate()
        server.wait(60)
    with users.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # until the folder is deleted
    assert not folder.exists()
    assert not state.exists()
