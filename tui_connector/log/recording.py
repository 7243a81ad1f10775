"""A headless run's exchanges in a file, one per line: written by a thread, and read while it grows."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from ..client.exchange import Exchange, Exchanges
from ..files import open_private, reason, remedy
from ..planted_files import check_owner, resolved
from ..secrets.mask import Mask
from .compressed import open_log
from .records import BadRecord, KeptBodies, LogFailed, line, read_line

OLDER = 4
"""How many full files are kept besides the current one: FILE.1 is the newest of them."""

_COLLECT_SECONDS = 0.1
"""Seconds for which exchanges are collected before they are written."""
_MB = 1_000_000
_CHUNK = 1 * _MB
_LONGEST_LINE = 256 * _MB


class Recording:
    """Writes each exchange of one or several logs to `path` as it ends. The loop only puts it into a queue.

    The queue is bounded: what comes while it is full is not written, and `lost` counts it. A file that reaches `size`
    bytes becomes FILE.1. A crash leaves one broken line at most, the last.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: int = 64 * _MB,
        older: int = OLDER,
        queue: int = 64 * _MB,
        bodies: KeptBodies = "all",
    ) -> None:
        self.path = path
        self.lost = 0
        self._size, self._older, self._room, self._bodies = size, older, queue, bodies
        self._waiting: deque[Exchange] = deque()
        self._changed = threading.Condition()
        self._closing = self._idle = False
        self._failure: OSError | None = None
        self._thread: threading.Thread | None = None
        self._since: set[tuple[int, datetime]] | None = None
        """While it starts, the identities of what is in the file or waits for it already."""
        self._held: list[Exchanges] = []
        """The logs that it records, each as often as it was started for it."""

    @property
    def held(self) -> bool:
        """Whether somebody still records with it."""
        return bool(self._held)

    @property
    def bodies(self) -> KeptBodies:
        """Which bodies it keeps."""
        return self._bodies

    def start(
        self, exchanges: Exchanges, earlier: Iterable[Exchange] = (), had: Collection[tuple[int, datetime]] = ()
    ) -> None:
        """Records `earlier` ones, without those of the identities `had`, then from now on.

        Others may record with it, or have before. `earlier` is read once nothing more can be missed.
        Each start is followed by a `close`. Raises `LogFailed` where the file cannot be written, or is something else.
        """
        if self._thread is None:
            self._open()
        self._since = {*had}
        if exchanges not in self._held:
            exchanges.on_recorded.append(self._put)
        self._held.append(exchanges)
        for each in list(earlier):
            if each.identity not in self._since:
                self._put(each)
        self._since = None

    def _open(self) -> None:
        try:
            _check_existing(resolved(self.path))
            file = _open(self.path)
        except OSError as error:
            raise self._error(error) from error
        self._closing, self._failure = False, None
        # a daemon: a disk that hangs must not keep the program from ending
        self._thread = threading.Thread(target=self._write, args=(file,), name="recording", daemon=True)
        self._thread.start()

    def close(self, exchanges: Exchanges | None = None, timeout: float = 30.0) -> None:
        """Ends what was started for this log, or for the only one.

        Writes what is waiting, for `timeout` seconds at most, once nobody holds it any more. Raises `LogFailed` if not
        all could be written.
        """
        if not self._held or self._thread is None:
            return
        ended = self._held[-1] if exchanges is None else exchanges
        self._held.remove(ended)
        if ended not in self._held:
            ended.on_recorded.remove(self._put)
        if self._held:
            return
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise LogFailed(f"{self.path}: the disk does not respond; the end of the recording was not written.")
        self._thread = None
        if self._failure is not None:
            raise self._error(self._failure) from self._failure

    def _put(self, exchange: Exchange) -> None:
        with self._changed:
            if self._since is not None:
                self._since.add(exchange.identity)
            if self._failure is not None or exchange.size > self._room:
                self.lost += 1
                return
            self._room -= exchange.size
            self._waiting.append(exchange)
            if self._idle:
                self._changed.notify()

    def _take(self) -> list[Exchange]:
        """Waits for exchanges and returns them; empty after `close`."""
        with self._changed:
            # a run has hundreds a second: to wake for each of them costs the loop its turn every time
            self._changed.wait_for(lambda: self._closing, _COLLECT_SECONDS)
            while not self._waiting and not self._closing:
                self._idle = True
                self._changed.wait()
                self._idle = False
                self._changed.wait_for(lambda: self._closing, _COLLECT_SECONDS)
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def _write(self, file: BinaryIO) -> None:
        try:
            size = file.tell()
            while taken := self._take():
                written = 0
                for exchange in taken:
                    data = line(exchange, bodies=self._bodies)
                    if size and size + len(data) > self._size:
                        file = self._rotate(file)
                        size = 0
                    size += file.write(data)
                    written += exchange.size
                file.flush()
                with self._changed:
                    self._room += written
        except OSError as error:
            with self._changed:
                self._failure = error
                self.lost += len(self._waiting)
                self._waiting.clear()
        finally:
            with contextlib.suppress(OSError):  # the failure that matters is kept already
                file.close()

    def _rotate(self, file: BinaryIO) -> BinaryIO:
        file.close()
        names = [self.path, *(self.path.with_name(f"{self.path.name}.{each}") for each in range(1, self._older + 1))]
        for older, newer in zip(reversed(names), list(reversed(names))[1:], strict=False):
            if newer.exists():
                newer.replace(older)
        return _open(self.path)

    def _error(self, error: OSError) -> LogFailed:
        return LogFailed(f"{self.path}: cannot record: {reason(error)}. {remedy(error, 'Choose another file.')}")


