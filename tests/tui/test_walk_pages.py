"""In a real terminal: a saved profile is opened and edited; a terminal that is lost takes no setup with it."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fork_server import command_in_a_terminal
from requirements import require
from terminal import Terminal
from walking import sandbox_process, save_profile, wait

PROGRAM = f"{shlex.quote(sys.executable)} -m tui_connector"
PROFILE = """\
format = 1
name = "Acme store"

[clients.magento]
# ours
[[clients.magento.plugins]]
kind = "base-uri"
uri = "http://127.0.0.1:9/rest/all/V1"

[incoming.products]
client = "magento"
request = { uri = "products" }
items = "items"
"""
EDITOR = """\
import sys
from pathlib import Path
path = Path(sys.argv[-1])
text = path.read_text()
path.write_text(text.replace("itms", "items") if "itms" in text else text.replace("items =", "itms ="))
"""


@pytest.fixture
def profile(clean_environment: dict[str, str]) -> Path:
    return save_profile(clean_environment, PROFILE)


def test_editor_gets_the_terminal_and_mistakes_are_shown_by_line(
    profile: Path, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    script = tmp_path / "editor.py"
    script.write_text(EDITOR)
    environment = {**clean_environment, "VISUAL": f"{shlex.quote(sys.executable)} {script}"}
    terminal = Terminal(tmp_path, PROGRAM, environment, 80, 24)
    try:
        terminal.wait_for("Acme store")
        terminal.press("Enter")
        terminal.wait_for("GET products")
        terminal.press("o")
        terminal.wait_for("13:1: incoming.products.itms")
        terminal.press("o")
        wait(lambda: "itms" not in profile.read_text())
        terminal.wait_for("Enter Edit")
        terminal.press("q")
        terminal.wait_for("New store")
        terminal.press("q")
        terminal.wait_for("ended: 0")
    finally:
        terminal.close()


def test_profile_edited_in_a_form_keeps_its_comments(
    profile: Path, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    terminal = Terminal(tmp_path, PROGRAM, clean_environment, 80, 24)
    try:
        terminal.wait_for("Acme store")
        terminal.press("Enter")
        terminal.wait_for("GET products")
        terminal.press("Down", "Down", "Enter")
        terminal.wait_for("Expected statuses")
        terminal.press("Tab", "End", "?", "x")
        terminal.wait_for("products?x")
        terminal.press("C-s")
        terminal.wait_for('+request = { uri = "products?x" }')
        assert profile.read_text() == PROFILE
        terminal.press("C-s")
        terminal.wait_for("GET products?x")
        wait(lambda: profile.read_text() == PROFILE.replace('"products"', '"products?x"'))
        terminal.press("q")
        terminal.wait_for("New store")
    finally:
        terminal.close()


@pytest.fixture
def store(clean_environment: dict[str, str]) -> Iterator[str]:
    """The address of a sandbox in a process of its own."""
    with sandbox_process(clean_environment, "--products", "5") as found:
        yield str(found["url"])


@pytest.mark.parametrize("how", ["the terminal is lost", "SIGTERM"])
def test_setup_survives_a_killed_program(
    how: str, store: str, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    command = f"sh -c 'echo $$ > {tmp_path}/pid; exec {PROGRAM}'"
    terminal = Terminal(tmp_path, command, clean_environment, 80, 24)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("F5 Test")
        terminal.paste(store)
        terminal.wait_for(store)
        terminal.press("Enter")
        terminal.wait_for("REST at /rest/V1")
        terminal.press("Enter")
        terminal.wait_for("Consumer secret")
        pid = int((tmp_path / "pid").read_text())
        if how == "SIGTERM":
            os.kill(pid, signal.SIGTERM)
            terminal.wait_for("ended: 143")
    finally:
        terminal.close()
    wait(lambda: not Path(f"/proc/{pid}").exists())
    (tmp_path / "again").mkdir()
    terminal = Terminal(tmp_path / "again", command_in_a_terminal(), clean_environment, 80, 24)
    try:
        terminal.wait_for("step 2 ·")
        terminal.press("Enter")
        terminal.wait_for("Consumer secret")
        assert f"{store}/rest/all/V1" in terminal.screen()
    finally:
        terminal.close()
