"""An output file that is appended to, and can be resumed from a durable position; never another program's file."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import zlib
from pathlib import Path

from pydantic import BaseModel, ValidationError

from ..errors import UserError
from ..templates import Json
from .output_path import open_regular
from .sink import ForeignOutput, SinkChanged, SinkError, SinkMissing, check_not_moved

_TAIL_BYTES = 4_096
"""Bytes before a position that must not have changed."""

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)


class _Position(BaseModel):
    """The durable size of the file, the CRC-32 of the end of it, and its device and inode."""

    bytes: int
    tail: int
    file: tuple[int, int]


class OutputFile:
    """The file at `path`, opened for one run; `SinkContext.output` has resolved symbolic links."""

    def __init__(self, path: Path, position: Json, known: Json, closed: Json = None) -> None:
        """Resumes at `position`; if that is None, starts over if the file is new, empty, or matches `known`.

        `closed`: the position at the end of the last run; None if that run was killed, so that the data after its last
        position is its own.

        Raises `SinkError`, `SinkMissing` if that position does not exist, and `SinkChanged` if another program has
        appended to the file. When starting over, the first `sync` truncates the file.
        """
        self._path = path
        self._file = _open(path)
        self._new = True
        try:
            self._check_unchanged_since_close(
                _parse_position(closed), [_parse_position(position), _parse_position(known)]
            )
            self._durable = (
                self._start_over(_parse_position(known))
                if position is None
                else self._resume(_parse_position(position))
            )
        except BaseException:
            os.close(self._file)
            raise
        self._end = self._durable
        self._is_synced = position is not None
        self._size = os.fstat(self._file).st_size
        """The size of the file, unless another program writes to it."""
        self._tail_bytes = (
            os.pread(self._file, _TAIL_BYTES, max(0, self._end - _TAIL_BYTES)) if self._is_synced else b""
        )
        """The bytes expected before the end; empty if the file is about to be truncated."""

    def write(self, data: bytes) -> None:
        """Appends `data`, not yet durable."""
        assert self._is_synced, "sync comes before the first write"
        left = memoryview(data)
        try:
            self._check_unmodified()
            while left:
                written = os.pwrite(self._file, left, self._end)
                self._tail_bytes = (self._tail_bytes + left[:written][-_TAIL_BYTES:])[-_TAIL_BYTES:]
                self._end += written
                self._size = self._end
                left = left[written:]
        except OSError as error:
            raise _write_error(self._path, error) from error

    def sync(self) -> dict[str, Json]:
        """Makes the written data durable, and truncates the file after it; returns the position to resume from."""
        try:
            self._check_unmodified()
            os.ftruncate(self._file, self._end)
            self._size, self._is_synced = self._end, True
            os.fsync(self._file)
            if self._new:
                _sync_directory(self._path)
                self._new = False
            status = os.fstat(self._file)
            check_not_moved(self._path, status)
            tail = zlib.crc32(self._tail_bytes)
        except OSError as error:
            raise _write_error(self._path, error) from error
        self._durable = self._end
        return {"bytes": self._durable, "tail": tail, "file": [status.st_dev, status.st_ino]}

    def close(self) -> None:
        """Truncates the file to the durable size, and closes it."""
        if self._file < 0:
            return
        try:
            if self._end > self._durable and not self._is_modified():
                os.ftruncate(self._file, self._durable)
            os.close(self._file)
        except OSError:  # the next run truncates it
            pass
        finally:
            self._file = -1

    def _is_modified(self) -> bool:
        """Whether another program has written to the file since it was opened."""
        if os.fstat(self._file).st_size != self._size:
            return True
        return self._tail_bytes != os.pread(self._file, len(self._tail_bytes), self._end - len(self._tail_bytes))

    def _check_unmodified(self) -> None:
        """Raises `SinkChanged` if another program has written to the file, as writing further would destroy data."""
        if self._is_modified():
            raise SinkChanged(
                f"{self._path} was changed by another program while the run was writing to it",
                hint=f"The first {self._durable} bytes were written by this configuration. Restore them and remove "
                "the rest, then run again; or move the file away and start over with --full.",
            )

    def _check_unchanged_since_close(self, closed: _Position | None, recorded: list[_Position | None]) -> None:
        """Raises `SinkChanged` if this is the file of an earlier run, and has changed since it was closed."""
        size = os.fstat(self._file).st_size
        positions = [each for each in recorded if each is not None]
        if closed is None or not size or not any(map(self._is_own, [closed, *positions])):
            return
        unchanged = size == closed.bytes and self._is_own(closed)
        # a run that was killed right after it opened the file has truncated it already
        if not unchanged and size not in [each.bytes for each in positions]:
            raise SinkChanged(
                f"{self._path} has {size} bytes, but this configuration wrote {closed.bytes}: "
                "another program has changed it",
                hint=f"It was not changed. Remove what was added (the first {closed.bytes} bytes must be as they "
                "were), then run again; or move the file away and start over with --full.",
            )

    def _start_over(self, known: _Position | None) -> int:
        if not self._is_own(known):
            path = self._path
            raise ForeignOutput(
                f"{path} already exists and was not written by this configuration",
                "It was not changed. Choose another file, or move or empty this one.",
                str(path),
                lambda position: _has_written(path, position),
            )
        return 0

    def _resume(self, position: _Position | None) -> int:
        if position is None:
            raise SinkMissing(f"The recorded position in {self._path} cannot be read", hint="Start over with --full.")
        empty = not os.fstat(self._file).st_size
        if (empty and position.bytes) or not self._is_own(position):
            what = "is gone or empty" if empty else "no longer has the content that earlier runs wrote"
            raise SinkMissing(
                f"{self._path} {what}",
                hint="Put the file back, or start over with --full.",
            )
        os.ftruncate(self._file, position.bytes)
        return position.bytes

    def _is_own(self, position: _Position | None) -> bool:
        status = os.fstat(self._file)
        if position is None or not status.st_size:
            return not status.st_size
        if not position.bytes:  # killed before its first step was recorded
            return (status.st_dev, status.st_ino) == position.file
        return position.bytes <= status.st_size and self._tail(position.bytes) == position.tail

    def _tail(self, end: int) -> int:
        length = min(end, _TAIL_BYTES)
        return zlib.crc32(os.pread(self._file, length, end - length))


def _has_written(path: Path, position: Json) -> bool:
    """Whether the file begins with what a run that recorded this position has written."""
    recorded = _parse_position(position)
    if recorded is None or not recorded.bytes:
        return False
    with open(path, "rb") as file:
        file.seek(max(0, recorded.bytes - _TAIL_BYTES))
        tail = file.read(min(recorded.bytes, _TAIL_BYTES))
        return os.fstat(file.fileno()).st_size >= recorded.bytes and zlib.crc32(tail) == recorded.tail


def _parse_position(position: Json) -> _Position | None:
    try:
        return _Position.model_validate(position)
    except ValidationError:
        return None


def _open(path: Path) -> int:
    try:
        if path.exists() and not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            raise SinkError(
                f"{path} is not a regular file", hint='For a pipe, use the sink "stdout" and the shell\'s redirection.'
            )
        file = open_regular(path, os.O_RDWR | os.O_CREAT)
    except SinkError:
        raise
    except UserError as error:
        raise SinkError(error.message, error.hint) from error
    except OSError as error:
        raise _write_error(path, error) from error
    except ValueError as error:  # a null character
        raise SinkError(f"{str(path)!r} is not a valid path: {error}", hint="Correct it.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise SinkError(
            f"Another run is writing {path}", "Wait until it has finished, or choose another file."
        ) from error
    except OSError:  # a file system without locks: the ledger has one of its own
        pass
    return file


def check_can_write(path: Path, *, creates_folder: bool) -> None:
    """Raises `SinkError` if the file at this path can be neither written nor created. Changes nothing; blocks.

    `creates_folder`: whether the folders that it lacks are created, too.
    """
    if path.is_dir():
        raise _write_error(path, OSError(errno.EISDIR, ""))
    folder = path.parent
    while creates_folder and not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise _write_error(path, OSError(errno.ENOENT, ""))
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise _write_error(path, OSError(errno.EACCES, os.strerror(errno.EACCES)))


def _sync_directory(path: Path) -> None:
    directory = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _write_error(path: Path, error: OSError) -> SinkError:
    if error.errno == errno.EISDIR:
        return SinkError(f"{path} is a folder", hint="Choose a file in it.")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return SinkError(f"The folder of {path} does not exist", hint="Create it, or correct the path.")
    if error.errno in _NO_SPACE:
        what = "it has reached the maximum size" if error.errno == errno.EFBIG else "the disk is full"
        return SinkError(
            f"{path} cannot grow: {what}",
            hint="What was recorded is safe: free some space, then run again to resume.",
        )
    if error.errno in _NO_PERMISSION:
        return SinkError(
            f"{path} cannot be written: {_os_message(error)}", hint="Check its permissions and its folder's."
        )
    return SinkError(f"{path} cannot be written: {_os_message(error)}")


def _os_message(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
