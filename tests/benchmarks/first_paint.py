"""First paint of home beside a bare Textual app with header and footer: from the fork to the words on a terminal.

python tests/benchmarks/first_paint.py [--smoke] [--profiles N]. Runs take turns; medians and their ratio are printed.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import statistics
import sys
import tempfile
import time
from pathlib import Path

BARE = """
from textual.app import App
from textual.widgets import Footer, Header, Label
class Bare(App):
    BINDINGS = [("q", "quit", "Quit")]
    def compose(self):
        yield Header()
        yield Label("a bare app is here")
        yield Footer()
Bare().run()
"""
BUDGET = 1.6
_DEADLINE = 60.0


def seconds_until(command: list[str], words: bytes, environment: dict[str, str]) -> float:
    """From the fork until the terminal (140×45) was sent these words."""
    began = time.perf_counter()
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(command[0], command, environment)
    try:
        return _words_seen(terminal, words, began)
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(terminal)


def _words_seen(terminal: int, words: bytes, began: float) -> float:
    seen = b""
    while time.perf_counter() - began < _DEADLINE:
        if select.select([terminal], [], [], 1.0)[0]:
            seen += os.read(terminal, 65_536)
            if words in seen:
                return time.perf_counter() - began
    raise SystemExit(f"{words!r} did not appear; the terminal got {seen[-2_000:]!r}")


def main(rounds: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        environment = {
            **kept,
            "HOME": home,
            "TERM": "xterm-256color",
            "COLUMNS": "140",
            "LINES": "45",
            "LANG": "C.UTF-8",
        }
        profiles = Path(home) / ".config" / "tui-connector" / "profiles"
        profiles.mkdir(parents=True)
        for number in range(count):
            (profiles / f"store-{number:05}.toml").write_text(f'format = 1\nname = "Store {number}"\n')
        bare = [sys.executable, "-c", BARE]
        ours = [sys.executable, "-m", "tui_connector"]
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(rounds + 1):
            pair = seconds_until(bare, b"a bare app", environment), seconds_until(ours, b"store-00019", environment)
            if number or rounds == 1:  # the first round warms the files
                times[0].append(pair[0])
                times[1].append(pair[1])
    bare_median, ours_median = map(statistics.median, times)
    ratio = statistics.median(ours / bare for bare, ours in zip(*times, strict=True))
    print(f"first paint, medians of {len(times[0])}: bare app {bare_median:.3f} s, home {ours_median:.3f} s")
    print(f"ratio of pairs, median: {ratio:.2f} (budget {BUDGET})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--profiles", type=int, default=20, help="20 or more")
    options = parser.parse_args()
    main(1 if options.smoke else 15, max(20, options.profiles))
