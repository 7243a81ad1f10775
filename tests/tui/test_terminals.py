"""Terminals that can do little: the program starts, shows what it must, and ends by its own key."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from requirements import require
from terminal import Terminal

PROGRAM = f"{shlex.quote(sys.executable)} -m tui_connector"


@pytest.mark.bad_input(60)
@pytest.mark.parametrize("told", ["TERM=dumb", "-u TERM", "TERM=xterm NO_COLOR=1", "LANG=C LC_ALL=C", "TERM=vt100"])
def test_guide_works_on_a_basic_terminal(told: str, clean_environment: dict[str, str], tmp_path: Path) -> None:
    require("tmux")
    terminal = Terminal(tmp_path, f"env {told} {PROGRAM}", clean_environment, 80, 24)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        terminal.press("Escape")
        terminal.press("M-q")
        terminal.wait_for("No profiles yet")
        terminal.press("q")
        terminal.wait_for("ended: 0")
    finally:
        terminal.close()


@pytest.mark.bad_input(60)
def test_any_window_size_and_resizing(clean_environment: dict[str, str], tmp_path: Path) -> None:
    require("tmux")
    terminal = Terminal(tmp_path, PROGRAM, clean_environment, 20, 5)
    try:
        terminal.wait_for("tui-con")
        terminal.resize(80, 24)
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        for size in ((10, 3), (200, 60), (30, 8), (80, 24)):
            terminal.resize(*size)
        terminal.wait_for("Store address")
        terminal.press("M-q")
        terminal.wait_for("No profiles yet")
        terminal.press("q")
        terminal.wait_for("ended: 0")
    finally:
        terminal.close()


@pytest.mark.bad_input(60)
@pytest.mark.parametrize("arguments", [[], ["setup"]])
def test_without_a_terminal_other_commands_are_suggested(
    arguments: list[str], clean_environment: dict[str, str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tui_connector", *arguments],
        env=clean_environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "needs a terminal" in ended.stderr


@pytest.mark.bad_input(60)
def test_two_instances_do_not_interfere(clean_environment: dict[str, str], tmp_path: Path) -> None:
    require("tmux")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    both = [Terminal(folder, PROGRAM, clean_environment, 80, 24) for folder in folders]
    try:
        for terminal in both:
            terminal.wait_for("No profiles yet")
        for terminal in both:
            terminal.press("q")
            terminal.wait_for("ended: 0")
    finally:
        for terminal in both:
            terminal.close()


@pytest.mark.bad_input(60)
@pytest.mark.parametrize("told", ["", "setsid -w "], ids=["by a signal", "without a word"])
def test_program_exits_when_its_terminal_is_gone(told: str, clean_environment: dict[str, str], tmp_path: Path) -> None:
    require("tmux", "pgrep", "setsid")
    terminal = Terminal(tmp_path, told + PROGRAM, clean_environment, 80, 24)
    terminal.wait_for("No profiles yet")
    program = Path(f"/proc/{terminal.process}")
    assert program.exists()
    terminal.close()
    deadline = time.monotonic() + 60
    while program.exists():
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.05)


def test_the_numeric_keypad_types_in_terminals_with_the_kitty_protocol(
    clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    terminal = Terminal(tmp_path, PROGRAM, clean_environment, 80, 24)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        codes = [57400, 57409, 57401, 57410, 57412, 57413, 57411, 57415]  # 1 . 2 / - + * =
        terminal.burst(*(f"\x1b[{code}u".encode() for code in codes), *(f"\x1b[{57409};129u".encode(),))
        terminal.wait_for("1.2/-+*=.")
    finally:
        terminal.close()


def test_guide_is_imported_while_home_is_shown(clean_environment: dict[str, str], tmp_path: Path) -> None:
    require("tmux", "pgrep")
    terminal = Terminal(tmp_path, PROGRAM, clean_environment, 80, 24)
    try:
        terminal.wait_for("No profiles yet")
        mapped = Path(f"/proc/{terminal.process}/maps")
        deadline = time.monotonic() + 60
        while "_pydantic_core" not in mapped.read_text():
            assert time.monotonic() < deadline, "no key was pressed, and nothing was loaded"
            time.sleep(0.05)
        assert "No profiles yet" in terminal.screen()
    finally:
        terminal.close()
