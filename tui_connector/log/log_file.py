"""Opens a log whatever it is: a recording, a HAR, or the history of a profile."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from ..client.exchange import Exchange
from ..secrets.mask import Mask
from . import har_reader, recording
from .history import History
from .json_fields import LogFailed
from .recording import Notice

_START = 4_096


def is_har(path: Path) -> bool:
    """Whether the file is to be read as a HAR: one JSON object with a log, in place of a line for each exchange.

    Raises `LogFailed` where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START)
    except OSError as error:
        raise LogFailed(f"{path}: {error.strerror or error}.") from error
    # without NUL and byte order marks, UTF-16 reads like ASCII here
    text = start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if text.startswith(b'{"format":'):
        return False
    return path.suffix.lower() == ".har" or (text.startswith(b"{") and b'"log"' in text)


def read(path: Path, mask: Mask | None = None) -> Iterator[Exchange | Notice]:
    """What is in a recording or a HAR, and what is wrong with it. Raises `LogFailed` for the whole file."""
    return har_reader.read(path, mask) if is_har(path) else recording.read(path, mask)


def past(state: Path, profile: Path) -> Iterator[Exchange | Notice]:
    """All that is kept of a profile's last sessions, oldest first. Raises `LogFailed`."""
    try:
        sessions = History(state, profile).sessions()
    except OSError as error:
        raise LogFailed(f"{profile}: its history cannot be read: {error.strerror or error}.") from error
    return chain.from_iterable(session.read() for session in reversed(sessions))
