"""A real terminal for tests: a program in tmux, driven by keys and pastes, read by its screen.

tmux is controlled through one connection (its control mode), which also reports when the program has written
something: the screen is read again only then. A new tmux process for each look costs more than the program itself.
"""

from __future__ import annotations

import select
import shlex
import subprocess
import time
from pathlib import Path

_DEADLINE = 60.0
_BETWEEN_LOOKS = 0.03
"""Seconds: looking without a pause takes the processor from the program that is looked at."""
_AT_LEAST_EVERY = 1.0
"""Seconds after which the screen is read again although the program has written nothing."""


class _Control:
    """A connection to a tmux server that runs commands and receives what the program writes."""

    def __init__(self, tmux: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [*tmux, "-C", "attach-session", "-f", "ignore-size"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._received = b""
        self._begun = False
        self.written = True
        """Whether the program may have written something since this was set to False."""
        while not self._begun:
            self._receive(None)
            while (line := self._line()) is not None:
                self._notice(line)

    def run(self, *command: str) -> str:
        """What the command prints. Raises an `AssertionError` with tmux's message if it fails."""
        self._input.write(b" ".join(map(_quoted, command)) + b"\n")
        return self._response()

    def wait(self, seconds: float) -> None:
        """Waits until the program writes something, for at most this long."""
        deadline = time.monotonic() + seconds
        while not self.written and (remaining := deadline - time.monotonic()) > 0:
            while (line := self._line()) is not None:
                self._notice(line)
            if not self.written and not self._receive(remaining):
                return

    def close(self) -> None:
        self._input.close()
        while self._output.read(2**16):
            pass
        self._output.close()
        self._process.wait()

    def _response(self) -> str:
        number, lines = b"", None
        while True:
            line = self._line()
            if line is None:
                self._receive(None)
            elif lines is not None and line in (b"%end" + number, b"%error" + number):
                text = b"".join(each + b"\n" for each in lines).decode()
                assert line.startswith(b"%end"), text
                return text
            elif lines is not None:
                lines.append(line)
            elif line.startswith(b"%begin ") and line.endswith(b" 1"):  # 0: not in response to a command of ours
                number, lines = line.removeprefix(b"%begin"), []
            else:
                self._notice(line)

    def _notice(self, line: bytes) -> None:
        self._begun = self._begun or line.startswith(b"%session-changed ")
        self.written = self.written or line.startswith((b"%output ", b"%layout-change "))

    def _line(self) -> bytes | None:
        line, end, rest = self._received.partition(b"\n")
        if not end:
            return None
        self._received = rest
        return line

    def _receive(self, seconds: float | None) -> bool:
        ready, _, _ = select.select([self._output], [], [], seconds)
        if not ready:
            return False
        data = self._output.read(2**16)
        if not data:
            raise EOFError("tmux has ended")
        self._received += data
        return True


def _quoted(text: str) -> bytes:
    """One argument of a tmux command, whatever it contains: each byte as an octal number."""
    return b'"%b"' % b"".join(b"\\%03o" % byte for byte in text.encode())


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
        self._control = _Control(self._tmux, environment)
        self._control.run("send-keys", "Enter")

    @property
    def process(self) -> int:
        """The number of the program's process."""
        return self.processes[0]

    @property
    def processes(self) -> list[int]:
        """The numbers of what its shell has started and has not ended yet."""
        shell = self._control.run("display-message", "-p", "#{pane_pid}").strip()
        found = subprocess.run(["pgrep", "-P", shell], check=False, capture_output=True, text=True).stdout
        return [int(each) for each in found.split()]

    def press(self, *keys: str) -> None:
        self.keys += len(keys)
        self._control.run("send-keys", *keys)

    def paste(self, text: str) -> None:
        self.pastes += 1
        self._control.run("set-buffer", "--", text)
        self._control.run("paste-buffer", "-p", "-d")

    def burst(self, *parts: str | bytes) -> None:
        """Keys as bytes and pastes as text, all in one write: nothing waits for what it does."""
        data = b"".join(each if isinstance(each, bytes) else b"\x1b[200~%b\x1b[201~" % each.encode() for each in parts)
        self.keys += sum(isinstance(each, bytes) for each in parts)
        self.pastes += sum(isinstance(each, str) for each in parts)
        self._control.run("send-keys", "-H", *(f"{byte:02x}" for byte in data))

    def resize(self, columns: int, rows: int) -> None:
        self._control.run("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self) -> str:
        self._control.written = False
        shown = self._control.run("capture-pane", "-p")
        self._screens.append(shown)
        return shown

    def wait_for(self, text: str, within: float = _DEADLINE) -> str:
        """The screen, once it shows `text`; it has this many seconds."""
        deadline = time.monotonic() + within
        while text not in (shown := self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} did not appear on:\n{shown}")
            self._control.wait(_AT_LEAST_EVERY)
            time.sleep(_BETWEEN_LOOKS)
        return shown

    def wait_gone(self, text: str) -> str:
        """The screen, once it no longer shows `text`."""
        deadline = time.monotonic() + _DEADLINE
        while text in (shown := self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} stays on:\n{shown}")
            self._control.wait(_AT_LEAST_EVERY)
            time.sleep(_BETWEEN_LOOKS)
        return shown

    def settle(self) -> str:
        """The screen, once it is the same twice."""
        deadline = time.monotonic() + _DEADLINE
        before = shown = self.screen()
        while time.monotonic() < deadline:
            self._control.wait(_BETWEEN_LOOKS)
            if (shown := self.screen()) == before:
                break
            before = shown
        return shown

    def everything(self) -> str:
        """All screens that were looked at."""
        return "\n".join(self._screens)

    def close(self) -> None:
        self._control.close()
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)
