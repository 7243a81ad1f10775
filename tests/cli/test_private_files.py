"""What commands leave in the state and cache directories is their user's alone, whatever the umask."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from program import Program
from requirements import skip_without


def modes(directory: Path) -> dict[str, str]:
    """Of all that others could use: the mode."""
    found = {str(each): stat.S_IMODE(each.stat().st_mode) for each in [directory, *directory.rglob("*")]}
    return {name: oct(mode) for name, mode in found.items() if mode & 0o077}


def wrong_login(profiles: Path, store: dict[str, Any]) -> None:
    (profiles / "admin.toml").write_text(
        f'format = 1\nname = "Acme, as an admin"\n[authentications.admin]\nkind = "request"\n'
        f'parameters = {{ username = "admin", password = {{ env = "ADMIN_PASSWORD" }} }}\n'
        f'[clients.shop]\nauthentications = ["admin"]\n'
        f'plugins = [{{ kind = "base-uri", uri = "{store["url"]}/rest/V1" }}]\n'
    )


@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_no_other_user_can_enter_what_commands_leave(
    program: Program, environment: dict[str, str], profiles: Path, store: dict[str, Any], tmp_path: Path, umask: str
) -> None:
    wrong_login(profiles, store)
    ended = program("run", "acme", "products", "--out", str(tmp_path / "items.jsonl"), umask=int(umask, 8))
    assert ended.returncode == 0, ended.stderr
    environ = {**environment, "ADMIN_PASSWORD": "wrong-CANARY"}
    refused = program("request", "admin", "GET", "modules", environ=environ, umask=int(umask, 8))
    assert refused.returncode == 3, refused.stderr
    state, cache = (Path(environment[name]) / "tui-connector" for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"))
    assert {each.name for each in state.iterdir()} >= {"history", "incoming", "refused-logins"}
    assert modes(state.parent) == {}
    if cache.exists():
        assert modes(cache.parent) == {}


def test_what_an_earlier_version_left_open_is_closed(program: Program, environment: dict[str, str]) -> None:
    state = Path(environment["XDG_STATE_HOME"]) / "tui-connector"
    (state / "history").mkdir(parents=True)
    for each in (state, state / "history"):
        each.chmod(0o777)
    ended = program("profiles")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert modes(state) == {}


def test_an_export_that_finds_no_room_leaves_no_file(program: Program, tmp_path: Path) -> None:
    recorded = program("run", "acme", "products", "--out", "-", "--record", str(tmp_path / "recording"))
    assert recorded.returncode == 0, recorded.stderr
    export = ["log", str(tmp_path / "recording"), "--export", "har", "--out", str(tmp_path / "out.har")]
    ended = program(*export, limit_file=512)
    assert ended.returncode == 1
    assert "It was not written" in ended.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["home", "recording"]
    assert program(*export).returncode == 0
    assert stat.S_IMODE((tmp_path / "out.har").stat().st_mode) == 0o600
    assert program(*export).returncode == 2


def test_a_killed_process_leaves_no_memory_image(clean_environment: dict[str, str], tmp_path: Path) -> None:
    """Ctrl-\\ at a prompt is pressed by accident, and a core file holds all secrets in plain text."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if hard == 0:
        skip_without("a hard limit above 0 for core files")
    command = [sys.executable, "-m", "tui_connector", "sandbox", "--port", "0", "--json"]
    process = subprocess.Popen(
        command,
        env=clean_environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGQUIT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert os.WTERMSIG(status) == signal.SIGQUIT
    assert not os.WCOREDUMP(status)
    assert list(tmp_path.glob("*core*")) == []
