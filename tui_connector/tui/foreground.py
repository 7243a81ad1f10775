"""Runs another program in the foreground of the terminal, as a shell does, while the event loop goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

_KILL_AFTER = 2.0
"""Seconds that the program has to end after a signal."""
_POLL_INTERVAL = 0.2
"""Seconds between two looks whether this program is in the foreground again."""


class ForegroundProgram:
    """A program that has the terminal until it ends.

    It is in a process group of its own, so Ctrl+C and Ctrl+Z reach only it, and not what goes on here. Where it stops,
    as after Ctrl+Z, it is continued: there is no shell to return to.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command, self._environment = command, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._signal: signal.Signals | None = None
        self.is_cut_short = False
        """Whether it has ended due to `end`, or to a lost terminal."""
        self._lock = threading.Lock()
        """Held while it is started, and while a signal is sent to it."""

    @property
    def was_told_to_end(self) -> bool:
        return self._signal is not None

    async def run(self) -> int:
        """Its exit code: negative, the signal that ended it; 0 if that was due to `end`, or to a lost terminal.

        Raises `OSError` if it cannot be started. If this is cancelled, it is told to end.
        """
        try:
            return await asyncio.to_thread(self._run)
        except asyncio.CancelledError:
            self.end(signal.SIGHUP)
            raise

    def end(self, number: signal.Signals) -> None:
        """Tells it to end by this signal, and kills it if it has not ended two seconds later."""
        self._signal = number
        self._send(number)
        self._send(signal.SIGCONT)  # it may be stopped
        timer = threading.Timer(_KILL_AFTER, self._send, [signal.SIGKILL])
        timer.daemon = True
        timer.start()

    def _send(self, number: signal.Signals) -> None:
        with self._lock:
            if self._process is not None and self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)

    def _run(self) -> int:
        terminal = _Terminal()
        with self._lock:
            if self._signal is not None:
                return 0
            process = subprocess.Popen(self._command, env=self._environment, process_group=0)
            self._process = process
        terminal.give_to(process.pid)
        while True:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            self._await_foreground(terminal)
            terminal.give_to(process.pid)
            self._send(signal.SIGCONT)
        process.returncode = os.waitstatus_to_exitcode(status)
        self._await_foreground(terminal)
        terminal.take_back()
        self.is_cut_short = self.was_told_to_end or terminal.is_lost
        return 0 if self.is_cut_short else process.returncode

    def _await_foreground(self, terminal: _Terminal) -> None:
        """Waits while a shell has the terminal, as it has stopped this program, too."""
        while not self.was_told_to_end and terminal.is_with_shell:
            time.sleep(_POLL_INTERVAL)


class _Terminal:
    """The terminal that this program was started in, if any. All methods work without one."""

    def __init__(self) -> None:
        self._descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
        self._modes: list[int | list[bytes | int]] | None = None
        """What a program that is killed leaves changed."""
        with suppress(termios.error):
            self._modes = termios.tcgetattr(self._descriptor)

    @property
    def is_with_shell(self) -> bool:
        """Whether the shell has the terminal: the leader of the session, unless this program is in its group."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getsid(0) != os.getpgrp()
        except OSError:
            return False

    @property
    def is_lost(self) -> bool:
        """Whether there was one, and it is gone."""
        return self._modes is not None and not os.isatty(self._descriptor)

    def give_to(self, group: int) -> None:
        """Puts this process group into the foreground."""
        with _not_stopped(), suppress(OSError):
            os.tcsetpgrp(self._descriptor, group)

    def take_back(self) -> None:
        """Puts this program into the foreground, and the terminal into the modes that it had."""
        self.give_to(os.getpgrp())
        if self._modes is not None:
            with _not_stopped(), suppress(termios.error):
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._modes)


@contextmanager
def _not_stopped() -> Iterator[None]:
    """Lets this thread change the terminal from the background, which stops a process otherwise (tcsetpgrp(3))."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
