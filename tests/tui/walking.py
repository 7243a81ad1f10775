"""What walks through the program in a real terminal have in common."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fork_server import command_in_a_terminal, piped
from requirements import require
from terminal import Terminal

PROGRAM = f"{shlex.quote(sys.executable)} -m tui_connector"
FOUR = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
Store = dict[str, Any]


@contextmanager
def sandbox_process(environment: dict[str, str], *options: str) -> Iterator[Store]:
    """What a sandbox says about itself, in a process of its own."""
    with piped("sandbox", "--port", "0", "--json", *options, env=environment) as (process, output):
        try:
            yield json.loads(output.readline())
        finally:
            process.terminate()


@contextmanager
def at_authentication(
    directory: Path, environment: dict[str, str], address: str, program: str = ""
) -> Iterator[Terminal]:
    """The guide at step 2, after the store was found from this address."""
    require("tmux")
    terminal = Terminal(directory, program or command_in_a_terminal(), environment, 80, 24)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        terminal.paste(address)
        terminal.press("Enter")
        terminal.wait_for("REST at /rest/V1")
        terminal.press("Enter")
        terminal.wait_for("Consumer secret")
        yield terminal
    finally:
        terminal.close()


def choose(terminal: Terminal, words: str, *downs: str) -> None:
    """Another way, which has the focus."""
    terminal.press("Enter")
    terminal.wait_for("Other ▸")
    terminal.press(*downs, "Enter")
    terminal.wait_for(words)


def paste_each(terminal: Terminal, values: list[str]) -> None:
    for value in values:
        terminal.paste(value)
        terminal.wait_for(value[-4:])


def wait(condition: Callable[[], bool]) -> None:
    """Waits until something holds outside the terminal, such as in a file."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def save_profile(environment: dict[str, str], text: str) -> Path:
    """Saves it where the program with this environment finds it by itself."""
    path = Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles" / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path
