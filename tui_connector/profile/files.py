"""Reads a profile's file without ever hanging, and writes it as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Literal

LARGEST = 1024 * 1024
"""Bytes; a larger file is no profile."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors put before UTF-8; it is no part of the text."""

TEMPORARY = ".tui-connector-"
"""How the name of a file begins that is still being written."""

_HINTS = {
    errno.EACCES: "You may not write there: save under another path, or ask for the right to.",
    errno.EPERM: "You may not write there: save under another path, or ask for the right to.",
    errno.EROFS: "That file system is read-only: save under another path.",
    errno.ENOSPC: "The disk is full: make room, then save again.",
    errno.EDQUOT: "Your quota is used up: make room, then save again.",
    errno.EFBIG: "The file system takes no file of this size.",
    errno.ELOOP: "The symbolic links lead in a circle.",
}


class ProfileUnreadable(Exception):
    """A profile's file that cannot be read as text: why, and what to do."""

    def __init__(self, path: Path, reason: str, hint: str, line: int | None = None) -> None:
        super().__init__(f"{path}{f':{line}' if line else ''}: {reason}")
        self.path = path
        self.reason = reason
        self.hint = hint
        self.line = line


class ProfileMissing(ProfileUnreadable):
    """There is no such file."""


class ChangedOnDisk(Exception):
    """The file is not what it was when it was read, so it was not overwritten."""

    def __init__(self, path: Path, how: Literal["changed", "appeared", "is gone"]) -> None:
        super().__init__(f"{path} {how} since it was read; it was not overwritten")
        self.path = path
        self.how = how
        self.hint = "Reload it, look at the difference, or overwrite it."


class CannotSave(Exception):
    """Writing failed; the file is as it was."""

    def __init__(self, path: Path, reason: str, hint: str) -> None:
        super().__init__(f"{path} could not be saved: {reason}")
        self.path = path
        self.reason = reason
        self.hint = hint


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file of at most `LARGEST` bytes; raises `ProfileUnreadable`."""
    try:
        if not stat.S_ISREG((found := os.stat(path)).st_mode):  # a FIFO or a device could hang when it is opened
            raise ProfileUnreadable(path, f"is {_what(found.st_mode)}, not a file", "Name a profile's file.")
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG((found := os.fstat(descriptor)).st_mode):
                raise ProfileUnreadable(path, f"is {_what(found.st_mode)}, not a file", "Name a profile's file.")
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise ProfileMissing(path, "there is no such file", "tui-connector profiles lists what there is.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ProfileUnreadable(path, reason, "Check the path and your right to read it.") from error
    if len(data) > LARGEST:
        raise ProfileUnreadable(path, "is larger than 1 MiB", "That is no profile: name another file.")
    return data


def as_text(path: Path, data: bytes) -> str:
    """`data` without a byte order mark, as text; raises `ProfileUnreadable` with the line that is not UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ProfileUnreadable(path, "is UTF-16, not UTF-8", "Save it as UTF-8 in your editor.", 1)
    try:
        return data.removeprefix(BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProfileUnreadable(path, "is not UTF-8", f"Save it as UTF-8; look at line {line}.", line) from error


def digest(data: bytes) -> str:
    """What `write_atomic` compares: the SHA-256 of a file's bytes."""
    return hashlib.sha256(data).hexdigest()


def write_atomic(path: Path, data: bytes, *, expect: str | None, overwrite: bool = False) -> None:
    """Put `data` in the place of what `path` holds, so that a reader sees the one or the other, whole.

    `expect` is the digest of what was read, None for a file that must not exist yet. A symbolic link stays, its target
    is written; the file keeps its mode and owner. A new file can be read by its owner only, and so can the directories
    that had to be made. Raises `ChangedOnDisk` (never with `overwrite`) and `CannotSave`.
    """
    try:
        real = Path(os.path.realpath(path))
        found = _found(real)
        if not overwrite:
            _check(path, found, expect)
        _make_directory(real.parent)
        _write(path, real, data, there=found is not None, overwrite=overwrite)
    except ProfileUnreadable as error:
        raise CannotSave(path, error.reason, error.hint) from error
    except (OSError, ValueError) as error:
        number = error.errno or 0 if isinstance(error, OSError) else 0
        reason = os.strerror(number) if number else str(error)
        raise CannotSave(path, reason, _HINTS.get(number, "The file is as it was. Try another path.")) from error


def check_unchanged(path: Path, expect: str | None) -> None:
    """Raises `ChangedOnDisk` where `write_atomic` would now. What else is wrong with the file is for that to say."""
    with contextlib.suppress(ProfileUnreadable, OSError, ValueError):
        _check(path, _found(Path(os.path.realpath(path))), expect)


def _check(path: Path, found: str | None, expect: str | None) -> None:
    if found != expect:
        raise ChangedOnDisk(path, "appeared" if expect is None else "changed" if found else "is gone")


def _found(real: Path) -> str | None:
    try:
        return digest(read_bytes(real))
    except ProfileMissing:
        return None


def _make_directory(directory: Path) -> None:
    missing = []
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for new in reversed(missing):
        new.mkdir(mode=0o700, exist_ok=True)


def _write(path: Path, real: Path, data: bytes, *, there: bool, overwrite: bool) -> None:
    kept = real.stat() if there else None
    if kept is not None and not os.access(real, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    temporary = real.with_name(f"{TEMPORARY}{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if kept is not None:
                if (kept.st_uid, kept.st_gid) != (os.geteuid(), os.fstat(descriptor).st_gid):
                    os.fchown(descriptor, kept.st_uid, kept.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(kept.st_mode))
            os.fsync(descriptor)
        if there or overwrite:
            os.replace(temporary, real)
        else:
            _link(path, temporary, real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(real.parent)


def _link(path: Path, temporary: Path, real: Path) -> None:
    """Give a new file its name, which a link never takes from another file."""
    try:
        os.link(temporary, real)
    except FileExistsError as error:
        raise ChangedOnDisk(path, "appeared") from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        try:  # a file system without hard links: take the name first, then the content
            os.close(os.open(real, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError as taken:
            raise ChangedOnDisk(path, "appeared") from taken
        os.replace(temporary, real)
    else:
        temporary.unlink()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _what(mode: int) -> str:
    names = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return names.get(stat.S_IFMT(mode), "a device")
