"""Secrets printed by a command: only with consent, only its first line, and never for ever."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tui_connector.machine import Machine
from tui_connector.secrets.command import CommandRefused, printed_by
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.secret_error import ConsentNeeded
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
    assert await printed_by(python(code)) == printed


@pytest.mark.bad_input(61)
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["/no/such/program"], "cannot be started: No such file"),
        (["a\0b"], "cannot be started: embedded null byte"),
        (python("raise SystemExit(1)"), "ended with status 1"),
        (python("while True: print('x' * 1_000)"), "printed more than"),
        (python("import sys; sys.stdout.write('x' * 10_000_000)"), "printed more than"),
        (python("import time; time.sleep(600)"), "has not ended within"),
        (python("import sys; sys.stdout.buffer.write(bytes([0xff]))"), "not UTF-8"),
    ],
)
async def test_a_command_that_gives_none_says_why(argv: list[str], words: str) -> None:
    with pytest.raises(CommandRefused, match=words):
        await printed_by(argv, deadline=3)


async def test_what_a_command_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    left = tmp_path / "left"
    command = ["sh", "-c", f"echo CANARY-one; sleep 600 & echo $! > {left}"]
    try:
        assert await printed_by(command) == "CANARY-one"
        os.kill(int(left.read_text()), 0)  # it was none of ours to end
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)


async def test_a_command_may_print_more_after_its_first_line() -> None:
    code = "import sys, time; print('CANARY-one', flush=True); time.sleep(0.2); print('two', flush=True)"
    assert await printed_by(python(code)) == "CANARY-one"
    with pytest.raises(CommandRefused, match="ended with status 7"):
        await printed_by(python(f"{code}; raise SystemExit(7)"))


async def test_no_command_is_run_before_somebody_allowed_it(machine: Machine, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    source = SecretSource(command=python(f"open({str(ran)!r}, 'w').close(); print('CANA' 'RY-secret')"))
    vault = Vault(machine, Mask())
    with pytest.raises(ConsentNeeded, match="secrets allow"):
        await vault.read(source, SHOP)
    assert not ran.exists()
    assert source.command is not None
    await vault.allow_command(source.command, SHOP)
    assert await vault.read(source, SHOP) == "CANARY-secret"
    with pytest.raises(ConsentNeeded):
        await vault.read(source, "https://other.example")
    changed = SecretSource(command=[*source.command, "more"])
    with pytest.raises(ConsentNeeded):
        await vault.read(changed, SHOP)
    vault.close()


class Yes:
    """A user who allows everything, and remembers what was asked."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    async def secret(self, label: str) -> str | None:
        return None

    async def allow(self, question: str) -> bool:
        self.questions.append(question)
        return True


async def test_who_is_there_is_asked_once_with_the_command_and_the_store(machine: Machine) -> None:
    user = Yes()
    vault = Vault(replace(machine, ask=user), Mask())
    source = SecretSource(command=python("print('CANA' 'RY-secret')"))
    for _ in range(2):
        assert await vault.read(source, SHOP) == "CANARY-secret"
    assert len(user.questions) == 1
    assert sys.executable in user.questions[0]
    assert SHOP in user.questions[0]
    vault.close()
