"""Opens a log of any kind: a recording, a HAR (both also compressed), or the history of a profile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from ..client.exchange import Exchange
from ..secrets.mask import Mask
from . import har, recording
from .compressed import open_log
from .history import History
from .recording import Notice
from .records import LogFailed

_START = 4_096
_NOTICES = 3
"""How many unreadable lines are named one by one; the others are counted."""


def is_har(path: Path) -> bool:
    """Whether the file is to be read as a HAR: one JSON object with a log, instead of a line for each exchange.

    Raises `LogFailed` where it cannot be read.
    """
    with open_log(path) as file:
        start = file.read(_START)
    # without NUL and byte order marks, UTF-16 reads like ASCII here
    text = start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if text.startswith(b'{"format":'):
        return False
    named = path.name.lower().removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".zip")
    return named.endswith(".har") or (text.startswith(b"{") and b'"log"' in text)


def read(path: Path, mask: Mask | None = None) -> Iterator[Exchange | Notice]:
    """The exchanges of a recording or a HAR, and notices of unreadable parts. Raises `LogFailed` for the whole file."""
    return har.read(path, mask) if is_har(path) else _with_few_notices(path, recording.read(path, mask))


def _with_few_notices(path: Path, found: Iterator[Exchange | Notice]) -> Iterator[Exchange | Notice]:
    """The same with few notices: a file that is something else would have one for each of its lines."""
    notices = 0
    for each in found:
        if isinstance(each, Notice):
            notices += 1
            if notices > _NOTICES:
                continue
        yield each
    if notices > _NOTICES:
        yield Notice(f"{path}: {notices - _NOTICES} more lines were skipped: they are not recorded requests either")


def starts_over(exchange: Exchange, newest: Exchange) -> bool:
    """Whether a recording starts another session with this exchange, as each run that is appended counts from 1.

    `newest`: the one with the highest number before it. A request that only took longer was sent before that ended.
    """
    ended = newest.at + timedelta(seconds=newest.timings.total)
    return exchange.number <= newest.number and exchange.at >= ended


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What follows is of another session."""

    began: datetime


def read_history(state: Path, profile: Path, environment: str = "") -> Iterator[Exchange | Notice | SessionStart]:
    """The recorded sessions of a profile in an environment, oldest first. Raises `LogFailed`.

    Within a session, requests are in the order in which they ended.
    """
    try:
        sessions = History(state, profile, environment).sessions()
    except OSError as error:
        raise LogFailed(f"{profile}: its history cannot be read: {error.strerror or error}.") from error
    return chain.from_iterable(chain([SessionStart(each.began)], each.read()) for each in reversed(sessions))
