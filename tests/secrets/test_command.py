"""Secrets printed by a command: only where that is granted, only its first line, and never for ever."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from grants import granted
from user_errors import user_error

from tui_connector.machine import Machine
from tui_connector.secrets.capability import Grants
from tui_connector.secrets.command import run_command
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.source import SecretSource
from tui_connector.secrets.vault import Vault

SHOP = "https://shop.example"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.bad_input(61)
@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("print('CANARY-one')", "CANARY-one"),
        ("print('CANARY-one'); print('CANARY-two')", "CANARY-one"),
        ("print('CANARY-one ')", "CANARY-one "),
        ("import sys; sys.stdout.write('CANARY-one\\r\\n')", "CANARY-one"),
        ("import sys; print(repr(sys.stdin.read()))", "''"),  # it waits for nobody
        ("import sys; print('CANARY', file=sys.stderr); print('x')", "x"),
    ],
)
async def test_the_first_line_is_the_secret(code: str, printed: str) -> None:
    assert await run_command(python(code)) == printed


@pytest.mark.bad_input(61)
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["/no/such/program"], "cannot be started: No such file"),
        (["a\0b"], "cannot be started: embedded null byte"),
        (python("raise SystemExit(1)"), "exited with status 1"),
        (python("while True: print('x' * 1_000)"), "printed more than"),
        (python("import sys; sys.stdout.write('x' * 10_000_000)"), "printed more than"),
        (python("import time; time.sleep(600)"), "did not finish within"),
        (python("import sys; sys.stdout.buffer.write(bytes([0xff]))"), "not UTF-8"),
    ],
)
async def test_a_command_that_gives_none_says_why(argv: list[str], words: str) -> None:
    with user_error("command-failed", match=words):
        await run_command(argv, deadline=0.3 if "within" in words else 60)


async def test_what_a_command_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    left = tmp_path / "left"
    command = ["sh", "-c", f"echo CANARY-one; sleep 600 & echo $! > {left}"]
    try:
        assert await run_command(command) == "CANARY-one"
        os.kill(int(left.read_text()), 0)  # it was none of ours to end
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)


async def test_a_command_may_print_more_after_its_first_line() -> None:
    code = "import sys, time; print('CANARY-one', flush=True); time.sleep(0.2); print('two', flush=True)"
    assert await run_command(python(code)) == "CANARY-one"
    with user_error("command-failed", match="exited with status 7"):
        await run_command(python(f"{code}; raise SystemExit(7)"))


async def test_no_command_is_run_that_is_not_granted(machine: Machine, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    source = SecretSource(command=python(f"open({str(ran)!r}, 'w').close(); print('CANA' 'RY-secret')"))
    vault = Vault(machine, Mask())
    only_sent = Grants(frozenset(each for each in granted(source, SHOP).capabilities if each.kind == "secret"))
    with user_error("secret-untrusted", match="not the one that was trusted"):
        await vault.read(source, SHOP, "", only_sent, tmp_path)
    assert not ran.exists()
    assert await vault.read(source, SHOP, "", granted(source, SHOP, directory=tmp_path), tmp_path) == "CANARY-secret"
    with user_error("secret-untrusted"):
        await vault.read(source, "https://other.example", "", granted(source, SHOP, directory=tmp_path), tmp_path)
    assert source.command is not None
    changed = SecretSource(command=[*source.command, "more"])
    with user_error("secret-untrusted"):
        await vault.read(changed, SHOP, "", granted(source, SHOP, directory=tmp_path), tmp_path)
    vault.close()


@pytest.mark.parametrize(
    "argv",
    [["./tok.sh"], ["sh", "tok.sh"], ["sh", "./tok.sh"], ["tok.sh"], ["env", "sh", "tok.sh"], ["sh", "-c", "./tok.sh"],
     ["sh", "-e", "tok.sh"], ["python3", "tok.py"]],
)  # fmt: skip
async def test_a_script_that_changed_since_it_was_trusted_is_not_run(
    argv: list[str], machine: Machine, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "tok.sh").write_text("#!/bin/sh\necho CANA''RY-good\n")
    (tmp_path / "tok.py").write_text("print('CANA' 'RY-good')\n")
    (tmp_path / "tok.sh").chmod(0o700)
    here = replace(machine, environ={**machine.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    source, vault = SecretSource(command=argv), Vault(here, Mask())
    grants = granted(source, SHOP, directory=tmp_path, machine=here)
    if argv != ["sh", "-c", "./tok.sh"]:  # a command is started elsewhere
        assert await vault.read(source, SHOP, "", grants, tmp_path) == "CANARY-good"
    (tmp_path / "tok.sh").write_text(f"#!/bin/sh\ntouch {ran}\necho CANA''RY-bad\n")
    (tmp_path / "tok.py").write_text(f"open({str(ran)!r}, 'w'); print('CANA' 'RY-bad')\n")
    with user_error("secret-untrusted", match="not the one that was trusted"):
        await vault.read(source, SHOP, "", grants, tmp_path)
    assert not ran.exists()
    vault.close()


async def test_a_command_sees_nothing_of_the_folder_it_comes_from(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither as a module of Python nor as a program: what its arguments do not name was not looked at by anybody."""
    (tmp_path / "json.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (tmp_path / "git").write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    (tmp_path / "git").chmod(0o700)
    monkeypatch.chdir(tmp_path)
    here = replace(machine, environ={"PATH": f".::{os.environ['PATH']}", "HOME": str(tmp_path.parent)})
    vault = Vault(here, Mask())
    for argv in (python("import json; print('CANARY-x')"), ["sh", "-c", "git --version; echo CANARY-x"]):
        source = SecretSource(command=argv)
        await vault.read(source, SHOP, "", granted(source, SHOP, directory=tmp_path, machine=here), tmp_path)
    assert not (tmp_path / "ran").exists()
    vault.close()


async def test_a_command_gets_what_it_needs_of_the_environment_and_no_more(machine: Machine, tmp_path: Path) -> None:
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LC_ALL": "C",
        "SSH_AUTH_SOCK": "/s",
        "TUI_CONNECTOR_OTHER_TOKEN": "CANARY",
        "AWS_SECRET_ACCESS_KEY": "CANARY",
        "OP_SESSION_x": "op-session",
        "GITHUB_TOKEN": "CANARY",
        "WANTED": "yes",
    }
    here = replace(machine, environ=environ)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "op").write_text("#!/bin/sh\nenv | sort | tr '\\n' ' '\n")
    (tools / "op").chmod(0o700)
    profile = tmp_path / "profile"
    profile.mkdir()
    here = replace(here, environ={**environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    vault = Vault(here, Mask())
    source = SecretSource(command=["op"], environment=["WANTED"])
    printed = await vault.read(source, SHOP, "", granted(source, SHOP, directory=profile, machine=here), profile)
    assert "CANARY" not in printed
    for wanted in ("OP_SESSION_x=op-session", "WANTED=yes", "LC_ALL=C", "SSH_AUTH_SOCK=/s", f"HOME={tmp_path}"):
        assert wanted in printed
    own = SecretSource(command=["../tools/op"])  # a script of somebody's is no password manager, whatever its name
    printed = await vault.read(own, SHOP, "", granted(own, SHOP, directory=profile, machine=here), profile)
    assert "OP_SESSION" not in printed
    assert "WANTED" not in printed
    vault.close()
