"""A real terminal for tests: a program in tmux, driven by keys and pastes, read by its screen."""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path

_DEADLINE = 60.0
_BETWEEN_LOOKS = 0.03
"""Seconds: looking without a pause takes the processor from the program that is looked at."""


class Terminal:
    """One program on one screen. `keys` and `pastes` count what its user did.

    The file `recorded` gets every byte the program writes to the terminal.
    """

    def __init__(
        self,
        directory: Path,
        command: str,
        environment: dict[str, str],
        columns: int,
        rows: int,
        recorded: Path | None = None,
    ) -> None:
        self._tmux = ["tmux", "-S", str(directory / "tmux"), "-f", "/dev/null"]
        self.keys = self.pastes = 0
        self._screens: list[str] = []
        size = ["-x", str(columns), "-y", str(rows)]
        shell = f"read start; {command}; echo ended: $?; cat"
        environment = {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        subprocess.run([*self._tmux, "new-session", "-d", *size, "sh", "-c", shell], env=environment, check=True)
        if recorded is not None:
            recorder = f"cat > {shlex.quote(str(recorded))}"
            subprocess.run([*self._tmux, "pipe-pane", "-O", recorder], check=True)
        subprocess.run([*self._tmux, "send-keys", "Enter"], check=True)

    @property
    def process(self) -> int:
        """The number of the program's process."""
        shell = subprocess.run(
            [*self._tmux, "display-message", "-p", "#{pane_pid}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        children = subprocess.run(["pgrep", "-P", shell], check=True, capture_output=True, text=True).stdout.split()
        return int(children[0])

    def press(self, *keys: str) -> None:
        self.keys += len(keys)
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def paste(self, text: str) -> None:
        self.pastes += 1
        subprocess.run([*self._tmux, "load-buffer", "-"], input=text.encode(), check=True)
        subprocess.run([*self._tmux, "paste-buffer", "-p", "-d"], check=True)

    def burst(self, *parts: str | bytes) -> None:
        """Keys as bytes and pastes as text, all in one write: nothing waits for what it does."""
        data = b"".join(each if isinstance(each, bytes) else b"\x1b[200~%b\x1b[201~" % each.encode() for each in parts)
        self.keys += sum(isinstance(each, bytes) for each in parts)
        self.pastes += sum(isinstance(each, str) for each in parts)
        subprocess.run([*self._tmux, "send-keys", "-H", *(f"{byte:02x}" for byte in data)], check=True)

    def resize(self, columns: int, rows: int) -> None:
        subprocess.run([*self._tmux, "resize-window", "-x", str(columns), "-y", str(rows)], check=True)

    def screen(self) -> str:
        shown = subprocess.run([*self._tmux, "capture-pane", "-p"], check=True, capture_output=True).stdout.decode()
        self._screens.append(shown)
        return shown

    def wait_for(self, text: str, within: float = _DEADLINE) -> str:
        """The screen, once it shows `text`; it has this many seconds."""
        deadline = time.monotonic() + within
        while text not in (shown := self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} did not appear on:\n{shown}")
            time.sleep(_BETWEEN_LOOKS)
        return shown

    def wait_gone(self, text: str) -> str:
        """The screen, once it no longer shows `text`."""
        deadline = time.monotonic() + _DEADLINE
        while text in (shown := self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} stays on:\n{shown}")
            time.sleep(_BETWEEN_LOOKS)
        return shown

    def settle(self) -> str:
        """The screen, once it is the same twice."""
        deadline = time.monotonic() + _DEADLINE
        before = self.screen()
        while (shown := self.screen()) != before and time.monotonic() < deadline:
            before = shown
        return shown

    def everything(self) -> str:
        """All screens that were looked at."""
        return "\n".join(self._screens)

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)
