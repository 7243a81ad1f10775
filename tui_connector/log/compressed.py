"""Opens the file of a log, plain or compressed, and says in one sentence what a file is that is not a log."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO, cast

from .records import LogFailed

_MB = 1_000_000
MOST_DECOMPRESSED = 4_000 * _MB
"""Bytes: what a compressed file may grow to. A few kilobytes can claim to be terabytes."""

_GZIP, _BZIP2, _XZ, _ZIP, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"
_OTHER_FORMATS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x7fELF": "a program",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\xd4\xc3\xb2\xa1": "a packet capture",
    b"\n\r\r\n": "a packet capture",
}
_HEAD_BYTES = 4_096
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


def open_log(path: Path) -> BinaryIO:
    """The file's content, decompressed. Raises `LogFailed`; reading from it raises `LogFailed` where it is damaged."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a directory" if path.is_dir() else "not a regular file"
            raise LogFailed(f"{path}: {what}. Name a recording or a HAR; save what comes from a pipe to a file first.")
        file = path.open("rb")
    except OSError as error:
        raise LogFailed(f"{path}: {error.strerror or error}.") from error
    try:
        return _opened(path, file)
    except BaseException:
        file.close()
        raise


def _opened(path: Path, file: BinaryIO) -> BinaryIO:
    start = file.read(_HEAD_BYTES)
    file.seek(0)
    inner = _decompressor(path, file, start)
    if inner is None:
        _require_text(path, start)
        return file
    opened = _Decompressed(path, file, inner)
    try:
        _require_text(path, opened.first)
    except LogFailed:
        opened.close()
        raise
    return cast(BinaryIO, io.BufferedReader(opened, _MB))


def is_compressed(path: Path) -> bool:
    """Whether the file starts like one that `open_log` decompresses. False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_XZ)).startswith((_GZIP, _BZIP2, _XZ, _ZIP))
    except OSError:
        return False


def _decompressor(path: Path, file: BinaryIO, start: bytes) -> IO[bytes] | None:
    if start.startswith(_GZIP):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if start.startswith(_BZIP2):
        return bz2.BZ2File(file)
    if start.startswith(_XZ):
        return lzma.LZMAFile(file)
    if start.startswith(_ZIP):
        return _member(path, file)
    if start.startswith(_ZSTD):
        raise LogFailed(f"{path}: compressed with zstd, which is not supported. Decompress it first: zstd -d.")
    return None


def _member(path: Path, file: BinaryIO) -> IO[bytes]:
    """The one log in a ZIP archive."""
    try:
        archive = zipfile.ZipFile(file)
        members = [each for each in archive.infolist() if not each.is_dir()]
        logs = [each for each in members if each.filename.lower().endswith((".har", ".jsonl", ".json"))] or members
        if len(logs) != 1:
            names = ", ".join(each.filename for each in logs[:5]) or "nothing"
            raise LogFailed(f"{path}: the archive holds {names}. Extract the one to open, and name that file.")
        return archive.open(logs[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # RuntimeError: it wants a password
        raise LogFailed(f"{path}: the ZIP archive cannot be opened: {error}. Extract it first.") from error


def _require_text(path: Path, start: bytes) -> None:
    """Raises `LogFailed` where this is the start of a binary file."""
    kind = next((name for magic, name in _OTHER_FORMATS.items() if start.startswith(magic)), None)
    if kind is None and b"\0" in start and not start.startswith(_BYTE_ORDER_MARKS):
        kind = "a binary file"
    if kind is not None:
        raise LogFailed(f"{path}: {kind}, neither a recording (run --record) nor a HAR.")


class _Decompressed(io.RawIOBase):
    """What a decompressor gives, bounded, with its errors in our words."""

    def __init__(self, path: Path, file: BinaryIO, inner: IO[bytes]) -> None:
        self._path, self._file, self._inner = path, file, inner
        self._decompressed = 0
        self.first = self._next(_HEAD_BYTES)
        self._pending = self.first

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        room = memoryview(cast(bytearray, buffer))
        data, self._pending = (self._pending or self._next(len(room))), b""
        if len(data) > len(room):
            data, self._pending = data[: len(room)], data[len(room) :]
        room[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        try:
            data = self._inner.read(size)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
            why = "it is truncated" if isinstance(error, EOFError) else f"it is damaged: {error}"
            raise LogFailed(f"{self._path}: cannot be decompressed completely: {why}.") from error
        self._decompressed += len(data)
        if self._decompressed > MOST_DECOMPRESSED:
            raise LogFailed(f"{self._path}: more than {MOST_DECOMPRESSED // _MB:,} MB when decompressed.")
        return data

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            self._file.close()
        super().close()
