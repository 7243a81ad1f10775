"""Atomic, durable and private writes; private directories; locks.

All files of the program are written here: profiles, drafts, trust, refused logins, exports and so on. All functions
block on the disk: call them in a thread if an event loop is running.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

from .errors import UserError
from .planted_files import resolved

log = logging.getLogger(__name__)

T = TypeVar("T")

TEMPORARY = ".tui-connector-"
"""Prefix of the names of unfinished files."""
LOCK_WAIT = 30.0
"""Seconds to wait for another process that writes in the same directory: fsync can be slow."""

_TEMPORARY_NAME = re.compile(re.escape(TEMPORARY) + r"[0-9a-f]{16}\.tmp")
_POLL = 0.02
_LARGEST_COMPARED = 16 * 1024 * 1024
_NO_LOCKS = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Directories on NFS and some FUSE file systems cannot be locked."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS)
"""Errors of file systems and kernels without O_TMPFILE (open(2))."""

_REMEDIES = {
    errno.EACCES: "You do not have permission to write there: choose another path, or change its permissions.",
    errno.EPERM: "You do not have permission to write there: choose another path, or change its permissions.",
    errno.EROFS: "That file system is read-only: choose another path.",
    errno.ENOSPC: "The disk is full: free some space, then try again.",
    errno.EDQUOT: "Your disk quota is used up: free some space, then try again.",
    errno.EFBIG: "The file would exceed the largest size allowed (file system, or ulimit -f).",
    errno.ELOOP: "The symbolic links form a loop: correct them.",
    errno.ENOTDIR: "A part of the path is a file, not a directory: move that file away, or choose another path.",
    errno.EEXIST: "Something else has this name: move it away, or choose another path.",
    errno.EISDIR: "There is a directory of this name: choose another path.",
    errno.ENAMETOOLONG: "The name is too long: choose a shorter one.",
    errno.EIO: "The disk reports an error: check it, or choose a path on another one.",
    errno.ESTALE: "The network file system has lost this directory: mount it again.",
    errno.EMFILE: "This program has too many open files (ulimit -n).",
    errno.ENFILE: "Too many files are open on this computer.",
}


class FileFault(OSError):
    """A file that this program rejects, by `code`.

    "not-regular": the path is not a regular file but, for example, a pipe. "too-large": the file exceeds the limit for
    reading. "not-synced": the new content was written, but the disk did not confirm that it survives a power failure.
    """

    def __init__(self, code: Literal["not-regular", "too-large", "not-synced"], number: int, message: str, path: Path):
        super().__init__(number, message, str(path))
        self.code = code


def not_regular(path: Path, mode: int) -> FileFault:
    """The error for a path that is not a regular file, described by its `mode`."""
    names = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    found = names.get(stat.S_IFMT(mode), "a device")
    return FileFault("not-regular", errno.EINVAL, f"is {found}, not a file", path)


class LockTimeout(OSError):
    """Another process held the lock for too long."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.ETIMEDOUT, "another process has been writing there for too long", str(path))


class ChangedOnDisk(UserError):
    """The file changed after it was read, so it was not overwritten."""

    def __init__(self, path: Path, how: Literal["changed", "appeared", "is gone"]) -> None:
        is_new = how == "appeared"
        hint = "Choose another name." if is_new else "Look at the file, then repeat the change."
        what = "exists already" if is_new else f"{how} since it was read"
        super().__init__("file-changed", f"{path} {what}; it was not overwritten", hint)
        self.how = how


class CannotSave(UserError):
    """Writing failed; unless `hint` says otherwise, the file was not changed."""

    def __init__(self, path: Path, reason: str, hint: str) -> None:
        super().__init__("file-not-saved", f"{path} could not be saved: {reason}", hint)
        self.reason = reason


def reason(error: OSError | ValueError) -> str:
    """Why a file could not be used, as the operating system puts it."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def remedy(error: OSError | ValueError, otherwise: str = "Choose another path.") -> str:
    """What to do about it, in one or two sentences."""
    if isinstance(error, LockTimeout):
        return "Wait until it has finished, then try again."
    if isinstance(error, FileFault) and error.code == "not-synced":
        return "Check the disk, then save again."
    if (isinstance(error, FileFault) and error.code == "not-regular") or not isinstance(error, OSError):
        return otherwise
    return _REMEDIES.get(error.errno or 0, otherwise)


def described(error: OSError, hint: str = "") -> str:
    """Which file could not be used, why, and what to do about it."""
    return f"{reason(error)}: {error.filename}. {hint or remedy(error)}"


def state_remedy(error: OSError) -> str:
    """What to do about a file in the state directory, whose path the user does not choose."""
    hint = remedy(error, "Correct its path, or set XDG_STATE_HOME to another directory.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Make it writable, or set XDG_STATE_HOME to a directory that is."
    return re.sub(r"choose (another path|a path on another one)", "set XDG_STATE_HOME to another directory", hint)


# Reading


def digest(data: bytes) -> str:
    """What `write_atomic` compares: the SHA-256 of a file's bytes."""
    return hashlib.sha256(data).hexdigest()


