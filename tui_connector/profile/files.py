"""Reads a profile's file without ever hanging; `files` writes it."""

from __future__ import annotations

from pathlib import Path

from ..files import NotRegular, TooLarge, read_regular, reason

LARGEST = 1024 * 1024
"""Bytes; a larger file is no profile."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors put before UTF-8; it is no part of the text."""


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


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file of at most `LARGEST` bytes; raises `ProfileUnreadable`."""
    try:
        return read_regular(path, LARGEST)
    except FileNotFoundError as error:
        if path.is_symlink():
            words = "is a link to a file that does not exist"
            raise ProfileMissing(path, words, "Correct the link, or delete it.") from error
        raise ProfileMissing(path, "there is no such file", "tui-connector profiles lists what there is.") from error
    except NotRegular as error:
        raise ProfileUnreadable(path, error.strerror or "", "Name a profile's file.") from error
    except TooLarge as error:
        raise ProfileUnreadable(path, "is larger than 1 MiB", "That is no profile: name another file.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ProfileUnreadable(path, reason(error), "Check the path and your right to read it.") from error


def as_text(path: Path, data: bytes) -> str:
    """`data` without a byte order mark, as text; raises `ProfileUnreadable` with the line that is not UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ProfileUnreadable(path, "is UTF-16, not UTF-8", "Save it as UTF-8 in your editor.", 1)
    try:
        return data.removeprefix(BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProfileUnreadable(path, "is not UTF-8", f"Save it as UTF-8; look at line {line}.", line) from error
