"""Files and links that another user may have put where this program writes, to read or to redirect what it writes.

Linux refuses both itself where fs.protected_symlinks and fs.protected_regular are set
(https://docs.kernel.org/admin-guide/sysctl/fs.html), which containers and other systems often lack. All of it blocks.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_ROOT = 0


class PlantedFile(OSError):
    """A file or a link of another user, which is not written to."""

    def __init__(self, path: Path, what: str) -> None:
        # the advice about this number, to move it away or to choose another path, is right
        message = f"{what} belongs to another user, who could read or redirect what is written"
        super().__init__(errno.EEXIST, message, str(path))


def resolved(path: Path) -> Path:
    """The path without symbolic links; the file need not exist.

    Raises `PlantedFile` for a link of another user in a directory that everybody can write to. Links of root, and of
    the directory's owner, are followed.
    """
    _check_links(path)
    return Path(os.path.realpath(path))


def _check_links(path: Path) -> None:
    folder = "/" if path.is_absolute() else os.getcwd()
    parts = list(reversed(path.parts[1:] if path.is_absolute() else path.parts))
    followed = 0
    while parts:
        part = parts.pop()
        if part == os.pardir:
            folder = os.path.dirname(folder)
            continue
        each = os.path.join(folder, part)
        try:
            found = os.lstat(each)
            target = os.readlink(each) if stat.S_ISLNK(found.st_mode) else None
        except (OSError, ValueError):  # what is not there has no links, and writing reports everything else
            return
        if target is None:
            folder = each
            continue
        if (followed := followed + 1) > _MAX_LINKS:  # a loop
            return
        owner = os.stat(folder)
        if owner.st_mode & stat.S_IWOTH and found.st_uid not in (os.geteuid(), _ROOT, owner.st_uid):
            raise PlantedFile(Path(each), "the link")
        if os.path.isabs(target):
            folder = "/"
        parts += reversed([part for part in target.split("/") if part not in ("", os.curdir)])


_MAX_LINKS = 40
"""As many as Linux follows (path_resolution(7))."""


def check_owner(file: Path, found: os.stat_result, *, private: bool = False) -> None:
    """Raises `PlantedFile` for an existing file of another user, described by `found`, and OSError.

    That is one in a directory that everybody can write to; if `private`, wherever it is, as its owner could read it.
    A file that has the owner of its directory is accepted: root works for that user, or the file system has one owner.
    """
    if not stat.S_ISREG(found.st_mode):
        return
    me, folder = os.geteuid(), os.stat(file.parent)
    trusted = {me}
    if not private or me == _ROOT or folder.st_uid == _ROOT:
        trusted.add(folder.st_uid)
    if not private:
        trusted.add(_ROOT)
    if found.st_uid not in trusted and (private or folder.st_mode & stat.S_IWOTH):
        raise PlantedFile(file, "the file")
