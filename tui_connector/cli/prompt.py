"""Prompts on the terminal: read on the event loop, so that Ctrl-C ends them at once and no thread stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from ..text import shown, shown_line

_CHUNK = 4096
_KILLS = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT")
"""Signals that would end the process with the terminal as it is: without echo."""


class TerminalPrompt:
    """Prompts on standard input, which is a terminal, one prompt at a time."""

    def __init__(self) -> None:
        self._ahead = bytearray()
        """Input that came together with an earlier line, as a paste of several lines does: for the next prompts."""
        self._after_return = False
        self._turn: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def secret(self, label: str) -> str:
        """What is typed until Enter, without echo; empty after Ctrl-D."""
        async with self._one_at_a_time():
            return await self._line(f"{shown_line(label)}: ", hidden=True)

    async def missing_secret(self, question: str) -> None:
        """Never prompts: a command fails in a terminal as it does without one."""

    async def another_secret(self, question: str) -> None:
        """Never prompts, for the same reason."""

    def notify(self, message: str) -> None:
        """Says nothing: a command never prompts again."""

    async def line(self, label: str) -> str:
        """What is typed until Enter; empty after Ctrl-D."""
        async with self._one_at_a_time():
            return await self._line(f"{shown_line(label)}: ", hidden=False)

    async def allow(self, question: str) -> bool:
        """Whether "y" or "yes" is typed; Ctrl-D is a no."""
        async with self._one_at_a_time():
            line = await self._line(f"{shown(question)} [y/N] ", hidden=False)
        return line.strip().lower() in ("y", "yes")

    def _one_at_a_time(self) -> asyncio.Lock:
        """The lock of this event loop: a command may use several, one after the other."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._turn[0] is not loop:
            self._turn = (loop, asyncio.Lock())
        return self._turn[1]

    async def _line(self, prompt: str, *, hidden: bool) -> str:
        descriptor = sys.stdin.fileno()
        with _written_to(descriptor) as write:
            write(prompt)
            ended = False
            try:
                if hidden:
                    with _without_echo(descriptor, lambda: write(f"\n{prompt}")) as keys:
                        data, ended = await self._read(descriptor, keys), True
                else:
                    data = await self._read(descriptor, None)
                    ended = data.endswith(b"\n")
            finally:
                if hidden or not ended:
                    write("\n")
        return data.rstrip(b"\n").decode(sys.stdin.encoding or "utf-8", "surrogateescape")

    async def _read(self, descriptor: int, keys: _Keys | None) -> bytes:
        """One line, with its end unless the input ended before. `keys`: edits it, where the terminal does not."""
        line = bytearray()
        while True:
            while self._ahead:
                byte = self._ahead.pop(0)
                after_return, self._after_return = self._after_return, byte == 0x0D
                if byte == 0x0A and after_return and keys is not None:
                    continue  # CR LF is one line end
                if byte in b"\r\n":
                    return bytes(line) + b"\n"
                if keys is None:
                    line.append(byte)
                elif keys.is_end(byte):
                    return bytes(line)
                else:
                    keys.edit(line, byte)
            await _readable(descriptor)
            try:
                chunk = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                continue
            except OSError:  # the terminal is gone
                chunk = b""
            if not chunk:
                return bytes(line)
            self._ahead += chunk


_restores: list[Callable[[], None]] = []
"""How to give the terminal its echo back, while a prompt has taken it."""


def restore_terminal() -> None:
    """Gives the terminal its echo back if a prompt has taken it: for a signal handler, before the process ends."""
    for restore in _restores:
        restore()


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _written_to(descriptor: int) -> Iterator[Callable[[str], None]]:
    """Writes to standard error or, where that is redirected, to the terminal itself."""
    own: int | None = None
    with suppress(OSError):
        if not os.isatty(2):
            own = os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NOCTTY)
    target = 2 if own is None else own

    def write(text: str) -> None:
        if target == 2:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
        with suppress(OSError):
            os.write(target, text.encode(sys.stderr.encoding or "utf-8", "backslashreplace"))

    try:
        yield write
    finally:
        if own is not None:
            os.close(own)


class _Keys:
    """The editing keys of a terminal, as its user has set them."""

    def __init__(self, attributes: list[int | list[bytes | int]]) -> None:
        characters = attributes[6]
        assert isinstance(characters, list)
        disabled = (b"\x00", b"\xff")  # _POSIX_VDISABLE on Linux and on macOS

        def key(index: int) -> int | None:
            value = characters[index]
            return value[0] if isinstance(value, bytes) and value not in disabled else None

        self._end, self._kill, self._word = key(termios.VEOF), key(termios.VKILL), key(termios.VWERASE)
        self._erase = {key(termios.VERASE), 0x7F, 0x08}

    def is_end(self, byte: int) -> bool:
        return byte == self._end

    def edit(self, line: bytearray, byte: int) -> None:
        """Adds the byte to the line or, for an editing key, changes the line."""
        if byte == self._kill:
            line.clear()
        elif byte == self._word:
            kept = bytes(line).rstrip()
            del line[len(kept) - len(kept.split()[-1]) if kept else 0 :]
        elif byte in self._erase:
            while line and line[-1] & 0xC0 == 0x80:  # the rest of a character in UTF-8
                line.pop()
            del line[-1:]
        else:
            line.append(byte)


@contextmanager
def _without_echo(descriptor: int, draw: Callable[[], None]) -> Iterator[_Keys]:
    """Echo is off meanwhile, and lines have no limit: a terminal's own line editing stops at 4,096 bytes.

    Whatever ends or stops the process gets the terminal back as it was; resumed, it is hidden and drawn again.
    Nothing that is typed ahead is discarded.
    """
    before = termios.tcgetattr(descriptor)
    hidden = termios.tcgetattr(descriptor)
    hidden[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON)
    hidden[0] &= ~termios.ICRNL  # CR LF is told from two line ends
    hidden[6][termios.VMIN], hidden[6][termios.VTIME] = 1, 0

    def set_to(attributes: list[int | list[bytes | int]]) -> None:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)

    def restore() -> None:
        set_to(before)

    def by_default(number: int, _: FrameType | None) -> None:
        restore()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    def resumed(_: int, __: FrameType | None) -> None:
        if signal.SIGTSTP in handlers:
            signal.signal(signal.SIGTSTP, by_default)
        set_to(hidden)
        draw()

    handlers: dict[int, Callable[[int, FrameType | None], None]] = {
        **{getattr(signal, name): by_default for name in _KILLS},
        signal.SIGTSTP: by_default,
        signal.SIGCONT: resumed,
    }
    # those that somebody else handles or ignores stay as they are
    handlers = {number: each for number, each in handlers.items() if signal.getsignal(number) is signal.SIG_DFL}
    _restores.append(restore)
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        set_to(hidden)
        yield _Keys(before)
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, signal.SIG_DFL)
        restore()
        _restores.remove(restore)
