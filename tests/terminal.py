"""A real terminal for tests: a program in tmux, driven by keys and pastes, read by its screen."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

_DEADLINE = 15.0


class Terminal:
    """One program on one screen. `keys` and `pastes` count what its user did."""

    def __init__(self, directory: Path, command: str, environment: dict[str, str], columns: int, rows: int) -> None:
        self._tmux = ["tmux", "-S", str(directory / "tmux"), "-f", "/dev/null"]
        self.keys = self.pastes = 0
        self._screens: list[str] = []
        size = ["-x", str(columns), "-y", str(rows)]
        shell = f"{command}; echo ended: $?; cat"
        environment = {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        subprocess.run([*self._tmux, "new-session", "-d", *size, "sh", "-c", shell], env=environment, check=True)

    def press(self, *keys: str) -> None:
        self.keys += len(keys)
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def paste(self, text: str) -> None:
        self.pastes += 1
        subprocess.run([*self._tmux, "load-buffer", "-"], input=text.encode(), check=True)
        subprocess.run([*self._tmux, "paste-buffer", "-p", "-d"], check=True)

    def screen(self) -> str:
        shown = subprocess.run([*self._tmux, "capture-pane", "-p"], check=True, capture_output=True).stdout.decode()
        self._screens.append(shown)
        return shown

    def wait_for(self, text: str) -> str:
        """The screen, once it shows `text`."""
        deadline = time.monotonic() + _DEADLINE
        while text not in (shown := self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} did not appear on:\n{shown}")
        return shown

    def everything(self) -> str:
        """All screens that were looked at."""
        return "\n".join(self._screens)

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)