def open_regular(path: Path) -> BinaryIO:
    """A regular file, opened for reading; never hangs.

    Raises OSError, `FileFault` among them, and ValueError for a path with a NUL in it.
    """
    if not stat.S_ISREG((found := os.stat(path)).st_mode):  # a FIFO or a device could hang when it is opened
        raise not_regular(path, found.st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG((found := os.fstat(descriptor)).st_mode):
        os.close(descriptor)
        raise not_regular(path, found.st_mode)
    return open(descriptor, "rb")


def read_regular(path: Path, largest: int | None = None) -> bytes:
    """The bytes of a regular file. Raises what `open_regular` raises, and `FileFault` if there are more."""
    with open_regular(path) as file:
        data = file.read(-1 if largest is None else largest + 1)
    if largest is not None and len(data) > largest:
        raise FileFault("too-large", errno.EFBIG, f"is larger than {largest:,} bytes", path)
    return data


def read_private(path: Path, largest: int | None = None) -> bytes:
    """As `read_regular`, for a file that no other user can have written.

    Raises PermissionError if it belongs to another user, or if its mode allows others to write to it.
    """
    check_private(path)
    return read_regular(path, largest)


def check_private(path: Path) -> None:
    """Raises PermissionError if another user owns this file or directory or may write to it, and OSError."""
    found = os.stat(path)
    if found.st_uid not in (os.geteuid(), 0):
        raise PermissionError(errno.EPERM, "belongs to another user", str(path))
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EPERM, "can be changed by other users", str(path))


# Directories


def make_private(directory: Path) -> None:
    """Creates the missing directories of this path, mode 0700 whatever the umask. Raises OSError."""
    missing = []
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for new in reversed(missing):
        try:
            new.mkdir(mode=0o700)
        except FileExistsError:
            if not new.is_dir():  # another process may have just created it
                raise
            continue
        new.chmod(0o700)  # a umask such as 0277 also restricts the owner
        _sync(new.parent)


def tighten(root: Path) -> str | None:
    """Removes other users' permissions from a directory of the program and its subdirectories; it need not exist.

    Returns a warning if others can write there and that cannot be changed. What cannot be examined is left to whoever
    uses it.
    """
    warnings = [_tighten(each) for each in (root, *_subdirectories(root))]
    return next(filter(None, warnings), None)


