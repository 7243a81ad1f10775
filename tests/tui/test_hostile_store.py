"""A store that means harm, against a real terminal: none of its bytes act there, and no secret leaves for elsewhere."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_store import HostileStore
from requirements import require
from terminal import Terminal

PROGRAM = f"{shlex.quote(sys.executable)} -m tui_connector"
TOKENS = [f"canary000000000000000000000{n}evil" for n in range(4)]
"""Of the shape of a token: 32 lower-case letters and digits."""

FORBIDDEN = {
    "OSC: title, clipboard, hyperlink": rb"\x1b\](?:0|1|2|8|52);",
    "C1 controls": rb"\xc2[\x80-\x9f]",
    "bidirectional and invisible": rb"\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]"
    rb"|\xef\xbb\xbf|\xf3\xa0[\x80-\x81]",
    "bell, backspace, NUL, delete": rb"[\x00\x07\x08\x7f]",
    "colours of the store's": rb"EVIL \x1b\[31m",
}
MEMORY = 400_000
"""KB that the program may have had at its most: inflated, the bomb alone is 300 MB."""


@pytest.fixture
def store() -> Iterator[HostileStore]:
    hostile = HostileStore()
    yield hostile
    hostile.close()


def _peak(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 45)])
def test_control_characters_of_a_store_never_reach_the_terminal(
    columns: int,
    rows: int,
    store: HostileStore,
    clean_environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    require("tmux", "pgrep")
    recorded = tmp_path / "recorded"
    terminal = Terminal(tmp_path, PROGRAM, clean_environment, columns, rows, recorded)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        terminal.paste(store.url)
        terminal.wait_for(store.url)
        terminal.press("Enter")
        terminal.wait_for("✔ Magento 2, REST at")  # the search has ended
        terminal.press("Enter")
        terminal.wait_for("Consumer secret")
        for token, field in zip(
            TOKENS, ("Consumer key", "Consumer secret", "Access token", "Access token secret"), strict=True
        ):
            terminal.paste(token)
            terminal.wait_for(f"{field:<21} ••••••••••••{token[-4:]}")
        terminal.press("Enter")
        terminal.wait_for("accepts it")
        # the title of the form: in a border of its own, or part of a line
        form = "2 Authentication ─" if columns >= 100 else "2 Authentication─"
        _look_at_everything(terminal, form)
        for mode, words in EXPECTED.items():
            store.mode = mode
            terminal.press("Escape", "t")
            terminal.wait_for(words)
            _look_at_everything(terminal, form)
        peak = _peak(terminal.process)
    finally:
        terminal.close()
    written = re.sub(rb"\x1b\]22;\w+\x07", b"", recorded.read_bytes())  # Textual's own: the shape of the pointer
    assert b"EVIL" in written
    found = {name: re.findall(pattern, written) for name, pattern in FORBIDDEN.items()}
    assert {name: each[:3] for name, each in found.items() if each} == {}
    assert [token for token in TOKENS if token.encode() in written] == []
    assert store.stolen == []
    assert len(store.received) > len(EXPECTED)
    assert peak < MEMORY
    with capsys.disabled():
        print(f"\nhostile store at {columns}×{rows}: {len(written)} bytes, 0 hostile; at most {peak // 1024} MB")


_NO_HTTP = "Is this an https address written as http"
EXPECTED = {
    "headers": _NO_HTTP,
    "redirect": "Redirects are not followed",
    "name": _NO_HTTP,
    "bomb": "Request fewer items at a time",
    "garbage": _NO_HTTP,
    "cut": "Try again; if it persists",
}
"""What the user is told to do in each mode of the store; never twice the same in a row."""


def _look_at_everything(terminal: Terminal, form: str) -> None:
    """Zooms the log, opens what is there in both ways, and comes back to the form with this title."""
    terminal.wait_for(form)
    terminal.press("Escape", "l")
    terminal.wait_gone(form)
    terminal.press("k", "k", "k", "Enter", "z", "G", "z")
    shown = terminal.settle()
    while form not in shown:
        terminal.press("Escape")
        terminal.wait_gone(shown)  # nothing is still being formatted
        shown = terminal.settle()