def _open(path: Path) -> BinaryIO:
    """Opens for appending, for its owner only, on a line of its own. Raises OSError, also for another user's file."""
    real = resolved(path)
    descriptor = open_private(real, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor)
        check_owner(real, found, private=True)
        if found.st_mode & 0o077:
            with contextlib.suppress(OSError):  # of a file system that keeps its own modes
                os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    file = os.fdopen(descriptor, "a+b")
    if file.seekable() and file.tell():
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return file


def _check_existing(path: Path) -> None:
    """An existing file must be a recording: it is appended to, and renamed when it is full."""
    if not path.exists():
        return
    if not path.is_file():
        raise LogFailed(f"{path} is not a regular file. Choose another name for the recording.")
    with path.open("rb") as file:
        first = file.readline(_LONGEST_LINE)
    if first.strip() and not first.startswith(b'{"format":'):
        raise LogFailed(f"{path} is not a recording and was not changed. Choose another name.")


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark of a reader about the file."""

    text: str


class Reader:
    """Reads a recording while it grows: `read` returns what is new since the last call."""

    def __init__(self, path: Path, mask: Mask | None = None) -> None:
        self._path, self._mask = path, mask or Mask()
        self._file: BinaryIO | None = None
        self._rest = b""
        self._lines = 0
        self._skipping = False

    def read(self) -> Iterator[Exchange | Notice]:
        """Whole lines only: the last one may be half written. Raises `LogFailed` where there is no file."""
        if self._file is None:
            self._file = self._open()
        if self._is_shorter(self._file):
            yield from self._restart("it was truncated: it is read again from the start")
            self._file.seek(0)
        yield from self.lines(self._file)
        if self._is_another(self._file):
            yield from self._restart("it was replaced by another file, which is read now")
            self._file.close()
            self._file = self._open()
            yield from self.lines(self._file)

    def end(self) -> Iterator[Exchange | Notice]:
        """Returns a last line without a line break, and closes the file."""
        rest, self._rest = self._rest, b""
        if rest.strip():
            yield self._exchange(rest, "is truncated and was skipped")
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise LogFailed(f"{self._path}: {error.strerror or error}.") from error

    def _is_shorter(self, file: BinaryIO) -> bool:
        return file.seekable() and os.fstat(file.fileno()).st_size < file.tell()

    def _is_another(self, file: BinaryIO) -> bool:
        try:
            there, ours = self._path.stat(), os.fstat(file.fileno())
        except OSError:  # it is just being replaced, or gone for good
            return False
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _restart(self, why: str) -> Iterator[Exchange | Notice]:
        if self._rest.strip():
            yield self._exchange(self._rest, "is truncated and was skipped")
        self._rest, self._lines, self._skipping = b"", 0, False
        yield Notice(f"{self._path}: {why}")

    def lines(self, file: BinaryIO) -> Iterator[Exchange | Notice]:
        """What this file still holds, line by line; a last line without its end waits for more."""
        parts = [self._rest] if self._rest else []
        size = len(self._rest)
        self._rest = b""
        while chunk := file.read(_CHUNK):
            *ended, last = chunk.split(b"\n")
            for each in ended:
                whole, parts, size = b"".join((*parts, each)), [], 0
                self._lines += 1
                if whole.strip() and not self._skipping:
                    yield self._exchange(whole, "was skipped")
                self._skipping = False
            parts.append(last)
            size += len(last)
            if size > _LONGEST_LINE:
                yield Notice(f"{self._path}:{self._lines + 1}: longer than {_LONGEST_LINE // _MB} MB, and was skipped")
                parts, size, self._skipping = [], 0, True
        self._rest = b"".join(parts)

    def _exchange(self, data: bytes, left_out: str) -> Exchange | Notice:
        try:
            return read_line(data, self._mask)
        except BadRecord as error:
            number = self._lines + (left_out != "was skipped")
            return Notice(f"{self._path}:{number}: this line {left_out}: {error}")


def read(path: Path, mask: Mask | None = None) -> Iterator[Exchange | Notice]:
    """A recording from its beginning to its end; it may be compressed. Raises `LogFailed` where it cannot be read."""
    reader = Reader(path, mask)
    with open_log(path) as file:
        yield from reader.lines(file)
    yield from reader.end()