def _subdirectories(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            return [root / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _tighten(directory: Path) -> str | None:
    try:
        found = directory.stat()
    except OSError:
        return None
    open_to_others = stat.S_IMODE(found.st_mode) & 0o077
    if not open_to_others or not stat.S_ISDIR(found.st_mode):
        return None
    why = "the file system keeps its own modes"  # as on vfat
    try:
        directory.chmod(stat.S_IMODE(found.st_mode) & 0o700)
        open_to_others = directory.stat().st_mode & 0o077
    except OSError as error:
        why = reason(error)
    if not open_to_others & 0o022:  # those who may only look are no reason for a warning each time
        return None
    return f"Other users can write to {directory}, and its mode cannot be changed: {why}."


# Writing


def write_atomic(path: Path, data: bytes, *, expect: str | None, overwrite: bool = False) -> None:
    """Replaces the content of `path` with `data`; a reader sees either the old or the new content, never a part.

    `expect` is the digest of the content that was read, None for a file that must not exist yet. It is compared under
    a lock on the directory, before anything is written and again right before the file is replaced. A symbolic link
    is kept and its target written; of a file with several hard links, only this name gets the new content. The file
    keeps its mode and owner; new files and directories are private. A link of another user in a directory that
    everybody can write to is not followed. Raises `ChangedOnDisk` (never with `overwrite`)
    and `CannotSave`.
    """
    try:
        _write_atomic(path, data, expect, overwrite=overwrite)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        hint = remedy(error, "The file was not changed. Choose another path.")
        raise CannotSave(path, reason(error), hint) from error


def check_unchanged(path: Path, expect: str | None) -> None:
    """Raises `ChangedOnDisk` if `write_atomic` would do so now; other errors are left to that."""
    with contextlib.suppress(OSError, ValueError):
        _check_digest(path, Path(os.path.realpath(path)), expect)


def write_private(
    path: Path, data: bytes | Iterable[bytes], *, replace: bool = True, make_directory: bool = True
) -> None:
    """Writes a file of mode 0600 atomically and durably; the pieces of `data` one after the other.

    Raises FileExistsError if there is one already and `replace` is false, and OSError.
    """
    real = resolved(path)
    if make_directory:
        make_private(real.parent)
    with _directory(real.parent) as directory:
        _write(real, data, directory, replace=replace)


def update_private(path: Path, change: Callable[[bytes | None], bytes]) -> None:
    """Replaces a private file's content by `change(content)`, one process at a time; None is a file that is not there.

    Raises OSError, and what `change` raises.
    """
    real = resolved(path)
    make_private(real.parent)
    with _directory(real.parent) as directory:
        try:
            found: bytes | None = read_regular(real)
        except FileNotFoundError:
            found = None
        _write(real, change(found), directory, replace=True)


@contextlib.contextmanager
def new_private(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """A new file of mode 0600, opened for writing; it appears under its name once the block has ended without error.

    With `replace` in place of an earlier file. Otherwise raises FileExistsError if that name is taken, before the
    block or after it. Raises OSError.
    """
    if not replace and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with _directory(path.parent):
        temporary = _Temporary(path.parent)
    try:
        with open(temporary.descriptor, "wb", closefd=False) as file:
            yield file
        os.fsync(temporary.descriptor)
        if replace:
            temporary.replace(path)
        else:
            temporary.link(path)
    finally:
        temporary.close()
    _sync(path.parent)


def open_private(path: Path, flags: int) -> int:
    """A descriptor; the file is created with mode 0600 if necessary. Raises OSError."""
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _write_atomic(path: Path, data: bytes, expect: str | None, *, overwrite: bool) -> None:
    real = resolved(path)
    if not overwrite:
        _check_digest(path, real, expect)
    make_private(real.parent)
    with _directory(real.parent) as directory:
        if not overwrite:  # another process may have written it while this one waited
            _check_digest(path, real, expect)
        try:
            previous: os.stat_result | None = real.stat()
        except FileNotFoundError:
            previous = None
        if previous is not None and not os.access(real, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        check = None if overwrite else lambda: _check_digest(path, real, expect)
        try:
            _write(real, data, directory, replace=previous is not None or overwrite, previous=previous, check=check)
        except FileExistsError as error:
            raise ChangedOnDisk(path, "appeared") from error


def _check_digest(path: Path, real: Path, expect: str | None) -> None:
    try:
        found: str | None = digest(read_regular(real, _LARGEST_COMPARED))
    except FileNotFoundError:
        found = None
    if found != expect:
        raise ChangedOnDisk(path, "appeared" if expect is None else "changed" if found else "is gone")


def _write(
    real: Path,
    data: bytes | Iterable[bytes],
    directory: int | None,
    *,
    replace: bool,
    previous: os.stat_result | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Writes `data` to an unnamed file which then, after a last `check`, becomes `real`."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG((found := os.stat(real)).st_mode):
            raise not_regular(real, found.st_mode)
    temporary = _Temporary(real.parent)
    try:
        for piece in [data] if isinstance(data, bytes) else data:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(temporary.descriptor, rest) :]
        if previous is not None:
            if (previous.st_uid, previous.st_gid) != (os.geteuid(), os.fstat(temporary.descriptor).st_gid):
                os.fchown(temporary.descriptor, previous.st_uid, previous.st_gid)
            os.fchmod(temporary.descriptor, stat.S_IMODE(previous.st_mode))
        os.fsync(temporary.descriptor)
        if check is not None:
            check()
        if replace:
            temporary.replace(real)
        else:
            temporary.link(real)
    finally:
        temporary.close()
    if directory is not None:
        try:
            _sync_descriptor(directory)
        except OSError as error:
            message = f"it was written, but the disk did not confirm it ({error.strerror})"
            raise FileFault("not-synced", error.errno or 0, message, real) from error


class _Temporary:
    """A file that is being written. It has no name yet, so that a killed process leaves nothing behind.

    If the file system does not support that, it has a temporary name, and the next writer in the directory removes it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._name: Path | None = None
        try:
            self.descriptor = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in _NO_UNNAMED:
                raise
            self.descriptor = self._named()
        with contextlib.suppress(OSError):  # whatever the umask; some file systems have no modes
            os.fchmod(self.descriptor, 0o600)

    def link(self, path: Path) -> None:
        """Gives it an unused name. Raises FileExistsError."""
        try:
            self._link(path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # a file system without hard links: take the name first, then the content
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            try:
                self.replace(path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def replace(self, path: Path) -> None:
        """Gives it this name, replacing the file that had it."""
        if self._name is None:
            self._take_name()
        assert self._name is not None
        os.replace(self._name, path)
        self._name = None

    def close(self) -> None:
        os.close(self.descriptor)
        if self._name is not None:
            self._name.unlink(missing_ok=True)

    def _link(self, path: Path) -> None:
        if self._name is not None:
            os.link(self._name, path)
            return
        try:
            # only with a descriptor does Python call linkat, which follows the link in /proc (open(2), O_TMPFILE)
            os.link(f"/proc/self/fd/{self.descriptor}", path, src_dir_fd=self.descriptor, follow_symlinks=True)
        except FileNotFoundError:  # no /proc
            self._take_name()
            self._link(path)

    def _take_name(self) -> None:
        name = self._new_name()
        try:
            os.link(f"/proc/self/fd/{self.descriptor}", name, src_dir_fd=self.descriptor, follow_symlinks=True)
            self._name = name
        except OSError as error:
            if error.errno not in (*_NO_LINKS, errno.ENOENT):
                raise
            unnamed, self.descriptor = self.descriptor, self._named()
            with open(unnamed, "rb") as source:
                source.seek(0)
                while data := source.read(1 << 20):
                    os.write(self.descriptor, data)
                found = os.fstat(unnamed)
                os.fchmod(self.descriptor, stat.S_IMODE(found.st_mode))
                if (found.st_uid, found.st_gid) != (os.geteuid(), os.fstat(self.descriptor).st_gid):
                    os.fchown(self.descriptor, found.st_uid, found.st_gid)
            os.fsync(self.descriptor)

    def _named(self) -> int:
        self._name = self._new_name()
        try:
            descriptor = os.open(self._name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            self._name = None
            raise
        with contextlib.suppress(OSError):  # held while it is being written: see _remove_temporaries
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor

    def _new_name(self) -> Path:
        return self._directory / f"{TEMPORARY}{os.urandom(8).hex()}.tmp"


# Locks


@contextlib.contextmanager
def locked(path: Path, wait: float = LOCK_WAIT) -> Iterator[None]:
    """Holds the lock file `path`, exclusively among processes and threads. Raises `LockTimeout` and OSError."""
    for descriptor in _attempts(lambda: try_lock(path), wait):
        if descriptor is not None:
            try:
                yield
            finally:
                os.close(descriptor)
            return
    log.warning("the lock %s is held by another process", path)
    raise LockTimeout(path)


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock until it is closed; None if another one holds it. Raises OSError.

    The kernel releases the lock when the process ends, however it ends. The file is kept: if it were removed, two
    processes could hold a lock of the same name.
    """
    make_private(path.parent)
    descriptor = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def _directory(directory: Path) -> Iterator[int | None]:
    """Locks a directory for one writer, and removes what killed writers left. Raises `LockTimeout`.

    Yields its descriptor; None for a directory that can be written but not read.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        yield None
        return
    try:
        if _lock(descriptor, directory):
            _remove_temporaries(directory)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> bool:
    """Waits for the lock; False if the file system cannot lock directories."""

    def attempt() -> bool | None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return False
            raise
        return True

    for is_locked in _attempts(attempt, LOCK_WAIT):
        if is_locked is not None:
            return is_locked
    raise LockTimeout(directory)


def _attempts(attempt: Callable[[], T], wait: float) -> Iterator[T]:
    for _ in range(max(1, round(wait / _POLL))):
        yield attempt()
        time.sleep(_POLL)


def _remove_temporaries(directory: Path) -> None:
    """Removes those without a lock: they were left by a process that was killed."""
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if _TEMPORARY_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_temporary(entry)


def _remove_temporary(entry: os.DirEntry[str]) -> None:
    if entry.stat(follow_symlinks=False).st_uid != os.geteuid():
        return
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(entry.path)
    finally:
        os.close(descriptor)


def _sync(directory: Path) -> None:
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # it can be written but not read
        return
    try:
        _sync_descriptor(descriptor)
    finally:
        os.close(descriptor)


def _sync_descriptor(directory: int) -> None:
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP):  # this file system cannot sync directories
            raise
