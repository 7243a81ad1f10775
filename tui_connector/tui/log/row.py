"""One exchange as one row of the list: more columns where there is more room."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from ...client.error_message import error_message
from ...client.exchange import Exchange, InFlight
from ...client.formatter import milliseconds, path_of
from ...text import shown_line
from .exchange_text import size

_GOOD, _BAD, _DIM, _MARK = Style(color="green"), Style(color="red"), Style(dim=True), Style(color="yellow", bold=True)
_SAID = 4_000  # bytes of a body that are read for the store's words
_WORDS = 24
"""Columns that the store's words need to be worth their place."""
_PATH = 44
"""Columns a path has before the words get any."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns fit; `path` and `words` are widths."""

    at: bool
    size: bool
    who: bool
    path: int
    words: int


def columns(width: int) -> Columns:
    """The columns for a list this wide."""
    has_at, has_size, has_who = width >= 78, width >= 72, width >= 60
    fixed = 2 + 7 + 7 + 7 + 8 + (9 if has_at else 0) + (8 if has_size else 0) + (6 if has_who else 0)
    room = width - fixed
    words = room - _PATH if room - _PATH >= _WORDS else 0
    return Columns(has_at, has_size, has_who, max(10, room - words), words)


def row(exchange: Exchange, of: Columns, *, selected: bool, marked: bool) -> list[Segment]:
    """Number, time, method, path, status with the attempt, time taken, size, who asked, and the store's words."""
    status = str(exchange.status) if exchange.status is not None else "✘"
    attempt = f"×{exchange.attempt}" if exchange.attempt > 1 else ""
    seconds = exchange.timings.total
    took = milliseconds(seconds) if seconds < 10 else f"{seconds:.1f} s"
    segments = [Segment("▸" if selected else " "), Segment("●", _MARK) if marked else Segment(" ")]
    segments.append(Segment(f"{f'#{exchange.number}':<6} "))
    if of.at:
        segments.append(Segment(f"{exchange.at:%H:%M:%S} ", _DIM))
    segments += [
        Segment(f"{shown_line(exchange.method, 6):<6} "),
        Segment(f"{_path(exchange.uri, of.path):<{of.path}} "),
        Segment(f"{status:>3}{attempt:<3}", _BAD if exchange.failed else _GOOD),
        Segment(f"{took:>7} ", _DIM),
    ]
    if of.size:
        segments.append(Segment(f"{size(exchange.body.size):>7} ", _DIM))
    if of.who:
        segments.append(Segment(f"{exchange.purpose:<5} ", _DIM))
    if of.words or not of.who:
        segments.append(Segment(shown_line(_words(exchange), 200)))
    return segments


def under_way(request: InFlight, of: Columns) -> list[Segment]:
    """A request that has no answer yet."""
    number = f"#{request.number}"
    at = " " * 9 if of.at else ""
    text = f"  {number:<6} {at}{shown_line(request.method, 6):<6} {_path(request.uri, of.path)}  …"
    return [Segment(text, _DIM)]


def _words(exchange: Exchange) -> str:
    if exchange.failed:
        return exchange.failure_text or error_message(exchange.body.data[:_SAID])
    return exchange.note


def _path(uri: str, room: int) -> str:
    path = shown_line(path_of(uri))
    if len(path) <= room:
        return path
    before, _, query = path.partition("?")
    if len(before) > room:
        return "…" + before[1 - room :]  # its end tells more than its beginning
    return path[: room - 1] + "…" if query else path
